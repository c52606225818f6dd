"""Karpenter's and Auto Mode's part: a waiting pod makes a node of the first NodePool that would take it.

A NodePool with `replicas` has so many nodes, always. Auto Mode makes none for a NodePool whose nodes might become older
than 21 days, which EKS refuses.
"""

import math
import re
from collections.abc import Iterator

from tools.offline.aws.ids import new_id
from tools.offline.aws.kinds_compute import CLUSTER
from tools.offline.aws.kinds_network import INSTANCE
from tools.offline.aws.offers import Offer, offers
from tools.offline.aws.rules.clusters import is_auto_mode
from tools.offline.cloud import cluster_api, karpenter, nodes
from tools.offline.cloud.plans import Plans
from tools.offline.cloud.session import Session
from tools.offline.cloud.world import Record
from tools.offline.common.values import Json, as_map

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
    pools = karpenter.node_pools(api)
    if pools is None:
        return
    cluster = clusters[0]
    auto_mode = is_auto_mode(cluster.inputs)
    live = [pool for pool in pools if not (auto_mode and _gets_too_old(pool))]
    karpenter.forget(session, api, INSTANCE, {pool["metadata"]["name"] for pool in live})

    def start(offer: Offer) -> None:
        plans.start(session, offer.pool, offer.node, lambda: _launch(session, cluster, offer))

    def growing() -> Iterator[Offer]:
        for pool in live:
            if "replicas" not in pool["spec"] and karpenter.has_room(session, plans, pool):
                yield from offers(session, api, account, cluster, pool)

    for pool in live:
        missing = int(as_map(pool["spec"]).get("replicas") or 0) - karpenter.size(session, plans, pool)
        found = list(offers(session, api, account, cluster, pool)) if missing > 0 else []
        for _ in range(missing if found else 0):
            start(karpenter.smallest(found))
    karpenter.serve_pods(api, plans, growing, start)


def _gets_too_old(pool: Json) -> bool:
    spec = as_map(as_map(as_map(pool["spec"]).get("template")).get("spec"))
    hours = [_hours(spec.get(key, default)) for key, default in _AUTO_MODE_AGES.items()]
    return sum(hours) > _AUTO_MODE_HOURS


def _hours(text: str) -> float:
    """Hours of a duration such as `1h30m`; endless where it is `Never`."""
    if text == "Never":
        return math.inf
    return sum(float(amount) / _PER_HOUR[unit] for amount, unit in re.findall(r"([\d.]+)([hms])", text))


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
