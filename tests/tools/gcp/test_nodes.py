"""Nodes on a real API server: those of node pools, and what makes more of them for pods that wait."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.control_plane import ApiServer
from tests.support.processes import wait_until
from tests.tools.gcp import things
from tests.tools.gcp.account import Gcp, Made
from tests.tools.gcp.things import CLUSTER, NODE_POOL
from tests.tools.kubernetes.cluster import Cluster
from tests.tools.waiting_pods import look_once, node_of, waiting_pod, without_nodes
from tools.offline.cloud import autoscaler
from tools.offline.cloud.plans import Plans
from tools.offline.cloud.session import Session
from tools.offline.gcp import compute_classes, controllers
from tools.offline.gcp.node_labels import POOL_LABEL, TPU_TOPOLOGY_LABEL
from tools.offline.gcp.pools import POOLS

pytestmark = pytest.mark.engine

Json = dict[str, Any]

_GPU = {"key": "nvidia.com/gpu", "operator": "Exists"}
_TPU = {"key": "google.com/tpu", "operator": "Exists"}


@pytest.fixture
def kube(api_server: ApiServer) -> Iterator[Cluster]:
    """The API server, without nodes and pods."""
    with without_nodes(api_server) as found:
        yield found


@pytest.fixture
def gcp(kube: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Gcp:
    """A project whose clusters lead to the API server."""
    monkeypatch.setenv("MODELYARD_GCP_KUBECONFIG", str(kube.kubeconfig))
    made = Gcp(tmp_path / "world", kubeconfig=kube.kubeconfig)
    made.world.enable("compute", "container", "iam", "cloudresourcemanager")
    return made


@pytest.fixture
def cluster(gcp: Gcp) -> Iterator[Made]:
    """A cluster that goes again, with what it brought."""
    made = gcp.create(CLUSTER, "small", things.cluster_inputs(things.network(gcp)))
    yield made
    gcp.delete(made)


def _scale(session: Session, plans: Plans) -> None:
    autoscaler.serve(session, plans, POOLS)


def _from_zero(cluster: Made, config: Json, most: int, **more: Any) -> Json:
    return things.pool_inputs(cluster, config, initialNodeCount=0, autoscaling=things.scaling(0, most), **more)


def test_a_pool_has_its_nodes_in_its_zones_and_takes_them_with_it(gcp: Gcp, kube: Cluster, cluster: Made) -> None:
    zones = ["us-central1-a", "us-central1-b"]
    inputs = things.pool_inputs(cluster, {"labels": {"modelyard.dev/pool": "system"}}, nodeLocations=zones)
    pool = gcp.create(NODE_POOL, "system", inputs)
    found = [kube.get("node", name) for name in kube.names("node")]
    assert {each["metadata"]["labels"]["topology.kubernetes.io/zone"] for each in found} == set(zones)
    labels = found[0]["metadata"]["labels"]
    assert labels[POOL_LABEL] == pool["name"]
    assert labels["modelyard.dev/pool"] == "system"
    assert found[0]["status"]["capacity"]["cpu"] == "4"

    config = {**pool.given["nodeConfig"], "labels": {"modelyard.dev/pool": "other"}}
    gcp.update(pool, {**pool.given, "nodeConfig": config})
    names = kube.names("node")
    assert {kube.get("node", name)["metadata"]["labels"]["modelyard.dev/pool"] for name in names} == {"other"}
    gcp.delete(pool)
    assert kube.names("node") == []


def test_a_waiting_pod_makes_a_node_with_the_taint_that_gke_adds(gcp: Gcp, kube: Cluster, cluster: Made) -> None:
    gcp.create(NODE_POOL, "system", _from_zero(cluster, {}, 1))
    config = {**things.gpu_config(), "labels": {"pool": "l4"}}
    gcp.create(NODE_POOL, "gpus", _from_zero(cluster, config, 1))
    waiting_pod(kube, {"pool": "l4"}, gpus=1)
    look_once(_scale, gcp)
    assert kube.names("node") == [], "without a toleration no pool takes it"
    pod = waiting_pod(kube, {"pool": "l4"}, tolerations=[_GPU], gpus=1)
    look_once(_scale, gcp)
    wait_until(lambda: bool(node_of(kube, pod)), "a node for the pod")
    node = kube.get("node", node_of(kube, pod))
    assert node["metadata"]["labels"]["cloud.google.com/gke-accelerator"] == "nvidia-l4"
    assert node["status"]["capacity"]["nvidia.com/gpu"] == "1"
    waiting_pod(kube, {"pool": "l4"}, tolerations=[_GPU], gpus=1)
    look_once(_scale, gcp)
    assert len(kube.names("node")) == 1, "the pool is as large as it may be"


def test_divided_and_shared_gpus_are_more_of_them(gcp: Gcp, kube: Cluster, cluster: Made) -> None:
    sharing = {"gpuSharingStrategy": "TIME_SHARING", "maxSharedClientsPerGpu": 2}
    given = {"type": "nvidia-tesla-a100", "count": 2, "gpuPartitionSize": "1g.5gb", "gpuSharingConfig": sharing}
    config = {"machineType": "a2-highgpu-2g", "guestAccelerators": [given]}
    gcp.create(NODE_POOL, "slices", things.pool_inputs(cluster, config))
    [name] = kube.names("node")
    node = kube.get("node", name)
    assert node["status"]["capacity"]["nvidia.com/gpu"] == str(2 * 7 * 2)
    assert node["metadata"]["labels"]["cloud.google.com/gke-gpu-partition-size"] == "1g.5gb"
    assert node["metadata"]["labels"]["cloud.google.com/gke-gpu-sharing-strategy"] == "time-sharing"


def test_a_tpu_slice_comes_as_a_whole(gcp: Gcp, kube: Cluster, cluster: Made) -> None:
    placement = {"type": "COMPACT", "tpuTopology": "4x4"}
    config = {"machineType": "ct5lp-hightpu-4t"}
    gcp.create(NODE_POOL, "slice", _from_zero(cluster, config, 4, placementPolicy=placement))
    selector = {TPU_TOPOLOGY_LABEL: "4x4", "cloud.google.com/gke-tpu-accelerator": "tpu-v5-lite-podslice"}
    pods = [waiting_pod(kube, selector, tolerations=[_TPU], gpus=4, resource="google.com/tpu") for _ in range(4)]
    plans = Plans()
    _scale(gcp.session, plans)
    plans.settle()
    wait_until(lambda: all(node_of(kube, pod) for pod in pods), "nodes for all pods")
    assert len(kube.names("node")) == 4


def test_queued_pools_grow_for_provisioning_requests_only(gcp: Gcp, kube: Cluster, cluster: Made) -> None:
    more = {"queuedProvisioning": {"enabled": True}, "management": {"autoRepair": False}}
    gcp.create(NODE_POOL, "queued", _from_zero(cluster, {"labels": {"pool": "queued"}}, 2, **more))
    waiting_pod(kube, {"pool": "queued"})
    look_once(_scale, gcp)
    assert kube.names("node") == []
    pod = waiting_pod(kube, {"pool": "queued"})
    kube.run("annotate", "pod", pod, "autoscaling.x-k8s.io/consume-provisioning-request=mine", "--namespace=default")
    look_once(_scale, gcp)
    wait_until(lambda: bool(node_of(kube, pod)), "a node for the pod")


def _compute_class(kube: Cluster, **spec: Any) -> None:
    body = {"nodePoolAutoCreation": {"enabled": True}, "priorities": [{"machineType": "n2-standard-4"}], **spec}
    head = {"apiVersion": "cloud.google.com/v1", "kind": "ComputeClass", "metadata": {"name": "work"}}
    kube.run("wait", "--for=condition=Established", "crd/computeclasses.cloud.google.com")
    kube.apply({**head, "spec": body})


def test_a_compute_class_makes_nodes_and_takes_them_away(gcp: Gcp, kube: Cluster, cluster: Made) -> None:
    labels = {"modelyard.dev/pool": "work"}
    _compute_class(kube, nodePoolConfig={"nodeLabels": labels})
    toleration = {"key": "cloud.google.com/compute-class", "operator": "Exists"}
    pod = waiting_pod(kube, {"cloud.google.com/compute-class": "work"}, tolerations=[toleration])
    look_once(compute_classes.serve, gcp)
    wait_until(lambda: bool(node_of(kube, pod)), "a node for the pod")
    found = kube.get("node", node_of(kube, pod))["metadata"]["labels"]
    assert found["node.kubernetes.io/instance-type"] == "n2-standard-4"
    assert labels.items() <= found.items()
    kube.delete("computeclass", "work")
    look_once(compute_classes.serve, gcp)
    assert kube.names("node") == []


def test_a_compute_class_without_auto_creation_makes_none(gcp: Gcp, kube: Cluster, cluster: Made) -> None:
    _compute_class(kube, nodePoolAutoCreation={"enabled": False})
    toleration = {"key": "cloud.google.com/compute-class", "operator": "Exists"}
    waiting_pod(kube, {"cloud.google.com/compute-class": "work"}, tolerations=[toleration])
    look_once(compute_classes.serve, gcp)
    assert kube.names("node") == []
    kube.delete("computeclass", "work")


def test_nodes_with_dranet_have_network_devices_that_pods_claim(gcp: Gcp, kube: Cluster, cluster: Made) -> None:
    given = {"type": "nvidia-h200-141gb", "count": 8}
    labels = {"cloud.google.com/gke-networking-dra-driver": "true"}
    config = {"machineType": "a3-ultragpu-8g", "diskType": "hyperdisk-balanced", "guestAccelerators": [given]}
    gcp.create(NODE_POOL, "h200", things.pool_inputs(cluster, {**config, "labels": labels}))
    request = {"name": "nic", "exactly": {"deviceClassName": "mrdma.google.com", "count": 8}}
    head = {"apiVersion": "resource.k8s.io/v1", "metadata": {"name": "nics", "namespace": "default"}}
    kube.apply({**head, "kind": "ResourceClaim", "spec": {"devices": {"requests": [request]}}})
    claims = [{"name": "nics", "resourceClaimName": "nics"}]
    containers = [{"name": "a", "image": "a", "resources": {"claims": [{"name": "nics"}]}}]
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "claims", "namespace": "default"}}
    kube.apply({**pod, "spec": {"resourceClaims": claims, "containers": containers}})
    wait_until(lambda: bool(node_of(kube, "claims")), "a node for the pod")
    kube.run("delete", "pod", "claims", "--namespace=default", "--force", "--grace-period=0")
    kube.run("delete", "resourceclaim", "nics", "--namespace=default")


def test_a_load_balancer_is_in_the_network_as_long_as_its_service(gcp: Gcp, kube: Cluster, cluster: Made) -> None:
    spec = {"type": "LoadBalancer", "ports": [{"port": 80}], "selector": {"app": "a"}}
    head = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "front", "namespace": "default"}}
    kube.apply({**head, "spec": spec})
    look_once(controllers.serve, gcp)
    made = [each for each in gcp.world.resources() if each.notes.get("service") == "default/front"]
    assert {each.token.rpartition(":")[2] for each in made} == {"Firewall", "NetworkEndpointGroup", "ForwardingRule"}
    kube.run("delete", "service", "front", "--namespace=default")
    look_once(controllers.serve, gcp)
    assert [each for each in gcp.world.resources() if each.notes.get("service")] == []
