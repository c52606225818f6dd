"""A real control plane accepts what workloads ask for on every kind of GPU pool, and its scheduler finds the nodes."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from modelyard.batch.batch_job import BatchJob
from modelyard.batch.spec import BatchJobSpec, TrainingJobSpec
from modelyard.batch.training_job import TrainingJob
from modelyard.cluster.pools import POOL_LABEL
from modelyard.gpu.spec import GpuSliceSpec
from modelyard.kube.quantities import memory_quantity
from modelyard.workspace.spec import FabricSpec, QuotaSpec, WorkspaceSpec
from modelyard.workspace.workspace import Workspace
from tests.support.clusters import bare_cluster
from tests.support.control_plane import ApiServer
from tests.support.gpu_pools import GPU_POOLS
from tests.support.manifests import apply, manifests, pod_of, settle, simulated_node, simulated_nodes, without_job
from tests.support.mocks import run
from tests.support.processes import wait_until

pytestmark = pytest.mark.engine

IMAGE = "registry.example.org/train:3.0.0"
PREFIX = "gpus-"
POOLS = {
    name: replace(pool, node_selector={POOL_LABEL: f"{PREFIX}{name}"}) for name, pool in GPU_POOLS.items() if pool.gpu
}
"""Pools whose nodes no other test's pods run on."""
WORKSPACE = WorkspaceSpec(quota=QuotaSpec(gpus=64), fabric=FabricSpec(quota=QuotaSpec(gpus=64)))
ASKED: dict[str, int | GpuSliceSpec] = {
    "whole": 1,
    "sliced": 1,
    "mps": 1,
    "mig": GpuSliceSpec(mig="1g.10gb"),
    "mixed": GpuSliceSpec(mig="3g.40gb", count=8),
    "neuron": 16,
    "bottlerocket": 1,
    "claimed": 1,
}
"""What a job asks for of the pool of that name."""


def objects_of(workspace: str, jobs: list[str]) -> list[dict[str, Any]]:
    """The objects of a workspace with a job on each of these pools; on the fabric a training over two nodes."""

    def program() -> None:
        made = Workspace(workspace, bare_cluster(POOLS), WORKSPACE)
        for pool in jobs:
            if pool == "fabric":
                TrainingJob(pool, made, TrainingJobSpec(pool=pool, nodes=2, gpus_per_node=8, image=IMAGE))
            else:
                BatchJob(pool, made, BatchJobSpec(pool=pool, gpus=ASKED[pool], image=IMAGE))

    return manifests(run(program))


def node(name: str, number: int) -> dict[str, Any]:
    """A simulated node of a pool, with what the pool's contract says that it has."""
    pool = POOLS[name]
    assert pool.gpu
    devices = {key: str(count) for key, count in {**pool.gpu.resources, **pool.gpu.fabric_resources}.items()}
    size = {
        "cpu": str(int(pool.cpus)),
        "memory": memory_quantity(pool.memory_gib),
        "pods": "110",
        **devices,
        **pool.gpu.fabric_capacity,
    }
    labels = {**pool.node_selector, **pool.gpu.node_labels}
    return simulated_node(f"{PREFIX}{name}-{number}", labels, size, pool.taints)


@pytest.mark.parametrize("pool", POOLS)
def test_every_object_is_accepted(api_server: ApiServer, pool: str) -> None:
    objects = objects_of(f"accepted-{pool}", [pool])
    settle(api_server, objects)
    assert apply(api_server, objects, dry_run=True) == ""


@pytest.mark.parametrize("pool", POOLS)
def test_its_pods_keep_to_the_level_of_their_namespace(api_server: ApiServer, pool: str) -> None:
    objects = objects_of(f"pods-{pool}", [pool])
    settle(api_server, objects)
    (job,) = (each for each in objects if each["kind"] == "Job")
    pod = pod_of(job)
    assert pod["metadata"]["namespace"] == f"pods-{pool}" + ("-fabric" if pool == "fabric" else "")
    assert apply(api_server, [pod], dry_run=True) == ""


