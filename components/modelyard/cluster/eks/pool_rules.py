"""What pools must be so that a cluster on EKS can have them, beside what holds of their accelerators everywhere."""

from collections.abc import Iterator, Mapping

from modelyard.cluster.eks.networks import cut
from modelyard.cluster.eks.spec import EksSpec, EksVpcSpec
from modelyard.cluster.networks import cidr_of
from modelyard.cluster.region_rules import region_problems
from modelyard.cluster.spec import PoolSpec
from modelyard.cluster.system_pools import has_accelerator, system_problems
from modelyard.errors import Problem, show
from modelyard.gpu.spec import ReservationSpec

FIXED_SUFFIX = "-fixed"
"""What the name of Auto Mode's NodePool of constant size ends with."""

_SMALLEST_DISK_GIB = 20
"""The image of Amazon Linux takes as much."""
_LARGEST_DISK_GIB = 65536
"""Of type gp3. https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ModifyVolume.html"""
_TAINTS = 50
"""https://github.com/hashicorp/terraform-provider-aws/blob/main/internal/service/eks/node_group.go"""
_KEPT_OF_SUBNET = 5
"""Addresses of a subnet that AWS keeps. https://docs.aws.amazon.com/vpc/latest/userguide/subnet-sizing.html"""
_MACHINE_TYPES = 20
_LABEL_CHARACTERS = 63
# What EKS keeps for itself in managed node groups, the kubelet on nodes, and Karpenter in NodePools; and the label by
# which the cluster autoscaler knows nodes with GPUs.
# https://docs.aws.amazon.com/eks/latest/APIReference/API_CreateNodegroup.html
# https://kubernetes.io/docs/reference/access-authn-authz/admission-controllers/#noderestriction
_RESERVED_DOMAINS = (
    "kubernetes.io",
    "k8s.io",
    "eks.amazonaws.com",
    "k8s.amazonaws.com",
    "karpenter.sh",
    "karpenter.k8s.aws",
)


def eks_pool_problems(spec: EksSpec, pools: Mapping[str, PoolSpec]) -> Iterator[Problem]:
    """What is wrong with the pools on this cluster, with paths below `pools`.

    Args:
        spec: a valid spec.
        pools: valid pools by name.
    """
    scaler = {"karpenter": "Karpenter", "cluster_autoscaler": "the autoscaler"}.get(spec.provisioner)
    yield from system_problems(pools, scaler=scaler, from_zero=spec.provisioner == "auto_mode")
    for name, pool in pools.items():
        for problem in _pool_problems(spec, pool):
            yield problem.under(name)
    if spec.provisioner == "auto_mode":
        yield from _name_problems(pools)
    yield from _address_problems(spec, pools)


def _address_problems(spec: EksSpec, pools: Mapping[str, PoolSpec]) -> Iterator[Problem]:
    """Subnets with fewer addresses than nodes, of which each takes one and its pods take more."""
    if not isinstance(spec.network, EksVpcSpec):
        return  # its subnets' ranges are not known here
    subnets = cut(spec.network.cidr, spec.network.zone_names(spec.region))
    most = sum(cidr_of(each.private_cidr).num_addresses - _KEPT_OF_SUBNET for each in subnets)
    nodes = sum(pool.max_nodes for pool in pools.values())
    if nodes > most:
        why = f"{nodes} nodes of all pools together are more than the {most} that the network has addresses for"
        fix = f"lower max_nodes, or choose a wider cidr of the network than {spec.network.cidr}, or more zones"
        yield Problem(why=why, fix=fix)


