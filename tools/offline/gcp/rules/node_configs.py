"""What nodes are made of: machine, disk, image, capacity. Of node pools, and of what node auto-provisioning makes.

https://cloud.google.com/kubernetes-engine/docs/how-to/node-pools and, of capacity, …/docs/concepts/spot-vms,
…/docs/concepts/dws and https://github.com/GoogleCloudPlatform/cluster-toolkit (modules/compute/gke-node-pool).
"""

import re
from collections.abc import Iterator
from typing import Any

from tools.offline.cloud import registry
from tools.offline.cloud.registry import rule
from tools.offline.cloud.schema import Fault
from tools.offline.common.values import UNKNOWN, Json, as_list, as_map
from tools.offline.gcp.kinds_container import NODE_POOL

_IMAGES = ("COS_CONTAINERD", "UBUNTU_CONTAINERD", "WINDOWS_LTSC_CONTAINERD", "WINDOWS_SAC_CONTAINERD")
_DISKS = ("pd-standard", "pd-balanced", "pd-ssd", "hyperdisk-balanced", "hyperdisk-extreme", "hyperdisk-throughput")
_LEAST_DISK_GB, _MOST_DISK_GB = 10, 65536
_EFFECTS = ("NO_SCHEDULE", "PREFER_NO_SCHEDULE", "NO_EXECUTE")
_HYPERDISK_ONLY = ("a3-ultragpu", "a4-", "a4x-", "n4-", "n4a-", "c4-", "c4a-", "c4d-", "ct6e-", "tpu7x-", "g4-")
"""https://cloud.google.com/compute/docs/disks/hyperdisks#machine-type-support"""
_NO_HYPERDISK = ("e2-", "n1-", "n2-", "n2d-", "a2-", "t2a-", "t2d-", "ct5lp-", "ct5p-")
_RESERVED = ("kubernetes.io", "k8s.io", "cloud.google.com", "gke.io")
_ALLOWED = ("node.kubernetes.io/", "cloud.google.com/gke-queued", "cloud.google.com/gke-networking-dra-driver")
_ALLOWED_PREFIXES = ("cloud.google.com/",)
_LABEL_VALUE = re.compile(r"(?:[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?")
_RESOURCE_LABEL_KEY = re.compile(r"[a-z][a-z0-9_-]{0,62}")
_RESOURCE_LABEL_VALUE = re.compile(r"[a-z0-9_-]{0,63}")
_RESERVATIONS = ("NO_RESERVATION", "ANY_RESERVATION", "SPECIFIC_RESERVATION", "ANY_RESERVATION_THEN_FAIL")


@rule(registry.in_check, NODE_POOL)
def parts_of_a_node(inputs: Json) -> Iterator[Fault]:
    """A node configuration that agrees with itself."""
    config = as_map(inputs.get("nodeConfig"))
    path = ("nodeConfig",)
    yield from _disk_faults(config)
    yield from _label_faults(config)
    image = config.get("imageType")
    if isinstance(image, str) and image.upper() not in _IMAGES:
        yield Fault(path=(*path, "imageType"), why=f"{image!r} is no image of GKE's: {', '.join(_IMAGES)}")
    if isinstance(image, str) and image.upper().startswith("UBUNTU") and config.get("secondaryBootDisks"):
        yield Fault(path=(*path, "secondaryBootDisks"), why="need COS_CONTAINERD")
    if config.get("secondaryBootDisks") and not as_map(config.get("gcfsConfig")).get("enabled"):
        yield Fault(path=(*path, "secondaryBootDisks"), why="Image streaming (gcfs) must be enabled for them")
    for index, each in enumerate(map(as_map, as_list(config.get("taints")))):
        if each.get("effect") not in (*_EFFECTS, UNKNOWN):
            yield Fault(path=(*path, "taints", index, "effect"), why=f"must be one of {', '.join(_EFFECTS)}")
    yield from _capacity_faults(inputs, config)


def _disk_faults(config: Json) -> Iterator[Fault]:
    disk, size, machine = (
        config.get("diskType"),
        config.get("diskSizeGb"),
        str(config.get("machineType") or "e2-medium"),
    )
    if isinstance(disk, str) and disk not in _DISKS:
        yield Fault(path=("nodeConfig", "diskType"), why=f"{disk!r} is no type of disk: {', '.join(_DISKS)}")
    elif isinstance(disk, str) and disk.startswith("pd-") and machine.startswith(_HYPERDISK_ONLY):
        yield Fault(path=("nodeConfig", "diskType"), why=f"{machine} does not support {disk}: it takes Hyperdisks only")
    elif isinstance(disk, str) and disk.startswith("hyperdisk") and machine.startswith(_NO_HYPERDISK):
        yield Fault(path=("nodeConfig", "diskType"), why=f"{machine} cannot boot from {disk}")
    if isinstance(size, int) and not _LEAST_DISK_GB <= size <= _MOST_DISK_GB:
        yield Fault(path=("nodeConfig", "diskSizeGb"), why=f"must be from {_LEAST_DISK_GB} to {_MOST_DISK_GB}")


