"""The seam that every cluster keeps: what differs by resource. What differs by value are its traits (`traits.py`)."""

from collections.abc import Mapping, Sequence
from typing import Protocol

import pulumi
import pulumi_kubernetes as k8s

from modelyard.cluster.identities import BoundIdentity
from modelyard.cluster.object_store_spec import ObjectStoreSpec
from modelyard.cluster.object_stores import ObjectStore, StoreAccess
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
        """What must exist before anything on it and outlive it: nodes for operators, names and volumes."""
        ...

    @property
    def control_plane(self) -> pulumi.Resource | None:
        """What everything on it ends with; None where the stack does not make the cluster."""
        ...

    def pool_ready(self, pool: str) -> list[pulumi.Resource]:
        """What must exist, beside `ready`, before what runs on that pool and outlive it: the pool's nodes."""
        ...

    @property
    def load_balancers_ready(self) -> Sequence[pulumi.Resource]:
        """What Services and Ingresses with a load balancer depend on, so that on destroy it goes before what made it;
        empty where nothing that makes load balancers is the stack's."""
        ...

    def run_gateway(
        self, name: str, *, namespace: pulumi.Input[str], opts: pulumi.ResourceOptions | None = None
    ) -> Sequence[pulumi.Resource]:
        """Run who acts on Gateways here (`traits.gateway_in_place`), in the Gateway's namespace; returns what Gateways
        depend on, and nothing where the trait is None."""
        ...

    @property
    def images(self) -> list[pulumi.Resource]:
        """What must exist before workloads: the images that `traits.images` names, on the nodes."""
        ...

    def object_store(self, name: str, spec: ObjectStoreSpec, opts: pulumi.ResourceOptions | None = None) -> ObjectStore:
        """Make a store of objects in the cluster's cloud.

        Raises:
            ConfigError: the spec is refused, or no cloud is behind the cluster (`unsupported`).
        """
        ...

    def workload_identity(
        self,
        name: str,
        *,
        namespace: str,
        service_account: str,
        permissions: Sequence[StoreAccess],
        opts: pulumi.ResourceOptions | None = None,
    ) -> BoundIdentity:
        """Let the pods of a service account use stores, without a key; returns what account and pods need for it.

        Raises:
            ConfigError: no cloud is behind the cluster (`unsupported`).
        """
        ...
