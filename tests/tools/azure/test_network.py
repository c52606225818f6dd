"""Rules of networks: each refuses a case, and lets a near one pass."""

from typing import Any

import pytest

from tests.tools.azure import things
from tests.tools.azure.account import Azure, Refused
from tests.tools.azure.things import ADDRESS, NAT, NETWORK, SUBNET
from tools.offline.common.errors import ProviderError


@pytest.mark.parametrize(
    ("prefixes", "problem"),
    [
        (["10.1.0.0/16"], ""),
        (["10.1.0.1/16"], "InvalidCIDRNotation"),
        (["10.1.0.0/30"], "must be from /2 to /29"),
        ([], "an address prefix is required"),
    ],
)
def test_the_range_of_a_network(azure: Azure, prefixes: list[str], problem: str) -> None:
    inputs = {"resourceGroupName": "rg", "addressSpace": {"addressPrefixes": prefixes}}
    assert problem in "; ".join(azure.faults(NETWORK, inputs))
    assert bool(problem) == bool(azure.faults(NETWORK, inputs))


def test_subnets_are_resources_of_their_own(azure: Azure) -> None:
    inputs = {"resourceGroupName": "rg", "addressSpace": {"addressPrefixes": ["10.0.0.0/16"]}}
    inside = [{"name": "a", "addressPrefix": "10.0.0.0/24"}]
    assert "as resources of their own only" in azure.faults(NETWORK, {**inputs, "subnets": inside})[0]


def test_a_subnet_is_inside_of_its_network_and_beside_others(azure: Azure) -> None:
    network = things.network(azure)
    things.subnet(azure, within=network, prefix="10.1.0.0/20")
    with pytest.raises(ProviderError, match="NetcfgInvalidSubnet"):
        azure.create(SUBNET, "out", things.subnet_inputs(azure, network, "10.2.0.0/24"))
    with pytest.raises(ProviderError, match="NetcfgSubnetRangesOverlap"):
        azure.create(SUBNET, "over", things.subnet_inputs(azure, network, "10.1.1.0/24"))
    azure.create(SUBNET, "beside", things.subnet_inputs(azure, network, "10.1.16.0/24"))


@pytest.mark.parametrize(
    ("more", "problem"),
    [
        ({"serviceEndpoints": [{"service": "Microsoft.Storage"}]}, ""),
        ({"serviceEndpoints": [{"service": "Microsoft.Disks"}]}, "is none of"),
        ({"delegations": [{"name": "a", "serviceName": "Microsoft.ContainerService/managedClusters"}]}, ""),
        ({"delegations": [{"name": "a", "serviceName": "Microsoft.AKS"}]}, "is none of"),
        ({"addressPrefixes": ["10.1.0.0/24"]}, "either addressPrefix or addressPrefixes"),
        ({"privateEndpointNetworkPolicies": "Off"}, "must be one of"),
    ],
)
def test_the_parts_of_a_subnet(azure: Azure, more: dict[str, Any], problem: str) -> None:
    inputs = {"resourceGroupName": "rg", "virtualNetworkName": "n", "addressPrefix": "10.1.0.0/24", **more}
    found = azure.faults(SUBNET, inputs)
    assert problem in "; ".join(found)
    assert bool(problem) == bool(found)


def test_a_subnet_with_nodes_keeps_its_range_and_stays(azure: Azure) -> None:
    nodes = things.subnet(azure)
    wider = {**nodes.given, "addressPrefix": "10.1.0.0/19"}
    nodes = azure.update(nodes, wider)
    cluster = things.cluster(azure, nodes)
    with pytest.raises(ProviderError, match="InUsePrefixCannotBeDeleted"):
        azure.update(nodes, {**wider, "addressPrefix": "10.1.0.0/20"})
    with pytest.raises(ProviderError, match=r"InUseSubnetCannotBeDeleted: |InUseSubnetCannotBeDeleted"):
        azure.delete(nodes)
    azure.update(nodes, {**wider, "serviceEndpoints": [{"service": "Microsoft.Storage"}]})
    azure.delete(cluster)
    azure.delete(nodes)


def test_a_network_stays_while_its_subnets_are_used(azure: Azure) -> None:
    network = things.network(azure)
    cluster = things.cluster(azure, things.subnet(azure, within=network))
    with pytest.raises(ProviderError, match="InUseSubnetCannotBeDeleted"):
        azure.delete(network)
    azure.delete(cluster)
    azure.delete(network)
    assert azure.world.resources("Subnet") == []


