"""The route from the gateway to one service."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_kubernetes as k8s

from modelyard.operators.definition import Kind
from modelyard.platform.gateway import Gateway
from modelyard.platform.gateway_kinds import GCP_BACKEND_POLICY, HEALTH_CHECK_POLICY, HTTP_ROUTE
from modelyard.platform.gateway_spec import GKE, GatewaySpec
from modelyard.platform.gateway_values import parent_ref
from modelyard.serving.route_spec import RouteSpec

_CHECK_SECONDS = 10


@dataclass(frozen=True, kw_only=True)
class Backend:
    """What a route leads to.

    Attributes:
        namespace: of the Service, and so of the route.
        service: the Service's name.
        port: the Service's port.
        ready_path: where its pods say that they serve; None for gRPC's own health service.
        drain_seconds: how long a pod that ends goes on with requests under way.
    """

    namespace: pulumi.Input[str]
    service: pulumi.Input[str]
    port: int
    ready_path: str | None
    drain_seconds: int


def make_route(
    name: str,
    gateway: Gateway,
    route: RouteSpec,
    backend: Backend,
    *,
    labels: Mapping[str, str],
    parent: pulumi.Resource,
) -> pulumi.Output[str]:
    """Lead requests from the gateway to a Service.

    Creates an HTTPRoute, and for a load balancer of GKE two policies of the Service: how long requests may take, also
    those of pods that end, and where it asks whether a pod serves. Without them it breaks requests off after 30 seconds
    and asks for the path `/`.

    On destroy it goes before the Service, so that requests are led away first.

    Args:
        name: the Pulumi name; those of the policies begin with it.
        gateway: what it leads from.
        route: which requests.
        backend: what it leads to.
        labels: of what is made.
        parent: the component it belongs to.

    Returns:
        The URL for clients, without a slash at its end; empty where nobody knows the gateway's address.
    """

    def make(suffix: str, kind: Kind, spec: Mapping[str, Any]) -> None:
        k8s.apiextensions.CustomResource(
            f"{name}{suffix}",
            api_version=kind.api_version,
            kind=kind.kind,
            metadata=k8s.meta.v1.ObjectMetaArgs(namespace=backend.namespace, labels=dict(labels)),
            spec=spec,
            opts=pulumi.ResourceOptions(
                parent=parent, provider=gateway.kubernetes_provider, depends_on=list(gateway.ready)
            ),
        )

    make("", HTTP_ROUTE, _route(route, gateway.spec, backend))
    if gateway.spec.class_ == GKE:
        target = {"group": "", "kind": "Service", "name": backend.service}
        times = {
            "timeoutSec": route.timeout_seconds,
            "connectionDraining": {"drainingTimeoutSec": backend.drain_seconds},
        }
        make("-backend", GCP_BACKEND_POLICY, {"default": times, "targetRef": target})
        make("-health", HEALTH_CHECK_POLICY, {"default": _health(backend.ready_path), "targetRef": target})
    return _url(route, gateway)


def _route(route: RouteSpec, gateway: GatewaySpec, backend: Backend) -> dict[str, Any]:
    rule: dict[str, Any] = {
        "matches": [{"path": {"type": "PathPrefix", "value": route.path}}],
        "backendRefs": [{"group": "", "kind": "Service", "name": backend.service, "port": backend.port, "weight": 1}],
    }
    if route.strip_prefix and route.path != "/":
        rewrite = {"path": {"type": "ReplacePrefixMatch", "replacePrefixMatch": "/"}}
        rule["filters"] = [{"type": "URLRewrite", "urlRewrite": rewrite}]
    # GKE's load balancers take it from their own policy.
    if gateway.class_ != GKE:
        rule["timeouts"] = {"request": f"{route.timeout_seconds}s"}
    names = route.names_on(gateway)
    return {
        "parentRefs": [parent_ref(gateway.scheme)],
        **({"hostnames": names} if names else {}),
        "rules": [rule],
    }


def _health(ready_path: str | None) -> dict[str, Any]:
    # The port is that of the pods, which the load balancer reaches without the Service.
    port = {"portSpecification": "USE_SERVING_PORT"}
    http = {"type": "HTTP", "httpHealthCheck": {**port, "requestPath": ready_path}}
    return {
        "checkIntervalSec": _CHECK_SECONDS,
        "timeoutSec": _CHECK_SECONDS // 2,
        "config": http if ready_path else {"type": "GRPC", "grpcHealthCheck": port},
    }


def _url(route: RouteSpec, gateway: Gateway) -> pulumi.Output[str]:
    def at(host: str) -> str:
        return f"{gateway.spec.scheme}://{host}{route.path}".rstrip("/") if host else ""

    named = [name for name in route.names_on(gateway.spec) if not name.startswith("*.")]
    return pulumi.Output.from_input(at(named[0])) if named else gateway.address.apply(at)
