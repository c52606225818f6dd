"""Every resource type that the simulated Azure knows: those that the library registers, and no other."""

from tools.offline.azure import kinds_compute, kinds_identity, kinds_network, kinds_storage
from tools.offline.azure.kinds import AzureKind
from tools.offline.cloud.table import Table

_KINDS: tuple[AzureKind, ...] = (
    *kinds_network.KINDS,
    *kinds_compute.KINDS,
    *kinds_identity.KINDS,
    *kinds_storage.KINDS,
)
TABLE = Table("Azure", "azure", _KINDS)


def azure_kind(token: str) -> AzureKind:
    """What is said of a type that there is."""
    found = TABLE[token]
    assert isinstance(found, AzureKind)
    return found
