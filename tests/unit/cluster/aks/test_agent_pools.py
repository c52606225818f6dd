from dataclasses import replace
from functools import cache
from typing import Any

import pytest

from modelyard.cluster.spec import PoolSpec, TaintSpec
from modelyard.gpu.spec import ReservationSpec
from tests.support.mocks import Registration
from tests.unit.cluster.aks.foundations import (
    A100_RESERVED,
    AMD,
    ARM,
    AZURE_LINUX,
    COMPACT,
    GROUP,
    H100_RDMA,
    MIG,
    MPS,
    OPERATOR,
    SHARES,
    SUBNET,
    SYSTEM,
    T4_SPOT,
    pools_made,
)

RESOURCES = "k8s.io_cluster-autoscaler_node-template_resources_"
KINDS = {
    "system": SYSTEM,
    "t4": T4_SPOT,
    "a100": A100_RESERVED,
    "h100": H100_RDMA,
    "mig": MIG,
    "shares": SHARES,
    "mps": MPS,
    "operator": OPERATOR,
    "amd": AMD,
    "linux": AZURE_LINUX,
    "close": COMPACT,
    "arm": ARM,
}
PROVISIONING = "node_auto_provisioning"


@cache
def kinds() -> dict[str, Registration]:
    """Agent pools of every kind, by name, with nodes from the start."""
    recorded = pools_made({name: replace(spec, min_nodes=1) for name, spec in KINDS.items()})
    return {each.name.removeprefix("main-"): each for each in recorded.of("AgentPool")}


def registered(spec: PoolSpec, name: str = "pool", provisioner: str = "cluster_autoscaler") -> Registration:
    return pools_made({name: spec}, provisioner).one("AgentPool")


def agent_pool(spec: PoolSpec) -> dict[str, Any]:
    return dict(registered(spec).inputs)


def test_a_pool_has_six_tags_of_ours_at_most() -> None:
    # So many the spec keeps free of the 50 of a resource. The foundation's one tag stands for that of the stack.
    assert max(len(each.inputs["tags"]) for each in kinds().values()) <= 6


def test_every_field_of_a_plain_pool() -> None:
    found = agent_pool(SYSTEM)
    assert found.pop("agentPoolName").startswith("pool")
    assert found == {
        "resourceGroupName": "prod",
        "resourceName": "prod",
        "mode": "System",
        "type": "VirtualMachineScaleSets",
        "orchestratorVersion": "1.35",
        "vmSize": "Standard_D4s_v5",
        "osType": "Linux",
        "osSKU": "Ubuntu",
        "count": 2,
        "enableAutoScaling": True,
        "minCount": 2,
        "maxCount": 4,
        "maxPods": 110,
        "vnetSubnetID": SUBNET,
        "enableNodePublicIP": False,
        "availabilityZones": ["1", "2", "3"],
        "scaleSetPriority": "Regular",
        "nodeLabels": {"modelyard.dev/pool": "pool"},
        "upgradeSettings": {"maxSurge": "33%"},
        "tags": {"team": "ml"},
    }


def test_the_autoscaler_owns_the_size() -> None:
    assert registered(SYSTEM).ignore_changes == ["count"]


def test_without_one_it_is_constant() -> None:
    found = registered(replace(SYSTEM, min_nodes=3), provisioner=PROVISIONING)
    assert found.inputs["count"] == 3
    assert found.inputs["enableAutoScaling"] is False
    assert not {"minCount", "maxCount"} & set(found.inputs)
    assert found.ignore_changes == []


@pytest.mark.parametrize("kind", KINDS)
def test_a_new_one_is_made_before_the_old_one_goes(kind: str) -> None:
    """Azure's provider would have it the other way round for every resource that has a name."""
    assert kinds()[kind].deleted_first is False


def test_it_follows_the_way_out_and_the_control_plane() -> None:
    recorded = pools_made({"system": SYSTEM})
    found = recorded.one("AgentPool")
    by_urn = {each.urn: each.name for each in recorded.registrations}
    assert {by_urn[urn] for urn in found.depends_on} >= {"way-out", "control-plane"}


def test_spot_machines_are_taken_back_and_deleted() -> None:
    found = agent_pool(T4_SPOT)
    assert found["scaleSetPriority"] == "Spot"
    assert found["scaleSetEvictionPolicy"] == "Delete"
    assert found["spotMaxPrice"] == -1
    assert "kubernetes.azure.com/scalesetpriority=spot:NoSchedule" in found["nodeTaints"]
    assert found["nodeLabels"]["kubernetes.azure.com/scalesetpriority"] == "spot"
    on_demand = agent_pool(replace(T4_SPOT, capacity="on_demand"))
    assert not {"scaleSetEvictionPolicy", "spotMaxPrice"} & set(on_demand)


