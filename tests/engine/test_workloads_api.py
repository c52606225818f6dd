"""A real API server accepts every object of a workspace and of its model services, without a warning."""

import copy
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from modelyard.serving.autoscaling_spec import AutoscalingSpec, TargetSpec
from modelyard.serving.model_service import ModelService
from modelyard.serving.model_source_spec import ModelCacheSpec
from modelyard.serving.model_spec import ModelSpec
from modelyard.serving.spec import ModelServiceSpec
from modelyard.workspace.spec import (
    EgressSpec,
    MembersSpec,
    NetworkSpec,
    QuotaSpec,
    SecretSpec,
    VolumeSpec,
    WorkspaceSpec,
)
from modelyard.workspace.workspace import Workspace
from tests.support.clusters import bare_cluster
from tests.support.control_plane import ApiServer
from tests.support.manifests import apply, manifests, pod_of, settle
from tests.support.mocks import run
from tests.unit.serving.test_spec import OWN, VLLM, own, vllm

pytestmark = pytest.mark.engine

SCALING = AutoscalingSpec(min_replicas=2, max_replicas=3, target=TargetSpec(cpu_percent=60, memory_percent=80))
EVERYTHING = WorkspaceSpec(
    quota=QuotaSpec(gpus=8, cpus=64.5, memory_gib=512),
    members=MembersSpec(edit=["group:ml", "serviceaccount:ci/deployer"], view=["user:ann@example.org"]),
    secrets={"hf": SecretSpec(from_="config/hf")},
    volumes={"kept": VolumeSpec(size_gib=100, shared=True, storage_class="nfs")},
    network=NetworkSpec(
        allow_api_server=True,
        allow_egress=[
            EgressSpec(cidr="10.0.0.0/8", ports=[5432]),
            EgressSpec(cidr="0.0.0.0/0", ports=[8443]),
            EgressSpec(cidr="169.254.170.23/32", ports=[8080]),
            EgressSpec(cidr="fd00::/8", ports=[443]),
        ],
    ),
)
SERVICES = {
    "vllm-fixed": replace(VLLM, model=ModelSpec(huggingface="a/b", revision="1", token_secret="hf")),
    "vllm-scaled": replace(VLLM, autoscaling=SCALING),
    "vllm-many-gpus": replace(
        VLLM, pool="h100", gpus=8, replicas=1, runtime=vllm(pipeline_parallel=2, served_model_name="b", max_model_len=4)
    ),
    "vllm-cached": replace(
        VLLM,
        model=ModelSpec(huggingface="a/b", revision="a09a354", token_secret="hf", cache=ModelCacheSpec(volume="kept")),
    ),
    "own-fetched": replace(OWN, model=ModelSpec(uri="s3://models/qwen/7b")),
    "own-image": replace(OWN, model=ModelSpec(oci_image="registry.example.org/models/fraud:3", folder="onnx")),
    "own-fixed": replace(
        OWN,
        surge=0,
        replicas=2,
        cpus=0.25,
        cpu_limit=1,
        memory_limit_gib=2.5,
        shared_memory_gib=0.5,
        drain_seconds=0,
        startup_timeout_seconds=5,
        user_id=2**31 - 1,
        env={"MODE": "fast"},
        env_from_secrets={"TOKEN": "hf"},
    ),
    "own-scaled": replace(
        OWN,
        autoscaling=SCALING,
        startup_timeout_seconds=86400,
        drain_seconds=3600,
        runtime=own(live_path="/live", command=["serve"], args=["--fast"], metrics_path="/m", metrics_port=9090),
    ),
}


def objects_of(workspace: str, service: ModelServiceSpec) -> list[dict[str, Any]]:
    def program() -> None:
        made = Workspace(workspace, bare_cluster(), EVERYTHING)
        ModelService("assistant", made, service)

    return manifests(run(program, secrets={"modelyard:hf": "hidden"}))


def of_kind(objects: list[dict[str, Any]], kind: str) -> dict[str, Any]:
    (found,) = (each for each in objects if each["kind"] == kind)
    return found


@pytest.mark.parametrize("name", SERVICES)
def test_every_object_is_accepted(api_server: ApiServer, name: str) -> None:
    objects = objects_of(name, SERVICES[name])
    settle(api_server, objects)
    kinds = {each["kind"] for each in objects}
    expected = {
        "NetworkPolicy",
        "ResourceQuota",
        "RoleBinding",
        "Secret",
        "Deployment",
        "Service",
        "PodDisruptionBudget",
    }
    assert expected <= kinds
    assert ("HorizontalPodAutoscaler" in kinds) == (SERVICES[name].autoscaling is not None)
    assert apply(api_server, objects, dry_run=True) == ""


@pytest.mark.parametrize("name", SERVICES)
def test_its_pods_are_restricted(api_server: ApiServer, name: str) -> None:
    objects = objects_of(f"{name}-pods", SERVICES[name])
    settle(api_server, objects)
    pods = [pod_of(each) for each in objects if each["kind"] in {"Deployment", "Job"}]
    assert len(pods) == 1 + (name == "vllm-cached")
    assert apply(api_server, pods, dry_run=True) == ""


def _as_root(pod: dict[str, Any]) -> None:
    pod["securityContext"]["runAsUser"] = 0


def _with_the_host_network(pod: dict[str, Any]) -> None:
    pod["hostNetwork"] = True


def _with_a_capability(pod: dict[str, Any]) -> None:
    pod["containers"][0]["securityContext"]["capabilities"] = {"add": ["SYS_ADMIN"], "drop": ["ALL"]}


def _without_seccomp(pod: dict[str, Any]) -> None:
    del pod["securityContext"]["seccompProfile"]


@pytest.mark.parametrize("spoil", [_as_root, _with_the_host_network, _with_a_capability, _without_seccomp])
def test_a_pod_that_is_not_restricted_would_be_refused(
    api_server: ApiServer, spoil: Callable[[dict[str, Any]], None]
) -> None:
    objects = objects_of(spoil.__name__.strip("_").replace("_", "-"), SERVICES["own-fixed"])
    settle(api_server, objects)
    pod = copy.deepcopy(pod_of(of_kind(objects, "Deployment")))
    spoil(pod["spec"])
    assert "violates PodSecurity" in apply(api_server, [pod], dry_run=True)


def test_a_misspelt_field_would_be_refused(api_server: ApiServer) -> None:
    objects = objects_of("misspelt", SERVICES["own-fixed"])
    settle(api_server, objects)
    deployment = copy.deepcopy(of_kind(objects, "Deployment"))
    deployment["spec"]["replicaz"] = 1
    assert "replicaz" in apply(api_server, [deployment], dry_run=True)
