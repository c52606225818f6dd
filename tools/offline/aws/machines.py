"""How large a machine type of AWS's is, by the library's own table, or by its name where it is not in there."""

import re

from tools.offline.cloud.machines import Machine, machine_in_table, plain_machine

_NAME = re.compile(r"([a-z]+)(\d+)([a-z-]*)\.(?:(\d*)xlarge|(\w+))")
_MEMORY_PER_CPU = {"c": 2.0, "m": 4.0, "t": 4.0, "r": 8.0}
_SMALL_CPUS = {"nano": 2, "micro": 2, "small": 2, "medium": 2, "large": 2}


def machine_of(name: str) -> Machine:
    """A machine type by its name."""
    found = machine_in_table(name)
    if found is not None:
        return found
    match = _NAME.fullmatch(name)
    family, features, times, word = (match[1], match[3], match[4], match[5]) if match else ("m", "", "", "large")
    cpus = _SMALL_CPUS.get(word, 2) if word else 4 * int(times or 1)
    memory_gib = cpus * _MEMORY_PER_CPU.get(family[:1], 4.0)
    return plain_machine(name, cpus=cpus, memory_gib=memory_gib, architecture="arm64" if "g" in features else "amd64")
