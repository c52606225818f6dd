"""Services whose pods KServe makes, through the real engine and a real API server that checks them by the real schema.

KServe does not run: the Deployment that it would make, the test makes.
"""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from modelyard.cluster.traits import ClusterTraits
from modelyard.platform.kserve import KServe
from modelyard.platform.kserve_kind import INFERENCE_SERVICE
from modelyard.serving.autoscaling_spec import AutoscalingSpec, TargetSpec
from modelyard.serving.model_service import ModelService
from modelyard.serving.model_spec import ModelSpec
from modelyard.serving.spec import ModelServiceSpec
from modelyard.workspace.container_spec import InitContainerSpec, SidecarSpec
from modelyard.workspace.spec import WorkspaceSpec
from modelyard.workspace.workspace import Workspace
from tests.engine.local_stack import Json, LocalStack, local_stack
from tests.engine.steps import assert_before, changed
from tests.support.clusters import POOLS, bare_cluster
from tests.support.control_plane import ApiServer
from tests.support.gpu_pools import GPU_POOLS
from tests.support.kinds import real_kinds
from tests.support.manifests import apply, manifests, settle
from tests.support.mocks import run
from tests.support.processes import wait_until
from tests.unit.serving.test_spec import OWN, VLLM

pytestmark = pytest.mark.engine

CRD = INFERENCE_SERVICE.crd_name
SIMULATED = {name: replace(pool, runs_containers=False) for name, pool in {**POOLS, **GPU_POOLS}.items()}
FULL = replace(
    OWN,
    drain_seconds=120,
    surge=0,
    init_containers=[InitContainerSpec(image="a/wait:1")],
    sidecars=[SidecarSpec(image="a/proxy:1", port=9000)],
)
SERVICES = {
    "container": OWN,
    "full": FULL,
    "vllm": VLLM,
    "image": replace(OWN, model=ModelSpec(oci_image="registry.example.org/model:1")),
    "claimed": replace(VLLM, pool="claimed"),
    "scaled": replace(OWN, autoscaling=AutoscalingSpec(max_replicas=2, target=TargetSpec(cpu_percent=60))),
}


@pytest.fixture(scope="module")
def server(api_server: ApiServer, shared_folder: Path) -> Iterator[ApiServer]:
    """A server that has the real kind for as long as this lasts."""
    with real_kinds(api_server, shared_folder / "crds" / "kserve", [INFERENCE_SERVICE]):
        yield api_server


def objects_of(workspace: str, service: ModelServiceSpec) -> list[dict[str, Any]]:
    def program() -> None:
        cluster = bare_cluster(SIMULATED, ClusterTraits(charts_installed=False))
        home = Workspace(workspace, cluster, WorkspaceSpec())
        ModelService("fraud", home, replace(service, backend="kserve"), kserve=KServe("kserve", cluster))

    return [each for each in manifests(run(program)) if each["kind"] != "CustomResourceDefinition"]


def inference_service_of(objects: list[dict[str, Any]]) -> dict[str, Any]:
    [found] = (each for each in objects if each["kind"] == INFERENCE_SERVICE.kind)
    return found


def pod_of(made: dict[str, Any]) -> dict[str, Any]:
    """A pod as KServe has it made: all of the predictor that is not its own."""
    own = {"labels", "annotations", "deploymentStrategy", "minReplicas"}
    predictor, metadata = made["spec"]["predictor"], made["metadata"]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": metadata["name"],
            "namespace": metadata["namespace"],
            "labels": {**metadata["labels"], **predictor["labels"], "app": f"isvc.{metadata['name']}-predictor"},
            "annotations": {**metadata["annotations"], **predictor["annotations"]},
        },
        "spec": {key: value for key, value in predictor.items() if key not in own},
    }


@pytest.mark.parametrize("name", SERVICES)
def test_every_object_and_its_pods_are_accepted(server: ApiServer, name: str) -> None:
    objects = objects_of(f"kserve-{name}", SERVICES[name])
    settle(server, objects)
    assert apply(server, objects, dry_run=True) == ""
    # A warning of pod security would be a complaint too.
    assert apply(server, [pod_of(inference_service_of(objects))], dry_run=True) == ""


def test_the_schema_knows_the_names_of_fields(server: ApiServer) -> None:
    made = inference_service_of(objects_of("kserve-container", OWN))
    made["spec"]["predictor"]["deploymentStrategies"] = {}
    assert "deploymentStrategies" in apply(server, [made], dry_run=True)


