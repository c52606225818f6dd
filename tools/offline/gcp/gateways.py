"""What GKE's controllers make for Gateways of its own classes: a load balancer for HTTP, outside of the cluster.

A Gateway has a forwarding rule and a firewall rule, and each Service that a route leads to an endpoint group. Proxies
connect from a subnetwork of their own; without one there is no load balancer. A finalizer holds the Gateway until all
of it is gone; where the cluster goes first, nobody takes it away, and it holds the network.
https://cloud.google.com/kubernetes-engine/docs/how-to/deploying-gateways
"""

import hashlib
from collections.abc import Iterator

from tools.offline.cloud import cluster_api
from tools.offline.cloud.envoy_gateway import API_VERSION, change, tell
from tools.offline.cloud.plans import Plans
from tools.offline.cloud.session import Session
from tools.offline.cloud.world import Account, Record
from tools.offline.common.values import Json, as_list, as_map
from tools.offline.gcp.ids import last_of, path_of
from tools.offline.gcp.kinds_container import CLUSTER
from tools.offline.gcp.kinds_network import ENDPOINT_GROUP, FIREWALL, FORWARDING_RULE, SUBNETWORK
from tools.offline.gcp.places import region_of
from tools.offline.gcp.rules.network import PROXIES
from tools.offline.kubernetes.client import Client
from tools.offline.kubernetes.errors import NoMatchError

OWN_CLASSES = "gke-l7-"
"""What the names of GKE's classes begin with."""
FINALIZER = "gateway.finalizer.networking.gke.io"
_NO_PROXIES = "An active proxy-only subnetwork is required in the same region and VPC as the forwarding rule."


def serve(session: Session, _: Plans) -> None:
    """Bring what is in the network in line with the Gateways and routes that there are."""
    api = cluster_api.client(session)
    seen = session.world.look()
    clusters = [each for each in seen.of(CLUSTER) if each.status in ("ACTIVE", "UPDATING")]
    if api is None or not clusters:
        return
    try:
        gateways = api.list_objects(API_VERSION, "Gateway", everywhere=True)
        routes = api.list_objects(API_VERSION, "HTTPRoute", everywhere=True)
    except NoMatchError:
        return
    cluster = clusters[0]
    proxies = _proxies(seen, cluster)
    own = [each for each in gateways if str(as_map(each["spec"]).get("gatewayClassName")).startswith(OWN_CLASSES)]
    live = [each for each in own if "deletionTimestamp" not in each["metadata"]]
    for gateway in live:
        _hold(api, gateway)
    wanted = {
        record.key: record
        for gateway in live
        if proxies is not None
        for record in _made_for(cluster, proxies, gateway, _backends(gateway, routes))
    }
    _settle(session, cluster, wanted)
    for gateway in own:
        if gateway in live:
            tell(api, gateway, _address_of(gateway), why_not="" if proxies else _NO_PROXIES)
        else:
            _let_go(api, gateway)


def _proxies(account: Account, cluster: Record) -> Record | None:
    """The proxy-only subnetwork of the cluster's network in its region."""
    region, network = region_of(cluster.outputs["location"]), last_of(cluster.get("network"))
    for each in account.of(SUBNETWORK):
        in_place = each.outputs.get("region") == region and last_of(each.get("network")) == network
        if in_place and each.get("purpose") == PROXIES and each.get("role") == "ACTIVE":
            return each
    return None


def _backends(gateway: Json, routes: list[Json]) -> set[tuple[str, str]]:
    """Namespace and name of the Services that routes at a Gateway lead to."""
    found: set[tuple[str, str]] = set()
    for route in routes:
        namespace, spec = route["metadata"]["namespace"], as_map(route.get("spec"))
        parents = [
            (each.get("namespace") or namespace, each.get("name"))
            for each in map(as_map, as_list(spec.get("parentRefs")))
        ]
        if (gateway["metadata"]["namespace"], gateway["metadata"]["name"]) in parents:
            rules = map(as_map, as_list(spec.get("rules")))
            refs = (as_map(ref) for rule in rules for ref in as_list(rule.get("backendRefs")))
            found |= {(namespace, str(ref.get("name"))) for ref in refs}
    return found


def _made_for(cluster: Record, proxies: Record, gateway: Json, backends: set[tuple[str, str]]) -> Iterator[Record]:
    project, region = cluster.get("project"), region_of(cluster.outputs["location"])
    zone = (cluster.get("nodeLocations") or [cluster.outputs["location"]])[0]
    network = {"network": path_of(cluster.get("network")), "subnetwork": path_of(cluster.get("subnetwork"))}
    notes = {"gateway_of": cluster.id, "gateway": f"{gateway['metadata']['namespace']}/{gateway['metadata']['name']}"}
    name = f"gkegw1-{_digest(gateway['metadata']['uid'])}"
    rule = f"projects/{project}/regions/{region}/forwardingRules/{name}"
    inputs = {**network, "proxies": proxies.id}
    yield Record(token=FORWARDING_RULE, id=rule, inputs=inputs, notes=notes)
    yield Record(token=FIREWALL, id=f"projects/{project}/global/firewalls/{name}", inputs=network, notes=notes)
    for namespace, service in sorted(backends):
        group = f"k8s1-{_digest(f'{cluster.id}/{namespace}/{service}')}"
        path = f"projects/{project}/zones/{zone}/networkEndpointGroups/{group}"
        yield Record(
            token=ENDPOINT_GROUP, id=path, inputs=network, notes={**notes, "service": f"{namespace}/{service}"}
        )


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:20]


def _settle(session: Session, cluster: Record, wanted: dict[str, Record]) -> None:
    def present(account: Account) -> list[Record]:
        return [each for each in account.records.values() if each.notes.get("gateway_of") == cluster.id]

    if wanted.keys() == {each.key for each in present(session.world.look())}:
        return
    with session.world.open() as account:
        for gone in [each for each in present(account) if each.key not in wanted]:
            account.remove(gone)
        for record in [each for key, each in wanted.items() if key not in account.records]:
            account.add(record)


def _address_of(gateway: Json) -> str:
    return "10.20.0.9" if gateway["spec"]["gatewayClassName"] == "gke-l7-rilb" else "203.0.113.9"


def _hold(api: Client, gateway: Json) -> None:
    finalizers = as_list(gateway["metadata"].get("finalizers"))
    if FINALIZER not in finalizers:
        change(api, gateway, "/metadata/finalizers", [*finalizers, FINALIZER])


def _let_go(api: Client, gateway: Json) -> None:
    finalizers = as_list(gateway["metadata"].get("finalizers"))
    if FINALIZER in finalizers:
        change(api, gateway, "/metadata/finalizers", [each for each in finalizers if each != FINALIZER])
