"""What stands beside routes, through the real engine: policies of Envoy, their keys, and pickers of replicas."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from modelyard.platform.gateway_kinds import (
    BACKEND_TRAFFIC_POLICY,
    ENVOY_PROXY,
    GATEWAY,
    GATEWAY_CLASS,
    HTTP_ROUTE,
    SECURITY_POLICY,
)
from tests.engine.cloud_servers import CloudServers
from tests.engine.cloud_stack import Json, cloud_stacks
from tests.engine.gke_stack import GKE, GkeStack
from tests.engine.local_stack import LocalStack, local_stack
from tests.engine.services import service
from tests.engine.steps import assert_before, changed
from tests.support.gke_world import PROJECT

pytestmark = pytest.mark.engine

CLOUD = replace(GKE, kinds=(GATEWAY_CLASS, GATEWAY, HTTP_ROUTE, ENVOY_PROXY, BACKEND_TRAFFIC_POLICY, SECURITY_POLICY))
OBJECTS = f"{HTTP_ROUTE.crd_name},{BACKEND_TRAFFIC_POLICY.crd_name},{SECURITY_POLICY.crd_name}"
ROUTE: Json = {
    "path": "/web",
    "header": {"x-team": "search"},
    "api_keys": {"clients": {"search": "search-key", "ads": "ads-key"}},
    "source_cidrs": ["192.0.2.0/24"],
    "rate_limit": {"requests_per_minute": 600, "per": "api_key"},
    "retry": {"on": ["connection", "unavailable"]},
    "max_request_mib": 16,
    "max_parallel_requests": 4096,
    "idle_timeout_seconds": 120,
    "balance": "header",
    "balance_header": "x-session-id",
}
SPEC: Json = {
    "cluster": {"gke": {"project": PROJECT, "region": "us-central1", "network": {}}},
    "pools": {"system": {"cpus": 8, "memory_gib": 32, "min_nodes": 2, "max_nodes": 3}},
    "platform": {"gateway": {"hostname": "models.example.org"}},
    "workspaces": {
        "team": {
            "secrets": {"search-key": {"from": "config/search-key"}, "ads-key": {"from": "config/ads-key"}},
            "services": {
                "web": service(route=ROUTE),
            },
        }
    },
}


@pytest.fixture(scope="module")
def make(tmp_path_factory: pytest.TempPathFactory, cloud_servers: CloudServers) -> Iterator[Callable[..., GkeStack]]:
    """Stacks one after the other."""
    with cloud_stacks(CLOUD, tmp_path_factory.mktemp("policies"), cloud_servers) as stacks:
        yield stacks


def test_policies_live_with_their_route(make: Callable[..., GkeStack]) -> None:
    stack = make(SPEC)
    keys = {"search": "one", "ads": "two"}
    stack.project.set_config(secrets={f"modelyard:{name}-key": key for name, key in keys.items()})
    result = stack.project.up()
    assert_before(result, "SecurityPolicy ", "HTTPRoute team-web-route")
    assert_before(result, "BackendTrafficPolicy ", "HTTPRoute team-web-route")
    assert _key_names(stack) == _named(stack)
    assert stack.project.preview().unchanged
    before = _uids(stack)
    first = _named(stack)
    # A new key is a new Secret, which the policy is led to in place.
    stack.project.set_config(secrets={"modelyard:ads-key": "three"})
    result = stack.project.up()
    assert "HTTPRoute team-web-route" not in changed(result)
    assert _uids(stack) == before
    assert _key_names(stack) == _named(stack) != first
    # A route that asks nobody any more has no policy.
    stack.configure(lambda now: now["workspaces"]["team"]["services"]["web"].update(route={"path": "/web"}))
    stack.project.up()
    assert [each["kind"] for each in stack.get(OBJECTS)] == ["HTTPRoute"]
    assert not _key_names(stack)
    stack.configure(lambda now: now["workspaces"]["team"]["services"]["web"].update(route=ROUTE))
    stack.project.up()
    result = stack.project.destroy()
    assert_before(result, "HTTPRoute team-web-route", "SecurityPolicy ")
    assert_before(result, "SecurityPolicy ", "Gateway gateway-gateway")
    assert stack.world.left() == []


def _named(stack: GkeStack) -> set[str]:
    """The Secrets that policies name."""
    policies = stack.get(SECURITY_POLICY.crd_name)
    return {ref["name"] for each in policies for ref in each["spec"]["apiKeyAuth"]["credentialRefs"]}


def _key_names(stack: GkeStack) -> set[str]:
    """The Secrets with keys of clients."""
    return {each["metadata"]["name"] for each in stack.get("secrets", "--selector=app.kubernetes.io/instance=team-web")}


def _uids(stack: GkeStack) -> set[str]:
    return {each["metadata"]["uid"] for each in stack.get(OBJECTS)}


POOLS = "inferencepools.inference.networking.k8s.io"
PICKED: Json = {
    "pools": {
        "system": {"cpus": 16, "memory_gib": 32},
        "l4": {"accelerator": "l4", "max_nodes": 2},
    },
    "platform": {"gateway": {"class": "istio", "class_features": ["kv_cache"]}},
    "workspaces": {
        "chat": {
            "services": {
                "assistant": {
                    "runtime": {"vllm": {}},
                    "model": {"huggingface": "Qwen/Qwen2.5-7B-Instruct"},
                    "pool": "l4",
                    "gpus": 1,
                    "route": {"path": "/assistant", "balance": "kv_cache"},
                }
            }
        }
    },
}


@pytest.fixture
def local(tmp_path: Path, shared_folder: Path) -> Iterator[LocalStack]:
    with local_stack(tmp_path, PICKED, crds=shared_folder / "crds") as made:
        yield made


def test_a_picker_comes_and_goes_by_one_field(local: LocalStack) -> None:
    local.project.up()
    [pool] = local.get(POOLS)
    [picker] = local.get("deployments", "--selector=app.kubernetes.io/component=endpoint-picker")
    [service] = local.get("services", "--selector=app.kubernetes.io/component=endpoint-picker")
    assert pool["spec"]["endpointPickerRef"]["name"] == service["metadata"]["name"]
    assert pool["metadata"]["name"] == "assistant"
    assert "--pool-name=assistant" in picker["spec"]["template"]["spec"]["containers"][0]["args"]
    pods = local.get("pods", "--selector=app.kubernetes.io/component=endpoint-picker")
    assert [each["spec"]["nodeName"] for each in pods] != [], "pod security restricted lets it in"
    chosen = ",".join(f"{key}={value}" for key, value in pool["spec"]["selector"]["matchLabels"].items())
    assert {
        each["metadata"]["labels"]["app.kubernetes.io/name"] for each in local.get("pods", f"--selector={chosen}")
    } == {"assistant"}
    [route] = local.get(HTTP_ROUTE.crd_name)
    [ref] = route["spec"]["rules"][0]["backendRefs"]
    assert (ref["kind"], ref["name"]) == ("InferencePool", pool["metadata"]["name"])
    assert local.project.preview().unchanged
    del local.spec["workspaces"]["chat"]["services"]["assistant"]["route"]["balance"]
    result = local.update()
    assert_before(result, "HTTPRoute chat-assistant-route", "InferencePool ")
    assert changed(result)["HTTPRoute chat-assistant-route"] == {"update"}
    assert "Deployment chat-assistant" not in changed(result)
    assert local.get(POOLS) == []
    local.project.destroy()
    assert local.project.resources() == []
