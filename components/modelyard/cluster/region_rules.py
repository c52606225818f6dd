"""Accelerators that the cluster's region does not have."""

from collections.abc import Iterator

from modelyard.cluster.spec import PoolSpec
from modelyard.errors import Problem
from modelyard.gpu.machine_types import MachineType, machine_types
from modelyard.gpu.regions import CloudRegions, regions_of

_SHOWN_REGIONS = 5


def region_problems(cloud: str, region: str, pool: PoolSpec) -> Iterator[Problem]:
    """Why a region cannot have a pool's machines, however they are bought; paths are relative to the pool.

    Only machines with accelerators: those without are nearly everywhere. What a pool describes by itself, with
    `machine_type`, `cpus` and `memory_gib`, is as it says: that is the way past a table which has grown old.

    Args:
        cloud: `aws`, `azure` or `gcp`.
        region: of the cluster.
        pool: a valid pool.
    """
    asked = pool.request("", cloud)
    is_inline = pool.machine_type and pool.cpus is not None and pool.memory_gib is not None
    if not asked.accelerator or is_inline:
        return
    regions = regions_of(cloud)
    path = "machine_type" if asked.is_machine_named else "accelerator"
    named = {path: asked.machine_name, **{f"machine_types[{at}]": each for at, each in enumerate(pool.machine_types)}}
    for where, name in named.items():
        machine = machine_types().get(name or "")
        if machine and regions.lacks(region, machine.name):
            why = f"{region} has no {machine.name} ({machine.gpus} {machine.accelerator})"
            yield Problem(path=where, why=why, fix=_fix(regions, region, machine))


def _fix(regions: CloudRegions, region: str, machine: MachineType) -> str:
    alike = [each.name for each in machine_types().values() if _kind(each) == _kind(machine)]
    there = next((name for name in alike if region in regions.of_machine.get(name, ())), None)
    near = f"a region like {', '.join(regions.nearest(region, machine.name)[:_SHOWN_REGIONS])}"
    use = f"{there}, which it has, or {near}" if there else near
    return f"use {use}; if {region} has it by now, describe it by machine_type, cpus and memory_gib"


def _kind(machine: MachineType) -> tuple[str, str | None, int, str]:
    """What machines that do for each other have in common."""
    return machine.cloud, machine.accelerator, machine.gpus, machine.fabric_kind
