"""The objects that a model service is made of, version by version. Imports no Pulumi package."""

from collections.abc import Iterator, Sequence

from modelyard.platform.gateway_spec import GatewaySpec
from modelyard.platform.kserve_kind import INFERENCE_SERVICE, KSERVE
from modelyard.serving.automatic_rules import automatic_of
from modelyard.serving.route_spec import backend_kinds, route_kinds
from modelyard.serving.spec import ModelServiceSpec
from modelyard.serving.variants import Variant


def service_objects(
    service: ModelServiceSpec,
    variant: Variant,
    gateway: GatewaySpec | None,
    *,
    is_monitored: bool,
    has_policies: bool,
) -> Iterator[str]:
    """The kinds of the objects of one version. Those of all versions together are listed with the service as it is
    written, and one that several versions share with the first of them.

    Args:
        service: a valid spec.
        variant: one of its versions, or its prefill pods.
        gateway: what its route leads from; None where there is none.
        is_monitored: whether a Prometheus reads its metrics.
        has_policies: whether the cluster has the kinds of Envoy Gateway.
    """
    spec = variant.spec
    yield from _workload(service, spec)
    if variant.role == "prefill":
        yield from ["Service"] * is_monitored
        return
    if variant.service_suffix:
        yield "Service"
    yield from ["Job"] * (_fills_cache(service, variant) + _is_asked_first(service, variant))
    if spec.autoscaling:
        yield "ScaledObject" if spec.autoscaling.needs_keda else "HorizontalPodAutoscaler"
    if service.route and gateway:
        yield from backend_kinds(gateway) * (2 if automatic_of(service) else 1)
    if not variant.is_main:
        return
    yield from ("Service", "PodDisruptionBudget")
    if service.spare_replicas:
        yield "Deployment"
    if service.route and gateway:
        is_waking = service.is_woken_by_gateway
        yield from route_kinds(service.route, gateway, has_policies=has_policies, is_waking=is_waking)


def _workload(service: ModelServiceSpec, spec: ModelServiceSpec) -> Sequence[str]:
    """What makes the pods of one version, and stands for that alone."""
    automatic = automatic_of(service)
    if automatic:
        return ["Rollout", "Service", "Service", *(["AnalysisTemplate"] if automatic.analysis else [])]
    if spec.backend == KSERVE:
        return [INFERENCE_SERVICE.kind]
    return ["LeaderWorkerSet" if spec.spans_nodes else "Deployment"]


def _fills_cache(service: ModelServiceSpec, variant: Variant) -> bool:
    """Whether the Job that fills its model's cache comes with this version: those of one model share it."""
    cached = [each for each in service.variants if each.spec.model and each.spec.model.cache]
    first = {each.spec.volume_read: each.label for each in reversed(cached)}
    return first.get(variant.spec.volume_read) == variant.label


def _is_asked_first(service: ModelServiceSpec, variant: Variant) -> bool:
    """Whether a Job that verifies versions comes with this one."""
    release = service.release
    if not release or not release.verify:
        return False
    if service.is_replaced_in_place:
        return True
    asked = [each.label for each in service.variants if each.service_suffix]
    return variant.label in (asked if release.blue_green else asked[:1])
