"""Storage accounts, what is in them, and logs.

https://learn.microsoft.com/azure/storage/common/storage-account-overview, https://learn.microsoft.com/azure/aks/monitor-aks
"""

from collections.abc import Iterator

from tools.offline.azure.ids import guid, name_of, same
from tools.offline.azure.kinds_compute import CLUSTER
from tools.offline.azure.kinds_network import SUBNET
from tools.offline.azure.kinds_storage import (
    BLOB_CONTAINER,
    BLOB_SERVICE,
    DIAGNOSTIC_SETTING,
    MANAGEMENT_POLICY,
    STORAGE_ACCOUNT,
    WORKSPACE,
)
from tools.offline.azure.rules.everything import with_id
from tools.offline.azure.rules.identity import now
from tools.offline.cloud import registry
from tools.offline.cloud.errors import CloudError
from tools.offline.cloud.registry import rule
from tools.offline.cloud.schema import Fault
from tools.offline.cloud.world import Account, Record, values_at
from tools.offline.common.values import UNKNOWN, Json, as_list, as_map

_PREMIUM = ("BlockBlobStorage", "FileStorage")
_LOGS_OF_AKS = frozenset(
    {
        *("kube-apiserver", "kube-audit", "kube-audit-admin", "kube-controller-manager", "kube-scheduler"),
        *("cluster-autoscaler", "cloud-controller-manager", "guard", "csi-azuredisk-controller", "karpenter-events"),
        *("csi-azurefile-controller", "csi-snapshot-controller", "fleet-member-agent", "fleet-mcs-controller-manager"),
        "fleet-member-net-controller-manager",
    }
)


@rule(registry.in_check, STORAGE_ACCOUNT)
def parts_of_an_account(inputs: Json) -> Iterator[Fault]:
    """Kind and tier that go together, and settings that exclude each other."""
    kind, sku = inputs["kind"], as_map(inputs.get("sku")).get("name")
    if isinstance(kind, str) and isinstance(sku, str) and (kind in _PREMIUM) != sku.startswith("Premium"):
        yield Fault(path=("sku", "name"), why=f"{sku} does not go with kind {kind}")
    if kind == "BlobStorage" and inputs.get("accessTier") is None:
        yield Fault(path=("accessTier",), why="is required for kind BlobStorage")
    if inputs.get("enableHttpsTrafficOnly") and inputs.get("enableNfsV3"):
        yield Fault(path=("enableNfsV3",), why="NFS 3.0 needs enableHttpsTrafficOnly to be false")
    if inputs.get("enableNfsV3") and not inputs.get("isHnsEnabled"):
        yield Fault(path=("enableNfsV3",), why="NFS 3.0 needs a hierarchical namespace (isHnsEnabled)")


@rule(registry.before_create, STORAGE_ACCOUNT)
def account_in_the_world(account: Account, record: Record) -> None:
    """Its name is free in all of Azure; the subnets it lets in have the service endpoint."""
    name = name_of(record.id)
    if any(same(name_of(other.id), name) for other in account.of(STORAGE_ACCOUNT)):
        raise CloudError("StorageAccountAlreadyTaken", f"The storage account named {name} is already taken.")
    _require_endpoints(account, record.inputs)


@rule(registry.before_update, STORAGE_ACCOUNT)
def subnets_of_an_account(account: Account, record: Record, new: Json) -> None:
    del record
    _require_endpoints(account, new)


def _require_endpoints(account: Account, inputs: Json) -> None:
    for path in values_at(inputs, "networkRuleSet.virtualNetworkRules.virtualNetworkResourceId"):
        subnet = with_id(account, path)
        if subnet is None or subnet.token != SUBNET:
            raise CloudError(
                "NetworkAclsValidationFailure", f"Validation of network acls failure: {path} was not found"
            )
        if "Microsoft.Storage" not in values_at(subnet.inputs, "serviceEndpoints.service"):
            raise CloudError(
                "NetworkAclsValidationFailure",
                "Validation of network acls failure: SubnetsHaveNoServiceEndpointsConfigured: Subnets "
                f"{name_of(path)} of virtual network {path} do not have ServiceEndpoints for Microsoft.Storage "
                "resources configured. Add Microsoft.Storage to subnet's ServiceEndpoints collection before trying to "
                "ACL Microsoft.Storage resources to these subnets.",
            )


@rule(registry.outputs, STORAGE_ACCOUNT)
def what_an_account_tells(account: Account, record: Record) -> Json:
    del account
    name = name_of(record.id)
    made = record.notes.setdefault("made", now())
    parts = {"blob": "blob", "dfs": "dfs", "file": "file", "queue": "queue", "table": "table", "web": "z13.web"}
    tier = str(as_map(record.inputs["sku"])["name"]).partition("_")[0]
    return {
        "creationTime": made,
        "primaryEndpoints": {key: f"https://{name}.{part}.core.windows.net/" for key, part in parts.items()},
        "primaryLocation": record.inputs["location"],
        "statusOfPrimary": "available",
        "sku": {"tier": tier},
        "accessTier": "Hot",
        "allowBlobPublicAccess": False,
        "enableHttpsTrafficOnly": True,
        "minimumTlsVersion": "TLS1_0",
    }


