"""What pools cannot be on GKE, beside the matrix. Paths are relative to the pool.

Sources: what GKE's device plugin divides and shares,
https://github.com/GoogleCloudPlatform/container-engine-accelerators/tree/master/pkg/gpu/nvidia; which kinds of capacity
go with what, as Google's own modules for node pools have it,
https://github.com/GoogleCloudPlatform/cluster-toolkit/tree/main/modules/compute/gke-node-pool; which GPUs are attached
to N1, https://cloud.google.com/compute/docs/gpus.
"""

import re
from collections.abc import Iterator, Mapping

from modelyard.errors import Problem, show
from modelyard.gpu.accelerators import Accelerator
from modelyard.gpu.fabric import TCP_FABRICS
from modelyard.gpu.machine_types import machine_types
from modelyard.gpu.mig import divided
from modelyard.gpu.node_images import NodeImage
from modelyard.gpu.request import GpuRequest, capacity_kind
from modelyard.gpu.spec import ReservationSpec

ATTACHED = ("p100", "t4", "v100")
"""GPUs that are attached to machines of the family N1; all others come with their machine."""
_SLICES: Mapping[str, tuple[str, ...]] = {
    "a100-40gb": ("1g.5gb", "2g.10gb", "3g.20gb", "7g.40gb"),
    "a100-80gb": ("1g.10gb", "2g.20gb", "3g.40gb", "7g.80gb"),
    "h100": ("1g.10gb", "1g.20gb", "2g.20gb", "3g.40gb", "7g.80gb"),
    "h200": ("1g.18gb", "1g.35gb", "2g.35gb", "3g.71gb", "4g.71gb", "7g.141gb"),
    "b200": ("1g.23gb", "1g.45gb", "2g.45gb", "3g.90gb", "4g.90gb", "7g.180gb"),
    "gb200": ("1g.23gb", "1g.47gb", "2g.47gb", "3g.93gb", "4g.93gb", "7g.186gb"),
}
"""What GKE's device plugin knows; of others, RTX PRO 6000 for one, it knows what NVIDIA does."""
_NEVER_ON_DEMAND = ("a3-highgpu-1g", "a3-highgpu-2g", "a3-highgpu-4g")
_CLOSE_AND_FLEXIBLE = ("a3-ultragpu-8g", "a4-highgpu-8g")
_RESERVATION = re.compile(
    r"(projects/[a-z][a-z0-9:.-]*/reservations/)?[a-z]([a-z0-9-]{0,61}[a-z0-9])?"
    r"(?P<block>/reservationBlocks/[a-z]([a-z0-9-]{0,61}[a-z0-9])?)?"
)
NETWORKS_SINCE = (1, 34)
"""The Kubernetes version from which on GKE makes the networks between GPUs and hands them out by itself."""


def gke_problems(asked: GpuRequest, image: NodeImage) -> Iterator[Problem]:
    """Why a pool cannot be had on GKE."""
    yield from _capacity_problems(asked)
    if asked.machine_types and image.short != "node_auto_provisioning":
        why = "a node pool of GKE has one machine type"
        fix = "leave them out, make a pool for each, or use provisioner: node_auto_provisioning"
        yield Problem(path="machine_types", why=why, fix=fix)
    if asked.fabric == "rdma" and _is_older(asked.kubernetes_version, NETWORKS_SINCE):
        why = f"GKE hands out the networks between GPUs from 1.34 on, and the cluster has {asked.kubernetes_version}"
        yield Problem(path="fabric", why=why, fix='use kubernetes_version "1.34" or newer, or leave fabric out')
    if asked.fabric in TCP_FABRICS and asked.device_allocation == "dra":
        why = f"the process beside pods on {TCP_FABRICS[asked.fabric]} needs GKE's own driver, which dra does without"
        yield Problem(path="device_allocation", why=why, fix="use device_plugin")
    if asked.accelerator and asked.accelerator.vendor == "nvidia":
        yield from _machine_problems(asked, asked.accelerator)
        yield from _slice_problems(asked, asked.accelerator)
        if asked.driver == "operator" and image.short == "ubuntu":
            yield from _operator_problems(asked)


def accelerator_type(asked: GpuRequest, accelerator: Accelerator) -> str | None:
    """What GKE calls the GPUs; None where it is not known to have such."""
    machine = asked.machine.gke_accelerator if asked.machine else ""
    return machine or next(
        (
            each.gke_accelerator
            for each in machine_types().values()
            if each.accelerator == accelerator.name and each.gke_accelerator
        ),
        None,
    )


