"""Rules of node pools: each refuses a case, and lets a near one pass."""

import threading
from pathlib import Path
from typing import Any

import pytest

from tests.support.processes import wait_until
from tests.tools.azure import things
from tests.tools.azure.account import Azure, Made
from tests.tools.azure.things import CLUSTER, CONTRIBUTOR, PLACEMENT, POOL, SUBNET
from tools.offline.common.errors import ProviderError

_SPOT_TAINT = "kubernetes.azure.com/scalesetpriority=spot:NoSchedule"
_SPOT: dict[str, Any] = {
    "scaleSetPriority": "Spot",
    "scaleSetEvictionPolicy": "Delete",
    "spotMaxPrice": -1,
    "nodeTaints": [_SPOT_TAINT],
}
_GPU: dict[str, Any] = {"vmSize": "Standard_NC24ads_A100_v4"}


def _inputs(**more: Any) -> dict[str, Any]:
    found: dict[str, Any] = {
        "resourceGroupName": "rg",
        "resourceName": "small",
        "agentPoolName": "cpu",
        "mode": "User",
        "vmSize": "Standard_D4ds_v5",
        **more,
    }
    return {key: value for key, value in found.items() if value is not None}


@pytest.mark.parametrize(
    ("more", "problem"),
    [
        ({}, ""),
        ({"agentPoolName": "a" * 12}, ""),
        ({"agentPoolName": "a" * 13}, "does not match"),
        ({"agentPoolName": "1a"}, "does not match"),
        ({"vmSize": None}, "is required"),
        ({"vmSize": "Standard_Mine"}, "is not allowed in your subscription"),
        ({"count": 1001}, "must be from 0 to 1000"),
        ({"count": 0}, ""),
        ({"maxPods": 9}, "must be from 10 to 250"),
        ({"maxPods": 250}, ""),
        ({"osSKU": "AzureLinux"}, ""),
        ({"osSKU": "Ubuntu2404"}, "must be one of"),
        ({"osType": "Windows"}, "Linux nodes only"),
        ({"type": "AvailabilitySet"}, "is retired"),
        ({"availabilityZones": ["1", "3"]}, ""),
        ({"availabilityZones": ["eastus2-1"]}, "does not match"),
        ({"nodeTaints": ["gpu=yes:NoSchedule"]}, ""),
        ({"nodeTaints": ["gpu:NoSchedule"]}, "does not match"),
        ({"nodeLabels": {"modelyard.dev/pool": "cpu"}}, ""),
        ({"nodeLabels": {"kubernetes.azure.com/mode": "user"}}, "has a reserved prefix"),
        ({"upgradeSettings": {"maxSurge": "33%"}}, ""),
        ({"upgradeSettings": {"maxSurge": "a third"}}, "does not match"),
        ({"upgradeSettings": {"maxSurge": "0", "maxUnavailable": "0"}}, "cannot both be 0"),
        ({"upgradeSettings": {"maxSurge": "0", "maxUnavailable": "10%"}}, ""),
        ({"fooBar": 1}, "there is no such property"),
    ],
)
def test_the_parts_of_a_pool(azure: Azure, more: dict[str, Any], problem: str) -> None:
    found = azure.faults(POOL, _inputs(**more))
    assert problem in "; ".join(found)
    assert bool(problem) == bool(found)


