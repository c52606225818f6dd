"""The control plane: keys, logs, who reaches it and who may use it."""

import json
from dataclasses import replace

import pytest

from modelyard.cluster.eks.cluster import EksCluster
from tests.support import aws
from tests.support.mocks import Recorded, run
from tests.unit.cluster.eks.clusters import ADMIN, CLUSTER_NAME, KEY, POOLS, SPECS, made
from tests.unit.cluster.registrations import named, names, waits_for


def policies(recorded: Recorded, role: str) -> list[str]:
    attached = (each for each in recorded.of("RolePolicyAttachment") if each.inputs["role"].startswith(f"main-{role}-"))
    return [each.inputs["policyArn"] for each in attached]


def test_by_default_only_the_network_reaches_it() -> None:
    recorded = made("autoscaler")
    endpoint = recorded.one("aws:eks/cluster:Cluster").inputs["vpcConfig"]
    assert endpoint["endpointPrivateAccess"] is True
    assert endpoint["endpointPublicAccess"] is False
    assert "publicAccessCidrs" not in endpoint
    assert not recorded.of("SecurityGroupIngressRule")


def test_named_ranges_reach_it() -> None:
    recorded = made("everything")
    endpoint = recorded.one("aws:eks/cluster:Cluster").inputs["vpcConfig"]
    assert (endpoint["endpointPrivateAccess"], endpoint["endpointPublicAccess"]) == (True, True)
    assert endpoint["publicAccessCidrs"] == ["203.0.113.0/24"]
    rule = named(recorded, "SecurityGroupIngressRule", "main-api-10.8.0.0/16").inputs
    assert (rule["cidrIpv4"], rule["fromPort"], rule["toPort"], rule["ipProtocol"]) == ("10.8.0.0/16", 443, 443, "tcp")
    assert rule["securityGroupId"] == aws.SECURITY_GROUP_ID


@pytest.mark.parametrize("variant", SPECS)
def test_no_security_group_lets_everybody_in(variant: str) -> None:
    rules = made(variant).of("SecurityGroupIngressRule")
    assert all(rule.inputs.get("cidrIpv4") != "0.0.0.0/0" for rule in rules)
    assert all("ingress" not in group.inputs for group in made(variant).of("SecurityGroup"))


def test_access_is_by_entries_alone() -> None:
    cluster = made("everything").one("aws:eks/cluster:Cluster").inputs
    assert cluster["accessConfig"] == {"authenticationMode": "API", "bootstrapClusterCreatorAdminPermissions": True}
    entry = made("everything").one("AccessEntry").inputs
    assert (entry["principalArn"], entry["type"]) == (ADMIN, "STANDARD")
    association = made("everything").one("AccessPolicyAssociation")
    assert association.inputs["policyArn"] == "arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy"
    assert "AccessEntry admin-role-platform-admin" in waits_for(made("everything"), association)


def test_admins_of_the_same_name_are_told_apart() -> None:
    """Roles of two accounts, and a path that reads like a name."""
    admins = [ADMIN, ADMIN.replace("111122223333", "444455556666"), ADMIN.replace("platform/", "platform-")]
    recorded = run(lambda: EksCluster("main", replace(SPECS["autoscaler"], admins=admins), POOLS))
    entries = {each.name: each.inputs["principalArn"] for each in recorded.of("AccessEntry")}
    assert set(entries.values()) == set(admins)
    assert entries["main-admin-role-platform-admin"] == ADMIN
    assert {each.name for each in recorded.of("AccessPolicyAssociation")} == set(entries)


def test_nodes_outside_of_managed_groups_get_in_by_an_entry() -> None:
    assert not made("autoscaler").of("AccessEntry"), "EKS makes that of managed groups itself"
    assert made("karpenter").one("AccessEntry").inputs["type"] == "EC2_LINUX"
    assert made("auto_mode").one("AccessEntry").inputs["type"] == "EC2"
    (policy,) = (each.inputs["policyArn"] for each in made("auto_mode").of("AccessPolicyAssociation"))
    assert policy.endswith("/AmazonEKSAutoNodePolicy")


def test_secrets_are_encrypted_with_a_key_of_the_stack() -> None:
    recorded = made("autoscaler")
    key = recorded.one("Key")
    assert key.inputs["enableKeyRotation"] is True
    assert recorded.one("Alias").inputs["name"] == f"alias/eks/{CLUSTER_NAME}"
    encryption = recorded.one("aws:eks/cluster:Cluster").inputs["encryptionConfig"]
    assert encryption == {"provider": {"keyArn": "arn:aws:kms:::main-secrets"}, "resources": ["secrets"]}


