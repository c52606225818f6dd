"""What node pools must be in themselves, beside a cluster and within it.

https://learn.microsoft.com/azure/aks/use-system-pools, …/spot-node-pool, …/gpu-multi-instance, …/use-nvidia-gpu,
…/use-capacity-reservation-groups, …/upgrade-aks-node-pools-rolling
"""

import re
from collections.abc import Iterator

from tools.offline.azure.kinds_compute import AGENT_POOL, CLUSTER
from tools.offline.azure.machines import ephemeral_gib, is_size, machine_of
from tools.offline.azure.pool_nodes import SPOT, accelerator_of
from tools.offline.cloud import registry
from tools.offline.cloud.registry import rule
from tools.offline.cloud.schema import Fault
from tools.offline.common.values import UNKNOWN, Json, as_list, as_map, contains_unknown

_SYSTEM_TAINT = "CriticalAddonsOnly=true:NoSchedule"
_SYSTEM_CPUS, _SYSTEM_GIB = 2, 4
_RESERVED_LABELS = ("kubernetes.azure.com/", "kubernetes.io/", "k8s.io/")
_MIG = ("a100-40gb", "a100-80gb", "h100", "h100-nvl", "h200")
_UNRESERVED = re.compile(r"Standard_(ND|HB|HC|NC\d+adi?s_H100)")
"""Sizes without capacity reservations.
https://learn.microsoft.com/azure/virtual-machines/capacity-reservation-overview#limitations-and-restrictions"""
DEFAULT_DISK_GIB = 128
"""Of nodes whose pool does not say it."""


def pool_faults(inputs: Json) -> Iterator[Fault]:
    """What cannot be of a pool, wherever it is."""
    plain = {key: value for key, value in inputs.items() if value is not None and not contains_unknown(value)}
    yield from _size_faults(plain)
    yield from _system_faults(plain)
    yield from _spot_faults(plain)
    yield from _machine_faults(plain)
    for key in as_map(plain.get("nodeLabels")):
        if key.startswith(_RESERVED_LABELS) and key != SPOT:
            why = f"InvalidParameter: label key {key!r} has a reserved prefix of {', '.join(_RESERVED_LABELS)}"
            yield Fault(path=("nodeLabels",), why=why)
    if plain.get("type") not in (None, "VirtualMachineScaleSets", "VirtualMachines"):
        yield Fault(path=("type",), why="AvailabilitySet is retired: use VirtualMachineScaleSets")
    if plain.get("osType") not in (None, "Linux"):
        yield Fault(path=("osType",), why="the simulated AKS has Linux nodes only")


def _size_faults(inputs: Json) -> Iterator[Fault]:
    least, most = (inputs.get(key) for key in ("minCount", "maxCount"))
    if not inputs.get("enableAutoScaling"):
        for key in ("minCount", "maxCount"):
            if inputs.get(key) is not None and "enableAutoScaling" in inputs:
                yield Fault(path=(key,), why=f"InvalidParameter: {key} must not be set when enableAutoScaling is false")
        return
    if least is None or most is None:
        yield Fault(path=("minCount",), why="minCount and maxCount are required when enableAutoScaling is true")
    elif not least <= most:
        yield Fault(path=("minCount",), why=f"must not be above maxCount: {least}, {most}")


def _system_faults(inputs: Json) -> Iterator[Fault]:
    upgrade = as_map(inputs.get("upgradeSettings"))
    if upgrade.get("maxUnavailable") in ("0", "0%") and upgrade.get("maxSurge") in ("0", "0%"):
        yield Fault(path=("upgradeSettings",), why="maxSurge and maxUnavailable cannot both be 0")
    if inputs.get("mode") != "System":
        return
    if inputs.get("scaleSetPriority") == "Spot":
        yield Fault(path=("scaleSetPriority",), why="a System pool cannot be Spot")
    least = inputs.get("minCount") if inputs.get("enableAutoScaling") else inputs.get("count", 1)
    if least is not None and least < 1:
        yield Fault(path=("count",), why="a System pool has at least one node")
    for taint in as_list(inputs.get("nodeTaints")):
        if taint != _SYSTEM_TAINT and not str(taint).endswith(":PreferNoSchedule"):
            yield Fault(path=("nodeTaints",), why=f"a System pool takes only the taint {_SYSTEM_TAINT}, not {taint}")
    if upgrade.get("maxUnavailable") not in (None, "0", "0%"):
        yield Fault(path=("upgradeSettings", "maxUnavailable"), why="cannot be set on a System pool")


