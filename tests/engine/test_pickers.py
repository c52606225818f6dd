"""What asks pickers of replicas for Envoy, through the real engine, and InferencePool on a real API server."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from modelyard.platform.gateway_kinds import (
    CLIENT_TRAFFIC_POLICY,
    ENVOY_PROXY,
    GATEWAY,
    GATEWAY_CLASS,
    HTTP_ROUTE,
    INFERENCE_POOL,
)
from modelyard.platform.inference_pool_kind import inference_pool_crd
from tests.engine.cloud_servers import CloudServers
from tests.engine.cloud_stack import Json, cloud_stacks, names
from tests.engine.eks_stack import EKS, EksStack
from tests.engine.steps import assert_before, changed
from tests.support.control_plane import ApiServer
from tests.support.kinds import definitions, served
from tests.support.manifests import apply, delete

pytestmark = pytest.mark.engine

SPEC: Json = {
    "cluster": {"eks": {"region": "us-east-1", "api_endpoint": {"public_cidrs": ["203.0.113.0/24"]}}},
    "pools": {
        "system": {"machine_type": "m7i.2xlarge", "min_nodes": 2, "max_nodes": 3},
        "l4": {"accelerator": "l4", "max_nodes": 2},
    },
    "platform": {"gateway": {}},
    "workspaces": {
        "chat": {
            "services": {
                "assistant": {
                    "runtime": {"vllm": {}},
                    "model": {"huggingface": "Qwen/Qwen2.5-7B-Instruct"},
                    "pool": "l4",
                    "gpus": 1,
                    "route": {"path": "/assistant"},
                }
            }
        }
    },
}
POOL: Json = {
    "apiVersion": INFERENCE_POOL.api_version,
    "kind": INFERENCE_POOL.kind,
    "metadata": {"name": "assistant", "namespace": "default"},
    "spec": {
        "selector": {"matchLabels": {"app.kubernetes.io/instance": "chat-assistant"}},
        "targetPorts": [{"number": 8000}],
        "endpointPickerRef": {"name": "picker", "port": {"number": 9002}},
    },
}
DEFAULTS: Json = {"group": "", "kind": "Service", "failureMode": "FailClose"}


@pytest.fixture(scope="module")
def make(tmp_path_factory: pytest.TempPathFactory, cloud_servers: CloudServers) -> Iterator[Callable[..., EksStack]]:
    # What charts bring, which the stand-in only records. InferencePool is the stack's own.
    cloud = replace(EKS, kinds=(GATEWAY_CLASS, GATEWAY, HTTP_ROUTE, ENVOY_PROXY, CLIENT_TRAFFIC_POLICY))
    with cloud_stacks(cloud, tmp_path_factory.mktemp("pickers"), cloud_servers) as stacks:
        yield stacks


@pytest.fixture(scope="module")
def server(api_server: ApiServer) -> Iterator[ApiServer]:
    with served(api_server, definitions([inference_pool_crd()])):
        yield api_server


def test_what_asks_pickers_comes_and_goes_with_the_route(make: Callable[..., EksStack]) -> None:
    stack = make(SPEC)
    stack.project.up()
    assert INFERENCE_POOL.crd_name not in names(stack.get("customresourcedefinitions"))
    _ask(stack, "kv_cache")
    result = stack.project.up()
    for first, second in [
        ("CustomResourceDefinition gateway-inferencepools", "Release gateway-controller"),
        ("ClusterRoleBinding gateway-inferencepools", "Release gateway-controller"),
        ("Release gateway-controller", "Release gateway-pickers"),
        ("Release gateway-pickers", "InferencePool "),
        ("InferencePool ", "HTTPRoute chat-assistant-route"),
    ]:
        assert_before(result, first, second)
    assert changed(result)["Release gateway-controller"] == {"update"}
    assert "Deployment chat-assistant" not in changed(result)
    [route] = stack.get(HTTP_ROUTE.crd_name)
    [ref] = route["spec"]["rules"][0]["backendRefs"]
    assert (ref["kind"], ref["name"]) == ("InferencePool", "assistant")
    assert len(stack.get("pods", "--selector=app.kubernetes.io/component=endpoint-picker")) == 2
    assert stack.project.preview().unchanged
    # Kept while the route is led back, so that the route never leads to what Envoy Gateway does not know.
    stack.configure(lambda now: now["platform"]["gateway"].update(pickers=True))
    assert stack.project.preview().unchanged
    _ask(stack, None)
    assert not [each for each in changed(stack.project.up()) if each.startswith("Release ")]
    stack.configure(lambda now: now["platform"]["gateway"].clear())
    assert_before(stack.project.up(), "Release gateway-controller", "CustomResourceDefinition gateway-inferencepools")
    stack.project.destroy()
    assert stack.world.left() == []


def _ask(stack: EksStack, balance: str | None) -> None:
    def change(now: Json) -> None:
        route = now["workspaces"]["chat"]["services"]["assistant"]["route"]
        route.pop("balance", None)
        if balance:
            route["balance"] = balance

    stack.configure(change)


class TestInferencePool:
    def test_defaults_are_filled_in(self, server: ApiServer) -> None:
        assert apply(server, [POOL], dry_run=False) == ""
        [found] = server.get(INFERENCE_POOL.crd_name, "--namespace=default")
        delete(server, [POOL])
        assert found["spec"] == {
            **POOL["spec"],
            "appProtocol": "http",
            "endpointPickerRef": {**POOL["spec"]["endpointPickerRef"], **DEFAULTS},
        }

    @pytest.mark.parametrize(
        ("change", "said"),
        [
            ({"endpointPickerRef": {"name": "picker"}}, "port is required for a Service"),
            ({"targetPorts": [{"number": 8000}, {"number": 8000}]}, "port number must be unique"),
            ({"targetPorts": []}, "should have at least 1 items"),
            ({"selector": {}}, 'missing required field "matchLabels"'),
            ({"replicas": 1}, 'unknown field "replicas"'),
        ],
    )
    def test_what_no_gateway_can_use_is_refused(self, server: ApiServer, change: Json, said: str) -> None:
        assert said in apply(server, [{**POOL, "spec": {**POOL["spec"], **change}}], dry_run=True)
        assert apply(server, [POOL], dry_run=True) == ""
