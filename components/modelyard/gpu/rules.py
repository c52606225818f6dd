"""What pools can be on no cluster, each rule with its reason and the alternative. Paths are relative to the pool."""

from collections.abc import Iterator

from modelyard.errors import Problem, show
from modelyard.gpu.accelerators import Accelerator
from modelyard.gpu.fabric import REFUSED_FABRICS, TCP_FABRICS
from modelyard.gpu.machine_types import MachineType, machine_types
from modelyard.gpu.mig import mig_problems
from modelyard.gpu.request import GpuRequest, capacity_kind
from modelyard.gpu.spec import CapacityBlockSpec
from modelyard.gpu.tpu import topology_problems


def device_problems(asked: GpuRequest) -> Iterator[Problem]:
    """Why a pool can be had nowhere."""
    if asked.accelerator:
        yield from _sharing_problems(asked, asked.accelerator)
    else:
        yield from _without_accelerator(asked)
    if asked.tpu_topology:
        yield from _topology_problems(asked, asked.tpu_topology)
    if asked.fabric != "none":
        yield from _fabric_problems(asked)
    elif asked.is_compact and len(asked.zones) > 1:
        why = f"nodes that stand close together are in one zone, not {len(asked.zones)}"
        yield Problem(path="zones", why=why, fix=f"keep one, for example {asked.zones[0]}, or use placement: any")
    for index, zone in enumerate(asked.zones):
        if zone in asked.zones[:index]:
            yield Problem(path=f"zones[{index}]", why=f"{zone} is named twice", fix="remove one of them")
    if asked.machine_types and asked.capacity != "spot":
        why = f"are for spot, and this pool is {capacity_kind(asked.capacity)}"
        yield Problem(path="machine_types", why=why, fix="use capacity: spot, or leave them out")
    else:
        for index, name in enumerate(asked.machine_types):
            for problem in _further_problems(asked, name, asked.machine_types[:index]):
                yield problem.under(f"machine_types[{index}]")


def _without_accelerator(asked: GpuRequest) -> Iterator[Problem]:
    given = {
        "sharing": asked.sharing != "whole",
        "driver": asked.driver != "auto",
        "device_allocation": asked.device_allocation != "device_plugin",
        "capacity": isinstance(asked.capacity, CapacityBlockSpec),
    }
    for path in (path for path, is_given in given.items() if is_given):
        yield Problem(path=path, why="is for pools with an accelerator", fix="add accelerator, or leave it out")


def _sharing_problems(asked: GpuRequest, accelerator: Accelerator) -> Iterator[Problem]:
    if asked.sharing == "whole":
        return
    if accelerator.vendor != "nvidia":
        why = f"{accelerator.name} cannot be shared: only NVIDIA's GPUs can"
        yield Problem(path="sharing", why=why, fix="leave it out, and use smaller machines")
        return
    if asked.sharing.mig is not None:
        yield from (problem.under("sharing.mig") for problem in mig_problems(asked.sharing.mig, accelerator))
    if asked.device_allocation == "dra":
        # https://docs.aws.amazon.com/eks/latest/userguide/device-management-nvidia-dra-device-plugin.html
        why = "dra hands out whole GPUs: NVIDIA's driver divides and shares them as an experiment only"
        yield Problem(path="device_allocation", why=why, fix="use device_plugin, or sharing: whole")


def _topology_problems(asked: GpuRequest, topology: str) -> Iterator[Problem]:
    if not asked.accelerator or asked.accelerator.vendor != "tpu":
        yield Problem(path="tpu_topology", why="is for TPUs", fix="leave it out, or use an accelerator tpu-…")
    else:
        name = asked.accelerator.name
        yield from topology_problems(name, asked.gpus, topology, least=asked.min_nodes, most=asked.max_nodes)


def _fabric_problems(asked: GpuRequest) -> Iterator[Problem]:
    if not asked.fabric_devices:
        yield _without_tcp(asked) if asked.fabric in TCP_FABRICS else _without_rdma(asked)
    if asked.sharing != "whole":
        kind = asked.sharing_path.removeprefix("sharing.")
        why = f"{asked.fabric} is for whole GPUs, and {kind} for pods that need less than one"
        yield Problem(path="fabric", why=why, fix="leave fabric out, or use sharing: whole")
    if len(asked.zones) > 1:
        why = f"{asked.fabric} reaches within one zone, not {len(asked.zones)}"
        yield Problem(path="zones", why=why, fix=f"keep one, for example {asked.zones[0]}")


