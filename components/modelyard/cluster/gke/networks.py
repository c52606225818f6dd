"""What a user writes of a cluster's network, and how its ranges of addresses fit together."""

from collections.abc import Iterable, Mapping
from itertools import combinations
from typing import Annotated, Any

from modelyard.cluster.gke.words import NetworkName, RangeName, SubnetworkName
from modelyard.cluster.networks import address_problems, cidr_of
from modelyard.cluster.words import AddressRange
from modelyard.errors import Problem
from modelyard.spec import OneOf, spec

MAX_PODS_PER_NODE = 110
"""GKE's own limit for a node of a Standard cluster, unless a pool says less.
https://cloud.google.com/kubernetes-engine/docs/how-to/flexible-pod-cidr"""
POD_PREFIX_OF_NODE = 24
"""Each node takes at least twice the addresses of its pods, so that one is not given out again at once: 256."""
GPU_NETWORK_PREFIX_BITS = 3
"""Each network between GPUs takes an eighth of their addresses: no machine has cards in more than 8."""
SUBNET_ADDRESSES_KEPT = 4
"""https://cloud.google.com/vpc/docs/subnets#unusable-ip-addresses-in-every-subnet"""


@spec
class GkeVpcSpec:
    """A VPC network of the stack's own, with a subnetwork in the cluster's region and a way out through Cloud NAT.

    The API server needs no range: its private address is one of the nodes'.
    """

    nodes_cidr: AddressRange = "10.0.0.0/20"
    """Addresses of nodes and internal load balancers, from /16 to /28: as many nodes as it has, less 4. Choose the
    ranges apart from networks that are to be connected later, as they change only together with `name`, for another
    cluster."""
    pods_cidr: AddressRange = "10.4.0.0/14"
    """Addresses of pods, from /9 to /21. Each node takes a /24 of it, for up to 110 pods: /14 does for 1024 nodes."""
    services_cidr: AddressRange = "10.8.0.0/20"
    """Addresses of Services, from /16 to /27."""
    proxies_cidr: AddressRange | None = None
    """Addresses of the proxies of Google's load balancers for HTTP, up to /26, which a gateway of class `gke` needs:
    for example `10.8.16.0/23`, as large as Google advises. Left out: there is no such load balancer. It can be added at
    any time."""
    flow_logs: bool = False
    """Log every connection's addresses and ports to Cloud Logging. False, as it is charged by volume."""

    def problems(self) -> Iterable[Problem]:
        """Sizes that GKE allows, private addresses, and no address twice."""
        # https://cloud.google.com/kubernetes-engine/docs/concepts/alias-ips#cluster_sizing
        checks = (
            ("nodes_cidr", self.nodes_cidr, 16, 28, "nodes"),
            ("pods_cidr", self.pods_cidr, 9, 21, "pods"),
            ("services_cidr", self.services_cidr, 16, 27, "Services"),
        )
        if self.proxies_cidr:
            checks += (("proxies_cidr", self.proxies_cidr, 8, 26, "proxies"),)
        for path, cidr, widest, narrowest, what in checks:
            for problem in address_problems(cidr, widest, narrowest, what):
                yield problem.under(path)
        for (_, one, *_one), (path, other, *_other) in combinations(checks, 2):
            if cidr_of(one).overlaps(cidr_of(other)):
                fix = "choose ranges apart, like 10.0.0.0/20, 10.4.0.0/14 and 10.8.0.0/20"
                yield Problem(path=path, why=f"{other} overlaps {one}", fix=fix)

    @property
    def most_nodes(self) -> int:
        """How many nodes have addresses, for themselves and for their pods."""
        own = cidr_of(self.nodes_cidr).num_addresses - SUBNET_ADDRESSES_KEPT
        return min(own, 2 ** (POD_PREFIX_OF_NODE - cidr_of(self.pods_cidr).prefixlen))


@spec
class GkeExistingVpcSpec:
    """A network that exists already, also of a shared VPC. Nothing of it is created, changed or deleted.

    Its subnetwork needs Private Google Access and a way out (Cloud NAT). Of a shared VPC, GKE's service agent needs
    `roles/container.hostServiceAgentUser` in the host project, and it and the service project's
    `PROJECT_NUMBER@cloudservices.gserviceaccount.com` need `roles/compute.networkUser` on the subnetwork.
    https://cloud.google.com/kubernetes-engine/docs/how-to/cluster-shared-vpc
    """

    network: NetworkName
    """Its name, or of a shared VPC `projects/HOST_PROJECT/global/networks/NAME`."""
    subnetwork: SubnetworkName
    """A subnetwork in the cluster's region: its name, or `projects/HOST_PROJECT/regions/REGION/subnetworks/NAME`."""
    pods_range: RangeName
    """The name of its secondary range for pods. Each node takes a /24 of it."""
    services_range: RangeName
    """The name of its secondary range for Services, which no other cluster uses."""
    proxies_cidr: AddressRange | None = None
    """The range of the network's proxy-only subnetwork in the cluster's region, if it has one: a gateway of class `gke`
    needs it, and connects to pods from there."""

    def problems(self) -> Iterable[Problem]:
        """Two ranges, and network and subnetwork in one project."""
        if self.pods_range == self.services_range:
            why = f"{self.services_range} is the pods' range too"
            yield Problem(path="services_range", why=why, fix="name two secondary ranges of the subnetwork")
        if self.host_project != _project_of(self.subnetwork):
            why = f"{self.subnetwork} is not in the project of {self.network}"
            yield Problem(path="subnetwork", why=why, fix="write both as names, or both as paths of the host project")

    @property
    def host_project(self) -> str | None:
        """The host project of a shared VPC; None for a network of the cluster's own project."""
        return _project_of(self.network)


def _project_of(path: str) -> str | None:
    return path.split("/")[1] if "/" in path else None


def _network_class(network: Any) -> type[Any]:
    existing = "network" in network if isinstance(network, Mapping) else isinstance(network, GkeExistingVpcSpec)
    return GkeExistingVpcSpec if existing else GkeVpcSpec


GkeNetwork = Annotated[GkeVpcSpec | GkeExistingVpcSpec, OneOf(_network_class, (GkeVpcSpec, GkeExistingVpcSpec))]
"""A network of the stack's own, or one that exists, by its `network`."""
