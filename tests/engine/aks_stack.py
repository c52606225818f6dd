"""Stacks on AKS."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from modelyard.platform.infiniband import NIC_CLUSTER_POLICY
from tests.engine.cloud_servers import CloudServers
from tests.engine.cloud_stack import CloudStack, SimulatedCloud, cloud_stacks
from tests.support.aks_world import AksWorld
from tools.offline.azure.server import PARTS

AksStack = CloudStack[AksWorld]
AKS = SimulatedCloud(
    key="aks",
    world=AksWorld,
    parts=PARTS,
    # The network operator's chart brings its kind, which the stand-in only records.
    kinds=[NIC_CLUSTER_POLICY],
)
PROD_AKS = AKS.prod()


def aks_stacks(folder: Path, servers: CloudServers) -> AbstractContextManager[Callable[..., AksStack]]:
    """Make stacks one after the other."""
    return cloud_stacks(AKS, folder, servers)
