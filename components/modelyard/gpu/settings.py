"""What is set where so that a pool's GPUs are shared: the device plugin's file, the MIG manager's, Bottlerocket's."""

from collections.abc import Mapping
from typing import Any

from modelyard.gpu.accelerators import NVIDIA, Accelerator
from modelyard.gpu.request import GpuRequest

BOTTLEROCKET_GPUS = {
    "a100-40gb": "a100.40gb",
    "a100-80gb": "a100.80gb",
    "b200": "b200.180gb",
    "h100": "h100.80gb",
    "h200": "h200.141gb",
}
"""The GPUs that Bottlerocket divides, by the names that its settings have for them.
https://github.com/bottlerocket-os/bottlerocket-core-kit/tree/develop/sources/nvidia-migmanager"""


def is_known_to_bottlerocket(profile: str) -> bool:
    """Whether Bottlerocket divides GPUs into slices of that profile: none with media engines or graphics of their own,
    and none of four sevenths."""
    return not profile.startswith("4g.") and not {"+", "-"} & set(profile)


def plugin_config(asked: GpuRequest, mig_strategy: str) -> dict[str, Any] | None:
    """The configuration file of NVIDIA's device plugin; None where its defaults do.

    A pod may ask for one share only: two would be two places in the queue of what may be one GPU. With a fast network,
    containers get GDRCopy, by which NCCL and libfabric move small messages between GPUs and the network.
    Sources: https://github.com/NVIDIA/k8s-device-plugin#shared-access-to-gpus,
    https://docs.aws.amazon.com/eks/latest/userguide/device-management-efa.html
    """
    if asked.sharing == "whole":
        return {"version": "v1", "flags": {"gdrcopyEnabled": True}} if asked.fabric == "rdma" else None
    if asked.sharing.mig is not None:
        return {"version": "v1", "flags": {"migStrategy": mig_strategy}}
    shares = {"renameByDefault": False, "resources": [{"name": NVIDIA, "replicas": asked.replicas}]}
    if asked.sharing.time_slicing:
        return {"version": "v1", "sharing": {"timeSlicing": {**shares, "failRequestsGreaterThanOne": True}}}
    return {"version": "v1", "sharing": {"mps": shares}}


def mig_config(pool: str, slices: Mapping[str, int]) -> dict[str, Any]:
    """The entry, under the pool's name, of `mig-configs` of NVIDIA's MIG manager: every GPU of a node divided alike.

    Source: https://github.com/NVIDIA/mig-parted
    """
    return {pool: [{"devices": "all", "mig-enabled": True, "mig-devices": dict(slices)}]}


def bottlerocket_settings(asked: GpuRequest, accelerator: Accelerator) -> dict[str, Any]:
    """Bottlerocket's settings for its own device plugin; empty where its defaults do.

    Source: https://bottlerocket.dev/en/os/latest/api/settings/kubelet-device-plugins/
    """
    nvidia = _bottlerocket_nvidia(asked, accelerator)
    return {"kubelet-device-plugins": {"nvidia": nvidia}} if nvidia else {}


def _bottlerocket_nvidia(asked: GpuRequest, accelerator: Accelerator) -> dict[str, Any]:
    if asked.device_allocation == "dra":
        return {"enabled": False}
    if asked.sharing == "whole":
        return {}
    if asked.sharing.mig is not None:
        profile = asked.sharing.mig if isinstance(asked.sharing.mig, str) else next(iter(asked.sharing.mig))
        chosen = {BOTTLEROCKET_GPUS[accelerator.name]: profile}
        return {"device-partitioning-strategy": "mig", "mig": {"profile": chosen}}
    # Shares would otherwise be a resource of another name, nvidia.com/gpu.shared.
    shares = {"replicas": asked.replicas, "rename-by-default": False, "fail-requests-greater-than-one": True}
    return {"device-sharing-strategy": "time-slicing", "time-slicing": shares}
