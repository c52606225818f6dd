"""The simulated Google Cloud in this process."""

from pathlib import Path
from typing import Any

from tests.support.cloud_client import CloudClient, Made, Refused
from tests.support.gke_world import PROJECT, GkeWorld
from tools.offline.gcp import rules
from tools.offline.gcp.cloud import GCP

__all__ = ["PROJECT", "REGION", "Gcp", "Made", "Refused"]

REGION = "us-central1"

rules.load()


class Gcp(CloudClient):
    """One provider on one project."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        """`settings` are those of a Session."""
        self.world = GkeWorld(folder)
        arguments = {"project": PROJECT, "region": REGION, **settings.pop("arguments", {})}
        super().__init__(GCP, self.world.world, **{"region": REGION, "arguments": arguments, **settings})
