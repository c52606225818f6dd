"""The machine types that clouds offer for accelerators, and the common ones without.

The table is `machine_types.csv` beside this file: vCPUs and memory in GiB (as the clouds publish them), whole
accelerators only. Sources: Karpenter's instance type pages for AWS, Google's cluster-toolkit and pricing calculators
for Google Cloud, the size pages of Azure. A machine type that is newer than the table is described inline in a pool, by
its `cpus`, `memory_gib`, `accelerator` and `gpus_per_node`.
"""

import csv
from dataclasses import dataclass
from functools import cache
from importlib.resources import files


@dataclass(frozen=True, kw_only=True)
class MachineType:
    """One machine type of one cloud; `accelerator` is None and `gpus` 0 for one without."""

    cloud: str
    name: str
    vcpus: int
    memory_gib: float
    accelerator: str | None
    gpus: int
    architecture: str


@cache
def machine_types() -> dict[str, MachineType]:
    """Every machine type by its name."""
    text = files("modelyard.gpu").joinpath("machine_types.csv").read_text(encoding="utf-8")
    return {
        row["machine_type"]: MachineType(
            cloud=row["cloud"],
            name=row["machine_type"],
            vcpus=int(row["vcpus"]),
            memory_gib=float(row["memory_gib"]),
            accelerator=row["accelerator"] or None,
            gpus=int(row["gpus"]),
            architecture=row["architecture"],
        )
        for row in csv.DictReader(text.splitlines())
    }


def sizes(accelerator: str) -> list[int]:
    """How many of an accelerator a single machine can have, over all clouds, ascending."""
    return sorted({each.gpus for each in machine_types().values() if each.accelerator == accelerator})


def smallest(accelerator: str, gpus: int) -> MachineType | None:
    """The machine with the fewest vCPUs, then the least memory, that has exactly these devices; None where none has."""
    fitting = [each for each in machine_types().values() if (each.accelerator, each.gpus) == (accelerator, gpus)]
    return min(fitting, key=lambda each: (each.vcpus, each.memory_gib, each.name), default=None)
