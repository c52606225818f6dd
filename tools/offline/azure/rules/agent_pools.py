"""Node pools: what they must agree with in their cluster, and what becomes of their nodes.

https://learn.microsoft.com/azure/aks/manage-node-pools, …/use-system-pools, …/use-capacity-reservation-groups
"""

from typing import Any

from tools.offline.azure import pool_nodes
from tools.offline.azure.cloud import changed_paths
from tools.offline.azure.ids import name_of, parent_id, same
from tools.offline.azure.kinds_compute import AGENT_POOL, PLACEMENT_GROUP, POOL_FIXED, RESERVATION_GROUP
from tools.offline.azure.machines import machine_of
from tools.offline.azure.pool_nodes import SPOT
from tools.offline.azure.rules.cluster_networks import network_of, require_way_out
from tools.offline.azure.rules.cluster_permissions import require_join, require_reservation
from tools.offline.azure.rules.everything import with_id
from tools.offline.azure.rules.pool_parts import DEFAULT_DISK_GIB
from tools.offline.cloud import registry
from tools.offline.cloud.errors import CloudError
from tools.offline.cloud.node_groups import reconcile, remove
from tools.offline.cloud.registry import rule
from tools.offline.cloud.session import Session
from tools.offline.cloud.world import Account, Record, values_at
from tools.offline.common.values import Json, as_list

_MOST_POOLS = 100
_VERSIONS_BEHIND = 2
_GPU_NODE_SECONDS = 120
"""How much longer a node with accelerators takes than the three minutes of any pool."""


def cluster_of(account: Account, record: Record) -> Record:
    """The cluster of a pool."""
    found = with_id(account, parent_id(record.id))
    assert found is not None
    return found


@rule(registry.before_create, AGENT_POOL)
def surroundings_of_a_pool(account: Account, record: Record) -> None:
    """A cluster that is at nothing else, and has room."""
    cluster = cluster_of(account, record)
    refuse_while_busy(cluster)
    _require_size(record.inputs)
    _refuse_beside_others(account, cluster, record)
    if len(pools_of(account, cluster)) >= _MOST_POOLS:
        raise CloudError("QuotaExceeded", f"Exceeded quota: {cluster.id} has {_MOST_POOLS} node pools")
    require_fit(account, cluster, record.inputs)
    if record.inputs.get("mode") is None:
        record.inputs["mode"] = "User"
    _add_spot_marks(record)
    sync(account, cluster, record)


def _require_size(inputs: Json) -> None:
    """A new pool begins within its limits; later an autoscaler sees to it."""
    count = inputs.get("count")
    if inputs.get("enableAutoScaling") and count is not None and not inputs["minCount"] <= count <= inputs["maxCount"]:
        text = f"count {count} must be from minCount {inputs['minCount']} to maxCount {inputs['maxCount']}."
        raise CloudError("InvalidParameter", f"The value of parameter agentPool.count is invalid: {text}")


def _refuse_beside_others(account: Account, cluster: Record, record: Record) -> None:
    """Pools that come into one subnet at a time disturb each other. https://github.com/Azure/AKS/issues/4522"""
    for other in pools_of(account, cluster):
        shared = same(other.inputs.get("vnetSubnetID"), record.inputs.get("vnetSubnetID"))
        if shared and other.key != record.key and other.is_coming:
            text = f"Set virtual network ownership failed: {other.id} is being made in {other.inputs['vnetSubnetID']}."
            raise CloudError("SetVNetOwnershipFailed", text)


def refuse_while_busy(cluster: Record) -> None:
    """AKS takes no change of a pool while it changes the cluster.

    Raises:
        CloudError: it does.
    """
    if cluster.status != "ACTIVE":
        what = {"CREATING": "Creating", "UPDATING": "Updating"}.get(cluster.status, cluster.status.title())
        raise CloudError(
            "OperationNotAllowed",
            f"Operation is not allowed: Another operation ({what}) is in progress, please wait for it to finish before "
            "starting a new operation. See https://aka.ms/aks-pending-operation for more details",
        )


