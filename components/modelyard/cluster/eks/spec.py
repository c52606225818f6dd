"""What a user writes of a cluster on EKS."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import field
from typing import Annotated, Any, ClassVar, Literal

from modelyard.cluster.eks.words import (
    AccountId,
    ClusterName,
    EksVersion,
    KeyArn,
    PrincipalArn,
    Region,
    SubnetId,
    VpcId,
)
from modelyard.cluster.eks.zones import is_zone_of, zones_of
from modelyard.cluster.networks import address_problems, cidr_of, endpoint_problems, public_count_problems
from modelyard.cluster.words import AddressRange
from modelyard.errors import Problem, show
from modelyard.spec import Filled, OneOf, spec
from modelyard.versions import EKS

_MIN_ZONES, _MAX_ZONES = 2, 6
_PUBLIC_RANGES = 40
"""https://docs.aws.amazon.com/eks/latest/userguide/service-quotas.html"""
_MOST_TAGS = 40
"""AWS allows 50 on a resource. The rest is for the stack's own, for a name, and on machines for those by which EKS,
Karpenter and the autoscaler know them. https://docs.aws.amazon.com/eks/latest/APIReference/API_CreateNodegroup.html"""


def _zones_type(zones: Any) -> Any:
    return int if isinstance(zones, int) else Sequence[Filled]


Zones = Annotated[int | Sequence[Filled], OneOf(_zones_type, (int, Sequence[Filled]))]
"""How many zones, or their names."""


@spec
class EksVpcSpec:
    """A VPC of the stack's own: in every zone a private subnet for nodes and pods and a small public one.

    Of its addresses each zone's private subnet has an eighth and each public one a 64th, whatever the number of zones:
    a zone that is added later renumbers nothing.
    """

    cidr: AddressRange = "10.0.0.0/16"
    """Its addresses, private ones, from /16 to /20. Every pod takes one. Choose it apart from networks that are to be
    connected later, as it changes only together with `name`, for another cluster."""
    zones: Zones = 3
    """How many zones, 2 to 6, or their names: `[us-east-1a, us-east-1b]`. Which zones offer EKS differs by account
    in us-east-1, us-west-1 and ca-central-1: where AWS refuses one, it names those that do; write these."""
    nat: Literal["per_zone", "single"] = "per_zone"
    """`per_zone`: a NAT gateway in each zone, so that the loss of one zone cuts off no other and no traffic pays for
    crossing zones on its way out. `single`: one for all, for environments that may lose their way out."""
    flow_logs: bool = False
    """Log every connection's addresses, ports and verdict, for as long as control plane logs are kept. False, as it
    is charged by volume."""

    def problems(self) -> Iterable[Problem]:
        """The addresses, and how many zones."""
        yield from (problem.under("cidr") for problem in address_problems(self.cidr, 16, 20, "a VPC of ours"))
        count = self.zones if isinstance(self.zones, int) else len(self.zones)
        if not _MIN_ZONES <= count <= _MAX_ZONES:
            fix = f"use {_MIN_ZONES} to {_MAX_ZONES}: a control plane needs two"
            yield Problem(path="zones", why=f"{count} zones are not possible", fix=fix)
        if not isinstance(self.zones, int) and len(set(self.zones)) < len(self.zones):
            yield Problem(path="zones", why="a zone is named twice", fix="name each once")

    def zone_names(self, region: str) -> tuple[str, ...]:
        """The names of its zones."""
        return zones_of(region)[: self.zones] if isinstance(self.zones, int) else tuple(self.zones)

    def problems_in(self, region: str) -> Iterator[Problem]:
        """What is wrong with its zones in a region."""
        known = zones_of(region)
        if isinstance(self.zones, int):
            if self.zones > len(known):
                why = f"{self.zones} zones are more than the {len(known)} of {region} that modelyard knows"
                yield Problem(path="zones", why=why, fix=f"use at most {len(known)}, or name the zones")
            return
        for index, zone in enumerate(self.zones):
            if not is_zone_of(zone, region):
                fix = f"name zones of the region, like {known[0]}"
                yield Problem(path=f"zones[{index}]", why=f"{show(zone)} is no zone of {region}", fix=fix)


