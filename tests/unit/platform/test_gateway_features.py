"""What classes of gateway can do."""

from dataclasses import replace

import pytest

from modelyard.cluster.traits import ClusterTraits
from modelyard.errors import ConfigError
from modelyard.platform.gateway_features import TRAEFIK, GatewayFeature, features_of
from modelyard.platform.gateway_spec import GatewaySpec
from modelyard.spec import validate


@pytest.mark.parametrize(
    ("class_", "can", "cannot"),
    [
        ("envoy", ("mirror_percent", "response_headers_by_backend", "oidc", "kv_cache"), ()),
        ("gke", ("mirror_percent", "request_timeout", "client_ip", "kv_cache"), ("header_patterns", "retry")),
        (TRAEFIK, ("header_patterns",), ("mirror", "request_timeout", "response_headers_by_backend", "kv_cache")),
        ("cilium", (), ("mirror", "header_patterns", "request_timeout", "api_keys")),
    ],
)  # fmt: skip
def test_classes_differ(class_: str, can: tuple[GatewayFeature, ...], cannot: tuple[GatewayFeature, ...]) -> None:
    features = features_of(class_)
    assert [each for each in can if not features.can(each)] == []
    assert [each for each in cannot if features.can(each)] == []


def test_what_a_class_cannot_is_refused_with_what_does_it_instead() -> None:
    gke = features_of("gke")
    (problem,) = gke.refuse("rate_limit", "route.rate_limit", "count requests")
    assert str(problem) == (
        "route.rate_limit: GKE's load balancer does not count requests; "
        "set it in a security policy of Cloud Armor, or use class envoy"
    )
    (problem,) = features_of("cilium").refuse("mirror", "release.shadow", "copy requests")
    assert str(problem) == (
        "release.shadow: class cilium does not copy requests; "
        "leave it out, or use another class of gateway, such as envoy"
    )
    assert not list(gke.refuse("mirror", "release.shadow", "copy requests"))


class TestOfAClassOfTheUsers:
    OWN = GatewaySpec(class_="cilium", class_features=["mirror"])

    def test_he_says_what_it_can(self) -> None:
        features = validate(self.OWN).features
        assert features.can("mirror")
        assert not features.can("mirror_percent")

    @pytest.mark.parametrize("class_", ["envoy", "gke"])
    def test_of_others_it_is_known(self, class_: str) -> None:
        with pytest.raises(ConfigError) as caught:
            validate(replace(self.OWN, class_=class_))
        assert str(caught.value) == f"class_features: of class {class_} are known; leave it out"


class TestOnACluster:
    def test_who_stands_in_envoys_place_decides(self) -> None:
        traits = ClusterTraits(gateway_in_place=TRAEFIK)
        assert GatewaySpec().features_on(traits) == features_of(TRAEFIK)
        assert GatewaySpec(class_="gke").features_on(traits) == features_of("gke")

    def test_envoy_asks_pickers_unless_it_is_told_not_to(self) -> None:
        assert GatewaySpec().features_on(ClusterTraits()).can("kv_cache")
        assert GatewaySpec(pickers=True).features.can("kv_cache")
        (problem,) = (
            GatewaySpec(pickers=False).features_on(ClusterTraits()).refuse("kv_cache", "balance", "ask pickers")
        )
        assert str(problem) == (
            "balance: Envoy Gateway does not ask pickers; set pickers: true in the gateway, or use balance: header"
        )
        traefik = GatewaySpec(pickers=True).features_on(ClusterTraits(gateway_in_place=TRAEFIK))
        assert not traefik.can("kv_cache")

    def test_a_load_balancer_may_hide_clients(self) -> None:
        hidden = GatewaySpec().features_on(ClusterTraits(client_addresses_seen=False))
        (problem,) = hidden.refuse("client_ip", "route.balance", "tell clients apart by their address")
        assert str(problem) == (
            "route.balance: Envoy Gateway, behind this cluster's load balancers, which hide clients' addresses, does "
            "not tell clients apart by their address; tell clients apart by api_keys or a header, or restrict the "
            "gateway by its source_cidrs"
        )
        assert not hidden.can("source_cidrs")
        assert hidden.can("api_keys")
        assert GatewaySpec().features_on(ClusterTraits()).can("client_ip")
