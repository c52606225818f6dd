"""The cluster autoscaler's part: a waiting pod makes the first group of nodes that would take it larger."""

from collections.abc import Iterable

from tools.offline.cloud import cluster_api, nodes, pods
from tools.offline.cloud.errors import CloudError
from tools.offline.cloud.node_groups import NodeGroups, reconcile
from tools.offline.cloud.plans import Plans
from tools.offline.cloud.session import Session
from tools.offline.cloud.world import Account, Record
from tools.offline.common.values import Json


def serve(session: Session, plans: Plans, groups: NodeGroups) -> None:
    """Start a node for each waiting pod that a group would take and that no node on its way is for."""
    api = cluster_api.client(session)
    if api is None:
        return
    candidates = [record for record in _usable(session.world.look(), groups) if groups.scales(record)]
    if groups.token not in plans.resumed:
        _resume(session, groups, candidates)
        plans.resumed.add(groups.token)
    room = plans.room()
    for pod in pods.waiting(api) if candidates else ():
        if room.take(pod):
            continue
        for record in candidates:
            node = _offer(session, groups, record)
            if node is None or not groups.starts_for(pod, record) or not _takes(node, pod):
                continue
            if _grow(session, groups, record):
                _start(session, plans, groups, record, node)
                for _ in range(groups.grown_by(record)):
                    room.add(node)
                room.take(pod)
                break


def _resume(session: Session, groups: NodeGroups, candidates: Iterable[Record]) -> None:
    """Make the nodes that groups were to grow by when the process ended which looked after them before this one."""
    for record in candidates:
        if groups.desired(record) > len(nodes.of(session, groups.selector(record))):
            reconcile(session, groups, record.id)


def _usable(account: Account, groups: NodeGroups) -> list[Record]:
    """The groups of clusters that are there."""
    found: list[Record] = []
    for record in account.of(groups.token):
        cluster = groups.cluster_of(account, record)
        if cluster is None or cluster.is_coming or cluster.status == "DELETING":
            continue
        if record.status in ("ACTIVE", "UPDATING"):
            found.append(record)
    return found


def _start(session: Session, plans: Plans, groups: NodeGroups, record: Record, node: nodes.Node) -> None:
    for _ in range(groups.grown_by(record)):
        plans.start(session, record.id, node, lambda: reconcile(session, groups, record.id))


def _offer(session: Session, groups: NodeGroups, record: Record) -> nodes.Node | None:
    """The node that a group would make next; None where it cannot make one."""
    try:
        return groups.node_of(session, session.world.look(), record, 0)
    except CloudError:
        return None


def _takes(node: nodes.Node, pod: Json) -> bool:
    return pods.fits(pod, nodes.labels_of("any", node), node.taints, nodes.allocatable(node))


def _grow(session: Session, groups: NodeGroups, record: Record) -> bool:
    with session.world.open() as account:
        current = account.records.get(record.key)
        return current is not None and current.status != "DELETING" and groups.grow(current)
