"""Node pools: what they must agree with, upgrades, and what keeps their nodes from joining."""

import dataclasses
import secrets

from tools.offline.cloud import registry
from tools.offline.cloud.errors import CloudError, CreateFailedError
from tools.offline.cloud.node_groups import reconcile, remove
from tools.offline.cloud.registry import rule
from tools.offline.cloud.session import Session
from tools.offline.cloud.world import Account, Record
from tools.offline.common.values import Json, as_list, as_map
from tools.offline.gcp import versions
from tools.offline.gcp.accelerators import given_accelerator, require_accelerators, slice_nodes
from tools.offline.gcp.ids import last_of
from tools.offline.gcp.kinds_container import NODE_POOL
from tools.offline.gcp.kinds_identity import ACCOUNT, PROJECT_MEMBER
from tools.offline.gcp.kinds_network import SUBNETWORK
from tools.offline.gcp.machines import accelerator_of, is_machine_type
from tools.offline.gcp.node_networks import require_networks
from tools.offline.gcp.places import is_zone, region_of
from tools.offline.gcp.pools import POOLS, effective_taints, is_tainted_by_gke, size_limits, zones_of
from tools.offline.gcp.rules.clusters import is_dataplane_v2
from tools.offline.gcp.rules.network import has_nat
from tools.offline.gcp.rules.projects import agent_of
from tools.offline.gcp.rules.storage import require_key_use

_OLDEST_BEHIND = 2
_GPU_NODE_SECONDS = 120
"""How much longer a node with accelerators takes, for its driver, than two minutes of any node pool: our estimate."""
_NODE_ROLES = (
    "roles/container.defaultNodeServiceAccount",
    "roles/container.nodeServiceAccount",
    "roles/editor",
    "roles/owner",
)
_LOGGING_ROLES = {"roles/logging.logWriter", "roles/monitoring.metricWriter"}


@rule(registry.before_create, NODE_POOL)
def surroundings_of_a_pool(account: Account, record: Record) -> None:
    """Its cluster, its zones, its machines, its key and its networks."""
    cluster = POOLS.cluster_of(account, record)
    assert cluster is not None
    inputs, config = record.inputs, as_map(record.inputs.get("nodeConfig"))
    if record.outputs["location"] != cluster.outputs["location"]:
        raise CloudError(
            "notFound",
            f"Not found: projects/{record.get('project')}/locations/{record.outputs['location']}/clusters/"
            f"{last_of(inputs['cluster'])}.",
        )
    for zone in as_list(inputs.get("nodeLocations")):
        if not is_zone(zone) or region_of(zone) != region_of(cluster.outputs["location"]):
            raise CloudError("badRequest", f"Zone {zone} is not in region {region_of(cluster.outputs['location'])}.")
    _require_version(cluster, inputs.get("version"))
    _require_machines(account, cluster, record, inputs)
    if config.get("bootDiskKmsKey"):
        require_key_use(account, config["bootDiskKmsKey"], agent_of(record.get("project"), "compute.googleapis.com"))
    record.outputs["version"] = (
        versions.full(inputs.get("version")) if inputs.get("version") else cluster.outputs["masterVersion"]
    )
    record.notes["size"] = int(inputs.get("nodeCount") or inputs.get("initialNodeCount") or 0) * len(
        zones_of(account, record)
    )
    if inputs.get("nodeCount") is None and inputs.get("initialNodeCount") is None and not inputs.get("autoscaling"):
        record.notes["size"] = len(zones_of(account, record))
    least, most = size_limits(account, record)
    if inputs.get("autoscaling"):
        record.notes["size"] = min(max(record.notes["size"], least), most)
    record.notes["is_tainted"] = is_tainted_by_gke(account, record)
    links = [
        f"https://www.googleapis.com/compute/v1/projects/{record.get('project')}/zones/{zone}/instanceGroupManagers/"
        f"gke-{last_of(cluster.id)}-{record.get('name')}-{secrets.token_hex(4)}-grp"
        for zone in zones_of(account, record)
    ]
    record.outputs |= {"instanceGroupUrls": links, "managedInstanceGroupUrls": links}


