"""How the number of replicas follows the load.

https://kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale/
"""

import pulumi
import pulumi_kubernetes as k8s

from modelyard.serving.autoscaling_spec import AutoscalingSpec, TargetSpec

_LEAST_DOWN_SECONDS = 300
_MOST_DOWN_SECONDS = 3600
"""The longest window that Kubernetes allows."""
_STEP_SECONDS = 60


def autoscaler_spec(
    autoscaling: AutoscalingSpec, *, deployment: pulumi.Input[str], startup_seconds: int
) -> "k8s.autoscaling.v2.HorizontalPodAutoscalerSpecArgs":  # quoted: else every program would load these kinds
    """Up at once, by at most double or two; down one replica a minute, after the load was lower for a start's length.

    A replica that was given up too early costs its whole start to get back, so that the window is never shorter.
    """
    down_seconds = min(max(startup_seconds, _LEAST_DOWN_SECONDS), _MOST_DOWN_SECONDS)
    return k8s.autoscaling.v2.HorizontalPodAutoscalerSpecArgs(
        scale_target_ref=k8s.autoscaling.v2.CrossVersionObjectReferenceArgs(
            api_version="apps/v1", kind="Deployment", name=deployment
        ),
        min_replicas=autoscaling.min_replicas,
        max_replicas=autoscaling.max_replicas,
        metrics=_metrics(autoscaling.target),
        behavior=k8s.autoscaling.v2.HorizontalPodAutoscalerBehaviorArgs(
            scale_up=_rules(0, Percent=100, Pods=2), scale_down=_rules(down_seconds, Pods=1)
        ),
    )


def _metrics(target: TargetSpec) -> "list[k8s.autoscaling.v2.MetricSpecArgs]":
    percents = {"cpu": target.cpu_percent, "memory": target.memory_percent}
    return [
        k8s.autoscaling.v2.MetricSpecArgs(
            type="Resource",
            resource=k8s.autoscaling.v2.ResourceMetricSourceArgs(
                name=name,
                target=k8s.autoscaling.v2.MetricTargetArgs(type="Utilization", average_utilization=percent),
            ),
        )
        for name, percent in percents.items()
        if percent is not None
    ]


def _rules(window_seconds: int, **steps: int) -> "k8s.autoscaling.v2.HPAScalingRulesArgs":
    return k8s.autoscaling.v2.HPAScalingRulesArgs(
        stabilization_window_seconds=window_seconds,
        select_policy="Max",
        policies=[
            k8s.autoscaling.v2.HPAScalingPolicyArgs(type=kind, value=value, period_seconds=_STEP_SECONDS)
            for kind, value in steps.items()
        ],
    )
