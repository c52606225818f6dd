"""How large a size of Azure's is, by the library's own table, or by its name where it is not in there.

`Standard_D4ads_v6`: a family, vCPUs, features, a version. https://learn.microsoft.com/azure/virtual-machines/vm-naming-conventions
"""

import re

from tools.offline.cloud.machines import Machine, machine_in_table, plain_machine

_NAME = re.compile(r"Standard_([A-Z]+)(\d+)(?:-\d+)?([a-z]*)(?:_((?!v\d+$)[A-Za-z0-9_]+?))?(?:_v(\d+))?")
_MEMORY_PER_CPU = {"F": 2.0, "D": 4.0, "B": 4.0, "E": 8.0, "L": 8.0}
_OLD_NAMES = {"Standard_DS2_v2": (2, 7.0), "Standard_DS3_v2": (4, 14.0), "Standard_B2s": (2, 4.0)}
_DISK_GIB_PER_CPU = 37.5
"""Of the D and E series with a local disk. https://learn.microsoft.com/azure/virtual-machines/ddv5-ddsv5-series"""
_ALWAYS_WITH_DISK = 4
"""Up to this version all sizes of D, E and F have a local disk or cache that takes an operating system."""


def machine_of(name: str) -> Machine:
    """A size by its name."""
    found = machine_in_table(name)
    if found is not None:
        return found
    if name in _OLD_NAMES:
        cpus, memory_gib = _OLD_NAMES[name]
        return plain_machine(name, cpus=cpus, memory_gib=memory_gib)
    match = _NAME.fullmatch(name)
    family, cpus, features = (match[1], int(match[2]), match[3]) if match else ("D", 2, "")
    memory_gib = cpus * _MEMORY_PER_CPU.get(family[:1], 4.0) / (2 if "l" in features else 1)
    return plain_machine(name, cpus=cpus, memory_gib=memory_gib, architecture="arm64" if "p" in features else "amd64")


def is_size(name: str) -> bool:
    """Whether Azure could have a size of this name."""
    return machine_in_table(name) is not None or name in _OLD_NAMES or _NAME.fullmatch(name) is not None


def ephemeral_gib(name: str) -> float | None:
    """How large a disk for the operating system a machine has of its own; None where it is not known.

    https://learn.microsoft.com/azure/virtual-machines/ephemeral-os-disks
    """
    match = _NAME.fullmatch(name)
    if match is None or match[1] not in ("D", "E") or not match[5]:
        return None
    if int(match[5]) <= _ALWAYS_WITH_DISK:
        return None
    return int(match[2]) * _DISK_GIB_PER_CPU if "d" in match[3] else 0.0
