"""The alerts, asked of Prometheus' own promtool: each fires in its case, and stays silent in those next to it."""

import json
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from modelyard.observability.rules import EXPORTED_LABELS, rule_groups
from tests.support.toolchain import require_tool

NAME, COMPONENT = "label_app_kubernetes_io_name", "label_app_kubernetes_io_component"
SERVICE = {"namespace": "chat", NAME: "assistant"}
JOB = {"namespace": "chat", NAME: "embed", COMPONENT: "batch-job"}
RULES = {rule["alert"]: rule for group in rule_groups() for rule in group["rules"]}


def series(metric: str, values: str, **labels: str) -> dict[str, str]:
    listed = ",".join(f'{key}="{value}"' for key, value in labels.items())
    return {"series": f"{metric}{{{listed}}}", "values": values}


def deployment(
    available: str, *, wanted: str = "2x30", progress: str = "NewReplicaSetAvailable", **labels: str
) -> list[dict[str, str]]:
    name = labels.pop("deployment", "chat-assistant-1a2b3c4d")
    key = {"namespace": "chat", "deployment": name}
    return [
        series(
            "kube_deployment_labels",
            "1x30",
            **key,
            **{NAME: "assistant", COMPONENT: "model-service", "label_modelyard_dev_workspace": "chat", **labels},
        ),
        series("kube_deployment_status_replicas_available", available, **key),
        series("kube_deployment_spec_replicas", wanted, **key),
        series(
            "kube_deployment_status_condition", "1x30", **key, condition="Progressing", status="true", reason=progress
        ),
    ]


def job(
    failed: str, *, name: str = "chat-embed-1a2b3c4d", workspace: str = "chat", started: str = "0x30"
) -> list[dict[str, str]]:
    key = {"namespace": "chat", "job_name": name}
    labels = {NAME: "embed", COMPONENT: "batch-job", "label_modelyard_dev_workspace": workspace}
    return [
        series("kube_job_labels", "1x30", **key, **labels),
        series("kube_job_failed", failed, **key, condition="true"),
        series("kube_job_failed", "0x30", **key, condition="false"),
        series("kube_job_status_start_time", started, **key),
    ]


def run_of_schedule(last_success: str) -> list[dict[str, str]]:
    """A run that started at 60 s and failed."""
    return [
        *job("1x30", started="60x30"),
        series(
            "kube_job_owner",
            "1x30",
            namespace="chat",
            job_name="chat-embed-1a2b3c4d",
            owner_kind="CronJob",
            owner_name="chat-embed",
        ),
        series("kube_cronjob_status_last_successful_time", last_success, namespace="chat", cronjob="chat-embed"),
    ]


def pod(unschedulable: str, *, name: str, workspace: str = "chat") -> list[dict[str, str]]:
    key = {"namespace": "chat", "pod": name}
    labels = {NAME: "embed", COMPONENT: "batch-job", "label_modelyard_dev_workspace": workspace}
    return [
        series("kube_pod_labels", "1x30", **key, **labels),
        series("kube_pod_status_unschedulable", unschedulable, **key),
    ]


def scraped_twice(found: Sequence[Mapping[str, str]]) -> list[dict[str, str]]:
    """The same series from two pods of kube-state-metrics, as while one replaces the other."""
    return [
        {**each, "series": each["series"][:-1] + f',instance="{instance}"}}'} for each in found for instance in "ab"
    ]


