"""What the charts that belong to a cluster are installed on, before there is a whole cluster."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import pulumi
import pulumi_kubernetes as k8s

from modelyard.cluster.traits import ClusterTraits


@dataclass(frozen=True, kw_only=True)
class ChartHost:
    """The part of a cluster that a chart needs, before the cluster is complete.

    Attributes:
        kubernetes_provider: of all objects on the cluster.
        ready: what must exist before the chart and outlive it.
        control_plane: the cluster in its cloud.
        traits: charts are installed on every cloud.
    """

    kubernetes_provider: k8s.Provider
    ready: Sequence[pulumi.Resource]
    control_plane: pulumi.Resource
    traits: ClusterTraits = field(default_factory=ClusterTraits)
