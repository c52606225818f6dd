"""A stack on a real node under the real engine: made, healed, refused a second time, and removed to the last trace."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from modelyard.cluster.local import lifecycle
from tests.engine.local_cluster_stack import MakeStack, kubeconfig_of, nodes, objects, stacks
from tests.support.engine import MakeProject, PulumiProject
from tests.support.host_clusters import machine_state, node_environment
from tests.support.local_clusters import cluster_folders, daemons, kill_daemons

pytestmark = [pytest.mark.engine, pytest.mark.timeout(900)]


@pytest.fixture
def make_stack(make_project: MakeProject, tmp_path: Path) -> Iterator[MakeStack]:
    with node_environment(tmp_path / "state"), stacks(make_project, tmp_path / "state") as make:
        try:
            yield make
        finally:
            for folder in cluster_folders(tmp_path / "state"):
                lifecycle.delete(folder.name)


def test_a_stack_has_the_machines_node_from_first_update_to_last(make_stack: MakeStack, tmp_path: Path) -> None:
    before = machine_state(tmp_path)
    stack, second = make_stack(engine="host"), make_stack(engine="host")
    assert set(stack.up().changes) == {"create"}
    assert set(nodes(stack)) == {"host", "l4-0", "l4-1"}
    labels = nodes(stack)["host"].metadata.labels
    assert labels["pool.modelyard.dev/system"] == "true"
    assert not nodes(stack)["host"].spec.taints
    assert stack.up().unchanged

    assert_refused(second)
    assert stack.up().unchanged

    made, kubeconfig = objects(stack), kubeconfig_of(stack).read_bytes()
    kill_daemons(stack.state_folder)
    healed = stack.up()
    assert healed.changes == {"same": healed.changes["same"], "update": 1}
    assert (objects(stack), kubeconfig_of(stack).read_bytes()) == (made, kubeconfig)

    kill_daemons(stack.state_folder)
    assert set(stack.destroy().changes) == {"delete"}
    assert daemons(stack.state_folder) == {}
    assert cluster_folders(stack.state_folder) == []
    assert machine_state(tmp_path) == before


def assert_refused(second: PulumiProject) -> None:
    refused = second.preview(fails=True)
    assert "this machine has the real node of the local cluster" in refused.text
    assert "destroy the stack that made it, or set engine: kwok" in refused.text
    assert "Traceback" not in refused.text
