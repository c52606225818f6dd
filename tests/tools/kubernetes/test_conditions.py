"""Waits' conditions, field ownership and pauses without an API server."""

import threading
import time
from types import SimpleNamespace
from typing import Any

import pytest

from tools.offline.common.paths import parse_path
from tools.offline.kubernetes import transport
from tools.offline.kubernetes.await_pods import pod_problems
from tools.offline.kubernetes.jsonpath import compile_path
from tools.offline.kubernetes.managed_fields import settle_ignored, takeover_patch
from tools.offline.kubernetes.naming import unique_name
from tools.offline.kubernetes.wait_for import parse_wait_for
from tools.offline.kubernetes.waiting import Pauses, timeout_seconds

DOCUMENT = {
    "status": {
        "phase": "Running",
        "ready": True,
        "count": 3,
        "conditions": [{"type": "Ready", "status": "True"}, {"type": "Stale", "status": "False"}],
        "a.b": {"c": 1},
    }
}


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("$.status.phase", ["Running"]),
        (".status['phase']", ["Running"]),
        ('.status["a.b"].c', [1]),
        (".status.conditions[0].type", ["Ready"]),
        (".status.conditions[-1].type", ["Stale"]),
        (".status.conditions[*].status", ["True", "False"]),
        ('.status.conditions[?(@.type=="Stale")].status', ["False"]),
        ("$.status.conditions[?@.type=='Ready'].status", ["True"]),
        ('.status.conditions[?@.type!="Ready"].status', ["False"]),
        (".status.conditions[?@.type].type", ["Ready", "Stale"]),
        (".status.absent", []),
        (".status.conditions[7]", []),
        (".status.phase.deeper", []),
    ],
)
def test_paths_select(path: str, found: list[Any]) -> None:
    assert compile_path(path)(DOCUMENT) == found


@pytest.mark.parametrize("path", [".status..phase", ".status[", ".a[?(@.b > 1)]", ".status.conditions[0:1]", "status"])
def test_paths_that_are_not_understood_are_refused(path: str) -> None:
    with pytest.raises(ValueError, match="JSONPath"):
        compile_path(path)


def _done(annotation: str, live: dict[str, Any]) -> bool:
    check: Any = parse_wait_for(annotation)
    return check(None, live).done


@pytest.mark.parametrize(
    ("annotation", "done"),
    [
        ("jsonpath={.status.phase}=Running", True),
        ("jsonpath={.status.phase}=Failed", False),
        ("jsonpath={.status.phase}", True),
        ("jsonpath={ .status.absent }", False),
        ("jsonpath={.status.ready}=true", True),
        ("jsonpath={.status.count}=3", True),
        ('jsonpath={.status.conditions[?(@.type=="Ready")].status}=True', True),
        ("condition=Ready", True),
        ("condition=ready", True),
        ("condition=Stale", False),
        ("condition=Stale=False", True),
        ("condition=Absent", False),
        ('["condition=Ready", "jsonpath={.status.phase}=Running"]', True),
        ('["condition=Ready", "condition=Stale"]', False),
    ],
)
def test_wait_for(annotation: str, done: bool) -> None:
    assert _done(annotation, DOCUMENT) is done


def test_a_status_of_an_earlier_generation_does_not_count() -> None:
    stale = {"metadata": {"generation": 2}, "status": {**DOCUMENT["status"], "observedGeneration": 1}}
    assert not _done("condition=Ready", stale)
    assert not _done("jsonpath={.status.phase}=Running", stale)
    stale["status"]["observedGeneration"] = 2
    assert _done("condition=Ready", stale)
    assert _done("jsonpath={.status.phase}=Running", stale)


