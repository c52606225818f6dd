"""Whatever ends in the middle of an update: what `make up` runs puts the stack where an undisturbed update puts it."""

import re
import signal
import sys
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.engine.local_stack import POOL_LABEL, STACK_LABEL, Json, LocalStack, comparable, in_state, local_stack, uids
from tests.engine.services import service
from tests.support.engine import RunningUpdate
from tests.support.processes import wait_until

pytestmark = pytest.mark.engine

POOLS: Json = {"system": {"cpus": 64, "memory_gib": 256, "max_nodes": 2}}
WORKSPACE: Json = {
    "quota": {"cpus": 32},
    "services": {"web": service(replicas=2)},
    "jobs": {
        "once": {
            "image": "registry.example.org/once:1.0.0",
            "pool": "system",
            "cpus": 1,
            "memory_gib": 1,
            "timeout_seconds": 3600,
        },
    },
}
"""Objects with a fixed name and objects with a generated one."""
UNDISTURBED = "undisturbed"
"""The workspace that the others are compared with."""
_MOMENT_SECONDS = 90


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    """A stack with one workspace; each test adds its own, and is disturbed at it."""
    spec = {"pools": POOLS, "workspaces": {UNDISTURBED: WORKSPACE}}
    with local_stack(tmp_path_factory.mktemp("hurt"), spec, virtualenv=Path(sys.prefix)) as made:
        made.project.up()
        yield made


@contextmanager
def adding(stack: LocalStack, workspace: str) -> Generator[RunningUpdate]:
    """An update under way that adds the workspace; it is over when the block is."""
    stack.spec["workspaces"][workspace] = WORKSPACE
    stack.configure()
    with updating(stack, "up") as running:
        yield running


@contextmanager
def updating(stack: LocalStack, operation: str) -> Generator[RunningUpdate]:
    """An `up` or `destroy` under way, which must not end well; it is over when the block is."""
    running = stack.project.start(operation, "--yes", "--skip-preview")
    try:
        yield running
        assert running.wait(_MOMENT_SECONDS).exit_code != 0
    finally:
        running.kill()


def wait_for_step(running: RunningUpdate, event: str, kind: str) -> None:
    """Wait until the engine began (`resourcePreEvent`) or finished (`resOutputsEvent`) to create one of this type."""

    def happened() -> bool:
        steps: list[Json] = [each[event]["metadata"] for each in running.events if event in each]
        assert running.process.poll() is None, f"the update ended first:\n{running.text}"
        return any(each["type"].endswith(kind) and each["op"] == "create" for each in steps)

    wait_until(happened, f"{event} of {kind}", _MOMENT_SECONDS)


def wait_for_deployment(stack: LocalStack, running: RunningUpdate, workspace: str) -> None:
    """Wait until the workspace's Deployment exists; its pods cannot start, so that the update waits."""
    wait_for_step(running, "resourcePreEvent", "apps/v1:Deployment")
    selector = f"--selector=app.kubernetes.io/instance={workspace}-web"
    wait_until(lambda: len(stack.get("deployments", selector)) == 1, "the Deployment", _MOMENT_SECONDS)


def kill(stack: LocalStack, part: str) -> None:
    """SIGKILL the processes of the update whose command holds `part`."""
    found = stack.plugins(part)
    assert found, f"no {part} among {stack.project.processes()}"
    for process in found:
        process.kill()


def assert_as_undisturbed(stack: LocalStack, workspace: str) -> None:
    """What the state and the cluster have of the workspace is what they have of the undisturbed one, and no more."""
    deployment: Json = stack.project.export()["deployment"]
    assert not deployment.get("pending_operations")
    assert not [each["urn"] for each in deployment["resources"] if each.get("delete") or each.get("initErrors")]
    assert _resources(deployment, workspace) == _resources(deployment, UNDISTURBED)
    objects = stack.of_workspace(workspace)
    assert set(uids(objects)) == {
        each for each in in_state(deployment["resources"]) if re.search(rf"[ /]{workspace}(/|$)", each)
    }
    assert comparable(objects, workspace) == comparable(stack.of_workspace(UNDISTURBED), UNDISTURBED)
    wait_until(lambda: _pods(stack, workspace) == _pods(stack, UNDISTURBED), "the same pods")


