"""The kinds of objects that Auto Mode brings into a cluster, and its built-in pools."""

from typing import Any

from tools.offline.cloud import cluster_api
from tools.offline.cloud.session import Session
from tools.offline.common.values import Json
from tools.offline.kubernetes.client import Client

_NODE_POOL = ("karpenter.sh", "NodePool", "nodepools")
_NODE_CLASS = ("eks.amazonaws.com", "NodeClass", "nodeclasses")


def install(session: Session, api: Client, pools: list[str]) -> None:
    """The kinds that Auto Mode brings, with any field, and its built-in pools."""
    for group, kind, plural in (_NODE_POOL, _NODE_CLASS):
        cluster_api.create(session, api, cluster_api.open_kind(session, group, "v1", kind, plural))
    for pool in pools:
        cluster_api.create(session, api, _builtin_pool(pool), tries=50)


def remove(session: Session, api: Client) -> None:
    """The kinds that Auto Mode brought go with the cluster."""
    for group, _, plural in (_NODE_POOL, _NODE_CLASS):
        cluster_api.remove_kind(session, api, group, plural)


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
