"""The network: what is in it, how it gets out, and who reaches storage from it."""

from ipaddress import IPv4Network

import pytest

from modelyard.cluster.aks.cluster import AksCluster
from modelyard.cluster.aks.networks import AksVnetSpec
from tests.support.azure import SUBSCRIPTION
from tests.support.mocks import run
from tests.unit.cluster.aks.clusters import EXISTING, POOLS, aks_spec, made
from tests.unit.cluster.registrations import named, names, waits_for

CLUSTER = "containerservice:ManagedCluster"


def test_nodes_have_half_and_the_api_server_a_small_part_of_the_network() -> None:
    recorded = made("everything")
    assert recorded.one("VirtualNetwork").inputs["addressSpace"] == {"addressPrefixes": ["10.20.0.0/20"]}
    assert named(recorded, "Subnet", "main-nodes").inputs["addressPrefix"] == "10.20.0.0/21"
    assert named(recorded, "Subnet", "main-api-server").inputs["addressPrefix"] == "10.20.15.0/24"


@pytest.mark.parametrize("cidr", ["10.0.0.0/8", "10.0.0.0/16", "192.168.7.0/24"])
def test_subnets_are_apart_and_large_enough(cidr: str) -> None:
    recorded = run(lambda: AksCluster("main", aks_spec(network=AksVnetSpec(cidr=cidr)), POOLS))
    nodes, server = (
        IPv4Network(named(recorded, "Subnet", name).inputs["addressPrefix"])
        for name in ("main-nodes", "main-api-server")
    )
    assert not nodes.overlaps(server)
    assert nodes.subnet_of(IPv4Network(cidr))
    assert server.subnet_of(IPv4Network(cidr))
    assert server.prefixlen <= 28, "AKS takes no smaller one"


def test_nodes_get_out_by_nat_or_not_at_all() -> None:
    recorded = made("everything")
    nodes = named(recorded, "Subnet", "main-nodes").inputs
    assert nodes["defaultOutboundAccess"] is False
    assert nodes["natGateway"]["id"].endswith("NatGateway/main-nat1a2b3c4d")
    nat = recorded.one("NatGateway").inputs
    assert len(nat["publicIpAddresses"]) == 2
    assert (nat["idleTimeoutInMinutes"], nat["sku"]) == (10, {"name": "Standard"})
    assert names(recorded, "PublicIPAddress") == ["nat-1", "nat-2"]
    for address in recorded.of("PublicIPAddress"):
        assert address.inputs["sku"] == {"name": "Standard", "tier": "Regional"}
        assert address.inputs["publicIPAllocationMethod"] == "Static"
    assert recorded.one(CLUSTER).inputs["networkProfile"]["outboundType"] == "userAssignedNATGateway"


def test_api_servers_subnet_is_given_to_aks_after_the_other_is_made() -> None:
    recorded = made("autoscaler")
    server = named(recorded, "Subnet", "main-api-server")
    (delegation,) = server.inputs["delegations"]
    assert delegation["serviceName"] == "Microsoft.ContainerService/managedClusters"
    assert "Subnet nodes" in waits_for(recorded, server)


def test_storage_is_reached_from_the_nodes_subnet() -> None:
    (service,) = named(made("autoscaler"), "Subnet", "main-nodes").inputs["serviceEndpoints"]
    assert service == {"service": "Microsoft.Storage"}


def test_nothing_of_an_existing_network_is_made() -> None:
    recorded = made("existing")
    assert not [each.urn for each in recorded.registrations if each.type.startswith("azure-native:network:")]
    cluster = recorded.one(CLUSTER).inputs
    assert cluster["networkProfile"]["outboundType"] == "userDefinedRouting"
    assert cluster["apiServerAccessProfile"]["subnetId"] == EXISTING.api_server_subnet_id
    (pool,) = cluster["agentPoolProfiles"]
    assert pool["vnetSubnetID"] == EXISTING.node_subnet_id


def test_resource_group_is_ours_unless_it_is_named() -> None:
    recorded = made("autoscaler")
    group = recorded.one("ResourceGroup")
    assert group.inputs["location"] == "eastus2"
    assert "resourceGroupName" not in group.inputs, "it gets a random end"
    assert recorded.one(CLUSTER).inputs["resourceGroupName"] == "main-group1a2b3c4d"
    given = made("everything")
    assert not given.of("ResourceGroup")
    inside = {each.inputs["resourceGroupName"] for each in given.registrations if "resourceGroupName" in each.inputs}
    assert inside == {"ml-platform"}


def test_only_the_named_subscription_will_do() -> None:
    provider = made("autoscaler").one("pulumi:providers:azure-native").inputs
    assert (provider["subscriptionId"], provider["location"]) == (SUBSCRIPTION, "eastus2")
