"""What the clouds' clusters ask of all pools together."""

from collections.abc import Iterator, Mapping

from modelyard.cluster.aks.pool_rules import aks_pool_problems
from modelyard.cluster.aks.spec import AksSpec
from modelyard.cluster.eks.pool_rules import eks_pool_problems
from modelyard.cluster.eks.spec import EksSpec
from modelyard.cluster.gke.pool_rules import gke_pool_problems
from modelyard.cluster.gke.spec import GkeSpec
from modelyard.cluster.spec import PoolSpec
from modelyard.errors import Problem


def cloud_pool_problems(cluster: EksSpec | GkeSpec | AksSpec, pools: Mapping[str, PoolSpec]) -> Iterator[Problem]:
    """What is wrong with valid pools on a valid cluster, with paths below `pools`."""
    match cluster:
        case EksSpec():
            return eks_pool_problems(cluster, pools)
        case GkeSpec():
            return gke_pool_problems(cluster, pools)
        case AksSpec():
            return aks_pool_problems(cluster, pools)
