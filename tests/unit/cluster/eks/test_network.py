"""The network: what is made, how it is cut, and what waits for what."""

from collections import Counter
from dataclasses import replace

import pytest

from modelyard.cluster.eks.cluster import EksCluster
from modelyard.cluster.eks.spec import EksVpcSpec
from tests.support.mocks import run
from tests.unit.cluster.eks.clusters import EXISTING, POOLS, SPECS, made
from tests.unit.cluster.registrations import named, names, waits_for

ZONES = ("us-east-1a", "us-east-1b", "us-east-1c")


def test_every_zone_has_both_subnets_and_its_own_way_out() -> None:
    recorded = made("autoscaler")
    assert names(recorded, "aws:ec2/subnet:Subnet") == [
        *(f"public-{zone}" for zone in ZONES), *(f"private-{zone}" for zone in ZONES)
    ]  # fmt: skip
    assert names(recorded, "NatGateway") == [f"nat-{zone}" for zone in ZONES]
    for zone in ZONES:
        table = named(recorded, "RouteTable", f"main-private-{zone}")
        assert table.inputs["routes"] == [{"cidrBlock": "0.0.0.0/0", "natGatewayId": f"main-nat-{zone}-id"}]
        association = named(recorded, "RouteTableAssociation", f"main-private-{zone}")
        assert association.inputs["subnetId"] == f"main-private-{zone}-id"
        assert association.inputs["routeTableId"] == f"main-private-{zone}-id"
        assert named(recorded, "NatGateway", f"main-nat-{zone}").inputs["subnetId"] == f"main-public-{zone}-id"


def test_single_nat_serves_all_zones() -> None:
    recorded = made("everything")
    assert names(recorded, "NatGateway") == ["nat-us-east-1b"]
    for zone in ("us-east-1b", "us-east-1d"):
        (route,) = named(recorded, "RouteTable", f"main-private-{zone}").inputs["routes"]
        assert route["natGatewayId"] == "main-nat-us-east-1b-id"


def test_the_order_of_keys_does_not_move_the_control_plane() -> None:
    turned = replace(EXISTING, private_subnet_ids=dict(sorted(EXISTING.private_subnet_ids.items(), reverse=True)))
    recorded = run(lambda: EksCluster("main", replace(SPECS["existing"], network=turned), POOLS))
    subnets = [
        each.one("aws:eks/cluster:Cluster").inputs["vpcConfig"]["subnetIds"] for each in (recorded, made("existing"))
    ]
    assert subnets[0] == subnets[1] == ["subnet-0000000a", "subnet-0000000b"]


def test_subnets_say_which_load_balancers_and_nodes_they_are_for() -> None:
    recorded = made("everything")
    private = named(recorded, "aws:ec2/subnet:Subnet", "main-private-us-east-1d").inputs
    public = named(recorded, "aws:ec2/subnet:Subnet", "main-public-us-east-1d").inputs
    assert private["tags"] == {
        "Name": "prod-private-us-east-1d", "kubernetes.io/role/internal-elb": "1", "karpenter.sh/discovery": "prod"
    }  # fmt: skip
    assert public["tags"] == {"Name": "prod-public-us-east-1d", "kubernetes.io/role/elb": "1"}
    assert (private["cidrBlock"], public["cidrBlock"]) == ("10.20.32.0/19", "10.20.228.0/22")
    assert private["availabilityZone"] == public["availabilityZone"] == "us-east-1d"
    assert private["mapPublicIpOnLaunch"] is public["mapPublicIpOnLaunch"] is False


def test_s3_is_reached_past_nat() -> None:
    endpoint = made("autoscaler").one("VpcEndpoint").inputs
    assert (endpoint["vpcEndpointType"], endpoint["serviceName"]) == ("Gateway", "com.amazonaws.us-east-1.s3")
    assert endpoint["routeTableIds"] == [f"main-private-{zone}-id" for zone in ZONES]


def test_gateways_go_before_what_they_stand_on() -> None:
    """On destroy: an internet gateway stays as long as there are public addresses in its VPC."""
    recorded = made("autoscaler")
    for zone in ZONES:
        before = waits_for(recorded, named(recorded, "NatGateway", f"main-nat-{zone}"))
        assert "InternetGateway internet" in before
        assert not [each for each in before if each.startswith("RouteTable")]


@pytest.mark.parametrize("variant", ["autoscaler", "karpenter", "auto_mode"])
def test_control_plane_does_not_wait_for_the_way_out(variant: str) -> None:
    recorded = made(variant)
    before = waits_for(recorded, recorded.one("aws:eks/cluster:Cluster"))
    assert {each for each in before if each.startswith("Subnet")} == {f"Subnet private-{zone}" for zone in ZONES[:2]}
    assert not any(each.startswith(("NatGateway", "RouteTable", "InternetGateway", "VpcEndpoint")) for each in before)


def test_a_further_zone_changes_nothing_of_the_control_plane() -> None:
    """AWS lets its subnets be changed only within the zones that it began with."""
    wider = replace(SPECS["autoscaler"], network=EksVpcSpec(zones=4))
    recorded = run(lambda: EksCluster("main", wider, POOLS))
    token = "aws:eks/cluster:Cluster"
    assert recorded.one(token).inputs == made("autoscaler").one(token).inputs
    assert "main-private-us-east-1d-id" in named(recorded, "NodeGroup", "main-system").inputs["subnetIds"]


def test_nodes_wait_for_the_way_out() -> None:
    recorded = made("autoscaler")
    before = waits_for(recorded, named(recorded, "NodeGroup", "main-system"))
    assert {f"RouteTableAssociation private-{zone}" for zone in ZONES} | {"VpcEndpoint s3"} <= before


def test_nothing_of_an_existing_network_is_made() -> None:
    recorded = made("existing")
    made_types = Counter(each.type for each in recorded.registrations if each.type.startswith("aws:ec2/"))
    assert set(made_types) == {"aws:ec2/launchTemplate:LaunchTemplate", "aws:ec2/securityGroup:SecurityGroup"}
    cluster = recorded.one("aws:eks/cluster:Cluster").inputs
    assert cluster["vpcConfig"]["subnetIds"] == list(EXISTING.private_subnet_ids.values())
    assert recorded.one("SecurityGroup").inputs["vpcId"] == EXISTING.vpc_id


def test_flow_logs_on_request_only() -> None:
    assert not made("autoscaler").of("FlowLog")
    recorded = made("everything")
    assert recorded.one("FlowLog").inputs["trafficType"] == "ALL"
    group = named(recorded, "LogGroup", "main-flow-logs")
    assert group.inputs["retentionInDays"] == 365
    assert "RolePolicy flow-logs" in waits_for(recorded, recorded.one("FlowLog"))
