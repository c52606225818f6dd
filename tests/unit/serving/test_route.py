"""What the route of a service registers."""

from dataclasses import replace
from typing import Any

import pytest

from modelyard.cluster.traits import ClusterTraits
from modelyard.errors import ConfigError
from modelyard.platform.gateway import Gateway
from modelyard.platform.gateway_spec import GatewaySpec, GatewayTlsSpec
from modelyard.serving.model_service import ModelService
from modelyard.serving.route_spec import RouteSpec
from modelyard.serving.runtimes.container import ContainerSpec
from modelyard.serving.runtimes.spec import RuntimeSpec
from modelyard.serving.spec import ModelServiceSpec
from modelyard.spec import validate
from modelyard.workspace.spec import WorkspaceSpec
from modelyard.workspace.workspace import Workspace
from tests.support.clusters import bare_cluster
from tests.support.mocks import Recorded, refused, run, value_of
from tests.unit.serving.test_spec import OWN

TYPE = "modelyard:serving:ModelService"
HOST = "models.example.org"
PLAIN = GatewaySpec(hostname=HOST)
TLS = replace(PLAIN, tls=GatewayTlsSpec(secret="ours"))
GKE = replace(PLAIN, class_="gke")
GKE_TRAITS = ClusterTraits(gateway_classes={"internal": "gke-l7-rilb"})


def served(
    route: RouteSpec, gateway: GatewaySpec = PLAIN, spec: ModelServiceSpec = OWN, url: list[Any] | None = None
) -> Recorded:
    def program() -> None:
        cluster = bare_cluster(traits=GKE_TRAITS)
        made = ModelService(
            "assistant",
            Workspace("chat", cluster, WorkspaceSpec()),
            replace(spec, route=route),
            gateway=Gateway("gateway", cluster, gateway),
        )
        assert made.route_url
        if url is not None:
            value_of(made.route_url, url)

    return run(program)


def route_of(route: RouteSpec, gateway: GatewaySpec = PLAIN) -> dict[str, Any]:
    (found,) = (each for each in served(route, gateway).of("HTTPRoute") if "chat" in each.name)
    return dict(found.inputs["spec"])


def test_a_route_is_one_object_in_the_workspace() -> None:
    recorded = served(RouteSpec())
    found = recorded.one("HTTPRoute")
    (component,) = (each for each in recorded.registrations if each.type == TYPE)
    assert found.parent == component.urn
    assert found.inputs["metadata"]["namespace"] == "chat"
    assert "name" not in found.inputs["metadata"]
    assert found.inputs["metadata"]["labels"]["app.kubernetes.io/instance"] == "chat-assistant"
    assert sorted(each.type.rsplit(":", 1)[1] for each in recorded.under(TYPE) if each.type != TYPE) == [
        "Deployment", "HTTPRoute", "PodDisruptionBudget", "Service",
    ]  # fmt: skip


def test_it_leads_to_the_service_and_goes_before_it_and_the_gateway() -> None:
    recorded = served(RouteSpec(path="/assistant"))
    (rule,) = route_of(RouteSpec(path="/assistant"))["rules"]
    assert rule["matches"] == [{"path": {"type": "PathPrefix", "value": "/assistant"}}]
    assert rule["backendRefs"] == [{"group": "", "kind": "Service", "name": "assistant", "port": 80, "weight": 1}]
    before = recorded.one("HTTPRoute").depends_on
    assert recorded.one("kubernetes:core/v1:Service").urn in before
    assert recorded.one("kubernetes:gateway.networking.k8s.io/v1:Gateway").urn in before


@pytest.mark.parametrize(("gateway", "listener"), [(PLAIN, "http"), (TLS, "https")])
def test_it_leads_from_the_gateways_listener(gateway: GatewaySpec, listener: str) -> None:
    assert route_of(RouteSpec(), gateway)["parentRefs"] == [
        {"group": "gateway.networking.k8s.io", "kind": "Gateway", "namespace": "gateway", "name": "gateway",
         "sectionName": listener}
    ]  # fmt: skip


def test_names_are_the_gateways_or_its_own() -> None:
    assert route_of(RouteSpec())["hostnames"] == [HOST]
    wide = replace(PLAIN, more_hostnames=["*.ml.example.org"])
    assert route_of(RouteSpec(hostnames=["a.ml.example.org"]), wide)["hostnames"] == ["a.ml.example.org"]
    assert "hostnames" not in route_of(RouteSpec(), GatewaySpec())


