"""The ScaledObject of one version of a service, as plain values."""

from collections.abc import Sequence
from typing import Any

import pytest

from modelyard.serving.autoscaling_spec import AutoscalingSpec, ScalingScheduleSpec, TargetSpec
from modelyard.serving.runtimes.vllm import VllmSpec
from modelyard.serving.scaled_object import scaled_object_spec
from modelyard.serving.scaling_queries import Pods, server_questions

TARGET = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "chat-assistant-1a2b3c4d"}
URL = "http://monitoring-prometheus.monitoring.svc:9090"
OFFICE = ScalingScheduleSpec(start="0 8 * * 1-5", end="0 18 * * 1-5", time_zone="Europe/Berlin", replicas=3)


def spec_of(
    target: TargetSpec | None, *, least: int = 1, schedules: Sequence[ScalingScheduleSpec] = (), startup: int = 600
) -> dict[str, Any]:
    pods = Pods(namespace="chat", workload=TARGET["name"])
    return scaled_object_spec(
        AutoscalingSpec(min_replicas=least, max_replicas=8, target=target, schedules=schedules),
        server_questions(target, VllmSpec.LOAD_METRICS, pods) if target else [],
        target=TARGET,
        prometheus_url=URL,
        startup_seconds=startup,
    )


def test_it_scales_the_workload_between_the_bounds() -> None:
    spec = spec_of(TargetSpec(queued_requests=4), least=2)
    assert spec["scaleTargetRef"] == TARGET
    assert (spec["minReplicaCount"], spec["maxReplicaCount"]) == (2, 8)


def test_numbers_of_triggers_are_text() -> None:
    """KEDA's metadata is a map of strings."""
    spec = spec_of(TargetSpec(queued_requests=2.5, memory_percent=80), schedules=[OFFICE])
    for trigger in spec["triggers"]:
        assert all(isinstance(value, str) for value in trigger["metadata"].values()), trigger
    memory, queued, cron = spec["triggers"]
    assert memory == {"type": "memory", "metricType": "Utilization", "metadata": {"value": "80"}}
    assert (queued["type"], queued["metadata"]["threshold"]) == ("prometheus", "2.5")
    assert queued["metadata"]["serverAddress"] == URL
    assert cron == {
        "type": "cron",
        "metadata": {
            "timezone": "Europe/Berlin", "start": "0 8 * * 1-5", "end": "0 18 * * 1-5", "desiredReplicas": "3",
        },
    }  # fmt: skip


def test_amounts_are_by_replica_and_times_are_not() -> None:
    spec = spec_of(TargetSpec(queued_requests=4, latency_seconds=8))
    assert {each["name"]: each["metricType"] for each in spec["triggers"]} == {
        "queued-requests": "AverageValue",
        "latency-seconds": "Value",
    }


@pytest.mark.parametrize(("startup", "window"), [(60, 300), (1800, 1800), (7200, 3600)])
def test_replicas_are_kept_at_least_as_long_as_a_start_takes(startup: int, window: int) -> None:
    behavior = spec_of(TargetSpec(queued_requests=4), startup=startup)["advanced"]["horizontalPodAutoscalerConfig"]
    assert behavior["behavior"]["scaleDown"]["stabilizationWindowSeconds"] == window
    assert behavior["behavior"]["scaleUp"]["stabilizationWindowSeconds"] == 0


def test_the_last_replica_is_kept_as_long_as_a_start_takes_too() -> None:
    spec = spec_of(None, least=0, schedules=[OFFICE], startup=7200)
    assert (spec["pollingInterval"], spec["cooldownPeriod"]) == (15, 7200)
    assert spec_of(None, least=0, schedules=[OFFICE], startup=60)["cooldownPeriod"] == 300


def test_what_is_of_zero_is_not_said_where_there_is_always_one() -> None:
    assert not spec_of(TargetSpec(queued_requests=4)).keys() & {"pollingInterval", "cooldownPeriod"}


def test_without_prometheus_the_replicas_stay_and_one_at_least() -> None:
    fallback = {"failureThreshold": 3, "behavior": "currentReplicasIfHigher"}
    assert spec_of(TargetSpec(queued_requests=4), least=2)["fallback"] == {**fallback, "replicas": 2}
    assert spec_of(TargetSpec(queued_requests=4), least=0, schedules=[OFFICE])["fallback"] == {
        **fallback,
        "replicas": 1,
    }


def test_where_nothing_is_asked_there_is_no_fallback() -> None:
    """KEDA refuses one beside triggers that only Kubernetes measures."""
    assert "fallback" not in spec_of(TargetSpec(cpu_percent=60), schedules=[OFFICE])
