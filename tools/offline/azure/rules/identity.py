"""Identities, what trusts them, and roles.

https://learn.microsoft.com/azure/role-based-access-control/role-assignments-template,
https://learn.microsoft.com/entra/workload-id/workload-identity-federation-considerations
"""

import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime

from tools.offline.azure.cloud import changed_paths
from tools.offline.azure.ids import CALLER, TENANT, guid, is_within, parent_id, same
from tools.offline.azure.kinds_compute import CLUSTER
from tools.offline.azure.kinds_identity import DISK_ENCRYPTION_SET, FEDERATED_CREDENTIAL, IDENTITY, ROLE_ASSIGNMENT
from tools.offline.azure.roles import ROLES
from tools.offline.cloud import registry
from tools.offline.cloud.errors import CloudError
from tools.offline.cloud.registry import rule
from tools.offline.cloud.schema import Fault
from tools.offline.cloud.world import Account, Record, values_at
from tools.offline.common.values import UNKNOWN, Json, as_list

_MOST_CREDENTIALS = 20
_AUDIENCE = "api://AzureADTokenExchange"
_DEFINITION = re.compile(
    r"(?:/subscriptions/[^/]+)?/providers/Microsoft\.Authorization/roleDefinitions/([0-9a-fA-F-]{36})"
)


def now() -> str:
    """The time as Azure writes it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@rule(registry.outputs, IDENTITY)
def ids_of_an_identity(account: Account, record: Record) -> Json:
    del account
    return {
        "principalId": guid(record.id, "principal"),
        "clientId": guid(record.id, "client"),
        "tenantId": TENANT,
    }


@rule(registry.in_check, FEDERATED_CREDENTIAL)
def audience_of_a_credential(inputs: Json) -> Iterator[Fault]:
    """Exactly one, which is what Entra ID takes."""
    found = as_list(inputs.get("audiences"))
    if UNKNOWN not in found and found != [_AUDIENCE]:
        yield Fault(path=("audiences",), why=f"must be [{_AUDIENCE}]: tokens of pods are made out to it")


@rule(registry.before_create, FEDERATED_CREDENTIAL)
def one_credential_at_a_time(account: Account, record: Record) -> None:
    """An identity has 20 at most, no two for the same subject, and takes one change at a time."""
    others = [each for each in account.of(FEDERATED_CREDENTIAL) if same(parent_id(each.id), parent_id(record.id))]
    if any(each.is_coming for each in others):
        raise CloudError(
            "ConcurrentFederatedIdentityCredentialsWritesForSingleManagedIdentity",
            "Too many Federated Identity Credentials are written concurrently for the managed identity "
            f"'{parent_id(record.id)}'. Concurrent Federated Identity Credentials writes under the same managed "
            "identity are not supported.",
        )
    if len(others) >= _MOST_CREDENTIALS:
        raise CloudError("TooManyFederatedIdentityCredentials", f"{parent_id(record.id)} has {_MOST_CREDENTIALS}")
    for other in others:
        if all(other.inputs[key] == record.inputs[key] for key in ("issuer", "subject")):
            text = "Issuer and subject combination already exists for this Managed Identity."
            raise CloudError("FederatedIdentityCredentialAlreadyExists", f"{text} ({other.id})")


def role_of(definition: object) -> str:
    """The name of a built-in role by its definition's id; empty where there is none."""
    match = _DEFINITION.fullmatch(str(definition))
    return ROLES.get(match[1].lower(), "") if match else ""


@rule(registry.in_check, ROLE_ASSIGNMENT)
def definition_of_a_role(inputs: Json) -> Iterator[Fault]:
    """The id of a role definition that there is."""
    text = inputs["roleDefinitionId"]
    if text is UNKNOWN:
        return
    if not _DEFINITION.fullmatch(text):
        why = (
            "InvalidRoleDefinitionId: must be like /subscriptions/…/providers/Microsoft.Authorization/roleDefinitions/…"
        )
        yield Fault(path=("roleDefinitionId",), why=why)
    elif not role_of(text):
        yield Fault(path=("roleDefinitionId",), why=f"RoleDefinitionDoesNotExist: {text}")


@rule(registry.before_create, ROLE_ASSIGNMENT)
def assignment_of_a_role(account: Account, record: Record) -> None:
    """To somebody who is there, once."""
    principal = record.inputs["principalId"]
    known = any(same(principal, each) for each in _principals(account))
    if not known and record.inputs.get("principalType") in (None, "ServicePrincipal"):
        text = f"Principal {principal.replace('-', '')} does not exist in the directory {TENANT}."
        raise CloudError("PrincipalNotFound", text)
    if known and record.inputs.get("principalType") != "ServicePrincipal":
        raise CloudError(
            "PrincipalNotFound",
            f"Principal {principal.replace('-', '')} does not exist in the directory {TENANT}. Check that you have "
            "the correct principal ID. If you are creating this principal and then immediately assigning a role, this "
            "error might be related to a replication delay. In this case, set the role assignment principalType "
            "property to a value, such as ServicePrincipal, User, or Group.",
        )
    for other in account.of(ROLE_ASSIGNMENT):
        keys = ("principalId", "scope", "roleDefinitionId")
        if all(same(str(other.inputs[key]).rstrip("/"), str(record.inputs[key]).rstrip("/")) for key in keys):
            raise CloudError("RoleAssignmentExists", f"The role assignment already exists. ({other.id})")


def _principals(account: Account) -> list[str]:
    """The identities of resources in the directory."""
    own = [each.get("principalId") for each in account.of(IDENTITY)]
    for token in (CLUSTER, DISK_ENCRYPTION_SET):
        own += [each.get("identity.principalId") for each in account.of(token)]
    return [str(each) for each in own if each]


@rule(registry.before_update, ROLE_ASSIGNMENT)
def assignments_stay(account: Account, record: Record, new: Json) -> None:
    """Another role is another assignment."""
    del account
    if list(changed_paths(("roleDefinitionId",), record.inputs, new)):
        raise CloudError(
            "RoleAssignmentUpdateNotPermitted",
            "Tenant ID, application ID, principal ID, role definition ID, and scope are not allowed to be updated.",
        )


@rule(registry.outputs, ROLE_ASSIGNMENT)
def who_assigned_a_role(account: Account, record: Record) -> Json:
    del account
    made = record.notes.setdefault("made", now())
    record.notes.setdefault("made_at", time.time())
    return {"createdBy": CALLER, "updatedBy": CALLER, "createdOn": made, "updatedOn": made, "principalType": "User"}


def has_role(account: Account, principal: object, resource_id: str, *names: str) -> bool:
    """Whether a principal has one of these roles on a resource: on itself, or on what it is in."""
    for each in account.of(ROLE_ASSIGNMENT):
        reaches = is_within(resource_id, str(each.inputs["scope"]))
        is_theirs = same(each.inputs["principalId"], principal) and each.status != "DELETING"
        if reaches and is_theirs and role_of(each.inputs["roleDefinitionId"]) in names:
            return True
    return False


def identity_ids(inputs: Json) -> list[str]:
    """The ids of the user-assigned identities of a resource."""
    return [str(each) for each in values_at(inputs, "identity.userAssignedIdentities")]
