"""Names and ids in Azure's own words, as types of what a user writes."""

import re
from typing import Annotated

from modelyard.cluster.aks.locations import OTHER_CLOUDS, REGION, WITHOUT_API_SERVER_SUBNETS
from modelyard.cluster.words import pattern, version
from modelyard.errors import Problem, show
from modelyard.spec import Rule
from modelyard.versions import AKS

CLUSTER_NAME_CHARACTERS = 54
"""AKS allows 63, and the cluster's host name, which begins with it, 54.
https://learn.microsoft.com/azure/aks/quotas-skus-regions#service-quotas-and-limits"""
COMPONENT_NAME_CHARACTERS = 40
"""The longest Pulumi name of a cluster: the shortest limit among what is named after it is that of a Log Analytics
workspace, 63, of which what it is for takes up to 15 and Pulumi's random end 8.
https://learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules"""
_CLUSTER_NAME = "[0-9A-Za-z]([0-9A-Za-z-]*[0-9A-Za-z])?"
_GUID = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_GROUP_NAME = r"[\w().-]{0,89}[\w()-]"
_GROUP = rf"/subscriptions/{_GUID}/resourceGroups/{_GROUP_NAME}/providers"
_SUBSCRIPTION_EXAMPLE = "/subscriptions/0b1f6471-1bf0-4dda-aec3-cb9272f09590/resourceGroups/network/providers"


def _check_region(text: str) -> tuple[str, str] | None:
    if not re.fullmatch(REGION, text):
        return f"{show(text)} is no region", "write one like eastus2, without spaces and capitals"
    if text.startswith(OTHER_CLOUDS):
        return f"{text} is no region of Azure's public cloud", "use one like eastus2: others have accounts of their own"
    if text in WITHOUT_API_SERVER_SUBNETS:
        return f"AKS puts no API server into a network of yours in {text}", "use another region"
    return None


def cluster_name_problem(name: str) -> Problem | None:
    """What is wrong with a cluster's name in Azure, also with one that is made from the project's and the stack's."""
    fix = f"give one of up to {CLUSTER_NAME_CHARACTERS} letters, digits and dashes"
    if len(name) > CLUSTER_NAME_CHARACTERS or not re.fullmatch(_CLUSTER_NAME, name):
        return Problem(path="name", why=f"{show(name)} is no name that AKS allows", fix=fix)
    return None


def component_name_problem(name: str) -> Problem | None:
    """What is wrong with the Pulumi name of a cluster, beside what is of every name."""
    if len(name) <= COMPONENT_NAME_CHARACTERS:
        return None
    why = f"{show(name)}, with which the names of its parts begin, has {len(name)} characters"
    return Problem(path="name", why=why, fix=f"use at most {COMPONENT_NAME_CHARACTERS}, as Azure ends some at 63")


def _check_name(text: str) -> tuple[str, str] | None:
    problem = cluster_name_problem(text)
    return (problem.why, problem.fix) if problem else None


def _resource(kind: str, what: str, example: str) -> Rule:
    return pattern(rf"{_GROUP}/{kind}", what, f"write one like {_SUBSCRIPTION_EXAMPLE}/{example}")


AksVersion = Annotated[str, version(AKS, "that modelyard knows on AKS")]
"""A Kubernetes minor version in quotes."""
ClusterName = Annotated[str, Rule(_check_name, {"pattern": f"^{_CLUSTER_NAME}$", "maxLength": CLUSTER_NAME_CHARACTERS})]
"""The name of a cluster in Azure. Underscores, which AKS allows too, are no part of the host names made from it."""
Region = Annotated[str, Rule(_check_region, {"pattern": f"^{REGION}$"})]
"""A region of Azure's public cloud."""
SubscriptionId = Annotated[
    str, pattern(_GUID, "id of a subscription", "write what `az account show --query id` prints, in lower case")
]
"""The id of a subscription in Azure."""
TenantId = Annotated[
    str, pattern(_GUID, "id of a tenant", "write what `az account show --query tenantId` prints, in lower case")
]
"""The id of an Entra tenant."""
GroupObjectId = Annotated[
    str,
    pattern(
        _GUID,
        "object id of an Entra group",
        "write what `az ad group show --group NAME --query id` prints, in lower case, not a name",
    ),
]
"""The object id of an Entra group."""
ResourceGroupName = Annotated[
    str, pattern(_GROUP_NAME, "name of a resource group", "write one like ml-platform, not an id")
]
"""The name of a resource group. https://learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules"""
SubnetId = Annotated[
    str,
    _resource(
        r"Microsoft\.Network/virtualNetworks/[\w.-]+/subnets/[\w.-]+",
        "id of a subnet",
        "Microsoft.Network/virtualNetworks/main/subnets/nodes",
    ),
]
"""The id of a subnet."""
DiskEncryptionSetId = Annotated[
    str,
    _resource(
        r"Microsoft\.Compute/diskEncryptionSets/[\w-]+",
        "id of a disk encryption set",
        "Microsoft.Compute/diskEncryptionSets/nodes",
    ),
]
"""The id of a disk encryption set."""
KeyVaultId = Annotated[
    str,
    _resource(r"Microsoft\.KeyVault/vaults/[0-9A-Za-z-]+", "id of a key vault", "Microsoft.KeyVault/vaults/keys"),
]
"""The id of a key vault."""
KeyId = Annotated[
    str,
    pattern(
        r"https://[0-9A-Za-z-]+\.vault\.azure\.net/keys/[0-9A-Za-z-]+/[0-9a-f]{32}",
        "id of a key with its version",
        "write one like https://NAME.vault.azure.net/keys/etcd/0123456789abcdef0123456789abcdef",
    ),
]
"""The id of a key in a key vault, with its version."""
ContainerRegistryId = Annotated[
    str,
    _resource(
        r"Microsoft\.ContainerRegistry/registries/[0-9A-Za-z]+",
        "id of a container registry",
        "Microsoft.ContainerRegistry/registries/images",
    ),
]
"""The id of a container registry."""
