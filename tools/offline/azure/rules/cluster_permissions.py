"""What a cluster's own identity must be allowed before anything can be made in its name.

https://learn.microsoft.com/azure/aks/use-managed-identity, …/use-capacity-reservation-groups, …/use-kms-etcd-encryption
"""

from typing import Any

from tools.offline.azure.ids import same
from tools.offline.azure.kinds_compute import CLUSTER
from tools.offline.azure.rules.everything import with_id
from tools.offline.azure.rules.identity import has_role, identity_ids
from tools.offline.azure.rules.keys import key_of, require_use_of_key
from tools.offline.cloud import registry
from tools.offline.cloud.errors import CloudError
from tools.offline.cloud.registry import rule
from tools.offline.cloud.world import Account, Record, values_at
from tools.offline.common.values import Json, as_map

_ALL = ("Owner", "Contributor")
_JOIN = "Microsoft.Network/virtualNetworks/subnets/join/action"


def principal_of(account: Account, inputs: Json) -> Any:
    """The principal of a cluster's user-assigned identity; None where AKS makes one itself."""
    for each in identity_ids(inputs):
        identity = with_id(account, each)
        if identity is not None:
            return identity.get("principalId")
    return None


def require_join(account: Account, inputs: Json, subnet_id: str) -> None:
    """The cluster's identity may let machines join a subnet.

    Raises:
        CloudError: it may not.
    """
    principal = principal_of(account, inputs)
    if principal is None or has_role(account, principal, subnet_id, "Network Contributor", *_ALL):
        return
    raise CloudError(
        "LinkedAuthorizationFailed",
        f"The client '{principal}' with object id '{principal}' has permission to perform action "
        "'Microsoft.Compute/virtualMachineScaleSets/write' on scope; however, it does not have permission to perform "
        f"action '{_JOIN}' on the linked scope(s) '{subnet_id}' or the linked scope(s) are invalid.",
    )


def require_reservation(account: Account, inputs: Json, group_id: str) -> None:
    """The cluster's identity may use a capacity reservation group, which only a user-assigned one can.

    Raises:
        CloudError: it may not.
    """
    principal = principal_of(account, inputs)
    if principal is not None and has_role(account, principal, group_id, "Virtual Machine Contributor", *_ALL):
        return
    text = (
        f"The cluster's user-assigned identity needs the role Contributor on the capacity reservation group {group_id}."
    )
    raise CloudError("CRGAuthorizationFailed", text)


@rule(registry.before_create, CLUSTER)
def what_a_new_cluster_may(account: Account, record: Record) -> None:
    """Its identity may let nodes join, give them theirs, and use the keys."""
    for path in ("agentPoolProfiles.vnetSubnetID", "apiServerAccessProfile.subnetId"):
        for each in values_at(record.inputs, path):
            require_join(account, record.inputs, each)
    require_keys(account, record.inputs)
    kubelet = as_map(as_map(record.inputs.get("identityProfile")).get("kubeletidentity"))
    if kubelet:
        _require_kubelet(account, record.inputs, kubelet)
    zone = as_map(record.inputs.get("apiServerAccessProfile")).get("privateDNSZone")
    principal = principal_of(account, record.inputs)
    if not isinstance(zone, str) or not zone.startswith("/"):
        return
    if principal is None or not has_role(account, principal, zone, "Private DNS Zone Contributor", *_ALL):
        text = f"The cluster's user-assigned identity needs the role Private DNS Zone Contributor on {zone}."
        raise CloudError("CustomPrivateDNSZoneMissingPermissionError", text)


def _require_kubelet(account: Account, inputs: Json, kubelet: Json) -> None:
    identity = with_id(account, str(kubelet.get("resourceId")))
    principal = principal_of(account, inputs)
    assert identity is not None
    if principal is None:
        text = "A kubelet identity of one's own needs a user-assigned identity of the control plane."
        raise CloudError("CustomKubeletIdentityOnlySupportedOnUserAssignedMSICluster", text)
    for key, wanted in (("clientId", identity.get("clientId")), ("objectId", identity.get("principalId"))):
        if kubelet.get(key) is not None and not same(kubelet[key], wanted):
            raise CloudError("InvalidParameter", f"The kubelet identity's {key} is {wanted}, not {kubelet[key]}")
    if not has_role(account, principal, identity.id, "Managed Identity Operator", *_ALL):
        raise CloudError(
            "CustomKubeletIdentityMissingPermissionError",
            "The cluster using user-assigned managed identity must be granted 'Managed Identity Operator' role to "
            f"assign kubelet identity. Check access result not allowed for action "
            f"Microsoft.ManagedIdentity/userAssignedIdentities/assign/action. ({identity.id})",
        )


def require_keys(account: Account, inputs: Json) -> None:
    """Whoever encrypts may use the key.

    Raises:
        CloudError: one may not.
    """
    for each in values_at(inputs, "diskEncryptionSetID"):
        encryption, principal = with_id(account, each), principal_of(account, inputs)
        assert encryption is not None
        if principal is not None and not has_role(account, principal, each, "Reader", *_ALL):
            text = f"The cluster's identity {principal} may not read the disk encryption set {each}."
            raise CloudError("DiskEncryptionSetAuthorizationFailed", text)
        [uri] = values_at(encryption.inputs, "activeKey.keyUrl")
        require_use_of_key(account, encryption.get("identity.principalId"), uri)
    service = as_map(as_map(inputs.get("securityProfile")).get("azureKeyVaultKms"))
    if not service.get("enabled"):
        return
    uri, principal = service.get("keyId"), principal_of(account, inputs)
    if key_of(account, uri) is None or str(uri).count("/") < _VERSIONED:
        raise CloudError("AzureKeyVaultKmsKeyNotFound", f"The key {uri} was not found: it is named with its version.")
    if principal is None:
        raise CloudError("AzureKeyVaultKmsNeedsUserAssignedIdentity", "Key Vault KMS needs a user-assigned identity.")
    require_use_of_key(account, principal, uri)


_VERSIONED = 5
"""How many slashes are in a key's address with its version."""
