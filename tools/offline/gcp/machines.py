"""How large a machine type of Google's is, by the library's own table, or by its name where it is not in there."""

import re
from dataclasses import dataclass

from modelyard.gpu.accelerators import ACCELERATORS
from modelyard.gpu.machine_types import machine_types
from tools.offline.cloud.machines import Machine, machine_in_table, plain_machine
from tools.offline.gcp.node_labels import TPU_LABEL

_NAME = re.compile(r"([a-z]+\d*[a-z]*)-(standard|highmem|highcpu|megamem|medium|small|micro|custom)(?:-(\d+))?[a-z-]*")
_MEMORY_PER_CPU = {"standard": 4.0, "highmem": 8.0, "highcpu": 1.0, "megamem": 14.0}
_ARM = ("t2a", "c4a", "n4a", "a4x")


@dataclass(frozen=True, kw_only=True)
class Accelerator:
    """What a machine type always has: Google's name of the GPU, how many, and whether it is a TPU."""

    type: str
    count: int
    is_tpu: bool


def is_machine_type(name: str) -> bool:
    """Whether a name is that of a machine type, as far as its form tells."""
    return name in machine_types() or _NAME.fullmatch(name) is not None


def machine_of(name: str) -> Machine:
    """A machine type by its name."""
    found = machine_in_table(name)
    if found is not None:
        return found
    match = _NAME.fullmatch(name)
    series, size, count = (match[1], match[2], match[3]) if match else ("e2", "standard", None)
    cpus = int(count or 2)
    return plain_machine(
        name,
        cpus=cpus,
        memory_gib=cpus * _MEMORY_PER_CPU.get(size, 2.0),
        architecture="arm64" if series in _ARM else "amd64",
    )


def accelerator_of(name: str) -> Accelerator | None:
    """The accelerators that a machine type comes with; None where it has none, or takes some by choice (N1)."""
    row = machine_types().get(name)
    if row is None or not row.accelerator or name.startswith("n1-"):
        return None
    found = ACCELERATORS[row.accelerator]
    tpu = found.cloud_labels.get(TPU_LABEL)
    return Accelerator(type=tpu or row.gke_accelerator, count=row.gpus, is_tpu=tpu is not None)
