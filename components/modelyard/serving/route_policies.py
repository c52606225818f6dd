"""What Envoy Gateway is told of a route, beyond which requests it takes: its policies as plain values.

https://gateway.envoyproxy.io/docs/api/extension_types/#backendtrafficpolicyspec and #securitypolicyspec
"""

from collections.abc import Mapping, Sequence
from typing import Any

from modelyard.serving.route_access_spec import CLIENT_HEADER, ApiKeysSpec, JwtSpec, OidcSpec
from modelyard.serving.route_spec import RouteSpec
from modelyard.serving.route_traffic_spec import RateLimitSpec, RetrySpec
from modelyard.serving.scaling_queries import WAKING_TRAFFIC

Values = Mapping[str, Any]

_TRIGGERS: Mapping[str, Sequence[str]] = {
    "connection": ("connect-failure", "refused-stream", "reset-before-request"),
    "unavailable": ("retriable-status-codes",),
    "gateway_error": ("gateway-error",),
    "busy": ("retriable-status-codes",),
}
"""https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/router_filter#x-envoy-retry-on"""
_STATUS = {"unavailable": 503, "busy": 429}
_ALL_ADDRESSES = "0.0.0.0/0"
_ISSUER = "issuer"


def traffic_policy(route: RouteSpec, *, is_waking: bool = False) -> Values:
    """How Envoy treats a route's requests: a BackendTrafficPolicy's spec without its target.

    Args:
        route: a valid spec.
        is_waking: whether its requests bring the first pod of a service that has none.
    """
    wanted: dict[str, Any] = {}
    if route.retry:
        wanted["retry"] = _retry(route.retry)
    if route.rate_limit:
        wanted["rateLimit"] = {"local": {"rules": [_rate_rule(route.rate_limit)]}}
    if route.max_request_mib:
        wanted["requestBuffer"] = {"limit": f"{route.max_request_mib}Mi"}
    if route.max_parallel_requests:
        # By HTTP/1 each request has a connection of its own, and one that waits for its connection is pending.
        limits = ("maxConnections", "maxPendingRequests", "maxParallelRequests")
        wanted["circuitBreaker"] = dict.fromkeys(limits, route.max_parallel_requests)
    if route.idle_timeout_seconds:
        wanted["timeout"] = {"http": {"streamIdleTimeout": f"{route.idle_timeout_seconds}s"}}
    if route.balance in {"client_ip", "header"} or route.slow_start_seconds:
        wanted["loadBalancer"] = _balance(route)
    if is_waking:
        breaker = {**WAKING_TRAFFIC["circuitBreaker"], **wanted.get("circuitBreaker", {})}
        wanted |= {**WAKING_TRAFFIC, "circuitBreaker": breaker}
    return wanted


def _retry(retry: RetrySpec) -> Values:
    triggers = dict.fromkeys(trigger for each in retry.on for trigger in _TRIGGERS[each])
    statuses = [_STATUS[each] for each in dict.fromkeys(retry.on) if each in _STATUS]
    return {
        "numRetries": retry.attempts,
        "retryOn": {"triggers": list(triggers), **({"httpStatusCodes": statuses} if statuses else {})},
    }


def _rate_rule(limit: RateLimitSpec) -> Values:
    by_header = CLIENT_HEADER if limit.per == "api_key" else limit.per_header
    selector: dict[str, Any] = {}
    if limit.per == "client_ip":
        selector["sourceCIDR"] = {"type": "Distinct", "value": _ALL_ADDRESSES}
    elif by_header:
        selector["headers"] = [{"type": "Distinct", "name": by_header}]
    return {
        **({"clientSelectors": [selector]} if selector else {}),
        "limit": {"requests": limit.requests_per_minute, "unit": "Minute"},
    }


def _balance(route: RouteSpec) -> Values:
    match route.balance:
        case "client_ip":
            return {"type": "ConsistentHash", "consistentHash": {"type": "SourceIP"}}
        case "header":
            by = {"type": "Headers", "headers": [{"name": route.balance_header}]}
            return {"type": "ConsistentHash", "consistentHash": by}
        case _:
            # Envoy Gateway's own default, which a slow start has to name.
            return {"type": "LeastRequest", "slowStart": {"window": f"{route.slow_start_seconds}s"}}


def access_policy(route: RouteSpec, secret_name: Any) -> Values:
    """Whom Envoy lets in: a SecurityPolicy's spec without its target.

    Args:
        route: a valid spec.
        secret_name: of the Secret with `RouteSpec.secrets` in it; any value where there are none.
    """
    secret = {"group": "", "kind": "Secret", "name": secret_name}
    wanted: dict[str, Any] = {}
    if route.api_keys:
        wanted["apiKeyAuth"] = _api_keys(route.api_keys, secret)
    if route.jwt:
        wanted["jwt"] = {"providers": [_jwt(route.jwt)]}
    if route.oidc:
        wanted["oidc"] = _oidc(route.oidc, route.path, secret)
    if route.source_cidrs:
        allowed = {"action": "Allow", "principal": {"clientCIDRs": list(route.source_cidrs)}}
        wanted["authorization"] = {"defaultAction": "Deny", "rules": [allowed]}
    return wanted


def _api_keys(keys: ApiKeysSpec, secret: Values) -> Values:
    return {
        "credentialRefs": [secret],
        "extractFrom": [{"headers": [keys.header]}],
        "forwardClientIDHeader": CLIENT_HEADER,
        "sanitize": True,
    }


def _jwt(jwt: JwtSpec) -> Values:
    return {
        "name": _ISSUER,
        "issuer": jwt.issuer,
        "audiences": list(jwt.audiences),
        "remoteJWKS": {"uri": jwt.jwks_uri},
    }


def _oidc(oidc: OidcSpec, path: str, secret: Values) -> Values:
    # Both paths have to be the route's own, or another service would get them.
    base = path.rstrip("/")
    return {
        "provider": {"issuer": oidc.issuer},
        "clientID": oidc.client_id,
        "clientSecret": secret,
        "redirectURL": f"%REQ(x-forwarded-proto)%://%REQ(:authority)%{base}/oauth2/callback",
        "logoutPath": f"{base}/logout",
        **({"scopes": list(oidc.scopes)} if oidc.scopes else {}),
    }
