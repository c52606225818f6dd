"""What can be written of a gateway, and what is refused."""

from typing import Any

import pytest

from modelyard.errors import ConfigError
from modelyard.platform.gateway_spec import GatewaySpec, GatewayTlsSpec, class_problems
from modelyard.spec import validate

HOST = "models.example.org"
LETS_ENCRYPT = GatewayTlsSpec(issuer="letsencrypt", email="ops@example.org")
COMPANY = GatewayTlsSpec(cluster_issuer="company")


def problem_of(**fields: Any) -> str:
    with pytest.raises(ConfigError) as caught:
        validate(GatewaySpec(**fields))
    return str(caught.value)


@pytest.mark.parametrize("name", ["models.example.org", "a-1.example.org", "xn--bcher-kva.example"])
def test_a_host_name_is_one_in_dns(name: str) -> None:
    assert validate(GatewaySpec(hostname=name)).hostnames == [name]


@pytest.mark.parametrize(
    "name",
    ["models", "Models.example.org", "models.example.org:443", "10.0.0.1", "-a.example.org", "*.example.org",
     "https://models.example.org", "a_b.example.org", ""],
)  # fmt: skip
def test_other_host_names_are_refused(name: str) -> None:
    line = problem_of(hostname=name)
    assert line.startswith("hostname: ")
    assert "is no host name; write one like models.example.org, in lower case and without a port" in line


def test_a_name_that_is_too_long_says_which_limit_it_exceeds() -> None:
    assert problem_of(hostname=f"{'a' * 64}.org").endswith(
        " has 64 characters, and DNS allows 63 between two dots; use at most 63 in each part of the name"
    )
    assert problem_of(hostname=f"{'a.' * 126}org").endswith(" has 255 characters, and DNS allows 253; use at most 253")
    assert "63 between two dots" in problem_of(hostname=HOST, more_hostnames=[f"*.{'a' * 64}.org"])
    for near in (f"{'a' * 63}.org", f"{'a.' * 125}org"):
        assert validate(GatewaySpec(hostname=near)).hostnames == [near]


def test_further_names_may_be_all_below_one() -> None:
    spec = validate(GatewaySpec(hostname=HOST, more_hostnames=["*.models.example.org"]))
    assert spec.hostnames == [HOST, "*.models.example.org"]
    assert problem_of(hostname=HOST, more_hostnames=["*.org"]).startswith("more_hostnames[0]: '*.org' is no host name")


def test_further_names_need_a_first() -> None:
    line = problem_of(more_hostnames=[HOST])
    assert line == "more_hostnames: are given without hostname; name the first as hostname"


@pytest.mark.parametrize(
    ("asked", "answers"),
    [("models.example.org", True), ("a.ml.example.org", True), ("*.ml.example.org", True), ("ml.example.org", False),
     ("*.example.org", False), ("example.org", False)],
)  # fmt: skip
def test_a_gateway_answers_to_its_names_and_those_below_a_pattern(asked: str, *, answers: bool) -> None:
    assert GatewaySpec(hostname=HOST, more_hostnames=["*.ml.example.org"]).answers_to(asked) is answers
    assert GatewaySpec().answers_to(asked), "one without a name answers to all"


def test_pickers_are_envoys_affair() -> None:
    assert problem_of(class_="istio", pickers=True) == (
        "pickers: has a meaning with class envoy only; leave it out; a class of your own that asks pickers has "
        "kv_cache in class_features"
    )
    assert validate(GatewaySpec(pickers=True)).pickers
    assert validate(GatewaySpec(class_="istio", class_features=["kv_cache"])).pickers is None


