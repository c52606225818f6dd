"""Pools on a simulated GKE through their life: what changes in place, what is made anew first, what is left."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.support.control_plane import ApiServer
from tests.support.engine import MakeProject
from tests.support.gke_world import PROJECT, GkeWorld
from tests.support.update import Result

pytestmark = pytest.mark.engine

HEAD = f"""
from modelyard.cluster.gke.cluster import GkeCluster
from modelyard.cluster.gke.spec import GkeSpec
from modelyard.cluster.spec import PoolSpec
from modelyard.gpu.spec import ReplicasSpec, ReservationSpec, SharingSpec

spec = GkeSpec(
    project="{PROJECT}",
    region="us-central1",
    zones=["us-central1-a", "us-central1-b", "us-central1-c"],
    provisioner=PROVISIONER,
    kubernetes_version=VERSION,
)
"""
POOLS = {
    "system": 'PoolSpec(machine_type="e2-standard-4", min_nodes=2, max_nodes=4)',
    "arm": 'PoolSpec(machine_type="c4a-standard-4", max_nodes=2)',
    "spot": 'PoolSpec(accelerator="l4", machine_type="g2-standard-8", max_nodes=2, capacity="spot")',
    "flex": 'PoolSpec(accelerator="a100-40gb", max_nodes=2, capacity="flex_start")',
    "queued": 'PoolSpec(accelerator="a100-40gb", max_nodes=2, capacity="queued")',
    "reserved": (
        'PoolSpec(accelerator="h100", gpus_per_node=8, max_nodes=2, zones=["us-central1-b"], '
        'capacity=ReservationSpec(reservation="h100"))'
    ),
    "close": 'PoolSpec(accelerator="a100-40gb", max_nodes=2, placement="compact", zones=["us-central1-c"])',
    "rdma": 'PoolSpec(accelerator="h200", gpus_per_node=8, max_nodes=2, fabric="rdma", capacity="spot")',
    "mig": 'PoolSpec(accelerator="a100-80gb", max_nodes=2, sharing=SharingSpec(mig="1g.10gb"))',
    "shares": 'PoolSpec(accelerator="l4", max_nodes=2, sharing=SharingSpec(time_slicing=ReplicasSpec(replicas=4)))',
    "ubuntu": 'PoolSpec(accelerator="l4", machine_type="g2-standard-8", max_nodes=2, node_image="ubuntu")',
    "tpu": 'PoolSpec(accelerator="tpu-v5e", gpus_per_node=4, max_nodes=2)',
    "slice": 'PoolSpec(accelerator="tpu-v5e", gpus_per_node=4, max_nodes=4, tpu_topology="4x4")',
}
CHANGES = {
    "system": ("e2-standard-4", "e2-standard-8"),
    "spot": ("max_nodes=2", "max_nodes=5"),
    "flex": ('"flex_start"', '"spot"'),
    "shares": ("replicas=4", "replicas=8"),
    "close": ("us-central1-c", "us-central1-a"),
}
"""What becomes of what, by pool."""
REPLACED = ("flex", "shares")


def program(pools: Mapping[str, str], *, provisioner: str = "cluster_autoscaler", version: str = "1.35") -> str:
    """A cluster with these pools, as expressions of Python."""
    given = "\n".join(f"    {name!r}: {pool}," for name, pool in pools.items())
    return f"PROVISIONER, VERSION = {provisioner!r}, {version!r}\n{HEAD}\nGkeCluster('main', spec, {{\n{given}\n}})\n"


def ops(result: Result, name: str) -> list[str]:
    """What became of a pool's node pool."""
    return [each.op for each in result.steps if each.urn.endswith(f":NodePool::main-{name}")]


def test_pools_of_every_kind_live_and_leave_nothing(
    make_project: MakeProject, api_server: ApiServer, tmp_path: Path
) -> None:
    world = GkeWorld(tmp_path / "world")
    project = make_project(program(POOLS), environment=world.environment(api_server.kubeconfig))
    project.up()
    assert len(world.resources("NodePool")) == len(POOLS)
    project.refresh()
    assert project.up().unchanged, "what Google adds is declared, or no business of ours"

    changed = {name: pool.replace(*CHANGES.get(name, ("", ""))) for name, pool in POOLS.items()}
    project.write(program(changed))
    result = project.up()
    for name in POOLS:
        expected = ["update"] if name in CHANGES else ["same"]
        if name in REPLACED:
            expected = ["create-replacement", "replace", "delete-replaced"]
        assert ops(result, name) == expected, name

    project.write(program(changed, version="1.36"))
    for result in (project.preview(), project.up()):
        assert result.ops("main-cluster") == ["update"]
        assert {name: ops(result, name) for name in POOLS} == {name: ["update"] for name in POOLS}
    assert all(each.outputs["version"].startswith("1.36.") for each in world.resources("NodePool"))
    assert project.up().unchanged

    project.destroy()
    assert world.left() == []


def test_provisioned_pools(make_project: MakeProject, api_server: ApiServer, tmp_path: Path) -> None:
    world = GkeWorld(tmp_path / "world")
    pools = {name: POOLS[name] for name in ("system", "arm", "spot", "flex", "reserved", "tpu", "slice")}
    project = make_project(
        program(pools, provisioner="node_auto_provisioning"), environment=world.environment(api_server.kubeconfig)
    )
    project.up()
    assert len(world.resources("NodePool")) == 1
    project.refresh()
    assert project.up().unchanged

    # What shall always have nodes becomes a node pool.
    pools["spot"] = pools["spot"].replace("max_nodes=2", "min_nodes=1, max_nodes=2")
    project.write(program(pools, provisioner="node_auto_provisioning"))
    project.up()
    assert len(world.resources("NodePool")) == 2
    project.destroy()
    assert world.left() == []