FRAUD: Json = {
    "runtime": {"container": {"image": "registry.example.org/fraud:4.2.0", "port": 8080, "ready_path": "/ok"}},
    "pool": "system",
    "replicas": 2,
}
SPEC: Json = {
    "pools": {"system": {"cpus": 16, "memory_gib": 32, "max_nodes": 1}},
    "platform": {"kserve_present": True},
    "workspaces": {"risk": {"services": {"fraud": FRAUD}}},
}


@pytest.fixture
def stack(tmp_path: Path, shared_folder: Path) -> Iterator[LocalStack]:
    with local_stack(tmp_path, SPEC, crds=shared_folder / "crds" / "kserve") as made:
        yield made


def test_a_service_moves_to_kserve_and_back(stack: LocalStack) -> None:
    stack.project.up()
    _moves(stack)
    _its_pods_are_found(stack)
    _stays(stack)
    _changes_in_place(stack)
    _moves_back(stack)
    _goes(stack)


def _service(stack: LocalStack) -> Json:
    return stack.spec["workspaces"]["risk"]["services"]["fraud"]


def _moves(stack: LocalStack) -> None:
    """What is new exists before the old goes, and the Service is the same."""
    before = stack.one("services", "risk-fraud")["metadata"]["uid"]
    _service(stack)["backend"] = "kserve"
    assert_before(stack.update(), "InferenceService risk-fraud", "Deployment risk-fraud")
    assert stack.one("services", "risk-fraud")["metadata"]["uid"] == before


def _its_pods_are_found(stack: LocalStack) -> None:
    made = stack.one(CRD, "risk-fraud")
    pod = pod_of(made)
    name, labels = f"{made['metadata']['name']}-predictor", pod["metadata"]["labels"]
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": "risk", "labels": labels},
        "spec": {
            "replicas": made["spec"]["predictor"]["minReplicas"],
            "selector": {"matchLabels": {"app": labels["app"]}},
            "strategy": made["spec"]["predictor"]["deploymentStrategy"],
            "template": {
                "metadata": {"labels": labels, "annotations": pod["metadata"]["annotations"]},
                "spec": pod["spec"],
            },
        },
    }
    file = stack.base / "deployment.json"
    file.write_text(json.dumps(deployment))
    stack.kubectl("create", f"--filename={file}")
    slices = ("get", "endpointslices", "--namespace=risk", "--selector=kubernetes.io/service-name=fraud", "-o=json")

    def led_to() -> int:
        found = 0
        for item in json.loads(stack.kubectl(*slices))["items"]:
            endpoints: list[Json] = item.get("endpoints") or []
            found += sum(each["targetRef"]["name"].startswith(f"{name}-") for each in endpoints)
        return found

    wait_until(lambda: led_to() == 2, "the Service to lead to both pods")
    stack.kubectl("delete", f"--filename={file}", "--wait=true")


def _stays(stack: LocalStack) -> None:
    """Also when KServe has written what it found."""
    status = {"status": {"conditions": [{"type": "Ready", "status": "True"}], "observedGeneration": 1}}
    name = stack.one(CRD, "risk-fraud")["metadata"]["name"]
    stack.kubectl(
        *("patch", CRD, name, "--namespace=risk", "--subresource=status", "--type=merge"),
        *("--field-manager=kserve", f"--patch={json.dumps(status)}"),
    )
    assert stack.project.preview().unchanged
    assert stack.project.refresh().unchanged
    assert stack.project.preview().unchanged


def _changes_in_place(stack: LocalStack) -> None:
    before = stack.one(CRD, "risk-fraud")["metadata"]["uid"]
    _service(stack)["replicas"] = 3
    _service(stack)["runtime"]["container"]["image"] = "registry.example.org/fraud:4.3.0"
    assert changed(stack.update()) == {"InferenceService risk-fraud": {"update"}}
    after = stack.one(CRD, "risk-fraud")
    assert after["metadata"]["uid"] == before
    assert after["spec"]["predictor"]["minReplicas"] == 3
    assert after["spec"]["predictor"]["containers"][0]["image"] == "registry.example.org/fraud:4.3.0"


def _moves_back(stack: LocalStack) -> None:
    del _service(stack)["backend"]
    assert_before(stack.update(), "Deployment risk-fraud", "InferenceService risk-fraud")


def _goes(stack: LocalStack) -> None:
    stack.project.destroy()
    assert stack.project.resources() == []
