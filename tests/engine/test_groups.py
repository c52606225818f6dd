"""Services over several nodes through the real engine, a real API server that checks them by the real schema, and a
real scheduler.

The controller of LeaderWorkerSets does not run: the pods that it would make of its templates, the test makes.
"""

import copy
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from modelyard.cluster.traits import ClusterTraits
from modelyard.platform.leader_worker_sets import LeaderWorkerSets
from modelyard.platform.leader_worker_sets_chart import DEFINITION, GROUP_KEY, LEADER_WORKER_SET, WORKER_INDEX
from modelyard.serving.adapter_spec import AdapterSpec
from modelyard.serving.autoscaling_spec import AutoscalingSpec, TargetSpec
from modelyard.serving.model_service import ModelService
from modelyard.serving.runtimes.sglang import SglangSpec
from modelyard.serving.runtimes.spec import RuntimeSpec
from modelyard.serving.spec import ModelServiceSpec
from modelyard.workspace.spec import FabricSpec, WorkspaceSpec
from modelyard.workspace.workspace import Workspace
from tests.engine.local_stack import Json, LocalStack, local_stack
from tests.engine.steps import assert_before, changed
from tests.support.clusters import bare_cluster
from tests.support.control_plane import ApiServer
from tests.support.kinds import real_kinds
from tests.support.manifests import apply, manifests, settle
from tests.support.mocks import run
from tests.support.processes import wait_until
from tests.unit.serving.test_groups import ALL, WIDE

pytestmark = pytest.mark.engine

SETS = LEADER_WORKER_SET.crd_name
SCALED = AutoscalingSpec(min_replicas=1, max_replicas=2, target=TargetSpec(cpu_percent=60))
SERVICES = {
    "vllm": WIDE,
    "sglang": replace(WIDE, runtime=RuntimeSpec(sglang=SglangSpec(tensor_parallel=8, pipeline_parallel=2))),
    "scaled": replace(WIDE, surge=0, autoscaling=SCALED),
    "adapted": replace(WIDE, adapters={"sql": AdapterSpec(huggingface="acme/sql-lora")}),
    "on-the-fabric": replace(WIDE, pool="fabric", surge=0),
}


@pytest.fixture(scope="module")
def server(api_server: ApiServer, shared_folder: Path) -> Iterator[ApiServer]:
    """A server that has the real kind for as long as this lasts."""
    with real_kinds(api_server, shared_folder / "crds" / "lws", DEFINITION.kinds):
        yield api_server


def objects_of(workspace: str, service: ModelServiceSpec) -> list[dict[str, Any]]:
    def program() -> None:
        cluster = bare_cluster(ALL, ClusterTraits(charts_installed=False))
        home = Workspace(workspace, cluster, WorkspaceSpec(fabric=FabricSpec()))
        ModelService("mixtral", home, service, leader_worker_sets=LeaderWorkerSets("groups", cluster))

    return [each for each in manifests(run(program)) if each["kind"] != "CustomResourceDefinition"]


def set_of(objects: list[dict[str, Any]]) -> dict[str, Any]:
    [found] = (each for each in objects if each["kind"] == LEADER_WORKER_SET.kind)
    return found


def pods_of(group_set: dict[str, Any], group: int = 0) -> list[dict[str, Any]]:
    """The pods of one group as the controller makes them."""
    metadata, templates = group_set["metadata"], group_set["spec"]["leaderWorkerTemplate"]
    made: list[dict[str, Any]] = []
    for index in range(templates["size"]):
        template = copy.deepcopy(templates["workerTemplate" if index else "leaderTemplate"])
        name = f"{metadata['name']}-{group}" + (f"-{index}" if index else "")
        template["metadata"] |= {"name": name, "namespace": metadata["namespace"]}
        template["metadata"]["labels"] |= {WORKER_INDEX: str(index), GROUP_KEY: f"group-{group}"}
        template["spec"]["subdomain"] = metadata["name"]
        made.append({"apiVersion": "v1", "kind": "Pod", **template})
    return made


@pytest.mark.parametrize("name", SERVICES)
def test_every_object_and_every_pod_of_a_group_is_accepted(server: ApiServer, name: str) -> None:
    objects = objects_of(f"groups-{name}", SERVICES[name])
    settle(server, objects)
    assert apply(server, objects, dry_run=True) == ""
    # A warning of pod security would be a complaint too: `restricted`, but in the companion namespace.
    assert apply(server, pods_of(set_of(objects)), dry_run=True) == ""


def test_the_schema_knows_the_names_of_fields(server: ApiServer) -> None:
    group_set = set_of(objects_of("groups-vllm", WIDE))
    group_set["spec"]["leaderWorkerTemplate"]["restartPolicies"] = "None"
    assert "restartPolicies" in apply(server, [group_set], dry_run=True)


WIDE_YAML: Json = {
    "model": {"huggingface": "mistralai/Mixtral-8x22B-Instruct-v0.1", "revision": "cc88a6c"},
    "runtime": {"vllm": {"tensor_parallel": 8, "pipeline_parallel": 2}},
    "pool": "h100",
}
SPEC: Json = {
    "pools": {
        "system": {"cpus": 16, "memory_gib": 32, "max_nodes": 1},
        "h100": {"accelerator": "h100", "gpus_per_node": 8, "min_nodes": 4, "max_nodes": 4},
    },
    "workspaces": {"chat": {"services": {"mixtral": WIDE_YAML}}},
}