def _is_older(version: str | None, least: tuple[int, int]) -> bool:
    return version is not None and tuple(int(part) for part in version.split(".")[:2]) < least


def _capacity_problems(asked: GpuRequest) -> Iterator[Problem]:
    kind = capacity_kind(asked.capacity)
    if isinstance(asked.capacity, ReservationSpec):
        yield from _reservation_problems(asked, asked.capacity.reservation)
    elif kind in {"flex_start", "queued"}:
        if asked.min_nodes:
            why = f"{asked.min_nodes} cannot be had at once: {kind} nodes come when there are some"
            yield Problem(path="min_nodes", why=why, fix="leave it out")
        if _must_be_close(asked) and not _may_be_close(asked, kind):
            path = "fabric" if asked.fabric == "rdma" else "placement"
            why = f"{kind} nodes of this machine type do not stand close together"
            yield Problem(path=path, why=why, fix="leave it out, or use {reservation: NAME}")
    elif kind == "on_demand" and asked.machine_name in _NEVER_ON_DEMAND:
        why = f"Google Cloud sells {asked.machine_name} as spot, flex_start or by reservation only"
        yield Problem(path="capacity", why=why, fix="use one of them, or gpus_per_node 8")


def _must_be_close(asked: GpuRequest) -> bool:
    """What comes when there is some is not put close together for TCP, which reaches further."""
    return asked.placement == "compact" or asked.fabric == "rdma"


def _may_be_close(asked: GpuRequest, kind: str) -> bool:
    return kind == "flex_start" and asked.machine_name in _CLOSE_AND_FLEXIBLE


def _reservation_problems(asked: GpuRequest, given: str) -> Iterator[Problem]:
    found = _RESERVATION.fullmatch(given)
    if not found:
        fix = "write its name, or projects/PROJECT/reservations/NAME, with /reservationBlocks/BLOCK for one block"
        yield Problem(path="capacity.reservation", why=f"{show(given)} is no reservation of Compute Engine", fix=fix)
    elif len(asked.zones) > 1:
        why = f"a reservation is of one zone, not {len(asked.zones)}"
        yield Problem(path="zones", why=why, fix="keep the reservation's")
    elif found["block"] and not asked.zones:
        why = "a block of a reservation is of one zone, and the pool names none"
        yield Problem(path="zones", why=why, fix="name the reservation's")


def _machine_problems(asked: GpuRequest, accelerator: Accelerator) -> Iterator[Problem]:
    """Rules of machine types that the table does not have."""
    if asked.machine or not asked.machine_name:
        return
    is_n1 = asked.machine_name.startswith("n1-")
    if not accelerator_type(asked, accelerator):
        why = f"GKE is not known to have {accelerator.name}"
        yield Problem(path="accelerator", why=why, fix="use one that it has, for example l4 or h100")
    elif accelerator.name in ATTACHED and not is_n1:
        why = f"{accelerator.name} is attached to machines of the family N1 only"
        yield Problem(path="machine_type", why=why, fix="use an n1-… machine")
    elif accelerator.name not in ATTACHED and is_n1:
        why = f"{accelerator.name} comes with its machine, and is not attached to N1"
        yield Problem(path="machine_type", why=why, fix=f"leave it out, or use {', '.join(ATTACHED)}")


def _slice_problems(asked: GpuRequest, accelerator: Accelerator) -> Iterator[Problem]:
    if asked.sharing == "whole" or asked.sharing.mig is None:
        return
    known = _SLICES.get(accelerator.name) or tuple(accelerator.mig_profiles)
    mig = asked.sharing.mig
    for profile in [mig] if isinstance(mig, str) else divided(mig, accelerator):
        if profile not in known and profile in accelerator.mig_profiles:
            why = f"GKE does not divide {accelerator.name} into {profile}"
            yield Problem(path="sharing.mig", why=why, fix=f"use {', '.join(known)}")


def _operator_problems(asked: GpuRequest) -> Iterator[Problem]:
    """The operator's device plugin takes the place of GKE's, by which GKE divides and shares."""
    if asked.sharing != "whole":
        why = "GKE divides and shares GPUs by its own device plugin, in whose place the operator's works"
        yield Problem(path="driver", why=why, fix="leave it out, or use sharing: whole")
