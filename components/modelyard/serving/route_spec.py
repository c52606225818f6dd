"""What a user writes of a route from the gateway to a service, and how routes go together."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import field
from typing import Annotated, Literal

import annotated_types

from modelyard.cluster.words import AddressRange
from modelyard.errors import Problem, show
from modelyard.platform.gateway_features import GatewayFeatures, PolicyFeature
from modelyard.platform.gateway_spec import ENVOY, GKE, GatewaySpec, HostnamePattern, Hostnames
from modelyard.serving.request_match import Headers, header_problems, header_rule
from modelyard.serving.route_access_spec import ApiKeysSpec, JwtSpec, OidcSpec
from modelyard.serving.route_traffic_spec import RateLimitSpec, RequestMib, RetrySpec
from modelyard.serving.words import HeaderName
from modelyard.spec import Count, Name, Rule, spec

ROUTE_TIMEOUT_SECONDS = 600
_LONGEST_SECONDS = 86400
# Less than Gateway API allows: what a path must not have there, some proxies read in two ways.
# https://gateway-api.sigs.k8s.io/reference/spec/#httppathmatch
_PATH = r"/|(/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)+"


def _check_path(text: str) -> tuple[str, str] | None:
    if re.fullmatch(_PATH, text):
        return None
    if not text.startswith("/"):
        return f"{show(text)} does not begin with /", f"write {show('/' + text)}"
    return f"{show(text)} is no path of a route", "write one like /assistant or /v1/fraud, without a slash at its end"


RoutePath = Annotated[str, Rule(_check_path, {"pattern": f"^({_PATH})$"})]
"""A path, and all below it: `/assistant` is also `/assistant/v1/models`, and not `/assistants`."""
RouteSeconds = Annotated[int, annotated_types.Interval(ge=1, le=_LONGEST_SECONDS)]
"""From a second to a day."""


_WHAT: Mapping[PolicyFeature, str] = {
    "retry": "send requests once more",
    "rate_limit": "count requests",
    "max_request_mib": "limit the size of requests",
    "max_parallel_requests": "limit how many requests are under way",
    "idle_timeout_seconds": "take a time without a byte from a route",
    "slow_start_seconds": "give new replicas fewer requests",
    "balance_header": "tell clients apart by a header",
    "api_keys": "ask for keys",
    "jwt": "check tokens",
    "oidc": "have people sign in",
    "source_cidrs": "take ranges of addresses from a route",
}
"""What a gateway that lacks a feature does not do, by the field that asks for it."""


@spec
class RouteSpec:
    """Which requests at the gateway go to a service, who may send them, and how they are treated."""

    path: RoutePath = "/"
    """The path, and all below it. Of several routes that a request fits, the longest path wins, then the most
    headers."""
    hostnames: Hostnames = ()
    """Names that it answers to, of those that the gateway has. Left out: the gateway's `hostname`."""
    header: Headers = field(default_factory=dict[str, str])
    """Headers that a request must all have, with these values: `{x-team: search}`. Left out: none."""
    strip_prefix: bool = True
    """Let the server see what follows `path` only, as it knows nothing of the path: `/assistant/v1/models` is its
    `/v1/models`."""
    timeout_seconds: RouteSeconds = ROUTE_TIMEOUT_SECONDS
    """The longest that an answer may take to its last byte; then it is broken off. 600, as a long answer of a language
    model streams for about a minute, or several where many wait; gateways' own limits begin at 15."""
    idle_timeout_seconds: RouteSeconds | None = None
    """The longest that neither side may send a byte; then it is broken off. Left out: an hour with envoy, as a model
    may think before its first word."""
    max_request_mib: RequestMib | None = None
    """The most that a request may bring, MiB; a larger one is answered with 413. The gateway then keeps each request
    until it has the whole of it: no WebSocket and no streams of gRPC. Left out: any size, and nothing is kept."""
    max_parallel_requests: Count | None = None
    """How many requests each pod of the gateway has under way. By HTTP/1 as many again wait for their turn; one more,
    and by gRPC the first beyond it, is answered with 503. Left out: 1024 with envoy, which many long streams of a large
    service exceed."""
    retry: RetrySpec | None = None
    """Requests that the gateway sends once more. Left out: none."""
    rate_limit: RateLimitSpec | None = None
    """How many requests it lets through. Left out: all."""
    balance: Literal["client_ip", "header", "kv_cache"] | None = None
    """Which replica a request goes to: `client_ip`, the same one for the same address, and `header`, for the same value
    of `balance_header`, as a server answers sooner whose cache has the conversation so far; `kv_cache`, the one that a
    picker chooses by queues and caches of all (llm-d's endpoint picker on an InferencePool), for vllm and sglang. Left
    out: that with the fewest requests under way with envoy, and any in turn with gke."""
    balance_header: HeaderName | None = None
    """The header that `balance: header` goes by: `x-session-id`."""
    slow_start_seconds: RouteSeconds | None = None
    """How long a new replica gets fewer requests than the others, as its caches are empty. Left out: not at all."""
    api_keys: ApiKeysSpec | None = None
    """Lets in clients with a key. Left out, with `jwt` and `oidc`: everybody who reaches the gateway."""
    jwt: JwtSpec | None = None
    """Lets in clients with a token of an issuer."""
    oidc: OidcSpec | None = None
    """Lets in people who sign in."""
    source_cidrs: Sequence[AddressRange] = ()
    """Lets in addresses of these ranges only, beside what else is asked. Left out: all."""

    def problems(self) -> Iterable[Problem]:
        """One way to prove who one is, and fields that need each other."""
        yield from header_problems(self.header)
        proofs = [name for name in ("api_keys", "jwt", "oidc") if getattr(self, name)]
        for name in proofs[1:]:
            why = f"is given beside {proofs[0]}, and a client proves who it is in one way"
            yield Problem(path=name, why=why, fix="remove one of them, or give the service two names in two routes")
        if self.rate_limit and self.rate_limit.per == "api_key" and not self.api_keys:
            why = "counts by the clients of api_keys, which are not given"
            yield Problem(path="rate_limit.per", why=why, fix="add api_keys, or use client_ip")
        if self.balance == "header" and not self.balance_header:
            why = "is missing, which balance: header goes by"
            yield Problem(path="balance_header", why=why, fix="name a header, such as x-session-id")
        if self.balance_header and self.balance != "header":
            yield Problem(path="balance_header", why="has a meaning with balance: header only", fix="set that")
        if self.balance and self.slow_start_seconds:
            why = f"has no effect with balance: {self.balance}, where a client's replica is given"
            yield Problem(path="slow_start_seconds", why=why, fix="remove one of them")
        if self.balance == "kv_cache" and self.retry:
            why = "would send a request to the same replica again, as its picker is asked once"
            yield Problem(path="retry", why=why, fix="remove it, or use balance: header")
        if self.idle_timeout_seconds and self.idle_timeout_seconds > self.timeout_seconds:
            why = f"{self.idle_timeout_seconds} is above timeout_seconds {self.timeout_seconds}, which ends it before"
            yield Problem(path="idle_timeout_seconds", why=why, fix="lower it, or raise timeout_seconds")

    @property
    def secrets(self) -> Mapping[str, Name]:
        """The workspace's secrets that the gateway needs, by their keys for it."""
        if self.api_keys:
            return self.api_keys.clients
        return {"client-secret": self.oidc.client_secret} if self.oidc else {}

    @property
    def secret_paths(self) -> Mapping[str, Name]:
        """The same secrets by where they are named."""
        if self.api_keys:
            return {f"api_keys.clients.{client}": name for client, name in self.api_keys.clients.items()}
        return {"oidc.client_secret": self.oidc.client_secret} if self.oidc else {}

    @property
    def has_traffic_rules(self) -> bool:
        """Whether it says how the gateway treats requests, beyond which they are."""
        return bool(
            self.idle_timeout_seconds
            or self.max_request_mib
            or self.max_parallel_requests
            or self.retry
            or self.rate_limit
            or self.balance in {"client_ip", "header"}
            or self.slow_start_seconds
        )

    @property
    def has_access_rules(self) -> bool:
        """Whether it says who may use it."""
        return bool(self.api_keys or self.jwt or self.oidc or self.source_cidrs)

    def names_on(self, gateway: GatewaySpec) -> list[HostnamePattern]:
        """The names that it answers to at this gateway; empty for any."""
        return [*self.hostnames] or ([gateway.hostname] if gateway.hostname else [])


