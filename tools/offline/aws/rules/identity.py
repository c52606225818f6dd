"""Roles, policies and keys."""

# ruff: noqa: ARG001 - the rules of one occasion have one signature

import secrets
import time
from collections.abc import Iterator

from tools.offline.aws import managed
from tools.offline.aws.kinds_identity import (
    ALIAS,
    INSTANCE_PROFILE,
    KEY,
    ROLE,
    ROLE_POLICY,
    ROLE_POLICY_ATTACHMENT,
)
from tools.offline.cloud import registry
from tools.offline.cloud.errors import CloudError
from tools.offline.cloud.registry import rule
from tools.offline.cloud.schema import Fault
from tools.offline.cloud.world import Account, Record
from tools.offline.common.values import UNKNOWN, Json

_POLICIES_PER_ROLE = 10
_WINDOW_DAYS = range(7, 31)


def now() -> str:
    """The time as AWS writes it."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


@rule(registry.outputs, ROLE, INSTANCE_PROFILE)
def identity_of_a_role(account: Account, record: Record) -> Json:
    return (
        {} if "uniqueId" in record.outputs else {"uniqueId": f"AIDA{secrets.token_hex(8).upper()}", "createDate": now()}
    )


@rule(registry.before_delete, ROLE)
def policies_of_a_role(account: Account, record: Record) -> None:
    """A role goes only when nothing is attached to it, unless the program asks for that to be taken off."""
    for token, text in (
        (ROLE_POLICY_ATTACHMENT, "Cannot delete entity, must detach all policies first."),
        (ROLE_POLICY, "Cannot delete entity, must delete policies first."),
    ):
        for other in account.of(token):
            if other.inputs["role"] != record.id:
                continue
            if not record.inputs.get("forceDetachPolicies"):
                raise CloudError("DeleteConflict", text)
            account.remove(other)


@rule(registry.before_create, ROLE_POLICY_ATTACHMENT)
def policy_to_attach(account: Account, record: Record) -> None:
    """One of AWS's own, as the library attaches no others, and not the eleventh."""
    arn = record.inputs["policyArn"]
    if not managed.is_managed_policy(arn):
        raise CloudError("NoSuchEntity", f"Policy {arn} does not exist or is not attachable.")
    attached = [other for other in account.of(ROLE_POLICY_ATTACHMENT) if other.inputs["role"] == record.inputs["role"]]
    if len(attached) >= _POLICIES_PER_ROLE:
        raise CloudError("LimitExceeded", f"Cannot exceed quota for PoliciesPerRole: {_POLICIES_PER_ROLE}")


@rule(registry.in_check, KEY)
def days_until_a_key_goes(inputs: Json) -> Iterator[Fault]:
    days = inputs.get("deletionWindowInDays")
    if isinstance(days, int) and days not in _WINDOW_DAYS:
        yield Fault(path=("deletionWindowInDays",), why=f"must be from 7 to 30, not {days}")


@rule(registry.outputs, KEY)
def identity_of_a_key(account: Account, record: Record) -> Json:
    return {"keyId": record.id, "multiRegion": False}


@rule(registry.before_delete, KEY)
def key_waits(account: Account, record: Record) -> None:
    """A key is not deleted: AWS keeps it for 7 to 30 days, and nobody can use it."""
    record.status = "PENDING_DELETION"


@rule(registry.in_check, ALIAS)
def name_of_an_alias(inputs: Json) -> Iterator[Fault]:
    name = inputs.get("name")
    if name is None or name is UNKNOWN:
        return
    if not name.startswith("alias/") or name.startswith("alias/aws/"):
        yield Fault(path=("name",), why=f"{name!r} must begin with alias/, and alias/aws/ is AWS's own")


@rule(registry.outputs, ALIAS)
def key_of_an_alias(account: Account, record: Record) -> Json:
    key = account.get(KEY, record.inputs["targetKeyId"]) or account.find(KEY, record.inputs["targetKeyId"], "arn")
    return {"targetKeyArn": key.get("arn")} if key else {}
