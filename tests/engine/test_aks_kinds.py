"""Both provisioners, networks, endpoints and every kind of capacity and sharing through the real engine, each with a
pod that runs.

The simulated subscription refuses what Azure would; its autoscaler and its Karpenter make nodes that offer what the
stack told them, so that a pod finds a node only where the two agree. How pools of every kind change is in
test_aks_pools.py.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.engine.aks_stack import AksStack, aks_stacks
from tests.engine.cloud_stack import Json, assert_before, changed
from tests.support.azure import SUBSCRIPTION
from tests.support.processes import wait_until
from tests.support.update import Result

pytestmark = [pytest.mark.engine, pytest.mark.timeout(900)]

SYSTEM: Json = {"machine_type": "Standard_D8s_v5", "min_nodes": 2, "max_nodes": 3}
ZONE = "eastus2-1"

# Of each pool its spec, and what a pod asks for that fills a node of it.
Pools = dict[str, tuple[Json, Any]]
WHOLE: Pools = {
    "spot": ({"accelerator": "a10", "capacity": "spot"}, 1),
    "operator": ({"accelerator": "h100-nvl", "driver": "operator"}, 1),
    "zone": ({"accelerator": "t4", "zones": [ZONE]}, 1),
}
SHARES: Pools = {
    "turns": ({"accelerator": "t4", "sharing": {"time_slicing": {"replicas": 4}}}, 1),
    "mps": ({"accelerator": "a10", "sharing": {"mps": {"replicas": 2}}}, 1),
}
ONLY_AGENT_POOLS: Pools = {
    "linux": ({"accelerator": "a100-80gb", "node_image": "azurelinux"}, 1),
    "amd": ({"accelerator": "mi300x", "gpus_per_node": 8}, 8),
    "mig": ({"accelerator": "h100", "gpus_per_node": 8, "sharing": {"mig": "1g.10gb"}}, {"mig": "1g.10gb"}),
}
FABRIC: Json = {"accelerator": "h100", "gpus_per_node": 8, "fabric": "rdma", "max_nodes": 2}
SLICES = {
    "mig": {"nvidia.com/gpu": "56"},
    "turns": {"nvidia.com/gpu": "4"},
    "mps": {"nvidia.com/gpu": "2"},
    "amd": {"amd.com/gpu": "8"},
    "linux": {"nvidia.com/gpu": "1"},
}
"""What nodes of pools advertise."""


def spec_of(aks: Json, pools: Pools, *, fabric: bool = True) -> Json:
    """A stack with these pools, a job on each, and a training on a pool whose nodes have a fabric."""
    image = "registry.example.org/train:1.0.0"
    jobs = {f"on-{name}": {"image": image, "pool": name, "gpus": gpus} for name, (_, gpus) in pools.items()}
    workspace: Json = {"jobs": jobs}
    made: Json = {"system": SYSTEM, **{name: pool for name, (pool, _) in pools.items()}}
    if fabric:
        made["close"] = FABRIC
        workspace |= {
            "fabric": {},
            "training": {"on-close": {"image": image, "pool": "close", "nodes": 2, "gpus_per_node": 8}},
        }
    whose = {
        "subscription_id": SUBSCRIPTION,
        "region": "eastus2",
        "admins": ["33333333-3333-3333-3333-333333333333"],
    }
    return {"cluster": {"aks": {**whose, **aks}}, "pools": made, "workspaces": {"team": workspace}}


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Callable[..., AksStack]]:
    """Stacks on an API server of their own."""
    with aks_stacks(tmp_path) as making:
        yield making


def wait_for_every_pod(stack: AksStack) -> None:
    """Every job, and both pods of the training, on nodes of their pool."""
    wanted = {(f"on-{pool}", pool): 1 for pool in stack.spec["pools"] if pool not in ("system", "close")}
    if "close" in stack.spec["pools"]:
        wanted["on-close", "close"] = 2
    stack.wait_until_placed(wanted)


def assert_offers(stack: AksStack) -> None:
    """Nodes have the slices, shares or GPUs that the pool says, and nothing beside them."""
    found = {
        pool: {name: count for name, count in nodes[0]["status"]["allocatable"].items() if ".com/" in name}
        for pool, nodes in stack.nodes().items()
        if pool in SLICES
    }
    assert found == {pool: SLICES[pool] for pool in stack.spec["pools"] if pool in SLICES}


def destroyed(stack: AksStack) -> Result:
    """Destroy the stack; what other stacks on the same API server would see is gone as well."""
    result = stack.project.destroy()
    assert stack.get("nodes") == []
    assert stack.get("namespaces", "--selector=modelyard.dev/stack") == []
    return result


def test_agent_pools_of_every_kind_in_a_network_that_exists(make: Callable[..., AksStack]) -> None:
    """The autoscaler starts every pool from zero, from what the tags of agent pools say. Nothing of the network is
    made, changed or removed."""
    stack = make(spec_of({"resource_group": "shared"}, {}))
    nodes, server = stack.world.add_vnet()
    reserved: Pools = {
        "reserved": (
            {"accelerator": "a100-80gb", "capacity": {"reservation": stack.world.add_reservation_group()}},
            1,
        )
    }
    of_others = stack.world.left()
    pools = {**WHOLE, **SHARES, **ONLY_AGENT_POOLS, **reserved}
    aks = {
        "resource_group": "shared",
        "network": {"node_subnet_id": nodes, "api_server_subnet_id": server},
        "api_endpoint": {"public_cidrs": ["203.0.113.0/24"]},
        "control_plane_logs": "none",
    }
    stack.spec = spec_of(aks, pools)
    stack.configure()
    stack.project.up()
    wait_for_every_pod(stack)
    assert_offers(stack)
    found = {each.inputs.get("nodeLabels", {}).get("modelyard.dev/pool"): each for each in pools_of(stack)}
    assert found["spot"].inputs["scaleSetPriority"] == "Spot"
    assert found["linux"].inputs["osSKU"] == "AzureLinux"
    assert [each.inputs["mode"] for each in pools_of(stack)].count("System") == 2, "the cluster's own, and ours"
    assert {node["metadata"]["labels"]["topology.kubernetes.io/zone"] for node in stack.nodes()["zone"]} == {ZONE}
    assert not changed(stack.project.up("--refresh"))

    result = destroyed(stack)
    assert stack.world.left() == of_others
    for pool in pools:
        assert_before(result, f"Job team-on-{pool}", f"AgentPool test-{pool}")


def pools_of(stack: AksStack) -> list[Any]:
    """What Azure has of agent pools."""
    return stack.world.resources("AgentPool")


def test_node_auto_provisioning_behind_a_private_endpoint(make: Callable[..., AksStack]) -> None:
    """NodePools from zero; they go, with their nodes, before the cluster whose Karpenter removes them."""
    pools = {**WHOLE, **SHARES}
    stack = make(spec_of({"provisioner": "node_auto_provisioning", "shared_storage": True}, pools, fabric=False))
    stack.project.up()
    wait_for_every_pod(stack)
    assert stack.world.one("ManagedCluster").inputs["apiServerAccessProfile"]["enablePrivateCluster"] is True
    assert len(pools_of(stack)) == 2, "the cluster's own, and the least nodes of ours"
    assert not changed(stack.project.up("--refresh"))

    stack.configure(lambda spec: spec["pools"]["spot"].update(max_nodes=2))
    assert changed(stack.project.up()) == {"NodePool test-spot-more": {"update"}}

    result = destroyed(stack)
    assert stack.world.left() == []
    wait_until(lambda: not stack.world.resources("VirtualMachine"), "the end of Karpenter's machines")
    for pool in pools:
        assert_before(result, f"Job team-on-{pool}", f"NodePool test-{pool}-more")
    assert_before(result, "NodePool ", "AKSNodeClass ")
    assert_before(result, "AKSNodeClass ", "ManagedCluster test-cluster")
