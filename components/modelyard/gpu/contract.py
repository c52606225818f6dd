"""What a pool's accelerators mean for its nodes, for what is installed on them and for the pods that use them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from modelyard.errors import ConfigError, Problem
from modelyard.gpu.accelerators import NVIDIA, Accelerator
from modelyard.gpu.cloud_settings import AksSettings, GkeSettings, aks_settings, gke_settings
from modelyard.gpu.components import (
    ACCELERATOR_LABEL,
    Component,
    components,
    done_by,
    is_configured,
    node_labels,
    pod_node_labels,
)
from modelyard.gpu.fabric import (
    FABRIC_OF_CLOUD,
    FABRICS,
    HUGE_PAGES_MIB,
    SIMULATED_FABRIC,
    Fabric,
    FabricClaim,
    huge_pages,
)
from modelyard.gpu.image_rules import image_problems
from modelyard.gpu.mig import divided, memory_parts
from modelyard.gpu.node_images import NodeImage
from modelyard.gpu.request import GpuRequest, SharingKind
from modelyard.gpu.rules import device_problems
from modelyard.gpu.settings import bottlerocket_settings, mig_config, plugin_config
from modelyard.gpu.spec import GpuSliceSpec
from modelyard.gpu.tcpx import Sidecar, pod_annotations

DEVICE_CLASS = "gpu.nvidia.com"
"""The device class of NVIDIA's GPUs. https://github.com/kubernetes-sigs/dra-driver-nvidia-gpu"""


