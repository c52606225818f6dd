"""Networks, subnets, gateways and addresses.

https://learn.microsoft.com/azure/virtual-network/virtual-networks-faq, …/nat-gateway/nat-gateway-resource
"""

import ipaddress
import secrets
from collections.abc import Iterator
from typing import Any

from tools.offline.azure.ids import guid, name_of, parent_id, same
from tools.offline.azure.kinds_network import NAT_GATEWAY, PUBLIC_IP, SUBNET, VIRTUAL_NETWORK
from tools.offline.azure.rules.everything import with_id
from tools.offline.cloud import registry
from tools.offline.cloud.errors import CloudError
from tools.offline.cloud.registry import rule
from tools.offline.cloud.schema import Fault
from tools.offline.cloud.world import Account, Record, values_at
from tools.offline.common.values import UNKNOWN, Json, as_list, as_map

_LARGEST, _SMALLEST = 2, 29
_SERVICES = frozenset({"Microsoft.Storage", "Microsoft.KeyVault", "Microsoft.ContainerRegistry", "Microsoft.Sql"})
_DELEGATIONS = frozenset({"Microsoft.ContainerService/managedClusters"})


def ranges(inputs: Json) -> list[ipaddress.IPv4Network]:
    """The address ranges of a network or subnet."""
    found = values_at(inputs, "addressSpace.addressPrefixes") + values_at(inputs, "addressPrefixes")
    found += values_at(inputs, "addressPrefix")
    return [ipaddress.IPv4Network(each) for each in found]


@rule(registry.in_check, VIRTUAL_NETWORK, SUBNET)
def blocks_of_addresses(inputs: Json) -> Iterator[Fault]:
    """Ranges without bits after their prefixes, and at least one."""
    found: list[Any] = [
        *values_at(inputs, "addressSpace.addressPrefixes"),
        *values_at(inputs, "addressPrefixes"),
        *values_at(inputs, "addressPrefix"),
    ]
    if not found:
        yield Fault(path=(), why="an address prefix is required")
    for text in found:
        if text is UNKNOWN:
            continue
        try:
            network = ipaddress.IPv4Network(text)
        except ValueError as error:
            yield Fault(path=("addressPrefixes",), why=f"InvalidCIDRNotation: {text!r}: {error}")
            continue
        if not _LARGEST <= network.prefixlen <= _SMALLEST:
            yield Fault(path=("addressPrefixes",), why=f"{text} must be from /{_LARGEST} to /{_SMALLEST}")


@rule(registry.in_check, VIRTUAL_NETWORK)
def subnets_stand_alone(inputs: Json) -> Iterator[Fault]:
    """Subnets inside of a network and as resources undo each other's changes."""
    if inputs.get("subnets"):
        yield Fault(path=("subnets",), why="the simulated Azure knows subnets as resources of their own only")


@rule(registry.in_check, SUBNET)
def parts_of_a_subnet(inputs: Json) -> Iterator[Fault]:
    """One way to say the range, and services and delegations that there are."""
    if inputs.get("addressPrefix") and inputs.get("addressPrefixes"):
        yield Fault(path=("addressPrefix",), why="either addressPrefix or addressPrefixes is given")
    for service in values_at(inputs, "serviceEndpoints.service"):
        if service is not UNKNOWN and service not in _SERVICES:
            yield Fault(path=("serviceEndpoints",), why=f"{service!r} is none of {', '.join(sorted(_SERVICES))}")
    for service in values_at(inputs, "delegations.serviceName"):
        if service is not UNKNOWN and service not in _DELEGATIONS:
            yield Fault(path=("delegations",), why=f"{service!r} is none of {', '.join(sorted(_DELEGATIONS))}")


@rule(registry.before_create, SUBNET)
def room_for_a_subnet(account: Account, record: Record) -> None:
    """Inside of its network, beside its other subnets."""
    network = with_id(account, parent_id(record.id))
    assert network is not None
    name = name_of(record.id)
    for block in ranges(record.inputs):
        if not any(block.subnet_of(each) for each in ranges(network.inputs)):
            text = f"Subnet '{name}' is not valid in virtual network '{name_of(network.id)}'."
            raise CloudError("NetcfgInvalidSubnet", text)
        for other in account.of(SUBNET):
            if same(parent_id(other.id), network.id) and any(block.overlaps(each) for each in ranges(other.inputs)):
                raise CloudError(
                    "NetcfgSubnetRangesOverlap",
                    f"Subnet '{name}' is not valid because its IP address range overlaps with that of an existing "
                    f"subnet in virtual network '{name_of(network.id)}'.",
                )