def test_secrets_are_encrypted_with_the_users_key() -> None:
    recorded = made("everything")
    assert not recorded.of("Key")
    assert recorded.one("aws:eks/cluster:Cluster").inputs["encryptionConfig"]["provider"] == {"keyArn": KEY}


def test_all_logs_go_to_a_group_that_ends_what_it_keeps() -> None:
    recorded = made("everything")
    group = named(recorded, "LogGroup", "main-control-plane")
    assert (group.inputs["name"], group.inputs["retentionInDays"]) == ("/aws/eks/prod/cluster", 365)
    cluster = recorded.one("aws:eks/cluster:Cluster")
    assert set(cluster.inputs["enabledClusterLogTypes"]) == {
        "api", "audit", "authenticator", "controllerManager", "scheduler"
    }  # fmt: skip
    assert "LogGroup control-plane" in waits_for(recorded, cluster), "EKS would make it without an end"


def test_what_stays_and_what_ages() -> None:
    plain, all_set = (made(variant).one("aws:eks/cluster:Cluster").inputs for variant in ("autoscaler", "everything"))
    assert (plain["upgradePolicy"], all_set["upgradePolicy"]) == (
        {"supportType": "STANDARD"}, {"supportType": "EXTENDED"}
    )  # fmt: skip
    assert (plain["deletionProtection"], all_set["deletionProtection"]) == (False, True)
    assert (plain["version"], all_set["version"]) == ("1.35", "1.34")
    assert plain["kubernetesNetworkConfig"] == {"ipFamily": "ipv4", "serviceIpv4Cidr": "172.20.0.0/16"}
    assert plain["bootstrapSelfManagedAddons"] is False


def test_auto_mode_sets_its_three_flags_and_its_role() -> None:
    recorded = made("auto_mode")
    cluster = recorded.one("aws:eks/cluster:Cluster").inputs
    assert cluster["computeConfig"] == {"enabled": True}
    assert cluster["storageConfig"] == {"blockStorage": {"enabled": True}}
    assert cluster["kubernetesNetworkConfig"]["elasticLoadBalancing"] == {"enabled": True}
    assert cluster["bootstrapSelfManagedAddons"] is False
    assert [each.rpartition("/")[2] for each in policies(recorded, "control-plane")] == [
        "AmazonEKSClusterPolicy", "AmazonEKSComputePolicy", "AmazonEKSBlockStoragePolicy",
        "AmazonEKSLoadBalancingPolicy", "AmazonEKSNetworkingPolicy",
    ]  # fmt: skip
    trust = json.loads(named(recorded, "iam/role:Role", "main-control-plane").inputs["assumeRolePolicy"])
    assert trust["Statement"][0]["Action"] == ["sts:AssumeRole", "sts:TagSession"]


def test_without_auto_mode_its_flags_are_not_set() -> None:
    cluster = made("autoscaler").one("aws:eks/cluster:Cluster").inputs
    assert not {"computeConfig", "storageConfig"} & cluster.keys()
    assert policies(made("autoscaler"), "control-plane") == ["arn:aws:iam::aws:policy/AmazonEKSClusterPolicy"]


def test_nodes_may_join_and_pull_and_nothing_else() -> None:
    assert [each.rpartition("/")[2] for each in policies(made("autoscaler"), "nodes")] == [
        "AmazonEKSWorkerNodePolicy", "AmazonEC2ContainerRegistryPullOnly"
    ]  # fmt: skip
    assert [each.rpartition("/")[2] for each in policies(made("auto_mode"), "nodes")] == [
        "AmazonEKSWorkerNodeMinimalPolicy", "AmazonEC2ContainerRegistryPullOnly"
    ]  # fmt: skip


@pytest.mark.parametrize("variant", SPECS)
def test_roles_keep_their_policies_until_the_cluster_is_gone(variant: str) -> None:
    recorded = made(variant)
    before = waits_for(recorded, recorded.one("aws:eks/cluster:Cluster"))
    assert "RolePolicyAttachment control-plane-AmazonEKSClusterPolicy" in before


def test_other_parts_of_aws_have_their_own_arns() -> None:
    recorded = made("china")
    assert all(
        each.inputs["policyArn"].startswith("arn:aws-cn:iam::aws:") for each in recorded.of("RolePolicyAttachment")
    )
    text = json.dumps([each.inputs["policy"] for each in recorded.of("RolePolicy")])
    assert "arn:aws-cn:" in text
    assert "arn:aws:e" not in text.replace("arn:aws:eks:::", "")
    assert names(recorded, "NatGateway") == [f"nat-cn-north-1{letter}" for letter in "abd"]


def test_preview_works_before_anything_exists() -> None:
    recorded = run(lambda: EksCluster("main", SPECS["everything"], POOLS), preview=True)
    expected = {each.urn for each in made("everything").registrations}
    assert {each.urn for each in recorded.registrations} == expected