@pytest.mark.parametrize(
    "annotation",
    ["Ready", "[]", "jsonpath=.status.phase", "jsonpath={.a}=", "jsonpath={.a}=b=c", "jsonpath='{.a}'", '["x"]'],
)
def test_a_wait_for_that_cannot_be_read_is_refused(annotation: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - each has a message of its own
        parse_wait_for(annotation)


def test_pods_problems_are_told_in_one_line_each() -> None:
    unschedulable = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/2 nodes"}
    waiting = {"name": "c", "ready": False, "state": {"waiting": {"reason": "ImagePullBackOff", "message": "no image"}}}
    crashed = {
        "name": "c",
        "ready": False,
        "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off"}},
        "lastState": {"terminated": {"reason": "Error", "exitCode": 2, "message": "bad flag"}},
    }
    starting = {"name": "c", "ready": False, "state": {"waiting": {"reason": "ContainerCreating"}}}
    pods = [
        {"metadata": {"name": "a"}, "status": {"conditions": [unschedulable]}},
        {"metadata": {"name": "b"}, "status": {"containerStatuses": [waiting]}},
        {"metadata": {"name": "c"}, "status": {"initContainerStatuses": [crashed]}},
        {"metadata": {"name": "d"}, "status": {"containerStatuses": [starting]}},
        {"metadata": {"name": "e"}, "status": {"phase": "Succeeded", "conditions": [unschedulable]}},
    ]
    assert pod_problems(pods) == (
        "pod a: Unschedulable 0/2 nodes",
        "pod b: container c: [ImagePullBackOff] no image",
        "pod c: container c: [CrashLoopBackOff] back-off",
        "pod c: container c ended: [Error] exit code 2 bad flag",
    )


def _entry(manager: str, operation: str, fields: dict[str, Any], **more: str) -> dict[str, Any]:
    return {"manager": manager, "operation": operation, "fieldsV1": fields, **more}


def test_created_fields_move_to_the_applier_and_others_stay() -> None:
    entries = [
        _entry("pulumi-kubernetes", "Update", {"f:spec": {"f:a": {}}}),
        _entry("me", "Apply", {"f:spec": {"f:b": {}}}),
        _entry("controller", "Update", {"f:spec": {"f:c": {}}}),
        _entry("pulumi-kubernetes", "Update", {"f:status": {}}, subresource="status"),
    ]
    live = {"metadata": {"managedFields": entries, "resourceVersion": "7"}}
    managed, version = takeover_patch(live, "me")
    assert managed["value"][0]["fieldsV1"] == {"f:spec": {"f:a": {}, "f:b": {}}}
    assert [(each["manager"], each["operation"]) for each in managed["value"]] == [
        ("me", "Apply"),
        ("controller", "Update"),
        ("pulumi-kubernetes", "Update"),
    ]
    assert version["value"] == "7", "a controller's write in between must not be lost"
    assert takeover_patch({"metadata": {"managedFields": entries[1:]}}, "me") == []


def test_ignored_fields_follow_their_owner() -> None:
    live = {
        "metadata": {
            "managedFields": [
                _entry("me", "Apply", {"f:spec": {"f:ours": {}}}),
                _entry("scaler", "Update", {"f:spec": {"f:theirs": {}}}),
            ]
        },
        "spec": {"ours": 1, "theirs": 2, "list": [1]},
    }
    inputs = {"spec": {"ours": 10, "theirs": 20, "unset": 30, "list": [9]}}
    settle_ignored(inputs, live, [parse_path(f"spec.{name}") for name in ("ours", "theirs", "unset", "list[0]")], "me")
    assert inputs == {"spec": {"ours": 1, "unset": 30, "list": [9]}}


def test_names_depend_on_the_seed_only() -> None:
    assert unique_name("a-", b"seed") == unique_name("a-", b"seed")
    assert unique_name("a-", b"seed") != unique_name("a-", b"other")
    assert unique_name("a-") != unique_name("a-")


def test_pauses_end_with_the_time_or_a_cancellation() -> None:
    cancelled = threading.Event()
    assert set(iter(Pauses(cancelled, 0.5).next, "timeout")) == {""}
    cancelled.set()
    started = time.monotonic()
    assert Pauses(cancelled, 60).next() == "cancelled"
    assert time.monotonic() - started < 1


def test_the_custom_timeout_goes_before_the_annotation() -> None:
    marked = {"metadata": {"annotations": {"pulumi.com/timeoutSeconds": "5"}}}
    assert timeout_seconds(2, marked) == 2
    assert timeout_seconds(0, marked) == 5
    assert timeout_seconds(0, {}) == 600
    assert timeout_seconds(0, {"metadata": {"annotations": {"pulumi.com/timeoutSeconds": "soon"}}}) == 600


def test_the_rate_limit_lets_a_burst_through_and_then_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    clock = SimpleNamespace(monotonic=lambda: sum(slept), sleep=slept.append)
    monkeypatch.setattr(transport, "time", clock)
    limit = transport.RateLimit(per_second=100, burst=5)
    for _ in range(5):
        limit.wait()
    assert slept == []
    for _ in range(10):
        limit.wait()
    assert slept == pytest.approx([0.01] * 10)
