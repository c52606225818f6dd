"""What the real engine does to claims of devices and to a companion namespace: nothing, or another one."""

import json

import pytest

from tests.support.control_plane import ApiServer
from tests.support.engine import MakeProject
from tests.support.paths import ROOT

pytestmark = pytest.mark.engine

PROGRAM = """
import pulumi
import pulumi_kubernetes as k8s
from modelyard.batch.batch_job import BatchJob
from modelyard.batch.spec import BatchJobSpec, TrainingJobSpec
from modelyard.batch.training_job import TrainingJob
from modelyard.spec import load_json
from modelyard.workspace.spec import FabricSpec, WorkspaceSpec
from modelyard.workspace.workspace import Workspace
from tests.support.clusters import BareCluster
from tests.support.gpu_pools import GPU_POOLS, eks_pool

config = pulumi.Config()
pools = {**GPU_POOLS, "claimed": eks_pool("claimed", accelerator="l4", gpus_per_node=4, device_allocation="dra")}
provider = k8s.Provider("cluster", kubeconfig=config.require("kubeconfig"), cluster_identifier="gpu-changes")
cluster = BareCluster(pools=pools, kubernetes_provider=provider)
workspace = Workspace("gpu-changes", cluster, WorkspaceSpec(fabric=FabricSpec()))
BatchJob("embed", workspace, load_json(BatchJobSpec, config.require("job")))
TrainingJob("pretrain", workspace, TrainingJobSpec(pool="fabric", image="a:1", nodes=2, gpus_per_node=8))
"""


def test_another_claim_is_another_template(api_server: ApiServer, make_project: MakeProject) -> None:
    project = make_project(PROGRAM, environment={"PYTHONPATH": str(ROOT)})

    def set_gpus(gpus: int) -> None:
        project.set_config({"job": json.dumps({"pool": "claimed", "image": "a:1", "gpus": gpus})})

    project.set_config({"kubeconfig": str(api_server.kubeconfig)})
    set_gpus(1)
    assert project.up().ops("gpu-changes-fabric") == ["create", "create"]
    assert project.preview().unchanged

    set_gpus(2)
    result = project.up()
    # The new template is there before the Job that uses it, and the old one goes after its own has gone.
    assert [op for op in result.ops("gpu-changes-embed-gpus") if op != "replace"] == [
        "create-replacement",
        "delete-replaced",
    ]
    assert "create-replacement" in result.ops("gpu-changes-embed")
    assert set(result.ops("gpu-changes-pretrain")) == {"same"}
    assert project.preview().unchanged
    project.destroy()
