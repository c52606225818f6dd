"""A ScaledObject, by which KEDA scales one version of a service, as plain values. Imports no Pulumi package.

Sources: https://keda.sh/docs/2.20/reference/scaledobject-spec/, https://keda.sh/docs/2.20/scalers/prometheus/,
https://keda.sh/docs/2.20/scalers/cron/.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from modelyard.serving.autoscaling_spec import AutoscalingSpec, ScalingScheduleSpec
from modelyard.serving.scaling_queries import Question

UP_STEPS: Mapping[str, int] = {"Percent": 100, "Pods": 2}
"""In each step at most twice as many replicas, or two more, whichever is more."""
DOWN_STEPS: Mapping[str, int] = {"Pods": 1}
STEP_SECONDS = 60
_LEAST_DOWN_SECONDS = 300
_MOST_DOWN_SECONDS = 3600
"""The longest window that Kubernetes allows."""
_POLL_SECONDS = 15
"""How often a service without a pod is looked after. Prometheus reads every 30 seconds; the mean wait is half of
both."""
_FAILURES = 3
"""A restart of Prometheus is shorter than so many questions."""


def down_seconds(startup_seconds: int) -> int:
    """How long the load has to be lower before replicas go: a replica that was given up too early costs its whole start
    to get back."""
    return min(max(startup_seconds, _LEAST_DOWN_SECONDS), _MOST_DOWN_SECONDS)


def scaled_object_spec(
    autoscaling: AutoscalingSpec,
    questions: Sequence[Question],
    *,
    target: Mapping[str, str],
    prometheus_url: str,
    startup_seconds: int,
) -> dict[str, Any]:
    """The `spec` of a ScaledObject.

    While Prometheus does not answer, the service keeps its replicas, and has one at least.

    Args:
        autoscaling: what the user wrote.
        questions: what Prometheus is asked.
        target: the workload whose replicas they are: `apiVersion`, `kind` and `name`.
        prometheus_url: where Prometheus is asked.
        startup_seconds: the longest that a replica takes to start.
    """
    of_pods: Mapping[str, int] = autoscaling.target.of_pods if autoscaling.target else {}
    triggers = [
        *(_resource(name, percent) for name, percent in of_pods.items()),
        *(_prometheus(question, prometheus_url) for question in questions),
        *(_cron(schedule) for schedule in autoscaling.schedules),
    ]
    fallback = {
        "failureThreshold": _FAILURES,
        "replicas": max(autoscaling.min_replicas, 1),
        "behavior": "currentReplicasIfHigher",
    }
    # KEDA warns of these where they have no effect.
    to_zero = {
        "pollingInterval": _POLL_SECONDS,
        "cooldownPeriod": max(startup_seconds, _LEAST_DOWN_SECONDS),
    }
    return {
        "scaleTargetRef": dict(target),
        "minReplicaCount": autoscaling.min_replicas,
        "maxReplicaCount": autoscaling.max_replicas,
        **({} if autoscaling.min_replicas else to_zero),
        **({"fallback": fallback} if questions else {}),
        "advanced": {
            "horizontalPodAutoscalerConfig": {
                "behavior": {
                    "scaleUp": _rules(0, UP_STEPS),
                    "scaleDown": _rules(down_seconds(startup_seconds), DOWN_STEPS),
                }
            }
        },
        "triggers": triggers,
    }


def _resource(name: str, percent: int) -> dict[str, Any]:
    return {"type": name, "metricType": "Utilization", "metadata": {"value": str(percent)}}


def _prometheus(question: Question, url: str) -> dict[str, Any]:
    return {
        "type": "prometheus",
        "name": question.name.replace("_", "-"),
        "metricType": "AverageValue" if question.is_total else "Value",
        "metadata": {
            "serverAddress": url,
            "query": question.query,
            "threshold": _number(question.threshold),
            "activationThreshold": _number(question.activation_threshold),
        },
    }


def _cron(schedule: ScalingScheduleSpec) -> dict[str, Any]:
    return {
        "type": "cron",
        "metadata": {
            "timezone": schedule.time_zone,
            "start": schedule.start,
            "end": schedule.end,
            "desiredReplicas": str(schedule.replicas),
        },
    }


def _number(value: float) -> str:
    return f"{value:.15g}"


def _rules(window_seconds: int, steps: Mapping[str, int]) -> dict[str, Any]:
    return {
        "stabilizationWindowSeconds": window_seconds,
        "selectPolicy": "Max",
        "policies": [{"type": kind, "value": value, "periodSeconds": STEP_SECONDS} for kind, value in steps.items()],
    }
