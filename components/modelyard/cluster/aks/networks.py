"""What a user writes of the network of a cluster on AKS."""

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal

import annotated_types

from modelyard.cluster.aks.words import SubnetId
from modelyard.cluster.networks import address_problems
from modelyard.cluster.words import AddressRange
from modelyard.errors import Problem
from modelyard.spec import OneOf, spec


@spec
class AksVnetSpec:
    """A virtual network of the stack's own: a subnet for nodes, half of it, and a small one for the API server.

    Pods have addresses apart from it. Nodes reach the internet through a NAT gateway, and storage in Azure directly.
    """

    cidr: AddressRange = "10.0.0.0/16"
    """Its addresses, private ones, from /8 to /24. Every node takes one, and one more during upgrades. Choose it apart
    from networks that are to be connected later, as it changes only together with `name`, for another cluster."""
    nat_addresses: Annotated[int, annotated_types.Interval(ge=1, le=16)] = 1
    """Public addresses of the NAT gateway. Each carries 64,512 connections to one destination at a time, which does for
    several dozen nodes that pull images and data sets."""
    nat_idle_minutes: Annotated[int, annotated_types.Interval(ge=4, le=120)] = 4
    """After so long without traffic NAT forgets a connection, minutes. 4, as Azure has it: longer holds on to ports."""

    def problems(self) -> Iterable[Problem]:
        """The addresses."""
        yield from (problem.under("cidr") for problem in address_problems(self.cidr, 8, 24, "a network of ours"))


@spec
class AksExistingVnetSpec:
    """A virtual network that exists already. Nothing of it is created, changed or deleted.

    Its node subnet needs a way out (NAT gateway, or a route to a firewall), and, for object stores and shared volumes,
    the service endpoint `Microsoft.Storage`.
    """

    node_subnet_id: SubnetId
    """The subnet of nodes, in all zones of the region."""
    api_server_subnet_id: SubnetId
    """A subnet of /28 or more of the same network, with nothing in it, delegated to
    `Microsoft.ContainerService/managedClusters`: in it stands the API server's address."""
    way_out: Literal["nat_gateway", "route"] = "nat_gateway"
    """What the node subnet has: a NAT gateway, or a route of `0.0.0.0/0` to a firewall."""

    def problems(self) -> Iterable[Problem]:
        """Two subnets of one network."""
        nodes, server = (each.rpartition("/subnets/") for each in (self.node_subnet_id, self.api_server_subnet_id))
        if nodes[0].lower() != server[0].lower():
            why, fix = "is in another network than node_subnet_id", "name a subnet of the same one"
            yield Problem(path="api_server_subnet_id", why=why, fix=fix)
        elif nodes[2].lower() == server[2].lower():
            why, fix = "is the nodes' subnet", "name one with nothing in it, delegated to AKS"
            yield Problem(path="api_server_subnet_id", why=why, fix=fix)


def _network_class(network: Any) -> type[Any]:
    by_id = "node_subnet_id" in network if isinstance(network, Mapping) else isinstance(network, AksExistingVnetSpec)
    return AksExistingVnetSpec if by_id else AksVnetSpec


Network = Annotated[AksVnetSpec | AksExistingVnetSpec, OneOf(_network_class, (AksVnetSpec, AksExistingVnetSpec))]
"""A network of the stack's own, or one that exists, by its `node_subnet_id`."""