def _without_tcp(asked: GpuRequest) -> Problem:
    """The problem of a machine without network cards that write into the GPUs' memory by themselves."""
    having = next(each for each in machine_types().values() if each.fabric == asked.fabric)
    what = asked.machine_name if asked.is_machine_named else f"a machine {_devices_of(asked)}"
    why = f"{TCP_FABRICS[asked.fabric]} is there on Google Cloud's {having.name} only, and not on {what}"
    own = asked.machine.fabric if asked.machine else "none"
    if asked.cloud not in {None, "gcp"}:
        fix = "use rdma"
    elif asked.is_machine_named and own != "none":
        fix = f"use {own}"
    else:
        fix = f"use accelerator {having.accelerator} with gpus_per_node {having.gpus}"
    return Problem(path="fabric", why=why, fix=f"{fix}, or leave it out")


def _without_rdma(asked: GpuRequest) -> Problem:
    """The problem of a machine without an RDMA network. One that was only found, on any cloud, is not named: the
    cluster's cloud may not have it."""
    named = asked.machine if asked.is_machine_named else None
    cloud = named.cloud if named else asked.cloud
    having = [each for each in machine_types().values() if each.rdma_devices and cloud in {None, each.cloud}]
    able = [each for each in having if _has_devices_of(each, asked)]
    names, counts = [each.name for each in able if each.gpus == asked.gpus], sorted({each.gpus for each in able})
    if asked.is_machine_named and names:
        fix = f"use machine_type {' or '.join(names)}"
    elif counts and asked.gpus not in counts:
        fix = f"use gpus_per_node {' or '.join(str(each) for each in counts)}"
    else:
        others = ", ".join(sorted({each.accelerator for each in having if each.accelerator}))
        fix = f"use an accelerator whose machines have some{f': {others}' if cloud and others else ''}"
    if named and named.fabric_kind in REFUSED_FABRICS:
        why = f"{named.name} has {REFUSED_FABRICS[named.fabric_kind]}"
    elif named and named.fabric in TCP_FABRICS:
        why, fix = f"{named.name} has {TCP_FABRICS[named.fabric]}, which is no RDMA", f"use {named.fabric}"
    elif named:
        why = f"{named.name} has no RDMA devices"
    else:
        what = asked.machine_name if asked.is_machine_named else f"no machine {_devices_of(asked)}"
        known = "known to have RDMA devices of a kind that modelyard sets up"
        why = f"{what} is {'not ' if asked.is_machine_named else ''}{known}"
        by_tcp = [
            each.fabric
            for each in machine_types().values()
            if each.cloud == cloud and each.fabric in TCP_FABRICS and each.gpus == asked.gpus
            if _has_devices_of(each, asked)
        ]
        fix = f"use {' or '.join(by_tcp)}, or {fix.removeprefix('use ')}" if by_tcp else fix
    return Problem(path="fabric", why=why, fix=f"{fix}, or leave it out")


def _devices_of(asked: GpuRequest) -> str:
    whose = f"of {asked.cloud} " if asked.cloud else ""
    return whose + (f"with {asked.gpus} of {asked.accelerator.name}" if asked.accelerator else "of that size")


def _has_devices_of(machine: MachineType, asked: GpuRequest) -> bool:
    return machine.accelerator == (asked.accelerator.name if asked.accelerator else None)


def _further_problems(asked: GpuRequest, name: str, before: tuple[str, ...]) -> Iterator[Problem]:
    """Why a further machine type cannot stand beside the others: every node must be as good as the pool says."""
    machine = machine_types().get(name)
    if not machine:
        yield Problem(why=f"{show(name)} is not in our table", fix="use one that is, or leave it out")
    elif name == asked.machine_name or name in before:
        yield Problem(why=f"{name} is named twice", fix="remove one of them")
    elif machine.gpus != asked.gpus or not _has_devices_of(machine, asked):
        has = f"{machine.gpus} of {machine.accelerator}" if machine.accelerator else "no accelerator"
        wanted = f"{asked.gpus} of {asked.accelerator.name}" if asked.accelerator else "no accelerator"
        yield Problem(why=f"{name} has {has}", fix=f"use machines with {wanted}")
    elif asked.architecture and machine.architecture != asked.architecture:
        why = f"{name} is {machine.architecture}, and the pool's other machines are {asked.architecture}"
        yield Problem(why=why, fix=f"use {asked.architecture} machines, or a pool of its own")
    elif machine.vcpus < asked.cpus or machine.memory_gib < asked.memory_gib:
        why = f"{name} has {machine.vcpus} vCPUs and {machine.memory_gib:g} GiB, less than the pool's nodes"
        yield Problem(why=why, fix=f"use machines with {asked.cpus:g} vCPUs and {asked.memory_gib:g} GiB, or more")
