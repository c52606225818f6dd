"""The whole local stack through the real engine: made, looked at, kept, healed, removed, each time by new processes."""

import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engine.local_stack import LOCAL_SPEC, POOL_LABEL, Json, LocalStack, is_listening, local_stack, uids
from tests.support.processes import wait_until

pytestmark = pytest.mark.engine

CHAT, VISION = LOCAL_SPEC["workspaces"]["chat"], LOCAL_SPEC["workspaces"]["vision"]
WORKLOADS: dict[str, tuple[Json, int, int]] = {
    "chat-assistant": (CHAT["services"]["assistant"], 1, 1),
    "chat-embed-backlog": (CHAT["jobs"]["embed-backlog"], 4, 1),
    "chat-finetune": (CHAT["training"]["finetune"], 2, 8),
    "vision-digits": (VISION["services"]["digits"], 1, 0),
    "vision-train-digits": (VISION["jobs"]["train-digits"], 1, 0),
}
"""Spec, pods and GPUs of a pod of each workload that runs at once; the scheduled job waits for its hour."""


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    """The local stack, made by plain `pulumi up`."""
    with local_stack(tmp_path_factory.mktemp("local"), LOCAL_SPEC, virtualenv=Path(sys.prefix)) as made:
        result = made.project.up()
        assert set(result.changes) == {"create"}
        yield made


def _phase(pod: Json) -> str:
    return pod["status"]["phase"]


def test_every_pod_is_on_a_node_of_its_pool(stack: LocalStack) -> None:
    """Running or completed, as many as the spec says, on nodes with the label of the pool that the spec names."""
    wait_until(lambda: {_phase(pod) for pod in stack.get("pods")} == {"Running", "Succeeded"}, "all pods")
    pools = {node["metadata"]["name"]: node["metadata"]["labels"][POOL_LABEL] for node in stack.get("nodes")}
    assert Counter(pools.values()) == {name: pool.get("max_nodes", 1) for name, pool in LOCAL_SPEC["pools"].items()}
    wanted = {
        (name, spec["pool"], "Running" if "runtime" in spec else "Succeeded"): count
        for name, (spec, count, _) in WORKLOADS.items()
    }

    def placed() -> Counter[tuple[str, str | None, str]]:
        return Counter(
            (
                pod["metadata"]["labels"]["app.kubernetes.io/instance"],
                pools.get(pod["spec"].get("nodeName")),
                _phase(pod),
            )
            for pod in stack.get("pods")
        )

    wait_until(lambda: placed() == wanted, "every pod on a node of its pool")


def test_gpus_are_asked_for_where_they_are(stack: LocalStack) -> None:
    """A pod's GPUs are those of its spec; a node holds no more than it has, and the simulated ones have them."""
    gpus: dict[str, set[int]] = {}
    for pod in stack.get("pods"):
        [container] = pod["spec"]["containers"]
        asked = container["resources"].get("limits", {}).get("nvidia.com/gpu", "0")
        gpus.setdefault(pod["metadata"]["labels"]["app.kubernetes.io/instance"], set()).add(int(asked))
    assert gpus == {name: {count} for name, (_, _, count) in WORKLOADS.items()}
    capacities = {
        node["metadata"]["labels"][POOL_LABEL]: node["status"]["allocatable"].get("nvidia.com/gpu")
        for node in stack.get("nodes")
    }
    assert capacities == {"system": None, "l4": "1", "h100": "8"}


def test_schedule_waits_for_its_hour(stack: LocalStack) -> None:
    """The scheduled job is there, in its time zone, and has not run."""
    cron = stack.one("cronjobs", "vision-score-digits")
    assert (cron["spec"]["schedule"], cron["spec"]["timeZone"]) == ("0 2 * * *", "Europe/Berlin")
    assert not stack.get("jobs", "--selector=app.kubernetes.io/instance=vision-score-digits")


def test_outputs(stack: LocalStack) -> None:
    """Outputs have the services' addresses; the kubeconfig is a secret and leads to the cluster."""
    outputs = stack.project.outputs()
    assert outputs["kubeconfig"] == "[secret]"
    assert outputs["services"] == {
        "chat/assistant": "http://assistant.chat.svc",
        "vision/digits": "http://digits.vision.svc",
    }
    assert outputs["cluster_name"] == stack.cluster_folder.name
    assert stack.project.outputs(show_secrets=True)["kubeconfig"] == stack.kubeconfig.read_text(encoding="utf-8")


def test_nothing_changes_without_a_change(stack: LocalStack) -> None:
    """Refresh, update and preview of the same spec leave everything as it is, object by object."""
    before = {each["metadata"]["uid"]: each["metadata"].get("generation") for each in stack.of_workspace("vision")}
    assert stack.project.up("--refresh").unchanged
    assert stack.project.preview("--expect-no-changes").unchanged
    after = {each["metadata"]["uid"]: each["metadata"].get("generation") for each in stack.of_workspace("vision")}
    assert after == before


def test_what_was_deleted_outside_comes_back(stack: LocalStack) -> None:
    """A Deployment and a node that somebody deleted are found by a refresh, and made again; nothing else is touched."""
    digits = stack.one("deployments", "vision-digits")["metadata"]["name"]
    others = {key: uid for key, uid in uids(stack.of_workspace("vision")).items() if digits not in key}
    stack.kubectl("delete", "deployment", digits, "--namespace=vision", "--cascade=foreground")
    stack.kubectl("delete", "node", "l4-2")

    result = stack.project.up("--refresh", "--run-program")

    changed = {step.name: step.op for step in result.steps if step.op not in {"same", "refresh", "read"}}
    assert changed == {"vision-digits": "create", "vision-digits-autoscaler": "update", "test-l4": "update"}
    assert len(stack.get("nodes", f"--selector={POOL_LABEL}=l4")) == LOCAL_SPEC["pools"]["l4"]["max_nodes"]
    digits = stack.one("deployments", "vision-digits")
    assert digits["status"]["readyReplicas"] >= 1
    after = uids(stack.of_workspace("vision"))
    assert {key: uid for key, uid in after.items() if digits["metadata"]["name"] not in key} == others


def test_destroy_leaves_nothing(stack: LocalStack) -> None:
    """No resource, object, process, port or file; what is left belongs to the project and to Pulumi."""
    ports, cluster = stack.ports, stack.cluster_folder
    assert stack.daemons()
    assert all(map(is_listening, ports))

    result = stack.project.destroy()

    assert set(result.changes) == {"delete"}
    assert not stack.project.resources()
    assert not cluster.exists()
    assert [process.cmdline() for process in stack.processes()] == []
    assert not [port for port in ports if is_listening(port)]
    assert stack.files() == {
        *("project/Pulumi.yaml", "project/stacks/__main__.py", "project/stacks/Pulumi.test.yaml"),
        *(str(file.relative_to(stack.base)) for file in (stack.folder / "tools").rglob("*.py")),
    }
