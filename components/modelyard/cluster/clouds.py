"""What the clouds' clusters ask of all pools together."""

from collections.abc import Iterator, Mapping

from modelyard.cluster.spec import ClusterSpec, PoolSpec
from modelyard.errors import Problem


def cloud_pool_problems(cluster: ClusterSpec, pools: Mapping[str, PoolSpec]) -> Iterator[Problem]:
    """What is wrong with valid pools on a valid cluster, with paths below `pools`; nothing where it is in no cloud."""
    # Loaded where they are needed: a stack is in one cloud at most.
    if cluster.eks:
        from modelyard.cluster.eks.pool_rules import eks_pool_problems

        yield from eks_pool_problems(cluster.eks, pools)
    elif cluster.gke:
        from modelyard.cluster.gke.pool_rules import gke_pool_problems

        yield from gke_pool_problems(cluster.gke, pools)
    elif cluster.aks:
        from modelyard.cluster.aks.pool_rules import aks_pool_problems

        yield from aks_pool_problems(cluster.aks, pools)
