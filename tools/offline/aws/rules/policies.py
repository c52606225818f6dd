"""Policy documents: their grammar and size.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
"""

import json
import re
from collections.abc import Iterator
from typing import Any

from tools.offline.aws.kinds_identity import KEY, ROLE, ROLE_POLICY
from tools.offline.aws.kinds_network import VPC_ENDPOINT
from tools.offline.aws.kinds_storage import BUCKET_POLICY, QUEUE_POLICY
from tools.offline.cloud import registry
from tools.offline.cloud.registry import rule
from tools.offline.cloud.schema import Fault
from tools.offline.common.values import UNKNOWN, Json, as_list, as_map

_STATEMENT_KEYS = frozenset(
    {"Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource", "Condition"}
)
_ACTION = re.compile(r"\*|[a-z0-9-]+:[A-Za-z0-9*?]+")
_SID = re.compile(r"[A-Za-z0-9]*")
_OPERATOR = re.compile(
    r"(ForAllValues:|ForAnyValue:)?"
    r"(String(Not)?(Equals(IgnoreCase)?|Like)|Arn(Not)?(Equals|Like)|Numeric\w+|Date\w+|Bool|BinaryEquals"
    r"|(Not)?IpAddress|Null)(IfExists)?"
)
_LARGEST_TRUST, _LARGEST_INLINE = 2048, 10240


@rule(registry.in_check, ROLE)
def trust(inputs: Json) -> Iterator[Fault]:
    yield from document_faults("assumeRolePolicy", inputs, wants="Principal", largest=_LARGEST_TRUST)
    for index, inline in enumerate(as_list(inputs.get("inlinePolicies"))):
        for fault in document_faults("policy", as_map(inline), wants="Resource", largest=_LARGEST_INLINE):
            yield Fault(path=("inlinePolicies", index, *fault.path), why=fault.why)


@rule(registry.in_check, ROLE_POLICY)
def inline_policy(inputs: Json) -> Iterator[Fault]:
    yield from document_faults("policy", inputs, wants="Resource", largest=_LARGEST_INLINE)


@rule(registry.in_check, KEY, VPC_ENDPOINT, BUCKET_POLICY, QUEUE_POLICY)
def resource_policy(inputs: Json) -> Iterator[Fault]:
    if inputs.get("policy") is not None:
        yield from document_faults("policy", inputs, wants="Principal")


def parsed(value: Any) -> Json | None:
    """A policy document as JSON; None where it is none."""
    try:
        return as_map(json.loads(value) if isinstance(value, str) else value) or None
    except ValueError:
        return None


def document_faults(key: str, inputs: Json, *, wants: str, largest: int | None = None) -> Iterator[Fault]:
    """What IAM would refuse of the document at `key`: it names `wants` in each statement, Resource or Principal."""
    value = inputs.get(key)
    if value is None or value is UNKNOWN:
        return
    document = parsed(value)
    if document is None:
        yield Fault(path=(key,), why="MalformedPolicyDocument: This policy contains invalid Json")
        return
    if document.get("Version") != "2012-10-17":
        yield Fault(path=(key,), why='MalformedPolicyDocument: its Version must be "2012-10-17"')
    statements = document.get("Statement")
    found = [as_map(each) for each in (as_list(statements) if isinstance(statements, list) else [statements])]
    if not found or not all(found):
        yield Fault(path=(key,), why="MalformedPolicyDocument: Missing required field Statement")
    for index, statement in enumerate(found):
        for why in _statement_faults(statement, wants):
            yield Fault(path=(key,), why=f"MalformedPolicyDocument: Statement[{index}]: {why}")
    size = len(re.sub(r"\s", "", value if isinstance(value, str) else json.dumps(value)))
    if largest is not None and size > largest:
        yield Fault(path=(key,), why=f"LimitExceeded: Cannot exceed quota for PolicySize: {largest} (it has {size})")


def _statement_faults(statement: Json, wants: str) -> Iterator[str]:
    for key in sorted(statement.keys() - _STATEMENT_KEYS):
        yield f"there is no element {key!r}"
    if statement.get("Effect") not in ("Allow", "Deny"):
        yield f"Effect must be Allow or Deny, not {statement.get('Effect')!r}"
    if not _SID.fullmatch(str(statement.get("Sid", ""))):
        yield f"Statement IDs (SID) must be alpha-numeric: {statement.get('Sid')!r}"
    actions = _texts(statement.get("Action", statement.get("NotAction")))
    if not actions:
        yield "Policy statement must contain actions"
    for action in actions:
        if not _ACTION.fullmatch(action):
            yield f"{action!r} is no action: an action is a service's prefix, a colon and a name"
    yield from _target_faults(statement, wants)
    for operator, terms in as_map(statement.get("Condition")).items():
        if not _OPERATOR.fullmatch(operator):
            yield f"Invalid Condition type: {operator}"
        if not as_map(terms):
            yield f"Condition {operator} compares nothing"


def _target_faults(statement: Json, wants: str) -> Iterator[str]:
    has_principal = "Principal" in statement or "NotPrincipal" in statement
    if wants == "Principal" and not has_principal:
        yield "Missing required field Principal"
    if wants == "Resource" and has_principal:
        yield "Policy document should not specify a principal"
    if wants != "Resource":
        return
    resources = _texts(statement.get("Resource", statement.get("NotResource")))
    if not resources:
        yield "Policy statement must contain resources"
    for resource in resources:
        if resource != "*" and not resource.startswith("arn:"):
            yield f'Resource {resource} must be in ARN format or "*"'


def _texts(value: Any) -> list[str]:
    return (
        [str(each) for each in as_list(value)] if isinstance(value, list) else [value] if isinstance(value, str) else []
    )


def trusts(record_inputs: Json, service: str, *actions: str) -> bool:
    """Whether a role's trust policy lets a service of AWS take these actions."""
    document = parsed(record_inputs.get("assumeRolePolicy")) or {}
    statements = document.get("Statement")
    allowed: set[str] = set()
    for each in as_list(statements) if isinstance(statements, list) else [statements]:
        statement = as_map(each)
        services = as_map(statement.get("Principal")).get("Service")
        if statement.get("Effect") == "Allow" and service in _texts(services):
            allowed |= set(_texts(statement.get("Action")))
    return set(actions) <= allowed or "sts:*" in allowed
