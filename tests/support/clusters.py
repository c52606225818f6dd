"""A cluster without anything behind it, for unit tests of what stands on clusters."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import pulumi
import pulumi_kubernetes as k8s

from modelyard.cluster.base import Cluster
from modelyard.cluster.pools import Pool, resolve_pool
from modelyard.cluster.spec import PoolSpec, TaintSpec
from modelyard.cluster.traits import ClusterTraits
from modelyard.cluster.without_cloud import WithoutCloud

POOLS: Mapping[str, Pool] = {
    "system": resolve_pool("system", PoolSpec(cpus=16, memory_gib=64, max_nodes=3)),
    "l4": resolve_pool("l4", PoolSpec(accelerator="l4", gpus_per_node=1, max_nodes=4)),
    "h100": resolve_pool(
        "h100",
        PoolSpec(accelerator="h100", gpus_per_node=8, max_nodes=2, taints=[TaintSpec(key="dedicated", value="ml")]),
    ),
    "mi300x": resolve_pool(
        "mi300x", PoolSpec(accelerator="mi300x", gpus_per_node=8, cpus=96, memory_gib=1800, max_nodes=2)
    ),
}
"""Pools that between them have every property a rule asks for."""


@dataclass(frozen=True, kw_only=True)
class BareCluster(WithoutCloud):
    """A cluster of given pools and traits. Make it inside of the program that a test runs: it registers a provider."""

    cluster_name: str = "bare"
    pools: Mapping[str, Pool] = field(default_factory=lambda: POOLS)
    traits: ClusterTraits = field(default_factory=ClusterTraits)
    kubeconfig: pulumi.Output[str] = field(default_factory=lambda: pulumi.Output.secret("kubeconfig"))
    kubernetes_provider: k8s.Provider = field(
        default_factory=lambda: k8s.Provider("bare", kubeconfig="kubeconfig", cluster_identifier="bare")
    )
    ready: list[pulumi.Resource] = field(default_factory=list[pulumi.Resource])
    images: list[pulumi.Resource] = field(default_factory=list[pulumi.Resource])
    control_plane: pulumi.Resource | None = None

    def pool_ready(self, pool: str) -> list[pulumi.Resource]:
        """Nothing is made for a pool."""
        return []


def bare_cluster(pools: Mapping[str, Pool] = POOLS, traits: ClusterTraits | None = None) -> Cluster:
    """A cluster of these pools and traits, as everything above clusters sees it."""
    return BareCluster(pools=pools, traits=traits or ClusterTraits())
