"""References between resources: that they exist when something is made, and what they keep from being deleted."""

from tools.offline.cloud.cloud import Cloud
from tools.offline.cloud.errors import CloudError
from tools.offline.cloud.kinds import Kind, Reference
from tools.offline.cloud.world import Account, Record, values_at
from tools.offline.common.values import Json


def require_all(cloud: Cloud, account: Account, kind: Kind, inputs: Json) -> None:
    """Every resource that these properties name exists and is active.

    Raises:
        CloudError: one does not, in the words of the API that looks for it.
    """
    for reference in kind.references:
        for value in values_at(inputs, reference.path):
            _require(cloud, account, reference, value)


def _require(cloud: Cloud, account: Account, reference: Reference, value: object) -> None:
    found = cloud.find(account, reference, value)
    if found is None or found.status in ("DELETING", "PENDING_DELETION"):
        raise cloud.not_found(reference.to, value)
    kind = cloud.table[found.token]
    if found.status == "CREATE_FAILED" or (kind.is_waited_for and found.is_coming):
        raise cloud.not_ready(kind, found)


def refuse_if_held(cloud: Cloud, account: Account, kind: Kind, record: Record) -> None:
    """Nothing that the cloud counts as a use of the resource is left.

    Raises:
        CloudError: something is.
    """
    code, text = kind.in_use
    for other in account.records.values() if code else ():
        other_kind = cloud.table[other.token]
        held = [each for each in other_kind.references if each.holds and each.to == kind.token]
        uses = any(cloud.names(each, value, record) for each in held for value in values_at(other.state, each.path))
        if uses and not cloud.goes_with(other, record):
            user = "" if "{user}" in text else f" ({other_kind.label} {other.id})"
            raise CloudError(code, text.format(id=record.id, user=other.id) + user)
