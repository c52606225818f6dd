"""Nodes on a real API server: those of node pools, and what makes more of them for pods that wait."""

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.control_plane import ApiServer
from tests.support.processes import wait_until
from tests.tools.gcp import things
from tests.tools.gcp.account import Gcp, Made
from tests.tools.gcp.things import CLUSTER, NODE_POOL
from tests.tools.kubernetes.cluster import Cluster
from tools.offline.cloud import autoscaler
from tools.offline.cloud.plans import Plans
from tools.offline.cloud.session import Session
from tools.offline.gcp import compute_classes, controllers
from tools.offline.gcp.node_labels import POOL_LABEL, TPU_TOPOLOGY_LABEL
from tools.offline.gcp.pools import POOLS

pytestmark = pytest.mark.engine

Json = dict[str, Any]

_numbers = itertools.count()
_GPU = {"key": "nvidia.com/gpu", "operator": "Exists"}
_TPU = {"key": "google.com/tpu", "operator": "Exists"}


@pytest.fixture
def kube(api_server: ApiServer) -> Iterator[Cluster]:
    """The API server, without nodes and pods."""
    found = Cluster(api_server.kubeconfig)
    _remove_all(found)
    yield found
    _remove_all(found)


def _remove_all(kube: Cluster) -> None:
    kube.run("delete", "nodes", "--all")
    kube.run("delete", "pods", "--all", "--force", "--grace-period=0")


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


def _pod(kube: Cluster, selector: Json, *, tolerations: list[Json] | None = None, **limits: str) -> str:
    name = f"pod-{next(_numbers)}"
    resources = {each.replace("__", "/").replace("_", "."): value for each, value in limits.items()}
    container = {"name": "a", "image": "a", "resources": {"requests": {"cpu": "1", **resources}, "limits": resources}}
    spec = {"nodeSelector": selector, "tolerations": tolerations or [], "containers": [container]}
    kube.apply({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "default"}, "spec": spec})
    wait_until(lambda: _is_waiting(kube, name) or bool(_node_of(kube, name)), f"the scheduler's word on {name}")
    return name


def _is_waiting(kube: Cluster, name: str) -> bool:
    conditions = kube.get("pod", name, "default")["status"].get("conditions", [])
    return any(each.get("reason") == "Unschedulable" for each in conditions)


def _node_of(kube: Cluster, name: str) -> str:
    return kube.get("pod", name, "default")["spec"].get("nodeName", "")


def _scale(session: Session, plans: Plans) -> None:
    autoscaler.serve(session, plans, POOLS)


def _serve(serve: Callable[[Session, Plans], None], gcp: Gcp) -> None:
    """One look at the cluster, and what follows from it."""
    plans = Plans()
    serve(gcp.session, plans)
    plans.settle()


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
    _pod(kube, {"pool": "l4"}, nvidia_com__gpu="1")
    _serve(_scale, gcp)
    assert kube.names("node") == [], "without a toleration no pool takes it"
    pod = _pod(kube, {"pool": "l4"}, tolerations=[_GPU], nvidia_com__gpu="1")
    _serve(_scale, gcp)
    wait_until(lambda: bool(_node_of(kube, pod)), "a node for the pod")
    node = kube.get("node", _node_of(kube, pod))
    assert node["metadata"]["labels"]["cloud.google.com/gke-accelerator"] == "nvidia-l4"
    assert node["status"]["capacity"]["nvidia.com/gpu"] == "1"
    _pod(kube, {"pool": "l4"}, tolerations=[_GPU], nvidia_com__gpu="1")
    _serve(_scale, gcp)
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
    pods = [_pod(kube, selector, tolerations=[_TPU], google_com__tpu="4") for _ in range(4)]
    plans = Plans()
    _scale(gcp.session, plans)
    plans.settle()
    wait_until(lambda: all(_node_of(kube, pod) for pod in pods), "nodes for all pods")
    assert len(kube.names("node")) == 4


def test_queued_pools_grow_for_provisioning_requests_only(gcp: Gcp, kube: Cluster, cluster: Made) -> None:
    more = {"queuedProvisioning": {"enabled": True}, "management": {"autoRepair": False}}
    gcp.create(NODE_POOL, "queued", _from_zero(cluster, {"labels": {"pool": "queued"}}, 2, **more))
    _pod(kube, {"pool": "queued"})
    _serve(_scale, gcp)
    assert kube.names("node") == []
    pod = _pod(kube, {"pool": "queued"})
    kube.run("annotate", "pod", pod, "autoscaling.x-k8s.io/consume-provisioning-request=mine", "--namespace=default")
    _serve(_scale, gcp)
    wait_until(lambda: bool(_node_of(kube, pod)), "a node for the pod")


def _compute_class(kube: Cluster, **spec: Any) -> None:
    body = {"nodePoolAutoCreation": {"enabled": True}, "priorities": [{"machineType": "n2-standard-4"}], **spec}
    head = {"apiVersion": "cloud.google.com/v1", "kind": "ComputeClass", "metadata": {"name": "work"}}
    kube.run("wait", "--for=condition=Established", "crd/computeclasses.cloud.google.com")
    kube.apply({**head, "spec": body})


def test_a_compute_class_makes_nodes_and_takes_them_away(gcp: Gcp, kube: Cluster, cluster: Made) -> None:
    labels = {"modelyard.dev/pool": "work"}
    _compute_class(kube, nodePoolConfig={"nodeLabels": labels})
    toleration = {"key": "cloud.google.com/compute-class", "operator": "Exists"}
    pod = _pod(kube, {"cloud.google.com/compute-class": "work"}, tolerations=[toleration])
    _serve(compute_classes.serve, gcp)
    wait_until(lambda: bool(_node_of(kube, pod)), "a node for the pod")
    found = kube.get("node", _node_of(kube, pod))["metadata"]["labels"]
    assert found["node.kubernetes.io/instance-type"] == "n2-standard-4"
    assert labels.items() <= found.items()
    kube.delete("computeclass", "work")
    _serve(compute_classes.serve, gcp)
    assert kube.names("node") == []


def test_a_compute_class_without_auto_creation_makes_none(gcp: Gcp, kube: Cluster, cluster: Made) -> None:
    _compute_class(kube, nodePoolAutoCreation={"enabled": False})
    toleration = {"key": "cloud.google.com/compute-class", "operator": "Exists"}
    _pod(kube, {"cloud.google.com/compute-class": "work"}, tolerations=[toleration])
    _serve(compute_classes.serve, gcp)
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
    wait_until(lambda: bool(_node_of(kube, "claims")), "a node for the pod")
    kube.run("delete", "pod", "claims", "--namespace=default", "--force", "--grace-period=0")
    kube.run("delete", "resourceclaim", "nics", "--namespace=default")


def test_a_load_balancer_is_in_the_network_as_long_as_its_service(gcp: Gcp, kube: Cluster, cluster: Made) -> None:
    spec = {"type": "LoadBalancer", "ports": [{"port": 80}], "selector": {"app": "a"}}
    head = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "front", "namespace": "default"}}
    kube.apply({**head, "spec": spec})
    _serve(controllers.serve, gcp)
    made = [each for each in gcp.world.resources() if each.notes.get("service") == "default/front"]
    assert {each.token.rpartition(":")[2] for each in made} == {"Firewall", "NetworkEndpointGroup", "ForwardingRule"}
    kube.run("delete", "service", "front", "--namespace=default")
    _serve(controllers.serve, gcp)
    assert [each for each in gcp.world.resources() if each.notes.get("service")] == []
