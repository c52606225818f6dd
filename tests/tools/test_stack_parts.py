"""The parts of the driver that need no engine: pending creates, the salt, the table."""

import json
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import pytest
import yaml

from modelyard.stack.spec import load_stack
from tests.support.paths import ROOT
from tools.stack import pending, salt, table, trial

NAMESPACED = {"apiVersion": "v1", "kind": "Service", "metadata": {"namespace": "chat", "name": "fraud"}}
CLUSTER_WIDE = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "chat"}}


def _operation(urn: str, inputs: dict[str, Any], kind: str = "creating") -> dict[str, Any]:
    return {"type": kind, "resource": {"urn": urn, "custom": True, "inputs": inputs, "provider": "provider::id"}}


@pytest.mark.parametrize(
    ("inputs", "object_id"),
    [
        (NAMESPACED, "chat/fraud"),
        (CLUSTER_WIDE, "chat"),
        ({"apiVersion": "v1", "kind": "Pod", "metadata": {"generateName": "chat-"}}, None),
        ({"name": "cluster", "engine": "kwok"}, None),
        ({}, None),
    ],
)
def test_id_of_a_pending_object_is_the_providers(inputs: dict[str, Any], object_id: str | None) -> None:
    (create,) = pending.pending_creates({"pending_operations": [_operation("a", inputs)]})
    assert create.object_id == object_id


def test_only_creates_are_pending_creates() -> None:
    operations = [_operation("a", NAMESPACED), _operation("b", NAMESPACED, kind="updating")]
    assert [each.urn for each in pending.pending_creates({"pending_operations": operations})] == ["a"]
    assert pending.pending_creates({"pending_operations": None}) == []


def test_settled_state_holds_what_was_found_after_all_others_and_nothing_pending() -> None:
    deployment = {
        "manifest": {"version": "v3"},
        "resources": [{"urn": "stack"}],
        "pending_operations": [
            _operation("found", NAMESPACED),
            _operation("absent", CLUSTER_WIDE),
            _operation("changing", NAMESPACED, kind="updating"),
        ],
    }
    settled = pending.settle(deployment, {"found": "chat/fraud"})
    assert settled["manifest"] == deployment["manifest"]
    assert [each["urn"] for each in settled["resources"]] == ["stack", "found"]
    assert settled["resources"][1]["id"] == "chat/fraud"
    assert settled["resources"][1]["inputs"] == NAMESPACED
    assert settled["pending_operations"] == []


PLAIN = "# a comment\nconfig:\n  modelyard:stack: {}\n"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (f"{PLAIN}encryptionsalt: v1:abc=\n", PLAIN),
        (f"encryptionsalt: v1:abc=\n{PLAIN}", PLAIN),
        (PLAIN, PLAIN),
        (
            f"{PLAIN}  modelyard:token:\n    secure: v1:x\nencryptionsalt: v1:abc=\n",
            f"{PLAIN}  modelyard:token:\n    secure: v1:x\nencryptionsalt: v1:abc=\n",
        ),
    ],
    ids=["last line", "first line", "none", "needed for a secret"],
)
def test_salt_goes_with_its_stack_unless_a_secret_needs_it(tmp_path: Path, before: str, after: str) -> None:
    file = tmp_path / "Pulumi.local.yaml"
    file.write_text(before, encoding="utf-8")
    salt.remove(file)
    assert file.read_text(encoding="utf-8") == after


def test_salt_of_a_stack_without_configuration_is_no_error(tmp_path: Path) -> None:
    salt.remove(tmp_path / "Pulumi.local.yaml")


def _pod(node: str | None, phase: str, conditions: list[dict[str, str]] | None = None) -> dict[str, Any]:
    return {
        "metadata": {"namespace": "chat", "name": "fraud-abc", "ownerReferences": [{"name": "fraud-rs"}]},
        "spec": {"nodeName": node} if node else {},
        "status": {"phase": phase, "conditions": conditions},
    }


NODES = {
    "l4-0": {
        "name": "l4-0",
        "labels": {"modelyard.dev/pool": "l4"},
        "annotations": {"kwok.x-k8s.io/node": "fake"},
    },
    "host": {"name": "host"},
}


@pytest.mark.parametrize(
    ("node", "pool", "runs"), [("l4-0", "l4", "simulated"), ("host", "-", "real"), (None, "-", "-")]
)
def test_row_tells_where_a_pod_is(node: str | None, pool: str, runs: str) -> None:
    row = table.row(_pod(node, "Running"), NODES)
    assert (row.workload, row.phase, row.node, row.pool, row.runs) == ("fraud-rs", "Running", node or "-", pool, runs)


