"""What pools must be so that a cluster on AKS can have them, beside what holds of their accelerators everywhere.

Sources: https://learn.microsoft.com/azure/aks/quotas-skus-regions,
https://learn.microsoft.com/rest/api/aks/agent-pools/create-or-update and what single rules name.
"""

import re
from collections.abc import Iterator, Mapping

from modelyard.cluster.aks.networks import AksVnetSpec
from modelyard.cluster.aks.spec import AksSpec
from modelyard.cluster.networks import cidr_of
from modelyard.cluster.region_rules import region_problems
from modelyard.cluster.spec import PoolSpec
from modelyard.cluster.system_pools import has_accelerator, system_problems
from modelyard.errors import Problem, show
from modelyard.gpu.spec import ReservationSpec

_POOLS = 99
"""AKS has 100 at most, of which the cluster itself owns one."""
_NODES = 5000
_NODES_OF_POOL = 1000
_NODES_OF_FABRIC = 100
"""Machines of one placement group, which InfiniBand does not leave.
https://learn.microsoft.com/azure/virtual-machine-scale-sets/virtual-machine-scale-sets-placement-groups"""
_LEAST_CPUS = 2
_PODS_OF_NODE_PREFIX = 24
"""Each node takes so many addresses of pods. https://learn.microsoft.com/azure/aks/concepts-network-azure-cni-overlay"""
_KEPT_OF_SUBNET = 5
"""Addresses of a subnet that Azure keeps. https://learn.microsoft.com/azure/virtual-network/virtual-networks-faq"""
_DISKS_GIB = (30, 2048)
# https://learn.microsoft.com/azure/aks/use-labels#reserved-system-labels, of which the last four have no domain; those
# of Karpenter: https://github.com/Azure/karpenter-provider-azure/blob/main/pkg/apis/crds/karpenter.sh_nodepools.yaml
_RESERVED_DOMAINS = ("kubernetes.azure.com", "kubernetes.io", "k8s.io", "karpenter.sh", "karpenter.azure.com")
_RESERVED_LABELS = ("agentpool", "storageprofile", "storagetier", "accelerator")
# https://learn.microsoft.com/azure/virtual-machines/capacity-reservation-overview#limitations-and-restrictions
_NEVER_RESERVED = re.compile(r"Standard_(ND|HB|HC|NC\w+_H100_v5)", re.IGNORECASE)


def aks_pool_problems(spec: AksSpec, pools: Mapping[str, PoolSpec]) -> Iterator[Problem]:
    """What is wrong with the pools on this cluster, with paths below `pools`.

    Args:
        spec: a valid spec.
        pools: valid pools by name.
    """
    # AKS runs both scalers outside of the cluster, so a node for the rest comes from zero.
    yield from system_problems(pools, scaler=None, from_zero=True)
    for name, pool in pools.items():
        for problem in _pool_problems(spec, pool):
            yield problem.under(name)
    if len(pools) > _POOLS:
        why = f"{len(pools)} pools are more than the {_POOLS} that AKS has beside the cluster's own"
        yield Problem(why=why, fix="join some, or make a second cluster")
    nodes = sum(pool.max_nodes for pool in pools.values())
    if nodes >= _NODES:
        why = f"{nodes} nodes of all pools and the cluster's own are more than the {_NODES} of AKS"
        yield Problem(why=why, fix="lower max_nodes, or make a second cluster")
    else:
        yield from _address_problems(spec, nodes + 1)


