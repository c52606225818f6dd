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
VARIANT, CAPACITY = "label_modelyard_dev_variant", "label_modelyard_dev_capacity"
WORKER = "label_leaderworkerset_sigs_k8s_io_worker_index"
REVISION = "label_leaderworkerset_sigs_k8s_io_template_revision_hash"
SERVICE = {"namespace": "chat", NAME: "assistant", VARIANT: "main"}
CANARY = {**SERVICE, VARIANT: "canary"}
JOB = {"namespace": "chat", NAME: "embed", COMPONENT: "batch-job"}
RULES = {rule["alert"]: rule for group in rule_groups() for rule in group["rules"] if "alert" in rule}
COMPLETE, RUNS, LATE = "NewReplicaSetAvailable", "ReplicaSetUpdated", "ProgressDeadlineExceeded"


def series(metric: str, values: str, **labels: str) -> dict[str, str]:
    listed = ",".join(f'{key}="{value}"' for key, value in labels.items())
    return {"series": f"{metric}{{{listed}}}", "values": values}


def deployment(
    available: str, *, wanted: str = "2x100", progress: str = COMPLETE, variant: str = "main", **labels: str
) -> list[dict[str, str]]:
    key = {"namespace": "chat", "deployment": f"chat-assistant-{variant}-1a2b3c4d"}
    of_service = {NAME: "assistant", COMPONENT: "model-service", VARIANT: variant}
    condition = {"condition": "Progressing", "reason": progress}
    return [
        series("kube_deployment_labels", "1x100", **key, **{**of_service, **labels}),
        series("kube_deployment_status_replicas_available", available, **key),
        series("kube_deployment_spec_replicas", wanted, **key),
        *(
            series(
                "kube_deployment_status_condition",
                "1x100" if (status == "false") == (progress == LATE) else "0x100",
                **key,
                **condition,
                status=status,
            )
            for status in ("true", "false")
        ),
    ]


def replica(
    ready: str, *, name: str = "a", variant: str = "main", present: str = "1x100", phase: str = "Running", **labels: str
) -> list[dict[str, str]]:
    """A pod of a Rollout; with labels of a LeaderWorkerSet, one of those."""
    key = {"namespace": "chat", "pod": f"chat-assistant-{name}", "uid": name}
    of_service = {NAME: "assistant", COMPONENT: "model-service", VARIANT: variant}
    return [
        series("kube_pod_labels", present, **key, **of_service, **labels),
        series("kube_pod_status_ready", ready, **key, condition="true"),
        series("kube_pod_status_ready", present, **key, condition="false"),
        *(
            series("kube_pod_status_phase", present if each == phase else "0x100", **key, phase=each)
            for each in ("Pending", "Running", "Failed")
        ),
    ]


def leader(ready: str, *, revision: str = "one", name: str = "0", **settings: str) -> list[dict[str, str]]:
    return replica(ready, name=name, **{WORKER: "0", REVISION: revision}, **settings)


def worker(ready: str, *, revision: str = "one", name: str = "0-1", **settings: str) -> list[dict[str, str]]:
    return replica(ready, name=name, **{WORKER: "1", REVISION: revision}, **settings)


def ends(at: str, *, name: str) -> list[dict[str, str]]:
    """That a pod is told to end, by that time."""
    return [series("kube_pod_deletion_timestamp", at, namespace="chat", pod=f"chat-assistant-{name}", uid=name)]


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


def pod(
    unschedulable: str, *, name: str, workspace: str = "chat", created: str = "0x2000", **labels: str
) -> list[dict[str, str]]:
    key = {"namespace": "chat", "pod": name}
    of_job = {NAME: "embed", COMPONENT: "batch-job", "label_modelyard_dev_workspace": workspace}
    return [
        series("kube_pod_labels", "1x2000", **key, **{**of_job, **labels}),
        series("kube_pod_status_unschedulable", unschedulable, **key),
        series("kube_pod_created", created, **key),
    ]


def scraped_twice(found: Sequence[Mapping[str, str]]) -> list[dict[str, str]]:
    """The same series from two pods of kube-state-metrics, as while one replaces the other."""
    return [
        {**each, "series": each["series"][:-1] + f',instance="{instance}"}}'} for each in found for instance in "ab"
    ]