def _label_faults(config: Json) -> Iterator[Fault]:
    for key, value in as_map(config.get("labels")).items():
        domain = key.rpartition("/")[0]
        reserved = any(domain == each or domain.endswith(f".{each}") for each in _RESERVED)
        if reserved and not key.startswith((*_ALLOWED, *_ALLOWED_PREFIXES)):
            yield Fault(path=("nodeConfig", "labels", key), why="Node label has a reserved domain")
        if isinstance(value, str) and not _LABEL_VALUE.fullmatch(value):
            yield Fault(path=("nodeConfig", "labels", key), why=f"{value!r} is no value of a label")
    for key, value in as_map(config.get("resourceLabels")).items():
        fits = isinstance(value, str) and _RESOURCE_LABEL_VALUE.fullmatch(value)
        if not _RESOURCE_LABEL_KEY.fullmatch(key) or not (fits or value is UNKNOWN):
            yield Fault(path=("nodeConfig", "resourceLabels", key), why=f"{key}={value!r} is no label in Google Cloud")


def _capacity_faults(inputs: Json, config: Json) -> Iterator[Fault]:
    """Spot, flex-start, queued and reserved capacity exclude each other."""
    affinity = as_map(config.get("reservationAffinity"))
    consumed = affinity.get("consumeReservationType")
    queued = as_map(inputs.get("queuedProvisioning")).get("enabled") is True
    kinds = [name for name in ("spot", "preemptible", "flexStart") if config.get(name) is True]
    path = ("nodeConfig", "reservationAffinity")
    if len(kinds) > 1:
        yield Fault(path=("nodeConfig",), why=f"{' and '.join(kinds)} exclude each other")
    if (kinds or queued) and consumed not in (None, "NO_RESERVATION", UNKNOWN):
        what = ", ".join([*kinds, *(["queued provisioning"] if queued else [])])
        yield Fault(path=path, why=f"{what} takes no reservation: consumeReservationType must be NO_RESERVATION")
    if queued and ("spot" in kinds or "preemptible" in kinds):
        yield Fault(path=("queuedProvisioning",), why="cannot be used with Spot VMs")
    if consumed is not None and consumed is not UNKNOWN and consumed not in _RESERVATIONS:
        yield Fault(path=(*path, "consumeReservationType"), why=f"must be one of {', '.join(_RESERVATIONS)}")
    specific = consumed == "SPECIFIC_RESERVATION"
    if specific and (affinity.get("key") != "compute.googleapis.com/reservation-name" or not affinity.get("values")):
        yield Fault(path=path, why="SPECIFIC_RESERVATION needs key compute.googleapis.com/reservation-name and values")
    if config.get("maxRunDuration") and not config.get("flexStart") and not queued:
        yield Fault(path=("nodeConfig", "maxRunDuration"), why="needs flexStart or queued provisioning here")
    yield from _of_capacity_that_comes(inputs, kinds, queued=queued)


def _of_capacity_that_comes(inputs: Json, kinds: list[str], *, queued: bool) -> Iterator[Fault]:
    """Nodes that come when there is room for them, for a while, are neither mended nor many from the start."""
    if "flexStart" not in kinds and not queued:
        return
    if as_map(inputs.get("management")).get("autoRepair") is not False:
        yield Fault(path=("management", "autoRepair"), why="must be false with flex-start and queued provisioning")
    if inputs.get("nodeCount") or int(_number(inputs.get("initialNodeCount"))):
        yield Fault(path=("initialNodeCount",), why="must be 0 with flex-start and queued provisioning")
    if not inputs.get("autoscaling"):
        yield Fault(path=("autoscaling",), why="must be enabled with flex-start and queued provisioning")
    autoscaling = as_map(inputs.get("autoscaling"))
    if any(int(_number(autoscaling.get(key))) for key in ("minNodeCount", "totalMinNodeCount")):
        yield Fault(
            path=("autoscaling",), why="the least number of nodes must be 0 with flex-start and queued provisioning"
        )


def _number(value: Any) -> int:
    return value if isinstance(value, int) else 0
