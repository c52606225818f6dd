"""GKE clusters: what their parts must agree on, upgrades, and what comes and goes with them."""

# ruff: noqa: ARG001 - the rules of one occasion have one signature

import ipaddress
import re
import secrets
from collections.abc import Iterator
from typing import Any

from tools.offline.cloud import cluster_api, nodes, registry
from tools.offline.cloud.errors import CloudError
from tools.offline.cloud.registry import rule
from tools.offline.cloud.schema import Fault
from tools.offline.cloud.session import Session
from tools.offline.cloud.world import Account, Record, values_at
from tools.offline.common.values import Json, as_list, as_map
from tools.offline.gcp import compute_classes, node_networks, versions
from tools.offline.gcp.cloud import GCP
from tools.offline.gcp.ids import last_of, path_of
from tools.offline.gcp.kinds_container import CLUSTER, NODE_POOL
from tools.offline.gcp.kinds_network import FIREWALL, NETWORK, SUBNETWORK
from tools.offline.gcp.node_labels import CLUSTER_LABEL
from tools.offline.gcp.places import default_zones, is_region, is_zone, region_of
from tools.offline.gcp.rules.network import ranges_of
from tools.offline.gcp.rules.projects import agent_of
from tools.offline.gcp.rules.storage import require_key_use

_NAME = re.compile(r"[a-z](?:[-a-z0-9]*[a-z0-9])?")
_POOL = re.compile(r"[a-z0-9-]+\.svc\.id\.goog")
_MASTER_PREFIX = 28
_CLUSTER_FIREWALLS = ("all", "vms", "master")


def is_dataplane_v2(inputs: Json) -> bool:
    """Whether a cluster has Dataplane V2."""
    return inputs.get("datapathProvider") == "ADVANCED_DATAPATH" or bool(inputs.get("enableAutopilot"))


@rule(registry.in_check, CLUSTER)
def parts_of_a_cluster(inputs: Json) -> Iterator[Fault]:
    """What the parts of a cluster exclude and need."""
    name = inputs.get("name")
    if isinstance(name, str) and not _NAME.fullmatch(name):
        yield Fault(path=("name",), why=f"{name!r} must be lower-case letters, digits and dashes, a letter first")
    if not inputs.get("initialNodeCount") and not inputs.get("nodePools") and not inputs.get("enableAutopilot"):
        yield Fault(
            path=("initialNodeCount",), why="Cluster.initial_node_count must be greater than zero, or nodePools given"
        )
    if inputs.get("nodePools") and (inputs.get("initialNodeCount") or inputs.get("nodeConfig")):
        yield Fault(path=("nodePools",), why="excludes initialNodeCount and nodeConfig of the default node pool")
    yield from _network_faults(inputs)
    yield from _access_faults(inputs)
    if inputs.get("location") in as_list(inputs.get("nodeLocations")):
        why = "when using a multi-zonal cluster, node_locations should not contain the original 'zone'"
        yield Fault(path=("nodeLocations",), why=why)
    if inputs.get("nodeVersion") and inputs.get("removeDefaultNodePool"):
        yield Fault(path=("nodeVersion",), why="can only be specified if remove_default_node_pool is not true")
    limits = as_map(inputs.get("clusterAutoscaling"))
    if limits.get("enabled") is True and not limits.get("resourceLimits"):
        yield Fault(
            path=("clusterAutoscaling", "resourceLimits"), why="Node auto-provisioning needs limits of cpu and memory"
        )
    kinds = {each.get("resourceType") for each in map(as_map, as_list(limits.get("resourceLimits")))}
    if limits.get("enabled") is True and limits.get("resourceLimits") and not {"cpu", "memory"} <= kinds:
        yield Fault(path=("clusterAutoscaling", "resourceLimits"), why="has no limit of cpu, or none of memory")