CASES = [
    ("ModelServiceUnavailable", "none of two replicas", deployment("2x5 0x95"), "9m", SERVICE),
    ("ModelServiceUnavailable", "one of two replicas", deployment("2x5 1x95"), "9m", None),
    ("ModelServiceUnavailable", "for a minute", deployment("2x5 0x95"), "7m", None),
    ("ModelServiceUnavailable", "for three minutes", deployment("2x5 0x95"), "8m", SERVICE),
    ("ModelServiceUnavailable", "answers again", deployment("2x5 0x3 2x91"), "12m", None),
    ("ModelServiceUnavailable", "scaled to zero", deployment("2x5 0x95", wanted="2x5 0x95"), "20m", None),
    ("ModelServiceUnavailable", "comes back from zero", deployment("2x5 0x95", wanted="2x5 0x30 1x60"), "50m", None),
    ("ModelServiceUnavailable", "an hour after zero", deployment("2x5 0x95", wanted="2x5 0x5 1x90"), "80m", SERVICE),
    (
        "ModelServiceUnavailable",
        "fails after it came back",
        deployment("2x5 0x35 1x5 0x50", wanted="2x5 0x30 1x65"),
        "55m",
        SERVICE,
    ),
    ("ModelServiceUnavailable", "just made", deployment("0x100", progress=""), "30m", None),
    ("ModelServiceUnavailable", "known since it failed only", deployment("0x100"), "3m", SERVICE),
    ("ModelServiceUnavailable", "first roll-out", deployment("0x100", progress=RUNS), "90m", None),
    (
        "ModelServiceUnavailable",
        "roll-out of the only replica",
        deployment("1x5 0x95", wanted="1x100", progress=RUNS),
        "20m",
        None,
    ),
    ("ModelServiceUnavailable", "roll-out out of time", deployment("0x100", progress=LATE), "3m", SERVICE),
    (
        "ModelServiceUnavailable",
        "roll-out out of time beside old replicas",
        deployment("1x100", progress=LATE),
        "3m",
        None,
    ),
    ("ModelServiceUnavailable", "out of time at zero", deployment("0x100", wanted="0x100", progress=LATE), "3m", None),
    ("ModelServiceUnavailable", "no model service", deployment("2x5 0x95", **{COMPONENT: "operator"}), "9m", None),
    ("ModelServiceUnavailable", "gone", deployment("2x5 stale", wanted="2x5 stale"), "20m", None),
    (
        "ModelServiceUnavailable",
        "main beside a canary",
        [*deployment("2x5 0x95"), *deployment("1x100", variant="canary")],
        "9m",
        SERVICE,
    ),
    (
        "ModelServiceUnavailable",
        "main beside its shadow",
        [*deployment("2x5 0x95"), *deployment("1x100", variant="shadow")],
        "9m",
        SERVICE,
    ),
    (
        "ModelServiceUnavailable",
        "live colour beside the idle one",
        [*deployment("2x100"), *deployment("2x5 0x95", variant="green")],
        "9m",
        {**SERVICE, VARIANT: "green"},
    ),
    (
        "ModelServiceUnavailable",
        "decode beside prefill",
        [*deployment("2x5 0x95"), *deployment("1x100", variant="prefill")],
        "9m",
        SERVICE,
    ),
    (
        "ModelServiceUnavailable",
        "canary that is new",
        [*deployment("2x100"), *deployment("_x5 0x95", wanted="_x5 1x95", variant="canary", progress=RUNS)],
        "20m",
        None,
    ),
    (
        "ModelServiceUnavailable",
        "canary",
        [*deployment("2x100"), *deployment("1x5 0x95", variant="canary")],
        "9m",
        CANARY,
    ),
    (
        "ModelServiceUnavailable",
        "canary that is taken out",
        [*deployment("2x100"), *deployment("1x5 stale", wanted="1x5 stale", variant="canary")],
        "20m",
        None,
    ),
    (
        "ModelServiceUnavailable",
        "Deployment that follows another",
        [*deployment("1x100"), *deployment("0x100", variant="new", **{VARIANT: "main"})],
        "90m",
        None,
    ),
    ("ModelServiceUnavailable", "seen twice", scraped_twice(deployment("2x5 0x95")), "9m", SERVICE),
    ("ModelServiceUnavailable", "Rollout", [*replica("1x5 0x95"), *replica("1x5 0x95", name="b")], "9m", SERVICE),
    (
        "ModelServiceUnavailable",
        "Rollout, one of two pods",
        [*replica("1x5 0x95"), *replica("1x100", name="b")],
        "9m",
        None,
    ),
    ("ModelServiceUnavailable", "Rollout that is new", replica("0x100"), "30m", None),
    ("ModelServiceUnavailable", "Rollout that does not start", replica("0x100"), "63m", SERVICE),
    (
        "ModelServiceUnavailable",
        "Rollout, next version starts",
        [*replica("1x100"), *replica("_x5 0x95", name="b", variant="next", present="_x5 1x95")],
        "30m",
        None,
    ),
    (
        "ModelServiceUnavailable",
        "Rollout, next version",
        [*replica("1x100"), *replica("_x5 1x5 0x90", name="b", variant="next", present="_x5 1x95")],
        "14m",
        {**SERVICE, VARIANT: "next"},
    ),
    (
        "ModelServiceUnavailable",
        "Rollout, next version given up",
        [*replica("1x100"), *replica("_x5 1x5 stale", name="b", variant="next", present="_x5 1x5 stale")],
        "20m",
        None,
    ),
    (
        "ModelServiceUnavailable",
        "Rollout, failed pod beside its successor",
        [*replica("0x100", phase="Failed"), *replica("1x100", name="b")],
        "90m",
        None,
    ),
    ("ModelServiceUnavailable", "Rollout, failed pod alone", replica("1x5 0x95", phase="Failed"), "9m", None),
    ("ModelServiceUnavailable", "Rollout seen twice", scraped_twice(replica("1x5 0x95")), "9m", SERVICE),
    (
        "ModelServiceUnavailable",
        "Rollout that follows a Deployment",
        [*deployment("2x20"), *replica("0x100", variant="next")],
        "20m",
        None,
    ),
    ("ModelServiceUnavailable", "group", [*leader("1x5 0x95"), *worker("1x100")], "9m", SERVICE),
    ("ModelServiceUnavailable", "group, a worker alone", [*leader("1x100"), *worker("1x5 0x95")], "9m", None),
    ("ModelServiceUnavailable", "one group of two", [*leader("1x5 0x95"), *leader("1x100", name="1")], "9m", None),
    (
        "ModelServiceUnavailable",
        "group that is made anew",
        [*leader("1x5 0x2 stale", present="1x7 stale"), *leader("_x9 0x90", name="0b", present="_x9 1x90")],
        "13m",
        SERVICE,
    ),
    (
        "ModelServiceUnavailable",
        "group whose node is lost",
        [*leader("1x5 0x95"), *ends("_x10 660x90", name="0")],
        "30m",
        SERVICE,
    ),
    (
        "ModelServiceUnavailable",
        "only group, updated",
        [*leader("1x5 stale", present="1x5 stale"), *leader("_x6 0x94", name="0b", revision="two", present="_x6 1x94")],
        "30m",
        None,
    ),
    (
        "ModelServiceUnavailable",
        "groups, updated one by one",
        [*leader("1x100"), *leader("_x6 0x94", name="1", revision="two", present="_x6 1x94")],
        "90m",
        None,
    ),
    ("ModelServiceUnavailable", "groups, scaled to zero", leader("1x5 stale", present="1x5 stale"), "9m", None),
    ("ModelServiceUnavailable", "groups, ending", [*leader("1x5 0x95"), *ends("_x4 1200x90", name="0")], "9m", None),
    (
        "ModelServiceUnavailable",
        "groups, back from zero",
        [*leader("1x5 stale", present="1x5 stale"), *leader("_x15 0x85", name="0b", present="_x15 1x85")],
        "40m",
        None,
    ),
    (
        "ModelServiceUnavailable",
        "group, between two tries",
        leader("1x5 0x5 stale", present="1x11 stale"),
        "12m",
        SERVICE,
    ),
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
    (
        "PodsUnschedulable",
        "spare capacity beside a job",
        [*pod("1x30", name="a"), *pod("1x30", name="b", **{COMPONENT: "spare-capacity"})],
        "16m",
        {**JOB, "value": "1"},
    ),
    ("PodsUnschedulable", "spare capacity", pod("1x30", name="a", **{COMPONENT: "spare-capacity"}), "16m", None),
    ("PodsUnschedulable", "flex-start", pod("1x2000", name="a", **{CAPACITY: "flex-start"}), "20h", None),
    (
        "PodsUnschedulable",
        "flex-start for a day",
        pod("1x2000", name="a", **{CAPACITY: "flex-start"}),
        "25h",
        {**JOB, "value": "1"},
    ),
    (
        "PodsUnschedulable",
        "a pod beside flex-start",
        [*pod("1x30", name="a"), *pod("1x30", name="b", **{CAPACITY: "flex-start"})],
        "16m",
        {**JOB, "value": "1"},
    ),
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
    assert "6 rules found" in done.stdout


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
