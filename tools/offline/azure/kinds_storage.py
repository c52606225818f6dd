"""The types of storage and of logs. What replaces them is said as in `kinds_network.py`; times are estimates."""

from tools.offline.azure.kinds import GROUP, AzureKind, copied_name, random_name
from tools.offline.cloud.kinds import Reference, Seconds

STORAGE_ACCOUNT = "azure-native:storage:StorageAccount"
BLOB_SERVICE = "azure-native:storage:BlobServiceProperties"
BLOB_CONTAINER = "azure-native:storage:BlobContainer"
MANAGEMENT_POLICY = "azure-native:storage:ManagementPolicy"
WORKSPACE = "azure-native:operationalinsights:Workspace"
DIAGNOSTIC_SETTING = "azure-native:monitor:DiagnosticSetting"

_ACCOUNTS = GROUP + "/providers/Microsoft.Storage/storageAccounts/{accountName}"

KINDS = (
    AzureKind(
        token=STORAGE_ACCOUNT,
        arm_type="Microsoft.Storage/storageAccounts",
        service="Storage",
        id_format=_ACCOUNTS,
        name=random_name("accountName", 24),
        replace=("resourceGroupName", "accountName", "location", "isHnsEnabled"),
        fixed=("enableNfsV3",),
        outputs=(
            *("accessTier", "creationTime", "encryption", "keyCreationTime", "networkRuleSet", "primaryEndpoints"),
            *("primaryLocation", "privateEndpointConnections", "statusOfPrimary", "sku.tier", "allowBlobPublicAccess"),
            *("enableHttpsTrafficOnly", "minimumTlsVersion", "isHnsEnabled"),
        ),
        seconds=Seconds(create=25, update=5, delete=5),
    ),
    AzureKind(
        token=BLOB_SERVICE,
        arm_type="Microsoft.Storage/storageAccounts/blobServices",
        service="Storage",
        parent=STORAGE_ACCOUNT,
        is_singleton=True,
        id_format=_ACCOUNTS + "/blobServices/{blobServicesName}",
        name=copied_name("blobServicesName"),
        replace=("resourceGroupName", "accountName", "blobServicesName"),
        outputs=("sku",),
        seconds=Seconds(create=2, update=2),
    ),
    AzureKind(
        token=BLOB_CONTAINER,
        arm_type="Microsoft.Storage/storageAccounts/blobServices/containers",
        service="Storage",
        parent=STORAGE_ACCOUNT,
        id_format=_ACCOUNTS + "/blobServices/default/containers/{containerName}",
        name=copied_name("containerName", 63),
        replace=("resourceGroupName", "accountName", "containerName"),
        outputs=(
            *("deleted", "hasImmutabilityPolicy", "hasLegalHold", "immutabilityPolicy", "lastModifiedTime"),
            *("leaseState", "leaseStatus", "legalHold", "publicAccess", "defaultEncryptionScope"),
            *("denyEncryptionScopeOverride", "immutableStorageWithVersioning", "remainingRetentionDays"),
        ),
        seconds=Seconds(create=2, update=2, delete=2),
    ),
    AzureKind(
        token=MANAGEMENT_POLICY,
        arm_type="Microsoft.Storage/storageAccounts/managementPolicies",
        service="Storage",
        parent=STORAGE_ACCOUNT,
        id_format=_ACCOUNTS + "/managementPolicies/{managementPolicyName}",
        name=copied_name("managementPolicyName"),
        replace=("resourceGroupName", "accountName", "managementPolicyName"),
        outputs=("lastModifiedTime",),
        seconds=Seconds(create=2, update=2, delete=2),
    ),
    AzureKind(
        token=WORKSPACE,
        arm_type="Microsoft.OperationalInsights/workspaces",
        service="OperationalInsights",
        id_format=GROUP + "/providers/Microsoft.OperationalInsights/workspaces/{workspaceName}",
        name=random_name("workspaceName", 63),
        replace=("resourceGroupName", "workspaceName", "location"),
        outputs=("createdDate", "customerId", "modifiedDate", "workspaceCapping", "features", "retentionInDays", "sku"),
        seconds=Seconds(create=30, update=5, delete=15),
    ),
    AzureKind(
        token=DIAGNOSTIC_SETTING,
        arm_type="Microsoft.Insights/diagnosticSettings",
        service="Insights",
        id_format="/{bareScope}/providers/Microsoft.Insights/diagnosticSettings/{name}",
        name=random_name("name", 260),
        replace=("resourceUri", "name"),
        references=(
            Reference(path="workspaceId", to=WORKSPACE),
            Reference(path="storageAccountId", to=STORAGE_ACCOUNT),
        ),
        seconds=Seconds(create=3, update=3, delete=3),
    ),
)
