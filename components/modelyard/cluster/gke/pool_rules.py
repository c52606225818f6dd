"""What pools must be so that a cluster on GKE can have them, beside what holds of their accelerators everywhere."""

from collections.abc import Iterator, Mapping

from modelyard.cluster.gke.networks import (
    GPU_NETWORK_PREFIX_BITS,
    SUBNET_ADDRESSES_KEPT,
    GkeExistingVpcSpec,
    GkeVpcSpec,
)
from modelyard.cluster.gke.placement import COMPACT_SERIES, MOST_COMPACT_NODES, begins_with
from modelyard.cluster.gke.provisioned import is_provisioned
from modelyard.cluster.gke.spec import GkeSpec
from modelyard.cluster.gke.zones import is_ai_zone
from modelyard.cluster.networks import cidr_of
from modelyard.cluster.region_rules import region_problems
from modelyard.cluster.spec import PoolSpec, TaintSpec
from modelyard.cluster.system_pools import has_accelerator, system_problems
from modelyard.errors import Problem, show
from modelyard.gpu.fabric import TCP_FABRICS
from modelyard.gpu.spec import ReservationSpec

_SMALLEST_DISK_GIB = 10
"""https://cloud.google.com/kubernetes-engine/docs/reference/rest/v1/NodeConfig"""
_LABEL_CHARACTERS = 1024
"""Of all labels of a node pool together.
https://cloud.google.com/kubernetes-engine/docs/how-to/update-existing-nodepools#label-syntax"""
_OWN_LABEL_CHARACTERS = 256
"""What labels of ours take of them: of the pool, the accelerator, its sharing and its network."""
_NODES_OF_POOL = 2000
"""https://cloud.google.com/kubernetes-engine/quotas"""
# What Kubernetes and Google keep for themselves, by the end of the domain.
# https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#syntax-and-character-set
_RESERVED_DOMAINS = ("kubernetes.io", "k8s.io", "gke.io", "cloud.google.com")
# Classes that GKE brings, and the one that is of all pods that name none.
# https://cloud.google.com/kubernetes-engine/docs/concepts/about-compute-classes
_RESERVED_CLASSES = ("autopilot", "autopilot-spot", "default")


def gke_pool_problems(spec: GkeSpec, pools: Mapping[str, PoolSpec]) -> Iterator[Problem]:
    """What is wrong with the pools on this cluster, with paths below `pools`.

    Args:
        spec: a valid spec.
        pools: valid pools by name.
    """
    yield from system_problems(pools, scaler=None)
    yield from _address_problems(spec, pools)
    yield from _gpu_network_problems(spec, pools)
    for name, pool in pools.items():
        for problem in _pool_problems(spec, name, pool):
            yield problem.under(name)
    for name in spec.secondary_boot_disks:
        if name not in pools:
            known = " or ".join(pools)
            why = "is a pool that secondary_boot_disks names, and there is none of that name"
            yield Problem(path=name, why=why, fix=f"name {known} there, or leave it out")


def _pool_problems(spec: GkeSpec, name: str, pool: PoolSpec) -> Iterator[Problem]:
    yield from region_problems("gcp", spec.region, pool)
    yield from _zone_problems(spec, pool)
    yield from _capacity_problems(spec, pool)
    yield from _placement_problems(pool)
    yield from _label_problems(pool)
    yield from _disk_problems(spec, name, pool)
    if is_provisioned(pool, spec.provisioner):
        yield from _class_problems(name, pool)
    if pool.max_nodes > _NODES_OF_POOL:
        why = f"{pool.max_nodes} nodes are more than a node pool on GKE has"
        yield Problem(path="max_nodes", why=why, fix=f"use up to {_NODES_OF_POOL}, and several pools for more")
    if pool.fabric == "rdma" and not has_accelerator(pool):
        why = "what uses the fabric is set up for accelerators only"
        yield Problem(path="fabric", why=why, fix="add accelerator, or leave it out")
    if pool.fabric in TCP_FABRICS:
        yield from _shared_network_problems(spec)


