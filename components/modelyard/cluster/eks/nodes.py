"""What a pool's nodes are on EKS, whoever makes them, as plain values."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from modelyard.cluster.eks.user_data import al2023, bottlerocket
from modelyard.cluster.pools import POOL_LABEL, Pool
from modelyard.gpu.accelerators import NEURON, NVIDIA
from modelyard.gpu.fabric import EFA

BOTTLEROCKET_SYSTEM_GIB = 4
"""Size of Bottlerocket's first disk: as large as the image, as nothing is written there.
https://bottlerocket.dev/en/os/latest/concepts/"""

_DISK_GIB = 100
_ACCELERATOR_DISK_GIB = 200
# What the kubelet leaves pods of the file system that it is on: it evicts at 90 % and keeps a little for itself.
# https://kubernetes.io/docs/concepts/scheduling-eviction/node-pressure-eviction/#hard-eviction-thresholds
_USABLE_DISK = 0.8
# The one machine whose first network card has no EFA.
# https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/efa-acc-inst-types.html
_FIRST_CARD_WITHOUT_EFA = ("p6-b300.",)

# https://docs.aws.amazon.com/eks/latest/APIReference/API_Nodegroup.html
AmiArchitecture = Literal["x86_64", "ARM_64"]
_AMI_ARCHITECTURES: dict[str, AmiArchitecture] = {"amd64": "x86_64", "arm64": "ARM_64"}
_AMI_VENDORS = {NVIDIA: "NVIDIA", NEURON: "NEURON"}


@dataclass(frozen=True, kw_only=True)
class NetworkInterface:
    """One network interface of a machine: the usual one (`interface`), or one that is nothing but fabric."""

    card: int
    device: int
    kind: Literal["interface", "efa-only"]


def ami_type(pool: Pool) -> str:
    """The image of a managed node group, in EKS' words.

    EKS takes the release of the cluster's version that is newest when the group is made or its Kubernetes version
    changes. A later release changes nothing until somebody asks for it (`aws eks update-nodegroup-version`).
    """
    architecture = _AMI_ARCHITECTURES[pool.architecture]
    vendor = _AMI_VENDORS[pool.accelerator.resource] if pool.accelerator else None
    if is_bottlerocket(pool):
        # One image serves machines without accelerators and Neuron.
        return f"BOTTLEROCKET_{architecture}{'_NVIDIA' if vendor == 'NVIDIA' else ''}"
    return f"AL2023_{architecture}_{vendor or 'STANDARD'}"


def is_bottlerocket(pool: Pool) -> bool:
    """Whether its nodes run Bottlerocket; Amazon Linux 2023 otherwise."""
    return pool.spec.node_image == "bottlerocket"


def user_data(pool: Pool, *, local_storage: bool) -> str | None:
    """What its nodes read when they first start; None where nothing is to be set.

    Args:
        pool: whose nodes.
        local_storage: whether this is to make one array of NVMe disks.
    """
    if is_bottlerocket(pool):
        settings = pool.gpu.image_settings if pool.gpu else None
        return bottlerocket(settings or {}, local_storage=local_storage, huge_pages=has_rdma(pool))
    return al2023(local_storage=local_storage, huge_pages=has_rdma(pool))


def instance_types(pool: Pool) -> list[str]:
    """Its machine types, the first of which stands for all where an autoscaler looks at one only."""
    assert pool.machine_type  # every pool on EKS has one, or it is refused
    return [pool.machine_type, *pool.spec.machine_types]


def zones_of_pool(pool: Pool, zones: Iterable[str]) -> list[str]:
    """The zones that its nodes are in, of those that the cluster has.

    A pool without zones of its own is in all of them, but in the first where its nodes stand close together.
    """
    if pool.spec.zones:
        return list(pool.spec.zones)
    return list(zones)[: 1 if pool.spec.is_compact else None]


def has_rdma(pool: Pool) -> bool:
    """Whether its nodes are connected by EFA."""
    return pool.spec.fabric == "rdma"


def has_local_disks(pool: Pool) -> bool:
    """Whether its machines have NVMe disks of their own; all of them, where there are several types."""
    return bool(pool.machine and pool.machine.local_nvme_gib)


def needs_placement_group(pool: Pool) -> bool:
    """Whether the stack has to see to it that its nodes stand close together.

    A reservation and a capacity block have their place already: machines in a placement group of another are not
    started in them. A reservation that was made in a placement group is found by a resource group that it is in.
    https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/cr-cpg.html
    """
    return pool.needs_placement


def network_interfaces(pool: Pool) -> list[NetworkInterface]:
    """The network interfaces of a machine with EFA; none where the usual one is enough.

    One interface carries all of TCP/IP, and every card that can has one that is fabric only, which takes no address
    from the subnet. https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/efa-acc-inst-types.html
    """
    if not has_rdma(pool) or not pool.gpu:
        return []
    count = pool.gpu.fabric_resources[EFA]
    primary = NetworkInterface(card=0, device=0, kind="interface")
    if instance_types(pool)[0].startswith(_FIRST_CARD_WITHOUT_EFA):
        return [primary, *(NetworkInterface(card=card, device=0, kind="efa-only") for card in range(1, count + 1))]
    first = NetworkInterface(card=0, device=1, kind="efa-only")
    return [primary, first, *(NetworkInterface(card=card, device=0, kind="efa-only") for card in range(1, count))]


def disk_gib(pool: Pool) -> int:
    """Size of the disk for images, container files and scratch volumes.

    100 by default: EKS' own 20 do not hold two images with CUDA. 200 for machines with accelerators and without NVMe
    disks of their own, where images of 10 to 20 GiB stand beside models; NVMe disks are used in its place.
    """
    if pool.spec.disk_gib:
        return pool.spec.disk_gib
    return _ACCELERATOR_DISK_GIB if pool.accelerator and not has_local_disks(pool) else _DISK_GIB


def node_labels(pool: Pool) -> dict[str, str]:
    """Labels that its nodes carry from the start."""
    labels = {**pool.spec.node_labels, POOL_LABEL: pool.name}
    return {**labels, **pool.gpu.node_labels} if pool.gpu else labels


def advertised_resources(pool: Pool) -> dict[str, str]:
    """What a node will have beside CPU and memory, by resource, as long as there is none to look at.

    A machine with NVIDIA GPUs that offers slices of them only is said to have no whole one, as EC2 says that it has.
    """
    found: dict[str, str] = {}
    if pool.gpu:
        if pool.accelerator and pool.accelerator.resource == NVIDIA:
            found[NVIDIA] = "0"
        amounts = {**pool.gpu.resources, **pool.gpu.fabric_resources}
        found.update({resource: str(amount) for resource, amount in amounts.items()})
        found.update(pool.gpu.fabric_capacity)
    return found


def scratch_gib(pool: Pool) -> int:
    """Ephemeral storage that pods can have on a node, GiB."""
    local = pool.machine.local_nvme_gib if pool.machine else 0
    return int((local or disk_gib(pool)) * _USABLE_DISK)
