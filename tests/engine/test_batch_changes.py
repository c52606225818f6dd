"""What the real engine does to a job that changes: nothing, an update, or another run from the beginning."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from modelyard.cluster.pools import POOL_LABEL
from tests.support.control_plane import ApiServer
from tests.support.engine import MakeProject, PulumiProject
from tests.support.manifests import simulated_node, simulated_nodes
from tests.support.paths import ROOT

pytestmark = pytest.mark.engine

PROGRAM = """
import pulumi
import pulumi_kubernetes as k8s
from modelyard.batch.batch_job import BatchJob
from modelyard.batch.spec import BatchJobSpec, TrainingJobSpec
from modelyard.batch.training_job import TrainingJob
from modelyard.cluster.pools import resolve_pool
from modelyard.cluster.spec import PoolSpec
from modelyard.spec import load_json
from modelyard.workspace.spec import WorkspaceSpec
from modelyard.workspace.workspace import Workspace
from tests.support.clusters import BareCluster

config = pulumi.Config()
pool = resolve_pool("changes", PoolSpec(cpus=16, memory_gib=64, max_nodes=2))
provider = k8s.Provider("cluster", kubeconfig=config.require("kubeconfig"), cluster_identifier="changes")
cluster = BareCluster(pools={"changes": pool}, kubernetes_provider=provider)
workspace = Workspace("changes", cluster, WorkspaceSpec())
job = BatchJob("embed", workspace, load_json(BatchJobSpec, config.require("job")))
training = TrainingJob("finetune", workspace, TrainingJobSpec(pool="changes", image="a:1", nodes=2))
pulumi.export("job", job.job_name)
pulumi.export("training", training.job_name)
"""
NODES = [simulated_node(name, {POOL_LABEL: "changes"}) for name in ("changes-1", "changes-2")]


def set_job(project: PulumiProject, **fields: Any) -> None:
    project.set_config({"job": json.dumps({"pool": "changes", "image": "a:1", **fields})})


def replaced(ops: list[str]) -> bool:
    """Whether the old one went before the new one came."""
    return [op for op in ops if op != "replace"] == ["delete-replaced", "create-replacement"]


@pytest.fixture
def nodes(api_server: ApiServer) -> Iterator[None]:
    with simulated_nodes(api_server, NODES):
        yield


@pytest.mark.usefixtures("nodes")
def test_a_job_runs_again_only_when_it_changes(api_server: ApiServer, make_project: MakeProject) -> None:
    project = make_project(PROGRAM, environment={"PYTHONPATH": str(ROOT)})
    project.set_config({"kubeconfig": str(api_server.kubeconfig)})
    set_job(project)
    project.up()
    first = project.outputs()

    set_job(project, timeout_seconds=60, retries=1)
    assert project.up().ops("changes-embed") == ["same", "update"]
    assert project.outputs() == first

    set_job(project, timeout_seconds=60, retries=1, fatal_exit_codes=[2])
    result = project.up()
    assert replaced(result.ops("changes-embed")[1:]), result.ops("changes-embed")
    second = project.outputs()
    assert second["job"] != first["job"]
    assert second["training"] == first["training"]

    set_job(project, timeout_seconds=60, retries=1, fatal_exit_codes=[2], indexed=True)
    result = project.up()
    assert replaced(result.ops("changes-embed")[1:]), result.ops("changes-embed")

    set_job(project, args=["--all"], await_completion=True)
    result = project.up()
    assert replaced(result.ops("changes-embed")[1:]), result.ops("changes-embed")
    assert project.preview().unchanged
    project.destroy()
