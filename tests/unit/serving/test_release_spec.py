"""What a release may say, which versions follow from it, and what is refused."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from modelyard.platform.gateway_features import features_of
from modelyard.serving.autoscaling_spec import AutoscalingSpec, TargetSpec
from modelyard.serving.model_spec import ModelChangeSpec, ModelSpec
from modelyard.serving.release_rules import release_problems
from modelyard.serving.release_spec import (
    AbTestSpec,
    AbVariantSpec,
    BlueGreenSpec,
    CanarySpec,
    PreviewSpec,
    ReleaseSpec,
    ShadowSpec,
    VariantSpec,
)
from modelyard.serving.route_spec import RouteSpec
from modelyard.serving.spec import ModelServiceSpec
from modelyard.serving.variants import Variant, variant_name_problems
from modelyard.serving.verify_spec import VerifyRequestSpec, VerifySpec
from modelyard.workspace.place import Place
from tests.support.clusters import POOLS
from tests.support.problems import said_of
from tests.unit.serving.test_spec import OWN, VLLM, on, own

ROUTED = replace(OWN, route=RouteSpec(), replicas=4)
NEXT = "registry.example.org/fraud:4.3.0"
SCALED = AutoscalingSpec(min_replicas=2, max_replicas=6, target=TargetSpec(cpu_percent=60))
VERIFY = VerifySpec(requests=[VerifyRequestSpec(path="/v1/models")])


def released(spec: ModelServiceSpec = ROUTED, **release: Any) -> ModelServiceSpec:
    return replace(spec, release=ReleaseSpec(**release))


def canary(**fields: Any) -> ReleaseSpec:
    given: dict[str, Any] = {"image": NEXT, **fields}
    return ReleaseSpec(canary=CanarySpec(**given))


def ab_test(sticky_seconds: int | None = None, **variants: AbVariantSpec) -> ReleaseSpec:
    return ReleaseSpec(ab_test=AbTestSpec(variants=variants, sticky_seconds=sticky_seconds))


def blue_green(**fields: Any) -> ReleaseSpec:
    given: dict[str, Any] = {"green": VariantSpec(image=NEXT), **fields}
    return ReleaseSpec(blue_green=BlueGreenSpec(**given))


def problems(spec: ModelServiceSpec) -> list[tuple[str, str]]:
    return said_of(spec) or on(spec)


def image_of(variant: Variant) -> object:
    container = variant.spec.runtime.container
    assert container
    return container.image


def shares(found: Sequence[Variant]) -> dict[str, int]:
    return {each.label: each.weight_percent for each in found}


def sizes(found: Sequence[Variant]) -> dict[str, tuple[int, int]]:
    return {each.label: (each.spec.min_replicas, each.spec.max_replicas) for each in found}


class TestVersions:
    def test_a_plain_service_has_one(self) -> None:
        (only,) = ROUTED.variants
        assert (only.label, only.is_live, only.weight_percent) == ("main", True, 100)
        assert ReleaseSpec().kinds == []
        assert len(released(verify=VERIFY).variants) == 1

    def test_a_canary_has_its_share_and_pods_for_it(self) -> None:
        main, other = replace(ROUTED, release=canary(weight_percent=30)).variants
        assert (main.weight_percent, other.weight_percent) == (70, 30)
        assert (image_of(main), image_of(other)) == ("registry.example.org/fraud:4.2.0", NEXT)
        assert sizes([main, other]) == {"main": (4, 4), "canary": (2, 2)}
        assert other.name_of("fraud") == "fraud-canary"
        assert main.is_live
        assert not other.is_live

    @pytest.mark.parametrize(("percent", "replicas"), [(0, 1), (1, 1), (25, 1), (26, 2), (100, 4)])
    def test_it_has_as_many_pods_as_its_share_needs(self, percent: int, replicas: int) -> None:
        _, other = replace(ROUTED, release=canary(weight_percent=percent)).variants
        assert other.spec.min_replicas == replicas

    def test_its_number_of_pods_can_be_given(self) -> None:
        _, other = replace(ROUTED, release=canary(weight_percent=10, replicas=3)).variants
        assert sizes([other]) == {"canary": (3, 3)}

    def test_with_autoscaling_it_begins_with_its_share(self) -> None:
        scaled = replace(ROUTED, replicas=None, autoscaling=SCALED, release=canary(weight_percent=60))
        assert sizes(scaled.variants) == {"main": (2, 6), "canary": (2, 6)}

    def test_promoted_it_is_the_service_itself(self) -> None:
        promoted = replace(ROUTED, release=canary(weight_percent=50, promote=True))
        (only,) = promoted.variants
        moved = replace(ROUTED, runtime=own(image=NEXT))
        (plain,) = moved.variants
        assert (only.label, only.is_live, only.weight_percent) == ("main", True, 100)
        assert only.spec == plain.spec, "to move its fields into the service changes nothing any more"

    def test_blue_and_green_are_both_at_full_size(self) -> None:
        scaled = replace(ROUTED, replicas=None, autoscaling=SCALED, release=blue_green())
        assert sizes(scaled.variants) == {"main": (2, 6), "green": (6, 6)}
        switched = replace(scaled, release=blue_green(live="green"))
        assert sizes(switched.variants) == {"main": (6, 6), "green": (2, 6)}

    def test_the_live_one_gets_all(self) -> None:
        blue, green = replace(ROUTED, release=blue_green(preview=PreviewSpec(path="/next"))).variants
        assert (blue.is_live, blue.weight_percent, blue.preview) == (True, 100, None)
        assert (green.is_live, green.weight_percent) == (False, 0)
        assert green.preview == PreviewSpec(path="/next")
        assert (blue.name_of("fraud"), green.name_of("fraud")) == ("fraud-blue", "fraud-green")
        blue, green = replace(ROUTED, release=blue_green(live="green")).variants
        assert (blue.is_live, green.is_live) == (False, True)

    def test_variants_share_and_the_service_has_the_rest(self) -> None:
        tested = ab_test(a=AbVariantSpec(image=NEXT, weight_percent=20), b=AbVariantSpec(header={"x-b": "1"}))
        assert shares(replace(ROUTED, release=tested).variants) == {"main": 80, "a": 20, "b": 0}

    def test_a_shadow_gets_copies_and_no_share(self) -> None:
        main, shadow = released(shadow=ShadowSpec(image=NEXT, percent=25)).variants
        assert (main.weight_percent, shadow.weight_percent, shadow.mirror_percent) == (100, 0, 25)


class TestChanges:
    def test_a_new_revision_is_the_same_model(self) -> None:
        spec = replace(VLLM, route=RouteSpec(), release=canary(image=None, model=ModelChangeSpec(revision="b1c2d3e")))
        _, other = spec.variants
        assert other.spec.model == ModelSpec(huggingface="Qwen/Qwen2.5-7B-Instruct", revision="b1c2d3e")

    def test_another_source_is_another_model(self) -> None:
        model = ModelSpec(huggingface="a/b", revision="1", token_secret="hf", size_gib=15)
        change = ModelChangeSpec(huggingface="a/c")
        _, other = replace(VLLM, model=model, route=RouteSpec(), release=canary(image=None, model=change)).variants
        assert other.spec.model == ModelSpec(huggingface="a/c")

    def test_clients_ask_for_it_by_the_same_name(self) -> None:
        change = ModelChangeSpec(huggingface="a/c")
        main, other = replace(VLLM, route=RouteSpec(), release=canary(image=None, model=change)).variants
        name = main.spec.model_name("chat")
        assert "--served-model-name=Qwen/Qwen2.5-7B-Instruct" in other.spec.server("chat", name).args
        assert not any("served-model-name" in str(each) for each in main.spec.server("chat").args)

    def test_variables_are_added_and_replaced(self) -> None:
        spec = replace(ROUTED, env={"A": "1", "B": "1"}, release=canary(env={"B": "2", "C": "2"}))
        assert spec.variants[1].spec.env == {"A": "1", "B": "2", "C": "2"}

    def test_a_whole_runtime_takes_the_place(self) -> None:
        spec = replace(ROUTED, release=canary(image=None, runtime=own(port=9000)))
        assert spec.variants[1].spec.runtime == own(port=9000)


@pytest.mark.parametrize(
    "near",
    [
        replace(ROUTED, release=ReleaseSpec()),
        released(verify=VERIFY),
        replace(ROUTED, release=canary()),
        replace(ROUTED, release=canary(weight_percent=100)),
        replace(OWN, release=blue_green()),
        replace(ROUTED, release=blue_green(preview=PreviewSpec(header={"x-preview": "1"}))),
        replace(ROUTED, release=ab_test(a=AbVariantSpec(weight_percent=60), b=AbVariantSpec(weight_percent=40))),
        replace(
            ROUTED,
            release=ab_test(a=AbVariantSpec(header={"x-a": "1"}), b=AbVariantSpec(header={"x-a": "2"})),
        ),
        released(shadow=ShadowSpec(image=NEXT)),
    ],
)
def test_what_can_work_is_accepted(near: ModelServiceSpec) -> None:
    assert problems(near) == []


WITHOUT_ROUTE = "out the requests at a gateway, and no route leads from one; add route: {}, or use blue_green"
A, B = AbVariantSpec(weight_percent=60), AbVariantSpec(weight_percent=41)


@pytest.mark.parametrize(
    ("spec", "path", "message"),
    [
        (
            released(canary=CanarySpec(image=NEXT), shadow=ShadowSpec(image=NEXT)),
            "release.shadow",
            "is given beside canary; remove one of them: a service has one release at a time",
        ),
        (
            replace(OWN, release=canary()),
            "release.canary",
            f"a canary shares {WITHOUT_ROUTE}",
        ),
        (
            released(OWN, shadow=ShadowSpec(image=NEXT)),
            "release.shadow",
            f"a shadow shares {WITHOUT_ROUTE}",
        ),
        (
            replace(ROUTED, release=ab_test(a=A, b=B)),
            "release.ab_test.variants",
            "the shares of a, b make 101 percent; lower them to 100 together; what is left is the service's",
        ),
        (
            replace(ROUTED, release=ab_test(a=AbVariantSpec(header={"x": "1"}), b=AbVariantSpec(header={"X": "1"}))),
            "release.ab_test.variants.b",
            "has the rule of a: one gets all of them; give one of them another header or cookie",
        ),
        (
            replace(ROUTED, release=ab_test(a=AbVariantSpec(image=NEXT))),
            "release.ab_test.variants.a",
            "no request would reach it; give weight_percent, header or cookie",
        ),
        (
            replace(ROUTED, release=ab_test(main=A)),
            "release.ab_test.variants.main",
            "main is the service as it is written; choose another name, or change the service",
        ),
        (
            replace(ROUTED, release=canary(runtime=own())),
            "release.canary.image",
            "is given beside runtime, which has one; move it into the runtime",
        ),
        (
            replace(ROUTED, release=blue_green(preview=PreviewSpec())),
            "release.blue_green.preview",
            "says of no request that it is meant; give path, header or cookie",
        ),
        (
            replace(ROUTED, release=blue_green(preview=PreviewSpec(path="/next", header={"x": "1"}))),
            "release.blue_green.preview.path",
            "is given beside header or cookie; remove one of them",
        ),
        (
            replace(ROUTED, release=canary(pool="h200")),
            "release.canary.pool",
            "'h200' is not a pool of this stack",
        ),
        (
            replace(VLLM, route=RouteSpec(), release=canary(image=None, gpus=3, pool="h100")),
            "release.canary.gpus",
            "3 does not divide",
        ),
        (
            replace(VLLM, route=RouteSpec(), release=canary(image=None, model=ModelChangeSpec(folder="a"))),
            "release.canary.model.folder",
            "has a meaning with volume",
        ),
    ],
)
def test_what_cannot_work_is_refused_with_the_place(spec: ModelServiceSpec, path: str, message: str) -> None:
    (found,) = problems(spec)
    assert found[0] == path
    assert message in found[1]


def of_shadow(replicas: int) -> ReleaseSpec:
    return ReleaseSpec(shadow=ShadowSpec(image=NEXT, replicas=replicas))


def of_variant(replicas: int) -> ReleaseSpec:
    return ab_test(b=AbVariantSpec(image=NEXT, weight_percent=10, replicas=replicas))


def of_canary(replicas: int) -> ReleaseSpec:
    return canary(replicas=replicas)


@pytest.mark.parametrize(
    ("release", "path"),
    [(of_canary, "canary"), (of_shadow, "shadow"), (of_variant, "ab_test.variants.b")],
)
def test_a_version_begins_below_the_ceiling_of_autoscaling(release: Callable[[int], ReleaseSpec], path: str) -> None:
    scaled = replace(ROUTED, replicas=None, autoscaling=SCALED)
    why = "7 is above autoscaling.max_replicas 6, which each version has for itself"
    assert said_of(replace(scaled, release=release(7))) == [
        (f"release.{path}.replicas", f"{why}; lower it, or raise autoscaling.max_replicas")
    ]
    assert said_of(replace(scaled, release=release(6))) == []
    assert said_of(replace(ROUTED, release=release(7))) == []


def test_versions_have_room_beside_each_other() -> None:
    room = POOLS["l4"].max_nodes
    alone = replace(VLLM, route=RouteSpec(), replicas=room - 1)
    assert problems(alone) == []
    (found,) = problems(replace(alone, release=canary(image=None, env={"A": "1"}, replicas=1)))
    pods = f"{room - 1} of main, 1 of canary take at least {room + 1} nodes, an update's included"
    assert found == (
        "release",
        f"{pods}, and pool l4 has {room}; raise the pool's max_nodes, or give the others fewer replicas",
    )
    fewer = replace(alone, replicas=room - 2, release=canary(image=None, env={"A": "1"}, replicas=1))
    assert problems(fewer) == []


def test_what_the_service_has_wrong_is_said_once() -> None:
    spec = replace(VLLM, gpus=3, pool="h100", route=RouteSpec(), release=canary(image=None, env={"A": "1"}))
    assert [path for path, _ in problems(spec)] == ["gpus"]


def test_names_made_from_a_variants_are_not_too_long() -> None:
    spec = replace(ROUTED, release=ab_test(challenger=AbVariantSpec(weight_percent=10)))
    assert not list(variant_name_problems("chat", "a" * 27, spec))
    (found,) = variant_name_problems("chat", "a" * 28, spec)
    assert found.path == "release.ab_test.variants.challenger"


@pytest.mark.parametrize(
    ("release", "class_", "path"),
    [
        (ReleaseSpec(shadow=ShadowSpec(percent=5)), "traefik", "release.shadow"),
        (canary(cookie={"beta": "yes"}), "gke", "release.canary.cookie"),
        (ab_test(a=AbVariantSpec(cookie={"beta": "yes"})), "other", "release.ab_test.variants.a.cookie"),
        (
            ab_test(a=AbVariantSpec(weight_percent=5), sticky_seconds=3600),
            "gke",
            "release.ab_test.sticky_seconds",
        ),
        (blue_green(preview=PreviewSpec(cookie={"a": "1"})), "gke", "release.blue_green.preview.cookie"),
    ],
)
def test_what_a_gateway_does_not_do_is_refused(release: ReleaseSpec, class_: str, path: str) -> None:
    assert [each.path for each in release_problems(release, features_of(class_))] == [path]
    assert not list(release_problems(release, features_of("envoy")))


def test_a_preview_at_a_gateway_needs_one() -> None:
    release = blue_green(preview=PreviewSpec(path="/next"))
    assert [each.path for each in release_problems(release, None)] == ["release.blue_green.preview"]
    assert not list(release_problems(blue_green(), None))


def test_a_new_version_is_verified_in_a_pod_of_its_own() -> None:
    room = POOLS["l4"].max_nodes
    full = replace(VLLM, replicas=room, surge=0)
    assert problems(full) == []
    (found,) = problems(replace(full, release=ReleaseSpec(verify=VERIFY)))
    assert found[0] == "release.verify"
    assert not problems(replace(full, replicas=room - 1, release=ReleaseSpec(verify=VERIFY)))


def test_a_server_of_grpc_is_not_verified() -> None:
    grpc = replace(OWN, runtime=own(protocol="grpc", ready_path=None))
    assert problems(grpc) == []
    assert [path for path, _ in problems(replace(grpc, release=ReleaseSpec(verify=VERIFY)))] == ["release.verify"]


def test_a_place_is_needed_for_each() -> None:
    unknown = replace(ROUTED, release=ReleaseSpec(verify=replace(VERIFY, pool="h200")))
    assert [each.path for each in unknown.problems_on(Place(pools=POOLS))] == ["release.verify.pool"]