@spec
class EksExistingVpcSpec:
    """A VPC that exists already. Nothing of it is created, changed or deleted.

    Its private subnets need a way out (NAT gateway, or endpoints of every service that nodes use), and for load
    balancers the tags `kubernetes.io/role/internal-elb: 1` on private and `kubernetes.io/role/elb: 1` on public ones.
    """

    vpc_id: VpcId
    """The VPC."""
    private_subnet_ids: Mapping[str, SubnetId]
    """A private subnet of each zone that the cluster is to use, by the zone's name: `{us-east-1a: subnet-…}`. In the
    first two, by alphabet, are the API server's interfaces for good: zones that are added later come after them."""

    def problems(self) -> Iterable[Problem]:
        """Two zones or more, each with a subnet of its own."""
        zones = len(self.private_subnet_ids)
        if not _MIN_ZONES <= zones <= _MAX_ZONES:
            why = f"names {'one zone' if zones == 1 else f'{zones} zones'}"
            fix = f"name subnets in {_MIN_ZONES} to {_MAX_ZONES} zones: a control plane needs two"
            yield Problem(path="private_subnet_ids", why=why, fix=fix)
        ids = list(self.private_subnet_ids.values())
        for each in sorted({each for each in ids if ids.count(each) > 1}):
            yield Problem(path="private_subnet_ids", why=f"{each} is named twice", fix="a subnet is in one zone")

    def zone_names(self, region: str) -> tuple[str, ...]:
        """The names of its zones."""
        del region
        return tuple(self.private_subnet_ids)

    def problems_in(self, region: str) -> Iterator[Problem]:
        """What is wrong with its zones in a region."""
        for zone in self.private_subnet_ids:
            if not is_zone_of(zone, region):
                fix = f"use the names of its zones, like {zones_of(region)[0]}, as keys"
                yield Problem(path=f"private_subnet_ids.{zone}", why=f"is no zone of {region}", fix=fix)


def _network_class(network: Any) -> type[Any]:
    existing = "vpc_id" in network if isinstance(network, Mapping) else isinstance(network, EksExistingVpcSpec)
    return EksExistingVpcSpec if existing else EksVpcSpec


Network = Annotated[EksVpcSpec | EksExistingVpcSpec, OneOf(_network_class, (EksVpcSpec, EksExistingVpcSpec))]
"""A VPC of the stack's own, or one that exists, by its `vpc_id`."""


@spec
class EksApiEndpointSpec:
    """Who reaches the API server, beside what runs in the cluster. Always over TLS and with AWS credentials."""

    public_cidrs: Sequence[AddressRange] | None = None
    """Ranges of public addresses that reach it over the internet. Left out: it has no public address."""
    private_cidrs: Sequence[AddressRange] = ()
    """Ranges that reach it inside the network: a VPN, a peered VPC. Left out: only the cluster's own nodes do."""

    def problems(self) -> Iterable[Problem]:
        """No range that is as good as everybody, and none on the wrong side."""
        yield from public_count_problems(self.public_cidrs, _PUBLIC_RANGES)
        yield from endpoint_problems(self.public_cidrs, self.private_cidrs)


@spec
class EksUpgradeSpec:
    """What happens when the Kubernetes version ages."""

    support: Literal["standard", "extended"] = "standard"
    """`standard`: AWS upgrades the control plane by itself when its version leaves standard support, 14 months after
    its release. `extended`: the version stays for 12 months more, at six times the price of the control plane."""


@spec
class EksEncryptionSpec:
    """The key that Kubernetes Secrets, and everything else in the API server's store, are encrypted with."""

    key_arn: KeyArn | None = None
    """A KMS key of yours, which must allow the one who makes the cluster `kms:DescribeKey` and `kms:CreateGrant`. Left
    out: a key of the stack's own, rotated every year. It changes only together with `name`, for another cluster."""