def _resources(deployment: Json, workspace: str) -> list[str]:
    urns = [each["urn"].split("::", 2)[2] for each in deployment["resources"]]
    return sorted(re.sub(rf"\b{workspace}\b", "WORKSPACE", urn) for urn in urns if re.search(rf"::{workspace}\b", urn))


def _pods(stack: LocalStack, workspace: str) -> list[tuple[str, str, str]]:
    """Workload, node's pool and phase of each pod that is to stay."""
    return sorted(
        (
            pod["metadata"]["labels"]["app.kubernetes.io/name"],
            pod["spec"]["nodeSelector"][POOL_LABEL],
            pod["status"]["phase"],
        )
        for pod in stack.get("pods", f"--selector=modelyard.dev/workspace={workspace}")
        if "deletionTimestamp" not in pod["metadata"]
    )


def test_engine_killed_when_the_namespace_is_made(stack: LocalStack) -> None:
    """A stale lock, and creates of which nobody knows whether they happened."""
    with adding(stack, "a") as running:
        wait_for_step(running, "resOutputsEvent", "core/v1:Namespace")
        running.kill()
    stack.make("up")
    assert_as_undisturbed(stack, "a")


def test_engine_killed_while_pods_start(stack: LocalStack) -> None:
    """The Deployment exists, and the state has it as a pending create."""
    with stack.frozen("kwok-controller"), adding(stack, "b") as running:
        wait_for_deployment(stack, running, "b")
        running.kill()
    pending: list[Json] = stack.project.export()["deployment"]["pending_operations"]
    assert "kubernetes:apps/v1:Deployment" in {each["resource"]["type"] for each in pending}
    stack.make("up")
    assert_as_undisturbed(stack, "b")


def test_engine_killed_while_it_did_not_listen(stack: LocalStack) -> None:
    """The Namespace, whose name is fixed, exists, and the engine never heard of it."""
    with adding(stack, "c") as running:
        wait_for_step(running, "resourcePreEvent", "core/v1:Namespace")
        running.process.send_signal(signal.SIGSTOP)
        running.kill()
    stack.make("up")
    assert_as_undisturbed(stack, "c")


def test_program_killed_while_pods_start(stack: LocalStack) -> None:
    """The engine lets a wait that is under way end in its own time, until it is interrupted too."""
    with stack.frozen("kwok-controller"), adding(stack, "d") as running:
        wait_for_deployment(stack, running, "d")
        kill(stack, "program.py")
        running.interrupt()
    stack.make("up")
    assert_as_undisturbed(stack, "d")


def test_provider_killed_while_pods_start(stack: LocalStack) -> None:
    """What the kubernetes provider has made is unknown to the engine's state.

    It is removed; what somebody else made in the stack's name is not.
    """
    copied = ["configmap", "copied", f"--namespace={UNDISTURBED}"]
    stack.kubectl("create", *copied)
    stack.kubectl("label", *copied, f"{STACK_LABEL}=modelyard.test")
    with stack.frozen("kwok-controller"), adding(stack, "e") as running:
        wait_for_deployment(stack, running, "e")
        kill(stack, "tools.offline.kubernetes")
        running.interrupt()
    stack.make("up")
    assert_as_undisturbed(stack, "e")
    assert stack.kubectl("get", *copied)


def test_interrupted_while_pods_start(stack: LocalStack) -> None:
    """Ctrl-C: the wait is given up, and the Deployment is known as not ready."""
    with stack.frozen("kwok-controller"), adding(stack, "f") as running:
        wait_for_deployment(stack, running, "f")
        running.interrupt()
    stack.make("up")
    assert_as_undisturbed(stack, "f")


