"""Reading and editing Kubernetes objects as plain JSON."""

from typing import Any

from tools.offline.common.values import UNKNOWN, Json, as_list, as_map, as_text, copy

SKIP_AWAIT = "pulumi.com/skipAwait"
WAIT_FOR = "pulumi.com/waitFor"
TIMEOUT_SECONDS = "pulumi.com/timeoutSeconds"
REPLACE_UNREADY = "pulumi.com/replaceUnready"
PATCH_FORCE = "pulumi.com/patchForce"
PATCH_FIELD_MANAGER = "pulumi.com/patchFieldManager"
DELETION_PROPAGATION = "pulumi.com/deletionPropagationPolicy"
AUTONAMED = "pulumi.com/autonamed"


def pluck(value: Any, *path: str) -> Any:
    """The value at `path`, or None where a step is missing or no mapping."""
    for step in path:
        value = as_map(value).get(step)
    return value


def name_of(obj: Json) -> str:
    return as_text(pluck(obj, "metadata", "name"))


def namespace_of(obj: Json) -> str:
    return as_text(pluck(obj, "metadata", "namespace"))


def annotation(obj: Json, key: str) -> str:
    return as_text(pluck(obj, "metadata", "annotations", key))


def is_true(obj: Json, key: str) -> bool:
    """Whether the annotation `key` is "true"."""
    return annotation(obj, key) == "true"


def set_metadata(obj: Json, key: str, value: Any) -> None:
    """Sets `metadata.<key>`, or removes it if `value` is empty; leaves metadata that is not known yet alone."""
    if obj.get("metadata") is UNKNOWN:
        return
    metadata = obj["metadata"] = as_map(obj.get("metadata"))
    if value:
        metadata[key] = value
    else:
        metadata.pop(key, None)


def annotate(obj: Json, key: str, value: str) -> None:
    """Sets an annotation, unless metadata or annotations are not known yet."""
    if obj.get("metadata") is UNKNOWN or pluck(obj, "metadata", "annotations") is UNKNOWN:
        return
    set_metadata(obj, "annotations", {**as_map(pluck(obj, "metadata", "annotations")), key: value})


def object_id(obj: Json) -> str:
    """The engine's id of an object: `<namespace>/<name>`, or `<name>` of a cluster-wide one."""
    namespace = namespace_of(obj)
    return f"{namespace}/{name_of(obj)}" if namespace else name_of(obj)


def split_id(object_id: str) -> tuple[str, str]:
    """The namespace (empty if there is none) and the name in an id."""
    namespace, slash, name = object_id.partition("/")
    return (namespace, name) if slash else ("", namespace)


def owned_by(obj: Json, owner: Json) -> bool:
    uid = pluck(owner, "metadata", "uid")
    return any(as_map(ref).get("uid") == uid for ref in as_list(pluck(obj, "metadata", "ownerReferences")))


def condition(obj: Json, kind: str) -> Json:
    """The condition of type `kind` in the object's status; empty if there is none."""
    for item in as_list(pluck(obj, "status", "conditions")):
        if as_map(item).get("type") == kind:
            return as_map(item)
    return {}


def prune(source: Any, shape: Any) -> Any:
    """`source` without what `shape` has no place for: the part of a live object that the program describes."""
    if isinstance(source, dict) and isinstance(shape, dict):
        wanted = as_map(shape)
        return {key: prune(value, wanted[key]) for key, value in as_map(source).items() if key in wanted}
    if isinstance(source, list) and isinstance(shape, list):
        return [prune(value, wanted) for value, wanted in zip(as_list(source), as_list(shape), strict=False)]
    return copy(source)
