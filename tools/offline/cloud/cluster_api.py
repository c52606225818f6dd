"""The API server that every simulated cluster leads to."""

import base64
import threading

from tools.offline.cloud.cloud import Cloud
from tools.offline.cloud.session import Session, kubeconfig_path
from tools.offline.common.values import Json
from tools.offline.kubernetes import kubeconfig
from tools.offline.kubernetes.client import Client
from tools.offline.kubernetes.errors import ApiError, NoMatchError
from tools.offline.kubernetes.transport import RateLimit, Transport

_ESTABLISHED_SECONDS = 10.0
_clients: dict[str, Client] = {}
_lock = threading.Lock()


def manager_of(session: Session) -> str:
    """The field manager, and the mark, of what the simulation itself makes: `aws-simulation`."""
    return f"{session.cloud.package}-simulation"


def connection(cloud: Cloud) -> kubeconfig.Connection | None:
    """How to reach it, as its administrator; None where the environment names none."""
    path = kubeconfig_path(cloud)
    if path is None:
        return None
    config, folder = kubeconfig.parse(str(path))
    return kubeconfig.connection(config, folder, context=None, cluster=None)


def authority(found: kubeconfig.Connection) -> str:
    """Its certificate authority in base64, as clouds tell it."""
    return base64.b64encode((found.ca_pem or "").encode()).decode()


def client(session: Session) -> Client | None:
    """A client of it, the same for all calls of a process; None where there is none."""
    key = str(session.kubeconfig)
    with _lock:
        found = connection(session.cloud) if key not in _clients else None
        if found is not None:
            _clients[key] = Client(Transport(found, limit=RateLimit(per_second=200, burst=400)))
        return _clients.get(key)


def create(session: Session, api: Client, body: Json, tries: int = 1) -> None:
    """Create an object unless it exists; its kind may be so new that it is not served yet."""
    for attempt in range(tries):
        try:
            api.create(body, manager=manager_of(session))
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


def open_kind(session: Session, group: str, version: str, kind: str, plural: str, *, scope: str = "Cluster") -> Json:
    """A definition of a kind that the cloud's controllers bring, with any field."""
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}", "annotations": {manager_of(session): "brought"}},
        "spec": {
            "group": group,
            "scope": scope,
            "names": {"kind": kind, "plural": plural, "singular": kind.lower(), "listKind": f"{kind}List"},
            "versions": [
                {
                    "name": version,
                    "served": True,
                    "storage": True,
                    "subresources": {"status": {}},
                    "schema": {"openAPIV3Schema": schema},
                }
            ],
        },
    }


def remove_kind(session: Session, api: Client, group: str, plural: str) -> None:
    """Take a kind away again, where the cloud's controllers brought it."""
    definition: Json = {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition"}
    definition["metadata"] = {"name": f"{plural}.{group}"}
    try:
        if api.get(definition)["metadata"].get("annotations", {}).get(manager_of(session)):
            api.delete(definition, propagation="Background")
    except ApiError as error:
        if not error.is_not_found:
            raise
