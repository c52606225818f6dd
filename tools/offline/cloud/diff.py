"""Diff: what a change of properties does to a resource."""

import json
from typing import Any

from pulumi.runtime.proto import provider_pb2

from tools.offline.cloud.check import DEFAULTS
from tools.offline.cloud.cloud import Cloud
from tools.offline.cloud.kinds import Kind
from tools.offline.common.comparison import Difference, differences, property_diff
from tools.offline.common.paths import covers, format_path, parse_path
from tools.offline.common.values import Json, as_list, as_map, unmarshal, without_secrets
from tools.offline.kubernetes.tokens import parse_urn


def diff(cloud: Cloud, request: provider_pb2.DiffRequest) -> provider_pb2.DiffResponse:
    """Compares the properties that the resource was made with to the new ones."""
    kind = cloud.table.of_program(parse_urn(request.urn).type)
    before = as_map(without_secrets(unmarshal(request.old_inputs)))
    after = as_map(without_secrets(unmarshal(request.news)))
    ignored = [parse_path(path) for path in request.ignoreChanges]
    detailed: dict[str, provider_pb2.PropertyDiff] = {}
    replaces: list[str] = []
    for found in differences(_plain(cloud, before), _plain(cloud, after)):
        if any(covers(pattern, found.path) for pattern in ignored) or _is_no_change(cloud, kind, found, before):
            continue
        replace = _replaces(kind, found)
        text = format_path(found.path)
        detailed[text] = property_diff(found, replace=replace, input_diff=True)
        if replace:
            replaces.append(text)
    return provider_pb2.DiffResponse(
        changes=provider_pb2.DiffResponse.DIFF_SOME if detailed else provider_pb2.DiffResponse.DIFF_NONE,
        replaces=replaces,
        deleteBeforeReplace=bool(replaces) and _must_delete_first(cloud, kind, before, after),
        detailedDiff=detailed,
        hasDetailedDiff=True,
    )


def _plain(cloud: Cloud, value: Any, name: str = "") -> Any:
    """`value` in a form in which equal things are equal: sets in one order, JSON documents as what they say."""
    if isinstance(value, dict):
        return {
            key: _plain(cloud, item, key) for key, item in as_map(value).items() if key != DEFAULTS and item is not None
        }
    if isinstance(value, list):
        items = [_plain(cloud, item) for item in as_list(value)]
        if name not in cloud.unordered:
            return items
        return sorted(items, key=lambda item: json.dumps(item, sort_keys=True, default=str))
    if isinstance(value, str) and value.lstrip().startswith("{"):
        try:
            return json.dumps(json.loads(value), sort_keys=True)
        except ValueError:
            return value
    return value


def _is_no_change(cloud: Cloud, kind: Kind, found: Difference, before: Json) -> bool:
    """A property that a program no longer gives, and that the cloud would fill in, stays as it is."""
    path = ".".join(step for step in found.path if isinstance(step, str))
    if found.kind == "delete":
        return path in kind.outputs or path in cloud.computed
    return found.kind == "update" and cloud.is_same(kind, path, _at(before, found), found.value)


def _at(value: Any, found: Difference) -> Any:
    """The old value at a difference; None where a list was in another order."""
    for step in found.path:
        if isinstance(step, str):
            value = as_map(value).get(step)
        else:
            items = as_list(value)
            value = items[step] if step < len(items) else None
    return value


def _replaces(kind: Kind, found: Difference) -> bool:
    steps = [step for step in found.path if isinstance(step, str)]
    for path in kind.replace:
        wanted = path.split(".")
        if steps[: len(wanted)] == wanted:
            return True
        if wanted[: len(steps)] == steps and (found.kind == "delete" or _holds(found.value, wanted[len(steps) :])):
            return not kind.added_in_place or found.kind != "add"
    return False


def _holds(value: Any, steps: list[str]) -> bool:
    if not steps:
        return True
    if isinstance(value, list):
        return any(_holds(item, steps) for item in as_list(value))
    return isinstance(value, dict) and steps[0] in value and _holds(as_map(value)[steps[0]], steps[1:])


def _must_delete_first(cloud: Cloud, kind: Kind, before: Json, after: Json) -> bool:
    name = kind.name.property if kind.name else ""
    is_auto_named = name in as_list(after.get(DEFAULTS))
    keeps_name = after.get(name) is not None and before.get(name) == after.get(name)
    return cloud.must_delete_first(kind, is_auto_named=is_auto_named, keeps_name=keeps_name)
