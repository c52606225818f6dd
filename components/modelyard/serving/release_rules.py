"""The rules that a release, its service and the gateway make together. Imports no Pulumi package."""

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

from modelyard.errors import Problem
from modelyard.platform.gateway_features import GatewayFeatures
from modelyard.serving.automatic_rules import service_automatic_problems
from modelyard.serving.release_spec import PartVariantSpec, ReleaseSpec
from modelyard.serving.request_match import RequestMatchSpec, match_problems
from modelyard.serving.variants import ALL_PERCENT, variant_problems
from modelyard.serving.verify_spec import room_problems, server_problems
from modelyard.workspace.place import Place

if TYPE_CHECKING:
    from modelyard.serving.spec import ModelServiceSpec


def release_problems(release: ReleaseSpec | None, gateway: GatewayFeatures | None) -> Iterator[Problem]:
    """Why a release cannot work behind this gateway. Paths begin with `release`.

    Args:
        release: of one service, if it has one.
        gateway: what the gateway can do; None where there is none.
    """
    if not release:
        return
    if not gateway:
        if release.blue_green and release.blue_green.preview:
            fix = "leave it out: inside of the cluster both have a name"
            yield Problem(path="release.blue_green.preview", why="is for requests at a gateway", fix=fix)
        return
    for path, match in _matches(release):
        if match.cookie:
            yield from gateway.refuse("header_patterns", f"{path}.cookie", "choose by cookies")
    if release.shadow:
        yield from gateway.refuse("mirror", "release.shadow", "copy requests")
        if release.shadow.percent < ALL_PERCENT and gateway.can("mirror"):
            yield from gateway.refuse("mirror_percent", "release.shadow.percent", "copy a share of the requests")
    if release.ab_test and release.ab_test.sticky_seconds:
        path = "release.ab_test.sticky_seconds"
        yield from gateway.refuse("response_headers_by_backend", path, "set a cookie by variant")


def service_release_problems(service: "ModelServiceSpec") -> Iterator[Problem]:
    """What is wrong with a service's release, as far as that needs no pool and no gateway."""
    release = service.release
    if not release:
        return
    if release.needs_route and not service.route:
        why = f"a {release.kinds[0]} shares out the requests at a gateway, and no route leads from one"
        yield Problem(path=f"release.{release.kinds[0]}", why=why, fix="add route: {}, or use blue_green")
    yield from service_automatic_problems(service)
    yield from _ceiling_problems(service, release)
    container = service.runtime.container
    is_grpc = bool(container and container.protocol == "grpc")
    yield from (problem.under("release.verify") for problem in server_problems(release.verify, is_grpc=is_grpc))
    taken = service.route.header if service.route else dict[str, str]()
    for path, match in _matches(release):
        yield from (problem.under(path) for problem in match_problems(match, taken))
    yield from variant_problems(service)


def _ceiling_problems(service: "ModelServiceSpec", release: ReleaseSpec) -> Iterator[Problem]:
    """Versions that begin with more replicas than autoscaling may ever have of one."""
    if not service.autoscaling:
        return
    most = service.autoscaling.max_replicas
    for path, part in _parts(release):
        if part.replicas is not None and part.replicas > most:
            why = f"{part.replicas} is above autoscaling.max_replicas {most}, which each version has for itself"
            fix = "lower it, or raise autoscaling.max_replicas"
            yield Problem(path=f"{path}.replicas", why=why, fix=fix)


def beside_problems(service: "ModelServiceSpec", place: Place) -> Iterator[Problem]:
    """Pods of a service that run beside each other, each alone of its version, and would wait for one volume."""
    verify = service.release.verify if service.release else None
    pods = [(variant.label, variant.spec) for variant in service.parts]
    if verify and service.is_replaced_in_place:
        own = pods[0][1]
        pods[:1] = [("the service", own), ("its verification", own)]
    users: dict[str, list[str]] = {}
    pools: set[str] = set()
    for label, spec in pods:
        pools.add(spec.pool)
        for volume in dict.fromkeys(spec.unshared_volumes(place).values()):
            users.setdefault(volume, []).append(label)
    is_one_node = len(pools) == 1 and all(place.pools[pool].max_nodes == 1 for pool in pools)
    for volume, labels in users.items():
        if len(labels) > 1 and not is_one_node:
            why = f"volume {volume} can be on one node at a time, and pods of {' and '.join(labels)} mount it at once"
            path = "release" if service.release else service.parts[-1].path
            yield Problem(path=path, why=why, fix=f"set shared: true on volume {volume}")


def verify_problems_on(service: "ModelServiceSpec", place: Place) -> Iterator[Problem]:
    """Why a service without other problems cannot be verified there."""
    verify = service.release.verify if service.release else None
    if not verify:
        return
    found = list(verify.problems_on(place))
    if service.is_replaced_in_place:
        own, *others = (variant.spec for variant in service.parts)
        pool = place.pools[own.pool]
        taken = sum(
            each.max_replicas / each.resources_on(pool).per_node(pool) for each in others if each.pool == own.pool
        )
        room = math.floor(own.resources_on(pool).per_node(pool) * (pool.max_nodes - taken))
        found += room_problems(verify, replicas=own.min_replicas, room=room, pool=pool)
    yield from (problem.under("release.verify") for problem in found)


def _parts(release: ReleaseSpec) -> Iterator[tuple[str, PartVariantSpec]]:
    """The versions for a part of the requests, each with its path."""
    if release.canary:
        yield "release.canary", release.canary
    if release.shadow:
        yield "release.shadow", release.shadow
    if release.ab_test:
        for name, variant in release.ab_test.variants.items():
            yield f"release.ab_test.variants.{name}", variant


def _matches(release: ReleaseSpec) -> Iterator[tuple[str, RequestMatchSpec]]:
    if release.canary:
        yield "release.canary", release.canary
    if release.blue_green and release.blue_green.preview:
        yield "release.blue_green.preview", release.blue_green.preview
    if release.ab_test:
        for name, variant in release.ab_test.variants.items():
            yield f"release.ab_test.variants.{name}", variant
