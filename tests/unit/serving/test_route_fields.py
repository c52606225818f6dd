"""What a route may say of its requests, by itself and at a gateway."""

from typing import Any

import pytest

from modelyard.errors import ConfigError
from modelyard.platform.gateway_features import TRAEFIK, features_of
from modelyard.platform.gateway_spec import GatewaySpec, GatewayTlsSpec
from modelyard.serving.route_access_spec import ApiKeysSpec, JwtSpec, OidcSpec
from modelyard.serving.route_spec import RouteSpec, backend_kinds, route_kinds, route_problems, twin_route_problems
from modelyard.serving.route_traffic_spec import RateLimitSpec, RetrySpec
from modelyard.spec import validate

ISSUER = "https://login.example.org/realms/ml"
KEYS = ApiKeysSpec(clients={"search": "search-key"})
JWT = JwtSpec(issuer=ISSUER, audiences=["models"], jwks_uri=f"{ISSUER}/certs")
OIDC = OidcSpec(issuer=ISSUER, client_id="models", client_secret="login")  # the secret's name
ENVOY = GatewaySpec(hostname="models.example.org", tls=GatewayTlsSpec(secret="ours"))
EVERYTHING = RouteSpec(
    header={"x-team": "search"},
    retry=RetrySpec(),
    rate_limit=RateLimitSpec(requests_per_minute=1, per="client_ip"),
    max_request_mib=1,
    max_parallel_requests=1,
    idle_timeout_seconds=1,
    balance="header",
    balance_header="x-session-id",
    oidc=OIDC,
    source_cidrs=["192.0.2.0/24"],
)


def refused(**fields: Any) -> str:
    with pytest.raises(ConfigError) as caught:
        validate(RouteSpec(**fields))
    return str(caught.value)


class TestByItself:
    def test_a_client_proves_who_it_is_in_one_way(self) -> None:
        assert refused(api_keys=KEYS, jwt=JWT) == (
            "jwt: is given beside api_keys, and a client proves who it is in one way; "
            "remove one of them, or give the service two names in two routes"
        )
        for one in (
            RouteSpec(api_keys=KEYS),
            RouteSpec(jwt=JWT),
            RouteSpec(oidc=OIDC, source_cidrs=["10.0.0.0/8"]),
        ):
            assert validate(one).has_access_rules

    def test_two_clients_have_two_keys(self) -> None:
        assert refused(api_keys=ApiKeysSpec(clients={"a": "key", "b": "key"})) == (
            "api_keys.clients.b: has the key of a, and the gateway would then let nobody in; "
            "give each client a secret of its own"
        )

    def test_counting_by_key_needs_keys(self) -> None:
        limit = RateLimitSpec(requests_per_minute=60, per="api_key")
        assert refused(rate_limit=limit) == (
            "rate_limit.per: counts by the clients of api_keys, which are not given; add api_keys, or use client_ip"
        )
        assert validate(RouteSpec(rate_limit=limit, api_keys=KEYS))

    def test_clients_are_told_apart_in_one_way(self) -> None:
        limit = RateLimitSpec(requests_per_minute=60, per="client_ip", per_header="x-team")
        assert refused(rate_limit=limit) == (
            "rate_limit.per_header: is given beside per: client_ip; remove one of them"
        )
        assert validate(RouteSpec(rate_limit=RateLimitSpec(requests_per_minute=60, per_header="x-team")))

    def test_a_header_to_balance_by(self) -> None:
        assert refused(balance="header") == (
            "balance_header: is missing, which balance: header goes by; name a header, such as x-session-id"
        )
        assert refused(balance="client_ip", balance_header="x-a") == (
            "balance_header: has a meaning with balance: header only; set that"
        )
        assert validate(RouteSpec(balance="header", balance_header="x-a"))

    def test_a_slow_start_is_for_replicas_that_the_gateway_chooses(self) -> None:
        assert refused(balance="client_ip", slow_start_seconds=60) == (
            "slow_start_seconds: has no effect with balance: client_ip, where a client's replica is given; "
            "remove one of them"
        )
        assert validate(RouteSpec(slow_start_seconds=60))

    def test_a_pause_is_shorter_than_the_whole(self) -> None:
        assert refused(idle_timeout_seconds=601) == (
            "idle_timeout_seconds: 601 is above timeout_seconds 600, which ends it before; "
            "lower it, or raise timeout_seconds"
        )
        assert validate(RouteSpec(idle_timeout_seconds=600))

    @pytest.mark.parametrize("url", ["http://a.example.org", "https://a.example.org/?x=1", "a.example.org"])
    def test_an_issuer_is_found_by_https(self, url: str) -> None:
        with pytest.raises(ConfigError, match="is no address of an issuer; write one like https://login"):
            validate(JwtSpec(issuer=url, audiences=["a"], jwks_uri=ISSUER))
        assert validate(JwtSpec(issuer="https://a.example.org:8443/x", audiences=["a"], jwks_uri=ISSUER))

    @pytest.mark.parametrize(("mib", "fits"), [(0, False), (1, True), (64, True), (65, False)])
    def test_a_request_fits_into_the_gateways_memory(self, mib: int, fits: bool) -> None:
        if fits:
            assert validate(RouteSpec(max_request_mib=mib))
        else:
            assert refused(max_request_mib=mib).startswith(f"max_request_mib: {mib} is ")


