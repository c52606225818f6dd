"""Every resource type that the simulated AWS knows."""

from tools.offline.aws import kinds_compute, kinds_identity, kinds_network, kinds_storage
from tools.offline.cloud.table import Table

KINDS = Table("AWS", "aws", (*kinds_network.KINDS, *kinds_compute.KINDS, *kinds_identity.KINDS, *kinds_storage.KINDS))
