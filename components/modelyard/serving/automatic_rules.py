"""The rules that an automatic release, its service and the stack make together. Imports no Pulumi package."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from modelyard.errors import Problem
from modelyard.kube.names import name_problems
from modelyard.platform.gateway_spec import ENVOY, GatewaySpec
from modelyard.platform.kserve_kind import KSERVE
from modelyard.serving.automatic_spec import AutomaticSpec
from modelyard.workspace.place import Place

if TYPE_CHECKING:
    from modelyard.serving.spec import ModelServiceSpec

STABLE_SUFFIX = "stable"
"""What follows a service's name in the name of the Service for the present version."""
NEXT_SUFFIX = "next"
"""The same for the version that is tried, and the value of its pods' label `modelyard.dev/variant`."""
_PATH = "release.automatic"


def automatic_of(service: "ModelServiceSpec") -> AutomaticSpec | None:
    """The service's automatic release, if it has one."""
    return service.release.automatic if service.release else None


def needs_argo_rollouts(services: Iterable["ModelServiceSpec"]) -> bool:
    """Whether Argo Rollouts has to be there for one of these services."""
    return any(automatic_of(each) for each in services)


def counts_at_gateway(services: Iterable["ModelServiceSpec"]) -> bool:
    """Whether the analysis of one of these services asks for what the gateway counts."""
    return any(
        automatic.analysis and automatic.analysis.success_percent
        for each in services
        if (automatic := automatic_of(each))
    )


def service_automatic_problems(service: "ModelServiceSpec") -> Iterator[Problem]:
    """Why a service cannot be released so, as far as that needs no pool and no stack."""
    automatic, chosen = automatic_of(service), service.runtime.chosen
    if not automatic:
        return
    if not service.route:
        why = "moves shares of the requests at a gateway, and no route leads from one"
        yield Problem(path=_PATH, why=why, fix="add route: {}, or use blue_green")
    if service.spans_nodes:
        why = "replaces pods by pods, and the service's replicas are groups of pods"
        yield Problem(path=_PATH, why=why, fix="use canary or blue_green")
    if service.backend == KSERVE:
        why = "replaces pods that it makes by itself, and KServe makes those of backend kserve"
        yield Problem(path=_PATH, why=why, fix="use canary or blue_green, or leave backend out")
    if service.autoscaling and not service.min_replicas:
        why = "tries a version on requests, and of a service without a pod there would be nothing to try"
        yield Problem(path=_PATH, why=why, fix="set autoscaling.min_replicas: 1, or remove it")
    wanted = automatic.analysis and automatic.analysis.latency_seconds
    if wanted and chosen and not chosen.LOAD_METRICS.latency:
        why = f"runtime {chosen.NAME} has no metric of it"
        fix = "use success_percent behind a gateway of class envoy, or a prometheus query"
        yield Problem(path=f"{_PATH}.analysis.latency_seconds", why=why, fix=fix)


def automatic_problems_on(service: "ModelServiceSpec", place: Place) -> Iterator[Problem]:
    """Why a service without other problems cannot be released so there: both versions run at full size at the end."""
    if not automatic_of(service):
        return
    own, pool = service.variants[0].spec, place.pools[service.variants[0].spec.pool]
    room, needed = own.resources_on(pool).per_node(pool) * pool.max_nodes, 2 * own.min_replicas
    if needed > room:
        why = f"both versions run at full size at the end, {needed} replicas, and pool {pool.name} has room for {room}"
        fix = "raise the pool's max_nodes, or leave release out, which replaces one replica after the other"
        yield Problem(path=_PATH, why=f"{why} at its max_nodes of {pool.max_nodes}", fix=fix)
    for path, volume in own.unshared_volumes(place).items() if pool.max_nodes > 1 else ():
        why = f"pods of two versions mount volume {volume} at once, which can be on one node at a time"
        yield Problem(path=path, why=why, fix=f"set shared: true on volume {volume}")


def automatic_stack_problems(
    service: "ModelServiceSpec", *, has_metrics: bool, gateway: GatewaySpec | None
) -> Iterator[Problem]:
    """What the analysis needs of the stack around the service; paths are relative to the service.

    Args:
        service: a valid spec.
        has_metrics: whether there is a Prometheus.
        gateway: the gateway, if there is one.
    """
    automatic = automatic_of(service)
    if not automatic or not automatic.analysis:
        return
    if not has_metrics:
        why = "asks Prometheus, which the stack does not have"
        fix = "add observability: {metrics: {}}, or leave analysis out"
        yield Problem(path=f"{_PATH}.analysis", why=why, fix=fix)
    if automatic.analysis.success_percent and gateway and gateway.class_ != ENVOY:
        why = f"is counted by Envoy, and gateways of class {gateway.class_} tell the stack's Prometheus nothing"
        fix = "use class envoy, latency_seconds or a prometheus query"
        yield Problem(path=f"{_PATH}.analysis.success_percent", why=why, fix=fix)


def track_names(name: str, service: "ModelServiceSpec") -> list[str]:
    """The names of its two further Services, if it has an automatic release."""
    return [f"{name}-{suffix}" for suffix in (STABLE_SUFFIX, NEXT_SUFFIX)] if automatic_of(service) else []


def automatic_name_problems(workspace: str, name: str, service: "ModelServiceSpec") -> Iterator[Problem]:
    """The longer name of its two further Services, if it is too long; paths are relative to the service."""
    names = track_names(name, service)
    if names:
        yield from (problem.under(_PATH) for problem in name_problems(workspace, max(names, key=len)))


def argo_rollouts_problems(service: "ModelServiceSpec", *, has_argo_rollouts: bool) -> Iterator[Problem]:
    """A service that is made by itself, and not by a stack, without the controller of its release."""
    if automatic_of(service) and not has_argo_rollouts:
        why = "is moved on by Argo Rollouts, and nothing is given that runs it"
        yield Problem(
            path=_PATH, why=why, fix="pass argo_rollouts=ArgoRollouts(NAME, CLUSTER), made once for the cluster"
        )
