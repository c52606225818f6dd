"""What the cluster's pools are made on: the seam between the control plane with its network, and the nodes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws
import pulumi_kubernetes as k8s

from modelyard.cluster.eks.account import Account


@dataclass(frozen=True, kw_only=True)
class Foundation:
    """A control plane with its network, ready for nodes.

    Attributes:
        name: the Pulumi name that resources' names begin with.
        region: for example `us-east-1`.
        cluster: the control plane.
        cluster_name: its name in AWS, known at preview.
        kubernetes_version: its minor version.
        private_subnets: ids of the subnets that nodes are in, by the name of their zone; the names are known.
        node_security_group_id: the security group of nodes, whose members reach each other and the API server.
        node_role: the role of nodes.
        provider: of all resources in AWS.
        tags: on everything that does not get the provider's default tags, as what a launch template makes.
        disk_key_arn: the key that nodes' disks are encrypted with; None is the account's own key for EBS.
        before_nodes: what nodes need before they start: network plugin, Pod Identity agent, access of their role.
        kubernetes_provider: of all objects on the cluster.
    """

    name: str
    region: str
    cluster: aws.eks.Cluster
    cluster_name: str
    kubernetes_version: str
    private_subnets: Mapping[str, pulumi.Input[str]]
    node_security_group_id: pulumi.Input[str]
    node_role: aws.iam.Role
    provider: aws.Provider
    tags: Mapping[str, str]
    disk_key_arn: pulumi.Input[str] | None
    before_nodes: Sequence[pulumi.Resource]
    kubernetes_provider: k8s.Provider

    def account(self, parent: pulumi.Resource) -> Account:
        """Where the resources of `parent` are made."""
        return Account(
            name=self.name,
            cluster_name=self.cluster_name,
            region=self.region,
            parent=parent,
            provider=self.provider,
        )