@rule(registry.in_check, BLOB_SERVICE)
def name_of_a_service(inputs: Json) -> Iterator[Fault]:
    """There is one, and it has one name."""
    if inputs.get("blobServicesName") not in (None, "default", UNKNOWN):
        yield Fault(path=("blobServicesName",), why="must be default")
    policy = as_map(inputs.get("deleteRetentionPolicy"))
    if policy.get("enabled") and policy.get("days") is None:
        yield Fault(path=("deleteRetentionPolicy", "days"), why="is required where the policy is enabled")


@rule(registry.before_create, BLOB_SERVICE)
def service_is_called_default(account: Account, record: Record) -> None:
    del account
    if name_of(record.id) != "default":
        raise CloudError("InvalidUri", f"The blob service of an account is called default, not {name_of(record.id)}")


@rule(registry.before_create, BLOB_CONTAINER)
def container_without_public_access(account: Account, record: Record) -> None:
    parent = with_id(account, record.id.partition("/blobServices/")[0])
    is_public = record.inputs.get("publicAccess") not in (None, "None")
    if parent is not None and is_public and not parent.get("allowBlobPublicAccess"):
        raise CloudError("PublicAccessNotPermitted", "Public access is not permitted on this storage account.")


@rule(registry.outputs, BLOB_CONTAINER)
def what_a_container_tells(account: Account, record: Record) -> Json:
    del account, record
    return {"leaseState": "Available", "leaseStatus": "Unlocked", "publicAccess": "None", "hasLegalHold": False}


@rule(registry.in_check, MANAGEMENT_POLICY)
def rules_of_a_policy(inputs: Json) -> Iterator[Fault]:
    """Each has a name of its own, is about block blobs or append blobs, and does something."""
    names: list[str] = []
    for index, each in enumerate(map(as_map, as_list(as_map(inputs.get("policy")).get("rules")))):
        names.append(str(each.get("name")))
        definition = as_map(each.get("definition"))
        if not set(values_at(definition, "filters.blobTypes")) <= {"blockBlob", "appendBlob", UNKNOWN}:
            yield Fault(path=("policy", "rules", index), why="blobTypes must be of blockBlob and appendBlob")
        if not values_at(definition, "filters.blobTypes"):
            yield Fault(path=("policy", "rules", index), why="filters.blobTypes is required")
        if not as_map(definition.get("actions")):
            yield Fault(path=("policy", "rules", index), why="a rule has at least one action")
    if len(set(names)) != len(names):
        yield Fault(path=("policy", "rules"), why="two rules have the same name")


@rule(registry.outputs, MANAGEMENT_POLICY)
def when_a_policy_changed(account: Account, record: Record) -> Json:
    del account
    return {"lastModifiedTime": record.notes.setdefault("made", now())}


@rule(registry.outputs, WORKSPACE)
def id_of_a_workspace(account: Account, record: Record) -> Json:
    del account
    made = record.notes.setdefault("made", now())
    return {"customerId": guid(record.id), "createdDate": made, "modifiedDate": made, "retentionInDays": 30}


@rule(registry.in_check, DIAGNOSTIC_SETTING)
def parts_of_a_setting(inputs: Json) -> Iterator[Fault]:
    """Something that is told, and somebody who hears it."""
    targets = ("workspaceId", "storageAccountId", "eventHubAuthorizationRuleId", "marketplacePartnerId")
    if not any(inputs.get(key) for key in targets):
        yield Fault(path=(), why=f"at least one of {', '.join(targets)} is required")
    if not inputs.get("logs") and not inputs.get("metrics"):
        yield Fault(path=(), why="at least one of logs and metrics is required")
    for index, each in enumerate(map(as_map, as_list(inputs.get("logs")))):
        if bool(each.get("category")) == bool(each.get("categoryGroup")):
            yield Fault(path=("logs", index), why="either category or categoryGroup is given")
    if inputs.get("logAnalyticsDestinationType") not in (None, "Dedicated", "AzureDiagnostics", UNKNOWN):
        yield Fault(path=("logAnalyticsDestinationType",), why="must be Dedicated or AzureDiagnostics")


@rule(registry.before_create, DIAGNOSTIC_SETTING)
def categories_of_logs(account: Account, record: Record) -> None:
    """They are those that AKS has; a category goes to a workspace once."""
    about = with_id(account, str(record.inputs["resourceUri"]))
    wanted = [each for each in values_at(record.inputs, "logs.category") if each]
    unknown = [each for each in wanted if about is not None and about.token == CLUSTER and each not in _LOGS_OF_AKS]
    if unknown:
        raise CloudError("BadRequest", f"Category '{unknown[0]}' is not supported.")
    for other in account.of(DIAGNOSTIC_SETTING):
        both = set(wanted) & set(values_at(other.inputs, "logs.category"))
        one = same(other.inputs["resourceUri"], record.inputs["resourceUri"])
        if one and both and same(other.inputs.get("workspaceId"), record.inputs.get("workspaceId")):
            text = (
                f"Data sink '{record.inputs.get('workspaceId')}' is already used in diagnostic setting '{other.id}' for"
            )
            raise CloudError("Conflict", f"{text} category '{min(both)}'.")
