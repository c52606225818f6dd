"""The queries by which replicas follow the load, asked of Prometheus' own promtool."""

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from modelyard.serving.autoscaling_spec import TargetSpec
from modelyard.serving.runtimes.container import ContainerSpec
from modelyard.serving.runtimes.huggingface import HuggingFaceSpec
from modelyard.serving.runtimes.mlserver import MlserverSpec
from modelyard.serving.runtimes.runtime import Runtime
from modelyard.serving.runtimes.sglang import SglangSpec
from modelyard.serving.runtimes.triton import TritonSpec
from modelyard.serving.runtimes.vllm import VllmSpec
from modelyard.serving.scaling_queries import (
    Pods,
    Question,
    answerable,
    gateway_question,
    missing_metrics,
    server_questions,
)
from tests.support.toolchain import require_tool

PODS = Pods(namespace="chat", workload="chat-assistant-1a2b3c4d")
ALL_TARGETS = TargetSpec(
    queued_requests=4,
    concurrent_requests=16,
    tokens_per_second=900,
    latency_seconds=8,
    time_to_first_token_seconds=0.5,
    latency_percentile=90,
)
TOTAL, REFUSED = "envoy_cluster_upstream_rq_total", "envoy_cluster_upstream_rq_pending_failure_eject"
OWN, OTHER = "chat-assistant-1a2b3c4d-7f9c-abcde", "chat-assistant-two-1a2b3c4d-7f9c-abcde"


def vllm(name: str, target: TargetSpec = ALL_TARGETS) -> Question:
    (found,) = (each for each in server_questions(target, VllmSpec.LOAD_METRICS, PODS) if each.name == name)
    return found


def requests(percent: int = 100) -> Question:
    return gateway_question(5, namespace="chat", route="chat-assistant-route", percent=percent)


def series(metric: str, values: str, **labels: str) -> dict[str, str]:
    listed = ",".join(f'{key}="{value}"' for key, value in labels.items())
    return {"series": f"{metric}{{{listed}}}", "values": values}


def of_pod(metric: str, values: str, pod: str = OWN, namespace: str = "chat", **labels: str) -> dict[str, str]:
    return series(metric, values, namespace=namespace, pod=pod, **labels)


def of_route(
    metric: str, values: str, *, route: str = "chat/chat-assistant-route-5e6f7a8b", rest: str = "rule/0", **labels: str
) -> dict[str, str]:
    return series(metric, values, envoy_cluster_name=f"httproute/{route}/{rest}", **labels)


