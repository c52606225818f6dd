"""The networks of a cluster: what goes together, and what may not overlap.

https://learn.microsoft.com/azure/aks/concepts-network-cni-overview, …/azure-cni-powered-by-cilium,
…/egress-outboundtype, …/api-server-vnet-integration
"""

import ipaddress
from collections.abc import Iterator
from typing import Any

from tools.offline.azure.ids import name_of, parent_id, same
from tools.offline.azure.kinds_compute import CLUSTER
from tools.offline.azure.rules.everything import with_id
from tools.offline.azure.rules.network import ranges, way_out
from tools.offline.cloud import registry
from tools.offline.cloud.errors import CloudError
from tools.offline.cloud.registry import rule
from tools.offline.cloud.schema import Fault
from tools.offline.cloud.world import Account, Record, values_at
from tools.offline.common.values import UNKNOWN, Json, as_list, as_map

_DEFAULTS = {"serviceCidr": "10.0.0.0/16", "dnsServiceIP": "10.0.0.10", "podCidr": "10.244.0.0/16"}
_LARGEST_SERVICE_PREFIX = 12
_API_DELEGATION = "Microsoft.ContainerService/managedClusters"
_API_PREFIX = 28
_MOST_RANGES = 200


def network_of(inputs: Json) -> Json:
    """The network profile, with AKS's defaults."""
    given = {key: value for key, value in as_map(inputs.get("networkProfile")).items() if value is not None}
    overlay = given.get("networkPluginMode") == "overlay" or given.get("networkPlugin") == "kubenet"
    defaults = {key: value for key, value in _DEFAULTS.items() if key != "podCidr" or overlay}
    return {"outboundType": "loadBalancer", "loadBalancerSku": "standard", **defaults, **given}


@rule(registry.in_check, CLUSTER)
def parts_of_a_network(inputs: Json) -> Iterator[Fault]:
    """Plugin, mode, dataplane and policy are of the pairs that there are."""
    network = network_of(inputs)
    if UNKNOWN in network.values():
        return
    plugin, mode = network.get("networkPlugin"), network.get("networkPluginMode")
    dataplane, policy = network.get("networkDataplane"), network.get("networkPolicy")
    at = ("networkProfile",)
    if mode == "overlay" and plugin != "azure":
        yield Fault(path=(*at, "networkPluginMode"), why="overlay needs networkPlugin azure")
    if dataplane == "cilium" and (plugin != "azure" or policy not in (None, "none", "cilium")):
        yield Fault(path=at, why="networkDataplane cilium needs networkPlugin azure and networkPolicy cilium")
    if policy == "cilium" and dataplane != "cilium":
        yield Fault(path=(*at, "networkPolicy"), why="cilium needs networkDataplane cilium")
    if network.get("loadBalancerSku") == "basic":
        yield Fault(path=(*at, "loadBalancerSku"), why="Basic load balancers are retired: use standard")
    if network["outboundType"] != "loadBalancer" and network.get("loadBalancerProfile"):
        yield Fault(path=(*at, "loadBalancerProfile"), why=f"does not go with outboundType {network['outboundType']}")
    if network["outboundType"] == "managedNATGateway" and _subnets(inputs):
        yield Fault(path=(*at, "outboundType"), why="managedNATGateway is for networks of AKS's own: use userAssigned…")
    if network["outboundType"].startswith("userAssigned") and not _subnets(inputs):
        yield Fault(path=(*at, "outboundType"), why=f"{network['outboundType']} needs a subnet of one's own")
    yield from _range_faults(network)


def _range_faults(network: Json) -> Iterator[Fault]:
    found: dict[str, ipaddress.IPv4Network] = {}
    for key in ("serviceCidr", "podCidr"):
        try:
            found[key] = ipaddress.IPv4Network(network[key]) if key in network else ipaddress.IPv4Network("0.0.0.0/32")
        except ValueError as error:
            yield Fault(path=("networkProfile", key), why=f"{network[key]!r} is not a valid CIDR: {error}")
            return
    services, pods = found["serviceCidr"], found["podCidr"]
    if services.overlaps(pods):
        yield Fault(path=("networkProfile", "podCidr"), why=f"{pods} overlaps the service CIDR {services}")
    if services.prefixlen < _LARGEST_SERVICE_PREFIX:
        yield Fault(path=("networkProfile", "serviceCidr"), why=f"must be smaller than /{_LARGEST_SERVICE_PREFIX}")
    address = ipaddress.IPv4Address(network["dnsServiceIP"])
    if address not in services or address in (services[0], services[1]):
        why = f"{address} must be in the service CIDR {services}, and not its first address"
        yield Fault(path=("networkProfile", "dnsServiceIP"), why=why)


