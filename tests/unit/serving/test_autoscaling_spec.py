"""What is said of autoscaling, and what of it is refused: by itself, with a runtime, and in a stack."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from modelyard.errors import ConfigError
from modelyard.platform.gateway_spec import GatewaySpec
from modelyard.serving.autoscaling_rules import keda_problems, needs_keda, stack_problems
from modelyard.serving.autoscaling_spec import (
    AutoscalingSpec,
    PrometheusTargetSpec,
    ScalingScheduleSpec,
    TargetSpec,
)
from modelyard.serving.route_spec import RouteSpec
from modelyard.serving.runtimes.mlserver import MlserverSpec
from modelyard.serving.runtimes.spec import RuntimeSpec
from modelyard.serving.spec import ModelServiceSpec
from modelyard.spec import load_json, validate
from tests.unit.serving.test_spec import OWN, VLLM

QUEUED = TargetSpec(queued_requests=4)
OFFICE = ScalingScheduleSpec(start="0 8 * * 1-5", end="0 18 * * 1-5", time_zone="Europe/Berlin", replicas=3)
OUTSIDE = PrometheusTargetSpec(query="sum(queue_length)", threshold=10, counts_without_pods=True)
NOTHING_WAKES = "so that nothing would wake the service again"


def scaled(
    target: TargetSpec | None = QUEUED, least: int = 1, most: int = 4, schedules: Sequence[ScalingScheduleSpec] = ()
) -> AutoscalingSpec:
    return AutoscalingSpec(min_replicas=least, max_replicas=most, target=target, schedules=schedules)


def problems(check: Any) -> str:
    with pytest.raises(ConfigError) as caught:
        validate(check)
    return str(caught.value)


@pytest.mark.parametrize(
    "near",
    [
        scaled(),
        scaled(most=1),
        scaled(None, schedules=[OFFICE]),
        scaled(None, least=0, schedules=[OFFICE]),
        scaled(QUEUED, least=0, schedules=[OFFICE]),
        scaled(TargetSpec(requests_per_second=2), least=0),
        scaled(TargetSpec(queued_requests=4, requests_per_second=2), least=0),
        scaled(TargetSpec(prometheus=OUTSIDE), least=0),
        scaled(TargetSpec(latency_seconds=4, latency_percentile=50)),
        scaled(TargetSpec(time_to_first_token_seconds=0.5, latency_percentile=99)),
        scaled(None, least=2, most=3, schedules=[OFFICE]),
    ],
)
def test_what_decides_something_is_accepted(near: AutoscalingSpec) -> None:
    validate(near)


@pytest.mark.parametrize(
    ("broken", "path", "message"),
    [
        (scaled(TargetSpec()), "target", "nothing is chosen; give queued_requests, requests_per_second"),
        (scaled(None), "target", "is missing, and so are schedules"),
        (scaled(least=5), "min_replicas", "5 is above max_replicas 4; raise max_replicas"),
        (scaled(least=0), "min_replicas", f"queued_requests end with the last pod, {NOTHING_WAKES}"),
        (
            scaled(TargetSpec(cpu_percent=60, latency_seconds=2), least=0),
            "min_replicas",
            f"cpu, latency_seconds end with the last pod, {NOTHING_WAKES}; add requests_per_second",
        ),
        (
            scaled(TargetSpec(prometheus=replace(OUTSIDE, counts_without_pods=False)), least=0),
            "min_replicas",
            f"prometheus end with the last pod, {NOTHING_WAKES}",
        ),
        (
            scaled(TargetSpec(queued_requests=1, latency_percentile=90)),
            "target.latency_percentile",
            "is given without latency_seconds and time_to_first_token_seconds; add one of the two, or remove it",
        ),
        (scaled(schedules=[replace(OFFICE, replicas=5)]), "schedules[0].replicas", "5 is above max_replicas 4"),
        (
            scaled(least=3, schedules=[OFFICE]),
            "schedules[0].replicas",
            "3 has no effect, as there are always 3; raise it, or lower min_replicas",
        ),
        (scaled(schedules=[replace(OFFICE, end="0  8 * * 1-5")]), "schedules[0].end", "is the time of start"),
        (
            scaled(schedules=[replace(OFFICE, start="@daily")]),
            "schedules[0].start",
            '@daily has no meaning to KEDA; write it with five fields: "0 0 * * *"',
        ),
        (scaled(schedules=[replace(OFFICE, end="0 25 * * *")]), "schedules[0].end", "'25' in '0 25 * * *' is no hour"),
        (scaled(schedules=[replace(OFFICE, time_zone="Berlin")]), "schedules[0].time_zone", "'Berlin' is no time zone"),
        (scaled(TargetSpec(prometheus=replace(OUTSIDE, query=" "))), "target.prometheus.query", "is empty"),
        (scaled(TargetSpec(queued_requests=0)), "target.queued_requests", "0"),
        (scaled(TargetSpec(latency_seconds=1, latency_percentile=100)), "target.latency_percentile", "100"),
    ],
)
def test_what_decides_nothing_is_refused(broken: AutoscalingSpec, path: str, message: str) -> None:
    said = problems(broken)
    assert f"{path}: " in said
    assert message in said


def test_a_target_without_a_metric_is_refused_with_what_there_is() -> None:
    mlserver = replace(OWN, runtime=RuntimeSpec(mlserver=MlserverSpec(framework="sklearn")))
    said = problems(replace(mlserver, autoscaling=scaled()))
    assert "autoscaling.target.queued_requests: runtime mlserver has no metric of it; " in said
    assert "use concurrent_requests, latency_seconds, requests_per_second with a route, cpu_percent" in said
    said = problems(replace(OWN, autoscaling=scaled()))
    assert "runtime container has no metric of it; use requests_per_second with a route, cpu_percent, or a" in said
    validate(replace(VLLM, autoscaling=scaled()))
    validate(replace(OWN, autoscaling=scaled(TargetSpec(prometheus=OUTSIDE))))


def in_stack(
    service: ModelServiceSpec, *, has_metrics: bool = True, gateway: GatewaySpec | None = None
) -> list[tuple[str, str]]:
    found = stack_problems(service, has_metrics=has_metrics, gateway=gateway)
    return [(each.path, f"{each.why}; {each.fix}") for each in found]


def test_what_prometheus_is_asked_needs_one() -> None:
    asked = replace(VLLM, autoscaling=scaled(TargetSpec(queued_requests=2, cpu_percent=50, prometheus=OUTSIDE)))
    assert in_stack(asked) == []
    why = "is read from Prometheus, which the stack does not have"
    assert in_stack(asked, has_metrics=False) == [
        (
            f"autoscaling.target.{name}",
            f"{why}; add observability: {{metrics: {{}}}}, or use cpu_percent",
        )
        for name in ("queued_requests", "prometheus")
    ]
    cpu = replace(VLLM, autoscaling=scaled(TargetSpec(cpu_percent=50)))
    assert in_stack(cpu, has_metrics=False) == in_stack(VLLM, has_metrics=False) == []


def test_what_the_gateway_counts_needs_a_route_from_envoy() -> None:
    counted = replace(VLLM, autoscaling=scaled(TargetSpec(requests_per_second=2), least=0), route=RouteSpec())
    assert in_stack(counted, gateway=GatewaySpec()) == []
    path = "autoscaling.target.requests_per_second"
    ((found, why),) = in_stack(replace(counted, route=None), gateway=GatewaySpec())
    assert (found, why.split(";")[0]) == (path, "is counted at the gateway, from which the service has no route")
    ((found, why),) = in_stack(counted, gateway=GatewaySpec(class_="gke"))
    assert found == path
    assert "gateways of class gke tell the stack's Prometheus nothing; use class envoy" in why


def test_pods_cannot_be_chosen_among_where_there_may_be_none() -> None:
    target = TargetSpec(requests_per_second=2)
    route = RouteSpec(balance="client_ip", slow_start_seconds=30)
    sleeping = replace(VLLM, autoscaling=scaled(target, least=0), route=route)
    found = in_stack(sleeping, gateway=GatewaySpec())
    assert [path for path, _ in found] == ["route.balance", "route.slow_start_seconds"]
    assert "which the gateway does not see of a service that may have none" in found[0][1]
    assert in_stack(replace(sleeping, autoscaling=scaled(target)), gateway=GatewaySpec()) == []


@pytest.mark.parametrize(
    ("autoscaling", "needed"),
    [
        (scaled(TargetSpec(cpu_percent=60, memory_percent=80)), False),
        (scaled(), True),
        (scaled(TargetSpec(cpu_percent=60), schedules=[OFFICE]), True),
        (scaled(TargetSpec(prometheus=OUTSIDE)), True),
        (None, False),
    ],
)
def test_keda_is_for_what_kubernetes_alone_does_not_do(autoscaling: AutoscalingSpec | None, needed: bool) -> None:
    service = replace(VLLM, autoscaling=autoscaling)
    assert needs_keda([VLLM, service]) is needed
    assert [each.path for each in keda_problems(service, has_keda=False)] == (["autoscaling"] if needed else [])
    assert not list(keda_problems(service, has_keda=True))


def test_yaml_has_the_same_words() -> None:
    text = (
        '{"min_replicas": 0, "max_replicas": 4, "target": {"requests_per_second": 2},'
        ' "schedules": [{"start": "0 8 * * 1-5", "end": "0 18 * * 1-5", "time_zone": "Europe/Berlin", "replicas": 3}]}'
    )
    assert load_json(AutoscalingSpec, text) == scaled(TargetSpec(requests_per_second=2), least=0, schedules=[OFFICE])
