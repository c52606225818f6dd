"""The simulated AWS in this process."""

from pathlib import Path
from typing import Any

from tests.support.cloud_client import CloudClient, Made, Refused
from tests.support.eks_world import EksWorld
from tools.offline.aws import rules
from tools.offline.aws.cloud import AWS

__all__ = ["REGION", "Aws", "Made", "Refused"]

REGION = "us-east-1"

rules.load()


class Aws(CloudClient):
    """One provider on one account."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        """`settings` are those of a Session."""
        self.world = EksWorld(folder)
        super().__init__(AWS, self.world.world, **{"region": REGION, **settings})
