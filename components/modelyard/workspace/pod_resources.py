"""What one pod asks for on its pool, with every default resolved."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from modelyard.cluster.pools import Pool
from modelyard.errors import Problem
from modelyard.gpu.fabric import FabricClaim


@dataclass(frozen=True, kw_only=True)
class PodResources:
    """What one pod asks for, with every default resolved.

    Attributes:
        gpus: GPUs, slices or shares of them, 0 for none.
        gpu_resource: the resource they are asked as: `nvidia.com/gpu`. None without GPUs, and where they are claimed.
        device_class: the class of devices that they are claimed from; None where they are asked as a resource.
        fabric: what it asks for to use the fabric between nodes; empty where it does not, and where it
            claims that or is in its networks.
        fabric_claim: the devices of the fabric that it claims.
        fabric_networks: networks of the fabric that it is in beside the pods' own.
        cpus: vCPUs asked for.
        cpu_limit: vCPUs it may use at most; None for as many as are idle.
        memory_gib: memory asked for, GiB.
        memory_limit_gib: memory above which it is killed, GiB.
        shared_memory_gib: size of /dev/shm, GiB, of that memory; None for the container runtime's 64 MiB, and where
            MPS brings its own.
        beside_cpus: vCPUs that its sidecars ask for together, beside `cpus`.
        beside_memory_gib: memory that they ask for together, GiB.
        first_cpus: the most vCPUs that one of its init containers asks for.
        first_memory_gib: the most memory that one of them asks for, GiB.
    """

    gpus: int
    gpu_resource: str | None
    device_class: str | None = None
    fabric: Mapping[str, str] = field(default_factory=dict[str, str])
    fabric_claim: FabricClaim | None = None
    fabric_networks: int = 0
    cpus: float
    cpu_limit: float | None
    memory_gib: float
    memory_limit_gib: float
    shared_memory_gib: float | None
    beside_cpus: float = 0
    beside_memory_gib: float = 0
    first_cpus: float = 0
    first_memory_gib: float = 0

    @property
    def pod_cpus(self) -> float:
        """vCPUs that the pod as a whole asks for, as Kubernetes counts them: what runs at once, before or after its
        start. https://kubernetes.io/docs/concepts/workloads/pods/sidecar-containers/#resource-sharing-within-containers
        """
        return max(self.cpus + self.beside_cpus, self.first_cpus)

    @property
    def pod_memory_gib(self) -> float:
        """Memory that it asks for as a whole, GiB."""
        return max(self.memory_gib + self.beside_memory_gib, self.first_memory_gib)

    @property
    def is_on_fabric(self) -> bool:
        """Whether it uses the fabric between nodes."""
        return bool(self.fabric or self.fabric_claim or self.fabric_networks)

    @property
    def has_claims(self) -> bool:
        """Whether it claims devices."""
        return bool(self.device_class or self.fabric_claim)

    def problems_on(self, pool: Pool) -> Iterator[Problem]:
        """Why a node of that pool has no room for its containers together, where it has for its own one alone."""
        for name, own, beside, first, free in (
            ("cpus", self.cpus, self.beside_cpus, self.first_cpus, pool.allocatable_cpus),
            ("memory_gib", self.memory_gib, self.beside_memory_gib, self.first_memory_gib, pool.allocatable_memory_gib),
        ):
            held = f"a node of pool {pool.name} has {free:g} for pods"
            if own <= 0:
                why = f"they ask for {beside:g} {name}, and {own + beside:g} go with the pod's GPUs"
                yield Problem(path="sidecars", why=why, fix=f"lower theirs, or set {name} of the workload")
            elif beside and own + beside > free:
                why = f"a pod asks for {own + beside:g} {name} with them, and {held}"
                yield Problem(path="sidecars", why=why, fix=f"lower {name} of some, or use a pool of larger nodes")
            if first > free:
                why = f"one of them asks for {first:g} {name}, and {held}"
                yield Problem(path="init_containers", why=why, fix="lower it, or use a pool of larger nodes")

    def devices_per_node(self, pool: Pool) -> int:
        """How many GPUs, slices or shares such as its own a node of that pool has."""
        return pool.gpu.resources.get(self.gpu_resource or "", pool.gpus_per_node) if pool.gpu else 0

    def per_node(self, pool: Pool) -> int:
        """How many such pods have room on an empty node of that pool."""
        by_gpus = [self.devices_per_node(pool) // self.gpus] if self.gpus else []
        by_cpus = pool.allocatable_cpus // self.pod_cpus
        by_memory = pool.allocatable_memory_gib // self.pod_memory_gib
        return min(int(by_cpus), int(by_memory), *by_gpus)
