"""What a pool's accelerators mean for its nodes, for what is installed on them and for the pods that use them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from modelyard.errors import ConfigError, Problem
from modelyard.gpu.accelerators import NVIDIA, Accelerator
from modelyard.gpu.fabric import CONTAINER_CAPABILITIES, CONTAINER_ENV, EFA, HUGE_PAGES_MIB, huge_pages
from modelyard.gpu.image_rules import image_problems
from modelyard.gpu.mig import divided, memory_parts
from modelyard.gpu.node_images import NodeImage
from modelyard.gpu.request import GpuRequest, SharingKind
from modelyard.gpu.rules import device_problems
from modelyard.gpu.settings import bottlerocket_settings, mig_config, plugin_config
from modelyard.gpu.spec import GpuSliceSpec

Component = Literal[
    "nvidia-device-plugin",
    "nvidia-dra-driver",
    "gpu-operator",
    "dcgm-exporter",
    "efa-device-plugin",
    "neuron-device-plugin",
]
"""What is installed on the cluster for a pool. `gpu-operator` brings the MIG manager and the device plugin, and for
`driver: operator` the driver."""
ACCELERATOR_LABEL = "modelyard.dev/accelerator"
"""The accelerator's name, on nodes that have one."""
DEVICE_CLASS = "gpu.nvidia.com"
"""The device class of NVIDIA's GPUs. https://github.com/kubernetes-sigs/dra-driver-nvidia-gpu"""
# https://github.com/NVIDIA/k8s-device-plugin#catalog-of-labels and …/gpu-operator/blob/main/assets/state-mig-manager
_PLUGIN_CONFIG_LABEL = "nvidia.com/device-plugin.config"
_MIG_CONFIG_LABEL = "nvidia.com/mig.config"
_MPS_LABEL = "nvidia.com/mps.capable"


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
        fabric_resources: the extended resources of a node's fast network, with their number.
        huge_pages_mib: what a node keeps for it in huge pages, MiB.
        node_labels: labels that its nodes carry from the start.
        taint_key: key of the taint that its nodes carry, with value `present` and effect `NoSchedule`.
        components: what has to be installed on the cluster.
        device_plugin_config: the pool's configuration of NVIDIA's device plugin, which nodes choose by their label
            with the pool's name; None where the plugin's defaults do.
        mig_config: the pool's entry of `mig-configs` of NVIDIA's MIG manager, under the pool's name, by which its nodes
            choose it; None where the manager has nothing to do.
        image_settings: settings of the node image, nested as in its TOML below `settings`.
        device_class: of which pods claim devices (dynamic resource allocation); None where they ask for resources.
        sharing_kind: how devices are shared.
        shares_per_gpu: pods that can have a part of one device.
        pod_env: variables of a container that uses the fabric.
        pod_capabilities: Linux capabilities that it needs, which pod security `restricted` refuses.
    """

    accelerator: Accelerator
    gpus: int
    resources: Mapping[str, int]
    slice_resources: Mapping[str, str] = field(default_factory=dict[str, str])
    slices_per_gpu: Mapping[str, int] = field(default_factory=dict[str, int])
    fabric_resources: Mapping[str, int] = field(default_factory=dict[str, int])
    huge_pages_mib: int = 0
    node_labels: Mapping[str, str]
    taint_key: str
    components: frozenset[Component] = frozenset()
    device_plugin_config: Mapping[str, Any] | None = None
    mig_config: Mapping[str, Any] | None = None
    image_settings: Mapping[str, Any] = field(default_factory=dict[str, Any])
    device_class: str | None = None
    sharing_kind: SharingKind = "whole"
    shares_per_gpu: int = 1
    pod_env: Mapping[str, str] = field(default_factory=dict[str, str])
    pod_capabilities: tuple[str, ...] = ()

    @property
    def fabric_capacity(self) -> dict[str, str]:
        """What a node keeps for the fabric beside its devices, as quantities."""
        return huge_pages(self.huge_pages_mib, self.gpus, self.gpus)

    def fabric_share(self, gpus: int) -> dict[str, str]:
        """What of the fabric goes with so many of a node's GPUs: their share of its devices and of what else the node
        keeps for it, so that pods on one node do not take each other's."""
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
    has_fabric = asked.fabric == "rdma"
    return GpuContract(
        accelerator=accelerator,
        gpus=asked.gpus,
        resources={} if uses_claims else _resources(asked, accelerator, slices, names),
        slice_resources=names,
        slices_per_gpu=slices,
        fabric_resources={EFA: asked.rdma_devices} if has_fabric else {},
        huge_pages_mib=HUGE_PAGES_MIB if has_fabric and image.reserves_huge_pages else 0,
        node_labels={ACCELERATOR_LABEL: accelerator.name, **_labels(asked, accelerator, image)},
        taint_key=accelerator.resource,
        components=frozenset(_components(asked, accelerator, image)),
        device_plugin_config=plugin_config(asked, strategy) if _is_configured(asked, accelerator, image) else None,
        mig_config=mig_config(asked.pool, slices)
        if slices and _by(image, accelerator, asked.sharing_kind) == "operator"
        else None,
        image_settings=bottlerocket_settings(asked, accelerator) if image.is_bottlerocket else {},
        device_class=DEVICE_CLASS if uses_claims else None,
        sharing_kind=asked.sharing_kind,
        shares_per_gpu=sum(slices.values()) or asked.replicas,
        pod_env=CONTAINER_ENV if has_fabric else {},
        pod_capabilities=CONTAINER_CAPABILITIES if has_fabric else (),
    )


