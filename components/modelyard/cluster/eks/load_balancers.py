"""Load balancers for Services and Ingresses: the AWS Load Balancer Controller with the rights that it needs here.

Its policy is the project's own with less in it: nothing for WAF, Shield and Cognito, which stay off, and wherever the
original asks for the tag of any cluster, for this cluster's.
https://github.com/kubernetes-sigs/aws-load-balancer-controller/blob/v3.5.0/docs/install/iam_policy.json
"""

from collections.abc import Mapping, Sequence
from typing import Any

import pulumi
import pulumi_aws as aws
import pulumi_kubernetes as k8s

from modelyard.cluster.chart_host import ChartHost
from modelyard.cluster.eks.account import Account
from modelyard.cluster.eks.identity import Statement, bind, make_pod_role
from modelyard.operators.definition import OperatorDefinition
from modelyard.operators.namespaces import LOAD_BALANCERS
from modelyard.operators.operator import Operator
from modelyard.operators.spec import ChartsSpec
from modelyard.versions import AWS_LOAD_BALANCER_CONTROLLER

LOAD_BALANCER_CLASS = "service.k8s.aws/nlb"
"""What a Service of type LoadBalancer names so that this controller serves it."""
AUTO_MODE_LOAD_BALANCER_CLASS = "eks.amazonaws.com/nlb"
"""Likewise where EKS Auto Mode balances. https://docs.aws.amazon.com/eks/latest/userguide/auto-configure-nlb.html"""
LOAD_BALANCER_ANNOTATIONS: Mapping[str, str] = {"service.beta.kubernetes.io/aws-load-balancer-nlb-target-type": "ip"}
"""What such a Service carries, so that packets go to its pods without a detour over other nodes."""
CLIENT_ADDRESSES_SEEN = False
"""Pods see the load balancer's own addresses: with theirs, clients in the same node as the pod would get no answer.
https://docs.aws.amazon.com/elasticloadbalancing/latest/network/edit-target-group-attributes.html#client-ip-preservation"""
LOAD_BALANCER_SCHEME = "service.beta.kubernetes.io/aws-load-balancer-scheme"
"""The annotation that says who reaches it: `internal` or `internet-facing`.
https://kubernetes-sigs.github.io/aws-load-balancer-controller/latest/guide/service/annotations/"""
_TAG = "elbv2.k8s.aws/cluster"
"""What the controller tags everything with that it makes."""
_SERVICE_ACCOUNT = "aws-load-balancer-controller"

_DEFINITION = OperatorDefinition(
    name=LOAD_BALANCERS,
    chart=AWS_LOAD_BALANCER_CONTROLLER,
    kinds=(),
    pod_security="baseline",
    further_namespaces={},
)


def make_load_balancer_controller(
    account: Account,
    cluster: aws.eks.Cluster,
    provider: k8s.Provider,
    *,
    vpc_id: pulumi.Input[str],
    charts: ChartsSpec | None,
    before: Sequence[pulumi.Resource],
) -> Sequence[pulumi.Resource]:
    """Make the controller.

    What has a load balancer depends on what this returns: on destroy it goes first, while the controller is there to
    delete the load balancer, and only then the nodes and the network that it stands in.

    Args:
        account: where.
        cluster: whose Services and Ingresses it serves.
        provider: of objects on the cluster.
        vpc_id: where load balancers are made.
        charts: where charts come from.
        before: the nodes that it runs on, with names.
    """
    made = make_pod_role(
        account,
        "load-balancers",
        namespace=LOAD_BALANCERS,
        service_account=_SERVICE_ACCOUNT,
        statements=_statements(account, vpc_id),
    )
    bound = bind(
        account, "load-balancers", made, cluster=cluster, namespace=LOAD_BALANCERS, service_account=_SERVICE_ACCOUNT
    )
    controller = Operator(
        f"{account.name}-load-balancers",
        # Pods get credentials only if the role was theirs before they started.
        ChartHost(kubernetes_provider=provider, ready=[*before, bound], control_plane=cluster),
        _DEFINITION,
        values=_values(account, vpc_id),
        charts=charts,
        opts=pulumi.ResourceOptions(parent=account.parent),
    )
    return controller.kinds_ready


def _values(account: Account, vpc_id: pulumi.Input[str]) -> Mapping[str, Any]:
    return {
        "fullnameOverride": _SERVICE_ACCOUNT,
        "serviceAccount": {"name": _SERVICE_ACCOUNT},
        "clusterName": account.cluster_name,
        # Given, as pods do not reach the metadata service of their node.
        "region": account.region,
        "vpcId": vpc_id,
        # Otherwise every update makes a new certificate for its webhooks, and shows a change.
        "keepTLSSecret": True,
        # The chart has none of its own. Of its two replicas one acts and the other answers its webhooks too.
        "resources": {"requests": {"cpu": "100m", "memory": "128Mi"}},
        "podDisruptionBudget": {"maxUnavailable": 1},
        # The webhook would stand in the way of every Service whenever the controller is down.
        "enableServiceMutatorWebhook": False,
        "enableShield": False,
        "enableWaf": False,
        "enableWafv2": False,
    }


def _statements(account: Account, vpc_id: pulumi.Input[str]) -> list[Statement]:
    ec2 = f"arn:{account.partition}:ec2:{account.region}:*"
    elb = f"arn:{account.partition}:elasticloadbalancing:{account.region}:*"
    return [*_look(account), *_security_groups(account, ec2, vpc_id), *_balance(account, elb)]


