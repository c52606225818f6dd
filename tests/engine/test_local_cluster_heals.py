"""A local cluster after a crash: started again on its own data, with every object still there."""

import shutil
from collections.abc import Iterator

import psutil
import pytest

from tests.engine.local_cluster_stack import (
    NODES,
    OBJECTS,
    assert_nothing_left,
    kubeconfig_of,
    nodes,
    objects,
    one_stack,
)
from tests.support.engine import PulumiProject
from tests.support.local_clusters import cluster_folders, daemons, kill_daemons, listening_ports

pytestmark = pytest.mark.engine


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PulumiProject]:
    """A stack that is hurt by one test after the other; the last one removes it."""
    with one_stack(tmp_path_factory.mktemp("stack")) as made:
        yield made


def kill(stack: PulumiProject, *programs: str) -> None:
    for name, process in daemons(stack.state_folder).items():
        if not programs or name.split("/")[1] in programs:
            process.kill()
            psutil.wait_procs([process], timeout=10)


def test_an_update_starts_a_dead_cluster_with_everything_on_it(stack: PulumiProject) -> None:
    before, ports, kubeconfig = objects(stack), listening_ports(stack.state_folder), kubeconfig_of(stack).read_bytes()
    kill(stack)
    assert daemons(stack.state_folder) == {}

    preview = stack.preview()
    assert preview.ops("local") == ["same", "update"], "the component, and the cluster that is to be started"
    assert not {"replace", "create", "delete"} & set(preview.changes)
    assert daemons(stack.state_folder) == {}, "a preview starts nothing"

    healed = stack.up()
    assert healed.changes == {"same": healed.changes["same"], "update": 1}
    assert objects(stack) == before
    assert listening_ports(stack.state_folder) == ports
    assert kubeconfig_of(stack).read_bytes() == kubeconfig
    assert stack.up().unchanged

    kill(stack, "etcd", "kwok-controller")
    assert stack.up().changes == {"same": healed.changes["same"], "update": 1}
    assert objects(stack) == before


def test_a_refresh_with_the_program_starts_a_dead_cluster(stack: PulumiProject) -> None:
    before = objects(stack)
    kill(stack)
    assert stack.up("--refresh", "--run-program").unchanged
    assert objects(stack) == before


def test_a_cluster_whose_data_is_lost_is_made_anew_on_demand_only(stack: PulumiProject) -> None:
    before = objects(stack)
    kill_daemons(stack.state_folder)
    shutil.rmtree(stack.state_folder / "modelyard")
    refused = stack.up(fails=True)
    assert "is no longer on this machine" in refused.text
    assert "pulumi up --refresh --run-program" in refused.text
    assert "Traceback" not in refused.text
    assert cluster_folders(stack.state_folder) == []

    again = stack.up("--refresh", "--run-program")
    assert {name: again.ops(name)[-1] for name in OBJECTS} == dict.fromkeys(OBJECTS, "create")
    assert set(nodes(stack)) == NODES
    after = objects(stack)
    assert all(after[name] != before[name] for name in OBJECTS)


def test_half_a_cluster_is_removed_with_the_stack(stack: PulumiProject) -> None:
    [folder] = cluster_folders(stack.state_folder)
    kill(stack, "kube-apiserver")
    shutil.rmtree(folder / "kwok" / "clusters" / folder.name / "pids")
    stack.destroy()
    assert daemons(stack.state_folder) == {}
    assert_nothing_left(stack)
