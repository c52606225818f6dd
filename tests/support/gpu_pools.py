"""A pool of each kind of sharing, fabric and device allocation, with the contracts that they have on EKS."""

from collections.abc import Mapping
from typing import Any

from modelyard.cluster.node_source import NodeSource
from modelyard.cluster.pools import Pool, resolve_pool
from modelyard.cluster.spec import PoolSpec
from modelyard.gpu.spec import ReplicasSpec, SharingSpec

EKS = NodeSource(kind="eks", provisioner="cluster_autoscaler", kubernetes_version="1.35")
"""Nodes of managed node groups."""


def eks_pool(name: str, **fields: Any) -> Pool:
    """A pool on EKS."""
    return resolve_pool(name, PoolSpec(max_nodes=4, **fields), source=EKS)


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
"""The pools by name."""