def test_api_server_killed_in_an_update(stack: LocalStack) -> None:
    """It answers nobody; what the update still had to make fails."""
    with adding(stack, "g") as running:
        wait_for_step(running, "resOutputsEvent", "core/v1:Namespace")
        stack.kill_daemons("kube-apiserver")
    stack.make("up")
    assert_as_undisturbed(stack, "g")


def test_cluster_killed_while_pods_start(stack: LocalStack) -> None:
    """Everything of the cluster is dead, as after a restart of the machine; the update waits in vain and is given up.

    The same objects come back on the same address.
    """
    before = uids(stack.of_workspace(UNDISTURBED)) | uids(stack.get("nodes"))
    ports, kubeconfig = stack.ports, stack.kubeconfig.read_text(encoding="utf-8")
    with stack.frozen("kwok-controller"), adding(stack, "h") as running:
        wait_for_deployment(stack, running, "h")
        stack.kill_daemons()
        running.interrupt()
    assert not stack.daemons()

    stack.make("up")

    assert_as_undisturbed(stack, "h")
    assert uids(stack.of_workspace(UNDISTURBED)) | uids(stack.get("nodes")) == before
    assert (stack.ports, stack.kubeconfig.read_text(encoding="utf-8")) == (ports, kubeconfig)
    assert len(stack.daemons()) == 5
    assert stack.project.preview("--expect-no-changes").unchanged


def test_engine_killed_in_a_destroy(stack: LocalStack) -> None:
    """What `make destroy` runs ends what was begun: nothing is left."""
    with updating(stack, "destroy") as running:
        wait_until(lambda: any("resOutputsEvent" in each for each in running.events), "a delete", _MOMENT_SECONDS)
        running.kill()
    cluster = stack.cluster_folder
    stack.make("destroy")
    assert not cluster.exists()
    assert [process.cmdline() for process in stack.processes()] == []


def test_whatever_ends_while_a_cluster_is_made(tmp_path_factory: pytest.TempPathFactory) -> None:
    """The engine when the cluster is half made, and when it is made; the dynamic provider while its nodes start.

    One cluster comes of it, and no other process.
    """
    with local_stack(tmp_path_factory.mktemp("new"), {"pools": POOLS, "workspaces": {"team": {}}}) as stack:
        with updating(stack, "up") as running:
            wait_until(lambda: bool(stack.daemons()), "the first process of the cluster", _MOMENT_SECONDS)
            running.kill()
        record = (stack.cluster_folder / "cluster.json").read_text(encoding="utf-8")
        assert '"ready": false' in record, "killed too late for this test"
        stack.project.run("cancel", "--yes", stack.project.stack)

        with updating(stack, "up") as running:
            wait_for_step(running, "resOutputsEvent", "modelyard:LocalCluster")
            running.kill()
        stack.project.run("cancel", "--yes", stack.project.stack)

        stack.spec["pools"]["late"] = POOLS["system"]
        stack.configure()
        with stack.frozen("kwok-controller"), updating(stack, "up"):
            late = f"--selector={POOL_LABEL}=late"
            wait_until(lambda: len(stack.get("nodes", late)) == 2, "nodes", _MOMENT_SECONDS)
            # They were made, and nobody waits for them any more.
            kill(stack, "pulumi.dynamic")
        # As a file backend is left by an engine that is killed while it writes the state: it writes this file in place.
        attributes = stack.base / "scratch" / "backend" / ".pulumi" / "stacks" / "modelyard" / "test.json.attrs"
        attributes.write_text("", encoding="utf-8")
        assert "EOF" in stack.project.run("stack", "export", fails=True).text

        stack.make("up")

        assert len(stack.processes()) == len(stack.daemons()) == 5
        assert len(stack.get("nodes")) == 4
        assert set(uids(stack.of_workspace("team"))) == in_state(stack.project.resources())
        assert stack.project.preview("--expect-no-changes").unchanged