def test_the_server_sees_what_follows_the_path() -> None:
    (rule,) = route_of(RouteSpec(path="/assistant"))["rules"]
    assert rule["filters"] == [
        {"type": "URLRewrite", "urlRewrite": {"path": {"type": "ReplacePrefixMatch", "replacePrefixMatch": "/"}}}
    ]
    for route in (RouteSpec(), RouteSpec(path="/assistant", strip_prefix=False)):
        (rule,) = route_of(route)["rules"]
        assert "filters" not in rule


def test_an_answer_may_take_as_long_as_the_route_says() -> None:
    (rule,) = route_of(RouteSpec(timeout_seconds=1800))["rules"]
    assert rule["timeouts"] == {"request": "1800s"}


class TestOnGke:
    def test_times_are_a_policy_of_the_service(self) -> None:
        recorded = served(RouteSpec(timeout_seconds=1800), GKE, replace(OWN, drain_seconds=120))
        (rule,) = recorded.one("HTTPRoute").inputs["spec"]["rules"]
        assert "timeouts" not in rule
        assert recorded.one("GCPBackendPolicy").inputs["spec"] == {
            "default": {"timeoutSec": 1800, "connectionDraining": {"drainingTimeoutSec": 120}},
            "targetRef": {"group": "", "kind": "Service", "name": "assistant"},
        }

    def test_the_load_balancer_asks_as_the_kubelet_does(self) -> None:
        policy = served(RouteSpec(), GKE).one("HealthCheckPolicy").inputs["spec"]
        assert policy["default"]["config"] == {
            "type": "HTTP",
            "httpHealthCheck": {"portSpecification": "USE_SERVING_PORT", "requestPath": "/ok"},
        }
        assert policy["targetRef"]["name"] == "assistant"
        grpc = ContainerSpec(image="registry.example.org/a:1", port=9000, protocol="grpc")
        spec = replace(OWN, runtime=RuntimeSpec(container=grpc))
        policy = served(RouteSpec(), GKE, spec).one("HealthCheckPolicy").inputs["spec"]
        assert policy["default"]["config"]["type"] == "GRPC"

    def test_elsewhere_there_are_none(self) -> None:
        recorded = served(RouteSpec())
        assert not recorded.of("GCPBackendPolicy")
        assert not recorded.of("HealthCheckPolicy")


@pytest.mark.parametrize(
    ("gateway", "route", "url"),
    [
        (PLAIN, RouteSpec(path="/assistant"), "http://models.example.org/assistant"),
        (TLS, RouteSpec(), "https://models.example.org"),
        (replace(PLAIN, more_hostnames=["b.example.org"]), RouteSpec(hostnames=["b.example.org"]),
         "http://b.example.org"),
        (GatewaySpec(), RouteSpec(path="/assistant"), ""),
    ],
)  # fmt: skip
def test_its_url_is_by_name_and_empty_where_nobody_knows_the_address(
    gateway: GatewaySpec, route: RouteSpec, url: str
) -> None:
    seen: list[Any] = []
    served(route, gateway, url=seen)
    assert seen == [url]


def test_a_grpc_server_has_no_path_before_its_own() -> None:
    grpc = ContainerSpec(image="registry.example.org/a:1.0.0", port=9000, protocol="grpc")
    spec = replace(OWN, runtime=RuntimeSpec(container=grpc), route=RouteSpec(path="/a"))
    with pytest.raises(ConfigError) as caught:
        validate(spec)
    assert str(caught.value) == (
        "route.path: clients of gRPC ask for /PACKAGE.SERVICE/METHOD, with nothing before it; leave path out, and name "
        "hostnames of its own"
    )
    assert validate(replace(spec, route=RouteSpec()))
    assert validate(replace(OWN, route=RouteSpec(path="/a")))


def test_without_a_gateway_it_is_refused() -> None:
    def program() -> None:
        ModelService(
            "assistant", Workspace("chat", bare_cluster(), WorkspaceSpec()), replace(OWN, route=RouteSpec(path="/a"))
        )

    error = refused(program, TYPE)
    assert str(error).startswith("assistant.route: leads from a gateway, and there is none; ")