@spec
class EksSpec:
    """A cluster on EKS, with its network unless that exists."""

    kind: ClassVar[Literal["eks"]] = "eks"
    """The block that it stands in."""
    shared_volume_gib_max: ClassVar[int | None] = None
    """The largest shared volume, GiB: a folder of a file system that grows as it is written."""
    region: Region
    """Where: for example `us-east-1`."""
    account_id: AccountId | None = None
    """The account in AWS, in quotes: with the credentials of another one, nothing is done. Left out: whichever account
    the credentials are of."""
    name: ClusterName | None = None
    """The cluster's name, unique in account and region. Left out: `<project>-<stack>`. Another one makes another
    cluster with everything on it, and then removes the old one."""
    kubernetes_version: EksVersion = next(iter(EKS))
    """Minor version, in quotes. A change upgrades control plane, add-ons and pools in place, one after the other; AWS
    goes up one version at a time and never down."""
    network: Network = field(default_factory=EksVpcSpec)
    """A VPC of the stack's own, or one that exists, by its `vpc_id`."""
    service_cidr: AddressRange = "172.20.0.0/16"
    """Addresses of Services, which exist inside the cluster only: from /12 to /24, and apart from the VPC's. They
    change only together with `name`, for another cluster."""
    api_endpoint: EksApiEndpointSpec = field(default_factory=EksApiEndpointSpec)
    """Who reaches the API server. Left out: only what is in the cluster, so `pulumi up` has to run inside the VPC. In a
    VPC that the same update makes nothing can run yet: the first update needs `public_cidrs` there."""
    upgrade: EksUpgradeSpec = field(default_factory=EksUpgradeSpec)
    """What happens when the version ages."""
    provisioner: Literal["cluster_autoscaler", "karpenter", "auto_mode"] = "cluster_autoscaler"
    """Who makes nodes: managed node groups that the cluster autoscaler sizes, Karpenter (on top of managed node groups
    for pools with `min_nodes`), or EKS Auto Mode, where AWS also runs network, storage and load balancing."""
    encryption: EksEncryptionSpec = field(default_factory=EksEncryptionSpec)
    """The key of Kubernetes Secrets."""
    log_retention_days: Literal[1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827] = 90
    """How long logs of the control plane are kept, days. 90 covers a quarter's audits; all types are logged."""
    deletion_protection: bool = False
    """Let AWS refuse to delete the control plane until this is false again; not what is on it. False, so that
    `pulumi destroy` works."""
    shared_storage: bool | None = None
    """Make a file system (EFS) for volumes that several nodes mount. Left out: where a volume of the stack is
    `shared`."""
    admins: Sequence[PrincipalArn] = ()
    """IAM roles and users that administer the cluster, beside the one that makes it, which must not stand here."""
    tags: Mapping[str, str] = field(default_factory=dict[str, str])
    """Tags on everything that the stack makes in AWS. `modelyard.dev/stack` is added. They are on machines too, so that
    a change replaces every node, with EKS Auto Mode excepted: a few at a time, and with accelerators under Karpenter
    once they are empty."""

    def problems(self) -> Iterable[Problem]:
        """Zones in the region, Services apart from the VPC, tags that AWS allows."""
        yield from (problem.under("network") for problem in self.network.problems_in(self.region))
        services = list(address_problems(self.service_cidr, 12, 24, "Services", shared=False))
        yield from (problem.under("service_cidr") for problem in services)
        if isinstance(self.network, EksVpcSpec) and not services and self._services_overlap(self.network.cidr):
            why = f"{self.service_cidr} overlaps the VPC's {self.network.cidr}"
            yield Problem(path="service_cidr", why=why, fix="choose ranges apart, like 10.0.0.0/16 and 172.20.0.0/16")
        if self.encryption.key_arn and self.encryption.key_arn.split(":")[3] != self.region:
            why = f"the key is in {self.encryption.key_arn.split(':')[3]}"
            yield Problem(path="encryption.key_arn", why=why, fix=f"name a key in {self.region}")
        for admin in sorted({each for each in self.admins if list(self.admins).count(each) > 1}):
            yield Problem(path="admins", why=f"{admin} stands there twice", fix="name each once")
        yield from self._tag_problems()

    def _services_overlap(self, cidr: str) -> bool:
        return cidr_of(self.service_cidr).overlaps(cidr_of(cidr))

    def _tag_problems(self) -> Iterator[Problem]:
        # https://docs.aws.amazon.com/tag-editor/latest/userguide/tagging.html
        if len(self.tags) > _MOST_TAGS:
            yield Problem(path="tags", why=f"{len(self.tags)} tags are too many", fix=f"use up to {_MOST_TAGS}")
        for key, value in self.tags.items():
            if not re.fullmatch(r"[\w .:/=+@-]{1,128}", key) or key.lower().startswith("aws:"):
                fix = "use up to 128 letters, digits, spaces and . : / = + - @ _, not beginning with aws:"
                yield Problem(path="tags", why=f"{show(key)} is no key of a tag", fix=fix)
            if not re.fullmatch(r"[\w .:/=+@-]{0,256}", value):
                fix = "use up to 256 letters, digits, spaces and . : / = + - @ _"
                yield Problem(path=f"tags.{key}", why=f"{show(value)} is no value of a tag", fix=fix)
