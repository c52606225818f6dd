"""Resources of a small cluster, for tests that need them there already."""

import json
from collections.abc import Mapping
from typing import Any

from tests.tools.aws.account import Aws, Made

VPC = "aws:ec2/vpc:Vpc"
SUBNET = "aws:ec2/subnet:Subnet"
GATEWAY = "aws:ec2/internetGateway:InternetGateway"
EIP = "aws:ec2/eip:Eip"
NAT = "aws:ec2/natGateway:NatGateway"
TABLE = "aws:ec2/routeTable:RouteTable"
ASSOCIATION = "aws:ec2/routeTableAssociation:RouteTableAssociation"
ENDPOINT = "aws:ec2/vpcEndpoint:VpcEndpoint"
GROUP = "aws:ec2/securityGroup:SecurityGroup"
INGRESS = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
TEMPLATE = "aws:ec2/launchTemplate:LaunchTemplate"
PLACEMENT = "aws:ec2/placementGroup:PlacementGroup"
ROLE = "aws:iam/role:Role"
ROLE_POLICY = "aws:iam/rolePolicy:RolePolicy"
ATTACHMENT = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
KEY = "aws:kms/key:Key"
ALIAS = "aws:kms/alias:Alias"
CLUSTER = "aws:eks/cluster:Cluster"
ENTRY = "aws:eks/accessEntry:AccessEntry"
ACCESS = "aws:eks/accessPolicyAssociation:AccessPolicyAssociation"
ADDON = "aws:eks/addon:Addon"
NODE_GROUP = "aws:eks/nodeGroup:NodeGroup"
POD_IDENTITY = "aws:eks/podIdentityAssociation:PodIdentityAssociation"
BUCKET = "aws:s3/bucket:Bucket"
QUEUE = "aws:sqs/queue:Queue"
LOG_GROUP = "aws:cloudwatch/logGroup:LogGroup"

Json = dict[str, Any]


def trust(service: str, *actions: str) -> str:
    """A trust policy."""
    statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": list(actions or ["sts:AssumeRole"])}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def policy(action: str = "s3:GetObject", resource: str = "*", **more: Any) -> str:
    """A policy of one statement."""
    statement = {"Effect": "Allow", "Action": action, "Resource": resource, **more}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def role(aws: Aws, name: str, service: str, *policies: str, actions: tuple[str, ...] = ()) -> Made:
    """A role with policies of AWS's."""
    made = aws.create(ROLE, name, {"assumeRolePolicy": trust(service, *actions)})
    for each in policies:
        arn = f"arn:aws:iam::aws:policy/{each}"
        aws.create(ATTACHMENT, f"{name}-{each}", {"role": made.id, "policyArn": arn})
    return made


def pod_role(aws: Aws, name: str = "pod") -> Made:
    """A role that pods can have."""
    return role(aws, name, "pods.eks.amazonaws.com", actions=("sts:AssumeRole", "sts:TagSession"))


def vpc(aws: Aws, cidr: str = "10.0.0.0/16") -> Made:
    """A VPC."""
    return aws.create(VPC, "vpc", {"cidrBlock": cidr, "enableDnsHostnames": True})


def subnet(aws: Aws, within: Made, index: int, zone: str) -> Made:
    """A subnet of 10.0.0.0/16."""
    block = f"10.0.{index * 16}.0/20"
    inputs = {"vpcId": within.id, "cidrBlock": block, "availabilityZone": f"us-east-1{zone}"}
    return aws.create(SUBNET, f"subnet-{index}", inputs)


def network(aws: Aws) -> tuple[Made, list[Made]]:
    """A VPC with subnets in two zones and a way out of both."""
    made = vpc(aws)
    gateway = aws.create(GATEWAY, "gateway", {"vpcId": made.id})
    subnets = [subnet(aws, made, index, zone) for index, zone in enumerate("ab")]
    route = {"cidrBlock": "0.0.0.0/0", "gatewayId": gateway.id}
    table = aws.create(TABLE, "table", {"vpcId": made.id, "routes": [route]})
    for index, each in enumerate(subnets):
        aws.create(ASSOCIATION, f"way-{index}", {"routeTableId": table.id, "subnetId": each.id})
    return made, subnets


def cluster_inputs(aws: Aws, subnets: list[Made], **more: Any) -> Json:
    """A cluster's properties, with a role of its own."""
    made = role(aws, "cluster", "eks.amazonaws.com", "AmazonEKSClusterPolicy")
    return {
        "name": "small",
        "roleArn": made["arn"],
        "version": "1.34",
        "bootstrapSelfManagedAddons": False,
        "accessConfig": {"authenticationMode": "API"},
        "vpcConfig": {"subnetIds": [each.id for each in subnets], "endpointPrivateAccess": True},
        **more,
    }


def cluster(aws: Aws, subnets: list[Made], **more: Any) -> Made:
    """A cluster, and the add-ons that nodes need."""
    made = aws.create(CLUSTER, "small", cluster_inputs(aws, subnets, **more))
    for name in ("vpc-cni", "kube-proxy"):
        aws.create(ADDON, name, {"clusterName": "small", "addonName": name})
    return made


def node_inputs(aws: Aws, subnets: list[Made], **more: Any) -> Json:
    """A node group's properties, with a role of its own."""
    policies = ("AmazonEKSWorkerNodePolicy", "AmazonEKS_CNI_Policy", "AmazonEC2ContainerRegistryPullOnly")
    made = role(aws, "node", "ec2.amazonaws.com", *policies)
    found: Mapping[str, Any] = {
        "clusterName": "small",
        "nodeRoleArn": made["arn"],
        "subnetIds": [each.id for each in subnets],
        "instanceTypes": ["m7i.large"],
        "scalingConfig": {"minSize": 1, "maxSize": 3, "desiredSize": 1},
    }
    return {key: value for key, value in {**found, **more}.items() if value is not None}
