"""How large a machine type is, by the library's own table, or by its name where it is not in there."""

import re
from dataclasses import dataclass

from modelyard.gpu.accelerators import ACCELERATORS
from modelyard.gpu.machine_types import machine_types

_NAME = re.compile(r"([a-z]+)(\d+)([a-z-]*)\.(?:(\d*)xlarge|(\w+))")
_MEMORY_PER_CPU = {"c": 2.0, "m": 4.0, "t": 4.0, "r": 8.0}
_SMALL_CPUS = {"nano": 2, "micro": 2, "small": 2, "medium": 2, "large": 2}


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


def machine_of(name: str) -> Machine:
    """A machine type by its name."""
    row = machine_types().get(name)
    if row is not None:
        devices = {ACCELERATORS[row.accelerator].resource: row.gpus} if row.accelerator else {}
        return Machine(
            name=name,
            cpus=row.vcpus,
            memory_gib=row.memory_gib,
            devices=devices,
            rdma_devices=row.rdma_devices,
            architecture=row.architecture,
        )
    match = _NAME.fullmatch(name)
    family, features, times, word = (match[1], match[3], match[4], match[5]) if match else ("m", "", "", "large")
    cpus = _SMALL_CPUS.get(word, 2) if word else 4 * int(times or 1)
    return Machine(
        name=name,
        cpus=cpus,
        memory_gib=cpus * _MEMORY_PER_CPU.get(family[:1], 4.0),
        devices={},
        rdma_devices=0,
        architecture="arm64" if "g" in features else "amd64",
    )
