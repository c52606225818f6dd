"""What is installed on a cluster for a pool's accelerators, and the labels by which that and the cloud go."""

from collections.abc import Iterator, Mapping
from typing import Literal

from modelyard.gpu.accelerators import Accelerator
from modelyard.gpu.aks_rules import has_operators_driver
from modelyard.gpu.node_images import NodeImage
from modelyard.gpu.request import GpuRequest
from modelyard.gpu.tpu import topology_of_node

Component = Literal[
    "nvidia-device-plugin",
    "nvidia-dra-driver",
    "gpu-operator",
    "dcgm-exporter",
    "efa-device-plugin",
    "neuron-device-plugin",
    "amd-gpu-operator",
    "gib-installer",
    "tcpx-installer",
    "tcpxo-installer",
    "device-injector",
    "gke-driver-installer",
    "amd-driver-installer",
    "network-operator",
]
"""What is installed on the cluster for a pool. `gpu-operator` brings the MIG manager and the device plugin, and for
`driver: operator` the driver."""
ACCELERATOR_LABEL = "modelyard.dev/accelerator"
"""The accelerator's name, on nodes that have one."""
# https://github.com/NVIDIA/k8s-device-plugin#catalog-of-labels and …/gpu-operator/blob/main/assets/state-mig-manager
_PLUGIN_CONFIG_LABEL = "nvidia.com/device-plugin.config"
_MIG_CONFIG_LABEL = "nvidia.com/mig.config"
_MPS_LABEL = "nvidia.com/mps.capable"
# https://cloud.google.com/kubernetes-engine/docs/how-to/gpu-operator and …/allocate-network-resources-dra
_WITHOUT_GKES_PLUGIN_LABEL = "gke-no-default-nvidia-gpu-device-plugin"
_GKE_NETWORKS_LABEL = "cloud.google.com/gke-networking-dra-driver"
# By which GKE's autoscaler knows that nodes will have GPUs to claim, as there are none of them to see in an empty pool.
# https://cloud.google.com/kubernetes-engine/docs/how-to/set-up-dra
_GKE_CLAIMS_LABEL = "cloud.google.com/gke-nvidia-gpu-dra-driver"
# What GKE knows pods of a slice by: https://cloud.google.com/kubernetes-engine/docs/how-to/tpus
_TPU_LABEL = "cloud.google.com/gke-tpu-accelerator"
_TPU_TOPOLOGY_LABEL = "cloud.google.com/gke-tpu-topology"

# What a fast network needs on the cluster, by kind of cluster and by whom it is set up.
_FABRIC_COMPONENTS: Mapping[tuple[str, str], tuple[Component, ...]] = {
    ("eks", "chart"): ("efa-device-plugin",),
    ("gke", "cloud"): ("gib-installer",),
    ("aks", "operator"): ("network-operator",),
}


def done_by(image: NodeImage, accelerator: Accelerator, feature: str) -> str | None:
    """Who does it for these devices; None where the matrix says nothing."""
    cell = image.cell(accelerator.vendor, feature)
    return cell.by if cell else None


def components(asked: GpuRequest, accelerator: Accelerator, image: NodeImage) -> Iterator[Component]:
    """What is installed. NVIDIA's operator brings the device plugin of its nodes with it."""
    is_divided_by_operator = done_by(image, accelerator, asked.sharing_kind) == "operator"
    if asked.device_allocation == "dra" and done_by(image, accelerator, "dra") == "chart":
        yield "nvidia-dra-driver"
        if image.kind == "gke":
            yield "gke-driver-installer"
    elif accelerator.vendor == "nvidia" and (
        is_divided_by_operator or _has_operators_driver(asked, accelerator, image)
    ):
        yield "gpu-operator"
    elif done_by(image, accelerator, "device_plugin") == "operator":
        yield from ("amd-gpu-operator", "amd-driver-installer")
    elif done_by(image, accelerator, "device_plugin") == "chart":
        yield "neuron-device-plugin" if accelerator.vendor == "neuron" else "nvidia-device-plugin"
    if asked.fabric == "rdma" and image.cloud:
        yield from _FABRIC_COMPONENTS.get((image.kind, str(done_by(image, accelerator, "rdma"))), ())
    elif asked.fabric != "none" and image.kind == "gke":
        yield from ("tcpx-installer" if asked.fabric == "tcpx" else "tcpxo-installer", "device-injector")
    if done_by(image, accelerator, "metrics") == "chart":
        yield "dcgm-exporter"


def _has_operators_driver(asked: GpuRequest, accelerator: Accelerator, image: NodeImage) -> bool:
    if done_by(image, accelerator, "driver_operator") != "operator":
        return False
    return has_operators_driver(asked) if image.kind == "aks" else asked.driver == "operator"


def pod_node_labels(asked: GpuRequest, accelerator: Accelerator, image: NodeImage) -> dict[str, str]:
    if accelerator.vendor != "tpu" or image.kind != "gke":
        return {}
    topology = asked.tpu_topology or topology_of_node(accelerator.name, asked.gpus)
    labels = {_TPU_LABEL: accelerator.cloud_labels[_TPU_LABEL]}
    return {**labels, _TPU_TOPOLOGY_LABEL: topology} if topology else labels


def node_labels(asked: GpuRequest, accelerator: Accelerator, image: NodeImage) -> dict[str, str]:
    """Labels that tools look for, set from the start where the stack makes the nodes."""
    if not image.cloud:
        return {}
    labels: dict[str, str] = {}
    if image.kind == "gke" and accelerator.vendor == "nvidia":
        if asked.driver == "operator" or asked.device_allocation == "dra":
            labels[_WITHOUT_GKES_PLUGIN_LABEL] = "true"
        if asked.device_allocation == "dra":
            labels[_GKE_CLAIMS_LABEL] = "true"
        if asked.fabric == "rdma":
            labels[_GKE_NETWORKS_LABEL] = "true"
    if is_configured(asked, accelerator, image):
        labels[_PLUGIN_CONFIG_LABEL] = asked.pool
        if asked.sharing_kind == "mps":
            labels[_MPS_LABEL] = "true"
        if done_by(image, accelerator, asked.sharing_kind) == "operator":
            labels[_MIG_CONFIG_LABEL] = asked.pool
    return labels


def is_configured(asked: GpuRequest, accelerator: Accelerator, image: NodeImage) -> bool:
    """Whether a device plugin that is installed for the pool does more than hand out whole devices."""
    if asked.sharing == "whole":
        has_plugin = (
            done_by(image, accelerator, "device_plugin") == "chart" and asked.device_allocation == "device_plugin"
        )
        has_fabric = asked.fabric == "rdma" and done_by(image, accelerator, "rdma") == "chart"
        return has_plugin and accelerator.vendor == "nvidia" and has_fabric
    by = done_by(image, accelerator, asked.sharing_kind)
    # AKS divides GPUs itself, and the plugin has to be told how to name the slices.
    return by in {"chart", "operator"} or (by == "cloud" and done_by(image, accelerator, "device_plugin") == "chart")