@pytest.mark.parametrize(
    ("more", "problem"),
    [
        ({"enableAutoScaling": True, "minCount": 0, "maxCount": 3}, ""),
        ({"enableAutoScaling": True, "minCount": 0}, "are required"),
        ({"enableAutoScaling": True, "minCount": 4, "maxCount": 3}, "must not be above"),
        ({"enableAutoScaling": False, "minCount": 0}, "must not be set"),
        ({"mode": "System", "count": 1}, ""),
        ({"mode": "System", "count": 0}, "at least one node"),
        ({"mode": "System", "count": 1, "enableAutoScaling": True, "minCount": 0, "maxCount": 3}, "at least one node"),
        ({"mode": "System", **_SPOT}, "cannot be Spot"),
        ({"mode": "System", "nodeTaints": ["CriticalAddonsOnly=true:NoSchedule"]}, ""),
        ({"mode": "System", "nodeTaints": ["a=b:NoSchedule"]}, "takes only the taint"),
        ({"mode": "System", "vmSize": "Standard_B1s_v5"}, "SystemPoolSkuTooLow"),
        ({"mode": "System", "upgradeSettings": {"maxUnavailable": "1"}}, "cannot be set on a System pool"),
        (_SPOT, ""),
        ({**_SPOT, "spotMaxPrice": 0}, "above 0"),
        ({**_SPOT, "upgradeSettings": {"maxSurge": "1"}}, "can't set max surge"),
        ({"spotMaxPrice": -1}, "unless scaleSetPriority is Spot"),
        ({"scaleSetEvictionPolicy": "Delete", "scaleSetPriority": "Regular"}, "unless scaleSetPriority is Spot"),
        ({**_SPOT, **_GPU, "capacityReservationGroupID": "/a"}, "spot machines cannot"),
    ],
)
def test_sizes_modes_and_spot(azure: Azure, more: dict[str, Any], problem: str) -> None:
    found = azure.faults(POOL, _inputs(**more))
    assert problem in "; ".join(found)
    assert bool(problem) == bool(found)


@pytest.mark.parametrize(
    ("more", "problem"),
    [
        ({**_GPU, "gpuInstanceProfile": "MIG1g"}, ""),
        ({**_GPU, "gpuInstanceProfile": "MIG5g"}, "must be one of"),
        ({"vmSize": "Standard_NC4as_T4_v3", "gpuInstanceProfile": "MIG1g"}, "no GPUs that can be divided"),
        ({**_GPU, "gpuProfile": {"driver": "None"}}, ""),
        ({**_GPU, "gpuProfile": {"driver": "Skip"}}, "must be one of"),
        ({"gpuProfile": {"driver": "None"}}, "has no GPUs"),
        ({"osDiskType": "Ephemeral", "osDiskSizeGB": 150}, ""),
        ({"osDiskType": "Ephemeral", "osDiskSizeGB": 200}, "VMCacheSizeTooSmall"),
        ({"osDiskType": "Ephemeral", "vmSize": "Standard_D4s_v5"}, "VMCacheSizeTooSmall"),
        ({**_GPU, "capacityReservationGroupID": "/a"}, ""),
        ({"vmSize": "Standard_ND96isr_H100_v5", "capacityReservationGroupID": "/a"}, "do not support"),
        ({"vmSize": "Standard_NC40ads_H100_v5", "capacityReservationGroupID": "/a"}, "do not support"),
        ({**_GPU, "capacityReservationGroupID": "/a", "proximityPlacementGroupID": "/b"}, "does not go with"),
    ],
)
def test_machines_and_their_gpus(azure: Azure, more: dict[str, Any], problem: str) -> None:
    found = azure.faults(POOL, _inputs(**more))
    assert problem in "; ".join(found)
    assert bool(problem) == bool(found)


def test_inline_pools_are_held_to_the_same(azure: Azure) -> None:
    inputs = things.cluster_inputs(azure)
    wrong = things.system_pool(azure.world.one("Subnet").id, nodeTaints=["a=b:NoSchedule"])
    assert "takes only the taint" in azure.faults(CLUSTER, {**inputs, "agentPoolProfiles": [wrong]})[0]
    assert azure.faults(CLUSTER, inputs) == []


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("maxPods", 50),
        ("osDiskSizeGB", 200),
        ("osDiskType", "Managed"),
        ("availabilityZones", ["1"]),
        ("scaleSetPriority", "Spot"),
        ("gpuProfile", {"driver": "None"}),
        ("enableEncryptionAtHost", True),
    ],
)
def test_what_a_pool_keeps_is_refused_in_place(azure: Azure, path: str, value: Any) -> None:
    things.cluster(azure)
    more: dict[str, Any] = {
        "maxPods": 60,
        "osDiskSizeGB": 128,
        "osDiskType": "Ephemeral",
        "availabilityZones": ["2"],
        **_GPU,
    }
    made = things.pool(azure, **more, scaleSetPriority="Regular", gpuProfile={"driver": "Install"})
    changed = {**made.given, path: value}
    assert azure.diff(made, changed)[1] == [], "the provider would change it"
    with pytest.raises(ProviderError, match=rf"PropertyChangeNotAllowed.*properties\.{path}"):
        azure.update(made, changed if path != "scaleSetPriority" else {**changed, "nodeTaints": [_SPOT_TAINT]})


