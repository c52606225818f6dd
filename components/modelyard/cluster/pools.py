"""What follows from a pool's spec: its size, labels and taints, and whether a workload fits on one of its nodes."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from modelyard.cluster.kube_reserved import USUAL, KubeReserved, kube_reserved
from modelyard.cluster.node_source import SIMULATED, NodeSource
from modelyard.cluster.spec import PoolSpec, TaintSpec
from modelyard.errors import ConfigError, Problem, show
from modelyard.gpu.accelerators import Accelerator
from modelyard.gpu.contract import GpuContract, compile_pool
from modelyard.gpu.machine_types import Architecture, MachineType
from modelyard.gpu.spec import CapacityBlockSpec, GpuSliceSpec, ReservationSpec

POOL_LABEL = "modelyard.dev/pool"
"""Every node that a stack makes carries it from the start, so that nothing depends on labels that appear later."""


@dataclass(frozen=True, kw_only=True)
class Pool:
    """A pool as workloads see it.

    Attributes:
        spec: what the user wrote of it.
        machine_type: the cloud's name of the machine; None where the pool names none and needs none.
        machine: what the table says of that machine; None for one that is not in it.
        architecture: of its processors.
        cpus: vCPUs of a node.
        memory_gib: memory of a node, GiB.
        kube_reserved: what its system keeps of them.
        accelerator: None for a pool without.
        gpus_per_node: 0 for a pool without accelerators.
        gpu: what its accelerators mean for nodes and pods; None for a pool without.
        node_selector: labels that choose its nodes, for pods.
        taints: taints of its nodes; pods of the pool tolerate them.
        runs_containers: False where the nodes are simulated.
        is_queued: whether its nodes come for a ProvisioningRequest only, and not for pods that wait.
        image_volumes_missing: why pods cannot mount images as volumes on its nodes; None where they can.
    """

    name: str
    spec: PoolSpec
    machine_type: str | None
    machine: MachineType | None = None
    architecture: Architecture = "amd64"
    cpus: float
    memory_gib: float
    kube_reserved: KubeReserved = USUAL
    accelerator: Accelerator | None = None
    gpus_per_node: int = 0
    gpu: GpuContract | None = None
    min_nodes: int
    max_nodes: int
    node_selector: Mapping[str, str] = field(default_factory=dict[str, str])
    taints: tuple[TaintSpec, ...] = ()
    runs_containers: bool = True
    is_queued: bool = False
    image_volumes_missing: str | None = None

    @property
    def device_class(self) -> str | None:
        """The class that its pods claim devices of; None where they ask for a resource."""
        return self.gpu.device_class if self.gpu else None

    @property
    def needs_placement(self) -> bool:
        """Whether the stack has to see to it that its nodes stand close together.

        Machines that are reserved have their place already, and slices of TPUs have theirs.
        """
        is_reserved = isinstance(self.spec.capacity, ReservationSpec | CapacityBlockSpec)
        is_slice = self.gpu is not None and self.gpu.slice_nodes > 1
        return self.spec.is_compact and not is_reserved and not is_slice

    @property
    def allocatable_cpus(self) -> float:
        """vCPUs of a node that pods can have."""
        return self.kube_reserved.allocatable_cpus(self.cpus)

    @property
    def allocatable_memory_gib(self) -> float:
        """Memory of a node that pods can have, GiB."""
        return self.kube_reserved.allocatable_memory_gib(self.memory_gib)

    def problems(self, *, gpus: int | GpuSliceSpec, cpus: float | None, memory_gib: float | None) -> Iterator[Problem]:
        """Why a pod with these requests can never be placed on this pool. None asks for the share of its GPUs."""
        yield from self._gpu_problems(gpus)
        for name, asked, free in (
            ("cpus", cpus, self.allocatable_cpus),
            ("memory_gib", memory_gib, self.allocatable_memory_gib),
        ):
            if asked is not None and asked > free:
                why = f"{asked:g} does not fit on a node of pool {self.name}, which has {free:g} for pods"
                yield Problem(path=name, why=why, fix=f"use at most {free:g}, or a pool of larger nodes")

    def _gpu_problems(self, gpus: int | GpuSliceSpec) -> Iterator[Problem]:
        if not self.gpu:
            if gpus:
                yield Problem(path="gpus", why=f"pool {self.name} has no GPUs", fix="choose a pool with an accelerator")
        elif isinstance(gpus, GpuSliceSpec):
            yield from self._slice_problems(gpus, self.gpu)
        elif not gpus:
            why = f"pool {self.name} has {self.gpus_per_node} {self.gpu.accelerator.name} a node, but none is asked for"
            yield Problem(path="gpus", why=why, fix="set gpus, or choose a pool without accelerators")
        elif self.gpu.slices_per_gpu:
            known = " or ".join(f"{{mig: {profile}}}" for profile in self.gpu.slices_per_gpu)
            yield Problem(path="gpus", why=f"the GPUs of pool {self.name} are divided", fix=f"use {known}")
        elif self.gpu.shares_per_gpu > 1:
            if gpus > 1:
                why = f"{gpus} shares of the GPUs of pool {self.name} may be of the same one"
                yield Problem(path="gpus", why=why, fix="use 1, or a pool whose GPUs are whole")
        else:
            yield from self._count_problems(gpus)

    def _slice_problems(self, asked: GpuSliceSpec, gpu: GpuContract) -> Iterator[Problem]:
        profiles = gpu.slices_per_gpu
        if not profiles:
            why = f"the GPUs of pool {self.name} are not divided by MIG"
            yield Problem(path="gpus", why=why, fix=f"use a number, or give the pool sharing: {{mig: {asked.mig}}}")
        elif asked.mig not in profiles:
            why = f"pool {self.name} has no slices {asked.mig}"
            yield Problem(path="gpus.mig", why=why, fix=f"use {' or '.join(profiles)}")
        elif asked.count > profiles[asked.mig] * gpu.gpus:
            why = f"{asked.count} exceed the {profiles[asked.mig] * gpu.gpus} slices {asked.mig} of a node"
            yield Problem(path="gpus.count", why=why, fix="ask for fewer")

    def _count_problems(self, gpus: int) -> Iterator[Problem]:
        size = self.gpus_per_node
        if size % gpus:
            fitting = [str(count) for count in range(1, size + 1) if size % count == 0]
            use = fitting[0] if len(fitting) == 1 else f"{', '.join(fitting[:-1])} or {fitting[-1]}"
            why = f"{gpus} does not divide a node of {size}" if gpus < size else f"{gpus} exceed a node of {size}"
            yield Problem(path="gpus", why=why, fix=f"use {use}")
        elif self.accelerator and self.accelerator.vendor == "neuron" and 1 < gpus < size:
            # https://awsdocs-neuron.readthedocs-hosted.com/en/latest/deploy/infrastructure/scheduler.html
            why = f"{gpus} devices of a node of {size} would be any, and Neuron needs neighbours, which AWS's scheduler"
            yield Problem(path="gpus", why=f"{why} extension finds; it is not installed", fix=f"use 1 or {size}")
        elif self.accelerator and self.accelerator.vendor == "tpu" and gpus < size:
            # https://cloud.google.com/kubernetes-engine/docs/how-to/tpus
            why = f"pods have all TPU chips of a node, and nodes of pool {self.name} have {size}"
            yield Problem(path="gpus", why=why, fix=f"use {size}, or a pool of smaller machines")

    def share(self, gpus: int | GpuSliceSpec) -> tuple[float, float]:
        """vCPUs and GiB of memory that go with so many of a node's GPUs, shares or slices: their share of what pods can
        have, less a tenth for what else runs on every node (log and metrics agents, device plugins). Nothing on a pool
        without accelerators."""
        part = 0.9 * self.gpu.part_of_node(gpus) if self.gpu else 0
        return round(self.allocatable_cpus * part, 2), round(self.allocatable_memory_gib * part, 2)


def resolve_pool(
    name: str,
    spec: PoolSpec,
    *,
    source: NodeSource = SIMULATED,
    node_selector: Mapping[str, str] | None = None,
    runs_containers: bool = True,
) -> Pool:
    """The pool that a valid spec describes.

    Args:
        name: the pool's name.
        spec: a validated spec.
        source: where its nodes come from; left out: they are simulated, or a machine's own.
        node_selector: how its nodes are found; left out: as the source says, or by our own pool label, which nodes made
            by a stack carry.
        runs_containers: False where the nodes are simulated.

    Raises:
        ConfigError: it cannot be had from that source, with every reason; paths are relative to the pool.
    """
    image = source.image(spec)
    asked = spec.request(name, image.cloud, source.kubernetes_version)
    contract = compile_pool(asked, image)
    taints = (*source.taints(name, spec), *spec.taints)
    selector = dict(node_selector or source.node_selector(name, spec) or {POOL_LABEL: name})
    if contract:
        taints = (TaintSpec(key=contract.taint_key, value="present"), *taints)
        selector |= contract.pod_node_labels
    return Pool(
        name=name,
        spec=spec,
        machine_type=asked.machine_name,
        machine=asked.machine,
        architecture=asked.architecture or "amd64",
        cpus=asked.cpus,
        memory_gib=asked.memory_gib,
        kube_reserved=kube_reserved(image.cloud),
        accelerator=asked.accelerator,
        gpus_per_node=asked.gpus,
        gpu=contract,
        min_nodes=spec.min_nodes,
        max_nodes=spec.max_nodes,
        node_selector=selector,
        taints=taints,
        runs_containers=runs_containers,
        is_queued=spec.capacity == "queued" and bool(image.cloud),
        image_volumes_missing=source.image_volumes_missing(has_accelerators=asked.accelerator is not None),
    )


def resolve_pools(source: NodeSource, pools: Mapping[str, PoolSpec]) -> dict[str, Pool]:
    """The pools that valid specs describe, by name.

    Raises:
        ConfigError: one of them cannot be had from that source.
    """
    return {name: resolve_pool(name, spec, source=source) for name, spec in pools.items()}


def find_pool(pools: Mapping[str, Pool], name: str, path: str = "pool") -> Pool:
    """The pool of that name.

    Raises:
        ConfigError: there is none; the message lists those that there are.
    """
    if name in pools:
        return pools[name]
    raise ConfigError(unknown_pool(pools, name, path))


def unknown_pool(pools: Mapping[str, object], name: str, path: str = "pool") -> Problem:
    """The problem of a workload that names a pool which does not exist."""
    known = f"use one of {', '.join(sorted(pools))}" if pools else "add it under pools"
    return Problem(path=path, why=f"{show(name)} is not a pool of this stack", fix=known)
