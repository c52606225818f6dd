"""What can be written of a route, and which routes go together."""

from typing import Any

import pytest

from modelyard.errors import ConfigError
from modelyard.platform.gateway_spec import GatewaySpec
from modelyard.serving.route_spec import RouteSpec, route_problems, twin_route_problems
from modelyard.spec import validate

HOST = "models.example.org"
GATEWAY = GatewaySpec(hostname=HOST, more_hostnames=["*.ml.example.org"])


def refused(**fields: Any) -> str:
    with pytest.raises(ConfigError) as caught:
        validate(RouteSpec(**fields))
    return str(caught.value)


@pytest.mark.parametrize("path", ["/", "/assistant", "/v1/fraud", "/a.b/_c~d-e", "/Model"])
def test_a_path_is_one_of_a_request(path: str) -> None:
    assert validate(RouteSpec(path=path)).path == path


def test_a_path_begins_with_a_slash() -> None:
    assert refused(path="assistant") == "path: 'assistant' does not begin with /; write '/assistant'"


@pytest.mark.parametrize("path", ["/assistant/", "//", "/a//b", "/../a", "/a/./b", "/a?b", "/a b", "/a%2fb", "/a#b"])
def test_a_path_that_proxies_read_in_two_ways_is_refused(path: str) -> None:
    fix = "write one like /assistant or /v1/fraud, without a slash at its end"
    assert refused(path=path) == f"path: {path!r} is no path of a route; {fix}"


@pytest.mark.parametrize("seconds", [0, 86401])
def test_a_time_is_from_a_second_to_a_day(seconds: int) -> None:
    assert refused(timeout_seconds=seconds).startswith(f"timeout_seconds: {seconds} is ")
    assert validate(RouteSpec(timeout_seconds=86400))


def test_a_name_that_is_none_is_refused() -> None:
    assert "hostnames[0]: 'models' is no host name" in refused(hostnames=["models"])


class TestAtTheGateway:
    def test_a_route_leads_from_one(self) -> None:
        (problem,) = route_problems(RouteSpec(), None)
        assert str(problem) == (
            "route: leads from a gateway, and there is none; add platform: {gateway: {}}, or leave the route out"
        )
        assert not list(route_problems(RouteSpec(), GATEWAY))
        assert not list(route_problems(None, None))

    def test_its_names_are_the_gateways(self) -> None:
        (problem,) = route_problems(RouteSpec(hostnames=["other.example.org"]), GATEWAY)
        assert str(problem) == (
            "route.hostnames[0]: other.example.org is not among the gateway's names, models.example.org, "
            "*.ml.example.org; add it to the gateway's more_hostnames"
        )
        assert not list(route_problems(RouteSpec(hostnames=[HOST, "a.ml.example.org"]), GATEWAY))
        assert not list(route_problems(RouteSpec(hostnames=["other.example.org"]), GatewaySpec()))

    def test_left_out_they_are_its_first(self) -> None:
        assert RouteSpec().names_on(GATEWAY) == [HOST]
        assert RouteSpec(hostnames=["a.ml.example.org"]).names_on(GATEWAY) == ["a.ml.example.org"]
        assert RouteSpec().names_on(GatewaySpec()) == []


class TestTwins:
    def test_two_of_one_path_and_host_are_refused(self) -> None:
        routes = {"chat.a": RouteSpec(path="/a"), "vision.b": RouteSpec(path="/a", hostnames=[HOST])}
        (problem,) = twin_route_problems(routes, GATEWAY)
        assert str(problem) == (
            "vision.b.route: /a of models.example.org is the route of chat.a; give one of them another path, "
            "hostnames or header"
        )

    @pytest.mark.parametrize(
        "other", [RouteSpec(path="/b"), RouteSpec(path="/a/b"), RouteSpec(path="/a", hostnames=["a.ml.example.org"])]
    )
    def test_another_path_or_host_will_do(self, other: RouteSpec) -> None:
        assert not list(twin_route_problems({"chat.a": RouteSpec(path="/a"), "chat.b": other}, GATEWAY))

    def test_without_names_it_is_any_host(self) -> None:
        (problem,) = twin_route_problems({"chat.a": RouteSpec(), "chat.b": RouteSpec()}, GatewaySpec())
        assert str(problem).startswith("chat.b.route: / of any host is the route of chat.a; ")
