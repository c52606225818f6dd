"""Pools on a simulated AKS through their life: what changes in place, what is made anew first, what is left."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.support.aks_world import AksWorld
from tests.support.azure import SUBSCRIPTION
from tests.support.control_plane import ApiServer
from tests.support.engine import MakeProject
from tests.support.update import Result

pytestmark = pytest.mark.engine

HEAD = f"""
from modelyard.cluster.aks.cluster import AksCluster
from modelyard.cluster.aks.spec import AksApiEndpointSpec, AksSpec
from modelyard.cluster.spec import PoolSpec
from modelyard.gpu.spec import ReplicasSpec, ReservationSpec, SharingSpec

spec = AksSpec(
    subscription_id="{SUBSCRIPTION}",
    region="eastus2",
    admins=["33333333-3333-3333-3333-333333333333"],
    api_endpoint=AksApiEndpointSpec(public_cidrs=["203.0.113.0/24"]),
    provisioner=PROVISIONER,
    kubernetes_version=VERSION,
)
"""
POOLS = {
    "system": 'PoolSpec(machine_type="Standard_D4s_v5", min_nodes=1, max_nodes=3)',
    "t4": 'PoolSpec(accelerator="t4", max_nodes=2, capacity="spot")',
    "mig": 'PoolSpec(accelerator="h100", gpus_per_node=8, max_nodes=2, sharing=SharingSpec(mig="1g.10gb"))',
    "shares": 'PoolSpec(accelerator="t4", max_nodes=2, sharing=SharingSpec(time_slicing=ReplicasSpec(replicas=4)))',
    "operator": 'PoolSpec(accelerator="h100-nvl", max_nodes=2, driver="operator", node_image="ubuntu")',
    "rdma": 'PoolSpec(accelerator="h100", gpus_per_node=8, max_nodes=2, fabric="rdma")',
    "amd": 'PoolSpec(accelerator="mi300x", gpus_per_node=8, max_nodes=1)',
    "close": 'PoolSpec(machine_type="Standard_D8s_v5", max_nodes=2, placement="compact", zones=["eastus2-2"])',
    "linux": 'PoolSpec(accelerator="a100-80gb", max_nodes=2, node_image="azurelinux")',
}
RESERVED = 'PoolSpec(accelerator="a100-80gb", max_nodes=2, capacity=ReservationSpec(reservation={group!r}))'


def program(pools: Mapping[str, str], *, provisioner: str = "cluster_autoscaler", version: str = "1.34") -> str:
    """A cluster with these pools, as expressions of Python."""
    given = "\n".join(f"    {name!r}: {pool}," for name, pool in pools.items())
    return f"PROVISIONER, VERSION = {provisioner!r}, {version!r}\n{HEAD}\nAksCluster('main', spec, {{\n{given}\n}})\n"


def ops(result: Result, name: str) -> list[str]:
    """What became of a pool's agent pool."""
    return [each.op for each in result.steps if each.urn.endswith(f":AgentPool::main-{name}")]


def test_pools_of_every_kind_live_and_leave_nothing(
    make_project: MakeProject, api_server: ApiServer, tmp_path: Path
) -> None:
    world = AksWorld(tmp_path / "world")
    pools = {**POOLS, "reserved": RESERVED.format(group=world.add_reservation_group())}
    of_others = world.left()
    project = make_project(program(pools), environment=world.environment(api_server.kubeconfig))
    project.up()
    assert len(world.resources("AgentPool")) == len(pools) + 1
    project.refresh()
    assert project.up().unchanged, "what Azure adds is declared"

    changed = {
        **pools,
        "t4": POOLS["t4"].replace("max_nodes=2", "max_nodes=5"),
        "operator": POOLS["operator"].replace(', driver="operator"', ""),
        "system": POOLS["system"].replace("D4s", "D8s"),
        "close": POOLS["close"].replace("D8s", "D4s"),
    }
    project.write(program(changed, version="1.35"))
    result = project.up()
    for name in pools:
        replaced = name in ("operator", "system", "close")
        expected = ["create-replacement", "replace", "delete-replaced"] if replaced else ["update"]
        assert ops(result, name) == expected, name

    project.destroy()
    assert world.left() == of_others


def test_provisioned_pools(make_project: MakeProject, api_server: ApiServer, tmp_path: Path) -> None:
    world = AksWorld(tmp_path / "world")
    pools = {name: POOLS[name] for name in ("system", "t4", "shares")}
    project = make_project(
        program(pools, provisioner="node_auto_provisioning"), environment=world.environment(api_server.kubeconfig)
    )
    project.up()
    assert [each.inputs["count"] for each in world.resources("AgentPool")] == [1, 1]
    project.refresh()
    assert project.up().unchanged
    project.destroy()
    assert world.left() == []
