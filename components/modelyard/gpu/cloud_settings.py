"""What a cloud's own API is told of a pool's accelerators, as plain values that its node pools translate.

Sources: https://cloud.google.com/kubernetes-engine/docs/reference/rest/v1/NodeConfig#AcceleratorConfig,
https://learn.microsoft.com/en-us/rest/api/aks/agent-pools/create-or-update
"""

from dataclasses import dataclass
from typing import Literal, cast

from modelyard.gpu.accelerators import Accelerator
from modelyard.gpu.aks_rules import has_operators_driver, instance_profiles
from modelyard.gpu.gke_rules import accelerator_type
from modelyard.gpu.node_images import NodeImage
from modelyard.gpu.request import GpuRequest

InstanceProfile = Literal["MIG1g", "MIG2g", "MIG3g", "MIG4g", "MIG7g"]
_NEWEST_DRIVER = ("rtx-pro-6000",)
"""GPUs for which Google's own blueprints take the newest driver. It is for Container-Optimized OS only."""


@dataclass(frozen=True, kw_only=True)
class GkeSettings:
    """What GKE is told of a pool's accelerators.

    Attributes:
        accelerator_type: the `type` of its guest accelerator, also the value of the label
            `cloud.google.com/gke-accelerator`; None for TPUs, which the machine type says.
        accelerator_count: GPUs of a node; 0 for TPUs.
        driver_version: which driver GKE installs; `disabled`: none, as NVIDIA's GPU operator does.
        gpu_partition_size: the profile that each GPU is divided into; None for whole GPUs.
        sharing_strategy: how several pods share a GPU or a slice of one; None for not.
        max_shared_clients_per_gpu: how many pods share one; None where none do.
        tpu_topology: the arrangement of a slice over several nodes, for the node pool's placement policy, which is then
            `COMPACT`; None for slices of one machine, which have no placement policy, and for GPUs.
        accelerator_network_profile: `auto` where GKE makes the networks between GPUs, which excludes networks and node
            networks of one's own; the nodes' label for its DRA driver is among the contract's `node_labels`.
        needs_dataplane_v2: whether the cluster must have Dataplane V2 and multi-networking for it.
    """

    accelerator_type: str | None = None
    accelerator_count: int = 0
    driver_version: Literal["default", "latest", "disabled"] = "default"
    gpu_partition_size: str | None = None
    sharing_strategy: Literal["time_sharing", "mps"] | None = None
    max_shared_clients_per_gpu: int | None = None
    tpu_topology: str | None = None
    accelerator_network_profile: Literal["auto"] | None = None
    needs_dataplane_v2: bool = False


@dataclass(frozen=True, kw_only=True)
class AksSettings:
    """What AKS is told of a pool's accelerators. Neither can be changed of an agent pool that exists.

    Attributes:
        driver: whether AKS installs the driver of NVIDIA's GPUs (`gpuProfile.driver`).
        gpu_instance_profile: the size of slices that each GPU is divided into (`gpuInstanceProfile`); None for whole
            GPUs.
    """

    driver: Literal["install", "none"] = "install"
    gpu_instance_profile: InstanceProfile | None = None


def gke_settings(asked: GpuRequest, accelerator: Accelerator, image: NodeImage) -> GkeSettings:
    """What GKE is told of a pool that can be had there."""
    if accelerator.vendor == "tpu":
        return GkeSettings(tpu_topology=asked.tpu_topology if asked.slice_nodes > 1 else None)
    sharing = None if asked.sharing == "whole" else asked.sharing
    shared = asked.replicas > 1
    has_networks = asked.fabric == "rdma"
    return GkeSettings(
        accelerator_type=accelerator_type(asked, accelerator),
        accelerator_count=asked.gpus,
        driver_version=_driver_version(asked, accelerator, image),
        gpu_partition_size=_profile(asked),
        sharing_strategy=("time_sharing" if sharing and sharing.time_slicing else "mps") if shared else None,
        max_shared_clients_per_gpu=asked.replicas if shared else None,
        accelerator_network_profile="auto" if has_networks else None,
        needs_dataplane_v2=has_networks,
    )


def aks_settings(asked: GpuRequest, accelerator: Accelerator) -> AksSettings:
    """What AKS is told of a pool that can be had there."""
    profile = _profile(asked)
    return AksSettings(
        driver="none" if accelerator.vendor != "nvidia" or has_operators_driver(asked) else "install",
        gpu_instance_profile=cast("InstanceProfile", instance_profiles(accelerator)[profile]) if profile else None,
    )


def _driver_version(
    asked: GpuRequest, accelerator: Accelerator, image: NodeImage
) -> Literal["default", "latest", "disabled"]:
    # GKE installs it by its device plugin, in whose place something else works.
    if asked.driver == "operator" or asked.device_allocation == "dra":
        return "disabled"
    return "latest" if accelerator.name in _NEWEST_DRIVER and image.short != "ubuntu" else "default"


def _profile(asked: GpuRequest) -> str | None:
    """The one profile that each GPU is divided into; None for whole ones."""
    mig = None if asked.sharing == "whole" else asked.sharing.mig
    return mig if mig is None or isinstance(mig, str) else next(iter(mig))
