"""What the cluster's pools are made on: the seam between the control plane with its network, and the nodes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
import pulumi_kubernetes as k8s
from pulumi_gcp import Provider, container

from modelyard.cluster.gke.account import Account


@dataclass(frozen=True, kw_only=True)
class Foundation:
    """A control plane with its network, ready for nodes.

    Attributes:
        name: the Pulumi name that resources' names begin with.
        project: the project's id.
        region: for example `us-central1`.
        location: of the cluster and so of its node pools: the region, or the zone of a zonal cluster.
        zones: names of the zones that nodes are in; known.
        cluster: the control plane.
        cluster_name: its name in GKE, known at preview.
        kubernetes_version: its minor version.
        network: the network, by name or link.
        subnetwork: the subnetwork of nodes, by name or link.
        apis: Google's APIs by the first part of their host name, `compute`: who uses one depends on it.
        node_service_account: the address of the service account that nodes run as.
        provider: of all resources in Google Cloud.
        labels: of the provider, for everything in Google Cloud that it does not put them on: nodes, disks.
        disk_key: the key that nodes' disks are encrypted with; None is Google's own.
        before_nodes: what nodes need before they start: the way out, rights of their service account and of the key.
        kubernetes_provider: of all objects on the cluster.
    """

    name: str
    project: str
    region: str
    location: str
    zones: tuple[str, ...]
    cluster: container.Cluster
    cluster_name: str
    kubernetes_version: str
    network: pulumi.Input[str]
    subnetwork: pulumi.Input[str]
    apis: Mapping[str, pulumi.Resource]
    node_service_account: pulumi.Input[str]
    provider: Provider
    labels: Mapping[str, str]
    disk_key: str | None
    before_nodes: Sequence[pulumi.Resource]
    kubernetes_provider: k8s.Provider

    def account(self, parent: pulumi.Resource) -> Account:
        """Where the resources of `parent` are made."""
        return Account(
            name=self.name,
            cluster_name=self.cluster_name,
            project=self.project,
            region=self.region,
            apis=self.apis,
            parent=parent,
            provider=self.provider,
        )
