"""What the real engine does with the Job that asks a new version: nothing follows it before it has succeeded."""

import json

import pytest

from modelyard.cluster.pools import POOL_LABEL
from tests.support.control_plane import ApiServer
from tests.support.engine import MakeProject, PulumiProject
from tests.support.manifests import simulated_node, simulated_nodes
from tests.support.paths import ROOT
from tests.support.processes import wait_until
from tests.support.update import Result

pytestmark = pytest.mark.engine

PROGRAM = """
import pulumi
import pulumi_kubernetes as k8s
from modelyard.cluster.pools import resolve_pool
from modelyard.cluster.spec import PoolSpec
from modelyard.kube.pods import pod_template
from modelyard.serving.deployment import server_pod
from modelyard.serving.runtimes.container import ContainerSpec
from modelyard.serving.runtimes.spec import RuntimeSpec
from modelyard.serving.scope import ServiceScope
from modelyard.serving.spec import ModelServiceSpec
from modelyard.serving.verify import NotRunning, Running, make_verification, version_of
from modelyard.serving.verify_spec import VerifyRequestSpec, VerifySpec
from modelyard.workspace.spec import WorkspaceSpec
from modelyard.workspace.workspace import Workspace
from tests.support.clusters import BareCluster

config = pulumi.Config()
pool = resolve_pool("verify", PoolSpec(cpus=16, memory_gib=64, max_nodes=2))
provider = k8s.Provider("cluster", kubeconfig=config.require("kubeconfig"), cluster_identifier="verify")
workspace = Workspace("verify", BareCluster(pools={"verify": pool}, kubernetes_provider=provider), WorkspaceSpec())
parent = pulumi.ComponentResource("test:index:Service", "service")
scope = ServiceScope(name="fraud", workspace=workspace, parent=parent)
image = config.require("image")
runtime = RuntimeSpec(container=ContainerSpec(image=image, port=8080, ready_path="/"))
spec = ModelServiceSpec(pool="verify", runtime=runtime)
(variant,) = spec.variants
server = spec.server("fraud")
pod = server_pod(scope, variant, server)
verify = VerifySpec(requests=[VerifyRequestSpec(path="/predict")])
how = (
    NotRunning(variant=variant, pod=pod, port=8080)
    if config.require_bool("rolling")
    else [
        Running(variant=variant, url=f"http://fraud-{name}.verify.svc", version=version_of(pod_template(pod, {})))
        for name in ("a", "b")
    ]
)
job = make_verification(scope, verify, how)
traffic = k8s.core.v1.ConfigMap(
    "traffic",
    metadata={"name": "traffic", "namespace": workspace.namespace},
    data={"version": image},
    opts=pulumi.ResourceOptions(provider=provider, depends_on=[job]),
)
pulumi.export("job", job.metadata.name)
"""
JOB = "verify-fraud-verify"
SAID = "1 of 1 requests failed\nrequests[0] GET /predict: status 500, expected 200; the answer is 'boom'"
NODE = simulated_node("verify-1", {POOL_LABEL: "verify"})


def kubectl(server: ApiServer, *arguments: str) -> str:
    return server.kubectl("--namespace=verify", *arguments)


def up(server: ApiServer, project: PulumiProject, *, message: str = "") -> Result:
    """An update whose verification, for whose pod there is no node, ends well or with this message."""
    update = project.start("up", "--skip-preview", "--yes")
    label = "app.kubernetes.io/component=verification"
    pending = ("get", "pods", "--selector", label, "--field-selector=status.phase=Pending", "--output=name")
    wait_until(lambda: update.process.poll() is not None or kubectl(server, *pending) != "", "the pod")
    assert update.process.poll() is None, update.text
    container = {"name": "verify-requests", "image": "a:1", "imageID": "", "ready": False, "restartCount": 0}
    ended = {"exitCode": 1, "reason": "Error", "message": message} if message else {"exitCode": 0}
    reached = [{"type": each, "status": "True"} for each in ("PodScheduled", "Initialized")]
    unready = {"type": "Ready", "status": "False", "reason": "PodFailed" if message else "PodCompleted"}
    status = {
        "phase": "Failed" if message else "Succeeded",
        "conditions": [*reached, unready],
        "containerStatuses": [{**container, "state": {"terminated": ended}}],
    }
    patch = ("--subresource=status", "--type=merge", "--patch", json.dumps({"status": status}))
    kubectl(server, "patch", kubectl(server, *pending).strip(), *patch)
    return update.wait()


def live_version(server: ApiServer) -> str:
    return kubectl(server, "get", "configmap", "traffic", "--output=jsonpath={.data.version}")


def project_of(server: ApiServer, make_project: MakeProject, *, rolling: bool) -> PulumiProject:
    project = make_project(PROGRAM, environment={"PYTHONPATH": str(ROOT)})
    project.set_config({"kubeconfig": str(server.kubeconfig), "rolling": json.dumps(rolling), "image": "a:1"})
    return project


def test_requests_move_only_after_a_verification(api_server: ApiServer, make_project: MakeProject) -> None:
    project = project_of(api_server, make_project, rolling=True)
    assert up(api_server, project).exit_code == 0
    first = project.outputs()["job"]
    assert live_version(api_server) == "a:1"

    project.set_config({"image": "a:2"})
    for _ in range(2):  # the same version is asked anew, and not taken for well
        failed = up(api_server, project, message=SAID)
        assert failed.exit_code != 0
        assert "status 500, expected 200; the answer is 'boom'" in failed.stdout + failed.stderr
        assert live_version(api_server) == "a:1"

    result = up(api_server, project)
    assert "create-replacement" in result.ops(JOB)
    assert live_version(api_server) == "a:2"
    assert project.outputs()["job"] != first
    assert project.preview().unchanged
    assert len(kubectl(api_server, "get", "jobs", "--output=name").split()) == 1

    project.set_config({"image": "a:3"})
    up(api_server, project, message=SAID)
    project.set_config({"image": "a:2"})
    assert up(api_server, project).exit_code == 0  # the way back
    assert live_version(api_server) == "a:2"
    project.destroy()


@pytest.mark.parametrize("rolling", [False, True])
def test_where_pods_are_simulated_it_ends_well(rolling: bool, api_server: ApiServer, make_project: MakeProject) -> None:
    project = project_of(api_server, make_project, rolling=rolling)
    with simulated_nodes(api_server, [NODE]):
        project.up()
        assert live_version(api_server) == "a:1"
        assert project.refresh().unchanged
        assert project.preview().unchanged
        project.destroy()