def _address_problems(spec: AksSpec, nodes: int) -> Iterator[Problem]:
    """Ranges that end before the nodes do, the cluster's own among them; neither can be made wider later."""
    ranges = [("pod_cidr", spec.pod_cidr, 2 ** (_PODS_OF_NODE_PREFIX - cidr_of(spec.pod_cidr).prefixlen))]
    if isinstance(spec.network, AksVnetSpec):
        cidr = spec.network.cidr
        ranges.append(("network.cidr", cidr, cidr_of(cidr).num_addresses // 2 - _KEPT_OF_SUBNET))
    for name, cidr, most in ranges:
        if nodes > most:
            why = f"{nodes} nodes with the cluster's own are more than the {most} that {name} {cidr} has addresses for"
            yield Problem(why=why, fix=f"choose a wider {name}, or lower max_nodes")


def _pool_problems(spec: AksSpec, pool: PoolSpec) -> Iterator[Problem]:
    yield from _machine_problems(pool)
    yield from region_problems("azure", spec.region, pool)
    yield from _zone_problems(spec, pool)
    yield from _reservation_problems(pool)
    yield from _size_problems(pool)
    yield from _label_problems(pool)
    yield from _taint_problems(pool)
    if spec.provisioner == "node_auto_provisioning":
        yield from _provisioning_problems(pool)
    if pool.fabric == "rdma" and not has_accelerator(pool):
        why = "what uses the fabric is set up for accelerators only"
        yield Problem(path="fabric", why=why, fix="add accelerator, or leave it out")
    least, most = _DISKS_GIB
    if pool.disk_gib is not None and not least <= pool.disk_gib <= most:
        why = f"AKS has disks of {least} to {most} GiB for nodes, not {pool.disk_gib}"
        yield Problem(path="disk_gib", why=why, fix=f"use {least} to {most}, or leave it out")


def _machine_problems(pool: PoolSpec) -> Iterator[Problem]:
    asked = pool.request(cloud="azure")
    if asked.machine_name and asked.cpus < _LEAST_CPUS:
        path, why = "machine_type" if pool.machine_type else "cpus", f"{asked.cpus:g} vCPU is too little for AKS"
        yield Problem(path=path, why=why, fix=f"use a machine with {_LEAST_CPUS} or more")


def _zone_problems(spec: AksSpec, pool: PoolSpec) -> Iterator[Problem]:
    zones = spec.zone_names()
    for index, zone in enumerate(pool.zones):
        if zone not in zones:
            fix = f"use {' or '.join(zones)}" if zones else f"leave it out: {spec.region} has no zones"
            yield Problem(path=f"zones[{index}]", why=f"the cluster has no zone {show(zone)}", fix=fix)


def _reservation_problems(pool: PoolSpec) -> Iterator[Problem]:
    if not isinstance(pool.capacity, ReservationSpec):
        return
    machine = pool.request(cloud="azure").machine_name or ""
    if _NEVER_RESERVED.match(machine):
        why = f"Azure reserves no machines of type {machine}"
        yield Problem(path="capacity", why=why, fix="use on_demand or spot, or another accelerator like a100-80gb")
    elif pool.is_compact:
        path, setting = ("fabric", "fabric") if pool.fabric == "rdma" else ("placement", "placement: compact")
        why = "machines of a reservation cannot be placed close together in Azure"
        yield Problem(path=path, why=why, fix=f"leave {setting} out, or use capacity: on_demand")


def _size_problems(pool: PoolSpec) -> Iterator[Problem]:
    if pool.fabric == "rdma" and pool.max_nodes > _NODES_OF_FABRIC:
        why = f"{pool.max_nodes} nodes are more than the {_NODES_OF_FABRIC} that InfiniBand connects on AKS"
        yield Problem(path="max_nodes", why=why, fix=f"use at most {_NODES_OF_FABRIC}")
    elif pool.max_nodes > _NODES_OF_POOL:
        why = f"{pool.max_nodes} nodes are more than the {_NODES_OF_POOL} of a pool on AKS"
        yield Problem(path="max_nodes", why=why, fix="make several pools")


def _label_problems(pool: PoolSpec) -> Iterator[Problem]:
    for key in pool.node_labels:
        reserved = _reserved_domain(key)
        if reserved or key.lower() in _RESERVED_LABELS:
            what = f"labels of {reserved} are" if reserved else f"{key} is"
            fix = "use a domain of yours" if reserved else f"use a domain of yours: example.org/{key}"
            yield Problem(path=f"node_labels.{key}", why=f"{what} not for users to set", fix=fix)


def _taint_problems(pool: PoolSpec) -> Iterator[Problem]:
    for index, taint in enumerate(pool.taints):
        reserved = _reserved_domain(taint.key)
        if reserved:
            why = f"taints of {reserved} are not for users to set"
            yield Problem(path=f"taints[{index}].key", why=why, fix="use a domain of yours")
        elif not taint.value:
            # https://learn.microsoft.com/azure/aks/use-node-taints: "key=value:NoSchedule".
            why = "is empty, and AKS has taints with a value only"
            yield Problem(path=f"taints[{index}].value", why=why, fix='write a value, like "true"')


def _reserved_domain(key: str) -> str | None:
    domain = key.rpartition("/")[0]
    return next((each for each in _RESERVED_DOMAINS if domain == each or domain.endswith(f".{each}")), None)


def _provisioning_problems(pool: PoolSpec) -> Iterator[Problem]:
    if pool.capacity == "spot" and pool.min_nodes:
        # https://learn.microsoft.com/azure/aks/spot-node-pool#add-a-spot-node-pool-to-an-aks-cluster
        why = f"{pool.min_nodes} spot nodes that Azure has taken back would not come again with node auto-provisioning"
        yield Problem(path="min_nodes", why=why, fix="use 0, which it starts from, or provisioner: cluster_autoscaler")
    if pool.placement == "compact" and pool.max_nodes > pool.min_nodes:
        why = "node auto-provisioning does not place nodes close together"
        fix = "leave it out, set min_nodes to max_nodes, or use provisioner: cluster_autoscaler"
        yield Problem(path="placement", why=why, fix=fix)
