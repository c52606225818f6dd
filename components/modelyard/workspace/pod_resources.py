"""What one pod asks for on its pool, with every default resolved."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from modelyard.cluster.pools import Pool
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

    @property
    def is_on_fabric(self) -> bool:
        """Whether it uses the fabric between nodes."""
        return bool(self.fabric or self.fabric_claim or self.fabric_networks)

    @property
    def has_claims(self) -> bool:
        """Whether it claims devices."""
        return bool(self.device_class or self.fabric_claim)

    def per_node(self, pool: Pool) -> int:
        """How many such pods have room on an empty node of that pool."""
        devices = pool.gpu.resources.get(self.gpu_resource or "", pool.gpus_per_node) if pool.gpu else 0
        by_gpus = [devices // self.gpus] if self.gpus else []
        by_cpus, by_memory = pool.allocatable_cpus // self.cpus, pool.allocatable_memory_gib // self.memory_gib
        return min(int(by_cpus), int(by_memory), *by_gpus)
