"""What a user writes of priorities of pods. Imports no Pulumi package."""

from collections.abc import Mapping
from typing import Annotated

import annotated_types

from modelyard.spec import Name, spec

SPARE_PRIORITY = -10
"""That of pods which only keep room for others: below all others, and as low as what sizes a cluster still makes nodes
for (`--expendable-pods-priority-cutoff`):
https://github.com/kubernetes/autoscaler/blob/master/cluster-autoscaler/FAQ.md"""

PriorityValue = Annotated[int, annotated_types.Interval(ge=SPARE_PRIORITY + 1, le=1_000_000_000)]
"""How much a pod matters beside others. Kubernetes keeps what is above a billion for itself."""


@spec
class PrioritySpec:
    """A priority that workloads name.

    A pod of a higher one is placed first; where no node has room for it, pods of lower ones are ended so that one has,
    those of other workspaces too. They come back when there is room again. Jobs that a queue has not yet started have
    no pods, and are not looked at.
    """

    value: PriorityValue
    """How much its pods matter: pods without a priority have 0, so that one below 0 gives way to them. From -9, as a
    cluster makes no nodes for pods far below 0, to 1,000,000,000."""
    preempts: bool = True
    """Whether its pods end others of lower priority to have their place. Otherwise they only wait ahead of them."""


Priorities = Mapping[Name, PrioritySpec]
"""Priorities by name."""
