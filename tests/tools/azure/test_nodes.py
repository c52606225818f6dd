"""Nodes on a real API server: those of node pools, and what makes more of them for pods that wait."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.control_plane import ApiServer
from tests.tools.azure import things
from tests.tools.azure.account import Azure, Made
from tests.tools.azure.things import CLUSTER
from tests.tools.kubernetes.cluster import Cluster
from tests.tools.waiting_pods import look_once, waiting_pod, without_nodes
from tools.offline.azure import functions, kubelogin, nap, server
from tools.offline.azure.pool_nodes import POOL_LABEL

pytestmark = pytest.mark.engine

Json = dict[str, Any]

_SERVER_ID = "6dae42f8-4368-4678-94ff-3960e28e3630"
_GPU_TAINT = "nvidia.com/gpu=present:NoSchedule"
_TOLERATION = {"key": "nvidia.com/gpu", "operator": "Exists"}


@pytest.fixture
def kube(api_server: ApiServer) -> Iterator[Cluster]:
    """The API server, without nodes."""
    with without_nodes(api_server) as found:
        yield found


@pytest.fixture
def azure(kube: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Azure:
    """A subscription whose clusters lead to the API server."""
    monkeypatch.setenv("MODELYARD_AZURE_KUBECONFIG", str(kube.kubeconfig))
    monkeypatch.setenv("MODELYARD_AZURE_WORLD", str(tmp_path / "world"))
    return Azure(tmp_path / "world", kubeconfig=kube.kubeconfig)


def _labels(kube: Cluster, name: str) -> Json:
    return kube.get("node", name)["metadata"]["labels"]


def _nodes_of(kube: Cluster, pool: str) -> list[str]:
    return [name for name in kube.names("node") if _labels(kube, name).get(POOL_LABEL) == pool]


def test_pools_have_their_nodes_and_take_them_with_them(azure: Azure, kube: Cluster) -> None:
    cluster = things.cluster(azure)
    [first] = kube.names("node")
    assert _labels(kube, first)["kubernetes.azure.com/mode"] == "system"
    made = things.pool(azure, count=2, availabilityZones=["1", "3"], nodeLabels={"modelyard.dev/pool": "cpu"})
    names = _nodes_of(kube, "cpu")
    assert {_labels(kube, name)["topology.kubernetes.io/zone"] for name in names} == {"eastus2-1", "eastus2-3"}
    assert _labels(kube, names[0])["modelyard.dev/pool"] == "cpu"
    assert _labels(kube, names[0])["node.kubernetes.io/instance-type"] == "Standard_D4s_v5"
    changed = azure.update(made, {**made.given, "count": 1, "nodeTaints": ["a=b:NoSchedule"]})
    [name] = _nodes_of(kube, "cpu")
    assert {"key": "a", "value": "b", "effect": "NoSchedule"} in kube.get("node", name)["spec"]["taints"]
    azure.delete(changed)
    assert kube.names("node") == [first]
    azure.delete(cluster)
    assert kube.names("node") == []


def test_spot_nodes_are_marked_by_aks(azure: Azure, kube: Cluster) -> None:
    things.cluster(azure)
    things.pool(azure, scaleSetPriority="Spot")
    [name] = _nodes_of(kube, "cpu")
    key = "kubernetes.azure.com/scalesetpriority"
    assert _labels(kube, name)[key] == "spot"
    assert {"key": key, "value": "spot", "effect": "NoSchedule"} in kube.get("node", name)["spec"]["taints"]


def test_a_waiting_pod_makes_a_pool_larger_from_zero(azure: Azure, kube: Cluster) -> None:
    things.cluster(azure)
    gpu = {"vmSize": "Standard_NC24ads_A100_v4", "nodeTaints": [_GPU_TAINT]}
    things.pool(azure, "gpu", count=0, maxCount=1, **gpu)
    waiting_pod(kube, {"agentpool": "gpu"}, gpus=1, tolerations=[_TOLERATION])
    waiting_pod(kube, {"agentpool": "none"})
    look_once(server.PARTS[0], azure)
    [name] = _nodes_of(kube, "gpu")
    assert kube.get("node", name)["status"]["allocatable"]["nvidia.com/gpu"] == "1"
    assert _labels(kube, name)["accelerator"] == "nvidia"
    waiting_pod(kube, {"agentpool": "gpu"}, gpus=2, tolerations=[_TOLERATION])
    look_once(server.PARTS[0], azure)
    assert len(_nodes_of(kube, "gpu")) == 1, "no node of the pool has two GPUs, and it has its most"


def test_a_pool_of_fixed_size_does_not_grow(azure: Azure, kube: Cluster) -> None:
    things.cluster(azure)
    things.pool(azure, "fixed", count=0, enableAutoScaling=False, minCount=None, maxCount=None)
    waiting_pod(kube, {"agentpool": "fixed"})
    look_once(server.PARTS[0], azure)
    assert _nodes_of(kube, "fixed") == []


def _node_pool(kube: Cluster, name: str, **limits: int) -> None:
    reference = {"group": "karpenter.azure.com", "kind": "AKSNodeClass", "name": "gpu"}
    size = {"key": "karpenter.azure.com/sku-name", "operator": "In", "values": ["Standard_NC24ads_A100_v4"]}
    taint = {"key": "nvidia.com/gpu", "value": "present", "effect": "NoSchedule"}
    labels = {"modelyard.dev/pool": name}
    spec = {"nodeClassRef": reference, "requirements": [size], "taints": [taint]}
    template = {"metadata": {"labels": labels}, "spec": spec}
    head = {"apiVersion": "karpenter.sh/v1", "kind": "NodePool", "metadata": {"name": name}}
    kube.apply({**head, "spec": {"template": template, "limits": limits}})


def test_node_auto_provisioning_makes_nodes_for_its_pools(azure: Azure, kube: Cluster) -> None:
    auto = {"mode": "Auto", "defaultNodePools": "None"}
    cluster = things.cluster(azure, nodeProvisioningProfile=auto)
    kinds = ("nodepools.karpenter.sh", "aksnodeclasses.karpenter.azure.com")
    for kind in kinds:
        kube.run("wait", "--for=condition=Established", f"crd/{kind}")
    _node_pool(kube, "gpu", **{"nvidia.com/gpu": 1})
    waiting_pod(kube, {"modelyard.dev/pool": "gpu"}, gpus=1, tolerations=[_TOLERATION])
    look_once(nap.serve, azure)
    assert len(kube.names("node")) == 1, "its class of nodes is not there"
    node_class = {"apiVersion": "karpenter.azure.com/v1beta1", "kind": "AKSNodeClass", "metadata": {"name": "gpu"}}
    kube.apply({**node_class, "spec": {"imageFamily": "Ubuntu"}})
    look_once(nap.serve, azure)
    [name] = [each for each in kube.names("node") if _labels(kube, each).get("karpenter.sh/nodepool") == "gpu"]
    assert _labels(kube, name)["topology.kubernetes.io/zone"] == "eastus2-1"
    assert len(azure.world.resources("VirtualMachine")) == 1
    waiting_pod(kube, {"modelyard.dev/pool": "gpu"}, gpus=1, tolerations=[_TOLERATION])
    waiting_pod(kube, {"modelyard.dev/pool": "gpu"}, gpus=1, tolerations=[_TOLERATION])
    look_once(nap.serve, azure)
    assert len(azure.world.resources("VirtualMachine")) == 1, "the limit of its pool"
    kube.run("delete", "nodepool", "gpu")
    look_once(nap.serve, azure)
    assert azure.world.resources("VirtualMachine") == []
    azure.delete(cluster)
    crds = kube.run("get", "crd", "-o", "name")
    assert not any(kind in str(crds) for kind in kinds), "the kinds go with the cluster"


def test_the_way_into_a_cluster(azure: Azure, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["get-token", "--login", "azurecli", "--server-id", _SERVER_ID]
    assert kubelogin.main(arguments) == 1
    assert "there is no cluster" in capsys.readouterr().err
    cluster = azure.create(CLUSTER, "small", things.cluster_inputs(azure))
    assert cluster["fqdn"].startswith("127.0.0.1:")
    assert kubelogin.main([*arguments[:-1], things.ADMINS]) == 1
    assert "AADSTS500011" in capsys.readouterr().err
    assert kubelogin.main(arguments) == 0
    assert '"kind": "ExecCredential"' in capsys.readouterr().out
    answer = functions.user_credentials(azure.session, {"resourceGroupName": "rg", "resourceName": "small"})
    assert answer["kubeconfigs"][0]["name"] == "clusterUser"
    azure.update(cluster, {**cluster.given, "aadProfile": {"managed": True}})
    assert kubelogin.main(arguments) == 1
    assert "is in no admin group" in capsys.readouterr().err


def test_a_function_asks_for_a_cluster_that_there_is(azure: Azure) -> None:
    made: Made = things.cluster(azure)
    text = functions.kubeconfig(azure.session, azure.world.one("ManagedCluster"))
    assert f"server: https://{made['fqdn']}" in text
    with pytest.raises(Exception, match="ResourceNotFound"):
        functions.user_credentials(azure.session, {"resourceGroupName": "rg", "resourceName": "none"})
