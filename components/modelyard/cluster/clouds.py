"""What the clouds' clusters ask of all pools together, and what they give to nodes."""

from collections.abc import Iterator, Mapping

from modelyard.cluster.pools import Pool
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


def scratch_disk_gib(cluster: ClusterSpec, pool: Pool) -> int | None:
    """Size of the disk that images and scratch files of a pool's pods are on, GiB. None where the machine has, or may
    have, disks of its own for that, and where nobody knows: what AKS gives by itself, and nodes that no cloud makes."""
    if cluster.aks:
        return pool.spec.disk_gib
    if not pool.machine or pool.machine.local_nvme_gib != 0:
        return None
    if cluster.eks:
        from modelyard.cluster.eks.nodes import disk_gib as eks_disk_gib

        return eks_disk_gib(pool)
    if cluster.gke:
        from modelyard.cluster.gke.nodes import disk_gib as gke_disk_gib

        return gke_disk_gib(pool)
    return None