class TestTls:
    def test_it_needs_a_host_name(self) -> None:
        line = "tls: is given without a host name to certify; add hostname: the name in DNS that the certificate is for"
        assert problem_of(tls=COMPANY) == line
        assert validate(GatewaySpec(hostname=HOST, tls=COMPANY)).scheme == "https"

    def test_its_source_is_one(self) -> None:
        fix = "give exactly one of issuer, cluster_issuer, secret"
        both = GatewayTlsSpec(cluster_issuer="company", secret="ours")
        assert problem_of(hostname=HOST, tls=both) == f"tls: cluster_issuer and secret exclude each other; {fix}"
        assert problem_of(hostname=HOST, tls=GatewayTlsSpec()) == f"tls: nothing is chosen; {fix}"
        assert validate(GatewaySpec(hostname=HOST, tls=GatewayTlsSpec(secret="ours")))

    def test_lets_encrypt_wants_an_address_and_nobody_else(self) -> None:
        tls = GatewayTlsSpec(issuer="letsencrypt")
        assert problem_of(hostname=HOST, tls=tls, exposure="internet") == (
            "tls.email: is missing, which Let's Encrypt needs for its account; name a mailbox that somebody reads"
        )
        other = GatewayTlsSpec(secret="ours", email="ops@example.org")
        assert problem_of(hostname=HOST, tls=other) == ("tls.email: has a meaning with issuer only; leave it out")
        wrong = GatewayTlsSpec(issuer="letsencrypt", email="ops")
        assert "tls.email: 'ops' is no e-mail address; write NAME@DOMAIN" in problem_of(
            hostname=HOST, tls=wrong, exposure="internet"
        )

    def test_lets_encrypt_does_not_reach_an_internal_gateway(self) -> None:
        assert problem_of(hostname=HOST, tls=LETS_ENCRYPT) == (
            "tls.issuer: Let's Encrypt cannot reach an internal gateway to see whose name it is; set exposure: "
            "internet, or name a cluster_issuer that answers by DNS, or a secret"
        )
        assert validate(GatewaySpec(hostname=HOST, tls=LETS_ENCRYPT, exposure="internet"))
        assert validate(GatewaySpec(hostname=HOST, tls=COMPANY)), "an authority that answers by DNS does"

    def test_lets_encrypt_comes_from_anywhere(self) -> None:
        line = problem_of(hostname=HOST, tls=LETS_ENCRYPT, exposure="internet", source_cidrs=["198.51.100.0/24"])
        assert "tls.issuer: Let's Encrypt asks from addresses that it tells nobody" in line
        wide = GatewaySpec(hostname=HOST, tls=LETS_ENCRYPT, exposure="internet", source_cidrs=["0.0.0.0/0"])
        assert validate(wide)

    def test_lets_encrypt_certifies_no_pattern_over_http(self) -> None:
        names = ["*.models.example.org"]
        line = problem_of(hostname=HOST, tls=LETS_ENCRYPT, exposure="internet", more_hostnames=names)
        assert line.startswith(
            "more_hostnames[0]: Let's Encrypt certifies *.models.example.org only for who answers by DNS; "
        )
        assert validate(GatewaySpec(hostname=HOST, tls=COMPANY, more_hostnames=names))


class TestSources:
    def test_they_are_for_the_internet(self) -> None:
        assert problem_of(source_cidrs=["203.0.114.0/24"]) == (
            "source_cidrs: are for a gateway that the internet reaches; set exposure: internet, or leave them out: the "
            "internet does not reach it"
        )
        assert validate(GatewaySpec(source_cidrs=["203.0.114.0/24"], exposure="internet"))

    def test_private_addresses_never_come_from_there(self) -> None:
        line = problem_of(source_cidrs=["10.0.0.0/8"], exposure="internet")
        assert line.startswith("source_cidrs[0]: 10.0.0.0/8 has private addresses, which the internet never sees; ")

    def test_only_envoy_takes_them(self) -> None:
        line = problem_of(source_cidrs=["203.0.114.0/24"], exposure="internet", class_="gke")
        assert line == (
            "source_cidrs: class gke takes no ranges from here; use class envoy, or restrict it where the class is set "
            "up"
        )


def test_replicas_are_in_order() -> None:
    assert problem_of(min_replicas=3, max_replicas=2) == "min_replicas: 3 is above max_replicas 2; raise max_replicas"
    assert validate(GatewaySpec(min_replicas=2, max_replicas=2))


def test_a_class_is_the_name_of_an_object() -> None:
    assert validate(GatewaySpec(class_="istio"))
    assert "class_: 'My Class' is no name of an object" in problem_of(class_="My Class")


def test_load_balancers_of_gke_are_on_gke_only() -> None:
    (problem,) = class_problems(GatewaySpec(class_="gke"), {})
    assert str(problem) == (
        "class: the cluster has no load balancers of GKE for gateways; leave class out, or on GKE set proxies_cidr in "
        "the cluster's network"
    )
    assert not list(class_problems(GatewaySpec(class_="gke"), {"internal": "gke-l7-rilb"}))
    assert not list(class_problems(GatewaySpec(), {}))
