"""Service accounts, roles on projects and keys."""

# ruff: noqa: ARG001 - the rules of one occasion have one signature

import re
import secrets
from collections.abc import Iterator

from tools.offline.cloud import registry
from tools.offline.cloud.errors import CloudError
from tools.offline.cloud.registry import rule
from tools.offline.cloud.schema import Fault
from tools.offline.cloud.world import Account, Record
from tools.offline.common.values import Json
from tools.offline.gcp.ids import number_of
from tools.offline.gcp.kinds_container import CLUSTER
from tools.offline.gcp.kinds_identity import ACCOUNT, KEY_MEMBER, PROJECT_MEMBER
from tools.offline.gcp.kinds_storage import BUCKET_MEMBER
from tools.offline.gcp.rules.network import number

_ACCOUNT_ID = re.compile(r"[a-z](?:[-a-z0-9]{4,28}[a-z0-9])")
_ROLE = re.compile(r"(roles/[a-zA-Z]+(\.[a-zA-Z]+)*|(projects|organizations)/[^/]+/roles/[\w.]+)")
_MEMBER = re.compile(r"allUsers|allAuthenticatedUsers|principal(Set)?://.+|[a-zA-Z]+:.+")
_FEDERATED = re.compile(
    r"principal(?:Set)?://iam\.googleapis\.com/projects/(\d+)/locations/global/workloadIdentityPools/"
    r"([a-z0-9-]+)\.svc\.id\.goog/(?:subject/ns/[^/]+/sa/[^/]+|namespace/[^/]+|attribute\..+|\*|.+)"
)
_OF_POD = re.compile(r"serviceAccount:([a-z0-9-]+)\.svc\.id\.goog\[[^/\]]+/[^/\]]+\]")
_OWN_ACCOUNT = re.compile(r"serviceAccount:(.+@([a-z0-9-]+)\.iam\.gserviceaccount\.com)")


@rule(registry.in_check, ACCOUNT)
def name_of_an_account(inputs: Json) -> Iterator[Fault]:
    name = inputs.get("accountId")
    if isinstance(name, str) and not _ACCOUNT_ID.fullmatch(name):
        why = f"{name!r} must have 6 to 30 lower-case letters, digits and dashes, a letter first and no dash last"
        yield Fault(path=("accountId",), why=why)


@rule(registry.outputs, ACCOUNT)
def identity_of_an_account(account: Account, record: Record) -> Json:
    email = record.id.rpartition("/")[2]
    told: Json = {"email": email, "member": f"serviceAccount:{email}", "name": record.id}
    return told if "uniqueId" in record.outputs else {**told, "uniqueId": number()}


@rule(registry.in_check, PROJECT_MEMBER, KEY_MEMBER, BUCKET_MEMBER)
def role_and_member(inputs: Json) -> Iterator[Fault]:
    """A role and a member in the form that IAM has for them."""
    role, member = inputs.get("role"), inputs.get("member")
    if isinstance(role, str) and not _ROLE.fullmatch(role):
        yield Fault(path=("role",), why=f"{role!r} is no role: it is roles/… or projects/…/roles/…")
    if isinstance(member, str) and not _MEMBER.fullmatch(member):
        yield Fault(path=("member",), why=f"{member!r} is no member: it is user:…, serviceAccount:…, principal://…")
    if isinstance(member, str) and member.startswith("principal") and not _FEDERATED.fullmatch(member):
        yield Fault(path=("member",), why=f"{member!r} is no principal of a pool of workload identities")


@rule(registry.before_create, PROJECT_MEMBER, KEY_MEMBER, BUCKET_MEMBER)
def member_exists(account: Account, record: Record) -> None:
    """A service account of this project exists, and the pool of a workload's identity does."""
    member = record.inputs["member"]
    own = _OWN_ACCOUNT.fullmatch(member)
    known = {each.get("project") for each in account.of(ACCOUNT)} | {record.get("project")}
    if own and own[2] in known and account.find(ACCOUNT, own[1], "email") is None:
        raise CloudError("badRequest", f"Service account {own[1]} does not exist.")
    federated, of_pod = _FEDERATED.fullmatch(member), _OF_POD.fullmatch(member)
    if federated and federated[1] != number_of(federated[2]):
        raise CloudError(
            "badRequest",
            f"Invalid principal {member}: the pool of {federated[2]} is in project {number_of(federated[2])}",
        )
    pool = (federated and federated[2]) or (of_pod and of_pod[1])
    if pool and not _has_pool(account, pool):
        raise CloudError(
            "badRequest",
            f"Identity Pool does not exist ({pool}.svc.id.goog). Please check that you specified"
            " a valid resource name as returned in the `name` attribute in the configuration API.",
        )


def _has_pool(account: Account, project: str) -> bool:
    """The pool comes with the first cluster that has Workload Identity Federation."""
    return any(
        each.get("project") == project and each.get("workloadIdentityConfig.workloadPool") and not each.is_coming
        for each in account.of(CLUSTER)
    )


@rule(registry.outputs, PROJECT_MEMBER, KEY_MEMBER, BUCKET_MEMBER)
def version_of_a_policy(account: Account, record: Record) -> Json:
    return {} if "etag" in record.outputs else {"etag": secrets.token_urlsafe(8)}
