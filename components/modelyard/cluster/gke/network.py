"""The cluster's network: a VPC of its own, or one that exists.

Types of Compute Engine stand in quotes: an existing network needs nothing of that part of the SDK.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_gcp as gcp

from modelyard.cluster.gke.account import Account
from modelyard.cluster.gke.networks import GkeExistingVpcSpec, GkeVpcSpec

PODS_RANGE, SERVICES_RANGE = "pods", "services"
_LEAST_PORTS, _MOST_PORTS = 128, 32768
"""Of each node's connections to one address and port. Downloads of models and images open hundreds at once."""


@dataclass(frozen=True, kw_only=True)
class Network:
    """Where a cluster is.

    Attributes:
        network: the network, by name or link.
        network_name: its name alone, as Filestore wants it.
        subnetwork: of nodes.
        pods_range: the name of the subnetwork's secondary range for pods.
        services_range: likewise for Services.
        is_shared: whether it belongs to a shared VPC's host project.
        proxies: what load balancers for HTTP stand in; empty where there is none of the stack's.
        way_out: what traffic to the internet needs. Nodes come up without it, as Google's own images come by Private
            Google Access.
    """

    network: pulumi.Input[str]
    network_name: pulumi.Input[str]
    subnetwork: pulumi.Input[str]
    pods_range: pulumi.Input[str]
    services_range: pulumi.Input[str]
    is_shared: bool
    proxies: Sequence[pulumi.Resource]
    way_out: Sequence[pulumi.Resource]


def make_network(account: Account, spec: GkeVpcSpec | GkeExistingVpcSpec) -> Network:
    """Make the network that the spec describes; of one that exists, nothing.

    A network of ours has one subnetwork for nodes, with secondary ranges for pods and Services, and reaches Google's
    services privately and the internet through Cloud NAT, which is one for the region and fails with none of its zones.
    Nothing on the internet reaches it. Where the spec has `proxies_cidr`, a second subnetwork is for the proxies of
    Google's load balancers alone. GKE keeps its own firewall rules in the network, and removes them with the cluster.

    Args:
        account: where.
        spec: what.
    """
    if isinstance(spec, GkeExistingVpcSpec):
        return Network(
            network=spec.network,
            network_name=spec.network,
            subnetwork=spec.subnetwork,
            pods_range=spec.pods_range,
            services_range=spec.services_range,
            is_shared=spec.host_project is not None,
            proxies=(),
            way_out=(),
        )
    name = account.name
    network = gcp.compute.Network(
        f"{name}-network",
        # Otherwise it has a subnetwork in every region of the world, of addresses that nobody chose.
        auto_create_subnetworks=False,
        opts=account.options_in("compute"),
    )
    subnetwork = _subnetwork(account, spec, network)
    return Network(
        network=network.id,
        network_name=network.name,
        subnetwork=subnetwork.id,
        pods_range=PODS_RANGE,
        services_range=SERVICES_RANGE,
        is_shared=False,
        proxies=_proxies(account, spec, network),
        way_out=_nat(account, network),
    )


def _subnetwork(account: Account, spec: GkeVpcSpec, network: "gcp.compute.Network") -> "gcp.compute.Subnetwork":
    secondary = ((PODS_RANGE, spec.pods_cidr), (SERVICES_RANGE, spec.services_cidr))
    return gcp.compute.Subnetwork(
        f"{account.name}-nodes",
        network=network.id,
        region=account.region,
        ip_cidr_range=spec.nodes_cidr,
        secondary_ip_ranges=[
            gcp.compute.SubnetworkSecondaryIpRangeArgs(range_name=range_name, ip_cidr_range=cidr)
            for range_name, cidr in secondary
        ],
        # Nodes have no public address: they reach registries, storage and logging from inside Google.
        private_ip_google_access=True,
        log_config=gcp.compute.SubnetworkLogConfigArgs(metadata="INCLUDE_ALL_METADATA") if spec.flow_logs else None,
        opts=account.options(),
    )


def _proxies(account: Account, spec: GkeVpcSpec, network: "gcp.compute.Network") -> Sequence["gcp.compute.Subnetwork"]:
    """https://cloud.google.com/load-balancing/docs/proxy-only-subnets"""
    if not spec.proxies_cidr:
        return ()
    subnetwork = gcp.compute.Subnetwork(
        f"{account.name}-proxies",
        network=network.id,
        region=account.region,
        ip_cidr_range=spec.proxies_cidr,
        purpose="REGIONAL_MANAGED_PROXY",
        role="ACTIVE",
        opts=account.options(),
    )
    return (subnetwork,)


def _nat(account: Account, network: "gcp.compute.Network") -> Sequence[pulumi.Resource]:
    """The way out. It is for all subnetworks, so it is made beside the cluster's instead of after it."""
    router = gcp.compute.Router(
        f"{account.name}-router", network=network.id, region=account.region, opts=account.options()
    )
    nat = gcp.compute.RouterNat(
        f"{account.name}-nat",
        router=router.name,
        region=account.region,
        nat_ip_allocate_option="AUTO_ONLY",
        source_subnetwork_ip_ranges_to_nat="ALL_SUBNETWORKS_ALL_IP_RANGES",
        # Ports as a node needs them, which excludes mapping by endpoint.
        # https://cloud.google.com/nat/docs/ports-and-addresses#dynamic-port
        enable_dynamic_port_allocation=True,
        enable_endpoint_independent_mapping=False,
        min_ports_per_vm=_LEAST_PORTS,
        max_ports_per_vm=_MOST_PORTS,
        log_config=gcp.compute.RouterNatLogConfigArgs(enable=True, filter="ERRORS_ONLY"),
        opts=account.options(),
    )
    return [nat]
