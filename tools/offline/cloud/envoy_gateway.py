"""Envoy Gateway, as far as the account notices it: each Gateway of its classes has a Service with a load balancer.

It is played whether or not its chart was recorded, as the Kubernetes stand-in installs none. The Service stands in the
Gateway's namespace and goes with it, by the API server's own garbage collection.
https://gateway.envoyproxy.io/docs/tasks/operations/gateway-namespace-mode/
"""

import time
from collections.abc import Iterator

from tools.offline.cloud import cluster_api
from tools.offline.cloud.plans import Plans
from tools.offline.cloud.session import Session
from tools.offline.common.values import Json, as_list, as_map
from tools.offline.kubernetes.client import Client
from tools.offline.kubernetes.errors import ApiError, NoMatchError

API_VERSION = "gateway.networking.k8s.io/v1"
_CONTROLLER = "gateway.envoyproxy.io/gatewayclass-controller"
_ADDRESS = "192.0.2.10"


def serve(session: Session, _: Plans) -> None:
    """Give every Gateway of Envoy Gateway's classes its Service, and an address."""
    api = cluster_api.client(session)
    if api is None:
        return
    try:
        gateways = list(_own(api))
    except NoMatchError:
        return
    for gateway in gateways:
        cluster_api.create(session, api, _service_of(gateway))
        tell(api, gateway, _ADDRESS)


def _own(api: Client) -> Iterator[Json]:
    classes = api.list_objects(API_VERSION, "GatewayClass")
    names = {each["metadata"]["name"] for each in classes if each["spec"].get("controllerName") == _CONTROLLER}
    for gateway in api.list_objects(API_VERSION, "Gateway", everywhere=True):
        if gateway["spec"].get("gatewayClassName") in names and "deletionTimestamp" not in gateway["metadata"]:
            yield gateway


def _service_of(gateway: Json) -> Json:
    name, namespace = gateway["metadata"]["name"], gateway["metadata"]["namespace"]
    owner = {"apiVersion": API_VERSION, "kind": "Gateway", "name": name, "uid": gateway["metadata"]["uid"]}
    listeners = map(as_map, as_list(gateway["spec"].get("listeners")))
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": namespace, "ownerReferences": [owner]},
        "spec": {
            "type": "LoadBalancer",
            "selector": {"gateway.networking.k8s.io/gateway-name": name},
            "ports": [{"name": each["name"], "port": each["port"]} for each in listeners],
        },
    }


def tell(api: Client, gateway: Json, address: str, *, why_not: str = "") -> None:
    """Write a Gateway's status: that it has this address and forwards, or why it does not."""
    condition = {
        "type": "Programmed",
        "status": "False" if why_not else "True",
        "reason": "Invalid" if why_not else "Programmed",
        "message": why_not,
    }
    addresses = [] if why_not else [{"type": "IPAddress", "value": address}]
    status = as_map(gateway.get("status"))
    is_told = any(condition.items() <= each.items() for each in map(as_map, as_list(status.get("conditions"))))
    if is_told and as_list(status.get("addresses")) == addresses:
        return
    condition["lastTransitionTime"] = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    change(api, gateway, "/status", {"conditions": [condition], "addresses": addresses})


def change(api: Client, gateway: Json, path: str, value: object) -> None:
    """Set a part of a Gateway; one that has changed or gone since it was read is looked at again later."""
    version = gateway["metadata"]["resourceVersion"]
    operations: list[Json] = [
        {"op": "test", "path": "/metadata/resourceVersion", "value": version},
        {"op": "add", "path": path, "value": value},
    ]
    try:
        # Objects in a list lack their kind.
        api.json_patch({**gateway, "apiVersion": API_VERSION, "kind": "Gateway"}, operations)
    except ApiError as error:
        if not (error.is_not_found or error.is_stale or error.is_invalid):
            raise