def route_kinds(
    route: RouteSpec, gateway: GatewaySpec, *, has_policies: bool = True, is_waking: bool = False
) -> Iterator[str]:
    """The kinds of objects that a route at this gateway is made of, those of each Service that it leads to apart.

    Args:
        route: a valid spec.
        gateway: what it leads from.
        has_policies: whether the cluster has the kinds of Envoy Gateway, which its chart brings.
        is_waking: whether its requests bring the service's first pod.
    """
    yield "HTTPRoute"
    if route.balance == "kv_cache":
        yield from ("InferencePool", "Deployment", "Service")
        yield from (["PodDisruptionBudget"] if gateway.class_ == ENVOY else [])
    if gateway.class_ == ENVOY and has_policies:
        yield from (["BackendTrafficPolicy"] if route.has_traffic_rules or is_waking else [])
        yield from (["SecurityPolicy"] if route.has_access_rules else [])
        yield from (["Secret"] if route.secrets else [])


def backend_kinds(gateway: GatewaySpec) -> list[str]:
    """The kinds of objects that each Service has to which a route at this gateway leads."""
    return ["GCPBackendPolicy", "HealthCheckPolicy"] if gateway.class_ == GKE else []


def route_problems(
    route: RouteSpec | None, gateway: GatewaySpec | None, features: GatewayFeatures | None = None
) -> Iterator[Problem]:
    """Why a service cannot have this route. Paths begin with `route`.

    Args:
        route: the service's, if it has one.
        gateway: what it leads from; None where there is none.
        features: what acts on the gateway can do. Left out: what its class can.
    """
    if route is None:
        return
    if gateway is None:
        fix = "add platform: {gateway: {}}, or leave the route out"
        yield Problem(path="route", why="leads from a gateway, and there is none", fix=fix)
        return
    for index, name in enumerate(route.hostnames):
        if not gateway.answers_to(name):
            why = f"{name} is not among the gateway's names, {', '.join(gateway.hostnames)}"
            yield Problem(path=f"route.hostnames[{index}]", why=why, fix="add it to the gateway's more_hostnames")
    yield from _feature_problems(route, features or gateway.features)
    if route.oidc and not gateway.tls:
        why = "keeps who people are in cookies, which browsers send by HTTPS only"
        yield Problem(path="route.oidc", why=why, fix="add tls to the gateway, or use api_keys")


