"""Both provisioners, networks, endpoints and every kind of capacity and sharing on AKS, each with a pod that runs, and
how they change."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.engine.aks_stack import AksStack, aks_stacks
from tests.engine.cloud_kinds import (
    RENEWED,
    MakeStack,
    Pools,
    Trainings,
    assert_devices,
    assert_pools_change,
    destroyed,
    wait_for_every_pod,
    with_pools,
)
from tests.engine.cloud_servers import CloudServers
from tests.engine.cloud_stack import Json
from tests.engine.steps import assert_before, changed
from tests.support.azure import SUBSCRIPTION
from tests.support.processes import wait_until

pytestmark = [pytest.mark.engine, pytest.mark.timeout(900)]

SYSTEM: Json = {"machine_type": "Standard_D8s_v5", "min_nodes": 2, "max_nodes": 3}
ZONE, OTHER_ZONE = "eastus2-1", "eastus2-2"
OFFICE = {"public_cidrs": ["203.0.113.0/24"]}

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
    "near": ({"machine_type": "Standard_D8s_v5", "placement": "compact", "zones": [OTHER_ZONE], "max_nodes": 2}, 0),
}
CLOSE: Trainings = {"close": ({"accelerator": "h100", "gpus_per_node": 8, "fabric": "rdma", "max_nodes": 2}, 2, 8)}
DEVICES = {
    "mig": {"nvidia.com/gpu": "56"},
    "turns": {"nvidia.com/gpu": "4"},
    "mps": {"nvidia.com/gpu": "2"},
    "amd": {"amd.com/gpu": "8"},
    "linux": {"nvidia.com/gpu": "1"},
}
"""What nodes advertise."""


def spec_of(aks: Json, pools: Pools, trainings: Trainings) -> Json:
    """A stack with these pools."""
    whose = {
        "subscription_id": SUBSCRIPTION,
        "region": "eastus2",
        "admins": ["33333333-3333-3333-3333-333333333333"],
        "kubernetes_version": "1.34",
    }
    return {"cluster": {"aks": {**whose, **aks}}, **with_pools(SYSTEM, pools, trainings, fabric=bool(trainings))}


@pytest.fixture(scope="module")
def make(tmp_path_factory: pytest.TempPathFactory, cloud_servers: CloudServers) -> Iterator[MakeStack]:
    """Stacks one after the other."""
    with aks_stacks(tmp_path_factory.mktemp("aks"), cloud_servers) as making:
        yield making


def test_agent_pools_of_every_kind_with_what_others_made(make: MakeStack) -> None:
    """The autoscaler starts every pool from zero, from what the tags of agent pools say. Nothing of the network, keys,
    reservations and registries of others is made, changed or removed."""
    stack = make(spec_of({"resource_group": "shared"}, {}, {}))
    aks = _of_others(stack)
    group = stack.world.add_reservation_group()
    reserved: Pools = {"reserved": ({"accelerator": "a100-80gb", "capacity": {"reservation": group}}, 1)}
    of_others = stack.world.left()
    pools = {**WHOLE, **SHARES, **ONLY_AGENT_POOLS, **reserved}
    stack.spec = spec_of(aks, pools, CLOSE)
    stack.configure()
    stack.project.up()
    wait_for_every_pod(stack)
    assert_devices(stack, DEVICES)
    found = {each.inputs.get("nodeLabels", {}).get("modelyard.dev/pool"): each for each in pools_of(stack)}
    assert found["spot"].inputs["scaleSetPriority"] == "Spot"
    assert found["linux"].inputs["osSKU"] == "AzureLinux"
    assert [each.inputs["mode"] for each in pools_of(stack)].count("System") == 2, "the cluster's own, and ours"
    assert {node["metadata"]["labels"]["topology.kubernetes.io/zone"] for node in stack.nodes()["zone"]} == {ZONE}

    stack.configure(_change)
    renewed = ("operator", "system", "near")
    expected = {name: RENEWED if name in renewed else {"update"} for name in stack.spec["pools"]}
    assert_pools_change(
        stack.project.up("--refresh"), "AgentPool", expected, {"ManagedCluster", "ProximityPlacementGroup", "Release"}
    )
    assert stack.project.preview("--expect-no-changes").unchanged

    result = destroyed(stack)
    assert stack.world.left() == of_others
    for pool in pools:
        assert_before(result, f"Job team-on-{pool}", f"AgentPool test-{pool}")


def _of_others(stack: AksStack) -> Json:
    """A cluster with as much as can be of what somebody else made."""
    nodes, server = stack.world.add_vnet()
    vault, key = stack.world.add_key()
    return {
        "resource_group": "shared",
        "network": {"node_subnet_id": nodes, "api_server_subnet_id": server},
        "api_endpoint": OFFICE,
        "encryption": {
            "disk_encryption_set_id": stack.world.add_disk_encryption_set(),
            "key_id": key,
            "key_vault_id": vault,
            "key_vault_access": "private",
        },
        "container_registry_ids": [stack.world.add_registry()],
        "control_plane_logs": "none",
        "upgrade": {"channel": "none", "node_images": "none", "support": "long_term"},
        "tier": "premium",
    }


def _change(spec: Json) -> None:
    """What changes in place, what makes pools anew first, and the next minor version, of all."""
    spec["cluster"]["aks"]["kubernetes_version"] = "1.35"
    pools = spec["pools"]
    pools["spot"]["max_nodes"] = 5
    del pools["operator"]["driver"]
    pools["system"]["machine_type"] = "Standard_D16s_v5"
    pools["near"]["machine_type"] = "Standard_D4s_v5"


def pools_of(stack: AksStack) -> list[Any]:
    """What Azure has of agent pools."""
    return stack.world.resources("AgentPool")


def test_node_auto_provisioning_behind_a_private_endpoint(make: MakeStack) -> None:
    """NodePools from zero; they go, with their nodes, before the cluster whose Karpenter removes them."""
    pools = {**WHOLE, **SHARES}
    aks = {"provisioner": "node_auto_provisioning", "shared_storage": True, "api_endpoint": OFFICE}
    stack = make(spec_of(aks, pools, {}))
    stack.project.up()
    wait_for_every_pod(stack)
    assert [each.inputs["count"] for each in pools_of(stack)] == [1, SYSTEM["min_nodes"]], "the cluster's own, and ours"

    stack.configure(_close)
    done = changed(stack.project.up("--refresh"))
    assert done["ManagedCluster test-cluster"] == {"update"}
    assert [name for name in done if name.startswith("NodePool ")] == ["NodePool test-spot-more"]
    assert set().union(*done.values()) == {"update"}
    assert stack.world.one("ManagedCluster").inputs["apiServerAccessProfile"]["enablePrivateCluster"] is True
    assert stack.project.preview("--expect-no-changes").unchanged

    result = destroyed(stack)
    assert stack.world.left() == []
    wait_until(lambda: not stack.world.resources("VirtualMachine"), "the end of Karpenter's machines")
    for pool in pools:
        assert_before(result, f"Job team-on-{pool}", f"NodePool test-{pool}-more")
    assert_before(result, "NodePool ", "AKSNodeClass ")
    assert_before(result, "AKSNodeClass ", "ManagedCluster test-cluster")


def _close(spec: Json) -> None:
    """The VPN stands: no public address any more. The window moves, everything gets a tag, and a pool is smaller."""
    spec["pools"]["spot"]["max_nodes"] = 2
    aks = spec["cluster"]["aks"]
    del aks["api_endpoint"]
    aks |= {"kubernetes_version": "1.35", "upgrade": {"day": "monday"}, "tags": {"team": "ml"}}
