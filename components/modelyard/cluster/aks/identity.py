"""Identities in Azure and what they may do: of the control plane, of nodes, and of pods."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import pulumi
import pulumi_azure_native as azure

from modelyard.cluster.aks.account import Account
from modelyard.cluster.aks.network import Network
from modelyard.cluster.aks.spec import AksSpec
from modelyard.cluster.identities import BoundIdentity
from modelyard.cluster.logical_names import logical_names
from modelyard.cluster.object_stores import StoreAccess

# https://learn.microsoft.com/azure/role-based-access-control/built-in-roles
ROLES: Mapping[str, str] = {
    "AcrPull": "7f951dda-4ed3-4680-a7ca-43fe172d538d",
    "Contributor": "b24988ac-6180-42a0-ab88-20f7382dd24c",
    "Key Vault Contributor": "f25e0fa2-a7c8-4377-a976-54943a77a395",
    "Key Vault Crypto User": "12338af0-0e69-4776-bea7-57ae8d297424",
    "Managed Identity Operator": "f1a07417-d97a-45cb-824c-7a7467783830",
    "Network Contributor": "4d97b98b-1d4f-4787-a291-c67834d212e7",
    "Reader": "acdd72a7-3385-48ef-bd42-f606fba81ae7",
    "Storage Blob Data Contributor": "ba92f5b4-2d11-453d-a403-e96b0029c9fe",
    "Storage Blob Data Reader": "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1",
}
"""Ids of the roles that are used here, each on single resources and never on a group of them or a subscription."""

_AUDIENCE = "api://AzureADTokenExchange"


@dataclass(frozen=True, kw_only=True)
class ClusterIdentities:
    """Who a cluster is in Azure.

    Attributes:
        control_plane: what AKS acts as in the network and on keys.
        kubelet: what nodes pull images as.
        complete: what must exist before the cluster: otherwise AKS refuses to make it.
    """

    control_plane: azure.managedidentity.UserAssignedIdentity
    kubelet: azure.managedidentity.UserAssignedIdentity
    complete: Sequence[pulumi.Resource]


def make_identity(account: Account, key: str) -> azure.managedidentity.UserAssignedIdentity:
    """Make an identity that may nothing yet; `key` is what its Pulumi name ends with."""
    return azure.managedidentity.UserAssignedIdentity(
        f"{account.name}-{key}",
        resource_group_name=account.resource_group,
        location=account.region,
        tags=account.tags,
        opts=account.options(),
    )


def allow(
    account: Account,
    key: str,
    identity: azure.managedidentity.UserAssignedIdentity,
    role: str,
    scope: pulumi.Input[str],
) -> pulumi.Resource:
    """Give an identity a role on one resource.

    Its name, which has to be a UUID, is the provider's: it makes one and keeps it, and another for a replacement, so
    that both can exist for a while. https://github.com/pulumi/pulumi-azure-native/issues/582
    Azure changes nothing of an assignment: another role is another one.

    Args:
        account: where.
        key: what its Pulumi name ends with.
        identity: who.
        role: a name in `ROLES`.
        scope: the id of the resource.
    """
    return azure.authorization.RoleAssignment(
        f"{account.name}-{key}",
        principal_id=identity.principal_id,
        # Said, as the identity may be too new for Azure to find out.
        principal_type="ServicePrincipal",
        role_definition_id=account.role_definition_id(ROLES[role]),
        scope=scope,
        opts=pulumi.ResourceOptions.merge(
            account.options(), pulumi.ResourceOptions(replace_on_changes=["roleDefinitionId"])
        ),
    )


def make_cluster_identities(account: Account, spec: AksSpec, network: Network) -> ClusterIdentities:
    """Make the identities of a cluster, each with the least that it needs.

    - the control plane: its two subnets, to put nodes, load balancers and its own address there; the kubelet's
      identity, to give it to nodes; and keys of the user's.
    - the kubelet: the registries that are named, to pull images. Nodes have no further rights, so pods that get at
      their node's identity have none either.

    https://learn.microsoft.com/azure/aks/use-managed-identity
    """
    plane, kubelet = make_identity(account, "control-plane"), make_identity(account, "kubelet")
    complete = [
        allow(account, "control-plane-nodes", plane, "Network Contributor", network.node_subnet_id),
        allow(account, "control-plane-api-server", plane, "Network Contributor", network.api_server_subnet_id),
        allow(account, "control-plane-kubelet", plane, "Managed Identity Operator", kubelet.id),
    ]
    encryption = spec.encryption
    if encryption.disk_encryption_set_id:
        complete.append(allow(account, "control-plane-disks", plane, "Reader", encryption.disk_encryption_set_id))
    if encryption.key_vault_id:
        vault = encryption.key_vault_id
        complete.append(allow(account, "control-plane-keys", plane, "Key Vault Crypto User", vault))
        if encryption.key_vault_access == "private":
            complete.append(allow(account, "control-plane-vault", plane, "Key Vault Contributor", vault))
    for registry, name in logical_names(spec.container_registry_ids, lambda each: each.rpartition("/")[2]).items():
        allow(account, f"kubelet-{name}", kubelet, "AcrPull", registry)
    return ClusterIdentities(control_plane=plane, kubelet=kubelet, complete=complete)


class WorkloadIdentity(pulumi.ComponentResource):
    """An identity for the pods of one service account, which need not exist yet, trusted by the cluster's issuer."""

    bound: BoundIdentity
    """What the pods depend on, and what they and their service account carry so that AKS gives them a token. They take
    it to Microsoft Entra, at a public address.
    https://learn.microsoft.com/azure/aks/workload-identity-overview#service-account-labels-and-annotations"""

    def __init__(
        self,
        name: str,
        account: Account,
        *,
        issuer: pulumi.Input[str],
        namespace: str,
        service_account: str,
        permissions: Sequence[StoreAccess],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Make the identity, its trust and its rights.

        https://learn.microsoft.com/azure/aks/workload-identity-overview

        Args:
            name: the Pulumi name.
            account: of the cluster.
            issuer: of the tokens of the cluster's service accounts.
            namespace: of the service account.
            service_account: whose pods.
            permissions: the stores that they may use.
            opts: Pulumi's options of the component.
        """
        super().__init__("modelyard:cluster:WorkloadIdentity", name, {}, opts)
        own = replace(account, name=name, parent=self)
        identity = make_identity(own, "identity")
        trust = azure.managedidentity.FederatedIdentityCredential(
            f"{name}-identity",
            resource_group_name=account.resource_group,
            resource_name_=identity.name,
            issuer=issuer,
            subject=f"system:serviceaccount:{namespace}:{service_account}",
            audiences=[_AUDIENCE],
            opts=own.options(),
        )
        self.bound = BoundIdentity(
            ready=[trust, *self._allow(own, identity, permissions)],
            service_account_annotations={"azure.workload.identity/client-id": identity.client_id},
            pod_labels={"azure.workload.identity/use": "true"},
        )
        self.register_outputs({"client_id": identity.client_id})

    @staticmethod
    def _allow(
        account: Account,
        identity: azure.managedidentity.UserAssignedIdentity,
        permissions: Sequence[StoreAccess],
    ) -> list[pulumi.Resource]:
        return [
            allow(
                account,
                access.store.key,
                identity,
                f"Storage Blob Data {'Contributor' if access.write else 'Reader'}",
                access.store.resource_id,
            )
            for access in permissions
        ]
