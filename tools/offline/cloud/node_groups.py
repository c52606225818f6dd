"""Groups of like nodes (node groups, node pools, agent pools), which have as many as they should, of their make.

A cloud says in a `NodeGroups` what its groups are; the cluster autoscaler's part (`autoscaler.py`) works on it too.
"""

# ruff: noqa: ARG002 - what a method may look at is for the clouds that override it

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

from tools.offline.cloud import nodes
from tools.offline.cloud.cluster_api import client
from tools.offline.cloud.session import Session
from tools.offline.cloud.world import Account, Record
from tools.offline.common.values import Json, as_list, as_map
from tools.offline.kubernetes.client import Client

_MAKERS = (
    *("kubernetes.io", "k8s.io", "amazonaws.com", "azure.com", "google.com", "nvidia.com"),
    "simulation.modelyard.dev",
)
"""The domains of labels that say how a node was made, and what it offers."""
LOCK = "nodes.lock"
"""Providers and what sizes groups are processes of their own, each of which would make the nodes that it misses."""


class NodeGroups(ABC):
    """What a cloud's groups are. Records are those of type `token`."""

    token: ClassVar[str]
    cluster_token: ClassVar[str]

    @abstractmethod
    def cluster_of(self, account: Account, record: Record) -> Record | None:
        """The cluster that a group is in."""
        ...

    @abstractmethod
    def selector(self, record: Record) -> Mapping[str, str]:
        """The labels by which the nodes of a group are found."""
        ...

    @abstractmethod
    def node_of(self, session: Session, account: Account, record: Record, index: int) -> nodes.Node:
        """The node that a group would make as its `index`th. Its labels tell of its make: where they differ, nodes are
        made anew.

        Raises:
            CloudError: it cannot make one.
        """
        ...

    @abstractmethod
    def desired(self, record: Record) -> int:
        """How many nodes a group should have."""
        ...

    @abstractmethod
    def grow(self, record: Record) -> bool:
        """Let a group have the next node (of some kinds of groups, nodes) more; whether it may."""
        ...

    def scales(self, record: Record) -> bool:
        """Whether waiting pods make a group larger."""
        return True

    def starts_for(self, pod: Json, record: Record) -> bool:
        """Whether a group may be made larger for this pod, whatever its nodes are."""
        return True

    def grown_by(self, record: Record) -> int:
        """How many nodes a group grows by at a time."""
        return 1


def reconcile(session: Session, groups: NodeGroups, group_id: str) -> None:
    """Make and remove nodes until the group has as many as it should, each of its present make."""
    with session.world.locked(LOCK):
        account = session.world.look()
        record = account.get(groups.token, group_id)
        if record is not None and record.status != "DELETING":
            _reconcile(session, groups, account, record)


def remove(session: Session, groups: NodeGroups, record: Record) -> None:
    """Remove the nodes of a group that ends."""
    with session.world.locked(LOCK):
        nodes.remove(session, groups.selector(record))


def _reconcile(session: Session, groups: NodeGroups, account: Account, record: Record) -> None:
    desired = groups.desired(record)
    selector = groups.selector(record)
    found = nodes.of(session, selector)
    wanted = groups.node_of(session, account, record, 0)
    api = client(session)
    stale = [node for node in found if not _is_like(node, wanted)]
    for node in (each for each in found if each not in stale):
        assert api is not None
        _relabel(api, node, wanted)
    for index in range(desired - (len(found) - len(stale))):
        nodes.make(session, groups.node_of(session, account, record, index))
    for node in stale:
        assert api is not None
        nodes.drop(session, api, node["metadata"]["name"])
    nodes.remove(session, selector, max(0, len(found) - len(stale) - desired))
    if desired:
        with session.world.open() as present:
            if record.key in present.records:
                present.records[record.key].notes["joined"] = True


def _is_like(node: Json, wanted: nodes.Node) -> bool:
    """Whether a node is of the present make: what users put on nodes changes on those that are there."""
    labels = as_map(node["metadata"].get("labels"))
    own = {key: value for key, value in wanted.labels.items() if key.partition("/")[0].endswith(_MAKERS)}
    taints = [as_map(each) for each in as_list(as_map(node.get("spec")).get("taints"))]
    ours = [{"value": "", **each} for each in taints if not each["key"].startswith("node.kubernetes.io/")]
    return own.items() <= labels.items() and sorted(_plain(ours)) == sorted(_plain(wanted.taints))


def _relabel(api: Client, node: Json, wanted: nodes.Node) -> None:
    labels = as_map(node["metadata"].get("labels"))
    if not wanted.labels.items() <= labels.items():
        changed = {**labels, **wanted.labels}
        head: Json = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": node["metadata"]["name"]}}
        api.json_patch(head, [{"op": "add", "path": "/metadata/labels", "value": changed}])


def _plain(taints: Any) -> list[tuple[str, str, str]]:
    return [(each["key"], each.get("value") or "", each["effect"]) for each in taints]