CASES = [
    ("ModelServiceUnavailable", "none of two replicas", deployment("0x30"), "3m", SERVICE),
    ("ModelServiceUnavailable", "one of two replicas", deployment("1x30"), "3m", None),
    ("ModelServiceUnavailable", "for a minute", deployment("2 0x30"), "2m", None),
    ("ModelServiceUnavailable", "for three minutes", deployment("2 0x30"), "4m", SERVICE),
    ("ModelServiceUnavailable", "scaled to zero", deployment("0x30", wanted="0x30"), "3m", None),
    ("ModelServiceUnavailable", "first roll-out", deployment("0x30", progress="ReplicaSetUpdated"), "3m", None),
    (
        "ModelServiceUnavailable",
        "roll-out out of time",
        deployment("0x30", progress="ProgressDeadlineExceeded"),
        "3m",
        SERVICE,
    ),
    ("ModelServiceUnavailable", "no model service", deployment("0x30", **{COMPONENT: "operator"}), "3m", None),
    (
        "ModelServiceUnavailable",
        "another variant answers",
        [*deployment("0x30"), *deployment("1x30", deployment="chat-assistant-canary")],
        "3m",
        None,
    ),
    ("ModelServiceUnavailable", "seen twice", scraped_twice(deployment("0x30")), "3m", SERVICE),
    ("JobFailed", "failed", job("1x30"), "1m", {**JOB, "job_name": "chat-embed-1a2b3c4d"}),
    ("JobFailed", "runs", job("0x30"), "1m", None),
    ("JobFailed", "of no workspace", job("1x30", workspace=""), "1m", None),
    (
        "JobFailed",
        "last success before it",
        run_of_schedule("30x30"),
        "5m",
        {**JOB, "job_name": "chat-embed-1a2b3c4d"},
    ),
    ("JobFailed", "a later run succeeded", run_of_schedule("90x30"), "5m", None),
    ("JobFailed", "seen twice", scraped_twice(job("1x30")), "1m", {**JOB, "job_name": "chat-embed-1a2b3c4d"}),
    ("PodsUnschedulable", "two pods", [*pod("1x30", name="a"), *pod("1x30", name="b")], "16m", {**JOB, "value": "2"}),
    ("PodsUnschedulable", "for ten minutes", pod("1x30", name="a"), "10m", None),
    ("PodsUnschedulable", "placed after ten minutes", pod("1x10 stale", name="a"), "16m", None),
    ("PodsUnschedulable", "of no workspace", pod("1x30", name="a", workspace=""), "16m", None),
    ("PodsUnschedulable", "seen twice", scraped_twice(pod("1x30", name="a")), "16m", {**JOB, "value": "1"}),
]


def expected(alert: str, labels: Mapping[str, str]) -> dict[str, Any]:
    """What promtool is to find: labels, and annotations without a single placeholder left."""
    annotations = dict(RULES[alert]["annotations"])
    for key, text in annotations.items():
        filled = text.replace("{{ $value }}", labels.get("value", ""))
        for label, value in labels.items():
            filled = filled.replace(f"{{{{ $labels.{label} }}}}", value)
        assert "{{" not in filled, f"{key} uses a label that the alert does not have: {filled}"
        annotations[key] = filled
    own = {key: value for key, value in labels.items() if key != "value"}
    return {"exp_labels": {**own, **RULES[alert]["labels"]}, "exp_annotations": annotations}


def promtool(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(require_tool("promtool")), *arguments], capture_output=True, text=True, check=False)


@pytest.fixture
def rule_file(tmp_path: Path) -> Path:
    path = tmp_path / "rules.yaml"
    path.write_text(json.dumps({"groups": rule_groups()}), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("alert", "given", "at", "labels"),
    [(alert, given, at, labels) for alert, _, given, at, labels in CASES],
    ids=[f"{alert}: {case}" for alert, case, *_ in CASES],
)
def test_fires_only_in_its_case(
    rule_file: Path, alert: str, given: Sequence[Mapping[str, str]], at: str, labels: Mapping[str, str] | None
) -> None:
    found = [] if labels is None else [expected(alert, labels)]
    test = {
        "interval": "1m",
        "input_series": list(given),
        "alert_rule_test": [{"eval_time": at, "alertname": alert, "exp_alerts": found}],
    }
    path = rule_file.with_name("test.yaml")
    path.write_text(json.dumps({"rule_files": [rule_file.name], "tests": [test]}), encoding="utf-8")
    done = promtool("test", "rules", str(path))
    assert done.returncode == 0, done.stdout + done.stderr


def test_is_a_rule_file(rule_file: Path) -> None:
    done = promtool("check", "rules", str(rule_file))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "3 rules found" in done.stdout


def test_every_alert_says_what_to_do() -> None:
    for alert, rule in RULES.items():
        assert set(rule["annotations"]) == {"summary", "description", "action"}, alert
        assert rule["labels"]["severity"] in {"critical", "warning"}


def test_reads_only_labels_that_are_exported() -> None:
    exported = {"label_" + label.replace(".", "_").replace("/", "_").replace("-", "_") for label in EXPORTED_LABELS}
    for rule in RULES.values():
        words = rule["expr"].replace("(", " ").replace(")", " ").replace("{", " ").replace(",", " ").replace("=", " ")
        read = {word.rstrip("!") for word in words.split() if word.startswith("label_") and word != "label_replace"}
        assert read
        assert read <= exported
