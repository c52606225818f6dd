"""Launch templates: their versions, and what EC2 refuses in their data."""

# ruff: noqa: ARG001 - the rules of one occasion have one signature

import base64
import binascii
from collections.abc import Iterator

from tools.offline.aws.kinds_compute import LAUNCH_TEMPLATE
from tools.offline.cloud import registry
from tools.offline.cloud.registry import rule
from tools.offline.cloud.schema import Fault
from tools.offline.cloud.world import Account, Record, values_at
from tools.offline.common.values import UNKNOWN, Json, as_list, as_map

_INTERFACE_TYPES = ("interface", "efa", "efa-only")
_LARGEST_USER_DATA = 16384


@rule(registry.in_check, LAUNCH_TEMPLATE)
def data_of_a_template(inputs: Json) -> Iterator[Fault]:
    interfaces = [as_map(each) for each in as_list(inputs.get("networkInterfaces"))]
    if interfaces and (inputs.get("vpcSecurityGroupIds") or inputs.get("securityGroupNames")):
        yield Fault(
            path=("vpcSecurityGroupIds",),
            why="Network interfaces and an instance-level security groups may not be specified on the same request",
        )
    yield from _interface_faults(interfaces)
    yield from _user_data_faults(inputs.get("userData"))
    if inputs.get("defaultVersion") is not None and inputs.get("updateDefaultVersion"):
        yield Fault(path=("defaultVersion",), why="conflicts with updateDefaultVersion")
    for volume in values_at(inputs, "blockDeviceMappings.ebs"):
        if as_map(volume).get("volumeType") == "gp3" and as_map(volume).get("volumeSize") is None:
            yield Fault(path=("blockDeviceMappings",), why="a gp3 volume needs its volumeSize here")


def _interface_faults(interfaces: list[Json]) -> Iterator[Fault]:
    places: set[tuple[int, int]] = set()
    for index, interface in enumerate(interfaces):
        path = ("networkInterfaces", index)
        kind = interface.get("interfaceType", "interface")
        place = (interface.get("networkCardIndex", 0), interface.get("deviceIndex", 0))
        if kind not in _INTERFACE_TYPES and kind is not UNKNOWN:
            yield Fault(
                path=(*path, "interfaceType"), why=f"must be one of {', '.join(_INTERFACE_TYPES)}, not {kind!r}"
            )
        if place == (0, 0) and kind == "efa-only":
            yield Fault(
                path=path, why="the primary interface (card 0, device 0) needs an address, and efa-only has none"
            )
        if place in places:
            yield Fault(path=path, why=f"network card {place[0]} has two interfaces of device index {place[1]}")
        places.add(place)
    if interfaces and (0, 0) not in places:
        yield Fault(path=("networkInterfaces",), why="there is no primary interface (card 0, device 0)")


def _user_data_faults(text: object) -> Iterator[Fault]:
    if not isinstance(text, str):
        return
    try:
        size = len(base64.b64decode(text, validate=True))
    except binascii.Error:
        yield Fault(path=("userData",), why="Invalid BASE64 encoding of user data")
        return
    if size > _LARGEST_USER_DATA:
        yield Fault(path=("userData",), why=f"User data is limited to {_LARGEST_USER_DATA} bytes, and this has {size}")


@rule(registry.before_create, LAUNCH_TEMPLATE)
def first_version(account: Account, record: Record) -> None:
    record.notes |= {"latest": 1, "default": 1, "versions": {"1": record.inputs}}


@rule(registry.before_update, LAUNCH_TEMPLATE)
def next_version(account: Account, record: Record, new: Json) -> None:
    """A change of its data makes a new version, which is the default only where the program says so."""
    latest = int(record.notes["latest"])
    if _data(new) != _data(record.inputs):
        latest += 1
        record.notes["latest"] = latest
        record.notes["versions"][str(latest)] = new
    if new.get("updateDefaultVersion"):
        record.notes["default"] = latest
    elif new.get("defaultVersion") is not None:
        record.notes["default"] = int(new["defaultVersion"])


def _data(inputs: Json) -> Json:
    beside = ("tags", "description", "updateDefaultVersion", "defaultVersion")
    return {key: value for key, value in inputs.items() if key not in beside}


@rule(registry.outputs, LAUNCH_TEMPLATE)
def versions_of_a_template(account: Account, record: Record) -> Json:
    return {"latestVersion": record.notes["latest"], "defaultVersion": record.notes["default"]}
