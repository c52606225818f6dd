"""What GKE's controllers make in the network for Services of type LoadBalancer.

A Service of that type has a forwarding rule, a firewall rule and, with subsetting or Gateways, an endpoint group. They
go with the Service; where the cluster goes first, nobody takes them away, and they hold the network.
https://cloud.google.com/kubernetes-engine/docs/concepts/service-load-balancer
"""

import hashlib

from tools.offline.cloud import cluster_api
from tools.offline.cloud.plans import Plans
from tools.offline.cloud.session import Session
from tools.offline.cloud.world import Account, Record
from tools.offline.common.values import Json, as_map
from tools.offline.gcp.ids import path_of
from tools.offline.gcp.kinds_container import CLUSTER
from tools.offline.gcp.kinds_network import ENDPOINT_GROUP, FIREWALL, FORWARDING_RULE


def serve(session: Session, _: Plans) -> None:
    """Bring what is in the network in line with the Services that there are."""
    api = cluster_api.client(session)
    seen = session.world.look()
    clusters = [each for each in seen.of(CLUSTER) if each.status in ("ACTIVE", "UPDATING")]
    if api is None or not clusters:
        return
    services = [
        each
        for each in api.list_objects("v1", "Service", everywhere=True)
        if as_map(each.get("spec")).get("type") == "LoadBalancer"
    ]
    wanted = {each.key: each for service in services for each in _made_for(clusters[0], service)}
    if wanted.keys() == {each.key for each in _present(seen, clusters[0])}:
        return
    with session.world.open() as account:
        for gone in [each for each in _present(account, clusters[0]) if each.key not in wanted]:
            account.remove(gone)
        for record in [each for key, each in wanted.items() if key not in account.records]:
            account.add(record)


def _present(account: Account, cluster: Record) -> list[Record]:
    return [each for each in account.records.values() if each.notes.get("service_of") == cluster.id]


def _made_for(cluster: Record, service: Json) -> list[Record]:
    metadata = service["metadata"]
    digest = hashlib.sha256(metadata["uid"].encode()).hexdigest()[:20]
    project, name = cluster.get("project"), f"k8s2-{digest}"
    network = {"network": path_of(cluster.get("network")), "subnetwork": path_of(cluster.get("subnetwork"))}
    notes = {"service_of": cluster.id, "service": f"{metadata.get('namespace')}/{metadata['name']}"}
    zone = (cluster.get("nodeLocations") or [cluster.outputs["location"]])[0]
    return [
        Record(token=FIREWALL, id=f"projects/{project}/global/firewalls/{name}", inputs=network, notes=notes),
        Record(
            token=ENDPOINT_GROUP,
            id=f"projects/{project}/zones/{zone}/networkEndpointGroups/{name}",
            inputs=network,
            notes=notes,
        ),
        Record(
            token=FORWARDING_RULE, id=f"projects/{project}/global/forwardingRules/{name}", inputs=network, notes=notes
        ),
    ]
