"""The seam that every cluster keeps: what differs by resource. What differs by value are its traits (`traits.py`)."""

from collections.abc import Mapping
from typing import Protocol

import pulumi
import pulumi_kubernetes as k8s

from modelyard.cluster.pools import Pool
from modelyard.cluster.traits import ClusterTraits


class Cluster(Protocol):
    """A cluster as everything above it sees it."""

    @property
    def cluster_name(self) -> str:
        """Its name, known at preview; part of the identity of every object on it."""
        ...

    @property
    def kubernetes_provider(self) -> k8s.Provider:
        """The provider through which objects on it are made."""
        ...

    @property
    def kubeconfig(self) -> pulumi.Output[str]:
        """How to reach it; a secret."""
        ...

    @property
    def traits(self) -> ClusterTraits:
        """What it can do."""
        ...

    @property
    def pools(self) -> Mapping[str, Pool]:
        """Its pools by name."""
        ...

    @property
    def ready(self) -> list[pulumi.Resource]:
        """What must exist before anything on it and outlive it: the cluster's nodes."""
        ...

    @property
    def images(self) -> list[pulumi.Resource]:
        """What must exist before workloads: the images that `traits.images` names, on the nodes."""
        ...
