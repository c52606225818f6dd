"""What happens to the production stack of each cloud in its life, in that cloud's words."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.engine.aks_stack import AKS
from tests.engine.cloud_stack import CloudStack, Json, SimulatedCloud, names, taints
from tests.engine.eks_stack import EKS
from tests.engine.gke_stack import GKE

AnyCloudStack = CloudStack[Any]
Nodes = Mapping[str, list[Json]]
"""The nodes by pool."""


@dataclass(frozen=True, kw_only=True)
class Lifecycle:
    """A cloud's.

    Attributes:
        cloud: the cloud.
        sdk: the only package of a cloud that its program imports.
        credentials: what stands in its kubeconfig, and nowhere in the clear.
        cluster: the type of its control plane.
        pool: the type of a pool.
        serving: the pool of the service.
        training: the pool of the training.
        nodes: how many nodes there are for the service, by pool.
        has_its_own: asserts what only this cloud's nodes and pods have, above all the fabric of the training.
        change: what can change in place.
        updated: the resources that it updates, beside the service.
        trains_on: how many pods of the training are there after it.
        has_changed: asserts what became of the nodes before and after it.
        remake: what makes pools anew, beside one that comes and one that goes.
        remade: those pools.
        cpu_machine: the machine type of the pool that comes.
        system_machine: that of the system pool after it.
        upgraded: what a new version of Kubernetes updates, beside the control plane and the pools.
        upgrade_arguments: of Pulumi. Azure takes a change of a cluster only with all pools that it has by then.
        version: the property of a pool that is its version of Kubernetes.
        upgrade_order: what is upgraded before what.
        destroy_order: what is destroyed before what.
    """

    cloud: SimulatedCloud[Any]
    sdk: str
    credentials: str
    cluster: str = "Cluster"
    pool: str
    serving: str
    training: str
    nodes: Mapping[str, int]
    has_its_own: Callable[[AnyCloudStack], None]
    change: Json
    updated: Sequence[str]
    trains_on: int = 0
    has_changed: Callable[[Nodes, Nodes], None]
    remake: Json
    remade: Sequence[str]
    cpu_machine: str
    system_machine: str
    upgraded: Sequence[str] = ()
    upgrade_arguments: Sequence[str] = ()
    version: str = "version"
    upgrade_order: Sequence[tuple[str, str]]
    destroy_order: Sequence[tuple[str, str]]


def _training_pod_limits(stack: AnyCloudStack) -> Json:
    [pod] = stack.get("pods", "--selector=app.kubernetes.io/name=finetune,batch.kubernetes.io/job-completion-index=0")
    return pod["spec"]["containers"][0]["resources"]["limits"]


def _zones(nodes: list[Json]) -> set[str]:
    return {node["metadata"]["labels"]["topology.kubernetes.io/zone"] for node in nodes}


def _has_efa(stack: AnyCloudStack) -> None:
    nodes = stack.nodes()["h100"]
    assert {"vpc.amazonaws.com/efa": "32", "hugepages-2Mi": "10Gi"}.items() <= nodes[0]["status"]["allocatable"].items()
    assert _zones(nodes) == {"us-east-1a"}
    assert _training_pod_limits(stack)["vpc.amazonaws.com/efa"] == "32"


def _has_rdma(stack: AnyCloudStack) -> None:
    """What GKE's driver for networks tells of nodes that have the label which it looks for."""
    nodes = stack.nodes()["h200"]
    assert _zones(nodes) == {"us-central1-b"}
    slices = {each["spec"]["nodeName"]: each["spec"] for each in stack.get("resourceslices")}
    assert slices.keys() == names(nodes)
    assert {(each["driver"], len(each["devices"])) for each in slices.values()} == {("mrdma.google.com", 8)}
    [template] = stack.get("resourceclaimtemplates")
    [request] = template["spec"]["spec"]["devices"]["requests"]
    assert (request["exactly"]["deviceClassName"], request["exactly"]["count"]) == ("mrdma.google.com", 8)


def _has_infiniband_and_taints(stack: AnyCloudStack) -> None:
    nodes = stack.nodes()
    assert ("CriticalAddonsOnly", "true", "NoSchedule") in taints(nodes[""][0])
    assert ("kubernetes.azure.com/scalesetpriority", "spot", "NoSchedule") in taints(nodes["a10"][0])
    assert int(nodes["h100"][0]["status"]["allocatable"]["rdma/ib"]) > 0
    assert _zones(nodes["h100"]) == {"eastus2-1"}
    assert _training_pod_limits(stack)["rdma/ib"] == "1"


