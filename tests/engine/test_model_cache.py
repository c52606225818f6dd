"""A cache through the real engine: filled before the service is touched, again for another revision, and not at all."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from modelyard.cluster.pools import POOL_LABEL
from modelyard.serving.model_files import cached_folder
from modelyard.serving.model_source_spec import ModelCacheSpec
from modelyard.serving.model_spec import ModelSpec
from tests.support.control_plane import ApiServer
from tests.support.engine import MakeProject, PulumiProject
from tests.support.manifests import simulated_node, simulated_nodes
from tests.support.paths import ROOT

pytestmark = pytest.mark.engine

PROGRAM = """
import pulumi
import pulumi_kubernetes as k8s
from modelyard.cluster.pools import resolve_pool
from modelyard.cluster.spec import PoolSpec
from modelyard.serving.model_service import ModelService
from modelyard.serving.spec import ModelServiceSpec
from modelyard.spec import load_json
from modelyard.workspace.spec import VolumeSpec, WorkspaceSpec
from modelyard.workspace.workspace import Workspace
from tests.support.clusters import BareCluster

config = pulumi.Config()
pools = {name: resolve_pool(name, PoolSpec(cpus=16, memory_gib=64, max_nodes=2)) for name in ("cached", "empty")}
provider = k8s.Provider("cluster", kubeconfig=config.require("kubeconfig"), cluster_identifier="cached")
cluster = BareCluster(pools=pools, kubernetes_provider=provider)
volumes = {"kept": VolumeSpec(size_gib=1, shared=True, storage_class="by-hand")}
workspace = Workspace("cached", cluster, WorkspaceSpec(volumes=volumes))
ModelService("chat", workspace, load_json(ModelServiceSpec, config.require("service")))
"""
FIRST, SECOND, THIRD = (digit * 40 for digit in "123")
NODE = simulated_node("cached-1", {POOL_LABEL: "cached"})
VOLUME = {
    "apiVersion": "v1",
    "kind": "PersistentVolume",
    "metadata": {"name": "cached-by-hand"},
    "spec": {
        "capacity": {"storage": "1Gi"},
        "accessModes": ["ReadWriteMany"],
        "storageClassName": "by-hand",
        "persistentVolumeReclaimPolicy": "Retain",
        "hostPath": {"path": "/nowhere"},
    },
}


@pytest.fixture
def nodes(api_server: ApiServer) -> Iterator[None]:
    with simulated_nodes(api_server, [NODE, VOLUME]):
        yield


class Cached:
    """A service with a model in a cache, on a control plane."""

    def __init__(self, server: ApiServer, project: PulumiProject) -> None:
        self._server, self.project = server, project
        project.set_config({"kubeconfig": str(server.kubeconfig)})

    def set_revision(self, revision: str, **cache: Any) -> None:
        service = {
            "pool": "cached",
            "runtime": {"container": {"image": "a/b:1", "port": 8080, "ready_path": "/ok"}},
            "model": {"huggingface": "Qwen/Qwen3-8B", "revision": revision, "cache": {"volume": "kept", **cache}},
        }
        self.project.set_config({"service": json.dumps(service)})

    def get(self, kind: str) -> list[dict[str, Any]]:
        return self._server.get(kind, "--namespace=cached")

    def job(self) -> dict[str, Any]:
        (job,) = self.get("jobs")
        return job

    def served(self) -> str:
        """The folder that the service's pods see."""
        (deployment,) = self.get("deployments")
        (container,) = deployment["spec"]["template"]["spec"]["containers"]
        (mount,) = (each for each in container["volumeMounts"] if each["mountPath"] == "/model")
        return mount["subPath"]

    def pods(self) -> set[str]:
        pods = (each["metadata"] for each in self.get("pods"))
        return {pod["name"] for pod in pods if pod["labels"]["app.kubernetes.io/component"] == "model-service"}

    def newest_replica_set(self) -> dict[str, Any]:
        return max(self.get("replicasets"), key=lambda each: each["metadata"]["creationTimestamp"])


def folder(revision: str) -> str:
    return cached_folder(ModelSpec(huggingface="Qwen/Qwen3-8B", revision=revision, cache=ModelCacheSpec(volume="kept")))


@pytest.mark.usefixtures("nodes")
def test_pods_come_only_once_their_revision_is_there(api_server: ApiServer, make_project: MakeProject) -> None:
    cached = Cached(api_server, make_project(PROGRAM, environment={"PYTHONPATH": str(ROOT)}))
    project = cached.project
    cached.set_revision(FIRST)
    project.up()
    first = cached.job()
    assert cached.served() == folder(FIRST)
    assert first["status"]["completionTime"] <= cached.newest_replica_set()["metadata"]["creationTimestamp"]
    assert project.preview().unchanged

    cached.set_revision(SECOND)
    result = project.up()
    steps = [(step.name, step.op) for step in result.steps if step.op not in {"same", "replace"}]
    assert steps == [
        ("cached-chat-model", "create-replacement"),
        ("cached-chat", "update"),
        ("cached-chat-model", "delete-replaced"),
    ]
    second = cached.job()
    assert second["metadata"]["name"] != first["metadata"]["name"]
    assert cached.served() == folder(SECOND)
    assert second["status"]["completionTime"] <= cached.newest_replica_set()["metadata"]["creationTimestamp"]

    # A pool without nodes: the Job's time ends before its pod has run.
    pods = cached.pods()
    cached.set_revision(THIRD, pool="empty", timeout_seconds=3)
    failed = project.up(fails=True)
    assert "DeadlineExceeded" in failed.text, failed.text
    assert cached.served() == folder(SECOND)
    assert cached.pods() == pods

    cached.set_revision(THIRD)
    project.up()
    assert cached.served() == folder(THIRD)
    assert project.preview().unchanged
    project.destroy()
