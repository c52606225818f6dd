"""Diff: what a change of properties does to a resource."""

import json
from typing import Any

from pulumi.runtime.proto import provider_pb2

from tools.offline.aws.check import DEFAULTS
from tools.offline.aws.kinds import Kind
from tools.offline.aws.table import kind_of
from tools.offline.common.comparison import Difference, differences, property_diff
from tools.offline.common.paths import covers, format_path, parse_path
from tools.offline.common.values import Json, as_list, as_map, unmarshal, without_secrets
from tools.offline.kubernetes.tokens import parse_urn

_SETS = frozenset(
    {
        *("subnetIds", "securityGroupIds", "vpcSecurityGroupIds", "securityGroups", "enabledClusterLogTypes"),
        *("routeTableIds", "managedPolicyArns", "publicAccessCidrs", "kubernetesGroups", "namespaces", "taints"),
        *("routes", "ingress", "egress", "cidrBlocks", "podIdentityAssociations", "nodePools"),
    }
)
"""Properties in which order says nothing."""


def diff(request: provider_pb2.DiffRequest) -> provider_pb2.DiffResponse:
    """Compares the properties that the resource was made with to the new ones."""
    kind = kind_of(parse_urn(request.urn).type)
    before = as_map(without_secrets(unmarshal(request.old_inputs)))
    after = as_map(without_secrets(unmarshal(request.news)))
    ignored = [parse_path(path) for path in request.ignoreChanges]
    detailed: dict[str, provider_pb2.PropertyDiff] = {}
    replaces: list[str] = []
    for found in differences(_plain(before), _plain(after)):
        if _is_no_change(kind, found) or any(covers(pattern, found.path) for pattern in ignored):
            continue
        replace = _replaces(kind, found)
        text = format_path(found.path)
        detailed[text] = property_diff(found, replace=replace, input_diff=True)
        if replace:
            replaces.append(text)
    return provider_pb2.DiffResponse(
        changes=provider_pb2.DiffResponse.DIFF_SOME if detailed else provider_pb2.DiffResponse.DIFF_NONE,
        replaces=replaces,
        deleteBeforeReplace=bool(replaces) and _must_delete_first(kind, before, after),
        detailedDiff=detailed,
        hasDetailedDiff=True,
    )


def _plain(value: Any, name: str = "") -> Any:
    """`value` in a form in which equal things are equal: sets in one order, JSON documents as what they say."""
    if isinstance(value, dict):
        return {key: _plain(item, key) for key, item in as_map(value).items() if key != DEFAULTS and item is not None}
    if isinstance(value, list):
        items = [_plain(item) for item in as_list(value)]
        return sorted(items, key=lambda item: json.dumps(item, sort_keys=True, default=str)) if name in _SETS else items
    if isinstance(value, str) and value.lstrip().startswith("{"):
        try:
            return json.dumps(json.loads(value), sort_keys=True)
        except ValueError:
            return value
    return value


def _is_no_change(kind: Kind, found: Difference) -> bool:
    """A property that a program no longer gives, and that AWS would fill in, stays as it is."""
    return found.kind == "delete" and ".".join(step for step in found.path if isinstance(step, str)) in kind.outputs


def _replaces(kind: Kind, found: Difference) -> bool:
    steps = [step for step in found.path if isinstance(step, str)]
    for path in kind.replace:
        wanted = path.split(".")
        if steps[: len(wanted)] == wanted:
            return True
        if wanted[: len(steps)] == steps and (found.kind == "delete" or _holds(found.value, wanted[len(steps) :])):
            return kind.token not in _ADDED_IN_PLACE or found.kind != "add"
    return False


_ADDED_IN_PLACE = frozenset({"aws:eks/cluster:Cluster"})
"""Types that take encryption, a node role and so on later, and then keep them."""


def _holds(value: Any, steps: list[str]) -> bool:
    if not steps:
        return True
    if isinstance(value, list):
        return any(_holds(item, steps) for item in as_list(value))
    return isinstance(value, dict) and steps[0] in value and _holds(as_map(value)[steps[0]], steps[1:])


def _must_delete_first(kind: Kind, before: Json, after: Json) -> bool:
    """A resource with a name of its own cannot stand beside its successor."""
    if kind.delete_first or kind.name is None:
        return kind.delete_first
    name = kind.name.property
    return (
        name not in as_list(after.get(DEFAULTS)) and after.get(name) is not None and before.get(name) == after.get(name)
    )
