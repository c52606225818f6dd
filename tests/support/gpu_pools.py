"""A pool of each kind of sharing, fabric and device allocation, with the contracts that they have on each cloud."""

from collections.abc import Mapping
from typing import Any

from modelyard.cluster.node_source import NodeSource
from modelyard.cluster.pools import Pool, resolve_pool
from modelyard.cluster.spec import PoolSpec, TaintSpec
from modelyard.gpu.spec import ReplicasSpec, SharingSpec

EKS = NodeSource(kind="eks", provisioner="cluster_autoscaler", kubernetes_version="1.35")
"""Nodes of managed node groups."""

GKE = NodeSource(kind="gke", provisioner="cluster_autoscaler", kubernetes_version="1.35")
"""Nodes of node pools of GKE."""
AKS = NodeSource(kind="aks", provisioner="cluster_autoscaler", kubernetes_version="1.35")
"""Nodes of node pools of AKS."""


def eks_pool(name: str, **fields: Any) -> Pool:
    """A pool on EKS."""
    return resolve_pool(name, PoolSpec(max_nodes=4, **fields), source=EKS)


def gke_pool(name: str, **fields: Any) -> Pool:
    """A pool on GKE."""
    given: dict[str, Any] = {"max_nodes": 4, **fields}
    return resolve_pool(name, PoolSpec(**given), source=GKE)


def aks_pool(name: str, **fields: Any) -> Pool:
    """A pool on AKS."""
    return resolve_pool(name, PoolSpec(max_nodes=4, **fields), source=AKS)


GPU_POOLS: Mapping[str, Pool] = {
    each.name: each
    for each in (
        eks_pool("system", cpus=16, memory_gib=64),
        eks_pool("whole", accelerator="l4", gpus_per_node=1),
        eks_pool(
            "sliced", accelerator="l4", gpus_per_node=1, sharing=SharingSpec(time_slicing=ReplicasSpec(replicas=4))
        ),
        eks_pool("mps", accelerator="l4", gpus_per_node=1, sharing=SharingSpec(mps=ReplicasSpec(replicas=2))),
        eks_pool("mig", accelerator="h100", gpus_per_node=8, sharing=SharingSpec(mig="1g.10gb")),
        eks_pool("mixed", accelerator="h100", gpus_per_node=8, sharing=SharingSpec(mig={"3g.40gb": 1, "1g.10gb": 4})),
        eks_pool("fabric", accelerator="h100", gpus_per_node=8, fabric="rdma", zones=["us-east-1a"]),
        eks_pool("claimed", accelerator="l4", gpus_per_node=1, device_allocation="dra"),
        eks_pool("neuron", accelerator="trainium1", gpus_per_node=16),
        eks_pool("bottlerocket", accelerator="l4", gpus_per_node=1, node_image="bottlerocket"),
    )
}
"""The pools on EKS by name."""
GKE_POOLS: Mapping[str, Pool] = {
    each.name: each
    for each in (
        gke_pool("g-whole", accelerator="l4"),
        gke_pool("g-sliced", accelerator="l4", sharing=SharingSpec(time_slicing=ReplicasSpec(replicas=4))),
        gke_pool("g-mig", accelerator="h100", gpus_per_node=8, sharing=SharingSpec(mig="1g.10gb")),
        gke_pool("g-fabric", accelerator="h200", gpus_per_node=8, fabric="rdma"),
        gke_pool("g-claimed", accelerator="l4", device_allocation="dra"),
        gke_pool("g-driven", accelerator="l4", node_image="ubuntu", driver="operator"),
        gke_pool("g-tpu", accelerator="tpu-v6e", gpus_per_node=4, tpu_topology="4x4"),
    )
}
"""Pools on GKE by name."""
AKS_POOLS: Mapping[str, Pool] = {
    each.name: each
    for each in (
        aks_pool("a-whole", accelerator="t4"),
        aks_pool("a-mps", accelerator="t4", sharing=SharingSpec(mps=ReplicasSpec(replicas=2))),
        aks_pool("a-mig", accelerator="h100", gpus_per_node=8, sharing=SharingSpec(mig="1g.10gb")),
        aks_pool("a-fabric", accelerator="h100", gpus_per_node=8, fabric="rdma"),
        aks_pool("a-amd", accelerator="mi300x", gpus_per_node=8, taints=[TaintSpec(key="team", value="a")]),
    )
}
"""Pools on AKS by name."""