@dataclass(frozen=True, kw_only=True)
class GpuContract:
    """What follows from a pool's accelerators on one node image.

    Attributes:
        accelerator: the devices.
        gpus: devices of a node.
        resources: the extended resources that a node advertises for its devices, with their number. Empty where pods
            claim devices of `device_class`.
        slice_resources: by MIG profile, the resource that counts its slices.
        slices_per_gpu: by MIG profile, how many slices of it every device has.
        slice_nodes: over how many nodes a slice of TPUs goes, all of which a workload uses; 1 for anything else.
        fabric_resources: the extended resources of a node's fast network, with their number.
        fabric_networks: networks that a node is in beside its own, with a card in each; a pod on the fabric has all of
            them.
        fabric_is_shared: whether one of these resources shows a pod all devices, however many GPUs it has.
        huge_pages_mib: what a node keeps for it in huge pages, MiB.
        node_labels: labels that its nodes carry from the start.
        taint_key: key of the taint that its nodes carry, with value `present` and effect `NoSchedule`.
        taint_added_by_cloud: whether the cloud sets this taint by itself on nodes of a cluster that has others too.
        pod_node_labels: labels of nodes that its pods must ask for beside the pool's own, as the cloud goes by them.
        components: what has to be installed on the cluster.
        device_plugin_config: the pool's configuration of NVIDIA's device plugin, which nodes choose by their label
            with the pool's name; None where the plugin's defaults do.
        mig_config: the pool's entry of `mig-configs` of NVIDIA's MIG manager, under the pool's name, by which its nodes
            choose it; None where the manager has nothing to do.
        image_settings: settings of the node image, nested as in its TOML below `settings`.
        device_class: of which pods claim devices (dynamic resource allocation); None where they ask for resources.
        sharing_kind: how devices are shared.
        shares_per_gpu: pods that can have a part of one device.
        gke: what GKE is told of them; None elsewhere.
        aks: what AKS is told of them; None elsewhere.
        fabric_claim: the devices of the fast network that pods claim, all of a node's; None where they are a resource
            (`fabric_resources`), or where there is none.
        pod_host_paths: folders of a node that a container on the fabric sees, by the path where it does.
        pod_env: variables of a container that uses the fabric.
        pod_annotations: annotations of its pod.
        pod_sidecar: what runs beside it; None for nothing.
        pod_capabilities: Linux capabilities that it needs, which pod security `restricted` refuses.
    """

    accelerator: Accelerator
    gpus: int
    resources: Mapping[str, int]
    slice_resources: Mapping[str, str] = field(default_factory=dict[str, str])
    slices_per_gpu: Mapping[str, int] = field(default_factory=dict[str, int])
    slice_nodes: int = 1
    fabric_resources: Mapping[str, int] = field(default_factory=dict[str, int])
    fabric_networks: int = 0
    fabric_is_shared: bool = False
    huge_pages_mib: int = 0
    node_labels: Mapping[str, str]
    taint_key: str
    taint_added_by_cloud: bool = False
    pod_node_labels: Mapping[str, str] = field(default_factory=dict[str, str])
    components: frozenset[Component] = frozenset()
    device_plugin_config: Mapping[str, Any] | None = None
    mig_config: Mapping[str, Any] | None = None
    image_settings: Mapping[str, Any] = field(default_factory=dict[str, Any])
    device_class: str | None = None
    sharing_kind: SharingKind = "whole"
    shares_per_gpu: int = 1
    gke: GkeSettings | None = None
    aks: AksSettings | None = None
    fabric_claim: FabricClaim | None = None
    pod_host_paths: Mapping[str, str] = field(default_factory=dict[str, str])
    pod_env: Mapping[str, str] = field(default_factory=dict[str, str])
    pod_annotations: Mapping[str, str] = field(default_factory=dict[str, str])
    pod_sidecar: Sidecar | None = None
    pod_capabilities: tuple[str, ...] = ()

    @property
    def has_fabric(self) -> bool:
        """Whether its nodes have a fast network that pods ask for."""
        return bool(self.fabric_resources or self.fabric_claim or self.fabric_networks)

    @property
    def fabric_capacity(self) -> dict[str, str]:
        """What a node keeps for the fabric beside its devices, as quantities."""
        return huge_pages(self.huge_pages_mib, self.gpus, self.gpus)

    def fabric_share(self, gpus: int) -> dict[str, str]:
        """What of the fabric goes with so many of a node's GPUs: their share of its devices and of what else the node
        keeps for it, so that pods on one node do not take each other's."""
        if self.fabric_is_shared:
            return dict.fromkeys(self.fabric_resources, "1")
        devices = {name: str(count * gpus // self.gpus) for name, count in self.fabric_resources.items()}
        return {**devices, **huge_pages(self.huge_pages_mib, gpus, self.gpus)}

    def requested(self, gpus: int | GpuSliceSpec) -> dict[str, int]:
        """The resources that a pod asks for; none where it claims devices. Whether it may ask for them, such as for
        slices of a profile that there is not here, is for `Pool.problems` to say."""
        if isinstance(gpus, GpuSliceSpec):
            return {self.slice_resources.get(gpus.mig, self.accelerator.resource): gpus.count}
        return {} if self.device_class or not gpus else {self.accelerator.resource: gpus}

    def part_of_node(self, gpus: int | GpuSliceSpec) -> float:
        """Which part of a node's devices that is. Slices count by their memory; one of a profile that there is not
        here, which `Pool.problems` refuses, as a whole device."""
        if not isinstance(gpus, GpuSliceSpec):
            return gpus / (self.gpus * self.shares_per_gpu)
        if gpus.mig not in self.slices_per_gpu:
            return gpus.count / self.gpus
        profiles = self.accelerator.mig_profiles
        parts = {name: memory_parts(profiles[name], self.accelerator) for name in self.slices_per_gpu}
        whole = sum(parts[name] * count for name, count in self.slices_per_gpu.items()) * self.gpus
        return parts[gpus.mig] * gpus.count / whole


def compile_pool(asked: GpuRequest, image: NodeImage) -> GpuContract | None:
    """What a pool's accelerators mean on this node image; None for a pool without.

    Raises:
        ConfigError: with every reason why it cannot work, and the alternative; paths are relative to the pool.
    """
    problems = contract_problems(asked, image)
    if problems:
        raise ConfigError(problems)
    return _compile(asked, asked.accelerator, image) if asked.accelerator else None


def contract_problems(asked: GpuRequest, image: NodeImage) -> list[Problem]:
    """Every reason why a pool cannot work on this node image."""
    found = list(device_problems(asked))
    taken = {problem.path for problem in found}
    return found + [problem for problem in image_problems(asked, image) if problem.path not in taken]


def _compile(asked: GpuRequest, accelerator: Accelerator, image: NodeImage) -> GpuContract:
    uses_claims = asked.device_allocation == "dra" and not image.is_simulated
    slices = _slices(asked, accelerator)
    cell = image.cell(accelerator.vendor, asked.sharing_kind)
    strategy = cell.detail if cell else ""
    names = {name: _slice_name(name, strategy) for name in slices}
    fabric = _fabric(asked, image)
    sidecar = fabric.sidecar if fabric else None
    networks = asked.fabric_devices if sidecar else 0
    return GpuContract(
        accelerator=accelerator,
        gpus=asked.gpus,
        resources={} if uses_claims else _resources(asked, accelerator, slices, names),
        slice_resources=names,
        slices_per_gpu=slices,
        slice_nodes=asked.slice_nodes,
        fabric_resources={fabric.resource: fabric.most_pods or asked.fabric_devices}
        if fabric and fabric.resource
        else {},
        fabric_networks=networks,
        fabric_is_shared=bool(fabric and fabric.most_pods),
        huge_pages_mib=HUGE_PAGES_MIB if fabric and fabric.has_huge_pages and image.reserves_huge_pages else 0,
        node_labels={ACCELERATOR_LABEL: accelerator.name, **node_labels(asked, accelerator, image)},
        taint_key=accelerator.resource,
        taint_added_by_cloud=image.kind == "gke",
        pod_node_labels=pod_node_labels(asked, accelerator, image),
        components=frozenset(components(asked, accelerator, image)),
        device_plugin_config=plugin_config(asked, strategy) if is_configured(asked, accelerator, image) else None,
        mig_config=mig_config(asked.pool, slices)
        if slices and done_by(image, accelerator, asked.sharing_kind) == "operator"
        else None,
        image_settings=bottlerocket_settings(asked, accelerator) if image.is_bottlerocket else {},
        device_class=DEVICE_CLASS if uses_claims else None,
        sharing_kind=asked.sharing_kind,
        shares_per_gpu=sum(slices.values()) or asked.replicas,
        gke=gke_settings(asked, accelerator, image) if image.kind == "gke" else None,
        aks=aks_settings(asked, accelerator) if image.kind == "aks" else None,
        fabric_claim=FabricClaim(device_class=fabric.device_class, count=asked.fabric_devices)
        if fabric and fabric.device_class
        else None,
        pod_host_paths=fabric.host_paths if fabric else {},
        pod_env=fabric.container_env(accelerator.name) if fabric else {},
        pod_annotations=pod_annotations(networks, sidecar) if sidecar else {},
        pod_sidecar=sidecar,
        pod_capabilities=fabric.capabilities if fabric else (),
    )


def _fabric(asked: GpuRequest, image: NodeImage) -> Fabric | None:
    """The fast network of its nodes; of nodes that are simulated, or that exist, the one kind that those can have."""
    if asked.fabric == "none":
        return None
    if not image.cloud:
        return FABRICS[SIMULATED_FABRIC]
    own = asked.machine.fabric_kind if asked.machine else ""
    return FABRICS[own or FABRIC_OF_CLOUD[image.cloud]]


def _slices(asked: GpuRequest, accelerator: Accelerator) -> dict[str, int]:
    mig = None if asked.sharing == "whole" else asked.sharing.mig
    return divided(mig, accelerator) if mig is not None else {}


def _slice_name(profile: str, strategy: str) -> str:
    """The resource that NVIDIA's plugin counts slices as; a resource's name has no plus sign.
    https://github.com/NVIDIA/k8s-device-plugin/blob/v0.20.0/internal/rm/rm.go"""
    return NVIDIA if strategy == "single" else f"nvidia.com/mig-{profile.replace('+', '.')}"


def _resources(
    asked: GpuRequest, accelerator: Accelerator, slices: Mapping[str, int], names: Mapping[str, str]
) -> dict[str, int]:
    if slices:
        return {names[name]: count * asked.gpus for name, count in slices.items()}
    return {accelerator.resource: asked.gpus * asked.replicas}
