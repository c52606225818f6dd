"""What follows from a pool's spec: its size, labels and taints, and whether a workload fits on one of its nodes."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from modelyard.cluster.spec import PoolSpec, TaintSpec
from modelyard.errors import ConfigError, Problem, show
from modelyard.gpu.accelerators import ACCELERATORS, Accelerator
from modelyard.gpu.machine_types import machine_types, smallest

POOL_LABEL = "modelyard.dev/pool"
"""Every node that a stack makes carries it from the start, so that nothing depends on labels that appear later."""
ACCELERATOR_LABEL = "modelyard.dev/accelerator"
"""The accelerator's name, on nodes that have one."""

# What the system keeps of a node's memory: share of each slice up to so many GiB, and CPU likewise up to so many cores.
# These are GKE's published reservations, the largest of the three clouds', so that what fits here fits everywhere.
# https://cloud.google.com/kubernetes-engine/docs/concepts/plan-node-sizes
_MEMORY_KEPT = ((4, 0.25), (8, 0.20), (16, 0.10), (128, 0.06), (float("inf"), 0.02))
_EVICTION_GIB = 0.1
_CPU_KEPT = ((1, 0.06), (2, 0.01), (4, 0.005), (float("inf"), 0.0025))


@dataclass(frozen=True, kw_only=True)
class Pool:
    """A pool as workloads see it.

    Attributes:
        cpus: vCPUs of a node.
        memory_gib: memory of a node, GiB.
        accelerator: None for a pool without.
        gpus_per_node: 0 for a pool without accelerators.
        node_selector: labels that choose its nodes, for pods.
        taints: taints of its nodes; pods of the pool tolerate them.
        runs_containers: False where the nodes are simulated.
    """

    name: str
    machine_type: str | None
    cpus: float
    memory_gib: float
    accelerator: Accelerator | None = None
    gpus_per_node: int = 0
    min_nodes: int
    max_nodes: int
    node_selector: Mapping[str, str] = field(default_factory=dict[str, str])
    taints: tuple[TaintSpec, ...] = ()
    runs_containers: bool = True

    @property
    def allocatable_cpus(self) -> float:
        """vCPUs of a node that pods can have."""
        return round(self.cpus - _kept(self.cpus, _CPU_KEPT), 3)

    @property
    def allocatable_memory_gib(self) -> float:
        """Memory of a node that pods can have, GiB."""
        return round(max(self.memory_gib - _kept(self.memory_gib, _MEMORY_KEPT) - _EVICTION_GIB, 0), 3)

    def problems(self, *, gpus: int, cpus: float | None, memory_gib: float | None) -> Iterator[Problem]:
        """Why a pod with these requests can never be placed on this pool. None asks for the share of its GPUs."""
        yield from self._gpu_problems(gpus)
        for name, asked, free in (
            ("cpus", cpus, self.allocatable_cpus),
            ("memory_gib", memory_gib, self.allocatable_memory_gib),
        ):
            if asked is not None and asked > free:
                why = f"{asked:g} does not fit on a node of pool {self.name}, which has {free:g} for pods"
                yield Problem(path=name, why=why, fix=f"use at most {free:g}, or a pool of larger nodes")

    def _gpu_problems(self, gpus: int) -> Iterator[Problem]:
        size = self.gpus_per_node
        if gpus and not size:
            yield Problem(path="gpus", why=f"pool {self.name} has no GPUs", fix="choose a pool with an accelerator")
        elif size and not gpus:
            why = f"pool {self.name} has {size} {self._device()} a node, but none is asked for"
            yield Problem(path="gpus", why=why, fix="set gpus, or choose a pool without accelerators")
        elif gpus and size % gpus:
            fitting = [str(count) for count in range(1, size + 1) if size % count == 0]
            use = fitting[0] if len(fitting) == 1 else f"{', '.join(fitting[:-1])} or {fitting[-1]}"
            why = f"{gpus} does not divide a node of {size}" if gpus < size else f"{gpus} exceed a node of {size}"
            yield Problem(path="gpus", why=why, fix=f"use {use}")

    def _device(self) -> str:
        return self.accelerator.name if self.accelerator else "GPU"

    def share(self, gpus: int) -> tuple[float, float]:
        """vCPUs and GiB of memory that go with so many of a node's GPUs: their share of what pods can have, less a
        tenth for what else runs on every node (log and metrics agents, device plugins)."""
        part = 0.9 * gpus / self.gpus_per_node
        return round(self.allocatable_cpus * part, 2), round(self.allocatable_memory_gib * part, 2)


def _kept(amount: float, slices: tuple[tuple[float, float], ...]) -> float:
    kept, below = 0.0, 0.0
    for upper, part in slices:
        kept += max(min(amount, upper) - below, 0) * part
        below = upper
    return kept


def resolve_pool(
    name: str, spec: PoolSpec, *, node_selector: Mapping[str, str] | None = None, runs_containers: bool = True
) -> Pool:
    """The pool that a valid spec describes, in neutral terms.

    Args:
        name: the pool's name.
        spec: a validated spec.
        node_selector: how its nodes are found; left out: by our own pool label, which nodes made by a stack carry.
        runs_containers: False where the nodes are simulated.
    """
    accelerator = ACCELERATORS[spec.accelerator] if spec.accelerator else None
    machine = machine_types().get(spec.machine_type or "")
    if not machine and accelerator and not (spec.cpus and spec.memory_gib):
        machine = smallest(accelerator.name, spec.gpus_per_node or 1)
    if machine and machine.accelerator and not accelerator:
        accelerator = ACCELERATORS[machine.accelerator]
    gpus = (spec.gpus_per_node or (machine.gpus if machine else 1)) if accelerator else 0
    taints = tuple(spec.taints)
    if accelerator:
        taints = (TaintSpec(key=accelerator.resource, value="present"), *taints)
    return Pool(
        name=name,
        machine_type=spec.machine_type or (machine.name if machine else None),
        cpus=spec.cpus or (machine.vcpus if machine else 0),
        memory_gib=spec.memory_gib or (machine.memory_gib if machine else 0),
        accelerator=accelerator,
        gpus_per_node=gpus,
        min_nodes=spec.min_nodes,
        max_nodes=spec.max_nodes,
        node_selector=node_selector if node_selector is not None else {POOL_LABEL: name},
        taints=taints,
        runs_containers=runs_containers,
    )


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