def _network_faults(inputs: Json) -> Iterator[Fault]:
    if as_map(inputs.get("networkPolicy")).get("enabled") is True and is_dataplane_v2(inputs):
        yield Fault(
            path=("networkPolicy",), why="Enabling NetworkPolicy for clusters with ADVANCED_DATAPATH is not allowed"
        )
    for key in ("enableMultiNetworking", "enableCiliumClusterwideNetworkPolicy", "enableFqdnNetworkPolicy"):
        if inputs.get(key) is True and not is_dataplane_v2(inputs):
            yield Fault(path=(key,), why="requires Dataplane V2: datapathProvider ADVANCED_DATAPATH")
    if inputs.get("networkingMode", "VPC_NATIVE") == "VPC_NATIVE" and inputs.get("clusterIpv4Cidr"):
        yield Fault(path=("clusterIpv4Cidr",), why="excludes ipAllocationPolicy, which a VPC-native cluster has")
    policy = as_map(inputs.get("ipAllocationPolicy"))
    for name, block in (
        ("clusterSecondaryRangeName", "clusterIpv4CidrBlock"),
        ("servicesSecondaryRangeName", "servicesIpv4CidrBlock"),
    ):
        if policy.get(name) and policy.get(block):
            yield Fault(path=("ipAllocationPolicy", block), why=f"excludes {name}")


def _access_faults(inputs: Json) -> Iterator[Fault]:
    blocks = as_map(inputs.get("masterAuthorizedNetworksConfig")).get("cidrBlocks")
    for index, each in enumerate(map(as_map, as_list(blocks))):
        text = each.get("cidrBlock")
        path = ("masterAuthorizedNetworksConfig", "cidrBlocks", index, "cidrBlock")
        if isinstance(text, str) and not _is_range(text):
            yield Fault(path=path, why=f"{text!r} is no range of addresses")
    text = as_map(inputs.get("privateClusterConfig")).get("masterIpv4CidrBlock")
    if (
        isinstance(text, str)
        and text
        and (not _is_range(text) or ipaddress.ip_network(text).prefixlen != _MASTER_PREFIX)
    ):
        yield Fault(path=("privateClusterConfig", "masterIpv4CidrBlock"), why=f"{text!r} is no range of /28")
    pool = as_map(inputs.get("workloadIdentityConfig")).get("workloadPool")
    if isinstance(pool, str) and not _POOL.fullmatch(pool):
        yield Fault(path=("workloadIdentityConfig", "workloadPool"), why=f"{pool!r} must be <project>.svc.id.goog")
    ip = as_map(as_map(inputs.get("controlPlaneEndpointsConfig")).get("ipEndpointsConfig"))
    if ip.get("enabled") is False and blocks:
        yield Fault(path=("masterAuthorizedNetworksConfig",), why="cannot be set where the IP endpoints are disabled")
    group = as_map(inputs.get("authenticatorGroupsConfig")).get("securityGroup")
    if isinstance(group, str) and group and not group.startswith("gke-security-groups@"):
        yield Fault(path=("authenticatorGroupsConfig", "securityGroup"), why="must be gke-security-groups@<domain>")


def _is_range(text: str) -> bool:
    try:
        ipaddress.ip_network(text)
    except ValueError:
        return False
    return True


