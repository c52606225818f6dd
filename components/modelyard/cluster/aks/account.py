"""Where in Azure a cluster's resources are made, and what all of them have in common."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import pulumi
import pulumi_azure_native as azure


@dataclass(frozen=True, kw_only=True)
class Account:
    """One region and resource group of a subscription, as one cluster uses it.

    Attributes:
        name: the Pulumi name that resources' names begin with.
        cluster_name: the cluster's name in Azure, known at preview.
        region: for example `eastus2`.
        subscription_id: the subscription.
        resource_group: the name of the resource group, after which what is in it is made.
        tags: on everything that can have some: the provider adds none.
        parent: of all resources.
        provider: of all resources in Azure.
    """

    name: str
    cluster_name: str
    region: str
    subscription_id: str
    resource_group: pulumi.Input[str]
    tags: Mapping[str, str]
    parent: pulumi.Resource
    provider: azure.Provider

    def role_definition_id(self, role_id: str) -> str:
        """The id of a role that Azure keeps, as Azure answers it: otherwise every refresh would find a difference."""
        return f"/subscriptions/{self.subscription_id}/providers/Microsoft.Authorization/roleDefinitions/{role_id}"

    def options(self, before: Iterable[pulumi.Resource] = ()) -> pulumi.ResourceOptions:
        """Options of a resource in Azure, made after `before`."""
        return pulumi.ResourceOptions(parent=self.parent, provider=self.provider, depends_on=list(before))
