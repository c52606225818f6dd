"""What Karpenter's controller may do in AWS.

The policy that its documentation splits by purpose, cut to what is used here: its nodes have an instance profile of
the stack's, so it makes, changes and deletes none. Machines are its own by their tags, with the cluster's name.
https://karpenter.sh/docs/reference/cloudformation/
"""

from typing import Any

import pulumi

from modelyard.cluster.eks.identity import Statement
from modelyard.cluster.eks.zones import ec2_service_of

_TAGGED_KINDS = ("fleet", "instance", "volume", "network-interface", "launch-template", "spot-instances-request")
_USED_KINDS = ("security-group", "subnet", "capacity-reservation", "placement-group")
_READ = (
    "DescribeCapacityReservations",
    "DescribeImages",
    "DescribeInstanceStatus",
    "DescribeInstanceTypeOfferings",
    "DescribeInstanceTypes",
    "DescribeInstances",
    "DescribeLaunchTemplates",
    "DescribePlacementGroups",
    "DescribeSecurityGroups",
    "DescribeSpotPriceHistory",
    "DescribeSubnets",
)


def karpenter_statements(
    *,
    partition: str,
    region: str,
    cluster_name: str,
    cluster_arn: pulumi.Input[str],
    node_role_arn: pulumi.Input[str],
    queue_arn: pulumi.Input[str],
) -> list[Statement]:
    """The statements of the controller's role."""
    return [
        *_machine_statements(f"arn:{partition}:ec2:{region}", cluster_name),
        Statement(
            actions=["iam:PassRole"],
            resources=[node_role_arn],
            conditions={"StringEquals": {"iam:PassedToService": ec2_service_of(partition)}},
        ),
        # In an account that never had a spot instance: https://karpenter.sh/docs/troubleshooting/#missing-service-linked-role
        Statement(
            actions=["iam:CreateServiceLinkedRole"],
            resources=[f"arn:{partition}:iam::*:role/aws-service-role/spot.amazonaws.com/*"],
            conditions={"StringEquals": {"iam:AWSServiceName": "spot.amazonaws.com"}},
        ),
        Statement(actions=["eks:DescribeCluster"], resources=[cluster_arn]),
        Statement(
            actions=["sqs:DeleteMessage", "sqs:GetQueueUrl", "sqs:ReceiveMessage"],
            resources=[queue_arn],
        ),
        Statement(
            actions=[f"ec2:{action}" for action in _READ],
            resources=["*"],
            conditions={"StringEquals": {"aws:RequestedRegion": region}},
        ),
        Statement(actions=["ssm:GetParameter"], resources=[f"arn:{partition}:ssm:{region}::parameter/aws/service/*"]),
        # Neither takes a resource or a region: prices are public, and the list is of names.
        Statement(actions=["pricing:GetProducts", "iam:ListInstanceProfiles"], resources=["*"]),
        Statement(actions=["iam:GetInstanceProfile"], resources=[f"arn:{partition}:iam::*:instance-profile/*"]),
    ]


def _machine_statements(ec2: str, cluster_name: str) -> list[Statement]:
    owner = f"kubernetes.io/cluster/{cluster_name}"
    any_pool = "karpenter.sh/nodepool"
    asked: dict[str, Any] = {
        "StringEquals": {f"aws:RequestTag/{owner}": "owned", "aws:RequestTag/eks:eks-cluster-name": cluster_name},
        "StringLike": {f"aws:RequestTag/{any_pool}": "*"},
    }
    owned: dict[str, Any] = {
        "StringEquals": {f"aws:ResourceTag/{owner}": "owned"},
        "StringLike": {f"aws:ResourceTag/{any_pool}": "*"},
    }
    made = [f"{ec2}:*:{kind}/*" for kind in _TAGGED_KINDS]
    start = ["ec2:RunInstances", "ec2:CreateFleet"]
    creation = {"ec2:CreateAction": ["RunInstances", "CreateFleet", "CreateLaunchTemplate"]}
    retagging = {
        "StringEqualsIfExists": {"aws:RequestTag/eks:eks-cluster-name": cluster_name},
        "ForAllValues:StringEquals": {"aws:TagKeys": ["eks:eks-cluster-name", "karpenter.sh/nodeclaim", "Name"]},
    }
    return [
        Statement(
            actions=start,
            resources=[
                f"{ec2}::image/*",
                f"{ec2}::snapshot/*",
                *(f"{ec2}:*:{kind}/*" for kind in _USED_KINDS),
            ],
        ),
        Statement(actions=start, resources=[f"{ec2}:*:launch-template/*"], conditions=owned),
        Statement(actions=[*start, "ec2:CreateLaunchTemplate"], resources=made, conditions=asked),
        Statement(
            actions=["ec2:CreateTags"],
            resources=made,
            conditions={**asked, "StringEquals": {**asked["StringEquals"], **creation}},
        ),
        Statement(actions=["ec2:CreateTags"], resources=[f"{ec2}:*:instance/*"], conditions={**owned, **retagging}),
        Statement(
            actions=["ec2:TerminateInstances", "ec2:DeleteLaunchTemplate"],
            resources=[f"{ec2}:*:instance/*", f"{ec2}:*:launch-template/*"],
            conditions=owned,
        ),
    ]
