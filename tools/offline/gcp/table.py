"""Every resource type that the simulated Google Cloud knows."""

from tools.offline.cloud.table import Table
from tools.offline.gcp import kinds_container, kinds_identity, kinds_network, kinds_storage

KINDS = Table(
    "Google Cloud",
    "gcp",
    (*kinds_network.KINDS, *kinds_container.KINDS, *kinds_identity.KINDS, *kinds_storage.KINDS),
)
