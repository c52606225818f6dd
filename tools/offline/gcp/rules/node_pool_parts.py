"""Node pools: sizes, upgrades and placement that agree with each other, whatever exists."""

import re
from collections.abc import Iterator

from tools.offline.cloud import registry
from tools.offline.cloud.registry import rule
from tools.offline.cloud.schema import Fault
from tools.offline.common.values import UNKNOWN, Json, as_map
from tools.offline.gcp.kinds_container import NODE_POOL

_LONGEST_PREFIX = 31
_NAME = re.compile(r"[a-z](?:[-a-z0-9]{0,38}[a-z0-9])?")
_COMPACT_FAMILIES = (
    *("a2-", "a3-", "a4-", "a4x-", "c2-", "c2d-", "c3-", "c3d-", "c4-", "c4d-", "g2-", "h3-", "h4d-"),
    *("n2-", "n2d-", "ct4p-", "ct5lp-", "ct5p-", "ct6e-", "tpu7x-", "m4-", "z3-"),
)
"""https://cloud.google.com/kubernetes-engine/docs/how-to/compact-placement#requirements"""


@rule(registry.in_check, NODE_POOL)
def parts_of_a_pool(inputs: Json) -> Iterator[Fault]:
    """Sizes, upgrades and placement that agree with each other."""
    name = inputs.get("name")
    if isinstance(name, str) and not _NAME.fullmatch(name):
        yield Fault(path=("name",), why=f"{name!r} must be up to 40 lower-case letters, digits and dashes")
    if inputs.get("name") is not UNKNOWN and inputs.get("name") and inputs.get("namePrefix"):
        yield Fault(path=("namePrefix",), why="conflicts with name")
    prefix = inputs.get("namePrefix")
    if isinstance(prefix, str) and len(prefix) > _LONGEST_PREFIX:
        yield Fault(path=("namePrefix",), why=f"cannot be longer than {_LONGEST_PREFIX} characters")
    yield from _size_faults(inputs)
    yield from _upgrade_faults(inputs)
    pods = inputs.get("maxPodsPerNode")
    if isinstance(pods, int) and not 8 <= pods <= 256:
        yield Fault(path=("maxPodsPerNode",), why=f"must be from 8 to 256, not {pods}")
    placement = as_map(inputs.get("placementPolicy"))
    if placement and placement.get("type") != "COMPACT":
        yield Fault(path=("placementPolicy", "type"), why="must be COMPACT")
    machine = str(as_map(inputs.get("nodeConfig")).get("machineType") or "e2-medium")
    if placement.get("type") == "COMPACT" and not machine.startswith(_COMPACT_FAMILIES):
        yield Fault(path=("placementPolicy",), why=f"Compact placement is not supported for machine type {machine}")
    network = as_map(inputs.get("networkConfig"))
    if network.get("acceleratorNetworkProfile") and network.get("additionalNodeNetworkConfigs"):
        yield Fault(path=("networkConfig", "additionalNodeNetworkConfigs"), why="excludes acceleratorNetworkProfile")


def _size_faults(inputs: Json) -> Iterator[Fault]:
    scaling = as_map(inputs.get("autoscaling"))
    each = [key for key in ("minNodeCount", "maxNodeCount") if scaling.get(key) is not None]
    total = [key for key in ("totalMinNodeCount", "totalMaxNodeCount") if scaling.get(key) is not None]
    if each and total:
        yield Fault(path=("autoscaling",), why=f"{each[0]} conflicts with {total[0]}: sizes are per zone, or in all")
    for least, most in (("minNodeCount", "maxNodeCount"), ("totalMinNodeCount", "totalMaxNodeCount")):
        low, high = scaling.get(least), scaling.get(most)
        if low is not None and high is None:
            yield Fault(path=("autoscaling", most), why=f"is required with {least}")
        if isinstance(high, int) and (high < 1 or (isinstance(low, int) and low > high)):
            yield Fault(path=("autoscaling", most), why=f"must be at least 1, and not less than {least}")
    if inputs.get("initialNodeCount") and inputs.get("nodeCount"):
        yield Fault(path=("nodeCount",), why="Cannot set both initial_node_count and node_count")
    if scaling and inputs.get("nodeCount") is not None:
        yield Fault(path=("nodeCount",), why="should not be used alongside autoscaling")


def _upgrade_faults(inputs: Json) -> Iterator[Fault]:
    settings = as_map(inputs.get("upgradeSettings"))
    surge, missing = settings.get("maxSurge"), settings.get("maxUnavailable")
    strategy = settings.get("strategy", "SURGE")
    if strategy == "BLUE_GREEN" and (surge is not None or missing is not None):
        yield Fault(path=("upgradeSettings",), why="maxSurge and maxUnavailable are not used with BLUE_GREEN")
    if strategy == "SURGE" and settings.get("blueGreenSettings"):
        yield Fault(path=("upgradeSettings", "blueGreenSettings"), why="is used with strategy BLUE_GREEN only")
    if strategy == "SURGE" and surge == 0 and not missing:
        yield Fault(path=("upgradeSettings",), why="maxSurge and maxUnavailable cannot both be 0")
    if isinstance(surge, int) and isinstance(missing, int) and surge + missing > 20:
        yield Fault(path=("upgradeSettings",), why="maxSurge and maxUnavailable must be 20 together at most")
    if strategy == "BLUE_GREEN" and as_map(inputs.get("placementPolicy")).get("type") == "COMPACT":
        yield Fault(path=("upgradeSettings", "strategy"), why="BLUE_GREEN is not supported with compact placement")
