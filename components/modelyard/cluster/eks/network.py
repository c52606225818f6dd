"""The cluster's network: a VPC of its own, or one that exists.

Types of EC2 stand in quotes: to evaluate them is to load a large part of the AWS SDK, unneeded for an existing VPC.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from modelyard.cluster.eks.account import Account
from modelyard.cluster.eks.identity import Statement, make_role, service_trust
from modelyard.cluster.eks.networks import ZoneSubnets, cut
from modelyard.cluster.eks.spec import EksExistingVpcSpec, EksVpcSpec

_ANYWHERE = "0.0.0.0/0"


@dataclass(frozen=True, kw_only=True)
class Network:
    """Where a cluster is.

    Attributes:
        vpc_id: the VPC.
        private_subnets: of nodes and pods, by zone.
        way_out: what traffic to the internet needs; nodes depend on it, as they pull images and join through it.
    """

    vpc_id: pulumi.Input[str]
    private_subnets: Mapping[str, pulumi.Input[str]]
    way_out: Sequence[pulumi.Resource]


def make_network(account: Account, spec: EksVpcSpec | EksExistingVpcSpec, *, log_retention_days: int) -> Network:
    """Make the network that the spec describes; of one that exists, nothing.

    A VPC of ours has an internet gateway, in each zone a private and a public subnet, NAT gateways, and a gateway
    endpoint for S3, through which images' layers and data sets come without NAT's charges. Each private subnet has its
    own route table, so that `nat` can change without replacing any. Routes stand in their tables: the provider leaves
    the endpoint's own route out of what it compares.
    https://github.com/hashicorp/terraform-provider-aws/blob/main/internal/service/ec2/vpc_route_table.go

    Args:
        account: where.
        spec: what.
        log_retention_days: of flow logs.
    """
    if isinstance(spec, EksExistingVpcSpec):
        # The first two are the control plane's for good, however a file orders its keys.
        subnets = dict(sorted(spec.private_subnet_ids.items()))
        return Network(vpc_id=spec.vpc_id, private_subnets=subnets, way_out=())
    return _Vpc(account, spec, log_retention_days).network


class _Vpc:
    """The resources of one VPC, in the order in which they need each other."""

    def __init__(self, account: Account, spec: EksVpcSpec, log_retention_days: int) -> None:
        self._account = account
        subnets = cut(spec.cidr, spec.zone_names(account.region))
        self._vpc = aws.ec2.Vpc(
            f"{account.name}-vpc",
            cidr_block=spec.cidr,
            # The private API endpoint is found by a private host name, which needs both.
            enable_dns_support=True,
            enable_dns_hostnames=True,
            tags={"Name": account.cluster_name},
            opts=account.options(),
        )
        public = self._public(subnets)
        nat_zones = [each.zone for each in subnets] if spec.nat == "per_zone" else [subnets[0].zone]
        nats = {zone: self._nat(zone, public) for zone in nat_zones}
        self._private(subnets, nats)
        if spec.flow_logs:
            self._flow_logs(log_retention_days)

    def _public(self, subnets: Sequence[ZoneSubnets]) -> "dict[str, aws.ec2.Subnet]":
        name = f"{self._account.name}-public"
        self._internet = aws.ec2.InternetGateway(
            f"{self._account.name}-internet", vpc_id=self._vpc.id, tags=self._named(""), opts=self._account.options()
        )
        route = aws.ec2.RouteTableRouteArgs(cidr_block=_ANYWHERE, gateway_id=self._internet.id)
        table = self._table("public", route)
        made = {each.zone: self._subnet("public", each.zone, each.public_cidr) for each in subnets}
        # NAT gateways reach the internet by way of these, and load balancers are reached from it.
        self._public_routes = [self._associate(f"{name}-{zone}", subnet, table) for zone, subnet in made.items()]
        return made

    def _nat(self, zone: str, public: "Mapping[str, aws.ec2.Subnet]") -> "aws.ec2.NatGateway":
        name = f"{self._account.name}-nat-{zone}"
        address = aws.ec2.Eip(name, domain="vpc", tags=self._named(f"-nat-{zone}"), opts=self._account.options())
        return aws.ec2.NatGateway(
            name,
            allocation_id=address.id,
            subnet_id=public[zone].id,
            tags=self._named(f"-{zone}"),
            # Made without waiting for routes, and gone before the internet gateway, which AWS keeps as long as there
            # are public addresses: https://docs.aws.amazon.com/vpc/latest/userguide/nat-gateway-working-with.html
            opts=pulumi.ResourceOptions.merge(
                self._account.options([self._internet]),
                # Two gateways cannot have one address.
                pulumi.ResourceOptions(delete_before_replace=True),
            ),
        )

    def _private(self, subnets: Sequence[ZoneSubnets], nats: "Mapping[str, aws.ec2.NatGateway]") -> None:
        only = next(iter(nats.values()))
        made: dict[str, aws.ec2.Subnet] = {}
        tables: list[aws.ec2.RouteTable] = []
        routes: list[pulumi.Resource] = []
        for each in subnets:
            nat = nats.get(each.zone, only)
            route = aws.ec2.RouteTableRouteArgs(cidr_block=_ANYWHERE, nat_gateway_id=nat.id)
            table = self._table(f"private-{each.zone}", route)
            made[each.zone] = self._subnet("private", each.zone, each.private_cidr)
            routes.append(self._associate(f"{self._account.name}-private-{each.zone}", made[each.zone], table))
            tables.append(table)
        endpoint = aws.ec2.VpcEndpoint(
            f"{self._account.name}-s3",
            vpc_id=self._vpc.id,
            vpc_endpoint_type="Gateway",
            service_name=f"com.amazonaws.{self._account.region}.s3",
            route_table_ids=[table.id for table in tables],
            tags=self._named("-s3"),
            opts=self._account.options(),
        )
        self.network = Network(
            vpc_id=self._vpc.id,
            private_subnets={zone: subnet.id for zone, subnet in made.items()},
            way_out=[*self._public_routes, *routes, endpoint],
        )

    def _subnet(self, kind: str, zone: str, cidr: str) -> "aws.ec2.Subnet":
        # https://docs.aws.amazon.com/eks/latest/userguide/network-reqs.html: where load balancers look for subnets.
        role = "elb" if kind == "public" else "internal-elb"
        discovery = {"karpenter.sh/discovery": self._account.cluster_name} if kind == "private" else {}
        return aws.ec2.Subnet(
            f"{self._account.name}-{kind}-{zone}",
            vpc_id=self._vpc.id,
            availability_zone=zone,
            cidr_block=cidr,
            # What is in a public subnet has an address of its own (load balancers, NAT), or is not meant to be there.
            map_public_ip_on_launch=False,
            tags={**self._named(f"-{kind}-{zone}"), f"kubernetes.io/role/{role}": "1", **discovery},
            opts=self._account.options(),
        )

    def _table(self, key: str, route: "aws.ec2.RouteTableRouteArgs") -> "aws.ec2.RouteTable":
        return aws.ec2.RouteTable(
            f"{self._account.name}-{key}",
            vpc_id=self._vpc.id,
            routes=[route],
            tags=self._named(f"-{key}"),
            opts=self._account.options(),
        )

    def _associate(
        self, name: str, subnet: "aws.ec2.Subnet", table: "aws.ec2.RouteTable"
    ) -> "aws.ec2.RouteTableAssociation":
        return aws.ec2.RouteTableAssociation(
            name, subnet_id=subnet.id, route_table_id=table.id, opts=self._account.options()
        )

    def _flow_logs(self, log_retention_days: int) -> None:
        name = f"{self._account.name}-flow-logs"
        group = aws.cloudwatch.LogGroup(name, retention_in_days=log_retention_days, opts=self._account.options())
        # https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs-iam-role.html
        write = Statement(
            actions=["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"],
            resources=[group.arn, pulumi.Output.concat(group.arn, ":*")],
        )
        made = make_role(self._account, "flow-logs", service_trust("vpc-flow-logs.amazonaws.com"), statements=[write])
        aws.ec2.FlowLog(
            name,
            vpc_id=self._vpc.id,
            traffic_type="ALL",
            log_destination_type="cloud-watch-logs",
            log_destination=group.arn,
            iam_role_arn=made.role.arn,
            tags=self._named("-flow-logs"),
            opts=self._account.options(made.complete),
        )

    def _named(self, suffix: str) -> dict[str, str]:
        return {"Name": f"{self._account.cluster_name}{suffix}"}
