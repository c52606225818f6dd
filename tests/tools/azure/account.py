"""The simulated Azure in this process."""

from pathlib import Path
from typing import Any

from tests.support.aks_world import AksWorld
from tests.support.azure import SUBSCRIPTION
from tests.support.cloud_client import CloudClient, Made, Refused
from tools.offline.azure import rules
from tools.offline.azure.cloud import AZURE

__all__ = ["REGION", "SUBSCRIPTION", "Azure", "Made", "Refused"]

REGION = "eastus2"

rules.load()


class Azure(CloudClient):
    """One provider on one subscription."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        """`settings` are those of a Session."""
        self.world = AksWorld(folder)
        arguments = {"subscriptionId": SUBSCRIPTION, "location": REGION}
        super().__init__(AZURE, self.world.world, **{"region": REGION, "arguments": arguments, **settings})
