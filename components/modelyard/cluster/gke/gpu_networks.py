"""The networks between GPUs that GKE does not make by itself: for GPUDirect-TCPX and GPUDirect-TCPXO.

Sources: https://cloud.google.com/kubernetes-engine/docs/how-to/gpu-bandwidth-gpudirect-tcpx, and as Google's own
modules make them, https://github.com/GoogleCloudPlatform/cluster-toolkit/tree/main/examples/gke-a3-megagpu

Types of Compute Engine stand in quotes: a cluster without such pools needs nothing of that part of the SDK.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
import pulumi_gcp as gcp
import pulumi_kubernetes as k8s

from modelyard.cluster.gke.account import Account
from modelyard.cluster.gke.foundation import Foundation
from modelyard.cluster.gke.networks import GPU_NETWORK_PREFIX_BITS
from modelyard.cluster.networks import cidr_of
from modelyard.cluster.pools import Pool
from modelyard.gpu.tcpx import network_name
from modelyard.kube.labels import labels
from modelyard.operators.definition import Kind

_GROUP = "networking.gke.io"
NETWORK = Kind(group=_GROUP, version="v1", kind="Network", plural="networks", namespaced=False)
NETWORK_PARAMETERS = Kind(
    group=_GROUP, version="v1", kind="GKENetworkParamSet", plural="gkenetworkparamsets", namespaced=False
)
_MTU_BYTES = 8244
"""A frame holds two pages of GPU memory and its headers.
https://cloud.google.com/vpc/docs/mtu#gpudirect-tcpx-and-tcpxo-mtu"""
_PROTOCOLS = ("tcp", "udp", "icmp")


@dataclass(frozen=True, kw_only=True)
class GpuNetwork:
    """One network, in which each node has one card.

    Attributes:
        network: its name.
        subnetwork: the name of its subnetwork.
        ready: what nodes in it depend on.
    """

    network: pulumi.Output[str]
    subnetwork: pulumi.Output[str]
    ready: Sequence[pulumi.Resource]


def make_gpu_networks(
    foundation: Foundation, pools: Mapping[str, Pool], cidr: str, parent: pulumi.Resource
) -> list[GpuNetwork]:
    """Make as many networks as the pool with the most cards needs; none where no pool needs any.

    All pools share them, as pods over several pools have to. Each is a VPC network with a subnetwork, in which whoever
    has an address of these networks reaches everybody, and which nothing leaves. On the cluster each is an object
    `Network` with its parameters, by which pods ask for the card in it.

    Args:
        foundation: what they are made on.
        pools: the pools by name.
        cidr: the range of addresses of all of them.
        parent: of all resources.
    """
    count = max((pool.gpu.fabric_networks for pool in pools.values() if pool.gpu), default=0)
    account = foundation.account(parent)
    ranges = [str(each) for each in cidr_of(cidr).subnets(GPU_NETWORK_PREFIX_BITS)]
    return [_make(account, foundation, index, ranges[index - 1], cidr) for index in range(1, count + 1)]


def _make(account: Account, foundation: Foundation, index: int, own_cidr: str, cidr: str) -> GpuNetwork:
    name = f"{account.name}-{network_name(index)}"
    network = gcp.compute.Network(
        name, auto_create_subnetworks=False, mtu=_MTU_BYTES, opts=account.options_in("compute")
    )
    subnetwork = gcp.compute.Subnetwork(
        name, network=network.id, region=account.region, ip_cidr_range=own_cidr, opts=account.options()
    )
    firewall = gcp.compute.Firewall(
        name,
        network=network.id,
        direction="INGRESS",
        source_ranges=[cidr],
        allows=[gcp.compute.FirewallAllowArgs(protocol=each) for each in _PROTOCOLS],
        opts=account.options(),
    )
    return GpuNetwork(
        network=network.name,
        subnetwork=subnetwork.name,
        ready=[firewall, _on_cluster(account, foundation, index, network, subnetwork)],
    )


def _on_cluster(
    account: Account,
    foundation: Foundation,
    index: int,
    network: "gcp.compute.Network",
    subnetwork: "gcp.compute.Subnetwork",
) -> k8s.apiextensions.CustomResource:
    name = network_name(index)
    logical_name = f"{account.name}-{name}"
    provider = foundation.kubernetes_provider
    metadata = k8s.meta.v1.ObjectMetaArgs(name=name, labels=labels(name, instance=logical_name, component="network"))
    parameters = k8s.apiextensions.CustomResource(
        f"{logical_name}-parameters",
        api_version=NETWORK_PARAMETERS.api_version,
        kind=NETWORK_PARAMETERS.kind,
        metadata=metadata,
        spec={"vpc": network.name, "vpcSubnet": subnetwork.name, "deviceMode": "NetDevice"},
        opts=pulumi.ResourceOptions(parent=account.parent, provider=provider),
    )
    return k8s.apiextensions.CustomResource(
        logical_name,
        api_version=NETWORK.api_version,
        kind=NETWORK.kind,
        metadata=metadata,
        spec={
            "type": "Device",
            "parametersRef": {"group": _GROUP, "kind": NETWORK_PARAMETERS.kind, "name": name},
        },
        opts=pulumi.ResourceOptions(parent=account.parent, provider=provider, depends_on=[parameters]),
    )
