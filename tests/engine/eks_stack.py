"""Stacks on EKS."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from modelyard.cluster.eks.node_pool import AUTO_MODE_NODE_CLASS, EC2_NODE_CLASS, NODE_OVERLAY
from modelyard.cluster.karpenter import NODE_POOL
from tests.engine.cloud_servers import CloudServers
from tests.engine.cloud_stack import CloudStack, SimulatedCloud, cloud_stacks
from tests.support.eks_world import EksWorld
from tools.offline.aws.server import PARTS

EksStack = CloudStack[EksWorld]
EKS = SimulatedCloud(
    key="eks",
    world=EksWorld,
    parts=PARTS,
    # Karpenter's chart brings its kinds, which the stand-in only records.
    kinds=[NODE_POOL, EC2_NODE_CLASS, NODE_OVERLAY, AUTO_MODE_NODE_CLASS],
)
PROD_EKS = EKS.prod()


def eks_stacks(folder: Path, servers: CloudServers) -> AbstractContextManager[Callable[..., EksStack]]:
    """Make stacks one after the other."""
    return cloud_stacks(EKS, folder, servers)
