"""
Objects of a stack that its state does not have.

When a provider is killed, the engine goes on and drops the create that it was told nothing of; the object stays, and
under a fixed name it is in the way of the next create. On a cluster that is the stack's own such objects are removed.
Anywhere else their label may be that of a namesake, made from another checkout or backend: they are left alone.
"""

import time
from collections.abc import Mapping
from typing import Any

from modelyard.cluster.local import lifecycle
from modelyard.kube.labels import STACK
from modelyard.kube.names import stack_label_value
from tools.stack.api import Api, connected
from tools.stack.pending import LOCAL_CLUSTER

_PROVIDER = "pulumi-kubernetes"
"""How the field managers of Pulumi's provider begin."""
_GONE_SECONDS = 120
_POLL_SECONDS = 0.2

Json = Mapping[str, Any]


def remove(deployment: Json, project: str, stack: str) -> list[str]:
    """Remove them from the stack's own cluster, which is started if it is dead; return what they were."""
    resources: list[dict[str, Any]] = deployment.get("resources") or []
    known = {_key(each.get("inputs") or {}, each["id"]) for each in resources if each["type"].startswith("kubernetes:")}
    removed: list[str] = []
    for each in resources:
        if each["type"] == LOCAL_CLUSTER and lifecycle.exists(each["id"]):
            with connected(lifecycle.start(each["id"]).kubeconfig) as api:
                removed += _remove_from(api, f"{STACK}={stack_label_value(project, stack.rsplit('/', 1)[-1])}", known)
    return removed


def _remove_from(api: Api, selector: str, known: set[str]) -> list[str]:
    orphans = [each for each in api.labelled(selector) if _is_ours(each) and _key(each, _id(each)) not in known]
    for each in orphans:
        api.delete(each)
    deadline = time.monotonic() + _GONE_SECONDS
    while any(api.find(each) for each in orphans) and time.monotonic() < deadline:
        time.sleep(_POLL_SECONDS)
    return [_key(each, _id(each)) for each in orphans]


def _key(found: Json, object_id: str) -> str:
    return f"{found.get('kind')} {object_id}"


def _id(found: Json) -> str:
    metadata: Json = found["metadata"]
    return "/".join(metadata[key] for key in ("namespace", "name") if metadata.get(key))


def _is_ours(found: Json) -> bool:
    """Tell what Pulumi made from what controllers, or people, make of it and copy its labels to."""
    metadata: Json = found["metadata"]
    entries: list[dict[str, str]] = metadata.get("managedFields") or []
    return not metadata.get("ownerReferences") and any(
        entry.get("manager", "").startswith(_PROVIDER) for entry in entries
    )