def _shared_network_problems(spec: GkeSpec) -> Iterator[Problem]:
    # https://cloud.google.com/kubernetes-engine/docs/how-to/setup-multinetwork-support-for-pods
    if isinstance(spec.network, GkeExistingVpcSpec) and spec.network.host_project:
        why = (
            "networks between GPUs are made in the cluster's project, and nodes of a shared VPC have theirs in its host"
        )
        fix = "leave it out, or use a network of the cluster's own project"
        yield Problem(path="fabric", why=f"{why} project", fix=fix)


def _zone_problems(spec: GkeSpec, pool: PoolSpec) -> Iterator[Problem]:
    zones = spec.zone_names
    for index, zone in enumerate(pool.zones):
        if zone not in zones:
            why, fix = f"the cluster has no zone {show(zone)}", f"use {' or '.join(zones)}"
            yield Problem(path=f"zones[{index}]", why=why, fix=fix)
    if len(pool.zones) > 1 and begins_with(pool.min_nodes, len(pool.zones)) > pool.max_nodes:
        first = begins_with(pool.min_nodes, len(pool.zones))
        why = f"a node pool begins with as many nodes in each zone, {first} for {pool.min_nodes} in {len(pool.zones)}"
        fix = f"raise max_nodes to {first}, name fewer zones, or none: then it is in as many as fit"
        yield Problem(path="zones", why=f"{why}, more than max_nodes {pool.max_nodes}", fix=fix)
    if not has_accelerator(pool) and any(is_ai_zone(zone) for zone in pool.zones):
        fix = "name other zones of the cluster"
        yield Problem(path="zones", why="zones for AI have machines with accelerators only", fix=fix)


def _capacity_problems(spec: GkeSpec, pool: PoolSpec) -> Iterator[Problem]:
    if isinstance(pool.capacity, ReservationSpec) and not pool.zones and len(spec.zone_names) > 1:
        why = "a reservation is of one zone, and machines in any other would wait for it in vain"
        yield Problem(path="zones", why=why, fix=f"name the reservation's: [{spec.zone_names[0]}]")


def _placement_problems(pool: PoolSpec) -> Iterator[Problem]:
    if not pool.is_compact or isinstance(pool.capacity, ReservationSpec):
        return
    series = (pool.request("", "gcp").machine_name or "").partition("-")[0]
    if pool.placement == "compact" and series and series not in COMPACT_SERIES:
        fix = f"use a machine of {', '.join(COMPACT_SERIES)}, or leave it out"
        yield Problem(path="placement", why=f"Google puts no {series} machines close together", fix=fix)
    if pool.max_nodes > MOST_COMPACT_NODES:
        why = f"{pool.max_nodes} nodes are more than stand close together on GKE"
        yield Problem(path="max_nodes", why=why, fix=f"use up to {MOST_COMPACT_NODES}")


def _class_problems(name: str, pool: PoolSpec) -> Iterator[Problem]:
    """What GKE makes no node pools for by itself, beside what the matrix of node images says."""
    if name in _RESERVED_CLASSES:
        why = f"the ComputeClass of this name is GKE's own ({', '.join(_RESERVED_CLASSES)})"
        yield Problem(why=why, fix="call the pool otherwise, or use min_nodes 1 or more")
    if pool.placement == "compact":
        why = "node auto-provisioning makes no node pools whose nodes stand close together"
        fix = "use min_nodes 1 or more, which makes it a node pool, or provisioner: cluster_autoscaler"
        yield Problem(path="placement", why=why, fix=fix)


