"""A local cluster under the real engine: made once, changed pool by pool, removed to the last process and file."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engine.local_cluster_stack import (
    NODES,
    MakeStack,
    assert_nothing_left,
    kubeconfig_of,
    nodes,
    objects,
    one_stack,
    program,
    put_first,
    take_away,
)
from tests.support.engine import PulumiProject
from tests.support.local_clusters import cluster_folders, core_api, daemons, listening_ports
from tests.support.processes import wait_until

pytestmark = pytest.mark.engine

PROGRAMS = {"etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kwok-controller"}


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PulumiProject]:
    """A stack that is looked at and changed by one test after the other; it leaves the choice of an engine to us."""
    with one_stack(tmp_path_factory.mktemp("stack"), "auto") as made:
        yield made


def test_a_cluster_is_made_once(stack: PulumiProject) -> None:
    assert set(nodes(stack)) == NODES
    name = stack.outputs()["name"]
    assert set(daemons(stack.state_folder)) == {f"{name}/{each}" for each in PROGRAMS}
    addresses = listening_ports(stack.state_folder)
    assert all(ip == "127.0.0.1" for each in addresses.values() for ip, _ in each), addresses
    assert "client-key-data" in stack.outputs(show_secrets=True)["kubeconfig"]
    assert "client-key-data" not in json.dumps(stack.export()), "the key stands encrypted in the state"


def test_auto_keeps_the_engine_that_the_cluster_was_made_with(stack: PulumiProject, tmp_path: Path) -> None:
    path = stack.environment["PATH"]
    put_first(stack, tmp_path, {"docker": "echo 28.2.2", "kind": "exit 1"})
    again = stack.preview()
    stack.environment["PATH"] = path
    assert again.unchanged
    assert "engine kwok, which the stack's cluster was made with" in again.messages("info")


def test_pods_are_placed_by_the_real_scheduler(stack: PulumiProject) -> None:
    def pod(name: str, gpus: int) -> dict[str, object]:
        container = {"name": "main", "image": "none", "resources": {"limits": {"nvidia.com/gpu": str(gpus)}}}
        tolerations = [{"key": "nvidia.com/gpu", "operator": "Exists"}]
        return {"metadata": {"name": name}, "spec": {"containers": [container], "tolerations": tolerations}}

    with core_api(kubeconfig_of(stack)) as core:
        wait_until(lambda: bool(core.list_namespaced_service_account("team").items), "a service account")
        for body in (pod("fits", 1), pod("too-big", 2)):
            core.create_namespaced_pod("team", body)
        wait_until(lambda: core.read_namespaced_pod("fits", "team").status.phase == "Running", "the pod runs")
        assert core.read_namespaced_pod("fits", "team").spec.node_name in {"l4-0", "l4-1"}
        events = "involvedObject.name=too-big,reason=FailedScheduling"
        wait_until(lambda: bool(core.list_namespaced_event("team", field_selector=events).items), "the refusal")
        too_big = core.read_namespaced_pod("too-big", "team")
        assert (too_big.status.phase, too_big.spec.node_name) == ("Pending", None)
        core.delete_collection_namespaced_pod("team", grace_period_seconds=0)


def test_a_refresh_finds_missing_nodes_and_the_next_update_makes_them(stack: PulumiProject) -> None:
    with core_api(kubeconfig_of(stack)) as core:
        core.delete_node("l4-1")
    assert stack.up().unchanged, "an update asks a cluster that lives for nothing"
    healed = stack.up("--refresh")
    assert {step.name for step in healed.steps if step.op not in {"same", "refresh"}} == {"local-l4"}
    assert set(nodes(stack)) == NODES


def test_pools_change_without_touching_anything_else(stack: PulumiProject) -> None:
    before = objects(stack)
    [first] = [node.metadata.uid for name, node in nodes(stack).items() if name == "l4-0"]
    stack.write(
        program("dict(l4=PoolSpec(accelerator='l4', gpus_per_node=4, max_nodes=3, node_labels={'rack': 'a'}))", "auto")
    )
    changed = stack.up()
    assert {step.name: step.op for step in changed.steps if step.op != "same"} == {
        "local-l4": "update",
        "local-system": "delete",
    }
    after = nodes(stack)
    assert set(after) == {"l4-0", "l4-1", "l4-2"}
    assert after["l4-0"].metadata.uid == first, "nodes are changed in place"
    assert after["l4-0"].metadata.labels["rack"] == "a"
    assert after["l4-0"].status.allocatable["nvidia.com/gpu"] == "4"
    assert objects(stack) == before

    stack.write(program("dict(l4=PoolSpec(accelerator='l4'))", "auto"))
    assert stack.up().ops("local-l4") == ["update"]
    [name, node] = next(iter(nodes(stack).items()))
    assert (name, node.status.capacity["nvidia.com/gpu"]) == ("l4-0", "1")
    assert "rack" not in node.metadata.labels


def test_another_cluster_is_made_beside_the_old_one_which_is_removed_last(stack: PulumiProject) -> None:
    before, old = objects(stack), stack.outputs()["name"]
    # The project's folder is part of a cluster's identity, as engine and version are.
    stack.folder = stack.folder.rename(stack.folder.with_name("moved"))
    moved = stack.up()
    new = stack.outputs()["name"]
    assert new != old
    order = [(step.name, step.op) for step in moved.steps]
    assert order.index(("local", "create-replacement")) < order.index(("team", "create-replacement"))
    assert order.index(("team", "delete-replaced")) < order.index(("local", "delete-replaced"))
    assert not set(objects(stack).values()) & set(before.values())
    assert {name.split("/")[0] for name in daemons(stack.state_folder)} == {new}
    assert [folder.name for folder in cluster_folders(stack.state_folder)] == [new]
    assert stack.up().unchanged


def test_removing_it_leaves_no_process_and_no_file(stack: PulumiProject) -> None:
    """Runs last of those that share the stack."""
    volumes = volume_folders(stack)
    assert [folder.is_dir() for folder in volumes] == [True]
    assert set(stack.destroy().changes) == {"delete"}
    assert daemons(stack.state_folder) == {}
    assert_nothing_left(stack)
    assert not any(folder.exists() for folder in volumes)


def volume_folders(stack: PulumiProject) -> list[Path]:
    with core_api(kubeconfig_of(stack)) as core:
        return [Path(volume.spec.host_path.path) for volume in core.list_persistent_volume().items]


def test_what_the_machine_lacks_is_said_at_preview_without_a_stack_trace(make_stack: MakeStack) -> None:
    stack = make_stack()
    take_away(stack, "etcd")
    refused = stack.preview(fails=True)
    assert "etcd is not on PATH; run `make env`" in refused.text
    assert "Traceback" not in refused.text
    assert_nothing_left(stack)
