"""What pools cannot be on AKS, beside the matrix. Paths are relative to the pool.

Sources: https://learn.microsoft.com/en-us/azure/aks/gpu-multi-instance, …/use-nvidia-gpu, …/use-amd-gpus,
…/use-capacity-reservation-groups, https://azure.github.io/aks-rdma-infiniband/; which driver AKS installs for which
size, and on which system, https://github.com/Azure/karpenter-provider-azure/blob/main/pkg/utils/gpu.go.
"""

import re
from collections.abc import Iterator

from modelyard.errors import Problem, show
from modelyard.gpu.accelerators import Accelerator, MigProfile
from modelyard.gpu.node_images import NodeImage
from modelyard.gpu.request import GpuRequest
from modelyard.gpu.spec import ReservationSpec

_DIVIDED = ("a100-40gb", "a100-80gb", "h100", "h100-nvl", "h200")
_GRID = ("a10", "rtx-pro-6000")
"""GPUs whose machines need NVIDIA's driver for graphics on virtual machines, which AKS installs and no operator has."""
_UBUNTU_ONLY = ("gb200", "gb300", "rtx-pro-6000")
_GROUP = re.compile(
    r"/subscriptions/[0-9a-fA-F-]{36}/resourceGroups/[^/]+/providers/Microsoft\.Compute/capacityReservationGroups/[^/]+"
)


def aks_problems(asked: GpuRequest, image: NodeImage) -> Iterator[Problem]:
    """Why a pool cannot be had on AKS."""
    if isinstance(asked.capacity, ReservationSpec) and not _GROUP.fullmatch(asked.capacity.reservation):
        why = f"{show(asked.capacity.reservation)} is no capacity reservation group of Azure"
        fix = "write its resource id, /subscriptions/…/Microsoft.Compute/capacityReservationGroups/NAME"
        yield Problem(path="capacity.reservation", why=why, fix=fix)
    if asked.machine_types and image.short != "node_auto_provisioning":
        why = "a node pool of AKS has one machine type"
        fix = "leave them out, make a pool for each, or use provisioner: node_auto_provisioning"
        yield Problem(path="machine_types", why=why, fix=fix)
    if asked.accelerator and asked.accelerator.vendor == "nvidia":
        yield from _nvidia_problems(asked, asked.accelerator, image)


def has_operators_driver(asked: GpuRequest) -> bool:
    """Whether NVIDIA's GPU operator brings the driver: where the pool says so, and with InfiniBand, as what lets the
    network reach a GPU's memory (`nvidia-peermem`) is loaded after the network's own driver, which AKS does not do."""
    return asked.driver == "operator" or asked.fabric == "rdma"


def instance_profiles(accelerator: Accelerator) -> dict[str, str]:
    """AKS's names of the slices that it divides a GPU into, by NVIDIA's: the plain one with the least memory of each
    number of compute slices."""
    found: dict[int, MigProfile] = {}
    for profile in accelerator.mig_profiles.values():
        plain = not {"+", "-"} & set(profile.name)
        if plain and (profile.compute not in found or profile.memory_gb < found[profile.compute].memory_gb):
            found[profile.compute] = profile
    return {profile.name: f"MIG{compute}g" for compute, profile in found.items()}


def _nvidia_problems(asked: GpuRequest, accelerator: Accelerator, image: NodeImage) -> Iterator[Problem]:
    name = accelerator.name
    if image.short == "azurelinux" and name in _UBUNTU_ONLY:
        why = f"AKS has the driver of {name} on Ubuntu only"
        yield Problem(path="accelerator", why=why, fix="use node_image: ubuntu, or another accelerator")
    if asked.sharing != "whole" and asked.sharing.mig is not None:
        yield from _slice_problems(asked.sharing.mig, accelerator)
    if has_operators_driver(asked):
        yield from _operator_problems(asked, accelerator)
    elif not asked.machine and asked.machine_name:
        why = f"AKS is not known to have a driver for {asked.machine_name}"
        fix = "use driver: operator on Ubuntu, or a machine type of our table"
        yield Problem(path="machine_type", why=why, fix=fix)


def _slice_problems(mig: object, accelerator: Accelerator) -> Iterator[Problem]:
    if accelerator.name not in _DIVIDED:
        if accelerator.mig_profiles:
            why = f"AKS does not divide {accelerator.name}"
            yield Problem(path="sharing.mig", why=why, fix=f"use one of {', '.join(_DIVIDED)}, or time_slicing or mps")
    elif isinstance(mig, str) and mig in accelerator.mig_profiles and mig not in instance_profiles(accelerator):
        why = f"AKS does not divide {accelerator.name} into {mig}"
        yield Problem(path="sharing.mig", why=why, fix=f"use {', '.join(instance_profiles(accelerator))}")


def _operator_problems(asked: GpuRequest, accelerator: Accelerator) -> Iterator[Problem]:
    if asked.driver == "image":
        why = "with InfiniBand the GPU operator brings the driver: AKS's does not let the network reach GPUs' memory"
        yield Problem(path="driver", why=why, fix="leave it out, or use driver: operator")
    if accelerator.name in _GRID:
        why = f"machines with {accelerator.name} need NVIDIA's driver for virtual machines, which AKS installs"
        yield Problem(path="driver", why=why, fix="leave it out")
    if asked.sharing != "whole" and asked.sharing.mig is not None:
        why = "AKS divides GPUs when a node starts, by the driver that it installs"
        yield Problem(path="driver", why=why, fix="leave it out, or use sharing: whole")
