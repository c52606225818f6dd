"""What comes of making the nodes of a cluster's pools in a cloud."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi


@dataclass(frozen=True, kw_only=True)
class PoolsMade:
    """What was made.

    Attributes:
        by_pool: what must exist before pods of a pool and outlive them, by the pool's name.
        system_ready: the part of it that what serves the whole cluster runs on: CoreDNS, operators.
    """

    by_pool: Mapping[str, Sequence[pulumi.Resource]]
    system_ready: Sequence[pulumi.Resource]
