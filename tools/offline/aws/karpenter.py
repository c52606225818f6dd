"""Karpenter's and Auto Mode's part: a waiting pod makes a node of the first NodePool that would take it.

Of the machine types that would do, the smallest is taken. A NodePool with `replicas` has so many nodes, always. Auto
Mode makes none for a NodePool whose nodes might become older than 21 days, which EKS refuses.
"""

import math
import re

from tools.offline.aws.ids import new_id
from tools.offline.aws.kinds_compute import CLUSTER
from tools.offline.aws.kinds_network import INSTANCE
from tools.offline.aws.node_labels import NODE_POOL_LABEL
from tools.offline.aws.offers import Offer, offers
from tools.offline.aws.rules.clusters import is_auto_mode
from tools.offline.cloud import cluster_api, nodes, pods
from tools.offline.cloud.plans import Plans
from tools.offline.cloud.session import Session
from tools.offline.cloud.world import Record
from tools.offline.common.values import Json, as_map
from tools.offline.kubernetes.client import Client
from tools.offline.kubernetes.errors import NoMatchError

_AUTO_MODE_AGES = {"expireAfter": "336h", "terminationGracePeriod": "24h"}
"""With their defaults. https://docs.aws.amazon.com/eks/latest/userguide/create-node-pool.html"""
_AUTO_MODE_HOURS = 21 * 24
_PER_HOUR = {"h": 1, "m": 60, "s": 3600}


def serve(session: Session, plans: Plans) -> None:
    """Start nodes for NodePools that lack some and for waiting pods; take away those of NodePools that are gone."""
    api = cluster_api.client(session)
    account = session.world.look()
    clusters = [record for record in account.of(CLUSTER) if not record.is_coming and record.status != "DELETING"]
    if api is None or not clusters:
        return
    try:
        pools = api.list_objects("karpenter.sh/v1", "NodePool")
    except NoMatchError:
        return
    auto_mode = is_auto_mode(clusters[0].inputs)
    live = [
        pool
        for pool in pools
        if not pool["metadata"].get("deletionTimestamp") and not (auto_mode and _gets_too_old(pool))
    ]
    _forget(session, api, {pool["metadata"]["name"] for pool in live})
    room = plans.room()
    for pool in live:
        missing = int(as_map(pool["spec"]).get("replicas") or 0) - _size(session, plans, pool)
        found = list(offers(session, api, account, clusters[0], pool)) if missing > 0 else []
        for _ in range(missing if found else 0):
            _start(session, plans, clusters[0], _smallest(found))
    for pod in pods.waiting(api):
        if room.take(pod):
            continue
        growing = [each for each in live if "replicas" not in each["spec"] and _has_room(session, plans, each)]
        possible = (offer for pool in growing for offer in offers(session, api, account, clusters[0], pool))
        fitting = [offer for offer in possible if _takes(offer, pod)]
        if fitting:
            chosen = _smallest(fitting)
            _start(session, plans, clusters[0], chosen)
            room.add(chosen.node)
            room.take(pod)


def _gets_too_old(pool: Json) -> bool:
    spec = as_map(as_map(as_map(pool["spec"]).get("template")).get("spec"))
    hours = [_hours(spec.get(key, default)) for key, default in _AUTO_MODE_AGES.items()]
    return sum(hours) > _AUTO_MODE_HOURS


def _hours(text: str) -> float:
    """Hours of a duration such as `1h30m`; endless where it is `Never`."""
    if text == "Never":
        return math.inf
    return sum(float(amount) / _PER_HOUR[unit] for amount, unit in re.findall(r"([\d.]+)([hms])", text))


def _start(session: Session, plans: Plans, cluster: Record, offer: Offer) -> None:
    plans.start(session, offer.pool, offer.node, lambda: _launch(session, cluster, offer))


def _smallest(found: list[Offer]) -> Offer:
    return min(found, key=lambda each: (each.node.machine.cpus, each.node.machine.memory_gib))


def _takes(offer: Offer, pod: Json) -> bool:
    return pods.fits(pod, nodes.labels_of("any", offer.node), offer.node.taints, nodes.allocatable(offer.node))


def _size(session: Session, plans: Plans, pool: Json) -> int:
    name = pool["metadata"]["name"]
    return len(nodes.of(session, {NODE_POOL_LABEL: name})) + plans.count(name)


def _has_room(session: Session, plans: Plans, pool: Json) -> bool:
    limit = as_map(as_map(pool["spec"]).get("limits")).get("nodes")
    return limit is None or _size(session, plans, pool) < int(limit)


def _launch(session: Session, cluster: Record, offer: Offer) -> None:
    name = nodes.make(session, offer.node)
    inputs = {
        "subnetId": offer.subnet_id,
        "securityGroupIds": list(offer.security_group_ids),
        "clusterName": cluster.id,
    }
    record = Record(token=INSTANCE, id=new_id("i"), inputs=inputs, region=cluster.region)
    record.notes = {"node": name, "pool": offer.pool}
    # Auto Mode's machines are EKS' own, and go with the cluster; Karpenter's stay when nobody takes them away.
    record.owner = cluster.key if is_auto_mode(cluster.inputs) else ""
    with session.world.open() as account:
        account.add(record)


def _forget(session: Session, api: Client, pools: set[str]) -> None:
    """The nodes and machines of NodePools that are gone go too."""
    for record in [each for each in session.world.look().of(INSTANCE) if each.notes.get("pool") not in pools]:
        nodes.drop(session, api, record.notes["node"])
        with session.world.open() as account:
            account.remove(record)