def _pool_problems(spec: EksSpec, pool: PoolSpec) -> Iterator[Problem]:
    yield from region_problems("aws", spec.region, pool)
    yield from _zone_problems(spec, pool)
    yield from _capacity_problems(spec, pool)
    yield from _label_problems(pool)
    if pool.fabric == "rdma" and not has_accelerator(pool):
        why = "what uses the fabric is set up for accelerators only"
        yield Problem(path="fabric", why=why, fix="add accelerator, or leave it out")
    if len(pool.taints) + has_accelerator(pool) > _TAINTS:
        most = _TAINTS - has_accelerator(pool)
        why = f"{len(pool.taints)} taints are more than the {most} that EKS takes beside that of accelerators"
        yield Problem(path="taints", why=why, fix=f"keep {most}")
    for index, taint in enumerate(pool.taints):
        if len(taint.key) > _LABEL_CHARACTERS:
            why = f"has {len(taint.key)} characters with its domain, and EKS allows {_LABEL_CHARACTERS}"
            yield Problem(path=f"taints[{index}].key", why=why, fix="use a shorter one")
    if pool.disk_gib is not None and pool.disk_gib < _SMALLEST_DISK_GIB:
        why = f"{pool.disk_gib} GiB do not hold the nodes' system"
        yield Problem(path="disk_gib", why=why, fix=f"use {_SMALLEST_DISK_GIB} or more, or leave it out")
    if pool.disk_gib is not None and pool.disk_gib > _LARGEST_DISK_GIB:
        why = f"{pool.disk_gib} GiB are more than a disk of type gp3 has"
        yield Problem(path="disk_gib", why=why, fix=f"use up to {_LARGEST_DISK_GIB}, or leave it out")
    if len(pool.machine_types) >= _MACHINE_TYPES:
        why = f"{len(pool.machine_types) + 1} machine types with machine_type are more than the {_MACHINE_TYPES} of EKS"
        yield Problem(path="machine_types", why=why, fix=f"keep {_MACHINE_TYPES - 1}")
    if pool.device_allocation == "dra" and not pool.min_nodes:
        # https://docs.aws.amazon.com/eks/latest/userguide/device-management-nvidia.html
        why = "the autoscaler cannot tell what devices a node will have before it has seen one of the pool"
        fix = "use min_nodes 1 or more, or device_plugin: such pools start from zero"
        yield Problem(path="device_allocation", why=why, fix=fix)


def _zone_problems(spec: EksSpec, pool: PoolSpec) -> Iterator[Problem]:
    zones = spec.network.zone_names(spec.region)
    for index, zone in enumerate(pool.zones):
        if zone not in zones:
            why, fix = f"the cluster has no zone {show(zone)}", f"use {' or '.join(zones)}"
            yield Problem(path=f"zones[{index}]", why=why, fix=fix)


def _capacity_problems(spec: EksSpec, pool: PoolSpec) -> Iterator[Problem]:
    if not isinstance(pool.capacity, ReservationSpec):
        return
    if not pool.capacity.reservation.startswith("arn:"):
        if not pool.zones:
            why = "a reservation is of one zone, and machines in any other would wait for it in vain"
            fix = f"name the reservation's: [{spec.network.zone_names(spec.region)[0]}]"
            yield Problem(path="zones", why=why, fix=fix)
    elif spec.provisioner != "cluster_autoscaler":
        # https://karpenter.sh/docs/concepts/nodeclasses/#speccapacityreservationselectorterms
        who = "Karpenter" if spec.provisioner == "karpenter" else "EKS Auto Mode"
        fix = "name one reservation by its id, cr-…, or use provisioner: cluster_autoscaler"
        yield Problem(path="capacity.reservation", why=f"{who} knows no groups of reservations", fix=fix)


def _label_problems(pool: PoolSpec) -> Iterator[Problem]:
    for key, value in pool.node_labels.items():
        path, domain = f"node_labels.{key}", key.rpartition("/")[0]
        reserved = next((each for each in _RESERVED_DOMAINS if domain == each or domain.endswith(f".{each}")), None)
        if reserved:
            yield Problem(path=path, why=f"labels of {reserved} are not for users to set", fix="use a domain of yours")
        elif len(key) > _LABEL_CHARACTERS:
            why = f"has {len(key)} characters with its domain, and EKS allows {_LABEL_CHARACTERS}"
            yield Problem(path=path, why=why, fix="use a shorter one")
        elif not value:
            yield Problem(path=path, why="is empty, which EKS does not allow", fix='write a value, like "true"')


def _name_problems(pools: Mapping[str, PoolSpec]) -> Iterator[Problem]:
    for name, pool in pools.items():
        if pool.min_nodes and f"{name}{FIXED_SUFFIX}" in pools:
            why = f"the nodes that pool {name} always has are a NodePool of this name"
            yield Problem(path=f"{name}{FIXED_SUFFIX}", why=why, fix="call it otherwise")