def require_fit(account: Account, cluster: Record, inputs: Json) -> None:
    """A pool fits its cluster.

    Raises:
        CloudError: it does not.
    """
    if values_at(cluster.inputs, "nodeProvisioningProfile.mode") == ["Auto"] and inputs.get("enableAutoScaling"):
        text = "Cluster autoscaler cannot be enabled on a node pool of a cluster with node auto-provisioning."
        raise CloudError("InvalidParameter", text)
    require_version(cluster.get("kubernetesVersion"), inputs.get("orchestratorVersion"))
    for each in values_at(inputs, "vnetSubnetID"):
        others = values_at(cluster.inputs, "agentPoolProfiles.vnetSubnetID")
        if others and not any(same(parent_id(each), parent_id(other)) for other in others):
            raise CloudError("InvalidParameter", f"The subnet {each} is not in the cluster's virtual network")
        require_way_out(account, network_of(cluster.inputs), each)
        require_join(account, cluster.inputs, each)
    for each in values_at(inputs, "proximityPlacementGroupID"):
        _require_one_place(account, inputs, each)
    for each in values_at(inputs, "capacityReservationGroupID"):
        group = with_id(account, each)
        if group is None or group.token != RESERVATION_GROUP:
            raise CloudError("ResourceNotFound", f"The capacity reservation group '{each}' was not found.")
        require_reservation(account, cluster.inputs, each)


def _require_one_place(account: Account, inputs: Json, group_id: str) -> None:
    group = with_id(account, group_id)
    zones = as_list(inputs.get("availabilityZones"))
    theirs = as_list(group.inputs.get("zones")) if group is not None and group.token == PLACEMENT_GROUP else []
    if len(zones) > 1 or (zones and theirs and zones != theirs):
        text = f"A pool in proximity placement group {group_id} is in one zone, and in the group's: {zones}"
        raise CloudError("InvalidParameter", text)


def minor(version: Any) -> int:
    """The minor version in `1.34` or `1.34.2`."""
    return int(str(version).split(".")[1])


def require_version(ours: Any, theirs: Any) -> None:
    """A pool's version is not above its cluster's, nor far below.

    Raises:
        CloudError: it is.
    """
    if theirs is None:
        return
    if minor(theirs) > minor(ours):
        what = "bigger than control plane version"
    elif minor(ours) - minor(theirs) > _VERSIONS_BEHIND:
        what = f"more than {_VERSIONS_BEHIND} below control plane version"
    else:
        return
    raise CloudError(
        "NodePoolMcVersionIncompatible",
        f"Node pool version {theirs} and control plane version {ours} are incompatible. Minor version of node pool "
        f"version {theirs} is {what} {ours}. For more information, please check https://aka.ms/aks/UpgradeVersionRules",
    )


def pools_of(account: Account, cluster: Record) -> list[Record]:
    """All pools of a cluster, its own and those that stand alone."""
    return [each for each in account.of(AGENT_POOL) if same(parent_id(each.id), cluster.id)]


def _add_spot_marks(record: Record) -> None:
    """AKS marks spot nodes, and tells so."""
    if record.inputs.get("scaleSetPriority") == "Spot":
        record.outputs["nodeLabels"] = {SPOT: "spot"}


def sync(account: Account, cluster: Record, *new: Record, without: str = "") -> None:
    """A cluster tells of all of its pools, whoever made them."""
    found = {each.id: each for each in (*pools_of(account, cluster), *new) if not same(each.id, without)}
    cluster.inputs["agentPoolProfiles"] = [profile_of(each) for each in found.values()]


def profile_of(pool: Record) -> Json:
    """A pool as its cluster tells of it."""
    apart = ("resourceGroupName", "resourceName", "agentPoolName")
    return {"name": name_of(pool.id)} | {key: value for key, value in pool.inputs.items() if key not in apart}