@pytest.mark.parametrize(
    ("spec", "settings"),
    [
        (SYSTEM, {"maxSurge": "33%"}),
        (H100_RDMA, {"maxSurge": "0", "maxUnavailable": "10%"}),
        (replace(SYSTEM, capacity=ReservationSpec(reservation=GROUP)), {"maxSurge": "0", "maxUnavailable": "10%"}),
        # AKS refuses both for spot pools.
        (T4_SPOT, None),
        (replace(SYSTEM, capacity="spot"), None),
    ],
)
def test_updates_do_not_ask_for_machines_that_are_not_there(spec: PoolSpec, settings: dict[str, str] | None) -> None:
    assert agent_pool(spec).get("upgradeSettings") == settings


@pytest.mark.parametrize("kind", KINDS)
def test_system_pools_have_no_unavailable_nodes(kind: str) -> None:
    found = kinds()[kind].inputs
    assert found["mode"] == "User" or "maxUnavailable" not in found["upgradeSettings"]


def test_which_pools_are_system_pools() -> None:
    assert {kind for kind, each in kinds().items() if each.inputs["mode"] == "System"} == {"system", "close", "arm"}


def test_a_reservation() -> None:
    found = agent_pool(A100_RESERVED)
    assert found["capacityReservationGroupID"] == GROUP
    assert found["availabilityZones"] == ["2"]
    assert "capacityReservationGroupID" not in agent_pool(SYSTEM)


@pytest.mark.parametrize(
    ("spec", "driver", "profile"),
    [
        (T4_SPOT, "Install", None),
        (A100_RESERVED, "Install", None),
        (AZURE_LINUX, "Install", None),
        (SHARES, "Install", None),
        (MPS, "Install", None),
        (MIG, "Install", "MIG1g"),
        (OPERATOR, "None", None),
        (AMD, "None", None),
        (H100_RDMA, "None", None),
        (SYSTEM, None, None),
    ],
)
def test_the_driver_and_the_slices_are_the_contracts(spec: PoolSpec, driver: str | None, profile: str | None) -> None:
    found = agent_pool(spec)
    assert found.get("gpuProfile", {}).get("driver") == driver
    assert found.get("gpuInstanceProfile") == profile


def test_the_system() -> None:
    assert agent_pool(AZURE_LINUX)["osSKU"] == "AzureLinux"
    assert agent_pool(ARM)["osSKU"] == "Ubuntu"


def test_disks_are_as_large_as_asked_for_and_where_aks_puts_them() -> None:
    assert agent_pool(replace(SYSTEM, disk_gib=300))["osDiskSizeGB"] == 300
    assert not {"osDiskSizeGB", "osDiskType"} & set(agent_pool(SYSTEM))


def test_taints_are_in_the_words_of_aks() -> None:
    taints = [TaintSpec(key="a", value="1"), TaintSpec(key="b", value="2", effect="NoExecute")]
    found = agent_pool(replace(A100_RESERVED, taints=taints))["nodeTaints"]
    assert found == ["nvidia.com/gpu=present:NoSchedule", "a=1:NoSchedule", "b=2:NoExecute"]


def test_the_autoscaler_reads_resources_from_tags() -> None:
    tags = agent_pool(MIG)["tags"]
    assert tags == {"team": "ml", f"{RESOURCES}nvidia.com_gpu": "56"}
    assert agent_pool(AMD)["tags"] == {
        "team": "ml",
        f"{RESOURCES}nvidia.com_gpu": "0",
        f"{RESOURCES}amd.com_gpu": "8",
    }
    # https://learn.microsoft.com/azure/azure-resource-manager/management/tag-resources#limitations
    assert not any(set("<>%&\\?/") & set(key) for each in kinds().values() for key in each.inputs["tags"])


def test_without_an_autoscaler_nothing_reads_them() -> None:
    found = registered(replace(SHARES, min_nodes=1), provisioner=PROVISIONING)
    assert found.inputs["tags"] == {"team": "ml"}


@pytest.mark.parametrize("kind", KINDS)
def test_nodes_are_private(kind: str) -> None:
    found = kinds()[kind].inputs
    assert found["enableNodePublicIP"] is False
    assert found["vnetSubnetID"] == SUBNET


@pytest.mark.parametrize(
    ("spec", "ends_with"),
    [
        (SYSTEM, "control-plane"),
        (replace(SYSTEM, placement="compact"), ""),
        (replace(SYSTEM, capacity=ReservationSpec(reservation=GROUP)), ""),
    ],
)
def test_it_ends_with_the_cluster_where_nothing_waits_for_its_machines_to_go(spec: PoolSpec, ends_with: str) -> None:
    assert registered(spec).ends_with.rpartition("::")[2] == ends_with
