"""The API server that every simulated cluster leads to."""

import base64
import threading
from typing import Any

from tools.offline.aws.session import Session, kubeconfig_path
from tools.offline.common.values import Json
from tools.offline.kubernetes import kubeconfig
from tools.offline.kubernetes.client import Client
from tools.offline.kubernetes.errors import ApiError, NoMatchError
from tools.offline.kubernetes.transport import RateLimit, Transport

MANAGER = "aws-simulation"
_NODE_POOL = ("karpenter.sh", "NodePool", "nodepools")
_NODE_CLASS = ("eks.amazonaws.com", "NodeClass", "nodeclasses")
_ESTABLISHED_SECONDS = 10.0
_clients: dict[str, Client] = {}
_lock = threading.Lock()


def connection() -> kubeconfig.Connection | None:
    """How to reach it, as its administrator; None where the environment names none."""
    path = kubeconfig_path()
    if path is None:
        return None
    config, folder = kubeconfig.parse(str(path))
    return kubeconfig.connection(config, folder, context=None, cluster=None)


def address() -> Json:
    """What a cluster says of its API server; nothing where there is none."""
    found = connection()
    if found is None:
        return {}
    authority = base64.b64encode((found.ca_pem or "").encode()).decode()
    return {"endpoint": found.server, "certificateAuthority": {"data": authority}}


def client(session: Session) -> Client | None:
    """A client of it, the same for all calls of a process; None where there is none."""
    key = str(session.kubeconfig)
    with _lock:
        found = connection() if key not in _clients else None
        if found is not None:
            _clients[key] = Client(Transport(found, limit=RateLimit(per_second=200, burst=400)))
        return _clients.get(key)


def install_auto_mode(api: Client, pools: list[str]) -> None:
    """The kinds that Auto Mode brings, with any field, and its built-in pools."""
    for group, kind, plural in (_NODE_POOL, _NODE_CLASS):
        version = "v1"
        definition: Json = {
            "apiVersion": "apiextensions.k8s.io/v1",
            "kind": "CustomResourceDefinition",
            "metadata": {"name": f"{plural}.{group}", "annotations": {MANAGER: "auto-mode"}},
            "spec": {
                "group": group,
                "scope": "Cluster",
                "names": {"kind": kind, "plural": plural, "singular": kind.lower(), "listKind": f"{kind}List"},
                "versions": [
                    {
                        "name": version,
                        "served": True,
                        "storage": True,
                        "subresources": {"status": {}},
                        "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}},
                    }
                ],
            },
        }
        _create(api, definition)
    for pool in pools:
        _create(api, _builtin_pool(pool), tries=50)


def remove_auto_mode(api: Client) -> None:
    """The kinds that Auto Mode brought go with the cluster."""
    for group, _, plural in (_NODE_POOL, _NODE_CLASS):
        definition: Json = {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition"}
        definition["metadata"] = {"name": f"{plural}.{group}"}
        try:
            if api.get(definition)["metadata"].get("annotations", {}).get(MANAGER):
                api.delete(definition, propagation="Background")
        except ApiError as error:
            if not error.is_not_found:
                raise


def _builtin_pool(name: str) -> Json:
    taints = [{"key": "CriticalAddonsOnly", "effect": "NoSchedule"}] if name == "system" else []
    requirements: list[Any] = [{"key": "kubernetes.io/arch", "operator": "In", "values": ["amd64"]}]
    spec: Json = {"nodeClassRef": {"group": _NODE_CLASS[0], "kind": "NodeClass", "name": "default"}}
    spec |= {"requirements": requirements, "taints": taints}
    return {
        "apiVersion": "karpenter.sh/v1",
        "kind": "NodePool",
        "metadata": {"name": name, "labels": {"app.kubernetes.io/managed-by": "eks"}},
        "spec": {"template": {"spec": spec}},
    }


def _create(api: Client, body: Json, tries: int = 1) -> None:
    """Creates an object unless it exists; its kind may be so new that it is not served yet."""
    for attempt in range(tries):
        try:
            api.create(body, manager=MANAGER)
        except ApiError as error:
            if error.is_already_exists:
                return
            if attempt == tries - 1:
                raise
        except NoMatchError:
            if attempt == tries - 1:
                raise
        else:
            return
        threading.Event().wait(_ESTABLISHED_SECONDS / tries)
