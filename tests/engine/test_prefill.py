"""Pods that read prompts for those that answer, through the real engine, a real API server and a real scheduler.

No picker and no server runs: that caches move, nobody has seen.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from modelyard.cluster.traits import ClusterTraits
from modelyard.platform.gateway import Gateway
from modelyard.platform.gateway_kinds import HTTP_ROUTE, INFERENCE_POOL
from modelyard.platform.gateway_spec import GatewaySpec
from modelyard.serving.model_service import ModelService
from modelyard.workspace.spec import WorkspaceSpec
from modelyard.workspace.workspace import Workspace
from tests.engine.local_stack import Json, LocalStack, local_stack
from tests.engine.steps import assert_before, changed
from tests.support.clusters import bare_cluster
from tests.support.control_plane import ApiServer
from tests.support.kinds import real_kinds
from tests.support.manifests import apply, manifests, pod_of, settle
from tests.support.mocks import run
from tests.unit.serving.test_prefill import APART

pytestmark = pytest.mark.engine

ANY_CLASS = GatewaySpec(class_="istio", class_features=["kv_cache"])
SPEC: Json = {
    "pools": {
        "system": {"cpus": 16, "memory_gib": 32},
        "h100": {"accelerator": "h100", "gpus_per_node": 8, "cpus": 192, "memory_gib": 2000, "max_nodes": 2},
    },
    "platform": {"gateway": {"class": "istio", "class_features": ["kv_cache"]}},
    "workspaces": {
        "chat": {
            "quota": {"gpus": 16},
            "services": {
                "assistant": {
                    "runtime": {"vllm": {"max_model_len": 32768}},
                    "model": {"huggingface": "Qwen/Qwen2.5-7B-Instruct"},
                    "pool": "h100",
                    "gpus": 4,
                    "route": {"path": "/assistant", "balance": "kv_cache"},
                    "prefill": {"replicas": 3, "gpus": 1},
                }
            },
        }
    },
}


@pytest.fixture
def server(api_server: ApiServer, shared_folder: Path) -> Iterator[ApiServer]:
    """A server that has the real kind for as long as this lasts."""
    with real_kinds(api_server, shared_folder / "crds" / "gateway-api-inference-extension", [INFERENCE_POOL]):
        yield api_server


@pytest.fixture
def local(tmp_path: Path, shared_folder: Path) -> Iterator[LocalStack]:
    with local_stack(tmp_path, SPEC, crds=shared_folder / "crds") as made:
        yield made


def objects() -> list[dict[str, Any]]:
    """All of a workspace with the service but the route, whose kinds are the gateway's."""

    def program() -> None:
        cluster = bare_cluster(traits=ClusterTraits(charts_installed=False))
        workspace = Workspace("prefill-apart", cluster, WorkspaceSpec())
        ModelService("assistant", workspace, APART, gateway=Gateway("gateway", cluster, ANY_CLASS))

    here = {"prefill-apart"}
    return [
        each
        for each in manifests(run(program))
        if here & {each["metadata"]["name"], each["metadata"].get("namespace")} and each["kind"] != HTTP_ROUTE.kind
    ]


def test_every_object_and_every_pod_is_accepted_without_a_warning(server: ApiServer) -> None:
    made = objects()
    settle(server, made)
    assert {each["kind"] for each in made} >= {"Deployment", "InferencePool", "PodDisruptionBudget"}
    assert apply(server, made, dry_run=True) == ""
    deployments = [each for each in made if each["kind"] == "Deployment"]
    assert len(deployments) == 3
    assert apply(server, [pod_of(each) for each in deployments], dry_run=True) == "", "pod security restricted"


def roles(local: LocalStack) -> dict[str, list[str]]:
    """The names of the service's pods that are on a node, by what they do."""
    found: dict[str, list[str]] = {}
    for pod in local.get("pods", "--selector=app.kubernetes.io/name=assistant"):
        assert pod["spec"]["nodeName"]
        found.setdefault(pod["metadata"]["labels"].get("llm-d.ai/role", "both"), []).append(pod["metadata"]["name"])
    return found


def names(local: LocalStack, selector: dict[str, str]) -> set[str]:
    listed = ",".join(f"{key}={value}" for key, value in selector.items())
    return {each["metadata"]["name"] for each in local.get("pods", f"--selector={listed}")}


def profiles(local: LocalStack) -> list[str]:
    """The ways in which the picker chooses."""
    [picker] = local.get("deployments", "--selector=app.kubernetes.io/component=endpoint-picker")
    [config] = (
        json.loads(each.partition("=")[2])
        for each in picker["spec"]["template"]["spec"]["containers"][0]["args"]
        if each.startswith("--config-text=")
    )
    return [each["name"] for each in config["schedulingProfiles"]]


def test_they_come_and_go_by_one_field(local: LocalStack) -> None:
    local.project.up()
    found = roles(local)
    assert {role: len(pods) for role, pods in found.items()} == {"decode": 1, "prefill": 3}
    [service] = local.get("services", "--field-selector=metadata.name=assistant")
    assert names(local, service["spec"]["selector"]) == {*found["decode"]}, "clients inside of the cluster reach these"
    [pool] = local.get(INFERENCE_POOL.crd_name)
    assert names(local, pool["spec"]["selector"]["matchLabels"]) == {*found["decode"], *found["prefill"]}
    [budget] = local.get("poddisruptionbudgets", "--selector=app.kubernetes.io/name=assistant")
    assert budget["status"]["expectedPods"] == 4
    assert profiles(local) == ["prefill", "decode"]
    assert local.project.preview().unchanged

    assistant: Json = local.spec["workspaces"]["chat"]["services"]["assistant"]
    prefill = assistant.pop("prefill")
    done = changed(local.update())
    assert done["Deployment chat-assistant-prefill"] == {"delete"}
    for name in ("Deployment chat-assistant", "Deployment chat-assistant-picker"):
        assert done[name] == {"update"}
    assert not [key for key in done if key.startswith(("HTTPRoute ", "Service "))], "clients go on as before"
    assert profiles(local) == ["default"]
    assert roles(local).keys() == {"both"}

    assistant["prefill"] = {**prefill, "replicas": 2}
    done = changed(local.update())
    assert done["Deployment chat-assistant-prefill"] == {"create"}
    assert done["Deployment chat-assistant"] == {"update"}
    assert {role: len(pods) for role, pods in roles(local).items()} == {"decode": 1, "prefill": 2}
    assistant["prefill"]["replicas"] = 4
    assert changed(local.update()) == {"Deployment chat-assistant-prefill": {"update"}}

    result = local.project.destroy()
    assert_before(result, "HTTPRoute chat-assistant-route", "InferencePool ")
    assert local.project.resources() == []
