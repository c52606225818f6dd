"""What a pool's nodes are on AKS, whoever makes them, as plain values."""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from typing import Literal

from modelyard.cluster.aks.locations import zone_number
from modelyard.cluster.node_source import AKS_SPOT_TAINT
from modelyard.cluster.pools import POOL_LABEL, Pool
from modelyard.cluster.system_pools import hosts_system
from modelyard.gpu.accelerators import NVIDIA
from modelyard.gpu.spec import ReservationSpec

MAX_PODS = 110
"""Pods of a node: what Kubernetes itself is tested with."""

_NAME_START_CHARACTERS = 6
_NAME_HASH_CHARACTERS = 6
# https://learn.microsoft.com/azure/aks/use-system-pools#system-and-user-node-pools
_SYSTEM_CPUS = 4
_SYSTEM_MEMORY_GIB = 4
_BURSTABLE = "Standard_B"


def agent_pool_name(pool: Pool, zones: Sequence[str]) -> str:
    """The name of a pool's agent pool in Azure: the beginning of the pool's, and a hash of what never changes of it.

    AKS allows 12 letters and digits, and refuses to change most properties of an agent pool that exists. So each of
    these is part of the name, which makes a change of one another agent pool.
    https://learn.microsoft.com/rest/api/aks/agent-pools/create-or-update

    Args:
        pool: the pool.
        zones: the cluster's zones.
    """
    start = re.sub("[^a-z0-9]", "", pool.name)[:_NAME_START_CHARACTERS]
    fixed = json.dumps([pool.name, fixed_for_good(pool, zones)], sort_keys=True)
    return start + hashlib.sha256(fixed.encode()).hexdigest()[:_NAME_HASH_CHARACTERS]


def fixed_for_good(pool: Pool, zones: Sequence[str]) -> Mapping[str, object]:
    """What AKS cannot change of an agent pool that exists, as far as a pool says it."""
    aks = pool.gpu.aks if pool.gpu else None
    found = {
        "vm_size": vm_sizes(pool)[0],
        "os_sku": os_sku(pool),
        "os_disk_size_gb": pool.spec.disk_gib,
        "max_pods": MAX_PODS,
        "zones": availability_zones(pool, zones),
        "is_spot": is_spot(pool),
        "reservation": reservation(pool),
        "placement_group": needs_placement_group(pool),
        "driver": aks.driver if aks else None,
        "gpu_instance_profile": aks.gpu_instance_profile if aks else None,
    }
    # Without what a pool does not say, so that a further property gives no pool another name that does not have it.
    return {name: value for name, value in found.items() if value}


def vm_sizes(pool: Pool) -> list[str]:
    """Its machine types. An agent pool is of the first."""
    assert pool.machine_type  # every pool on AKS has one, or it is refused
    return [pool.machine_type, *pool.spec.machine_types]


def os_sku(pool: Pool) -> Literal["Ubuntu", "AzureLinux"]:
    """The system of its nodes in AKS' words, without a release: AKS takes the one that goes with the cluster's version.
    https://learn.microsoft.com/azure/aks/node-images"""
    return "AzureLinux" if pool.spec.node_image == "azurelinux" else "Ubuntu"


def zones_of_pool(pool: Pool, zones: Sequence[str]) -> list[str]:
    """The zones that its nodes are in, of those that the cluster has; empty where Azure chooses the place.

    A pool without zones of its own is in all of them. Not one with accelerators: few sizes with GPUs are in every zone,
    and AKS refuses a pool whose size one of its zones lacks. Nor one of a reservation, which has a place already, nor
    one whose nodes stand close together, as a placement group is of one zone.
    https://learn.microsoft.com/azure/aks/reduce-latency-ppg#limitations
    """
    if pool.spec.zones:
        return list(pool.spec.zones)
    return [] if pool.accelerator or reservation(pool) or pool.spec.is_compact else list(zones)


def availability_zones(pool: Pool, zones: Sequence[str]) -> list[str]:
    """The same as Azure's own resources name them: `1`, `2`."""
    return [zone_number(zone) for zone in zones_of_pool(pool, zones)]


def needs_placement_group(pool: Pool) -> bool:
    """Whether a proximity placement group keeps its nodes together. Nodes with InfiniBand have one of AKS' own."""
    return pool.spec.placement == "compact" and pool.spec.fabric != "rdma"


def is_spot(pool: Pool) -> bool:
    """Whether Azure takes its machines back at any time."""
    return pool.spec.capacity == "spot"


def reservation(pool: Pool) -> str | None:
    """The id of its capacity reservation group; None for a pool without."""
    return pool.spec.capacity.reservation if isinstance(pool.spec.capacity, ReservationSpec) else None


def mode(pool: Pool) -> Literal["System", "User"]:
    """`System` where AKS' own pods prefer to run: CoreDNS, metrics-server.

    Pools that can run what serves the whole cluster, on machines that AKS takes for it. A reservation's are not among
    them: nodes of system pools are only replaced by further ones, and a reservation may have none.
    """
    fits = pool.cpus >= _SYSTEM_CPUS and pool.memory_gib >= _SYSTEM_MEMORY_GIB
    is_burstable = vm_sizes(pool)[0].startswith(_BURSTABLE)
    is_system = hosts_system(pool.spec) and fits and not is_burstable and not reservation(pool)
    return "System" if is_system else "User"


def node_labels(pool: Pool) -> dict[str, str]:
    """Labels that its nodes carry from the start."""
    labels = {**pool.spec.node_labels, POOL_LABEL: pool.name}
    return {**labels, **pool.gpu.node_labels} if pool.gpu else labels


def agent_pool_labels(pool: Pool) -> dict[str, str]:
    """The same for an agent pool. What AKS adds by itself is declared, or each refresh would find a difference."""
    spot = {AKS_SPOT_TAINT.key: AKS_SPOT_TAINT.value} if is_spot(pool) else {}
    return {**node_labels(pool), **spot}


def agent_pool_taints(pool: Pool) -> list[str]:
    """Its taints as an agent pool has them, AKS' own for spot machines among them."""
    return [f"{taint.key}={taint.value}:{taint.effect}" for taint in pool.taints]


def unknown_to_autoscaler(pool: Pool) -> dict[str, str]:
    """What a node of a pool has that the autoscaler does not see in its machine type, by resource.

    It counts every GPU of a machine as one `nvidia.com/gpu`: neither shares and slices nor other makers' devices, and
    nothing of the fast network.
    https://github.com/kubernetes/autoscaler/blob/cluster-autoscaler-1.35.2/cluster-autoscaler/cloudprovider/azure/azure_template.go
    """
    if not pool.gpu:
        return {}
    has = {
        NVIDIA: "0",
        **{resource: str(amount) for resource, amount in pool.gpu.resources.items()},
        **{resource: str(amount) for resource, amount in pool.gpu.fabric_resources.items()},
        **pool.gpu.fabric_capacity,
    }
    known = {NVIDIA: str(pool.gpus_per_node)}
    return {resource: amount for resource, amount in has.items() if known.get(resource) != amount}
