"""What GKE asks of accelerators, and what their nodes carry.

https://cloud.google.com/kubernetes-engine/docs/concepts/gpus, …/how-to/gpus-multi, …/how-to/timesharing-gpus,
…/how-to/nvidia-mps-gpus, …/concepts/tpus, …/docs/tpus-in-gke
"""

import math
import re
from collections.abc import Mapping
from typing import Any

from modelyard.gpu.accelerators import ACCELERATORS
from modelyard.gpu.fabric import MRDMA
from modelyard.gpu.machine_types import machine_types
from tools.offline.cloud.errors import CloudError
from tools.offline.cloud.machines import Machine
from tools.offline.common.values import Json, as_list, as_map
from tools.offline.gcp.machines import Accelerator, accelerator_of
from tools.offline.gcp.node_labels import ACCELERATOR_LABEL, NETWORKS_LABEL, TPU_LABEL, TPU_TOPOLOGY_LABEL

GPU_TAINT = {"key": "nvidia.com/gpu", "value": "present", "effect": "NoSchedule"}
TPU_TAINT = {"key": "google.com/tpu", "value": "present", "effect": "NoSchedule"}
_ON_N1 = ("nvidia-tesla-t4", "nvidia-tesla-p4", "nvidia-tesla-p100", "nvidia-tesla-v100", "nvidia-tesla-k80")
_MOST_CLIENTS = 48
_TOPOLOGY = re.compile(r"\d+x\d+(x\d+)?")
_NO_4G = ("a100", "h100")
"""GKE's device plugin knows no slices of four for these.
https://github.com/GoogleCloudPlatform/container-engine-accelerators/blob/master/pkg/gpu/nvidia/mig/mig.go"""


def given_accelerator(config: Json) -> Json:
    """The accelerators that a node configuration names; nothing where it names none."""
    named = [as_map(each) for each in as_list(config.get("guestAccelerators"))]
    return as_map(next((each for each in named if int(each.get("count") or 0)), None))


def require_accelerators(config: Json) -> None:
    """Machine type, accelerator and how it is divided fit each other.

    Raises:
        CloudError: they do not.
    """
    machine = config.get("machineType") or "e2-medium"
    given, fixed = given_accelerator(config), accelerator_of(machine)
    if fixed is not None and fixed.is_tpu:
        if given:
            raise CloudError("badRequest", f"Accelerator is not supported for TPU machine type {machine}.")
        return
    if fixed is None and given and not machine.startswith("n1-"):
        raise CloudError(
            "badRequest", f'Accelerator type "{given["type"]}" is not supported for machine type {machine}.'
        )
    if fixed is None and given and given["type"] not in _ON_N1:
        raise CloudError("badRequest", f'Accelerator type "{given["type"]}" is not available with N1 machine types.')
    if fixed is not None and given and (given["type"], int(given["count"])) != (fixed.type, fixed.count):
        raise CloudError(
            "badRequest",
            f'Accelerator type "{given["type"]}" and count {given["count"]} do not match machine type {machine}, which '
            f"has {fixed.count} of {fixed.type}.",
        )
    if given:
        _require_driver(config, given)
        _require_division(given)


def _require_driver(config: Json, given: Json) -> None:
    driver = as_map(given.get("gpuDriverInstallationConfig")).get("gpuDriverVersion")
    if driver == "LATEST" and str(config.get("imageType") or "").upper().startswith("UBUNTU"):
        raise CloudError("badRequest", "GPU driver version LATEST is only supported on Container-Optimized OS.")


def _require_division(given: Json) -> None:
    size = given.get("gpuPartitionSize")
    if size:
        profiles = _profiles(given["type"])
        if size not in profiles:
            text = f'GPU partition size "{size}" is not supported for accelerator type "{given["type"]}"'
            raise CloudError("badRequest", f"{text}; supported: {', '.join(sorted(profiles)) or 'none'}.")
    sharing = as_map(given.get("gpuSharingConfig"))
    if not sharing:
        return
    clients = int(sharing.get("maxSharedClientsPerGpu") or 0)
    if not 2 <= clients <= _MOST_CLIENTS:
        raise CloudError("badRequest", f"max_shared_clients_per_gpu must be from 2 to {_MOST_CLIENTS}, not {clients}.")


