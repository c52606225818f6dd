"""How the number of replicas follows the load: by Kubernetes itself, or by KEDA where more is asked for.

https://kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale/, https://keda.sh/docs/2.20/concepts/
"""

from collections.abc import Mapping

import pulumi
import pulumi_kubernetes as k8s

from modelyard.observability.values import PROMETHEUS_URL
from modelyard.serving.autoscaling_spec import AutoscalingSpec, TargetSpec
from modelyard.serving.keda import Keda
from modelyard.serving.keda_chart import MAY_FOLLOW, SCALED_OBJECT
from modelyard.serving.scaled_object import DOWN_STEPS, STEP_SECONDS, UP_STEPS, down_seconds, scaled_object_spec
from modelyard.serving.scaling_queries import Pods, Question, gateway_question, server_questions
from modelyard.serving.scope import ServiceScope
from modelyard.serving.variants import Variant
from modelyard.serving.workload import Workload
from modelyard.workspace.workspace import Workspace


def make_autoscaler(scope: ServiceScope, variant: Variant, workload: Workload, *, keda: Keda | None = None) -> None:
    """Let the number of replicas of one version of a service follow the load, where its spec says so.

    Creates a HorizontalPodAutoscaler, or where the spec needs KEDA a ScaledObject, of which KEDA makes one.

    Up at once, by at most double or two; down one replica a minute, after the load was lower for a start's length.

    Args:
        scope: the service.
        variant: the version.
        workload: what makes its pods.
        keda: what scales where the spec needs it.
    """
    autoscaling = variant.spec.autoscaling
    if not autoscaling:
        return
    name = f"{scope.logical_of(variant)}-autoscaler"
    _warn(scope.workspace, autoscaling, variant.spec.pool, scope.parent)
    metadata = scope.metadata(
        labels=scope.labels_of(variant), annotations=None if autoscaling.needs_keda else MAY_FOLLOW
    )
    options = scope.options(keda.ready if keda and autoscaling.needs_keda else ())
    if not autoscaling.needs_keda:
        k8s.autoscaling.v2.HorizontalPodAutoscaler(
            name, metadata=metadata, spec=_horizontal(autoscaling, variant, workload), opts=options
        )
        return
    k8s.apiextensions.CustomResource(
        name,
        api_version=SCALED_OBJECT.api_version,
        kind=SCALED_OBJECT.kind,
        metadata=metadata,
        spec=pulumi.Output.all(scope.namespace, workload.name).apply(
            lambda known: scaled_object_spec(
                autoscaling,
                _questions(autoscaling.target, scope, variant, Pods(namespace=known[0], workload=known[1])),
                target={"apiVersion": workload.api_version, "kind": workload.kind, "name": known[1]},
                prometheus_url=PROMETHEUS_URL,
                startup_seconds=variant.spec.startup_seconds,
            )
        ),
        opts=options,
    )


def _warn(workspace: Workspace, autoscaling: AutoscalingSpec, pool: str, parent: pulumi.Resource) -> None:
    """Where nothing acts on what is made, though containers run. On simulated nodes nothing could."""
    traits = workspace.cluster.traits
    if not workspace.cluster.pools[pool].runs_containers:
        return
    if autoscaling.needs_keda and not traits.charts_installed:
        pulumi.log.warn("autoscaling has no effect: the cluster installs no charts, and so not KEDA", parent)
    elif autoscaling.target and autoscaling.target.of_pods and not traits.metrics_api_available:
        pulumi.log.warn("autoscaling has no effect: the cluster does not serve metrics.k8s.io", parent)


def _questions(target: TargetSpec | None, scope: ServiceScope, variant: Variant, pods: Pods) -> list[Question]:
    if not target:
        return []
    found = server_questions(target, variant.spec.load_metrics, pods)
    if target.requests_per_second:
        wanted = target.requests_per_second
        percent = variant.weight_percent or variant.mirror_percent
        found.append(gateway_question(wanted, namespace=pods.namespace, route=scope.logical_route, percent=percent))
    own = target.prometheus
    if own:
        found.append(
            Question(
                name="prometheus",
                query=own.query,
                threshold=own.threshold,
                activation_threshold=own.activation_threshold,
            )
        )
    return found


def _horizontal(
    autoscaling: AutoscalingSpec, variant: Variant, workload: Workload
) -> "k8s.autoscaling.v2.HorizontalPodAutoscalerSpecArgs":  # quoted: else every program would load these kinds
    assert autoscaling.target, "without KEDA there is a target"
    return k8s.autoscaling.v2.HorizontalPodAutoscalerSpecArgs(
        scale_target_ref=k8s.autoscaling.v2.CrossVersionObjectReferenceArgs(
            api_version=workload.api_version, kind=workload.kind, name=workload.name
        ),
        min_replicas=autoscaling.min_replicas,
        max_replicas=autoscaling.max_replicas,
        metrics=_metrics(autoscaling.target),
        behavior=k8s.autoscaling.v2.HorizontalPodAutoscalerBehaviorArgs(
            scale_up=_rules(0, UP_STEPS),
            scale_down=_rules(down_seconds(variant.spec.startup_seconds), DOWN_STEPS),
        ),
    )


def _metrics(target: TargetSpec) -> "list[k8s.autoscaling.v2.MetricSpecArgs]":
    return [
        k8s.autoscaling.v2.MetricSpecArgs(
            type="Resource",
            resource=k8s.autoscaling.v2.ResourceMetricSourceArgs(
                name=name,
                target=k8s.autoscaling.v2.MetricTargetArgs(type="Utilization", average_utilization=percent),
            ),
        )
        for name, percent in target.of_pods.items()
    ]


def _rules(window_seconds: int, steps: Mapping[str, int]) -> "k8s.autoscaling.v2.HPAScalingRulesArgs":
    return k8s.autoscaling.v2.HPAScalingRulesArgs(
        stabilization_window_seconds=window_seconds,
        select_policy="Max",
        policies=[
            k8s.autoscaling.v2.HPAScalingPolicyArgs(type=kind, value=value, period_seconds=STEP_SECONDS)
            for kind, value in steps.items()
        ],
    )