@rule(registry.before_update, SUBNET)
def subnet_in_use_keeps_its_range(account: Account, record: Record, new: Json) -> None:
    """A range cannot change while machines have addresses in it."""
    if ranges(record.inputs) != ranges(new) and _uses(account, record):
        raise CloudError(
            "InUsePrefixCannotBeDeleted",
            f"IpPrefix {ranges(record.inputs)[0]} on Subnet {name_of(record.id)} has active allocations and cannot be "
            "deleted.",
        )


def _uses(account: Account, subnet: Record) -> bool:
    paths = ("agentPoolProfiles.vnetSubnetID", "vnetSubnetID", "apiServerAccessProfile.subnetId", "subnetId")
    found = (value for each in account.records.values() for path in paths for value in values_at(each.inputs, path))
    return any(same(value, subnet.id) for value in found)


@rule(registry.outputs, SUBNET)
def what_a_subnet_tells(account: Account, record: Record) -> Json:
    del account
    return {"privateEndpointNetworkPolicies": "Disabled", "privateLinkServiceNetworkPolicies": "Enabled"} | {
        "name": name_of(record.id)
    }


@rule(registry.in_check, PUBLIC_IP)
def standard_addresses_are_static(inputs: Json) -> Iterator[Fault]:
    """Basic ones were retired in 2025."""
    sku = as_map(inputs.get("sku"))
    if sku.get("name") in (None, "Basic"):
        yield Fault(path=("sku", "name"), why="Basic public IP addresses are retired: use Standard")
    elif inputs.get("publicIPAllocationMethod") not in ("Static", UNKNOWN):
        why = "IPv4StandardSkuPublicIpCannotBeDynamic: a Standard public IP must have AllocationMethod set to Static"
        yield Fault(path=("publicIPAllocationMethod",), why=why)


@rule(registry.outputs, PUBLIC_IP)
def address(account: Account, record: Record) -> Json:
    del account
    if "ipAddress" in record.outputs:
        return {}
    return {"ipAddress": ".".join(["20", *(str(secrets.randbelow(254) + 1) for _ in range(3))])}


@rule(registry.in_check, NAT_GATEWAY)
def parts_of_a_nat_gateway(inputs: Json) -> Iterator[Fault]:
    """Standard ones stand in one zone or in none that is said."""
    sku = as_map(inputs.get("sku")).get("name")
    if sku is None:
        yield Fault(path=("sku",), why="is required: Standard")
    if sku == "Standard" and len(as_list(inputs.get("zones"))) > 1:
        yield Fault(path=("zones",), why="ResourceTypeMaxOneZone: a Standard NAT gateway stands in one zone at most")
    if not values_at(inputs, "publicIpAddresses.id") and not values_at(inputs, "publicIpPrefixes.id"):
        yield Fault(path=("publicIpAddresses",), why="a NAT gateway without a public address leads nowhere")


@rule(registry.before_create, NAT_GATEWAY)
def addresses_of_a_nat_gateway(account: Account, record: Record) -> None:
    """Free ones, of the same tier and in the same zone."""
    zones = as_list(record.inputs.get("zones"))
    for wanted in values_at(record.inputs, "publicIpAddresses.id"):
        found = with_id(account, wanted)
        assert found is not None
        others = (value for nat in account.of(NAT_GATEWAY) for value in values_at(nat.inputs, "publicIpAddresses.id"))
        if any(same(value, wanted) for value in others):
            text = f"Resource {record.id} is referencing public IP address {wanted} that is already allocated."
            raise CloudError("PublicIPAddressInUse", text)
        theirs = as_list(found.inputs.get("zones"))
        if zones and theirs and not set(zones) <= set(theirs):
            text = f"NAT gateway {record.id} in zone {zones} cannot use public IP address {wanted} in zones {theirs}."
            raise CloudError("NatGatewayAndPublicIpZonesMismatch", text)


@rule(registry.outputs, VIRTUAL_NETWORK, NAT_GATEWAY, PUBLIC_IP)
def a_guid_of_its_own(account: Account, record: Record) -> Json:
    del account
    return {"resourceGuid": guid(record.id)}


def way_out(account: Account, subnet_id: Any) -> Record | None:
    """The NAT gateway of a subnet."""
    subnet = with_id(account, str(subnet_id))
    found = values_at(subnet.inputs, "natGateway.id") if subnet else []
    return with_id(account, found[0]) if found else None
