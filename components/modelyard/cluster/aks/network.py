"""The cluster's network: a virtual network of its own, or one that exists.

Types of the network's part of the SDK stand in quotes: to evaluate them is to load it, which takes longer than Pulumi
itself and is unneeded for an existing network.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_azure_native as azure

from modelyard.cluster.aks.account import Account
from modelyard.cluster.aks.networks import AksExistingVnetSpec, AksVnetSpec
from modelyard.cluster.networks import cidr_of

_OUTBOUND = {"nat_gateway": "userAssignedNATGateway", "route": "userDefinedRouting"}
_API_SERVER_BITS = 4
"""The API server's subnet is the last 16th: with the narrowest network a /28, which is the least that AKS takes.
https://learn.microsoft.com/azure/aks/api-server-vnet-integration"""


@dataclass(frozen=True, kw_only=True)
class Network:
    """Where a cluster is.

    Attributes:
        node_subnet_id: of nodes and internal load balancers.
        api_server_subnet_id: of the API server's address.
        outbound_type: how nodes reach the internet, in AKS' words.
    """

    node_subnet_id: pulumi.Input[str]
    api_server_subnet_id: pulumi.Input[str]
    outbound_type: str


def make_network(account: Account, spec: AksVnetSpec | AksExistingVnetSpec) -> Network:
    """Make the network that the spec describes; of one that exists, nothing.

    A network of ours has a subnet for nodes in all zones, one for the API server, and a NAT gateway. Storage in Azure
    is reached past it, from the node subnet itself (a service endpoint): object stores and shared volumes let that
    subnet in and nobody else, without charges, private endpoints and DNS zones of their own.

    The NAT gateway is in no zone: Azure chooses one, and while that is down nothing outside of Azure is reached.
    https://learn.microsoft.com/azure/nat-gateway/nat-availability-zones

    Args:
        account: where.
        spec: what.
    """
    if isinstance(spec, AksExistingVnetSpec):
        return Network(
            node_subnet_id=spec.node_subnet_id,
            api_server_subnet_id=spec.api_server_subnet_id,
            outbound_type=_OUTBOUND[spec.way_out],
        )
    network = azure.network.VirtualNetwork(
        f"{account.name}-network",
        resource_group_name=account.resource_group,
        location=account.region,
        address_space=azure.network.AddressSpaceArgs(address_prefixes=[spec.cidr]),
        tags=account.tags,
        opts=account.options(),
    )
    halves = [str(each) for each in cidr_of(spec.cidr).subnets(prefixlen_diff=1)]
    parts = [str(each) for each in cidr_of(spec.cidr).subnets(prefixlen_diff=_API_SERVER_BITS)]
    nodes = azure.network.Subnet(
        f"{account.name}-nodes",
        resource_group_name=account.resource_group,
        virtual_network_name=network.name,
        address_prefix=halves[0],
        # What is in it leaves through NAT or not at all.
        default_outbound_access=False,
        nat_gateway=azure.network.SubResourceArgs(id=_nat_gateway(account, spec).id),
        service_endpoints=[azure.network.ServiceEndpointPropertiesFormatArgs(service="Microsoft.Storage")],
        opts=account.options(),
    )
    server = azure.network.Subnet(
        f"{account.name}-api-server",
        resource_group_name=account.resource_group,
        virtual_network_name=network.name,
        address_prefix=parts[-1],
        default_outbound_access=False,
        delegations=[
            azure.network.DelegationArgs(name="aks", service_name="Microsoft.ContainerService/managedClusters")
        ],
        # Azure changes one subnet of a network at a time.
        opts=account.options([nodes]),
    )
    return Network(node_subnet_id=nodes.id, api_server_subnet_id=server.id, outbound_type=_OUTBOUND["nat_gateway"])


def _nat_gateway(account: Account, spec: AksVnetSpec) -> "azure.network.NatGateway":
    addresses: Sequence[azure.network.PublicIPAddress] = [
        azure.network.PublicIPAddress(
            f"{account.name}-nat-{number}",
            resource_group_name=account.resource_group,
            location=account.region,
            public_ip_allocation_method="Static",
            sku=azure.network.PublicIPAddressSkuArgs(name="Standard", tier="Regional"),
            tags=account.tags,
            opts=account.options(),
        )
        for number in range(1, spec.nat_addresses + 1)
    ]
    return azure.network.NatGateway(
        f"{account.name}-nat",
        resource_group_name=account.resource_group,
        location=account.region,
        sku=azure.network.NatGatewaySkuArgs(name="Standard"),
        public_ip_addresses=[azure.network.SubResourceArgs(id=address.id) for address in addresses],
        idle_timeout_in_minutes=spec.nat_idle_minutes,
        tags=account.tags,
        opts=account.options(),
    )
