"""Keys that somebody else made, and who may use them.

https://learn.microsoft.com/azure/virtual-machines/disk-encryption, https://learn.microsoft.com/azure/aks/use-kms-etcd-encryption
"""

from tools.offline.azure.ids import name_of, same
from tools.offline.azure.kinds_identity import KEY, VAULT
from tools.offline.azure.rules.identity import has_role
from tools.offline.cloud.errors import CloudError
from tools.offline.cloud.world import Account, Record, values_at

_ROLES = ("Key Vault Crypto Service Encryption User", "Key Vault Crypto User", "Key Vault Administrator")


def vault_of(account: Account, key_uri: object) -> Record | None:
    """The vault of a key, by the key's address."""
    host = str(key_uri).removeprefix("https://").partition("/")[0]
    return next((each for each in account.of(VAULT) if same(f"{name_of(each.id)}.vault.azure.net", host)), None)


def key_of(account: Account, key_uri: object) -> Record | None:
    """The key that an address names, with or without its version."""
    found = (each for each in account.of(KEY) if key_uri in (each.get("keyUri"), each.get("keyUriWithVersion")))
    return next(found, None)


def require_use_of_key(account: Account, principal: object, uri: object) -> None:
    """A principal may wrap and unwrap keys with a key.

    Raises:
        CloudError: it may not.
    """
    vault, target = vault_of(account, uri), key_of(account, uri) or vault_of(account, uri)
    allowed = target is not None and has_role(account, principal, target.id, *_ROLES)
    listed = values_at(vault.inputs, "properties.accessPolicies.objectId") if vault is not None else []
    if not allowed and not any(same(each, principal) for each in listed):
        text = f"The principal {principal} may not wrap and unwrap keys with {uri}: it needs the role {_ROLES[0]}."
        raise CloudError("KeyVaultAccessForbidden", text)