def _by(image: NodeImage, accelerator: Accelerator, feature: str) -> str | None:
    cell = image.cell(accelerator.vendor, feature)
    return cell.by if cell else None


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


def _components(asked: GpuRequest, accelerator: Accelerator, image: NodeImage) -> Iterator[Component]:
    """What is installed. NVIDIA's operator brings the device plugin of its nodes with it."""
    is_divided_by_operator = _by(image, accelerator, asked.sharing_kind) == "operator"
    has_driver_by_operator = asked.driver == "operator" and _by(image, accelerator, "driver_operator") == "operator"
    if asked.device_allocation == "dra" and _by(image, accelerator, "dra") == "chart":
        yield "nvidia-dra-driver"
    elif is_divided_by_operator or has_driver_by_operator:
        yield "gpu-operator"
    elif _by(image, accelerator, "device_plugin") == "chart":
        yield "neuron-device-plugin" if accelerator.vendor == "neuron" else "nvidia-device-plugin"
    if asked.fabric == "rdma" and _by(image, accelerator, "rdma") == "chart":
        yield "efa-device-plugin"
    if _by(image, accelerator, "metrics") == "chart":
        yield "dcgm-exporter"


def _labels(asked: GpuRequest, accelerator: Accelerator, image: NodeImage) -> dict[str, str]:
    """Labels that tools look for, set from the start where the stack makes the nodes."""
    if not image.cloud:
        return {}
    labels: dict[str, str] = {}
    if _is_configured(asked, accelerator, image):
        labels[_PLUGIN_CONFIG_LABEL] = asked.pool
        if asked.sharing_kind == "mps":
            labels[_MPS_LABEL] = "true"
        if _by(image, accelerator, asked.sharing_kind) == "operator":
            labels[_MIG_CONFIG_LABEL] = asked.pool
    return labels


def _is_configured(asked: GpuRequest, accelerator: Accelerator, image: NodeImage) -> bool:
    """Whether a device plugin that is installed for the pool does more than hand out whole devices."""
    if asked.sharing == "whole":
        has_plugin = _by(image, accelerator, "device_plugin") == "chart" and asked.device_allocation == "device_plugin"
        return has_plugin and accelerator.vendor == "nvidia" and asked.fabric == "rdma"
    return _by(image, accelerator, asked.sharing_kind) in {"chart", "operator"}