def _is_made_anew(pool: str) -> Callable[[Nodes, Nodes], None]:
    def has_changed(before: Nodes, after: Nodes) -> None:
        assert not names(before[pool]) & names(after[pool]), "another disk is another node"

    return has_changed


def _is_labelled(_: Nodes, after: Nodes) -> None:
    assert {node["metadata"]["labels"].get("example.org/kept") for node in after["system"]} == {"yes"}


LIFECYCLES: Mapping[str, Lifecycle] = {
    "eks": Lifecycle(
        cloud=EKS,
        sdk="pulumi_aws",
        credentials="get-token",
        pool="NodeGroup",
        serving="l4",
        training="h100",
        nodes={"system": 2, "l4": 2},
        has_its_own=_has_efa,
        change={"pools": {"l4": {"max_nodes": 9}, "h100": {"disk_gib": 300}}},
        updated=("NodeGroup test-l4", "LaunchTemplate test-h100", "NodeGroup test-h100"),
        has_changed=_is_made_anew("h100"),
        remake={
            "pools": {
                "system": {"machine_type": "m7i.4xlarge"},
                "l4": {"capacity": "on_demand", "machine_types": []},
            }
        },
        remade=("system", "l4"),
        cpu_machine="m7i.xlarge",
        system_machine="m7i.4xlarge",
        upgraded=("Release test-autoscaler", "Addon test-coredns", "Addon test-kube-proxy"),
        upgrade_order=[("Cluster test-cluster", "Addon "), ("Addon test-kube-proxy", "NodeGroup ")],
        destroy_order=[
            ("Release test-load-balancers", "NodeGroup "),
            ("Cluster test-cluster", "Subnet "),
            ("Release test-load-balancers", "Vpc "),
            ("Subnet ", "Vpc "),
        ],
    ),
    "gke": Lifecycle(
        cloud=GKE,
        sdk="pulumi_gcp",
        credentials="gke-gcloud-auth-plugin",
        pool="NodePool",
        serving="l4",
        training="h200",
        # GKE begins a pool with as many nodes in each zone: three for at least two.
        nodes={"system": 3, "l4": 2},
        has_its_own=_has_rdma,
        change={"pools": {"l4": {"max_nodes": 9}, "h200": {"disk_gib": 300}}},
        updated=("NodePool test-l4", "NodePool test-h200"),
        has_changed=_is_made_anew("h200"),
        remake={"pools": {"system": {"machine_type": "n2-standard-16"}, "l4": {"capacity": "on_demand"}}},
        # The kind of capacity cannot change in place, the machine type can.
        remade=("l4",),
        cpu_machine="n2-standard-4",
        system_machine="n2-standard-16",
        upgrade_order=[("Cluster test-cluster", "NodePool ")],
        destroy_order=[
            ("Release ", "NodePool "),
            ("Cluster test-cluster", "Subnetwork "),
            ("RouterNat ", "Router "),
            ("Subnetwork ", "Network "),
        ],
    ),
    "aks": Lifecycle(
        cloud=AKS,
        sdk="pulumi_azure_native",
        credentials="get-token",
        cluster="ManagedCluster",
        pool="AgentPool",
        serving="a10",
        training="h100",
        # The first is the cluster's own.
        nodes={"": 1, "system": 2, "a10": 2},
        has_its_own=_has_infiniband_and_taints,
        change={
            "pools": {"a10": {"max_nodes": 9}, "system": {"node_labels": {"example.org/kept": "yes"}}},
            "cluster": {"aks": {"log_retention_days": 180}},
        },
        updated=("AgentPool test-a10", "AgentPool test-system", "Workspace test-control-plane"),
        trains_on=2,
        has_changed=_is_labelled,
        remake={
            "pools": {
                "system": {"machine_type": "Standard_D16s_v5", "disk_gib": 300},
                "a10": {"capacity": "on_demand"},
            }
        },
        remade=("system", "a10"),
        cpu_machine="Standard_D4s_v5",
        system_machine="Standard_D16s_v5",
        upgrade_arguments=("--refresh",),
        version="orchestratorVersion",
        upgrade_order=[("ManagedCluster test-cluster", "AgentPool ")],
        destroy_order=[
            ("Release ", "AgentPool test-system"),
            ("ManagedCluster test-cluster", "Subnet "),
            ("Subnet ", "VirtualNetwork "),
            ("VirtualNetwork ", "ResourceGroup "),
        ],
    ),
}