def _feature_problems(route: RouteSpec, features: GatewayFeatures) -> Iterator[Problem]:
    for feature, what in _WHAT.items():
        if getattr(route, feature):
            yield from features.refuse(feature, f"route.{feature}", what)
    if route.balance == "client_ip":
        yield from features.refuse("client_ip", "route.balance", "tell clients apart by their address")
    if route.balance == "kv_cache":
        yield from features.refuse("kv_cache", "route.balance", "ask pickers of replicas")
    if route.rate_limit and route.rate_limit.per == "client_ip":
        yield from features.refuse("client_ip", "route.rate_limit.per", "tell clients apart by their address")


def twin_route_problems(routes: Mapping[str, RouteSpec], gateway: GatewaySpec) -> Iterable[Problem]:
    """Two routes that the same requests fit, of which one would never be used.

    Args:
        routes: by where they stand, for messages: `workspaces.chat.services.assistant`.
        gateway: what they lead from.
    """
    first: dict[object, str] = {}
    for path, route in routes.items():
        names: Sequence[str] = route.names_on(gateway) or ("*",)
        for name in dict.fromkeys(names):
            twin = first.setdefault((name, route.path, header_rule(route.header)), path)
            if twin != path:
                where = "any host" if name == "*" else name
                why = f"{route.path} of {where} is the route of {twin}"
                yield Problem(path=f"{path}.route", why=why, fix="give one of them another path, hostnames or header")
