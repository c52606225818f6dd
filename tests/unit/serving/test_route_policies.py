"""What Envoy Gateway is told of a route."""

from typing import Any

import pytest

from modelyard.serving.route_access_spec import ApiKeysSpec, JwtSpec, OidcSpec
from modelyard.serving.route_policies import access_policy, traffic_policy
from modelyard.serving.route_spec import RouteSpec
from modelyard.serving.route_traffic_spec import RateLimitSpec, RetryOn, RetrySpec
from modelyard.spec import validate

ISSUER = "https://login.example.org/realms/ml"


def traffic(**fields: Any) -> dict[str, Any]:
    return dict(traffic_policy(validate(RouteSpec(**fields))))


def access(**fields: Any) -> dict[str, Any]:
    return dict(access_policy(validate(RouteSpec(**fields)), "keys-1"))


def test_a_plain_route_says_nothing() -> None:
    assert traffic() == {}
    assert access() == {}


@pytest.mark.parametrize(
    ("on", "told"),
    [
        (["connection"], {"triggers": ["connect-failure", "refused-stream", "reset-before-request"]}),
        (["unavailable"], {"triggers": ["retriable-status-codes"], "httpStatusCodes": [503]}),
        (["busy", "unavailable", "busy"], {"triggers": ["retriable-status-codes"], "httpStatusCodes": [429, 503]}),
        (["gateway_error"], {"triggers": ["gateway-error"]}),
    ],
)
def test_requests_are_sent_once_more(on: list[RetryOn], told: dict[str, Any]) -> None:
    assert traffic(retry=RetrySpec(attempts=3, on=on)) == {"retry": {"numRetries": 3, "retryOn": told}}


@pytest.mark.parametrize(
    ("fields", "selectors"),
    [
        ({}, None),
        ({"per": "client_ip"}, [{"sourceCIDR": {"type": "Distinct", "value": "0.0.0.0/0"}}]),
        ({"per": "api_key"}, [{"headers": [{"type": "Distinct", "name": "x-client-id"}]}]),
        ({"per_header": "x-team"}, [{"headers": [{"type": "Distinct", "name": "x-team"}]}]),
    ],
)
def test_requests_are_counted(fields: dict[str, Any], selectors: Any) -> None:
    limit = RateLimitSpec(requests_per_minute=600, **fields)
    ((rule,),) = traffic(rate_limit=limit, api_keys=ApiKeysSpec(clients={"a": "b"}))["rateLimit"]["local"].values()
    assert rule["limit"] == {"requests": 600, "unit": "Minute"}
    assert rule.get("clientSelectors") == selectors


def test_sizes_and_times() -> None:
    assert traffic(max_request_mib=32, max_parallel_requests=4096, idle_timeout_seconds=120) == {
        "requestBuffer": {"limit": "32Mi"},
        "circuitBreaker": {"maxConnections": 4096, "maxPendingRequests": 4096, "maxParallelRequests": 4096},
        "timeout": {"http": {"streamIdleTimeout": "120s"}},
    }


def test_which_replica() -> None:
    assert traffic(balance="client_ip") == {
        "loadBalancer": {"type": "ConsistentHash", "consistentHash": {"type": "SourceIP"}}
    }
    assert traffic(balance="header", balance_header="x-session-id") == {
        "loadBalancer": {
            "type": "ConsistentHash",
            "consistentHash": {"type": "Headers", "headers": [{"name": "x-session-id"}]},
        }
    }
    assert traffic(slow_start_seconds=60) == {"loadBalancer": {"type": "LeastRequest", "slowStart": {"window": "60s"}}}


def test_keys_are_a_secrets_and_the_server_sees_the_client_only() -> None:
    assert access(api_keys=ApiKeysSpec(clients={"search": "search-key"})) == {
        "apiKeyAuth": {
            "credentialRefs": [{"group": "", "kind": "Secret", "name": "keys-1"}],
            "extractFrom": [{"headers": ["authorization"]}],
            "forwardClientIDHeader": "x-client-id",
            "sanitize": True,
        }
    }


def test_tokens_are_an_issuers() -> None:
    jwt = JwtSpec(issuer=ISSUER, audiences=["models"], jwks_uri=f"{ISSUER}/certs")
    assert access(jwt=jwt) == {
        "jwt": {
            "providers": [
                {
                    "name": "issuer",
                    "issuer": ISSUER,
                    "audiences": ["models"],
                    "remoteJWKS": {"uri": f"{ISSUER}/certs"},
                }
            ]
        }
    }


@pytest.mark.parametrize(("path", "base"), [("/", ""), ("/assistant", "/assistant")])
def test_people_come_back_to_the_same_route(path: str, base: str) -> None:
    oidc = OidcSpec(issuer=ISSUER, client_id="models", client_secret="login", scopes=["email"])  # a name
    told = access(path=path, oidc=oidc)["oidc"]
    assert told["provider"] == {"issuer": ISSUER}
    assert told["clientSecret"]["name"] == "keys-1"
    assert told["scopes"] == ["email"]
    assert told["redirectURL"] == f"%REQ(x-forwarded-proto)%://%REQ(:authority)%{base}/oauth2/callback"
    assert told["logoutPath"] == f"{base}/logout"


def test_other_addresses_are_denied() -> None:
    assert access(source_cidrs=["192.0.2.0/24"]) == {
        "authorization": {
            "defaultAction": "Deny",
            "rules": [{"action": "Allow", "principal": {"clientCIDRs": ["192.0.2.0/24"]}}],
        }
    }