def _look(account: Account) -> list[Statement]:
    roles = f"arn:{account.partition}:iam::*:role/aws-service-role"
    return [
        Statement(
            actions=["iam:CreateServiceLinkedRole"],
            resources=[f"{roles}/elasticloadbalancing.amazonaws.com/*"],
            conditions={"StringEquals": {"iam:AWSServiceName": "elasticloadbalancing.amazonaws.com"}},
        ),
        Statement(
            # These know no resources.
            actions=[
                *(f"ec2:Describe{each}" for each in _EC2_DESCRIBED),
                "ec2:GetSecurityGroupsForVpc",
                *(f"elasticloadbalancing:Describe{each}" for each in _BALANCING_DESCRIBED),
                "acm:ListCertificates",
            ],
            resources=["*"],
            conditions={"StringEquals": {"aws:RequestedRegion": account.region}},
        ),
        Statement(
            actions=["acm:DescribeCertificate"],
            resources=[f"arn:{account.partition}:acm:{account.region}:*:certificate/*"],
        ),
    ]


_EC2_DESCRIBED = (
    "AccountAttributes", "Addresses", "AvailabilityZones", "InternetGateways", "Vpcs", "VpcPeeringConnections",
    "Subnets", "SecurityGroups", "Instances", "NetworkInterfaces", "Tags", "IpamPools", "RouteTables",
)  # fmt: skip
_BALANCING_DESCRIBED = (
    "LoadBalancers", "LoadBalancerAttributes", "Listeners", "ListenerCertificates", "ListenerAttributes",
    "SSLPolicies", "Rules", "TargetGroups", "TargetGroupAttributes", "TargetHealth", "Tags", "TrustStores",
    "CapacityReservation",
)  # fmt: skip


def _security_groups(account: Account, ec2: str, vpc_id: pulumi.Input[str]) -> list[Statement]:
    groups, made, making = f"{ec2}:security-group/*", _has_tag(account), _gets_tag(account)
    rules = ["ec2:AuthorizeSecurityGroupIngress", "ec2:RevokeSecurityGroupIngress"]
    nodes = {"StringEquals": {f"aws:ResourceTag/kubernetes.io/cluster/{account.cluster_name}": "owned"}}
    created = {"StringEquals": {"ec2:CreateAction": "CreateSecurityGroup", **making["StringEquals"]}}
    return [
        Statement(actions=["ec2:CreateSecurityGroup"], resources=[groups], conditions=making),
        Statement(actions=["ec2:CreateSecurityGroup"], resources=[pulumi.Output.concat(ec2, ":vpc/", vpc_id)]),
        Statement(actions=["ec2:CreateTags"], resources=[groups], conditions=created),
        Statement(
            actions=["ec2:CreateTags", "ec2:DeleteTags"],
            resources=[groups],
            conditions={**made, "Null": {f"aws:RequestTag/{_TAG}": "true"}},
        ),
        Statement(actions=[*rules, "ec2:DeleteSecurityGroup"], resources=[groups], conditions=made),
        # The cluster's own, so that load balancers reach the nodes.
        Statement(actions=rules, resources=[groups], conditions=nodes),
    ]


def _balance(account: Account, elb: str) -> list[Statement]:
    made, making = _has_tag(account), _gets_tag(account)
    balancers = [f"{elb}:loadbalancer/net/*/*", f"{elb}:loadbalancer/app/*/*", f"{elb}:targetgroup/*/*"]
    listeners = [
        f"{elb}:{kind}/{type_}/{'*/' * depth}*"
        for kind, depth in (("listener", 2), ("listener-rule", 3))
        for type_ in ("net", "app")
    ]
    create = ["CreateLoadBalancer", "CreateTargetGroup"]
    created = {"StringEquals": {"elasticloadbalancing:CreateAction": create, **making["StringEquals"]}}
    return [
        Statement(actions=_elb(*create), resources=balancers, conditions=making),
        Statement(actions=_elb("AddTags"), resources=balancers, conditions=created),
        Statement(
            actions=_elb("AddTags", "RemoveTags"),
            resources=balancers,
            conditions={**made, "Null": {f"aws:RequestTag/{_TAG}": "true"}},
        ),
        Statement(
            actions=_elb(
                "ModifyLoadBalancerAttributes", "SetIpAddressType", "SetSecurityGroups", "SetSubnets",
                "DeleteLoadBalancer", "ModifyTargetGroup", "ModifyTargetGroupAttributes", "DeleteTargetGroup",
                "ModifyCapacityReservation", "ModifyIpPools", "RegisterTargets", "DeregisterTargets",
                "CreateListener",
            ),
            resources=balancers,
            conditions=made,
        ),
        Statement(
            # Not by the tag: the controller reads listeners and rules by their load balancer and does not tag all.
            actions=_elb(
                "AddTags", "RemoveTags", "DeleteListener", "ModifyListener", "ModifyListenerAttributes",
                "AddListenerCertificates", "RemoveListenerCertificates", "CreateRule", "DeleteRule", "ModifyRule",
                "SetRulePriorities",
            ),
            resources=listeners,
        ),
    ]  # fmt: skip


def _elb(*actions: str) -> list[str]:
    return [f"elasticloadbalancing:{each}" for each in actions]


def _has_tag(account: Account) -> dict[str, dict[str, Any]]:
    return {"StringEquals": {f"aws:ResourceTag/{_TAG}": account.cluster_name}}


def _gets_tag(account: Account) -> dict[str, dict[str, Any]]:
    return {"StringEquals": {f"aws:RequestTag/{_TAG}": account.cluster_name}}
