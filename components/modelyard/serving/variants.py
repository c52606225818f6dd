"""The versions of a service that run beside each other, worked out from its release. Imports no Pulumi package."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from modelyard.cluster.pools import Pool
from modelyard.errors import Problem
from modelyard.kube.names import name_problems
from modelyard.serving.automatic_rules import automatic_name_problems
from modelyard.serving.model_spec import changed_model
from modelyard.serving.prefill_spec import PREFILL, prefill_proxy
from modelyard.serving.release_spec import (
    MAIN,
    AbTestSpec,
    BlueGreenSpec,
    CanarySpec,
    PartVariantSpec,
    PreviewSpec,
    ReleaseSpec,
    ShadowSpec,
    VariantSpec,
)
from modelyard.serving.request_match import RequestMatchSpec
from modelyard.serving.words import Role
from modelyard.spec import rule_problems

if TYPE_CHECKING:
    from modelyard.serving.spec import ModelServiceSpec

ALL_PERCENT = 100


@dataclass(frozen=True, kw_only=True)
class Variant:
    """One version of a service, or its pods that only read prompts.

    Attributes:
        label: the value of the label `modelyard.dev/variant`, by which its pods are found.
        service_suffix: what follows the service's name in the name of a Service for these pods alone; empty where the
            service's own Service is that.
        spec: the whole of it, without release and route.
        path: where it stands in the service's spec, for messages; empty for the service itself.
        is_live: whether requests inside of the cluster come to it by the service's name.
        weight_percent: its share of the requests at the gateway that no rule decides.
        match: requests at the gateway that are all its own.
        preview: how requests at the gateway reach it while it is not live.
        mirror_percent: how many of the requests are copied to it.
    """

    label: str = MAIN
    service_suffix: str = ""
    spec: "ModelServiceSpec"
    path: str = ""
    is_live: bool = False
    weight_percent: int = 0
    match: RequestMatchSpec | None = None
    preview: PreviewSpec | None = None
    mirror_percent: int = 0

    @property
    def is_main(self) -> bool:
        """Whether it is the service as it is written."""
        return self.label == MAIN

    @property
    def role(self) -> Role | None:
        """The part of each request that its servers do; None for all of it."""
        if self.label == PREFILL:
            return "prefill"
        return "decode" if self.spec.prefill else None

    def name_of(self, service: str) -> str:
        """The name of the Service that leads to its pods alone."""
        return f"{service}-{self.service_suffix}" if self.service_suffix else service


def variants(service: "ModelServiceSpec") -> Sequence[Variant]:
    """The versions that run, that of the service itself first."""
    release = service.release or ReleaseSpec()
    # A picker knows the pods of one version, and refuses releases that have several.
    own = replace(service, release=None, route=None, prefill=None if release.kinds else service.prefill)
    canary, blue_green, ab_test, shadow = release.canary, release.blue_green, release.ab_test, release.shadow
    if canary and canary.promote:
        return [Variant(spec=_resolved(own, canary), is_live=True, weight_percent=ALL_PERCENT, path="release.canary")]
    if canary:
        return list(_canary(own, canary))
    if blue_green:
        return list(_blue_green(own, blue_green))
    if ab_test:
        return list(_ab_test(own, ab_test))
    if shadow:
        return list(_shadow(own, shadow))
    if own.prefill:
        own = replace(own, sidecars=[*own.sidecars, prefill_proxy()])
    return [Variant(spec=own, is_live=True, weight_percent=ALL_PERCENT)]


def _canary(own: "ModelServiceSpec", canary: CanarySpec) -> Iterator[Variant]:
    yield Variant(spec=own, is_live=True, weight_percent=ALL_PERCENT - canary.weight_percent)
    yield Variant(
        label="canary",
        service_suffix="canary",
        spec=_part(own, canary, canary.weight_percent),
        path="release.canary",
        weight_percent=canary.weight_percent,
        match=canary,
    )


def _blue_green(own: "ModelServiceSpec", blue_green: BlueGreenSpec) -> Iterator[Variant]:
    colours = {
        "blue": (MAIN, "", own),
        "green": ("green", "release.blue_green.green", _resolved(own, blue_green.green)),
    }
    for colour, (label, path, spec) in colours.items():
        is_live = colour == blue_green.live
        yield Variant(
            label=label,
            service_suffix=colour,
            spec=spec if is_live else _at_full_size(spec),
            path=path,
            is_live=is_live,
            weight_percent=ALL_PERCENT if is_live else 0,
            preview=None if is_live else blue_green.preview,
        )


def _ab_test(own: "ModelServiceSpec", ab_test: AbTestSpec) -> Iterator[Variant]:
    others = ab_test.variants
    left_percent = ALL_PERCENT - sum(other.weight_percent for other in others.values())
    yield Variant(spec=own, is_live=True, weight_percent=left_percent)
    for name, other in others.items():
        yield Variant(
            label=name,
            service_suffix=name,
            spec=_part(own, other, other.weight_percent),
            path=f"release.ab_test.variants.{name}",
            weight_percent=other.weight_percent,
            match=other,
        )


def _shadow(own: "ModelServiceSpec", shadow: ShadowSpec) -> Iterator[Variant]:
    yield Variant(spec=own, is_live=True, weight_percent=ALL_PERCENT)
    yield Variant(
        label="shadow",
        service_suffix="shadow",
        spec=_part(own, shadow, shadow.percent),
        path="release.shadow",
        mirror_percent=shadow.percent,
    )


_TAKEN_OVER = ("pool", "gpus", "cpus", "memory_gib")


def _resolved(own: "ModelServiceSpec", change: VariantSpec) -> "ModelServiceSpec":
    """The service with that change."""
    runtime = change.runtime or own.runtime
    block = runtime.chosen
    if change.image and block:
        runtime = replace(runtime, **{block.NAME: block.with_image(change.image)})
    model = changed_model(own.model, change.model) if change.model else own.model
    taken = {name: value for name in _TAKEN_OVER if (value := getattr(change, name)) is not None}
    return replace(own, **taken, runtime=runtime, model=model, env={**own.env, **change.env})


def _part(own: "ModelServiceSpec", change: PartVariantSpec, percent: int) -> "ModelServiceSpec":
    """The service with that change, for a part of its requests; at least one replica, so that it can be asked."""
    spec = _resolved(own, change)
    replicas = change.replicas or max(1, math.ceil(own.min_replicas * percent / ALL_PERCENT))
    if not own.autoscaling:
        return replace(spec, replicas=replicas)
    most = max(replicas, own.autoscaling.max_replicas)
    return replace(spec, autoscaling=replace(own.autoscaling, min_replicas=replicas, max_replicas=most))


def _at_full_size(spec: "ModelServiceSpec") -> "ModelServiceSpec":
    """With as many replicas as the load may ask for in the moment of the switch."""
    if not spec.autoscaling:
        return spec
    return replace(spec, autoscaling=replace(spec.autoscaling, min_replicas=spec.autoscaling.max_replicas))


def variant_name_problems(workspace: str, name: str, service: "ModelServiceSpec") -> Iterator[Problem]:
    """Names that would be made for the other versions and are too long; paths are relative to the service."""
    yield from automatic_name_problems(workspace, name, service)
    for variant in service.parts:
        if variant.service_suffix:
            yield from (
                problem.under(variant.path or "release") for problem in name_problems(workspace, variant.name_of(name))
            )


def variant_problems(service: "ModelServiceSpec") -> Iterator[Problem]:
    """What is wrong with the other versions, beyond what is wrong with the service itself."""
    if not service.release or len(service.release.kinds) > 1:
        return
    known = set(rule_problems(replace(service, release=None)))
    for variant in variants(service):
        if variant.path:
            found = (problem for problem in rule_problems(variant.spec) if problem not in known)
            yield from (problem.under(variant.path) for problem in found)


def only_in(variant: Variant, found: Iterable[Problem], known: Iterable[Problem]) -> Iterator[Problem]:
    """The problems of a version that the service itself has not, at its place."""
    seen = set(known)
    yield from (problem.under(variant.path) for problem in found if problem not in seen)


def nodes_problems(all_variants: Sequence[Variant], pools: Mapping[str, Pool]) -> Iterator[Problem]:
    """Versions that do not fit beside each other. Each of them alone is known to fit."""
    for pool in pools.values():
        on_pool = [each for each in all_variants if each.spec.pool == pool.name]
        if len(on_pool) < 2:
            continue
        shares = [(each.spec, each.spec.resources_on(pool).per_node(pool) / each.spec.nodes) for each in on_pool]
        if any(not per_node for _, per_node in shares):
            continue
        most = sum(spec.max_replicas / per_node for spec, per_node in shares)
        least = sum(spec.min_replicas / per_node for spec, per_node in shares)
        surge = max(spec.surge / per_node for spec, per_node in shares)
        nodes = math.ceil(round(max(most, least + surge), 6))
        if nodes > pool.max_nodes:
            listed = ", ".join(
                f"{spec.max_replicas} of {each.label}" for each, (spec, _) in zip(on_pool, shares, strict=True)
            )
            why = (
                f"{listed} take at least {nodes} nodes, an update's included, and pool {pool.name} has {pool.max_nodes}"
            )
            path = on_pool[-1].path if on_pool[-1].role else "release"
            yield Problem(path=path, why=why, fix="raise the pool's max_nodes, or give the others fewer replicas")
