"""Rights: nobody has more than it needs, on any kind of cluster on EKS."""

import json
from typing import Any

import pytest

from tests.unit.cluster.eks.clusters import SPECS, listed, made, statements
from tests.unit.cluster.registrations import named

# Actions that AWS gives no resources to choose from:
# https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
_WITHOUT_RESOURCES = (
    "autoscaling:Describe", "ec2:Describe", "ec2:GetInstanceTypesFromInstanceRequirements", "eks:DescribeNodegroup",
    "pricing:GetProducts", "iam:ListInstanceProfiles",
)  # fmt: skip


def allowed(variant: str) -> list[tuple[str, dict[str, Any]]]:
    return [(name, each) for name, each in statements(made(variant)) if each["Effect"] == "Allow"]


@pytest.mark.parametrize("variant", SPECS)
def test_no_action_is_a_star(variant: str) -> None:
    for name, statement in allowed(variant):
        assert not any("*" in action for action in listed(statement["Action"])), (name, statement)


@pytest.mark.parametrize("variant", SPECS)
def test_all_resources_only_under_a_condition_or_where_there_are_none(variant: str) -> None:
    for name, statement in allowed(variant):
        if listed(statement.get("Resource", [])) == ["*"] and not statement.get("Condition"):
            assert all(action.startswith(_WITHOUT_RESOURCES) for action in listed(statement["Action"])), (
                name,
                statement,
            )


@pytest.mark.parametrize("variant", SPECS)
def test_policies_fit_a_role(variant: str) -> None:
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html"""
    for policy in made(variant).of("RolePolicy"):
        assert len("".join(policy.inputs["policy"].split())) <= 10_240
    for role in made(variant).of("iam/role:Role"):
        assert len(role.inputs["assumeRolePolicy"]) <= 2_048


@pytest.mark.parametrize("variant", SPECS)
def test_every_role_is_for_one_service_or_one_service_account(variant: str) -> None:
    for role in made(variant).of("iam/role:Role"):
        (statement,) = json.loads(role.inputs["assumeRolePolicy"])["Statement"]
        service = statement["Principal"]["Service"]
        assert service in {
            "eks.amazonaws.com",
            "ec2.amazonaws.com.cn" if variant == "china" else "ec2.amazonaws.com",
            "pods.eks.amazonaws.com",
            "vpc-flow-logs.amazonaws.com",
        }
        if service == "pods.eks.amazonaws.com":
            assert statement["Condition"]["StringEquals"].keys() == {
                "aws:RequestTag/eks-cluster-name",
                "aws:RequestTag/kubernetes-namespace",
                "aws:RequestTag/kubernetes-service-account",
            }


def test_a_role_is_bound_to_its_pods_on_its_cluster() -> None:
    trust = json.loads(named(made("everything"), "iam/role:Role", "main-vpc-cni").inputs["assumeRolePolicy"])
    assert trust["Statement"][0]["Condition"]["StringEquals"] == {
        "aws:RequestTag/eks-cluster-name": "prod",
        "aws:RequestTag/kubernetes-namespace": "kube-system",
        "aws:RequestTag/kubernetes-service-account": "aws-node",
    }


def test_a_binding_is_replaced_with_the_cluster() -> None:
    """By its name as an output: AWS forgets the bindings of a cluster that is gone."""
    recorded = made("karpenter")
    cluster = recorded.one("aws:eks/cluster:Cluster").urn
    for each in recorded.of("PodIdentityAssociation"):
        assert cluster in each.depends_on, each.name


@pytest.mark.parametrize("variant", SPECS)
def test_no_role_is_made_that_nobody_takes(variant: str) -> None:
    recorded = made(variant)
    used = json.dumps(
        [each.inputs for each in recorded.registrations if not each.type.startswith("aws:iam/rolePolicy")]
    )
    for role in recorded.of("iam/role:Role"):
        assert f"arn:aws:iam:::{role.name}" in used or f"{role.name}-0a1b2c3" in used, role.name


@pytest.mark.parametrize("variant", SPECS)
def test_names_of_roles_leave_room_for_the_random_end(variant: str) -> None:
    longest = max(len(role.name.removeprefix("main")) for role in made(variant).of("iam/role:Role"))
    assert longest <= 64 - 8 - 36
