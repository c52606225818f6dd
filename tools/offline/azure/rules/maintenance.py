"""When AKS changes a cluster by itself. https://learn.microsoft.com/azure/aks/planned-maintenance"""

import re
from collections.abc import Iterator
from typing import Any

from tools.offline.azure.kinds_compute import MAINTENANCE
from tools.offline.cloud import registry
from tools.offline.cloud.registry import rule
from tools.offline.cloud.schema import Fault
from tools.offline.common.values import UNKNOWN, Json, as_map

_SCHEDULES = ("aksManagedAutoUpgradeSchedule", "aksManagedNodeOSUpgradeSchedule")
_TIME = re.compile("[0-2][0-9]:[0-5][0-9]")
_OFFSET = re.compile("[+-][0-1][0-9]:[0-5][0-9]")
_HOURS = (4, 24)


@rule(registry.in_check, MAINTENANCE)
def parts_of_a_maintenance_window(inputs: Json) -> Iterator[Fault]:
    """One of the three that AKS knows, with one schedule."""
    name = inputs.get("configName")
    window = as_map(inputs.get("maintenanceWindow"))
    if name in _SCHEDULES:
        yield from _window_faults(window)
    elif name == "default":
        if not inputs.get("timeInWeek") or window:
            yield Fault(path=("timeInWeek",), why="the configuration default has timeInWeek, and no maintenanceWindow")
    elif name is not UNKNOWN:
        yield Fault(path=("configName",), why=f"must be default, {' or '.join(_SCHEDULES)}, not {name!r}")


def _window_faults(window: Json) -> Iterator[Fault]:
    at = ("maintenanceWindow",)
    schedule = {key: value for key, value in as_map(window.get("schedule")).items() if value is not None}
    if len(schedule) != 1:
        yield Fault(path=(*at, "schedule"), why="has one of daily, weekly, absoluteMonthly and relativeMonthly")
    hours: Any = window.get("durationHours")
    if isinstance(hours, int) and not _HOURS[0] <= hours <= _HOURS[1]:
        yield Fault(path=(*at, "durationHours"), why=f"must be from {_HOURS[0]} to {_HOURS[1]}, not {hours}")
    for key, pattern in (("startTime", _TIME), ("utcOffset", _OFFSET)):
        value = window.get(key)
        if isinstance(value, str) and not pattern.fullmatch(value):
            yield Fault(path=(*at, key), why=f"{value!r} does not match {pattern.pattern}")