@rule(registry.before_create, CLUSTER)
def surroundings_of_a_cluster(account: Account, record: Record) -> None:
    """Its place, its network, its ranges, its key and its pool of identities."""
    inputs = record.inputs
    location = record.outputs["location"]
    if not is_region(location) and not is_zone(location):
        raise CloudError("badRequest", f'Location "{location}" does not exist.')
    for zone in as_list(inputs.get("nodeLocations")):
        if not is_zone(zone) or region_of(zone) != region_of(location):
            raise CloudError("badRequest", f"Zone {zone} is not in region {region_of(location)}.")
    if versions.minor(inputs.get("minMasterVersion")):
        record.outputs["masterVersion"] = versions.full(inputs.get("minMasterVersion"))
    pool = inputs.get("workloadIdentityConfig", {}).get("workloadPool")
    if pool and pool != f"{record.get('project')}.svc.id.goog":
        raise CloudError("badRequest", f"Workload pool must be {record.get('project')}.svc.id.goog, not {pool}.")
    subnetwork = _network_parts(account, record)
    _require_ranges(account, record, subnetwork)
    state = as_map(inputs.get("databaseEncryption"))
    if state.get("state") == "ENCRYPTED":
        require_key_use(account, state.get("keyName", ""), agent_of(record.get("project"), "container.googleapis.com"))
    _require_default_pool(inputs)
    for suffix in _CLUSTER_FIREWALLS:
        name = f"gke-{record.get('name')}-{secrets.token_hex(4)}-{suffix}"
        link = f"projects/{record.get('project')}/global/firewalls/{name}"
        network = path_of(inputs.get("network", "default"))
        account.add(Record(token=FIREWALL, id=link, inputs={"name": name, "network": network}, owner=record.key))


def _require_default_pool(inputs: Json) -> None:
    """The provider deletes the pool `default-pool` of a new cluster, and fails where there is none."""
    given = [each.get("name") for each in map(as_map, as_list(inputs.get("nodePools")))]
    if inputs.get("removeDefaultNodePool") and given and "default-pool" not in given:
        raise CloudError("notFound", 'Not found: node pool "default-pool", which remove_default_node_pool deletes.')


def _network_parts(account: Account, record: Record) -> Record:
    inputs = record.inputs
    network = next((each for each in account.of(NETWORK) if _is(inputs.get("network", "default"), each)), None)
    subnetwork = next((each for each in account.of(SUBNETWORK) if _is(inputs.get("subnetwork"), each)), None)
    if network is None or subnetwork is None:
        raise CloudError("badRequest", "Network or subnetwork is not given: a default network is not simulated.")
    if last_of(subnetwork.inputs["network"]) != last_of(network.id):
        raise CloudError("badRequest", f'Subnetwork "{subnetwork.id}" is not in network "{network.id}".')
    if subnetwork.outputs["region"] != region_of(record.outputs["location"]):
        raise CloudError(
            "badRequest", f"Subnetwork {subnetwork.id} is not in region {region_of(record.outputs['location'])}."
        )
    return subnetwork


def _is(value: Any, record: Record) -> bool:
    path = path_of(value)
    return path == record.id if "/" in path else path == last_of(record.id)


def _require_ranges(account: Account, record: Record, subnetwork: Record) -> None:
    policy = as_map(record.inputs.get("ipAllocationPolicy"))
    known = ranges_of(subnetwork.inputs)
    for key in ("clusterSecondaryRangeName", "servicesSecondaryRangeName"):
        name = policy.get(key)
        if name and name not in known:
            raise CloudError("badRequest", f'Pod secondary range "{name}" does not exist in network "{subnetwork.id}".')
    pods, services = policy.get("clusterSecondaryRangeName"), policy.get("servicesSecondaryRangeName")
    if pods and pods == services:
        raise CloudError("badRequest", "Pods and Services cannot have the same secondary range.")
    for other in account.of(CLUSTER):
        if other.id == record.id:
            continue  # the name is refused, whatever else is the same
        same = last_of(other.get("subnetwork")) == last_of(subnetwork.id)
        if same and services and services in values_at(other.inputs, "ipAllocationPolicy.servicesSecondaryRangeName"):
            raise CloudError("badRequest", f'Services range "{services}" is already in use by cluster {other.id}.')
    master = as_map(record.inputs.get("privateClusterConfig")).get("masterIpv4CidrBlock")
    for text in known.values():
        if master and ipaddress.ip_network(master).overlaps(ipaddress.ip_network(text)):
            raise CloudError(
                "badRequest", f"The given master_ipv4_cidr {master} overlaps with an existing range {text}."
            )


