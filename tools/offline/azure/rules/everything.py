"""What holds of resources of any type: where they stand, what they keep, and what goes with them."""

from collections.abc import Iterator
from functools import partial

from tools.offline.azure import limits
from tools.offline.azure.cloud import AZURE, changed_paths
from tools.offline.azure.ids import group_id, is_subscription, is_within, name_of, parent_id, same
from tools.offline.azure.kinds import AzureKind
from tools.offline.azure.kinds_identity import ROLE_ASSIGNMENT
from tools.offline.azure.kinds_network import RESOURCE_GROUP
from tools.offline.azure.table import TABLE, azure_kind
from tools.offline.cloud import registry, schema
from tools.offline.cloud.errors import CloudError
from tools.offline.cloud.references import refuse_if_held
from tools.offline.cloud.schema import Fault
from tools.offline.cloud.world import Account, Record
from tools.offline.common.values import Json


def with_id(account: Account, resource_id: str) -> Record | None:
    """The resource of any type that has an id."""
    return next((each for each in account.records.values() if same(each.id, resource_id)), None)


def _stands_somewhere(account: Account, record: Record) -> None:
    """In a group, or as a part of something, or about something; and there is no other of this id."""
    kind = azure_kind(record.token)
    for fault in limits.faults(record.token, record.inputs):
        raise CloudError("InvalidResourceName", str(fault))
    other = with_id(account, record.id)
    if other is not None and other.status != "PENDING_DELETION" and not kind.is_singleton:
        raise AZURE.twin(kind, other)
    scope = record.inputs.get("scope") or record.inputs.get("resourceUri")
    if scope:
        _require_scope(account, record, str(scope))
    elif record.token != RESOURCE_GROUP:
        _require_home(account, kind, record)


def _require_scope(account: Account, record: Record, scope: str) -> None:
    """Assignments of roles go with what they are about; settings of logs stay behind, as Azure's do."""
    about = with_id(account, scope)
    if about is None and not is_subscription(scope):
        raise CloudError("ResourceNotFound", f"The Resource '{scope}' was not found.")
    if about is not None and record.token == ROLE_ASSIGNMENT:
        record.owner = about.key


def _require_home(account: Account, kind: AzureKind, record: Record) -> None:
    group = with_id(account, group_id(record.id))
    if group is None or group.status == "DELETING":
        text = f"Resource group '{record.inputs.get('resourceGroupName')}' could not be found."
        raise CloudError("ResourceGroupNotFound", text)
    owner = group
    if kind.parent:
        wanted = record.id.split("/blobServices/")[0] if "/blobServices/" in record.id else parent_id(record.id)
        parent = with_id(account, wanted)
        if parent is None or parent.status == "DELETING":
            text = f"Failed to perform 'write' on resource(s) of type '{kind.arm_type.partition('/')[2]}', because the "
            raise CloudError("ParentResourceNotFound", f"{text}parent resource '{wanted}' could not be found.")
        if parent.is_coming and TABLE[parent.token].is_waited_for:
            raise AZURE.not_ready(TABLE[parent.token], parent)
        owner = parent
    record.owner = owner.key


def _has_a_location(kind: AzureKind, inputs: Json) -> Iterator[Fault]:
    """Where nothing says it, the provider would look at the resource group; here it has to be said."""
    if "location" in schema.input_properties(kind.token) and inputs.get("location") is None:
        why = "missing required property 'location'. Either set it explicitly or on the provider"
        yield Fault(path=("location",), why=why)


def _keeps_what_is_fixed(kind: AzureKind, account: Account, record: Record, new: Json) -> None:
    del account
    for path in changed_paths(kind.fixed, record.state, new):
        if path == "location":
            group = record.inputs.get("resourceGroupName")
            raise CloudError(
                "InvalidResourceLocation",
                f"The resource '{name_of(record.id)}' already exists in location '{record.get('location')}' in "
                f"resource group '{group}'. A resource with the same name cannot be created in location "
                f"'{new.get('location')}'. Please select a new resource name.",
            )
        target = f"properties.{path}"
        raise CloudError("PropertyChangeNotAllowed", f"Changing property '{target}' is not allowed.")


def _parts_are_free(account: Account, record: Record) -> None:
    """What stands in something goes with it, unless something else uses it."""
    for part in within(account, record):
        held_by_others = Account(
            {key: each for key, each in account.records.items() if not is_within(each.id, record.id)}
            | {record.key: record}
        )
        refuse_if_held(AZURE, held_by_others, TABLE[part.token], part)


def within(account: Account, record: Record) -> list[Record]:
    """What stands in a resource or group."""
    return [each for each in account.records.values() if each.key != record.key and is_within(each.id, record.id)]


for _kind in TABLE.values():
    if not _kind.internal:
        _azure = azure_kind(_kind.token)
        registry.before_create[_kind.token].insert(0, _stands_somewhere)
        registry.in_check[_kind.token].insert(0, partial(_has_a_location, _azure))
        registry.before_update[_kind.token].insert(0, partial(_keeps_what_is_fixed, _azure))
        registry.before_delete[_kind.token].insert(0, _parts_are_free)
