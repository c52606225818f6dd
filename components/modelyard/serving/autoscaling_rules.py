"""The rules that autoscaling, the runtime, the stack's metrics and its gateway make together. No Pulumi package."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from modelyard.errors import Problem
from modelyard.platform.gateway_spec import ENVOY, GatewaySpec
from modelyard.serving.autoscaling_spec import AutoscalingSpec
from modelyard.serving.route_spec import RouteSpec
from modelyard.serving.runtimes.runtime import Runtime
from modelyard.serving.scaling_queries import answerable, missing_metrics

if TYPE_CHECKING:
    from modelyard.serving.spec import ModelServiceSpec

_ANYWAY = "requests_per_second with a route, cpu_percent, or a prometheus query"


def runtime_problems(autoscaling: AutoscalingSpec, runtime: Runtime) -> Iterator[Problem]:
    """Targets that the server has no metric for; paths are relative to the service."""
    metrics = runtime.LOAD_METRICS
    for name in missing_metrics(autoscaling.target, metrics) if autoscaling.target else ():
        others = answerable(metrics)
        fix = f"use {', '.join(others)}, {_ANYWAY}" if others else f"use {_ANYWAY}"
        yield Problem(path=f"autoscaling.target.{name}", why=f"runtime {runtime.NAME} has no metric of it", fix=fix)


def stack_problems(service: "ModelServiceSpec", *, has_metrics: bool, gateway: GatewaySpec | None) -> Iterator[Problem]:
    """What a service's autoscaling needs of the stack around it; paths are relative to the service.

    Args:
        service: a valid spec.
        has_metrics: whether there is a Prometheus.
        gateway: the gateway, if there is one.
    """
    target = service.autoscaling.target if service.autoscaling else None
    if not target:
        return
    if not has_metrics:
        for name in target.of_prometheus:
            why = "is read from Prometheus, which the stack does not have"
            fix = "add observability: {metrics: {}}, or use cpu_percent"
            yield Problem(path=f"autoscaling.target.{name}", why=why, fix=fix)
    if target.requests_per_second is None:
        return
    path, instead = "autoscaling.target.requests_per_second", "or use a target that pods measure themselves"
    if not service.route:
        why = "is counted at the gateway, from which the service has no route"
        yield Problem(path=path, why=why, fix=f"add route: {{}}, {instead}")
    elif gateway and gateway.class_ != ENVOY:
        why = f"is counted by Envoy, and gateways of class {gateway.class_} tell the stack's Prometheus nothing"
        fix = f"use class envoy, a prometheus query of what that gateway counts, {instead}"
        yield Problem(path=path, why=why, fix=fix)
    elif service.is_woken_by_gateway:
        yield from _balance_problems(service.route)


def _balance_problems(route: RouteSpec) -> Iterator[Problem]:
    """Envoy has to see the service's one address, and not its pods, to count requests that find none."""
    for name in ("balance", "slow_start_seconds"):
        if getattr(route, name):
            why = "chooses among pods, which the gateway does not see of a service that may have none"
            yield Problem(path=f"route.{name}", why=why, fix="set autoscaling.min_replicas: 1, or remove it")


def spare_problems(service: "ModelServiceSpec", *, has_priority: bool) -> Iterator[Problem]:
    """A service that is made by itself, and not by a stack, without the priority that its spare pods need."""
    if service.spare_replicas and not has_priority:
        why = "needs a priority below all others, which the workspace does not have"
        yield Problem(
            path="spare_replicas", why=why, fix="pass the workspace priorities=Priorities(…, with_spare=True)"
        )


def keda_problems(service: "ModelServiceSpec", *, has_keda: bool) -> Iterator[Problem]:
    """A service that is made by itself, and not by a stack, without the KEDA that its autoscaling needs."""
    if needs_keda([service]) and not has_keda:
        why = "needs KEDA, as Kubernetes alone scales by cpu_percent and memory_percent, and not to zero"
        yield Problem(path="autoscaling", why=why, fix="pass keda=Keda(NAME, CLUSTER), made once for the cluster")


def needs_keda(services: Iterable["ModelServiceSpec"]) -> bool:
    """Whether KEDA has to be there for one of these services."""
    return any(each.autoscaling and each.autoscaling.needs_keda for each in services)
