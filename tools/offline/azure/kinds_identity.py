"""The types of identities and roles, and of keys that programs name.

What replaces them: parts of their path, what their API specifications mark as immutable, and what the provider lists
itself (https://github.com/pulumi/pulumi-azure-native/blob/master/provider/pkg/gen/replacement.go). Times are estimates.
"""

from tools.offline.azure.kinds import GROUP, AzureKind, copied_name, random_name
from tools.offline.cloud.kinds import Name, Seconds

IDENTITY = "azure-native:managedidentity:UserAssignedIdentity"
FEDERATED_CREDENTIAL = "azure-native:managedidentity:FederatedIdentityCredential"
ROLE_ASSIGNMENT = "azure-native:authorization:RoleAssignment"
# What programs only name: somebody else makes it.
VAULT = "internal:keyvault:Vault"
KEY = "internal:keyvault:Key"
DISK_ENCRYPTION_SET = "internal:compute:DiskEncryptionSet"
REGISTRY = "internal:containerregistry:Registry"

_IDENTITIES = GROUP + "/providers/Microsoft.ManagedIdentity/userAssignedIdentities/{resourceName}"

KINDS = (
    AzureKind(
        token=IDENTITY,
        arm_type="Microsoft.ManagedIdentity/userAssignedIdentities",
        service="ManagedIdentity",
        id_format=_IDENTITIES,
        name=random_name("resourceName", 128),
        replace=("resourceGroupName", "resourceName", "location"),
        outputs=("principalId", "clientId", "tenantId"),
        seconds=Seconds(create=5, update=2, delete=3),
    ),
    AzureKind(
        token=FEDERATED_CREDENTIAL,
        arm_type="Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials",
        service="ManagedIdentity",
        parent=IDENTITY,
        id_format=_IDENTITIES + "/federatedIdentityCredentials/{federatedIdentityCredentialResourceName}",
        name=copied_name("federatedIdentityCredentialResourceName", 120),
        replace=("resourceGroupName", "resourceName", "federatedIdentityCredentialResourceName"),
        seconds=Seconds(create=3, update=3, delete=3),
    ),
    AzureKind(
        token=ROLE_ASSIGNMENT,
        arm_type="Microsoft.Authorization/roleAssignments",
        service="Authorization",
        id_format="/{bareScope}/providers/Microsoft.Authorization/roleAssignments/{roleAssignmentName}",
        name=Name(property="roleAssignmentName", separator="", digits=32),
        replace=("scope", "roleAssignmentName", "principalId"),
        outputs=("createdBy", "createdOn", "updatedBy", "updatedOn", "principalType"),
        seconds=Seconds(create=5, update=5, delete=3),
    ),
    AzureKind(token=VAULT, arm_type="Microsoft.KeyVault/vaults", service="KeyVault", internal=True),
    AzureKind(token=KEY, arm_type="Microsoft.KeyVault/vaults/keys", service="KeyVault", internal=True),
    AzureKind(
        token=DISK_ENCRYPTION_SET, arm_type="Microsoft.Compute/diskEncryptionSets", service="Compute", internal=True
    ),
    AzureKind(
        token=REGISTRY, arm_type="Microsoft.ContainerRegistry/registries", service="ContainerRegistry", internal=True
    ),
)
