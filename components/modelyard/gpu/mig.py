"""How a GPU is divided by MIG: which slices, and whether they fit on it together.

A GPU has as many compute slices as its largest profile, and memory in parts of its smallest one's size: seven and eight
on an H100. https://docs.nvidia.com/datacenter/tesla/mig-user-guide/supported-mig-profiles.html
"""

from collections.abc import Iterator, Mapping

from modelyard.errors import Problem, show
from modelyard.gpu.accelerators import ACCELERATORS, Accelerator, MigProfile


def divided(mig: str | Mapping[str, int], accelerator: Accelerator) -> dict[str, int]:
    """How many slices of each profile every GPU has."""
    return {mig: accelerator.mig_profiles[mig].most_per_gpu} if isinstance(mig, str) else dict(mig)


def is_uniform(slices: Mapping[str, int], accelerator: Accelerator) -> bool:
    """Whether each GPU has as many as fit of one profile."""
    return len(slices) == 1 and slices == {name: accelerator.mig_profiles[name].most_per_gpu for name in slices}


def memory_parts(profile: MigProfile, accelerator: Accelerator) -> int:
    """How many of the GPU's parts of memory a slice has."""
    return round(profile.memory_gb / min(each.memory_gb for each in accelerator.mig_profiles.values()))


def total_parts(accelerator: Accelerator) -> int:
    """How many parts of memory the GPU has."""
    return max(memory_parts(each, accelerator) for each in accelerator.mig_profiles.values())


def mig_problems(mig: str | Mapping[str, int], accelerator: Accelerator) -> Iterator[Problem]:
    """Why a GPU cannot be divided so."""
    profiles = accelerator.mig_profiles
    if not profiles:
        able = ", ".join(sorted(name for name, each in ACCELERATORS.items() if each.mig_profiles))
        fix = f"use time_slicing or mps, or one of {able}"
        yield Problem(why=f"{accelerator.name} cannot be divided by MIG", fix=fix)
        return
    unknown = [name for name in ([mig] if isinstance(mig, str) else mig) if name not in profiles]
    for name in unknown:
        yield Problem(why=f"{show(name)} is no profile of {accelerator.name}", fix=f"use one of {', '.join(profiles)}")
    if not unknown and not isinstance(mig, str):
        yield from _fit_problems(mig, accelerator)


def _fit_problems(slices: Mapping[str, int], accelerator: Accelerator) -> Iterator[Problem]:
    profiles = accelerator.mig_profiles
    for name, count in slices.items():
        most = profiles[name].most_per_gpu
        if count > most:
            yield Problem(why=f"{count} of {name} do not fit on one {accelerator.name}", fix=f"use at most {most}")
            return
    compute = sum(profiles[name].compute * count for name, count in slices.items())
    memory = sum(memory_parts(profiles[name], accelerator) * count for name, count in slices.items())
    has_compute = max(each.compute for each in profiles.values())
    has_memory = total_parts(accelerator)
    if compute > has_compute:
        why = f"they take {compute} compute slices, and one {accelerator.name} has {has_compute}"
        yield Problem(why=why, fix="use fewer or smaller ones")
    elif memory > has_memory:
        why = f"they take {memory} of the {has_memory} parts of memory that one {accelerator.name} has"
        yield Problem(why=why, fix="use fewer or smaller ones")