def answered(tmp_path: Path, question: Question, given: Sequence[dict[str, str]], value: float | None) -> None:
    """At ten minutes of readings every 30 seconds."""
    samples = [] if value is None else [{"labels": "{}", "value": value}]
    test = {
        "interval": "30s",
        "input_series": list(given),
        "promql_expr_test": [{"expr": question.query, "eval_time": "10m", "exp_samples": samples}],
    }
    path = tmp_path / "test.yaml"
    path.write_text(json.dumps({"rule_files": [], "tests": [test]}), encoding="utf-8")
    command = [str(require_tool("promtool")), "test", "rules", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def histogram(name: str, slow: str, fast: str) -> list[dict[str, str]]:
    return [
        of_pod(f"{name}_bucket", fast, le="1"),
        of_pod(f"{name}_bucket", slow, le="10"),
        of_pod(f"{name}_bucket", slow, le="+Inf"),
    ]


def test_waiting_requests_of_all_its_pods_and_of_no_other(tmp_path: Path) -> None:
    waiting = "vllm:num_requests_waiting"
    given = [
        of_pod(waiting, "3x20"),
        of_pod(waiting, "4x20", pod="chat-assistant-1a2b3c4d-7f9c-fghij"),
        of_pod(waiting, "50x20", pod=OTHER),
        of_pod(waiting, "70x20", namespace="search"),
    ]
    answered(tmp_path, vllm("queued_requests"), given, 7)


def test_without_a_pod_there_is_no_answer(tmp_path: Path) -> None:
    answered(tmp_path, vllm("queued_requests"), [of_pod("vllm:num_requests_waiting", "3x20", pod=OTHER)], None)


def test_concurrent_requests_wait_or_run(tmp_path: Path) -> None:
    given = [of_pod("vllm:num_requests_waiting", "3x20"), of_pod("vllm:num_requests_running", "8x20")]
    answered(tmp_path, vllm("concurrent_requests"), given, 11)


def test_tokens_are_counted_by_the_second(tmp_path: Path) -> None:
    answered(tmp_path, vllm("tokens_per_second"), [of_pod("vllm:generation_tokens_total", "0+300x20")], 10)


def test_a_percentile_of_the_time_to_an_answer(tmp_path: Path) -> None:
    # Half of the requests are answered within a second, the others within ten.
    given = histogram("vllm:e2e_request_latency_seconds", slow="0+20x20", fast="0+10x20")
    answered(tmp_path, vllm("latency_seconds"), given, 8.2)
    answered(tmp_path, vllm("latency_seconds", TargetSpec(latency_seconds=8, latency_percentile=50)), given, 1)


def test_no_requests_have_no_percentile(tmp_path: Path) -> None:
    given = histogram("vllm:time_to_first_token_seconds", slow="20x20", fast="10x20")
    answered(tmp_path, vllm("time_to_first_token_seconds"), given, None)


def test_requests_at_the_gateway_by_all_of_the_routes_rules(tmp_path: Path) -> None:
    given = [
        of_route(TOTAL, "0+30x20"),
        of_route(TOTAL, "0+60x20", rest="rule/1/backend/1"),
        of_route(TOTAL, "0+90x20", rest="rule/0-mirror-0"),
        of_route(TOTAL, "0+90x20", route="chat/chat-assistant-two-route-5e6f7a8b"),
        of_route(TOTAL, "0+90x20", route="search/chat-assistant-route-5e6f7a8b"),
    ]
    answered(tmp_path, requests(), given, 3)


def test_a_version_counts_its_share(tmp_path: Path) -> None:
    answered(tmp_path, requests(percent=10), [of_route(TOTAL, "0+30x20")], 0.1)


def test_requests_that_find_no_pod_count(tmp_path: Path) -> None:
    answered(tmp_path, requests(), [of_route(TOTAL, "7x20"), of_route(REFUSED, "0+30x20")], 1)


def test_the_first_request_of_all_counts(tmp_path: Path) -> None:
    """Envoy shows a counter from its first request on: it begins at 1, and has no rate."""
    answered(tmp_path, requests(), [of_route(REFUSED, "_x19 1x20")], 1 / 120)


def test_a_counter_that_only_prometheus_has_not_seen_counts_as_one_request(tmp_path: Path) -> None:
    answered(tmp_path, requests(), [of_route(TOTAL, "_x19 1000000x20")], 1 / 120)


def test_without_requests_there_are_none(tmp_path: Path) -> None:
    answered(tmp_path, requests(), [], 0)
    answered(tmp_path, requests(), [of_route(TOTAL, "7x20"), of_route(REFUSED, "7x20")], 0)


@pytest.mark.parametrize(
    ("runtime", "able"),
    [
        (VllmSpec, ALL_TARGETS.of_server),
        (SglangSpec, ALL_TARGETS.of_server),
        (TritonSpec, ["queued_requests"]),
        (HuggingFaceSpec, ["queued_requests", "tokens_per_second", "latency_seconds"]),
        (MlserverSpec, ["concurrent_requests", "latency_seconds"]),
        (ContainerSpec, []),
    ],
)
def test_each_runtime_answers_these(runtime: type[Runtime], able: Sequence[str], tmp_path: Path) -> None:
    assert answerable(runtime.LOAD_METRICS) == list(able)
    assert missing_metrics(ALL_TARGETS, runtime.LOAD_METRICS) == [
        name for name in ALL_TARGETS.of_server if name not in able
    ]
    wanted: dict[str, Any] = dict.fromkeys(able, 1)
    given = TargetSpec(**wanted)
    rules = [
        {"record": f"question:{each.name}", "expr": each.query}
        for each in server_questions(given, runtime.LOAD_METRICS, PODS)
    ]
    assert len(rules) == len(able)
    if not rules:
        return
    path = tmp_path / "rules.yaml"
    path.write_text(json.dumps({"groups": [{"name": "questions", "rules": rules}]}), encoding="utf-8")
    command = [str(require_tool("promtool")), "check", "rules", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_probes_are_not_requests() -> None:
    (question,) = server_questions(TargetSpec(concurrent_requests=4), MlserverSpec.LOAD_METRICS, PODS)
    assert 'method="POST"' in question.query


def test_times_are_compared_as_they_are_and_not_by_replica() -> None:
    by_replica = {each.name: each.is_total for each in server_questions(ALL_TARGETS, VllmSpec.LOAD_METRICS, PODS)}
    assert by_replica == {
        "queued_requests": True,
        "concurrent_requests": True,
        "tokens_per_second": True,
        "latency_seconds": False,
        "time_to_first_token_seconds": False,
    }
    assert requests().is_total
