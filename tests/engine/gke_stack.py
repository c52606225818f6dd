"""Stacks on GKE."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from tests.engine.cloud_servers import CloudServers
from tests.engine.cloud_stack import CloudStack, SimulatedCloud, cloud_stacks
from tests.support.gke_world import GkeWorld
from tools.offline.gcp.server import PARTS

GkeStack = CloudStack[GkeWorld]
GKE = SimulatedCloud(key="gke", world=GkeWorld, parts=PARTS)
PROD_GKE = GKE.prod()


def gke_stacks(folder: Path, servers: CloudServers) -> AbstractContextManager[Callable[..., GkeStack]]:
    """Make stacks one after the other."""
    return cloud_stacks(GKE, folder, servers)