@rule(registry.before_update, AGENT_POOL)
def change_of_a_pool(account: Account, record: Record, new: Json) -> None:
    """One minor version up at a time; spot marks stay; the last System pool stays one."""
    cluster = cluster_of(account, record)
    refuse_while_busy(cluster)
    before = record.get("orchestratorVersion") or cluster.get("kubernetesVersion")
    after = new.get("orchestratorVersion")
    if after is not None and not minor(before) <= minor(after) <= minor(before) + _VERSIONS_BEHIND:
        text = f"Upgrading Kubernetes version {before} to {after} is not allowed."
        raise CloudError("OperationNotAllowed", text)
    require_fit(account, cluster, new)
    marked = f"{SPOT}=spot:NoSchedule" in as_list(new.get("nodeTaints"))
    if record.inputs.get("scaleSetPriority") == "Spot" and not marked:
        raise CloudError("PropertyChangeNotAllowed", "Changing property 'properties.nodeTaints' is not allowed.")
    if record.inputs.get("mode") == "System" and new.get("mode") != "System":
        _require_other_system_pool(account, cluster, record)
    sync(account, cluster, Record(token=AGENT_POOL, id=record.id, inputs=new))


def _require_other_system_pool(account: Account, cluster: Record, record: Record) -> None:
    others = [each for each in pools_of(account, cluster) if each.key != record.key and each.status != "DELETING"]
    if not any(each.inputs.get("mode") == "System" for each in others):
        text = f"There has to be at least one system agent pool: {record.id} is the last of {cluster.id}"
        raise CloudError("OperationNotAllowed", text)


@rule(registry.before_delete, AGENT_POOL)
def last_system_pool(account: Account, record: Record) -> None:
    cluster = cluster_of(account, record)
    refuse_while_busy(cluster)
    if record.inputs.get("mode") == "System":
        _require_other_system_pool(account, cluster, record)
    sync(account, cluster, without=record.id)


@rule(registry.outputs, AGENT_POOL)
def what_a_pool_tells(account: Account, record: Record) -> Json:
    cluster = with_id(account, parent_id(record.id))
    version = record.inputs.get("orchestratorVersion") or (cluster.get("kubernetesVersion") if cluster else None)
    told: Json = {
        "orchestratorVersion": version,
        "currentOrchestratorVersion": f"{version}.0" if str(version).count(".") == 1 else version,
        "powerState": {"code": "Running"},
        "count": record.inputs.get("minCount", 1) if record.inputs.get("enableAutoScaling") else 1,
        "maxPods": 250 if network_of(cluster.inputs if cluster else {}).get("networkPluginMode") == "overlay" else 30,
        "osDiskSizeGB": DEFAULT_DISK_GIB,
        "osDiskType": "Managed",
        "osType": "Linux",
        "osSKU": "Ubuntu",
        "type": "VirtualMachineScaleSets",
        "scaleDownMode": "Delete",
        "enableFIPS": False,
        "nodeImageVersion": f"AKS{record.inputs.get('osSKU', 'Ubuntu')}-202611.01.0",
    }
    return told


@rule(registry.when_made, AGENT_POOL)
def nodes_join(session: Session, record: Record) -> None:
    if machine_of(str(record.inputs.get("vmSize"))).has_gpu and record.get("count"):
        session.wait(_GPU_NODE_SECONDS)
    reconcile(session, pool_nodes.POOLS, record.id)


@rule(registry.when_updated, AGENT_POOL)
def nodes_follow(session: Session, record: Record) -> None:
    """Labels, taints, number and version of the nodes follow."""
    reconcile(session, pool_nodes.POOLS, record.id)


@rule(registry.when_deleted, AGENT_POOL)
def nodes_leave(session: Session, record: Record) -> None:
    remove(session, pool_nodes.POOLS, record)


def change_inline(pool: Record, profile: Json) -> None:
    """A change of a pool through its cluster.

    Raises:
        CloudError: AKS does not change that.
    """
    for path in changed_paths((*POOL_FIXED, "vmSize", "gpuInstanceProfile"), pool.inputs, profile):
        raise CloudError("PropertyChangeNotAllowed", f"Changing property 'properties.{path}' is not allowed.")
    pool.inputs |= {key: value for key, value in profile.items() if key != "name"}