@pytest.fixture
def stack(tmp_path: Path, shared_folder: Path) -> Iterator[LocalStack]:
    with local_stack(tmp_path, SPEC, crds=shared_folder / "crds" / "lws") as made:
        yield made


def test_a_service_over_several_nodes_lives(stack: LocalStack) -> None:
    stack.project.up()
    _its_pods_get_nodes_of_their_own(stack)
    _stays(stack)
    _changes_in_place(stack)
    _follows_an_autoscaler_and_comes_back(stack)
    _becomes_a_pod_on_one_node(stack)
    _goes_before_the_kind(stack)


def _service(stack: LocalStack) -> Json:
    return stack.spec["workspaces"]["chat"]["services"]["mixtral"]


def _its_pods_get_nodes_of_their_own(stack: LocalStack) -> None:
    """And requests come to the leader alone."""
    group_set = stack.one(SETS, "chat-mixtral")
    pods = pods_of(group_set)
    file = stack.base / "pods.json"
    file.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": pods}))
    stack.kubectl("create", f"--filename={file}")
    names = [each["metadata"]["name"] for each in pods]

    def found() -> list[Json]:
        return [each for each in stack.get("pods") if each["metadata"]["name"] in names]

    wait_until(lambda: all(each["status"].get("phase") == "Running" for each in found()), "the pods of the group")
    assert len({each["spec"]["nodeName"] for each in found()}) == len(names) == 2
    slices = ("get", "endpointslices", "--namespace=chat", "--selector=kubernetes.io/service-name=mixtral", "-o=json")

    def led_to() -> set[str]:
        found: set[str] = set()
        for item in json.loads(stack.kubectl(*slices))["items"]:
            endpoints: list[Json] = item.get("endpoints") or []
            found |= {each["targetRef"]["name"] for each in endpoints}
        return found

    wait_until(lambda: led_to() == {names[0]}, "the Service to lead to the leader")
    stack.kubectl("delete", f"--filename={file}", "--wait=true")


def _stays(stack: LocalStack) -> None:
    """Also when its controller has written what it found."""
    status = {"status": {"replicas": 1, "readyReplicas": 1, "hpaPodSelector": "a=b"}}
    name = stack.one(SETS, "chat-mixtral")["metadata"]["name"]
    stack.kubectl(
        *("patch", SETS, name, "--namespace=chat", "--subresource=status", "--type=merge"),
        *("--field-manager=lws", f"--patch={json.dumps(status)}"),
    )
    assert stack.project.preview().unchanged
    assert stack.project.refresh().unchanged
    assert stack.project.preview().unchanged


def _changes_in_place(stack: LocalStack) -> None:
    before = stack.one(SETS, "chat-mixtral")["metadata"]
    _service(stack)["drain_seconds"] = 120
    assert changed(stack.update()) == {"LeaderWorkerSet chat-mixtral": {"update"}}
    _service(stack)["replicas"] = 2
    _service(stack)["surge"] = 0
    assert changed(stack.update()) == {"LeaderWorkerSet chat-mixtral": {"update"}}
    after = stack.one(SETS, "chat-mixtral")
    assert after["metadata"]["uid"] == before["uid"]
    assert after["spec"]["replicas"] == 2
    assert (
        "--shutdown-timeout=120"
        in after["spec"]["leaderWorkerTemplate"]["leaderTemplate"]["spec"]["containers"][0]["args"]
    )


def _follows_an_autoscaler_and_comes_back(stack: LocalStack) -> None:
    service = _service(stack)
    del service["replicas"]
    service["autoscaling"] = {"min_replicas": 1, "max_replicas": 2, "target": {"cpu_percent": 60}}
    assert "HorizontalPodAutoscaler chat-mixtral-autoscaler" in changed(stack.update())
    group_set = stack.one(SETS, "chat-mixtral")
    assert group_set["spec"]["replicas"] == 2, "no update takes groups away"
    target = stack.one("horizontalpodautoscalers", "chat-mixtral")["spec"]["scaleTargetRef"]
    assert (target["kind"], target["name"]) == ("LeaderWorkerSet", group_set["metadata"]["name"])
    stack.kubectl("scale", f"{SETS}/{group_set['metadata']['name']}", "--namespace=chat", "--replicas=1")
    assert stack.project.preview().unchanged
    del service["autoscaling"]
    service["replicas"] = 2
    stack.update()
    assert stack.one(SETS, "chat-mixtral")["spec"]["replicas"] == 2


def _becomes_a_pod_on_one_node(stack: LocalStack) -> None:
    """Under the same name, and the other way round: what is new exists before the old goes."""
    service = _service(stack)
    service["runtime"] = {"vllm": {"tensor_parallel": 8}}
    result = stack.update()
    assert_before(result, "Deployment chat-mixtral", "LeaderWorkerSet chat-mixtral")
    assert WORKER_INDEX not in stack.one("services", "chat-mixtral")["spec"]["selector"]
    service["runtime"] = {"vllm": {"tensor_parallel": 8, "pipeline_parallel": 2}}
    result = stack.update()
    assert_before(result, "LeaderWorkerSet chat-mixtral", "Deployment chat-mixtral")
    assert stack.one("services", "chat-mixtral")["spec"]["selector"][WORKER_INDEX] == "0"


def _goes_before_the_kind(stack: LocalStack) -> None:
    result = stack.project.destroy()
    assert_before(result, "LeaderWorkerSet chat-mixtral", "Namespace leader-worker-sets")
    assert stack.project.resources() == []
