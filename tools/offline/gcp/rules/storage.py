"""Buckets: names, how long objects stay, and that only empty ones are deleted."""

# ruff: noqa: ARG001 - the rules of one occasion have one signature

import re
from collections.abc import Iterator

from tools.offline.cloud import registry
from tools.offline.cloud.errors import CloudError
from tools.offline.cloud.registry import rule
from tools.offline.cloud.schema import Fault
from tools.offline.cloud.world import Account, Record, values_at
from tools.offline.common.values import Json, as_list, as_map
from tools.offline.gcp.ids import number_of
from tools.offline.gcp.kinds_identity import KEY_MEMBER
from tools.offline.gcp.kinds_storage import BUCKET, BUCKET_MEMBER
from tools.offline.gcp.rules.network import now
from tools.offline.gcp.rules.projects import agent_of

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]")
_DAY_SECONDS = 24 * 3600
_LEAST_DAYS, _MOST_DAYS = 7, 90


@rule(registry.in_check, BUCKET)
def parts_of_a_bucket(inputs: Json) -> Iterator[Fault]:
    name = inputs.get("name")
    if isinstance(name, str) and (not _NAME.fullmatch(name) or name.startswith("goog") or "google" in name):
        yield Fault(path=("name",), why=f"{name!r} is no name of a bucket")
    kept = as_map(inputs.get("softDeletePolicy")).get("retentionDurationSeconds")
    if isinstance(kept, int) and kept and not _LEAST_DAYS <= kept / _DAY_SECONDS <= _MOST_DAYS:
        why = f"{kept} must be 0, or from {_LEAST_DAYS} to {_MOST_DAYS} days"
        yield Fault(path=("softDeletePolicy", "retentionDurationSeconds"), why=why)
    if inputs.get("publicAccessPrevention") not in (None, "enforced", "inherited"):
        yield Fault(path=("publicAccessPrevention",), why="must be enforced or inherited")
    for index, each in enumerate(map(as_map, as_list(inputs.get("lifecycleRules")))):
        action = as_map(each.get("action"))
        if action.get("type") not in ("Delete", "SetStorageClass", "AbortIncompleteMultipartUpload"):
            yield Fault(path=("lifecycleRules", index, "action"), why=f"{action.get('type')!r} is no action")
        if (action.get("type") == "SetStorageClass") != bool(action.get("storageClass")):
            yield Fault(path=("lifecycleRules", index, "action"), why="SetStorageClass needs storageClass, and only it")
        if not as_map(each.get("condition")):
            yield Fault(path=("lifecycleRules", index, "condition"), why="has no condition")


@rule(registry.before_create, BUCKET)
def key_of_a_bucket(account: Account, record: Record) -> None:
    """Cloud Storage's own service account may use the key."""
    for key in values_at(record.inputs, "encryption.defaultKmsKeyName"):
        require_key_use(account, key, agent_of(record.get("project"), "storage.googleapis.com"))


def require_key_use(account: Account, key: str, email: str) -> None:
    """A service account may encrypt with a key.

    Raises:
        CloudError: nobody gave it the right.
    """
    for each in account.of(KEY_MEMBER):
        given = each.inputs["role"].startswith("roles/cloudkms.cryptoKeyEncrypterDecrypter")
        if given and each.inputs["cryptoKeyId"] == key and each.inputs["member"] == f"serviceAccount:{email}":
            return
    raise CloudError(
        "forbidden",
        f"Permission denied on Cloud KMS key. Please ensure that your service account {email} has been authorized to "
        f"use {key}.",
    )


@rule(registry.outputs, BUCKET)
def what_a_bucket_tells(account: Account, record: Record) -> Json:
    told: Json = {
        "url": f"gs://{record.id}",
        "selfLink": f"https://www.googleapis.com/storage/v1/b/{record.id}",
        "projectNumber": int(number_of(record.get("project"))),
        "storageClass": "STANDARD",
        "publicAccessPrevention": "inherited",
        "softDeletePolicy": {"retentionDurationSeconds": _LEAST_DAYS * _DAY_SECONDS},
        "location": record.inputs["location"].upper(),
    }
    return told if "timeCreated" in record.outputs else {**told, "timeCreated": now(), "updated": now()}


@rule(registry.before_delete, BUCKET)
def objects_of_a_bucket(account: Account, record: Record) -> None:
    """A bucket goes when it is empty, or with its objects where the program asks for that."""
    if record.notes.get("objects") and not record.inputs.get("forceDestroy"):
        raise CloudError("conflict", "The bucket you tried to delete is not empty.")
    for other in account.of(BUCKET_MEMBER):
        if other.inputs["bucket"] == record.id:
            account.remove(other)
