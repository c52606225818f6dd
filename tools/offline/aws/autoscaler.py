"""The cluster autoscaler's part: a waiting pod makes the first node group that would take it one node larger."""

from tools.offline.aws import cluster_api, groups, nodes, pods
from tools.offline.aws.errors import AwsError
from tools.offline.aws.kinds_compute import CLUSTER, NODE_GROUP
from tools.offline.aws.plans import Plans
from tools.offline.aws.session import Session
from tools.offline.aws.world import Record
from tools.offline.common.values import Json


def serve(session: Session, plans: Plans) -> None:
    """Start a node for each waiting pod that a node group would take and that no node on its way is for."""
    api = cluster_api.client(session)
    if api is None:
        return
    account = session.world.look()
    clusters = {record.id for record in account.of(CLUSTER) if not record.is_coming and record.status != "DELETING"}
    candidates = [
        record
        for record in account.of(NODE_GROUP)
        if record.inputs["clusterName"] in clusters and record.status in ("ACTIVE", "UPDATING")
    ]
    room = plans.room()
    for pod in pods.waiting(api) if candidates else ():
        if room.take(pod):
            continue
        for record in candidates:
            node = _offer(session, record)
            if node is not None and _takes(node, pod) and _grow(session, record):
                group_id = record.id
                plans.start(session, group_id, node, lambda group_id=group_id: groups.reconcile(session, group_id))
                room.add(node)
                room.take(pod)
                break


def _offer(session: Session, record: Record) -> nodes.Node | None:
    """The node that a group would make next; None where it cannot make one."""
    try:
        return groups.node_of(session, session.world.look(), record, 0)
    except AwsError:
        return None


def _takes(node: nodes.Node, pod: Json) -> bool:
    return pods.fits(pod, nodes.labels_of("any", node), node.taints, nodes.allocatable(node))


def _grow(session: Session, record: Record) -> bool:
    with session.world.open() as account:
        current = account.records.get(record.key)
        if current is None or current.status == "DELETING":
            return False
        scaling = current.inputs["scalingConfig"]
        if scaling["desiredSize"] >= scaling["maxSize"]:
            return False
        scaling["desiredSize"] += 1
        return True