def _label_problems(pool: PoolSpec) -> Iterator[Problem]:
    for key in pool.node_labels:
        reserved = _reserved(key)
        if reserved:
            why = f"labels of {reserved} are not for users to set"
            yield Problem(path=f"node_labels.{key}", why=why, fix="use a domain of yours")
    taken = sum(len(key) + len(value) for key, value in pool.node_labels.items())
    if taken > _LABEL_CHARACTERS - _OWN_LABEL_CHARACTERS:
        why = f"labels of {taken} characters are more than a node pool on GKE takes"
        fix = f"keep to {_LABEL_CHARACTERS - _OWN_LABEL_CHARACTERS}, keys and values together"
        yield Problem(path="node_labels", why=why, fix=fix)
    for index, taint in enumerate(pool.taints):
        yield from _taint_problems(index, taint)


def _taint_problems(index: int, taint: TaintSpec) -> Iterator[Problem]:
    reserved = _reserved(taint.key)
    if reserved:
        why = f"taints of {reserved} are not for users to set"
        yield Problem(path=f"taints[{index}].key", why=why, fix="use a domain of yours")


def _reserved(key: str) -> str | None:
    domain = key.rpartition("/")[0]
    return next((each for each in _RESERVED_DOMAINS if domain == each or domain.endswith(f".{each}")), None)


def _disk_problems(spec: GkeSpec, name: str, pool: PoolSpec) -> Iterator[Problem]:
    if pool.disk_gib is not None and pool.disk_gib < _SMALLEST_DISK_GIB:
        why = f"{pool.disk_gib} GiB do not hold the nodes' system"
        yield Problem(path="disk_gib", why=why, fix=f"use {_SMALLEST_DISK_GIB} or more, or leave it out")
    if not any(disk.holds == "container_images" for disk in spec.secondary_boot_disks.get(name, ())):
        return
    # https://cloud.google.com/kubernetes-engine/docs/how-to/data-container-image-preloading#requirements
    why = "images on a further disk are read by image streaming"
    if not spec.image_streaming:
        fix = "set image_streaming of the cluster to true, or leave the pool's secondary_boot_disks out"
        yield Problem(why=f"{why}, which is off", fix=fix)
    elif pool.node_image == "ubuntu":
        yield Problem(path="node_image", why=f"{why}, which Ubuntu does not have", fix="use cos")


def _gpu_network_problems(spec: GkeSpec, pools: Mapping[str, PoolSpec]) -> Iterator[Problem]:
    """A machine's cards have no address in common: https://cloud.google.com/vpc/docs/create-use-multiple-interfaces"""
    on_tcp = [pool for pool in pools.values() if pool.fabric in TCP_FABRICS]
    if not on_tcp:
        return
    cidr = spec.gpu_networks_cidr
    if isinstance(spec.network, GkeVpcSpec):
        own_network = spec.network
        known = (own_network.nodes_cidr, own_network.pods_cidr, own_network.services_cidr, own_network.proxies_cidr)
        for own in known:
            if own and cidr_of(cidr).overlaps(cidr_of(own)):
                why = f"gpu_networks_cidr {cidr} of the cluster, which pools with tcpx or tcpxo use, overlaps {own}"
                yield Problem(why=why, fix="choose a range apart, like 192.168.0.0/16")
    nodes = sum(pool.max_nodes for pool in on_tcp)
    most = cidr_of(cidr).num_addresses // 2**GPU_NETWORK_PREFIX_BITS - SUBNET_ADDRESSES_KEPT
    if nodes > most:
        why = f"{nodes} nodes of pools with tcpx or tcpxo are more than the {most} that {cidr} has addresses for"
        yield Problem(why=why, fix="lower max_nodes, or choose a wider gpu_networks_cidr of the cluster")


def _address_problems(spec: GkeSpec, pools: Mapping[str, PoolSpec]) -> Iterator[Problem]:
    if not isinstance(spec.network, GkeVpcSpec):
        return  # its ranges are not known here
    nodes, most = sum(pool.max_nodes for pool in pools.values()), spec.network.most_nodes
    if nodes > most:
        why = f"{nodes} nodes of all pools together are more than the {most} that the network has addresses for"
        yield Problem(why=why, fix="lower max_nodes, or choose wider nodes_cidr and pods_cidr of the network")