@rule(registry.in_check, CLUSTER)
def who_reaches_the_api_server(inputs: Json) -> Iterator[Fault]:
    """Named ranges, or nobody from outside."""
    access = as_map(inputs.get("apiServerAccessProfile"))
    at = ("apiServerAccessProfile",)
    found = as_list(access.get("authorizedIPRanges"))
    if access.get("enablePrivateCluster") is True and found:
        why = "authorized IP ranges cannot be set for a private cluster"
        yield Fault(path=(*at, "authorizedIPRanges"), why=why)
    if len(found) > _MOST_RANGES:
        yield Fault(path=(*at, "authorizedIPRanges"), why=f"must have at most {_MOST_RANGES} ranges")
    for each in found:
        try:
            _ = each is UNKNOWN or ipaddress.IPv4Network(each)
        except ValueError as error:
            yield Fault(path=(*at, "authorizedIPRanges"), why=f"{each!r} is not a valid CIDR: {error}")
    yield from _private_faults(access)
    yield from _integration_faults(access, inputs)


def _private_faults(access: Json) -> Iterator[Fault]:
    at = ("apiServerAccessProfile",)
    if access.get("enablePrivateCluster") is not True:
        for key in ("enablePrivateClusterPublicFQDN", "privateDNSZone"):
            if access.get(key) and access.get("enablePrivateCluster") is not UNKNOWN:
                yield Fault(path=(*at, key), why="is for private clusters only")
    zone = access.get("privateDNSZone")
    named = isinstance(zone, str) and zone not in ("system", "none") and not zone.startswith("/subscriptions/")
    if named:
        yield Fault(path=(*at, "privateDNSZone"), why="must be system, none, or the id of a private DNS zone")
    if zone == "none" and access.get("enablePrivateClusterPublicFQDN") is False:
        yield Fault(
            path=(*at, "privateDNSZone"), why="none needs enablePrivateClusterPublicFQDN: nobody finds the server"
        )


def _integration_faults(access: Json, inputs: Json) -> Iterator[Fault]:
    at = ("apiServerAccessProfile",)
    if access.get("subnetId") is not None and access.get("enableVnetIntegration") is not True:
        yield Fault(path=(*at, "subnetId"), why="needs enableVnetIntegration")
    if access.get("enableVnetIntegration") is True and access.get("subnetId") is None and _subnets(inputs):
        yield Fault(path=(*at, "subnetId"), why="is required with enableVnetIntegration in a network of one's own")


@rule(registry.before_create, CLUSTER)
def surroundings_of_a_cluster(account: Account, record: Record) -> None:
    """Subnets of one network, with the way out that the cluster is told of, apart from its own ranges."""
    network = network_of(record.inputs)
    subnets = [with_id(account, each) for each in _subnets(record.inputs)]
    found = [each for each in subnets if each is not None]
    if len({parent_id(each.id).lower() for each in found}) > 1:
        raise CloudError("InvalidParameter", "All agent pools' subnets must be in the same virtual network.")
    for subnet in found:
        require_way_out(account, network, subnet.id)
    _require_apart(account, network, found)
    for each in values_at(record.inputs, "apiServerAccessProfile.subnetId"):
        _require_api_subnet(account, each, found)


def require_way_out(account: Account, network: Json, subnet_id: str) -> None:
    """A subnet whose cluster goes out by a NAT gateway has one.

    Raises:
        CloudError: it has none.
    """
    if network["outboundType"] == "userAssignedNATGateway" and way_out(account, subnet_id) is None:
        raise CloudError(
            "UserAssignedNATGatewayNotAssociatedToSubnet",
            f"The subnet {subnet_id} must have a NAT gateway associated when outboundType is userAssignedNATGateway.",
        )


def _require_apart(account: Account, network: Json, subnets: list[Record]) -> None:
    services = ipaddress.IPv4Network(network["serviceCidr"])
    for subnet in subnets:
        vnet = with_id(account, parent_id(subnet.id))
        assert vnet is not None
        for block in ranges(subnet.inputs):
            if block.overlaps(services):
                raise CloudError(
                    "ServiceCidrOverlapExistingSubnetsCidr",
                    f"The specified service CIDR {services} is conflicted with an existing subnet CIDR {block}",
                )
        pods = network.get("podCidr")
        for block in ranges(vnet.inputs) if pods else ():
            if block.overlaps(ipaddress.IPv4Network(pods)):
                text = f"The specified pod CIDR {pods} overlaps the address space {block} of {name_of(vnet.id)}"
                raise CloudError("PodCidrOverlapExistingSubnetsCidr", text)


def _require_api_subnet(account: Account, subnet_id: str, others: list[Record]) -> None:
    subnet = with_id(account, subnet_id)
    assert subnet is not None
    if _API_DELEGATION not in values_at(subnet.inputs, "delegations.serviceName"):
        text = f"The API server's subnet {subnet_id} must be delegated to {_API_DELEGATION}."
        raise CloudError("SubnetNotDelegated", text)
    if any(block.prefixlen > _API_PREFIX for block in ranges(subnet.inputs)):
        raise CloudError("InvalidParameter", f"The API server's subnet {subnet_id} must be /{_API_PREFIX} or larger.")
    if any(same(each.id, subnet_id) for each in others):
        raise CloudError("InvalidParameter", f"The API server's subnet {subnet_id} must not be one of nodes.")


def _subnets(inputs: Json) -> list[Any]:
    return values_at(inputs, "agentPoolProfiles.vnetSubnetID")