def test_what_changes_in_place_and_what_replaces(azure: Azure) -> None:
    things.cluster(azure)
    made = things.pool(azure)
    for path, value in (("vmSize", "Standard_D8s_v5"), ("gpuInstanceProfile", "MIG1g"), ("agentPoolName", "other")):
        changed = {**made.given, **_GPU, path: value}
        assert path in azure.diff(made, changed)[1]
        assert azure.diff(made, changed)[2], "the provider would delete the old one first"
    free = {
        "nodeLabels": {"a": "b"},
        "nodeTaints": ["a=b:NoSchedule"],
        "maxCount": 5,
        "tags": {"a": "b"},
        "mode": "System",
    }
    free["nodeTaints"] = []
    changed = {**made.given, **free, "minCount": 1}
    assert azure.diff(made, changed)[1] == []
    assert azure.update(made, changed)["maxCount"] == 5


def test_a_pool_is_not_newer_than_its_cluster(azure: Azure) -> None:
    cluster = things.cluster(azure)
    with pytest.raises(ProviderError, match=r"NodePoolMcVersionIncompatible.*bigger than control plane"):
        things.pool(azure, orchestratorVersion="1.35")
    with pytest.raises(ProviderError, match="NodePoolMcVersionIncompatible"):
        things.pool(azure, orchestratorVersion="1.31")
    made = things.pool(azure, orchestratorVersion="1.34")
    with pytest.raises(ProviderError, match="NodePoolMcVersionIncompatible"):
        azure.update(made, {**made.given, "orchestratorVersion": "1.35"})
    azure.update(cluster, {**cluster.given, "kubernetesVersion": "1.35"})
    newer = azure.update(made, {**made.given, "orchestratorVersion": "1.35"})
    assert newer["currentOrchestratorVersion"] == "1.35.0"
    with pytest.raises(ProviderError, match=r"Upgrading Kubernetes version 1\.35 to 1\.34 is not allowed"):
        azure.update(newer, {**newer.given, "orchestratorVersion": "1.34"})


def test_a_new_pool_begins_within_its_limits(azure: Azure) -> None:
    things.cluster(azure)
    with pytest.raises(ProviderError, match="count 1 must be from minCount 2"):
        things.pool(azure, minCount=2)
    made = things.pool(azure, minCount=1)
    azure.update(made, {**made.given, "minCount": 2})


def test_a_pool_does_not_begin_while_its_cluster_or_subnet_is_busy(tmp_path: Path) -> None:
    azure = Azure(tmp_path)
    cluster = things.cluster(azure)
    subnet = azure.world.one("Subnet")
    things.pool(azure, "first")
    with azure.session.world.open() as account:
        account.records[cluster_key(cluster)].status = "UPDATING"
    with pytest.raises(ProviderError, match=r"OperationNotAllowed.*Another operation \(Updating\) is in progress"):
        things.pool(azure, "second")
    with azure.session.world.open() as account:
        account.records[cluster_key(cluster)].status = "ACTIVE"
    azure.session.latency = 0.01
    thread = threading.Thread(target=things.pool, args=(azure, "third"))
    thread.start()
    wait_until(lambda: any(each.status == "CREATING" for each in azure.world.resources("AgentPool")), "the third")
    with pytest.raises(ProviderError, match="SetVNetOwnershipFailed"):
        things.pool(azure, "fourth")
    with pytest.raises(ProviderError, match=r"Another agentpool operation \(third - Creating\) is in progress"):
        azure.update(cluster, {**cluster.given, "tags": {"a": "b"}})
    thread.join()
    assert subnet.id in azure.world.one("ManagedCluster").inputs["agentPoolProfiles"][0]["vnetSubnetID"]
    things.pool(azure, "fourth")
    azure.update(cluster, {**cluster.given, "tags": {"a": "b"}})


def cluster_key(cluster: Made) -> str:
    """The key of a cluster's record."""
    return f"{CLUSTER}|{cluster.id}"


