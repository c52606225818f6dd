"""Object stores in Azure Blob Storage."""

import hashlib
import json
import re

import pulumi
import pulumi_azure_native as azure

from modelyard.cluster.aks.account import Account
from modelyard.cluster.aks.locations import zones_of
from modelyard.cluster.object_store_spec import ObjectStoreSpec
from modelyard.cluster.object_stores import ObjectStore

_CONTAINER = "objects"
_NAME_CHARACTERS, _HASH_CHARACTERS = 24, 13


class BlobStore(pulumi.ComponentResource):
    """A storage account with one container: encrypted, in all zones, over TLS only, without public objects and keys.

    Only the cluster's node subnet reaches it, with an account in Entra ID. What was overwritten or deleted can be had
    back for as long as the spec says (soft delete): Azure's versions would go by their age since they were written, so
    an old object's last one on the day on which it is overwritten. Pieces of uploads that broke off go after a week, by
    themselves.

    Azure deletes an account with all that is in it. So without `force_destroy` Pulumi refuses to delete the store, also
    an empty one.
    """

    store: ObjectStore
    """The container as every cluster sees its stores."""

    def __init__(
        self,
        name: str,
        account: Account,
        spec: ObjectStoreSpec,
        *,
        node_subnet_id: pulumi.Input[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Make the account and what is in it.

        Args:
            name: the Pulumi name, with which the account's begins.
            account: where.
            spec: a valid spec.
            node_subnet_id: the subnet that reaches it, which has the service endpoint `Microsoft.Storage`.
            opts: Pulumi's options of the component.
        """
        super().__init__("modelyard:cluster:BlobStore", name, {}, opts)
        options = pulumi.ResourceOptions(parent=self, provider=account.provider)
        kept = pulumi.ResourceOptions.merge(options, pulumi.ResourceOptions(protect=not spec.force_destroy))
        storage = azure.storage.StorageAccount(
            name,
            account_name=account_name(account, name),
            resource_group_name=account.resource_group,
            location=account.region,
            kind="StorageV2",
            sku=azure.storage.SkuArgs(name="Standard_ZRS" if zones_of(account.region) else "Standard_LRS"),
            access_tier=azure.storage.AccessTier.HOT,
            enable_https_traffic_only=True,
            minimum_tls_version="TLS1_2",
            allow_blob_public_access=False,
            allow_shared_key_access=False,
            allow_cross_tenant_replication=False,
            default_to_o_auth_authentication=True,
            # A service endpoint arrives at the public one; the rules leave nobody else in.
            public_network_access="Enabled",
            network_rule_set=azure.storage.NetworkRuleSetArgs(
                default_action=azure.storage.DefaultAction.DENY,
                bypass="None",
                virtual_network_rules=[
                    azure.storage.VirtualNetworkRuleArgs(virtual_network_resource_id=node_subnet_id)
                ],
            ),
            tags=account.tags,
            opts=kept,
        )
        settings = _settings(name, account, spec, storage, options)
        container = azure.storage.BlobContainer(
            name,
            account_name=storage.name,
            resource_group_name=account.resource_group,
            container_name=_CONTAINER,
            public_access=azure.storage.PublicAccess.NONE,
            opts=kept,
        )
        self.store = ObjectStore(
            key=name,
            name=storage.name,
            url=pulumi.Output.concat("https://", storage.name, ".blob.core.windows.net/", _CONTAINER),
            resource_id=container.id,
            ready=[container, *settings],
        )
        self.register_outputs({"url": self.store.url})


def account_name(account: Account, name: str) -> str:
    """The name of a store's account: 24 lower-case letters and digits at most, everybody's, and the same in each run.

    https://learn.microsoft.com/azure/storage/common/storage-account-overview#storage-account-name
    """
    of = [account.subscription_id, account.region, account.cluster_name, pulumi.get_stack(), name]
    begin = re.sub("[^0-9a-z]", "", name.lower())[: _NAME_CHARACTERS - _HASH_CHARACTERS]
    return begin + hashlib.sha256(json.dumps(of).encode()).hexdigest()[:_HASH_CHARACTERS]


def _settings(
    name: str,
    account: Account,
    spec: ObjectStoreSpec,
    storage: azure.storage.StorageAccount,
    options: pulumi.ResourceOptions,
) -> list[pulumi.Resource]:
    kept = azure.storage.BlobServiceProperties(
        name,
        account_name=storage.name,
        resource_group_name=account.resource_group,
        # The one that every account has.
        blob_services_name="default",
        delete_retention_policy=azure.storage.DeleteRetentionPolicyArgs(
            enabled=True, days=spec.keep_former_versions_days
        ),
        opts=options,
    )
    if not spec.expire_after_days:
        return [kept]
    delete = azure.storage.DateAfterModificationArgs(days_after_modification_greater_than=spec.expire_after_days)
    rule = azure.storage.ManagementPolicyRuleArgs(
        name="objects",
        enabled=True,
        type="Lifecycle",
        definition=azure.storage.ManagementPolicyDefinitionArgs(
            actions=azure.storage.ManagementPolicyActionArgs(
                base_blob=azure.storage.ManagementPolicyBaseBlobArgs(delete=delete)
            ),
            filters=azure.storage.ManagementPolicyFilterArgs(blob_types=["blockBlob"]),
        ),
    )
    expiry = azure.storage.ManagementPolicy(
        name,
        account_name=storage.name,
        resource_group_name=account.resource_group,
        # The only one that an account can have.
        management_policy_name="default",
        policy=azure.storage.ManagementPolicySchemaArgs(rules=[rule]),
        opts=options,
    )
    return [kept, expiry]
