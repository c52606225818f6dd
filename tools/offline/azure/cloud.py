"""Azure as a simulated cloud: its ids, its errors in its own words, its nodes."""

# ruff: noqa: ARG002 - what methods are given is said by the class above

import re
import secrets
from collections.abc import Iterator, Mapping
from typing import Any

from tools.offline.azure import enums, limits, model
from tools.offline.azure.ids import SUBSCRIPTION, TENANT, name_of, same
from tools.offline.azure.kinds import AzureKind
from tools.offline.azure.kinds_compute import CLUSTER
from tools.offline.azure.machines import machine_of
from tools.offline.azure.table import TABLE, azure_kind
from tools.offline.cloud import schema
from tools.offline.cloud.cloud import Cloud
from tools.offline.cloud.errors import CloudError
from tools.offline.cloud.kinds import Kind, Name, Reference
from tools.offline.cloud.machines import Machine
from tools.offline.cloud.schema import Fault
from tools.offline.cloud.world import Account, Record
from tools.offline.common.errors import ProviderError
from tools.offline.common.values import UNKNOWN, Json, as_map

API_VERSION = "2025-09-01"
_GUID = re.compile("[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_GUID_DIGITS = 32
_SCOPES = ("scope", "resourceUri")
"""Properties that hold the id of what a resource is about, which its own id begins with."""


class AzureError(CloudError):
    """A refusal of the provider itself, which comes without a code."""


class Azure(Cloud):
    """Azure."""

    name = "Azure"
    package = "azure-native"
    folder = "azure"
    environment = "MODELYARD_AZURE"
    table = TABLE
    where = "location"
    unordered = frozenset({"ipRules", "nodeTaints", "adminGroupObjectIDs", "authorizedIPRanges", "audiences"})
    computed = frozenset({"name", "type", "azureApiVersion", "provisioningState", "etag", "eTag", "systemData"})
    arguments = frozenset({"subscriptionId", "tenantId", "location", "environment"})
    ignored_arguments = frozenset({"useDefaultAzureCredential", "useOidc", "useMsi", "disablePulumiPartnerId"})
    replacing_arguments = frozenset({"subscriptionId"})

    def argument_problems(self, arguments: Json) -> Iterator[tuple[str, str]]:
        """A subscription must be named, and be of the only tenant."""
        given = arguments.get("subscriptionId")
        if not given:
            yield (
                "subscriptionId",
                "a subscription must be set: a provider without one takes that of the Azure CLI, whichever that is",
            )
        elif isinstance(given, str) and not _GUID.fullmatch(given):
            yield (
                "subscriptionId",
                f"InvalidSubscriptionId: The provided subscription identifier '{given}' is malformed.",
            )
        if arguments.get("environment") not in (None, "public"):
            yield "environment", f"the simulated Azure is the public one, not {arguments['environment']}"
        tenant = arguments.get("tenantId")
        if tenant and tenant != TENANT:
            yield "tenantId", f"InvalidAuthenticationTokenTenant: the subscription is of tenant {TENANT}, not {tenant}"

    def api_faults(self, kind: Kind, inputs: Json) -> Iterator[Fault]:
        """Enumerations, ranges and patterns of the documentation, then what AKS's API model says."""
        yield from enums.faults(inputs, schema.input_properties(kind.token))
        yield from limits.faults(kind.token, inputs)
        found = _of_azure(kind)
        if found.model:
            yield from model.faults(found.model, inputs)

    def defaults(self, kind: Kind, inputs: Json, arguments: Mapping[str, Any]) -> Json:
        """The provider's own location where a resource names none."""
        takes_one = "location" in schema.input_properties(kind.token)
        missing = takes_one and inputs.get("location") is None and arguments.get("location")
        return {"location": arguments["location"]} if missing else {}

    def made_name(self, name: Name, resource_name: str, digits: str) -> str:
        """A GUID where 32 digits are asked for."""
        if name.digits == _GUID_DIGITS:
            return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:32]}"
        return super().made_name(name, resource_name, digits)

    def must_delete_first(self, kind: Kind, *, is_auto_named: bool, keeps_name: bool) -> bool:
        """Everything but what the provider named by itself, also where the successor has another name.

        https://github.com/pulumi/pulumi-azure-native/blob/master/provider/pkg/provider/provider.go (Diff)
        """
        del keeps_name
        return not (is_auto_named and _of_azure(kind).is_named_anew)

    def is_same(self, kind: Kind, path: str, old: Any, new: Any) -> bool:
        """In a location case and spaces say nothing."""
        if path != "location" or not isinstance(old, str) or not isinstance(new, str):
            return False
        return _location(old) == _location(new)

    def shown(self, kind: Kind, state: Json, record: Record | None) -> Json:
        """Identities are given as a list of ids, and told as a mapping of them."""
        identity = as_map(state.get("identity"))
        if kind.token != CLUSTER or not isinstance(identity.get("userAssignedIdentities"), list):
            return state
        told = as_map(record.outputs.get("identity")).get("userAssignedIdentities") if record else UNKNOWN
        return {**state, "identity": {**identity, "userAssignedIdentities": told}}

    def placed(self, record: Record, arguments: Mapping[str, Any]) -> None:
        """In the subscription that the provider names."""
        record.notes["subscription"] = arguments.get("subscriptionId") or SUBSCRIPTION

    def words(self, record: Record) -> Mapping[str, str]:
        scope = next((str(record.inputs[each]) for each in _SCOPES if record.inputs.get(each)), "")
        return {**super().words(record), "subscription": record.notes["subscription"], "bareScope": scope.strip("/")}

    def outputs(self, kind: Kind, record: Record) -> Json:
        """What every resource tells: its name and type."""
        known, given = schema.state_properties(kind.token), schema.input_properties(kind.token)
        told: Json = {
            "name": name_of(record.id),
            "type": _of_azure(kind).arm_type,
            "azureApiVersion": API_VERSION,
            "provisioningState": "Succeeded" if record.status == "ACTIVE" else "Updating",
        }
        return {key: value for key, value in told.items() if key in known and (key == "name" or key not in given)}

    def find(self, account: Account, reference: Reference, value: Any) -> Record | None:
        """By an id, in which case says nothing."""
        found = (each for each in account.of(reference.to) if self.names(reference, value, each))
        return next(found, None)

    def names(self, reference: Reference, value: Any, record: Record) -> bool:
        return same(record.get(reference.by), value)

    def queue_of(self, record: Record) -> str:
        """A virtual network takes one change at a time, and the provider repeats what is refused meanwhile.

        https://github.com/pulumi/pulumi-azure-native/blob/master/provider/pkg/azure/client_azcore.go
        (shouldRetryConflict)
        """
        name = record.inputs.get("virtualNetworkName")
        return f"{record.inputs.get('resourceGroupName')}/{name}" if name else ""

    def worded(self, error: CloudError, kind: Kind, verb: str, resource: str) -> ProviderError:
        del verb, resource
        if isinstance(error, AzureError):
            return ProviderError(error.text, error.code)
        return ProviderError(f'Code="{error.cloud_code}" Message="{error.text}"', error.code)

    def not_found(self, token: str, value: Any) -> CloudError:
        kind = azure_kind(token)
        what = kind.arm_type or kind.label
        text = f"The Resource '{what}/{name_of(str(value))}' was not found. For more details please go to "
        return CloudError("ResourceNotFound", f"{text}https://aka.ms/ARMResourceNotFoundFix ({value})")

    def not_ready(self, kind: Kind, record: Record) -> CloudError:
        text = "Operation is not allowed: Another operation (Creating) is in progress, please wait for it to finish"
        return CloudError("OperationNotAllowed", f"{text} before starting a new operation. ({record.id})")

    def cannot_change(self, kind: Kind, record: Record) -> CloudError:
        return CloudError("OperationNotAllowed", f"{kind.label} {record.id} is in state Failed")

    def twin(self, kind: Kind, other: Record) -> CloudError:
        return AzureError("", f"cannot create already existing resource '{other.id}'")

    def machine_of(self, name: str) -> Machine:
        return machine_of(name)

    def node_identity(self, zone: str, region: str) -> tuple[str, str]:
        """A name and provider id as those of a scale set's machines."""
        name = f"aks-{secrets.randbelow(90000000) + 10000000}-vmss{secrets.token_hex(3)}"
        group = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/mc_{region}"
        return name, f"azure://{group}/providers/Microsoft.Compute/virtualMachines/{name}"


AZURE = Azure()


def changed_paths(paths: tuple[str, ...], now: Json, new: Json) -> Iterator[str]:
    """The paths that are given in `new` and differ from `now`; what is left out stays as it is."""
    for path in paths:
        wanted, found = _at(new, path), _at(now, path)
        if wanted is None or wanted is UNKNOWN:
            continue
        if (_location(str(wanted)) != _location(str(found))) if path == "location" else not _alike(wanted, found):
            yield path


def _alike(one: Any, other: Any) -> bool:
    return one == other or same(one, other)


def _at(inputs: Json, path: str) -> Any:
    value: Any = inputs
    for step in path.split("."):
        value = as_map(value).get(step)
    return value


def _location(text: str) -> str:
    return text.lower().replace(" ", "")


def _of_azure(kind: Kind) -> AzureKind:
    assert isinstance(kind, AzureKind)
    return kind
