"""The route from the gateway to one service, and its shares among the service's versions."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_kubernetes as k8s

from modelyard.operators.definition import Kind
from modelyard.platform.gateway import Gateway
from modelyard.platform.gateway_kinds import GCP_BACKEND_POLICY, HEALTH_CHECK_POLICY, HTTP_ROUTE, INFERENCE_POOL
from modelyard.platform.gateway_spec import GKE, GatewaySpec
from modelyard.platform.gateway_values import parent_ref
from modelyard.serving.request_match import RequestMatchSpec
from modelyard.serving.route_spec import RouteSpec
from modelyard.serving.variants import ALL_PERCENT, Variant

_CHECK_SECONDS = 10
FORCED = {"pulumi.com/patchForce": "true"}
"""Takes the rules of a route back from a controller that has moved shares in it, where the release that it did so for
changes or ends: their list has one owner."""


@dataclass(frozen=True, kw_only=True)
class Backend:
    """What a route leads to.

    Attributes:
        namespace: of the Service, and so of the route.
        service: the Service's name.
        port: the Service's port.
        pool: the InferencePool to go to instead; None for none.
        ready_path: where its pods say that they serve; None for gRPC's own health service.
        drain_seconds: how long a pod that ends goes on with requests under way.
    """

    namespace: pulumi.Input[str]
    service: pulumi.Input[str]
    port: int
    ready_path: str | None
    drain_seconds: int
    pool: str | None = None

    @property
    def target(self) -> dict[str, Any]:
        """What policies of GKE are for."""
        if self.pool is not None:
            return {"group": INFERENCE_POOL.group, "kind": INFERENCE_POOL.kind, "name": self.pool}
        return {"group": "", "kind": "Service", "name": self.service}


@dataclass(frozen=True, kw_only=True)
class Share:
    """A version of the service, and the Service that leads to it.

    Attributes:
        variant: the version.
        backend: the Service.
        is_moved: whether a controller changes its share, so that it stands in the route also while it has none.
        filters: what is done to requests that go there, and to their answers.
    """

    variant: Variant
    backend: Backend
    is_moved: bool = False
    filters: Sequence[Mapping[str, Any]] = ()


@dataclass(frozen=True, kw_only=True)
class Route:
    """The route as it was made.

    Attributes:
        resource: the object.
        url: the URL for clients, without a slash at its end; empty where nobody knows the gateway's address.
    """

    resource: pulumi.Resource
    url: pulumi.Output[str]


@dataclass(frozen=True, kw_only=True)
class Sticky:
    """How long clients stay with the version that their first request came to, and the cookie that says which.

    `https_only` keeps browsers from sending it by HTTP.
    """

    cookie: str
    seconds: int
    https_only: bool


def make_route(
    name: str,
    gateway: Gateway,
    route: RouteSpec,
    shares: Sequence[Share],
    *,
    sticky: Sticky | None,
    labels: Mapping[str, str],
    parent: pulumi.Resource,
    after: Iterable[pulumi.Resource] = (),
) -> Route:
    """Lead requests from the gateway to the versions of a service.

    Creates an HTTPRoute, and for a load balancer of GKE two policies of each Service: how long requests may take, also
    those of pods that end, and where it asks whether a pod serves. Without them it breaks requests off after 30 seconds
    and asks for the path `/`.

    A change of it comes after the pods that it leads to are ready, and pods that it leads to no more end after it: no
    request is lost on the way. On destroy it goes before the Services, so that requests are led away first.

    Args:
        name: the Pulumi name; those of the policies begin with it.
        gateway: what it leads from.
        route: which requests.
        shares: what it leads to.
        sticky: whether clients stay with a version; None for every request anew.
        labels: of what is made.
        parent: the component it belongs to.
        after: what has to be there before requests come.
    """

    namespace = shares[0].backend.namespace

    def make(
        suffix: str, kind: Kind, spec: Mapping[str, Any], annotations: Mapping[str, str] | None = None
    ) -> pulumi.Resource:
        return k8s.apiextensions.CustomResource(
            f"{name}{suffix}",
            api_version=kind.api_version,
            kind=kind.kind,
            metadata=k8s.meta.v1.ObjectMetaArgs(
                namespace=namespace, labels=dict(labels), annotations=dict(annotations) if annotations else None
            ),
            spec=spec,
            opts=pulumi.ResourceOptions(
                parent=parent, provider=gateway.kubernetes_provider, depends_on=[*gateway.ready, *after]
            ),
        )

    resource = make("", HTTP_ROUTE, _route(route, gateway.spec, shares, sticky), FORCED)
    if gateway.spec.class_ == GKE:
        for share in shares:
            backend, role = share.backend, "" if share.variant.is_live else f"-{share.variant.service_suffix}"
            wanted = {
                "timeoutSec": route.timeout_seconds,
                "connectionDraining": {"drainingTimeoutSec": backend.drain_seconds},
                **({"sessionAffinity": {"type": "CLIENT_IP"}} if route.balance == "client_ip" else {}),
            }
            target = {"targetRef": backend.target}
            make(f"{role}-backend", GCP_BACKEND_POLICY, {"default": wanted, **target})
            make(f"{role}-health", HEALTH_CHECK_POLICY, {"default": _health(backend.ready_path), **target})
    return Route(resource=resource, url=_url(route, gateway))


def _route(route: RouteSpec, gateway: GatewaySpec, shares: Sequence[Share], sticky: Sticky | None) -> dict[str, Any]:
    names = route.names_on(gateway)
    rules = [*_own_rules(route, shares), *(_sticky_rules(route, shares, sticky) if sticky else ())]
    # GKE's load balancers take it from their own policy.
    times = {} if gateway.class_ == GKE else {"timeouts": {"request": f"{route.timeout_seconds}s"}}
    return {
        "parentRefs": [parent_ref(gateway.scheme)],
        **({"hostnames": names} if names else {}),
        "rules": [{**rule, **times} for rule in [*rules, _weighted_rule(route, shares, sticky)]],
    }


def _own_rules(route: RouteSpec, shares: Sequence[Share]) -> Iterator[dict[str, Any]]:
    """Requests that are all one version's. They are more specific than the shares, and so win over them.
    https://gateway-api.sigs.k8s.io/reference/spec/#httprouterule"""
    for share in shares:
        match, preview = share.variant.match, share.variant.preview
        if match and match.has_rule:
            yield _rule(route, [_backend_ref(share)], match=match)
        if preview:
            yield _rule(route, [_backend_ref(share)], match=preview, path=preview.path)


