"""Clusters and what stands in them: what EKS refuses, and what comes and goes with them."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.tools.aws import things
from tests.tools.aws.account import Aws, Made
from tests.tools.aws.things import ACCESS, ADDON, ATTACHMENT, CLUSTER, ENTRY, LOG_GROUP, NODE_GROUP, POD_IDENTITY
from tools.offline.aws.get_token import access_problem
from tools.offline.aws.ids import CALLER
from tools.offline.common.errors import PartialError, ProviderError

Json = dict[str, Any]

_ADMIN = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy"


@pytest.fixture
def subnets(aws: Aws) -> list[Made]:
    """Subnets of two zones with a way out."""
    return things.network(aws)[1]


def test_a_cluster_tells_what_others_need(aws: Aws, subnets: list[Made]) -> None:
    made = aws.create(CLUSTER, "small", things.cluster_inputs(aws, subnets))
    assert made["status"] == "ACTIVE"
    assert made["endpoint"].startswith("https://")
    assert made["certificateAuthority"]["data"]
    assert made["vpcConfig"]["clusterSecurityGroupId"].startswith("sg-")
    assert made["vpcConfig"]["vpcId"] == subnets[0]["vpcId"]
    again = aws.read(made)
    assert again is not None
    assert again["endpoint"] == made["endpoint"]


def _one_zone(inputs: Json, aws: Aws, subnets: list[Made]) -> None:
    inputs["vpcConfig"]["subnetIds"] = [subnets[0].id]


def _two_networks(inputs: Json, aws: Aws, subnets: list[Made]) -> None:
    inputs["vpcConfig"]["subnetIds"] = [subnets[0].id, things.subnet(aws, things.vpc(aws), 1, "b").id]


def _wrong_trust(inputs: Json, aws: Aws, subnets: list[Made]) -> None:
    inputs["roleArn"] = things.role(aws, "wrong", "ec2.amazonaws.com", "AmazonEKSClusterPolicy")["arn"]


def _no_policy(inputs: Json, aws: Aws, subnets: list[Made]) -> None:
    inputs["roleArn"] = things.role(aws, "bare", "eks.amazonaws.com")["arn"]


def _no_role(inputs: Json, aws: Aws, subnets: list[Made]) -> None:
    inputs["roleArn"] = "arn:aws:iam::123456789012:role/none"


def _no_key(inputs: Json, aws: Aws, subnets: list[Made]) -> None:
    key = "arn:aws:kms:us-east-1:123456789012:key/none"
    inputs["encryptionConfig"] = {"provider": {"keyArn": key}, "resources": ["secrets"]}


def _overlap(inputs: Json, aws: Aws, subnets: list[Made]) -> None:
    inputs["kubernetesNetworkConfig"] = {"serviceIpv4Cidr": "10.0.0.0/20"}


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (_one_zone, "Subnets specified must be in at least two different AZs"),
        (_two_networks, "Subnets specified must belong to the same VPC"),
        (_wrong_trust, "could not be assumed because it does not exist or the trusted entity is not correct"),
        (_no_policy, r"ensure the following policies \['arn:aws:iam::aws:policy/AmazonEKSClusterPolicy'\]"),
        (_no_role, "NoSuchEntity"),
        (_no_key, "NotFoundException"),
        (_overlap, "serviceIpv4Cidr 10.0.0.0/20 overlaps"),
    ],
)
def test_a_cluster_needs_its_surroundings(
    aws: Aws, subnets: list[Made], spoil: Callable[[Json, Aws, list[Made]], None], message: str
) -> None:
    inputs = things.cluster_inputs(aws, subnets)
    spoilt = json.loads(json.dumps(inputs))
    spoil(spoilt, aws, subnets)
    with pytest.raises(ProviderError, match=message):
        aws.create(CLUSTER, "small", spoilt)
    aws.create(CLUSTER, "small", inputs)


def test_auto_mode_needs_more_of_its_role(aws: Aws, subnets: list[Made]) -> None:
    auto = {
        "computeConfig": {"enabled": True},
        "kubernetesNetworkConfig": {"elasticLoadBalancing": {"enabled": True}},
        "storageConfig": {"blockStorage": {"enabled": True}},
    }
    inputs = things.cluster_inputs(aws, subnets, **auto)
    with pytest.raises(ProviderError, match=r"eks\.amazonaws\.com needs sts:AssumeRole and sts:TagSession"):
        aws.create(CLUSTER, "small", inputs)
    policies = ["Cluster", "Compute", "BlockStorage", "LoadBalancing", "Networking"]
    names = [f"AmazonEKS{each}Policy" for each in policies]
    role = things.role(aws, "auto", "eks.amazonaws.com", *names, actions=("sts:AssumeRole", "sts:TagSession"))
    aws.create(CLUSTER, "small", {**inputs, "roleArn": role["arn"]})


def test_kubernetes_goes_up_one_minor_version_at_a_time_in_place(aws: Aws, subnets: list[Made]) -> None:
    made = aws.create(CLUSTER, "small", things.cluster_inputs(aws, subnets))
    assert aws.diff(made, {**made.given, "version": "1.35"})[:2] == (["version"], [])
    for version in ("1.36", "1.33"):
        with pytest.raises(ProviderError, match=f"Unsupported Kubernetes minor version update from 1.34 to {version}"):
            aws.update(made, {**made.given, "version": version})
    assert aws.update(made, {**made.given, "version": "1.35"})["version"] == "1.35"


def test_what_of_a_cluster_cannot_change_replaces_it(aws: Aws, subnets: list[Made]) -> None:
    made = aws.create(CLUSTER, "small", things.cluster_inputs(aws, subnets))
    other = things.role(aws, "other", "eks.amazonaws.com", "AmazonEKSClusterPolicy")
    assert aws.diff(made, {**made.given, "roleArn": other["arn"]}) == (["roleArn"], ["roleArn"], True)
    key = {"provider": {"keyArn": "arn:k"}, "resources": ["secrets"]}
    assert aws.diff(made, {**made.given, "encryptionConfig": key})[1] == [], "encryption can be added"
    without = {"subnetIds": made.inputs["vpcConfig"]["subnetIds"]}
    assert aws.diff(made, {**made.given, "vpcConfig": without})[1] == []


def test_a_cluster_goes_after_its_node_groups_and_only_unprotected(aws: Aws, subnets: list[Made]) -> None:
    cluster = things.cluster(aws, subnets, deletionProtection=True)
    group = aws.create(NODE_GROUP, "group", things.node_inputs(aws, subnets))
    with pytest.raises(ProviderError, match="has deletion protection enabled"):
        aws.delete(cluster)
    free = aws.update(cluster, {**cluster.given, "deletionProtection": False})
    with pytest.raises(ProviderError, match="ResourceInUseException: Cluster has nodegroups attached"):
        aws.delete(free)
    with pytest.raises(ProviderError, match="DependencyViolation: The subnet"):
        aws.delete(subnets[0])
    aws.delete(group)
    aws.delete(free)
    assert not [each for each in aws.world.left() if "small" in each], "what EKS made goes with the cluster"


def test_a_log_group_that_nobody_made_is_made_by_eks(aws: Aws, subnets: list[Made]) -> None:
    inputs = things.cluster_inputs(aws, subnets, enabledClusterLogTypes=["api"])
    made = aws.create(CLUSTER, "small", inputs)
    with pytest.raises(ProviderError, match="ResourceAlreadyExistsException"):
        aws.create(LOG_GROUP, "logs", {"name": "/aws/eks/small/cluster"})
    aws.delete(made)
    assert "LogGroup /aws/eks/small/cluster" in aws.world.left()


def test_a_log_group_that_goes_too_early_comes_back(aws: Aws, subnets: list[Made]) -> None:
    logs = aws.create(LOG_GROUP, "logs", {"name": "/aws/eks/small/cluster"})
    made = aws.create(CLUSTER, "small", things.cluster_inputs(aws, subnets, enabledClusterLogTypes=["api"]))
    aws.delete(logs)
    aws.delete(made)
    assert "LogGroup /aws/eks/small/cluster" in aws.world.left()


def test_whoever_made_a_cluster_gets_in_unless_it_says_otherwise(aws: Aws, subnets: list[Made]) -> None:
    closed = {"authenticationMode": "API", "bootstrapClusterCreatorAdminPermissions": False}
    aws.create(CLUSTER, "small", things.cluster_inputs(aws, subnets, accessConfig=closed))
    look = aws.world.world.look
    assert "has no access entry with a policy" in access_problem(look(), "small")
    aws.create(ENTRY, "entry", {"clusterName": "small", "principalArn": CALLER})
    assert access_problem(look(), "small")
    access = {"clusterName": "small", "principalArn": CALLER, "policyArn": _ADMIN, "accessScope": {"type": "cluster"}}
    aws.create(ACCESS, "access", access)
    assert access_problem(look(), "small") == ""
    assert "No cluster found" in access_problem(look(), "other")


def test_an_access_entry_is_of_a_principal_that_exists(aws: Aws, subnets: list[Made]) -> None:
    aws.create(CLUSTER, "small", things.cluster_inputs(aws, subnets))
    entry = {"clusterName": "small", "principalArn": "arn:aws:iam::123456789012:role/team"}
    with pytest.raises(ProviderError, match="The specified principalArn is invalid: invalid principal"):
        aws.create(ENTRY, "entry", entry)
    aws.world.add_role("team")
    with pytest.raises(ProviderError, match="it cannot start with system:"):
        aws.create(ENTRY, "entry", {**entry, "kubernetesGroups": ["system:masters"]})
    aws.create(ENTRY, "entry", {**entry, "kubernetesGroups": ["team"]})


def test_access_needs_an_entry(aws: Aws, subnets: list[Made]) -> None:
    aws.create(CLUSTER, "small", things.cluster_inputs(aws, subnets))
    arn = aws.world.add_role("team")
    access = {"clusterName": "small", "principalArn": arn, "policyArn": _ADMIN, "accessScope": {"type": "cluster"}}
    with pytest.raises(ProviderError, match="has no access entry"):
        aws.create(ACCESS, "access", access)
    aws.create(ENTRY, "entry", {"clusterName": "small", "principalArn": arn})
    aws.create(ACCESS, "access", access)


def test_entries_are_for_clusters_that_know_them(aws: Aws, subnets: list[Made]) -> None:
    aws.create(CLUSTER, "small", things.cluster_inputs(aws, subnets, accessConfig={"authenticationMode": "CONFIG_MAP"}))
    with pytest.raises(ProviderError, match="authentication mode must be set to one of"):
        aws.create(ENTRY, "entry", {"clusterName": "small", "principalArn": aws.world.add_role("team")})


def test_an_addon_with_a_deployment_needs_nodes(aws: Aws, subnets: list[Made]) -> None:
    things.cluster(aws, subnets)
    dns = {"clusterName": "small", "addonName": "coredns"}
    with pytest.raises(PartialError, match="InsufficientNumberOfReplicas"):
        aws.create(ADDON, "dns", dns)
    aws.create(NODE_GROUP, "group", things.node_inputs(aws, subnets))
    aws.create(ADDON, "metrics", {**dns, "addonName": "metrics-server"})


def test_pod_identity_needs_a_role_that_pods_can_have(aws: Aws, subnets: list[Made]) -> None:
    things.cluster(aws, subnets)
    wrong = things.role(aws, "wrong", "pods.eks.amazonaws.com")
    inputs = {"clusterName": "small", "namespace": "team", "serviceAccount": "app", "roleArn": wrong["arn"]}
    with pytest.raises(
        ProviderError, match=r"does not let pods\.eks\.amazonaws\.com do sts:AssumeRole and sts:TagSession"
    ):
        aws.create(POD_IDENTITY, "app", inputs)
    right = {**inputs, "roleArn": things.pod_role(aws)["arn"]}
    aws.create(POD_IDENTITY, "app", right)
    with pytest.raises(ProviderError, match="ResourceInUseException"):
        aws.create(POD_IDENTITY, "again", right)
    addon = {"clusterName": "small", "addonName": "eks-pod-identity-agent"}
    association = {"serviceAccount": "x", "roleArn": wrong["arn"]}
    with pytest.raises(ProviderError, match="does not let pods"):
        aws.create(ADDON, "agent", {**addon, "podIdentityAssociations": [association]})


def test_everything_in_a_cluster_needs_the_cluster(aws: Aws) -> None:
    with pytest.raises(ProviderError, match="ResourceNotFoundException: No cluster found for name: small"):
        aws.create(ADDON, "cni", {"clusterName": "small", "addonName": "vpc-cni"})


def test_a_role_in_use_by_a_cluster_may_lose_its_policies(aws: Aws, subnets: list[Made]) -> None:
    """IAM does not know who uses a role: only its policies keep it."""
    made = aws.create(CLUSTER, "small", things.cluster_inputs(aws, subnets))
    [attachment] = [each for each in aws.world.resources("RolePolicyAttachment") if "AmazonEKSCluster" in each.id]
    state = Made(urn=f"urn:pulumi:test::proj::{ATTACHMENT}::a", id=attachment.id, inputs={}, state={})
    aws.delete(state)
    assert aws.read(made) is not None