def _spot_faults(inputs: Json) -> Iterator[Fault]:
    is_spot = inputs.get("scaleSetPriority") == "Spot"
    for key in ("scaleSetEvictionPolicy", "spotMaxPrice"):
        if inputs.get(key) is not None and not is_spot:
            yield Fault(path=(key,), why="cannot be specified unless scaleSetPriority is Spot")
    price = inputs.get("spotMaxPrice")
    if price is not None and price != -1 and price <= 0:
        yield Fault(path=("spotMaxPrice",), why="must be above 0, or -1 for the price of regular machines")
    if not is_spot:
        return
    if as_map(inputs.get("upgradeSettings")).get("maxSurge") is not None:
        yield Fault(path=("upgradeSettings", "maxSurge"), why="Spot pools can't set max surge")
    if inputs.get("capacityReservationGroupID"):
        yield Fault(path=("capacityReservationGroupID",), why="spot machines cannot use a capacity reservation")


def _machine_faults(inputs: Json) -> Iterator[Fault]:
    name = inputs.get("vmSize")
    if not isinstance(name, str):
        return
    if not is_size(name):
        yield Fault(path=("vmSize",), why=f"The VM size of {name} is not allowed in your subscription")
        return
    machine, accelerator = machine_of(name), accelerator_of(name)
    if inputs.get("gpuInstanceProfile") is not None and accelerator not in _MIG:
        yield Fault(path=("gpuInstanceProfile",), why=f"{name} has no GPUs that can be divided (A100, H100, H200)")
    if inputs.get("gpuProfile") is not None and not machine.has_gpu:
        yield Fault(path=("gpuProfile",), why=f"{name} has no GPUs")
    if inputs.get("mode") == "System" and (machine.cpus < _SYSTEM_CPUS or machine.memory_gib < _SYSTEM_GIB):
        why = f"SystemPoolSkuTooLow: {name} has less than {_SYSTEM_CPUS} vCPUs and {_SYSTEM_GIB} GiB of memory"
        yield Fault(path=("vmSize",), why=why)
    room = ephemeral_gib(name)
    wanted = inputs.get("osDiskSizeGB") or DEFAULT_DISK_GIB
    if inputs.get("osDiskType") == "Ephemeral" and room is not None and room < wanted:
        why = f"VMCacheSizeTooSmall: {name} has {room:g} GiB for an ephemeral disk of {wanted} GiB"
        yield Fault(path=("osDiskType",), why=why)
    if inputs.get("capacityReservationGroupID") and _UNRESERVED.match(name):
        why = f"on-demand capacity reservations do not support {name}"
        yield Fault(path=("capacityReservationGroupID",), why=why)
    if inputs.get("capacityReservationGroupID") and inputs.get("proximityPlacementGroupID"):
        yield Fault(path=("capacityReservationGroupID",), why="does not go with a proximity placement group")


@rule(registry.in_check, AGENT_POOL)
def parts_of_a_pool(inputs: Json) -> Iterator[Fault]:
    """A pool of its own, and all that holds of pools."""
    if inputs.get("vmSize") is None and inputs.get("virtualMachinesProfile") is None:
        yield Fault(path=("vmSize",), why="is required")
    yield from pool_faults(inputs)


@rule(registry.in_check, CLUSTER)
def parts_of_inline_pools(inputs: Json) -> Iterator[Fault]:
    """A cluster has a System pool from its first hour."""
    found = inputs.get("agentPoolProfiles")
    if found is UNKNOWN:
        return
    profiles = [as_map(each) for each in as_list(found)]
    if not any(each.get("mode") in ("System", UNKNOWN) for each in profiles):
        yield Fault(path=("agentPoolProfiles",), why="Must define at least one system pool (mode System)")
    names = [each.get("name") for each in profiles]
    if len(set(map(str, names))) != len(names):
        yield Fault(path=("agentPoolProfiles",), why="two pools have the same name")
    for index, each in enumerate(profiles):
        if each.get("vmSize") is None:
            yield Fault(path=("agentPoolProfiles", index, "vmSize"), why="is required")
        for fault in pool_faults(each):
            yield Fault(path=("agentPoolProfiles", index, *fault.path), why=fault.why)
