"""A simulated AWS account for tests (tools/offline/aws)."""

from collections.abc import Sequence

from tests.support.cloud_world import CloudWorld
from tools.offline.aws.cloud import AWS
from tools.offline.aws.ids import ACCOUNT_ID, new_id
from tools.offline.cloud.world import Record

ROLE = "aws:iam/role:Role"
VPC = "aws:ec2/vpc:Vpc"
SUBNET = "aws:ec2/subnet:Subnet"


class EksWorld(CloudWorld):
    """An account in a folder."""

    cloud = AWS

    def add_role(self, name: str) -> str:
        """A role that somebody else made; its ARN."""
        arn = f"arn:aws:iam::{ACCOUNT_ID}:role/{name}"
        with self.world.open() as account:
            account.add(Record(token=ROLE, id=name, inputs={"name": name}, outputs={"arn": arn}))
        return arn

    def add_vpc(
        self, zones: Sequence[str], *, cidr: str = "10.20.0.0/16"
    ) -> tuple[str, dict[str, str], dict[str, str]]:
        """A VPC that somebody else made: its id, and its private and public subnets by zone, with a way out."""
        vpc = new_id("vpc")
        base = cidr.rsplit(".", 2)[0]
        private, public = {zone: new_id("subnet") for zone in zones}, {zone: new_id("subnet") for zone in zones}
        table = new_id("rtb")
        with self.world.open() as account:
            inputs = {"cidrBlock": cidr, "enableDnsHostnames": True, "enableDnsSupport": True}
            account.add(Record(token=VPC, id=vpc, inputs=inputs))
            route = {"cidrBlock": "0.0.0.0/0", "natGatewayId": new_id("nat")}
            account.add(
                Record(token="aws:ec2/routeTable:RouteTable", id=table, inputs={"vpcId": vpc, "routes": [route]})
            )
            for index, subnet in enumerate([*private.values(), *public.values()]):
                zone = zones[index % len(zones)]
                block = {"vpcId": vpc, "cidrBlock": f"{base}.{index * 16}.0/20", "availabilityZone": zone}
                account.add(Record(token=SUBNET, id=subnet, inputs=block))
                association = {"routeTableId": table, "subnetId": subnet}
                token = "aws:ec2/routeTableAssociation:RouteTableAssociation"
                account.add(Record(token=token, id=new_id("rtbassoc"), inputs=association))
        return vpc, private, public
