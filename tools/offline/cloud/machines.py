"""How large a machine type is."""

from dataclasses import dataclass

from modelyard.gpu.accelerators import ACCELERATORS
from modelyard.gpu.machine_types import machine_types


@dataclass(frozen=True, kw_only=True)
class Machine:
    """A machine type: its size, devices by resource name, and architecture."""

    name: str
    cpus: int
    memory_gib: float
    devices: dict[str, int]
    rdma_devices: int
    architecture: str

    @property
    def has_gpu(self) -> bool:
        return bool(self.devices)


def machine_in_table(name: str) -> Machine | None:
    """A machine type of the library's table; None where it is not in there."""
    row = machine_types().get(name)
    if row is None:
        return None
    return Machine(
        name=name,
        cpus=row.vcpus,
        memory_gib=row.memory_gib,
        devices={ACCELERATORS[row.accelerator].resource: row.gpus} if row.accelerator else {},
        rdma_devices=row.rdma_devices,
        architecture=row.architecture,
    )


def plain_machine(name: str, *, cpus: int, memory_gib: float, architecture: str = "amd64") -> Machine:
    """A machine without devices."""
    return Machine(name=name, cpus=cpus, memory_gib=memory_gib, devices={}, rdma_devices=0, architecture=architecture)