def _profiles(accelerator: str) -> dict[str, int]:
    """Sizes of slices, and how many a GPU has of each."""
    row = next((each for each in machine_types().values() if each.gke_accelerator == accelerator), None)
    if row is None or not row.accelerator:
        return {}
    profiles = ACCELERATORS[row.accelerator].mig_profiles.values()
    found = {each.name: each.most_per_gpu for each in profiles}
    without = any(word in row.accelerator for word in _NO_4G)
    return {name: most for name, most in found.items() if not (without and name.startswith("4g."))}


def devices_of(config: Json) -> dict[str, str]:
    """The GPUs that a node advertises where they are divided: slices, times those that share one."""
    given = given_accelerator(config)
    if not given:
        return {}
    count = int(given["count"])
    if given.get("gpuPartitionSize"):
        count *= _profiles(given["type"]).get(given["gpuPartitionSize"], 1)
    clients = as_map(given.get("gpuSharingConfig")).get("maxSharedClientsPerGpu")
    return {GPU_TAINT["key"]: str(count * int(clients or 1))}


def networks_of(machine: Machine, labels: Mapping[str, str]) -> dict[str, int]:
    """The interfaces between GPUs that GKE's driver lets pods claim, on nodes with the label that it looks for.

    https://cloud.google.com/kubernetes-engine/docs/how-to/allocate-network-resources-dra
    """
    return {MRDMA: machine.rdma_devices} if labels.get(NETWORKS_LABEL) == "true" and machine.rdma_devices else {}


def labels_of_accelerator(found: Accelerator, topology: str) -> dict[str, str]:
    """The labels of a node with accelerators."""
    if not found.is_tpu:
        return {ACCELERATOR_LABEL: found.type}
    return {TPU_LABEL: found.type, TPU_TOPOLOGY_LABEL: topology or _single_host(found.count)}


def labels_of_division(config: Json) -> dict[str, str]:
    """The labels that say how GPUs are divided."""
    given = given_accelerator(config)
    sharing = as_map(given.get("gpuSharingConfig"))
    found: dict[str, Any] = {
        "cloud.google.com/gke-gpu-partition-size": given.get("gpuPartitionSize"),
        "cloud.google.com/gke-max-shared-clients-per-gpu": sharing.get("maxSharedClientsPerGpu"),
        "cloud.google.com/gke-gpu-sharing-strategy": str(sharing.get("gpuSharingStrategy") or "")
        .lower()
        .replace("_", "-"),
    }
    driver = as_map(given.get("gpuDriverInstallationConfig")).get("gpuDriverVersion") if given else None
    found["cloud.google.com/gke-gpu-driver-version"] = {"INSTALLATION_DISABLED": "disabled"}.get(
        str(driver), str(driver or "").lower()
    )
    return {key: str(value) for key, value in found.items() if value}


def _single_host(chips: int) -> str:
    return {1: "1x1", 4: "2x2", 8: "2x4"}.get(chips, "2x2")


def slice_nodes(machine: str, topology: str) -> int:
    """How many nodes a TPU slice has.

    Raises:
        CloudError: the topology is none, or does not go with the machine type.
    """
    fixed = accelerator_of(machine)
    if fixed is None or not fixed.is_tpu:
        raise CloudError("badRequest", f"TPU topology cannot be set for machine type {machine}.")
    if not _TOPOLOGY.fullmatch(topology):
        raise CloudError("badRequest", f'TPU topology "{topology}" is invalid.')
    chips = math.prod(int(each) for each in topology.split("x"))
    if chips % fixed.count:
        raise CloudError("badRequest", f"TPU topology {topology} is not supported for machine type {machine}.")
    return chips // fixed.count
