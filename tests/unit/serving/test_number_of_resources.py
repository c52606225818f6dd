"""How many resources a service registers, the component itself counted: docs/adr/0002 and docs/serving.md say them."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from modelyard.cluster.pools import resolve_pool
from modelyard.cluster.spec import PoolSpec
from modelyard.cluster.traits import ClusterTraits
from modelyard.foresight.service_objects import service_objects
from modelyard.observability.monitoring import Monitoring
from modelyard.observability.spec import MetricsSpec
from modelyard.platform.gateway import Gateway
from modelyard.platform.gateway_spec import GatewaySpec
from modelyard.platform.kserve import KServe
from modelyard.platform.priorities import Priorities
from modelyard.serving.adapter_spec import AdapterSpec
from modelyard.serving.argo_rollouts import ArgoRollouts
from modelyard.serving.automatic_spec import AnalysisSpec
from modelyard.serving.autoscaling_spec import AutoscalingSpec, TargetSpec
from modelyard.serving.keda import Keda
from modelyard.serving.model_service import ModelService
from modelyard.serving.model_source_spec import ModelCacheSpec
from modelyard.serving.model_spec import ModelChangeSpec, ModelSpec
from modelyard.serving.prefill_spec import PrefillSpec
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
from modelyard.serving.route_access_spec import ApiKeysSpec
from modelyard.serving.route_spec import RouteSpec
from modelyard.serving.route_traffic_spec import RateLimitSpec
from modelyard.serving.spec import ModelServiceSpec
from modelyard.workspace.container_spec import SidecarSpec
from modelyard.workspace.spec import SecretSpec, VolumeSpec, WorkspaceSpec
from modelyard.workspace.workspace import Workspace
from tests.support.clusters import bare_cluster
from tests.support.gpu_pools import EKS
from tests.support.mocks import run
from tests.unit.serving.test_automatic_spec import AUTOMATIC
from tests.unit.serving.test_release_spec import VERIFY
from tests.unit.serving.test_spec import OWN, vllm

TYPE = "modelyard:serving:ModelService"
POOLS = {
    "l4": resolve_pool("l4", PoolSpec(accelerator="l4", max_nodes=40)),
    "claimed": resolve_pool(
        "claimed", PoolSpec(accelerator="l4", device_allocation="dra", gpus_per_node=1, max_nodes=40), source=EKS
    ),
    "system": resolve_pool("system", PoolSpec(cpus=16, memory_gib=64, max_nodes=3)),
}
ENVOY, GKE = GatewaySpec(), GatewaySpec(class_="gke")
MODEL = ModelSpec(huggingface="Qwen/Qwen3-8B", revision="9c925d64")
NEXT = ModelChangeSpec(revision="b968826d")
PLAIN = ModelServiceSpec(pool="l4", gpus=1, model=MODEL, runtime=vllm())
SERVICE = replace(
    PLAIN,
    autoscaling=AutoscalingSpec(min_replicas=2, max_replicas=6, target=TargetSpec(queued_requests=4)),
    route=RouteSpec(path="/chat"),
    # What is in pods costs nothing.
    adapters={"style": AdapterSpec(huggingface="team/style")},
    sidecars=[SidecarSpec(image="registry.example.org/audit:1.0.0")],
)
IMAGE = "registry.example.org/vllm:1.0.0"
AB = AbVariantSpec(image=IMAGE, weight_percent=10)
RELEASES: Mapping[str, tuple[ReleaseSpec, int]] = {
    "rolling": (ReleaseSpec(), 7),
    "canary": (ReleaseSpec(canary=CanarySpec(image=IMAGE, weight_percent=10)), 10),
    "canary, promoted": (ReleaseSpec(canary=CanarySpec(image=IMAGE, promote=True)), 7),
    "shadow": (ReleaseSpec(shadow=ShadowSpec(image=IMAGE)), 10),
    "A/B": (ReleaseSpec(ab_test=AbTestSpec(variants={"b": AB}, sticky_seconds=60)), 10),
    "A/B/C": (ReleaseSpec(ab_test=AbTestSpec(variants={"b": AB, "c": AB})), 13),
    "blue-green": (
        ReleaseSpec(blue_green=BlueGreenSpec(green=VariantSpec(image=IMAGE), preview=PreviewSpec(path="/next"))),
        12,
    ),
    "automatic": (ReleaseSpec(automatic=replace(AUTOMATIC, analysis=AnalysisSpec(success_percent=99))), 10),
}
"""Each with autoscaling, metrics, a route and a verification."""
KEYS = ApiKeysSpec(clients={"shop": "key"})
LIMIT = RateLimitSpec(requests_per_minute=60)
CACHED = replace(MODEL, cache=ModelCacheSpec(volume="kept"))
OPTIONS: Mapping[str, tuple[dict[str, Any], int]] = {
    "who may use the route": ({"route": RouteSpec(source_cidrs=["192.0.2.0/24"])}, 1),
    "who may use it, by keys": ({"route": RouteSpec(api_keys=KEYS)}, 2),
    "how it treats requests": ({"route": RouteSpec(rate_limit=LIMIT)}, 1),
    "a cache": ({"model": CACHED}, 1),
    "room for more": ({"spare_replicas": 1}, 1),
    "all": ({"route": RouteSpec(api_keys=KEYS, rate_limit=LIMIT), "model": CACHED, "spare_replicas": 1}, 5),
}
"""What each adds to a service, of whatever release."""


def registered(specs: Mapping[Any, ModelServiceSpec], gateway: GatewaySpec = ENVOY) -> dict[Any, list[str]]:
    """The types of what each of these services registers, itself included."""

    def program() -> None:
        cluster = bare_cluster(POOLS, ClusterTraits(gateway_classes={"internal": "gke-l7-rilb"}))
        workspace = Workspace(
            "chat",
            cluster,
            WorkspaceSpec(
                secrets={"key": SecretSpec(from_="config/key")},
                volumes={"kept": VolumeSpec(size_gib=100, shared=True, storage_class="nfs")},
            ),
            priorities=Priorities("priorities", cluster, {}, with_spare=True),
        )
        shared: dict[str, Any] = {
            "monitoring": Monitoring("monitoring", cluster, MetricsSpec()),
            "gateway": Gateway("gateway", cluster, gateway),
            "keda": Keda("keda", cluster),
            "kserve": KServe("kserve", cluster),
            "argo_rollouts": ArgoRollouts("argo-rollouts", cluster),
        }
        for number, spec in enumerate(specs.values()):
            ModelService(f"s{number}", workspace, spec, **shared)

    recorded = run(program, secrets={"modelyard:key": "hidden"})
    urns = {each.name: each.urn for each in recorded.of(TYPE)}
    return {
        key: [
            each.type.rsplit(":", 1)[1]
            for each in recorded.registrations
            if urns[f"chat-s{number}"] in (each.urn, each.parent)
        ]
        for number, key in enumerate(specs)
    }


def numbers(specs: Mapping[Any, ModelServiceSpec], gateway: GatewaySpec = ENVOY) -> dict[Any, int]:
    return {key: len(types) for key, types in registered(specs, gateway).items()}


def verified(name: str, **changes: Any) -> ModelServiceSpec:
    release, _ = RELEASES[name]
    return replace(SERVICE, release=replace(release, verify=VERIFY), **changes)


def test_the_plainest_registers_four() -> None:
    plain = {"vllm": PLAIN, "an image of one's own": OWN, "by KServe": replace(PLAIN, backend="kserve")}
    assert numbers(plain) == dict.fromkeys(plain, 4)


def test_a_release_with_all_that_moves_with_it() -> None:
    expected = {name: number for name, (_, number) in RELEASES.items()}
    assert numbers({name: verified(name) for name in RELEASES}) == expected
    assert max(number for name, number in expected.items() if name != "A/B/C") == 12


def test_an_option_costs_the_same_whatever_the_release() -> None:
    each_alone = ("rolling", "blue-green")
    pairs = [(release, name) for release in RELEASES for name in OPTIONS if release in each_alone or name == "all"]
    expected = {(release, name): RELEASES[release][1] + OPTIONS[name][1] for release, name in pairs}
    assert numbers({(release, name): verified(release, **OPTIONS[name][0]) for release, name in pairs}) == expected
    assert expected["rolling", "all"] == 12, "one version with all options"


def test_on_gke_each_service_of_a_route_has_two_policies_and_a_picker_is_three() -> None:
    picked = RouteSpec(balance="kv_cache")
    specs = {
        **{name: verified(name) for name in ("rolling", "canary", "blue-green")},
        "picker": verified("rolling", route=picked),
        "prefill": verified("rolling", route=picked, adapters={}, prefill=PrefillSpec()),
    }
    assert numbers(specs, GKE) == {
        "rolling": 7 + 2, "canary": 10 + 2 * 2, "blue-green": 12 + 2 * 2, "picker": 7 + 2 + 3, "prefill": 7 + 2 + 3 + 2
    }  # fmt: skip


def test_on_envoy_a_picker_is_four() -> None:
    picked = verified("rolling", route=RouteSpec(balance="kv_cache"))
    assert numbers({"picker": picked}, GatewaySpec(pickers=True)) == {"picker": 7 + 4}


def test_each_version_whose_devices_are_claimed_has_a_template() -> None:
    specs = {release: verified(release, pool="claimed") for release in ("rolling", "canary")}
    assert numbers(specs) == {"rolling": 7 + 1, "canary": 10 + 2}


def test_versions_of_one_model_share_the_job_that_fills_its_cache() -> None:
    specs = {
        model: replace(SERVICE, model=CACHED, release=ReleaseSpec(canary=CanarySpec(image=IMAGE, model=model)))
        for model in (None, NEXT)
    }
    assert {model: types.count("Job") for model, types in registered(specs).items()} == {None: 1, NEXT: 2}


@pytest.mark.parametrize("gateway", [ENVOY, GKE])
def test_the_plan_foresees_them(gateway: GatewaySpec) -> None:
    # Cookies by variant and steps are no matter of GKE's load balancers.
    names = [name for name in RELEASES if gateway is ENVOY or name not in {"A/B", "automatic"}]
    route = RouteSpec(api_keys=KEYS, rate_limit=LIMIT) if gateway is ENVOY else RouteSpec()
    specs = {name: verified(name, model=CACHED, spare_replicas=1, route=route) for name in names}
    for name, types in registered(specs, gateway).items():
        foreseen = Counter(
            kind
            for variant in specs[name].variants
            for kind in service_objects(specs[name], variant, gateway, has_policies=True, is_monitored=True)
        )
        assert Counter(types) == foreseen + Counter(["ModelService"]), name
