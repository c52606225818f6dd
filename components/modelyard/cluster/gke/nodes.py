"""What a pool's nodes are on GKE, whoever makes them, as plain values."""

import re
from dataclasses import dataclass
from typing import Literal

from modelyard.cluster.pools import POOL_LABEL, Pool
from modelyard.gpu.cloud_settings import GkeSettings
from modelyard.gpu.spec import ReservationSpec

_RESERVATION = re.compile(
    r"(projects/(?P<project>[^/]+)/reservations/)?(?P<name>[^/]+)(/reservationBlocks/(?P<block>[^/]+))?"
)

DiskType = Literal["pd-balanced", "hyperdisk-balanced"]

_DISK_GIB = 100
_ACCELERATOR_DISK_GIB = 200
_LOCAL_DISK_GIB = 375
"""https://cloud.google.com/compute/docs/disks/local-ssd"""
# Machines that no Persistent Disk can be attached to.
# https://cloud.google.com/compute/docs/disks/hyperdisks#machine-type-support
_HYPERDISK_ONLY = (
    "a3-ultragpu-",
    "a4-",
    "a4x-",
    "c4-",
    "c4a-",
    "c4d-",
    "ct6e-",
    "g4-",
    "h4d-",
    "n4-",
    "n4a-",
    "n4d-",
    "tpu7x-",
    "x4-",
)
_QUEUED_LABEL = "cloud.google.com/gke-queued"
"""GKE taints such nodes with it, but does not put it on them as a label, by which pods choose them.
https://github.com/GoogleCloudPlatform/cluster-toolkit/tree/main/modules/compute/gke-node-pool"""


@dataclass(frozen=True, kw_only=True)
class Reservation:
    """A reservation of machines, or one block of it.

    Attributes:
        project: None for the cluster's own.
        block: None for all of it.
    """

    name: str
    project: str | None = None
    block: str | None = None

    def path(self, project: str) -> str:
        """How a node pool names it: by its name alone, or else by its path.

        https://cloud.google.com/kubernetes-engine/docs/how-to/consuming-reservations

        Args:
            project: the cluster's.
        """
        if self.project is None and self.block is None:
            return self.name
        whole = f"projects/{self.project or project}/reservations/{self.name}"
        return f"{whole}/reservationBlocks/{self.block}" if self.block else whole


def reservation_of(pool: Pool) -> Reservation | None:
    """The reservation that its machines are of."""
    if not isinstance(pool.spec.capacity, ReservationSpec):
        return None
    found = _RESERVATION.fullmatch(pool.spec.capacity.reservation)
    assert found  # anything else is refused
    return Reservation(name=found["name"], project=found["project"], block=found["block"])


def machine_type(pool: Pool) -> str:
    """Its machine type; the first of them, where there are several."""
    assert pool.machine_type  # every pool on GKE has one, or it is refused
    return pool.machine_type


def gke_settings(pool: Pool) -> GkeSettings:
    """What GKE is told of its accelerators."""
    return (pool.gpu and pool.gpu.gke) or GkeSettings()


def is_ubuntu(pool: Pool) -> bool:
    """Whether its nodes run Ubuntu; Container-Optimized OS otherwise."""
    return pool.spec.node_image == "ubuntu"


def has_image_streaming(pool: Pool, *, wanted: bool) -> bool:
    """Whether its containers start before all of their image is there, which only Container-Optimized OS can.

    https://cloud.google.com/kubernetes-engine/docs/how-to/image-streaming#limitations
    """
    return wanted and not is_ubuntu(pool)


def has_secure_boot(pool: Pool) -> bool:
    """Whether its machines load nothing into the kernel that is not signed.

    Google's drivers for Container-Optimized OS are. Those for Ubuntu are not said to be, and one that NVIDIA's operator
    builds is not: Ubuntu with GPUs does without.
    https://cloud.google.com/kubernetes-engine/docs/how-to/shielded-gke-nodes#secure_boot
    """
    return not (is_ubuntu(pool) and gke_settings(pool).accelerator_type)


def disk_type(pool: Pool) -> DiskType:
    """The kind of its nodes' disk: a balanced Persistent Disk, as by GKE's own default, or Hyperdisk where the machine
    takes no other."""
    return "hyperdisk-balanced" if machine_type(pool).startswith(_HYPERDISK_ONLY) else "pd-balanced"


def disk_gib(pool: Pool) -> int:
    """Size of the disk for images, container files and scratch volumes.

    100 by default, as GKE's own. 200 for machines with accelerators and without disks of their own, where images of 10
    to 20 GiB stand beside models; such disks are used for scratch in its place.
    """
    if pool.spec.disk_gib:
        return pool.spec.disk_gib
    return _ACCELERATOR_DISK_GIB if pool.accelerator and not local_disks(pool) else _DISK_GIB


def local_disks(pool: Pool) -> int:
    """How many disks of its own a machine has, all of which are for scratch files; 0 where it has none or that is not
    known. How many there are, the machine type says."""
    return (pool.machine.local_nvme_gib or 0) // _LOCAL_DISK_GIB if pool.machine else 0


def node_labels(pool: Pool) -> dict[str, str]:
    """Labels that its nodes carry from the start. Those of accelerators, spot and TPU slices are GKE's."""
    labels = {**pool.spec.node_labels, POOL_LABEL: pool.name}
    if pool.spec.capacity == "queued":
        labels[_QUEUED_LABEL] = "true"
    return {**labels, **pool.gpu.node_labels} if pool.gpu else labels