class TestAtAGateway:
    def test_envoy_does_all(self) -> None:
        assert not list(route_problems(validate(EVERYTHING), ENVOY))

    def test_gke_says_what_it_does_not(self) -> None:
        found = [str(problem) for problem in route_problems(EVERYTHING, GatewaySpec(class_="gke"))]
        gke = "GKE's load balancer does not"
        armor = "a security policy of Cloud Armor, or use class envoy"
        https = "keeps who people are in cookies, which browsers send by HTTPS only"
        assert found == [
            f"route.retry: {gke} send requests once more; {OTHERWISE}",
            f"route.rate_limit: {gke} count requests; set it in {armor}",
            f"route.max_request_mib: {gke} limit the size of requests; {OTHERWISE}",
            f"route.max_parallel_requests: {gke} limit how many requests are under way; {OTHERWISE}",
            f"route.idle_timeout_seconds: {gke} take a time without a byte from a route; {OTHERWISE}",
            f"route.balance_header: {gke} tell clients apart by a header; {OTHERWISE}",
            f"route.oidc: {gke} have people sign in; use Identity-Aware Proxy in front of it, or class envoy",
            f"route.source_cidrs: {gke} take ranges of addresses from a route; set them in {armor}",
            f"route.oidc: {https}; add tls to the gateway, or use api_keys",
        ]
        near = RouteSpec(header={"x-team": "search"}, balance="client_ip")
        assert not list(route_problems(near, GatewaySpec(class_="gke")))

    def test_what_stands_in_envoys_place_decides(self) -> None:
        (problem,) = route_problems(RouteSpec(api_keys=KEYS), ENVOY, features_of(TRAEFIK))
        assert str(problem).startswith("route.api_keys: Traefik does not ask for keys; ")
        assert not list(route_problems(RouteSpec(header={"a": "b"}), ENVOY, features_of(TRAEFIK)))

    def test_people_sign_in_by_https(self) -> None:
        (problem,) = route_problems(RouteSpec(oidc=OIDC), GatewaySpec())
        assert str(problem) == (
            "route.oidc: keeps who people are in cookies, which browsers send by HTTPS only; "
            "add tls to the gateway, or use api_keys"
        )
        assert not list(route_problems(RouteSpec(oidc=OIDC), ENVOY))

    def test_addresses_are_seen_or_refused(self) -> None:
        hidden = ENVOY.features.without_client_addresses()
        for route, path in (
            (RouteSpec(balance="client_ip"), "route.balance"),
            (RouteSpec(rate_limit=RateLimitSpec(requests_per_minute=1, per="client_ip")), "route.rate_limit.per"),
            (RouteSpec(source_cidrs=["192.0.2.0/24"]), "route.source_cidrs"),
        ):
            (problem,) = route_problems(route, ENVOY, hidden)
            assert problem.path == path
            assert "hide clients' addresses" in problem.why
            assert not list(route_problems(route, ENVOY))


OTHERWISE = "leave it out, or use another class of gateway, such as envoy"


def test_routes_of_one_path_differ_by_header() -> None:
    gateway = GatewaySpec()
    different = {"a": RouteSpec(), "b": RouteSpec(header={"x-team": "b"}), "c": RouteSpec(header={"x-team": "c"})}
    assert not list(twin_route_problems(different, gateway))
    same = {"a": RouteSpec(header={"x-team": "b"}), "b": RouteSpec(header={"X-Team": "b"})}
    (problem,) = twin_route_problems(same, gateway)
    assert str(problem) == (
        "b.route: / of any host is the route of a; give one of them another path, hostnames or header"
    )


def test_what_a_route_is_made_of() -> None:
    assert list(route_kinds(RouteSpec(), ENVOY)) == ["HTTPRoute"]
    assert list(route_kinds(EVERYTHING, ENVOY)) == ["HTTPRoute", "BackendTrafficPolicy", "SecurityPolicy", "Secret"]
    assert list(route_kinds(EVERYTHING, ENVOY, has_policies=False)) == ["HTTPRoute"]


def test_what_each_service_of_a_route_has() -> None:
    assert backend_kinds(ENVOY) == []
    assert backend_kinds(GatewaySpec(class_="gke")) == ["GCPBackendPolicy", "HealthCheckPolicy"]