def test_row_names_the_workload_by_its_label() -> None:
    pod = _pod("host", "Succeeded")
    pod["metadata"]["labels"] = {"app.kubernetes.io/instance": "chat-fraud"}
    assert (table.row(pod, NODES).workload, table.row(pod, NODES).phase) == ("chat-fraud", "Completed")


def test_row_says_why_a_pod_waits() -> None:
    message = "0/3 nodes are available: 3 Insufficient nvidia.com/gpu. preemption: none"
    pod = _pod(None, "Pending", [{"type": "PodScheduled", "status": "False", "message": message}])
    assert table.row(pod, NODES).phase == "Pending (0/3 nodes are available)"


def test_table_is_aligned() -> None:
    assert table.align([["A", "LONG"], ["wide", "x"]]) == "A     LONG\nwide  x"


def _placed(runs: str, node: str, pool: str) -> table.Row:
    return table.Row(namespace="a", workload="a", pod="a", phase="Running", node=node, pool=pool, runs=runs)


def test_summary_tells_real_from_simulated() -> None:
    rows = [
        _placed("real", "host", "system"),
        _placed("real", "host", "batch"),
        _placed("simulated", "l4-0", "l4"),
        _placed("-", "-", "-"),
    ]
    real, simulated = table.summary(rows).splitlines()
    assert real == "2 pods are real: their containers run on host"
    assert simulated.startswith("1 pods are simulated, of the pools l4: ")
    assert table.summary(rows[3:]) == ""


class TestTrial:
    ROWS: ClassVar[list[table.Row]] = [replace(_placed("simulated", "l4-0", "l4"), workload="a-b")]

    def test_it_is_read_beside_the_stacks_file(self, tmp_path: Path) -> None:
        (tmp_path / "trial.local.yaml").write_text("{service: vision/digits, path: /predict, body: sub/body.json}")
        (tmp_path / "sub").mkdir()
        (tmp_path / "sub" / "body.json").write_text('{"images": [1]}')
        found = trial.find(tmp_path, "local")
        assert found == trial.Trial(workspace="vision", service="digits", path="/predict", body={"images": [1]})
        assert trial.find(tmp_path, "prod") is None

    def test_the_one_of_this_project_can_be_sent(self) -> None:
        found = trial.find(ROOT / "stacks", "local")
        assert found
        written = yaml.safe_load((ROOT / "stacks" / "Pulumi.local.yaml").read_text())
        stack = load_stack(json.dumps(written["config"]["modelyard:stack"]))
        assert found.service in stack.workspaces[found.workspace].services

    def test_a_simulated_service_is_not_asked(self) -> None:
        asked = trial.Trial(workspace="a", service="b", path="/", body={})
        assert trial.run(asked, "no kubeconfig is needed", self.ROWS) == (
            "no request was sent to a/b: its pods are simulated here, and no container runs"
        )

    @pytest.mark.parametrize("rows", [[], [_placed("-", "-", "-")]])
    def test_a_service_without_a_pod_on_a_node_is_an_error(self, rows: list[table.Row]) -> None:
        asked = trial.Trial(workspace="a", service="b", path="/", body={})
        with pytest.raises(trial.TrialError, match="a/b has no pod on a node; see: kubectl get pods --namespace a"):
            trial.run(asked, "no kubeconfig is needed", rows)

    @pytest.mark.parametrize(
        ("answers", "said"),
        [
            ([(200, '{"predictions": [7]}')], "a/b answered POST /predict with 200"),
            ([(503, "no endpoints"), (0, "refused"), (200, "fine")], "with 200"),
            ([(500, "broken")], "a/b answered POST /predict with 500: broken; see: kubectl"),
            ([(422, "not an image")], "with 422: not an image"),
        ],
    )
    def test_the_answer_decides(
        self, answers: list[tuple[int, str]], said: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        class Served:
            def post(self, *_: object) -> tuple[int, str]:
                return answers.pop(0)

        monkeypatch.setattr(trial, "connected", lambda _: nullcontext(Served()))  # pyright: ignore[reportUnknownArgumentType, reportUnknownLambdaType]
        monkeypatch.setattr(trial, "_POLL_SECONDS", 0)
        asked = trial.Trial(workspace="a", service="b", path="/predict", body={})
        rows = [replace(_placed("real", "host", "system"), workload="a-b")]
        failed = answers[-1][0] >= 400
        with pytest.raises(trial.TrialError) if failed else nullcontext() as caught:
            assert said in trial.run(asked, "", rows)
        if caught:
            assert said in str(caught.value)
