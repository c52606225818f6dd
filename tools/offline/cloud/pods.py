"""Pods that find no node, and whether a node would take them."""

import re
from collections.abc import Mapping, Sequence

from tools.offline.common.values import Json, as_list, as_map
from tools.offline.kubernetes.client import Client

_SCALE = {
    "": 1.0,
    "m": 1e-3,
    "k": 1e3,
    "M": 1e6,
    "G": 1e9,
    "T": 1e12,
    "Ki": 2**10,
    "Mi": 2**20,
    "Gi": 2**30,
    "Ti": 2**40,
}
_QUANTITY = re.compile(r"([0-9.]+)([a-zA-Z]*)")


def waiting(api: Client) -> list[Json]:
    """The pods that the scheduler has no node for."""
    return [pod for pod in api.list_objects("v1", "Pod", everywhere=True) if _is_unschedulable(pod)]


def _is_unschedulable(pod: Json) -> bool:
    status = as_map(pod.get("status"))
    if status.get("phase") != "Pending" or as_map(pod.get("spec")).get("nodeName"):
        return False
    return any(
        as_map(each).get("type") == "PodScheduled" and as_map(each).get("reason") == "Unschedulable"
        for each in as_list(status.get("conditions"))
    )


def fits(pod: Json, labels: Mapping[str, str], taints: Sequence[Json], offered: Mapping[str, str]) -> bool:
    """Whether a node with these labels, taints and resources, and nothing on it, takes the pod."""
    spec = as_map(pod.get("spec"))
    if any(labels.get(key) != value for key, value in as_map(spec.get("nodeSelector")).items()):
        return False
    tolerations = [as_map(each) for each in as_list(spec.get("tolerations"))]
    if any(taint["effect"] != "PreferNoSchedule" and not _tolerated(taint, tolerations) for taint in taints):
        return False
    if not _is_affine(as_map(as_map(spec.get("affinity")).get("nodeAffinity")), labels):
        return False
    return all(number(offered.get(name, "0")) >= wanted for name, wanted in requests(pod).items())


def requests(pod: Json) -> dict[str, float]:
    """What a pod asks for, in base units."""
    total: dict[str, float] = {}
    for container in map(as_map, as_list(as_map(pod.get("spec")).get("containers"))):
        resources = as_map(container.get("resources"))
        asked = {**as_map(resources.get("limits")), **as_map(resources.get("requests"))}
        for name, quantity in asked.items():
            total[name] = total.get(name, 0) + number(str(quantity))
    return total


def _tolerated(taint: Json, tolerations: Sequence[Json]) -> bool:
    return any(
        each.get("key") in (None, taint["key"])
        and each.get("effect") in (None, "", taint["effect"])
        and (each.get("operator") == "Exists" or (each.get("value") or "") == (taint.get("value") or ""))
        for each in tolerations
    )


def _is_affine(affinity: Json, labels: Mapping[str, str]) -> bool:
    required = as_map(affinity.get("requiredDuringSchedulingIgnoredDuringExecution"))
    terms = [as_map(each) for each in as_list(required.get("nodeSelectorTerms"))]
    return not terms or any(
        all(matches(as_map(each), labels) for each in as_list(term.get("matchExpressions"))) for term in terms
    )


def matches(requirement: Json, labels: Mapping[str, str]) -> bool:
    """Whether labels meet `{key, operator, values}`."""
    value, values = labels.get(requirement["key"]), as_list(requirement.get("values"))
    operator = requirement["operator"]
    if operator in ("Exists", "DoesNotExist"):
        return (value is not None) == (operator == "Exists")
    if operator in ("Gt", "Lt"):
        if value is None or not value.isdigit():
            return False
        return int(value) > int(values[0]) if operator == "Gt" else int(value) < int(values[0])
    return (value in values) == (operator == "In")


def number(quantity: str) -> float:
    """A Kubernetes quantity in base units."""
    match = _QUANTITY.fullmatch(quantity)
    return float(match[1]) * _SCALE.get(match[2], 1.0) if match else 0.0
