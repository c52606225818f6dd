"""What the cluster's pools are made on: the seam between the control plane with its network, and the nodes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
import pulumi_azure_native as azure
import pulumi_kubernetes as k8s

from modelyard.cluster.aks.account import Account


@dataclass(frozen=True, kw_only=True)
class Foundation:
    """A control plane with its network, ready for nodes.

    Attributes:
        name: the Pulumi name that resources' names begin with.
        region: for example `eastus2`.
        zones: of nodes, as nodes carry their names: `eastus2-1`; empty in a region without zones.
        resource_group: the name of the resource group, after which what is in it is made.
        subscription_id: the subscription.
        cluster: the control plane.
        cluster_name: its name in Azure, known at preview.
        kubernetes_version: its minor version.
        node_subnet_id: the subnet of all nodes; pods have addresses of their own beside it.
        identity: the control plane's own identity, which makes nodes: what they use must be allowed to it.
        provider: of all resources in Azure.
        tags: on everything, as the provider adds none.
        disk_encryption_set_id: what nodes' disks are encrypted with; None is Azure's own keys. The cluster sees to it
            for pools.
        before_nodes: what nodes need before they start: a way out.
        kubernetes_provider: of all objects on the cluster.
    """

    name: str
    region: str
    zones: Sequence[str]
    resource_group: pulumi.Input[str]
    subscription_id: str
    cluster: "azure.containerservice.ManagedCluster"
    cluster_name: str
    kubernetes_version: str
    node_subnet_id: pulumi.Input[str]
    identity: "azure.managedidentity.UserAssignedIdentity"
    provider: azure.Provider
    tags: Mapping[str, str]
    disk_encryption_set_id: str | None
    before_nodes: Sequence[pulumi.Resource]
    kubernetes_provider: k8s.Provider

    def account(self, parent: pulumi.Resource) -> Account:
        """Where the resources of `parent` are made."""
        return Account(
            name=self.name,
            cluster_name=self.cluster_name,
            region=self.region,
            subscription_id=self.subscription_id,
            resource_group=self.resource_group,
            tags=self.tags,
            parent=parent,
            provider=self.provider,
        )