def _require_version(cluster: Record, version: str | None) -> None:
    if not version:
        return
    ours, theirs = versions.minor(version), versions.minor(cluster.outputs["masterVersion"])
    if ours > theirs:
        raise CloudError(
            "badRequest", f'Node version "{version}" must not be newer than the control plane\'s 1.{theirs}.'
        )
    if ours < theirs - _OLDEST_BEHIND:
        text = f'Node version "{version}" must not be more than {_OLDEST_BEHIND} minor versions older than 1.{theirs}.'
        raise CloudError("badRequest", text)


def _require_machines(account: Account, cluster: Record, record: Record, inputs: Json) -> None:
    config = as_map(inputs.get("nodeConfig"))
    machine = config.get("machineType") or "e2-medium"
    if not is_machine_type(machine):
        raise CloudError("badRequest", f"Machine type with name '{machine}' does not exist in zone.")
    require_accelerators(config)
    zones = zones_of(account, record)
    placement = as_map(inputs.get("placementPolicy"))
    if placement.get("type") == "COMPACT" and len(zones) > 1 and not placement.get("tpuTopology"):
        raise CloudError("badRequest", "Compact placement is only available for node pools in a single zone.")
    topology = placement.get("tpuTopology")
    if topology and slice_nodes(machine, topology) > 1:
        _require_slice(account, record, slice_nodes(machine, topology))
    profile = as_map(inputs.get("networkConfig")).get("acceleratorNetworkProfile")
    if profile and (not is_dataplane_v2(cluster.inputs) or profile != "auto"):
        raise CloudError("badRequest", "acceleratorNetworkProfile must be auto, and requires Dataplane V2.")
    require_networks(account, cluster, inputs)
    affinity = as_map(config.get("reservationAffinity")).get("values")
    if any("/reservationBlocks/" in str(each) for each in as_list(affinity)) and len(zones) > 1:
        raise CloudError("badRequest", "A reservation's block is in one zone: name that zone.")
    _require_channel(cluster, inputs)


def _require_slice(account: Account, record: Record, size: int) -> None:
    """A slice over several nodes is there as a whole, or not at all."""
    least, most = size_limits(account, record)
    zones = zones_of(account, record)
    initial = int(record.inputs.get("initialNodeCount") or record.inputs.get("nodeCount") or 0)
    if len(zones) > 1:
        raise CloudError("badRequest", "A multi-host TPU slice node pool must be in a single zone.")
    is_off = bool(record.inputs.get("autoscaling")) and (most != size or least not in (0, size))
    if is_off or initial not in (0, size):
        raise CloudError(
            "badRequest",
            f"A multi-host TPU slice node pool must have {size} nodes, or none: with autoscaling, at most {size}.",
        )


def _require_channel(cluster: Record, inputs: Json) -> None:
    """Nodes of a cluster in a release channel are upgraded by GKE, except those that come for a while only.

    https://github.com/terraform-google-modules/terraform-google-kubernetes-engine/pull/682
    """
    channel = as_map(cluster.inputs.get("releaseChannel")).get("channel") or "REGULAR"
    management = as_map(inputs.get("management"))
    config = as_map(inputs.get("nodeConfig"))
    for_a_while = config.get("flexStart") or as_map(inputs.get("queuedProvisioning")).get("enabled")
    if channel == "UNSPECIFIED" or for_a_while:
        return
    if management.get("autoUpgrade") is False:
        raise CloudError("badRequest", f"Auto_upgrade cannot be false when release_channel {channel} is set.")


@rule(registry.outputs, NODE_POOL)
def what_a_pool_tells(account: Account, record: Record) -> Json:
    """What GKE adds; the taints among it that the program did not give."""
    config = as_map(record.inputs.get("nodeConfig"))
    given = given_accelerator(config)
    added: Json = {
        "machineType": "e2-medium",
        "diskType": "pd-balanced",
        "diskSizeGb": 100,
        "imageType": "COS_CONTAINERD",
        "effectiveTaints": effective_taints(record),
        "shieldedInstanceConfig": {"enableIntegrityMonitoring": True, "enableSecureBoot": False},
        "metadata": {"disable-legacy-endpoints": "true"},
        "loggingVariant": "DEFAULT",
        "localSsdCount": 0,
        "serviceAccount": "default",
    }
    if given:
        added["guestAccelerators"] = config.get("guestAccelerators")
    return {
        "nodeCount": record.notes.get("size", 0) // max(1, len(zones_of(account, record))),
        "version": record.outputs.get("version"),
        "operation": None,
        "nodeLocations": zones_of(account, record),
        "maxPodsPerNode": 110,
        "management": {"autoRepair": True, "autoUpgrade": True},
        "upgradeSettings": {"maxSurge": 1, "maxUnavailable": 0, "strategy": "SURGE"},
        "networkConfig": {"enablePrivateNodes": False},
        "nodeConfig": added,
    }