def test_a_pool_stands_in_the_clusters_network_where_it_may_join(azure: Azure) -> None:
    nodes = things.subnet(azure)
    things.cluster(azure, nodes)
    theirs, _ = azure.world.add_vnet()
    with pytest.raises(ProviderError, match="is not in the cluster's virtual network"):
        things.pool(azure, vnetSubnetID=theirs)
    network = Made(urn="", id="", inputs={}, state=azure.world.resources("VirtualNetwork")[0].state)
    gateway = azure.world.resources("NatGateway")[0].id
    inputs = things.subnet_inputs(azure, network, "10.1.16.0/24")
    bare = azure.create(SUBNET, "bare", inputs)
    with pytest.raises(ProviderError, match="UserAssignedNATGatewayNotAssociatedToSubnet"):
        things.pool(azure, vnetSubnetID=bare.id)
    azure.update(bare, {**inputs, "natGateway": {"id": gateway}})
    with pytest.raises(ProviderError, match="LinkedAuthorizationFailed"):
        things.pool(azure, vnetSubnetID=bare.id)
    things.pool(azure)


def test_the_last_system_pool_stays(azure: Azure) -> None:
    things.cluster(azure)
    second = things.pool(azure, "second", mode="System", minCount=1)
    changed = azure.update(second, {**second.given, "mode": "User"})
    assert changed["mode"] == "User"
    inline = azure.world.resources("AgentPool")[0]
    last = Made(urn=f"urn:pulumi:test::proj::{POOL}::cluster", id=inline.id, inputs=inline.inputs, state=inline.state)
    with pytest.raises(ProviderError, match="at least one system agent pool"):
        azure.delete(last)
    azure.update(changed, second.given)
    azure.delete(last)


def test_a_spot_pool_keeps_its_marks(azure: Azure) -> None:
    things.cluster(azure)
    made = things.pool(azure, **_SPOT)
    with pytest.raises(ProviderError, match=r"properties\.nodeTaints' is not allowed"):
        azure.update(made, {**made.given, "nodeTaints": ["a=b:NoSchedule"], "maxCount": 5})
    azure.update(made, {**made.given, "nodeTaints": [_SPOT_TAINT, "a=b:NoSchedule"], "maxCount": 5})


def test_a_reservation_is_used_by_who_may(azure: Azure) -> None:
    things.cluster(azure)
    group = azure.world.add_reservation_group()
    with pytest.raises(ProviderError, match="The capacity reservation group '/none' was not found"):
        things.pool(azure, **_GPU, capacityReservationGroupID="/none")
    with pytest.raises(ProviderError, match="CRGAuthorizationFailed"):
        things.pool(azure, **_GPU, capacityReservationGroupID=group)
    plane = Made(urn="", id="", inputs={}, state=azure.world.one("UserAssignedIdentity").state)
    things.allow(azure, plane, CONTRIBUTOR, group, "reserved")
    things.pool(azure, **_GPU, capacityReservationGroupID=group)


def test_machines_close_together_are_in_one_zone_and_hold_their_group(azure: Azure) -> None:
    things.cluster(azure)
    group = azure.create(PLACEMENT, "close", {"resourceGroupName": "rg"})
    with pytest.raises(ProviderError, match="is in one zone"):
        things.pool(azure, proximityPlacementGroupID=group.id, availabilityZones=["1", "2"])
    made = things.pool(azure, proximityPlacementGroupID=group.id, availabilityZones=["1"])
    with pytest.raises(ProviderError, match="Cannot delete proximity placement group"):
        azure.delete(group)
    azure.delete(made)
    azure.delete(group)


def test_node_auto_provisioning_refuses_pools_that_scale(azure: Azure) -> None:
    things.cluster(azure, nodeProvisioningProfile={"mode": "Auto"})
    with pytest.raises(ProviderError, match="node auto-provisioning"):
        things.pool(azure)
    things.pool(azure, enableAutoScaling=False, minCount=None, maxCount=None)


def test_a_size_goes_with_every_update(azure: Azure) -> None:
    things.cluster(azure)
    made = things.pool(azure)
    with azure.session.world.open() as account:
        account.records[f"{POOL}|{made.id}"].inputs["count"] = 3
    azure.update(made, {**made.given, "tags": {"a": "b"}})
    assert azure.world.resources("AgentPool")[1].inputs["count"] == 1, "Azure takes limits only together with a size"
