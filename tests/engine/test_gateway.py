"""A gateway and routes through the real engine and a real API server that checks them by Gateway API's own schemas."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engine.local_stack import Json, LocalStack, local_stack
from tests.engine.services import service
from tests.engine.steps import assert_before, changed

pytestmark = pytest.mark.engine

GATEWAYS = "gateways.gateway.networking.k8s.io"
ROUTES = "httproutes.gateway.networking.k8s.io"
ALL = f"gatewayclasses.gateway.networking.k8s.io,{GATEWAYS},{ROUTES},certificates.cert-manager.io"
SPEC: Json = {
    "pools": {"system": {"cpus": 16, "memory_gib": 32}},
    "platform": {
        "gateway": {
            "hostname": "models.example.org",
            "more_hostnames": ["fraud.example.org"],
            "tls": {"cluster_issuer": "company"},
        }
    },
    "workspaces": {
        "chat": {
            "services": {
                "assistant": service(route={"path": "/assistant", "timeout_seconds": 1800}),
                "fraud": service(route={"hostnames": ["fraud.example.org"]}),
                "inner": service(),
            }
        }
    },
}


@pytest.fixture
def stack(tmp_path: Path, shared_folder: Path) -> Iterator[LocalStack]:
    with local_stack(tmp_path, SPEC, crds=shared_folder / "crds") as made:
        yield made


def test_routes_live(stack: LocalStack) -> None:
    _is_accepted(stack)
    _stays(stack)
    _changes_in_place(stack)
    _goes_in_order(stack)


def _is_accepted(stack: LocalStack) -> None:
    stack.project.up()
    found = {each["kind"]: each for each in stack.get(ALL)}
    assert found.keys() == {"GatewayClass", "Gateway", "HTTPRoute", "Certificate"}
    [gateway] = stack.get(GATEWAYS)
    assert [each["name"] for each in gateway["spec"]["listeners"]] == ["http", "https"]
    routes = {each["metadata"]["labels"]["app.kubernetes.io/instance"]: each for each in stack.get(ROUTES)}
    assert routes.keys() == {"gateway", "chat-assistant", "chat-fraud"}
    assert stack.project.outputs()["routes"] == {
        "chat/assistant": "https://models.example.org/assistant", "chat/fraud": "https://fraud.example.org"
    }  # fmt: skip
    assert stack.project.outputs()["gateway_address"] == ""


def _stays(stack: LocalStack) -> None:
    assert stack.project.preview().unchanged
    assert stack.project.refresh().unchanged


def _changes_in_place(stack: LocalStack) -> None:
    before = {each["metadata"]["uid"] for each in stack.get(ROUTES)}
    stack.spec["workspaces"]["chat"]["services"]["assistant"]["route"]["path"] = "/v2/assistant"
    assert changed(stack.update()) == {"HTTPRoute chat-assistant-route": {"update"}}
    assert {each["metadata"]["uid"] for each in stack.get(ROUTES)} == before
    [route] = stack.get(ROUTES, "--selector=app.kubernetes.io/instance=chat-assistant")
    [match] = route["spec"]["rules"][0]["matches"]
    assert match["path"]["value"] == "/v2/assistant"


def _goes_in_order(stack: LocalStack) -> None:
    result = stack.project.destroy()
    assert_before(result, "HTTPRoute ", "Gateway gateway-gateway")
    assert_before(result, "HTTPRoute chat-assistant-route", "Service chat-assistant-service")
    assert_before(result, "Gateway gateway-gateway", "GatewayClass gateway-class")
    assert_before(result, "Gateway gateway-gateway", "Certificate gateway-certificate")
    assert_before(result, "Gateway gateway-gateway", "Namespace gateway")
    assert stack.project.resources() == []