@rule(registry.before_update, NODE_POOL)
def new_make_of_a_pool(account: Account, record: Record, new: Json) -> None:
    """Not newer than the control plane, not older than it was, and of machines that fit as the first did."""
    cluster = POOLS.cluster_of(account, record)
    assert cluster is not None
    before, given = versions.minor(record.outputs["version"]), new.get("version")
    after = versions.minor(given) if given else before
    if after < before:
        raise CloudError(
            "badRequest", f"Node pool version cannot go down from 1.{before} to 1.{after} by more than a patch."
        )
    _require_version(cluster, given)
    _require_machines(account, cluster, dataclasses.replace(record, inputs=new), new)
    if given:
        record.outputs["version"] = versions.full(given)
    wanted = dataclasses.replace(record, inputs=new)
    least, most = size_limits(account, wanted)
    if new.get("autoscaling"):
        record.notes["size"] = min(max(record.notes.get("size", 0), least), most)
    elif new.get("nodeCount") != record.inputs.get("nodeCount") and new.get("nodeCount") is not None:
        record.notes["size"] = int(new["nodeCount"]) * len(zones_of(account, wanted))


@rule(registry.when_made, NODE_POOL)
def nodes_join(session: Session, record: Record) -> None:
    """The nodes join, if they find a way to the control plane and may do so."""
    if not record.notes.get("size"):
        return
    why: list[str] = []

    def can_join() -> bool:
        why[:] = _hindrances(session.world.look(), record)
        return not why

    if accelerator_of(str(as_map(record.inputs.get("nodeConfig")).get("machineType"))):
        session.wait(_GPU_NODE_SECONDS)
    if not session.until(can_join):
        text = (
            f"All cluster resources were brought up, but: only 0 nodes out of {record.notes['size']} have registered; "
        )
        raise CreateFailedError("NODE_POOL_ERROR", text + "; ".join(why))
    reconcile(session, POOLS, record.id)


def _hindrances(account: Account, record: Record) -> list[str]:
    cluster = POOLS.cluster_of(account, record)
    if cluster is None:
        return ["the cluster is gone"]
    found: list[str] = []
    name = last_of(cluster.get("subnetwork"))
    subnetwork = next((each for each in account.of(SUBNETWORK) if last_of(each.id) == name), None)
    own = as_map(record.inputs.get("networkConfig")).get("enablePrivateNodes")
    private = own if own is not None else as_map(cluster.inputs.get("privateClusterConfig")).get("enablePrivateNodes")
    google = subnetwork is not None and subnetwork.inputs.get("privateIpGoogleAccess")
    if private and subnetwork is not None and not google and not has_nat(account, subnetwork):
        found.append("private nodes reach Google's registries neither by Private Google Access nor by Cloud NAT")
    email = as_map(record.inputs.get("nodeConfig")).get("serviceAccount")
    made = account.find(ACCOUNT, email, "email") if email else None
    if made is not None and not _may_be_node(account, made):
        found.append(f"the service account {email} has none of the roles that nodes need")
    return found


def _may_be_node(account: Account, service_account: Record) -> bool:
    member = service_account.outputs["member"]
    roles = {each.inputs["role"] for each in account.of(PROJECT_MEMBER) if each.inputs["member"] == member}
    return bool(roles & set(_NODE_ROLES)) or roles >= _LOGGING_ROLES


@rule(registry.when_updated, NODE_POOL)
def nodes_follow(session: Session, record: Record) -> None:
    """Labels, taints, number and make of the nodes follow."""
    reconcile(session, POOLS, record.id)


@rule(registry.when_deleted, NODE_POOL)
def nodes_leave(session: Session, record: Record) -> None:
    remove(session, POOLS, record)