@rule(registry.outputs, CLUSTER)
def what_a_cluster_tells(account: Account, record: Record) -> Json:
    """What GKE adds; with an API server behind it, its addresses are that one's."""
    location, project = record.outputs["location"], record.get("project")
    digits = record.notes.setdefault("digits", secrets.token_hex(16))
    dns = f"gke-{digits}-{project}.{region_of(location)}.gke.goog"
    found = cluster_api.connection(GCP)
    address = found.server.partition("://")[2] if found else "203.0.113.10"
    authority = cluster_api.authority(found) if found else "c2ltdWxhdGVk"
    version = record.outputs.get("masterVersion")
    return {
        "endpoint": address,
        "masterAuth": {"clusterCaCertificate": authority, "clientCertificate": "", "clientKey": ""},
        "controlPlaneEndpointsConfig": {"dnsEndpointConfig": {"endpoint": address if found else dns}},
        "masterVersion": version,
        "nodeVersion": version,
        "selfLink": f"https://container.googleapis.com/v1/{record.id}",
        "servicesIpv4Cidr": "34.118.224.0/20",
        "labelFingerprint": digits[:8],
        "operation": None,
        "nodeLocations": as_list(record.inputs.get("nodeLocations")) or default_zones(location),
        "privateClusterConfig": {"privateEndpoint": "10.0.0.2", "publicEndpoint": address},
        "databaseEncryption": {"state": "DECRYPTED", "keyName": ""},
        "datapathProvider": "DATAPATH_PROVIDER_UNSPECIFIED",
        "defaultMaxPodsPerNode": 110,
        "loggingService": "logging.googleapis.com/kubernetes",
        "monitoringService": "monitoring.googleapis.com/kubernetes",
        "releaseChannel": {"channel": "REGULAR"},
        "clusterAutoscaling": {"enabled": False, "autoscalingProfile": "BALANCED"},
    }


@rule(registry.before_update, CLUSTER)
def upgrade(account: Account, record: Record, new: Json) -> None:
    """One minor version up at a time, and never down; other pools of accounts and keys stay possible."""
    before = versions.minor(record.outputs["masterVersion"])
    given = new.get("minMasterVersion")
    after = versions.minor(given) if given else before
    if after > before + 1:
        text = (
            f'Master cannot be upgraded to "{given}": cannot upgrade the master more than one minor version at a time.'
        )
        raise CloudError("badRequest", text)
    if after > before:
        record.outputs["masterVersion"] = versions.full(given)
    pool = as_map(new.get("workloadIdentityConfig")).get("workloadPool")
    if pool and pool != f"{record.get('project')}.svc.id.goog":
        raise CloudError("badRequest", f"Workload pool must be {record.get('project')}.svc.id.goog, not {pool}.")


@rule(registry.before_delete, CLUSTER)
def protected_cluster(account: Account, record: Record) -> None:
    """The provider's own refusal: GKE itself knows no such protection."""
    if record.inputs.get("deletionProtection"):
        raise CloudError(
            "provider",
            "Cannot destroy cluster because deletion_protection is set to true. Set it to false to proceed with "
            "cluster deletion.",
        )


@rule(registry.when_made, CLUSTER)
def first_signs_of_life(session: Session, record: Record) -> None:
    """GKE brings kinds of objects of its own."""
    client = cluster_api.client(session)
    if client is not None:
        compute_classes.install(session, client)
        if record.inputs.get("enableMultiNetworking"):
            node_networks.install(session, client)


@rule(registry.when_deleted, CLUSTER)
def last_signs_of_life(session: Session, record: Record) -> None:
    """Node pools and their nodes go with their cluster; what its controllers made in the network stays."""
    client = cluster_api.client(session)
    if client is not None:
        nodes.remove(session, {CLUSTER_LABEL: record.get("name")})
        compute_classes.remove(session, client)
        node_networks.remove(session, client)
    with session.world.open() as account:
        for pool in account.of(NODE_POOL):
            if GCP.queue_of(pool) == record.id:
                account.remove(pool)
