"""Gateways on the simulated GKE: their load balancers come with them and are gone before the network goes."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from modelyard.platform.gateway_kinds import (
    ENVOY_PROXY,
    GATEWAY,
    GATEWAY_CLASS,
    GCP_BACKEND_POLICY,
    HEALTH_CHECK_POLICY,
    HTTP_ROUTE,
)
from tests.engine.cloud_servers import CloudServers
from tests.engine.cloud_stack import Json, cloud_stacks
from tests.engine.gke_stack import GKE, GkeStack
from tests.engine.services import service
from tests.engine.steps import assert_before, changed
from tests.support.gke_world import PROJECT
from tests.support.processes import wait_until
from tests.support.update import Result

pytestmark = pytest.mark.engine

CLOUD = replace(GKE, kinds=(GATEWAY_CLASS, GATEWAY, HTTP_ROUTE, ENVOY_PROXY, GCP_BACKEND_POLICY, HEALTH_CHECK_POLICY))
LOAD_BALANCER = ("ForwardingRule", "Firewall", "NetworkEndpointGroup")


def spec(gateway: Json) -> Json:
    """A small stack with this gateway."""
    return {
        "cluster": {
            "gke": {"project": PROJECT, "region": "us-central1", "network": {"proxies_cidr": "10.8.16.0/23"}},
        },
        "pools": {"system": {"cpus": 8, "memory_gib": 32, "min_nodes": 2, "max_nodes": 3}},
        "platform": {"gateway": gateway},
        "workspaces": {"team": {"services": {"web": service(route={"path": "/web"})}}},
    }


@pytest.fixture(scope="module")
def make(tmp_path_factory: pytest.TempPathFactory, cloud_servers: CloudServers) -> Iterator[Callable[..., GkeStack]]:
    """Stacks one after the other."""
    with cloud_stacks(CLOUD, tmp_path_factory.mktemp("gateways"), cloud_servers) as stacks:
        yield stacks


def assert_load_balancer(stack: GkeStack) -> None:
    """The account gets all of a load balancer, apart from the cluster's own firewall rules; no update waits for it."""

    def made() -> set[str]:
        of_kubernetes = [each for each in stack.world.resources() if {"gateway", "service"} & each.notes.keys()]
        return {each.token.rpartition(":")[2] for each in of_kubernetes}

    with stack.at_work():
        wait_until(lambda: made() == set(LOAD_BALANCER), "a load balancer")


def test_a_load_balancer_of_gke_is_another_for_another_exposure_and_goes_with_its_gateway(
    make: Callable[..., GkeStack],
) -> None:
    stack = make(spec({"class": "gke", "hostname": "models.example.org"}))
    stack.project.up()
    assert_load_balancer(stack)
    assert stack.project.outputs()["gateway_address"] == "10.20.0.9"
    assert stack.project.outputs()["routes"] == {"team/web": "http://models.example.org/web"}
    [policy] = [each for each in stack.get("networkpolicies") if each["metadata"]["namespace"] == "team"]
    blocks = [peer["ipBlock"]["cidr"] for peer in policy["spec"]["ingress"][1]["from"] if "ipBlock" in peer]
    assert blocks == ["10.8.16.0/23", "35.191.0.0/16", "130.211.0.0/22"]
    assert stack.project.preview().unchanged

    stack.configure(lambda now: now["platform"]["gateway"].update(exposure="internet"))
    result = stack.project.up()
    assert changed(result).keys() == {"Gateway gateway-gateway"}
    assert "update" not in changed(result)["Gateway gateway-gateway"], "a load balancer stays what it is"
    assert stack.project.outputs()["gateway_address"] == "203.0.113.9"
    _is_gone_in_order(stack)


def test_the_load_balancer_of_envoys_service_goes_with_the_namespace(make: Callable[..., GkeStack]) -> None:
    stack = make(spec({}))
    stack.project.up()
    assert_load_balancer(stack)
    assert stack.project.outputs()["gateway_address"] == "192.0.2.10"
    assert stack.project.outputs()["routes"] == {"team/web": "http://192.0.2.10/web"}
    assert stack.project.preview().unchanged
    result = _is_gone_in_order(stack)
    assert_before(result, "Namespace gateway", "Release gateway-controller")


def _is_gone_in_order(stack: GkeStack) -> Result:
    result = stack.project.destroy()
    assert_before(result, "HTTPRoute ", "Gateway gateway-gateway")
    assert_before(result, "Gateway gateway-gateway", "Namespace gateway")
    assert_before(result, "Namespace gateway", "NodePool ")
    assert_before(result, "Cluster ", "Subnetwork ")
    assert stack.world.left() == []
    return result