def test_a_pod_on_the_fabric_would_be_refused_in_the_workspace_itself(api_server: ApiServer) -> None:
    objects = objects_of("fabric-outside", ["fabric"])
    settle(api_server, objects)
    (job,) = (each for each in objects if each["kind"] == "Job")
    pod = pod_of(job)
    pod["metadata"]["namespace"] = "fabric-outside"
    assert "violates PodSecurity" in apply(api_server, [pod], dry_run=True)


def test_a_misspelt_request_of_a_claim_would_be_refused(api_server: ApiServer) -> None:
    objects = objects_of("misspelt-claim", ["claimed"])
    settle(api_server, objects)
    (template,) = (each for each in objects if each["kind"] == "ResourceClaimTemplate")
    assert template["apiVersion"] == "resource.k8s.io/v1"
    assert apply(api_server, [template], dry_run=True) == ""
    template["spec"]["spec"]["devices"]["requests"][0]["exactly"]["deviceClass"] = "gpu.nvidia.com"
    assert "deviceClass" in apply(api_server, [template], dry_run=True)


@pytest.fixture(scope="module")
def nodes(api_server: ApiServer) -> Iterator[None]:
    """A node of each pool, and two of the fabric's."""
    made = [node(name, number) for name in POOLS for number in ((1, 2) if name == "fabric" else (1,))]
    with simulated_nodes(api_server, made):
        yield


@pytest.fixture(scope="module")
def devices(api_server: ApiServer) -> Iterator[None]:
    """What the DRA driver would tell of its one node: a class of devices, and a device."""
    device_class = {
        "apiVersion": "resource.k8s.io/v1",
        "kind": "DeviceClass",
        "metadata": {"name": "gpu.nvidia.com"},
        "spec": {"selectors": [{"cel": {"expression": "device.driver == 'gpu.nvidia.com'"}}]},
    }
    node_name = f"{PREFIX}claimed-1"
    resource_slice = {
        "apiVersion": "resource.k8s.io/v1",
        "kind": "ResourceSlice",
        "metadata": {"name": f"{node_name}-gpus"},
        "spec": {
            "driver": "gpu.nvidia.com",
            "nodeName": node_name,
            "pool": {"name": node_name, "generation": 1, "resourceSliceCount": 1},
            "devices": [{"name": "gpu-0"}],
        },
    }
    with simulated_nodes(api_server, [device_class, resource_slice]):
        yield


def placed(api_server: ApiServer, namespace: str) -> list[str]:
    """The nodes that pods of the namespace were given, whether they have ended since or not."""
    pods = api_server.get("pods", "-n", namespace)
    return sorted(pod["spec"]["nodeName"] for pod in pods if pod["spec"].get("nodeName"))


@pytest.mark.parametrize("pool", [name for name in ASKED if name != "claimed"])
def test_a_node_with_the_contracts_resources_takes_the_pod(api_server: ApiServer, nodes: None, pool: str) -> None:
    namespace = f"placed-{pool}"
    assert apply(api_server, objects_of(namespace, [pool]), dry_run=False) == ""
    wait_until(lambda: placed(api_server, namespace) == [f"{PREFIX}{pool}-1"], f"a node for {namespace}")


def test_nodes_of_the_fabric_take_a_pod_each(api_server: ApiServer, nodes: None) -> None:
    objects = without_job(objects_of("placed-fabric", ["fabric"]), pods=2)
    assert apply(api_server, objects, dry_run=False) == ""
    both = [f"{PREFIX}fabric-1", f"{PREFIX}fabric-2"]
    wait_until(lambda: placed(api_server, "placed-fabric-fabric") == both, "a node for each pod of the training")


def test_a_node_whose_driver_tells_of_a_device_takes_the_claim(
    api_server: ApiServer, nodes: None, devices: None
) -> None:
    assert apply(api_server, objects_of("placed-claimed", ["claimed"]), dry_run=False) == ""
    wait_until(lambda: placed(api_server, "placed-claimed") == [f"{PREFIX}claimed-1"], "a node for the claim")
    (pod,) = api_server.get("pods", "-n", "placed-claimed")
    (claim,) = pod["status"]["resourceClaimStatuses"]
    assert claim["name"] == "gpus"
    assert claim["resourceClaimName"]