@pytest.mark.parametrize(
    ("more", "problem"),
    [
        ({}, ""),
        ({"sku": {"name": "Basic"}}, "are retired"),
        ({"sku": None}, "are retired"),
        ({"publicIPAllocationMethod": "Dynamic"}, "IPv4StandardSkuPublicIpCannotBeDynamic"),
        ({"zones": ["1", "2", "3"]}, ""),
        ({"zones": ["4"]}, "does not match"),
        ({"sku": {"name": "Gold"}}, "must be one of"),
    ],
)
def test_the_parts_of_an_address(azure: Azure, more: dict[str, Any], problem: str) -> None:
    inputs = {"resourceGroupName": "rg", "sku": {"name": "Standard"}, "publicIPAllocationMethod": "Static", **more}
    found = azure.faults(ADDRESS, inputs)
    assert problem in "; ".join(found)
    assert bool(problem) == bool(found)


def _nat(**more: Any) -> dict[str, Any]:
    return {"resourceGroupName": "rg", "sku": {"name": "Standard"}, "publicIpAddresses": [{"id": "/a"}], **more}


@pytest.mark.parametrize(
    ("more", "problem"),
    [
        ({}, ""),
        ({"zones": ["1"]}, ""),
        ({"zones": ["1", "2"]}, "ResourceTypeMaxOneZone"),
        ({"sku": {"name": "Basic"}}, "must be one of Standard"),
        ({"sku": None}, "is required"),
        ({"publicIpAddresses": None}, "leads nowhere"),
        ({"idleTimeoutInMinutes": 121}, "must be from 4 to 120"),
    ],
)
def test_the_parts_of_a_nat_gateway(azure: Azure, more: dict[str, Any], problem: str) -> None:
    found = azure.faults(NAT, _nat(**more))
    assert problem in "; ".join(found)
    assert bool(problem) == bool(found)


def test_an_address_has_one_user_in_its_zone(azure: Azure) -> None:
    first = things.nat(azure)
    [address] = [each.id for each in azure.world.resources("PublicIPAddress")]
    with pytest.raises(ProviderError, match="PublicIPAddressInUse"):
        azure.create(NAT, "second", _nat(publicIpAddresses=[{"id": address}]))
    inputs = {"resourceGroupName": "rg", "sku": {"name": "Standard"}, "publicIPAllocationMethod": "Static"}
    zonal = azure.create(ADDRESS, "zonal", {**inputs, "zones": ["2"]})
    with pytest.raises(ProviderError, match="ZonesMismatch"):
        azure.create(NAT, "third", _nat(publicIpAddresses=[{"id": zonal.id}], zones=["1"]))
    azure.create(NAT, "fourth", _nat(publicIpAddresses=[{"id": zonal.id}], zones=["2"]))
    azure.delete(first)


def test_an_address_stays_while_it_is_used(azure: Azure) -> None:
    inputs = {"resourceGroupName": things.group(azure), "sku": {"name": "Standard"}}
    address = azure.create(ADDRESS, "out", {**inputs, "publicIPAllocationMethod": "Static"})
    assert address["ipAddress"].count(".") == 3
    gateway = azure.create(NAT, "nat", _nat(publicIpAddresses=[{"id": address.id}]))
    with pytest.raises(ProviderError, match="PublicIPAddressCannotBeDeleted"):
        azure.delete(address)
    azure.delete(gateway)
    azure.delete(address)


def test_an_address_of_another_tier_is_another_address(azure: Azure) -> None:
    inputs = {"resourceGroupName": things.group(azure), "sku": {"name": "Standard"}, "idleTimeoutInMinutes": 4}
    address = azure.create(ADDRESS, "out", {**inputs, "publicIPAllocationMethod": "Static"})
    assert azure.diff(address, {**address.given, "sku": {"name": "Standard", "tier": "Global"}})[1] == ["sku.tier"]
    assert azure.diff(address, {**address.given, "idleTimeoutInMinutes": 10})[1] == []
    with pytest.raises(ProviderError, match=r"PropertyChangeNotAllowed.*properties\.zones"):
        azure.update(address, {**address.given, "zones": ["1"]})


def test_a_reference_must_exist(azure: Azure) -> None:
    with pytest.raises(ProviderError, match="ResourceNotFound"):
        azure.create(
            SUBNET, "a", things.subnet_inputs(azure, things.network(azure), "10.1.0.0/24", natGateway={"id": "/a"})
        )
    with pytest.raises(Refused, match="must be a string"):
        azure.create(NETWORK, "a", {"resourceGroupName": "rg", "addressSpace": {"addressPrefixes": [10]}})
