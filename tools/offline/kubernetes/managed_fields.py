"""Who owns which fields of an object: https://kubernetes.io/docs/reference/using-api/server-side-apply/#field-management."""

from typing import Any

from tools.offline.common.paths import Path
from tools.offline.common.values import Json, as_list, as_map, as_text, copy
from tools.offline.kubernetes.objects import pluck

# The manager of objects that were created but not applied yet, as the real provider names it.
CREATE_MANAGER = "pulumi-kubernetes"
# Managers, by the start of their names, whose fields an update takes over: client-side creates and kubectl.
_TAKEN_OVER = {
    "Apply": ("kubectl",),
    "Update": ("kubectl", "before-first-apply", "pulumi-kubernetes", "pulumi-resource-kubernetes"),
}


def takeover_patch(live: Json, manager: str) -> list[Json]:
    """JSON patch operations that make `manager` the applier of what this provider or kubectl created; may be empty."""
    mine: Json | None = None
    kept: list[Json] = []
    moved: list[Json] = []
    for entry in _entries(live):
        name, operation = as_text(entry.get("manager")), as_text(entry.get("operation"))
        if entry.get("subresource"):
            kept.append(entry)
        elif (name, operation) == (manager, "Apply"):
            mine = copy(entry)
        elif name.startswith(_TAKEN_OVER.get(operation, ())):
            moved.append(entry)
        else:
            kept.append(entry)
    if not moved:
        return []
    mine = mine or {**copy(moved[0]), "manager": manager, "operation": "Apply", "fieldsV1": {}}
    for entry in moved:
        mine["fieldsV1"] = _union(mine.get("fieldsV1"), entry.get("fieldsV1"))
    version = pluck(live, "metadata", "resourceVersion")
    return [
        {"op": "replace", "path": "/metadata/managedFields", "value": [mine, *kept]},
        {"op": "replace", "path": "/metadata/resourceVersion", "value": version},
    ]


def settle_ignored(inputs: Json, live: Json, ignored: list[Path], manager: str) -> None:
    """Makes an apply leave ignored fields alone: drops those that others own, repeats the live value of the rest."""
    for path in ignored:
        steps = [step for step in path if isinstance(step, str) and step != "*"]
        if len(steps) != len(path):
            continue
        owners = {bool(entry.get("manager") == manager) for entry in _entries(live) if _owns(entry, steps)}
        if owners == {False}:
            _remove(inputs, steps)
            continue
        parent = pluck(live, *steps[:-1])
        if steps[-1] in as_map(parent):
            _set(inputs, steps, copy(as_map(parent)[steps[-1]]))


def _entries(live: Json) -> list[Json]:
    return [as_map(entry) for entry in as_list(pluck(live, "metadata", "managedFields"))]


def _owns(entry: Json, steps: list[str]) -> bool:
    return pluck(entry, "fieldsV1", *(f"f:{step}" for step in steps)) is not None


def _union(left: Any, right: Any) -> Json:
    result = copy(as_map(left))
    for key, value in as_map(right).items():
        result[key] = _union(result.get(key), value)
    return result


def _remove(obj: Json, steps: list[str]) -> None:
    as_map(pluck(obj, *steps[:-1])).pop(steps[-1], None)


def _set(obj: Json, steps: list[str], value: Any) -> None:
    for step in steps[:-1]:
        obj = obj.setdefault(step, {})
    obj[steps[-1]] = value