def _sticky_rules(route: RouteSpec, shares: Sequence[Share], sticky: Sticky) -> Iterator[dict[str, Any]]:
    for share in shares:
        if share.variant.weight_percent:
            match = RequestMatchSpec(cookie={sticky.cookie: share.variant.label})
            yield _rule(route, [_backend_ref(share)], match=match)


def _weighted_rule(route: RouteSpec, shares: Sequence[Share], sticky: Sticky | None) -> dict[str, Any]:
    copies = [
        {
            "type": "RequestMirror",
            "requestMirror": {
                "backendRef": {key: value for key, value in _backend_ref(share).items() if key != "weight"},
                **({} if share.variant.mirror_percent == ALL_PERCENT else {"percent": share.variant.mirror_percent}),
            },
        }
        for share in shares
        if share.variant.mirror_percent
    ]
    weighted = [share for share in shares if share.variant.weight_percent or share.is_moved]
    refs = [
        _backend_ref(
            share,
            share.variant.weight_percent if len(weighted) > 1 else 1,
            [*share.filters, *_cookie(route, share, sticky)],
        )
        for share in weighted
    ]
    return _rule(route, refs, more_filters=copies)


def _rule(
    route: RouteSpec,
    backend_refs: Sequence[Mapping[str, Any]],
    *,
    match: RequestMatchSpec | None = None,
    path: str | None = None,
    more_filters: Sequence[Mapping[str, Any]] = (),
) -> dict[str, Any]:
    seen_path = "/" if route.strip_prefix else route.path
    filters = list(more_filters)
    if (path or route.path) != seen_path:
        rewrite = {"path": {"type": "ReplacePrefixMatch", "replacePrefixMatch": seen_path}}
        filters.insert(0, {"type": "URLRewrite", "urlRewrite": rewrite})
    given = {**route.header, **(match.header if match else {})}
    cookies: Mapping[str, str] = match.cookie if match else {}
    headers = [
        *({"type": "Exact", "name": name, "value": value} for name, value in given.items()),
        *(_cookie_match(name, value) for name, value in cookies.items()),
    ]
    return {
        "matches": [
            {
                "path": {"type": "PathPrefix", "value": path or route.path},
                **({"headers": headers} if headers else {}),
            }
        ],
        **({"filters": filters} if filters else {}),
        "backendRefs": list(backend_refs),
    }


def _cookie_match(name: str, value: str) -> dict[str, str]:
    # Cookies come in one header. Some proxies match expressions with the whole of it, and others with a part.
    expression = f"^(.*; ?)?{re.escape(name)}={re.escape(value)}(;.*)?$"
    return {"type": "RegularExpression", "name": "cookie", "value": expression}


def _backend_ref(share: Share, weight: int = 1, filters: Sequence[Mapping[str, Any]] = ()) -> dict[str, Any]:
    return {
        **share.backend.target,
        **({} if share.backend.pool is not None else {"port": share.backend.port}),
        "weight": weight,
        **({"filters": list(filters)} if filters else {}),
    }


def _cookie(route: RouteSpec, share: Share, sticky: Sticky | None) -> list[dict[str, Any]]:
    """The cookie that keeps a client with this version. https://www.rfc-editor.org/rfc/rfc6265#section-4.1"""
    if not sticky:
        return []
    value = (
        f"{sticky.cookie}={share.variant.label}; Path={route.path}; Max-Age={sticky.seconds}; HttpOnly; SameSite=Lax"
        f"{'; Secure' if sticky.https_only else ''}"
    )
    return [
        {"type": "ResponseHeaderModifier", "responseHeaderModifier": {"add": [{"name": "Set-Cookie", "value": value}]}}
    ]


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
