"""Add-ons: which, at which version, with which rights, and what waits for what."""

import json

import pytest

from modelyard.versions import EKS
from tests.unit.cluster.eks.clusters import SPECS, made
from tests.unit.cluster.registrations import named, names, waits_for

BEFORE_NODES = {"vpc-cni", "kube-proxy", "eks-pod-identity-agent"}
AFTER_NODES = {"coredns", "aws-ebs-csi-driver", "metrics-server", "eks-node-monitoring-agent"}
ADDONS = {
    "autoscaler": BEFORE_NODES | AFTER_NODES,
    "karpenter": BEFORE_NODES | AFTER_NODES,
    "auto_mode": {"metrics-server"},
    "everything": BEFORE_NODES | AFTER_NODES | {"aws-efs-csi-driver"},
    "auto_shared": {"metrics-server", "aws-efs-csi-driver"},
}


@pytest.mark.parametrize("variant", ADDONS)
def test_each_provisioner_has_the_addons_that_its_nodes_lack(variant: str) -> None:
    assert set(names(made(variant), "Addon")) == ADDONS[variant]


@pytest.mark.parametrize("variant", SPECS)
def test_versions_are_those_of_the_clusters_minor(variant: str) -> None:
    pinned = EKS[SPECS[variant].kubernetes_version]
    for addon in made(variant).of("Addon"):
        assert addon.inputs["addonVersion"] == pinned[addon.inputs["addonName"]]


def test_network_policies_are_enforced() -> None:
    assert json.loads(named(made("autoscaler"), "Addon", "main-vpc-cni").inputs["configurationValues"]) == {
        "enableNetworkPolicy": "true"
    }
    switch = made("auto_mode").one("ConfigMap").inputs
    assert switch["metadata"]["namespace"] == "kube-system"
    assert switch["data"] == {"enable-network-policy-controller": "true"}
    assert not made("autoscaler").of("ConfigMap")
    for node_class in made("auto_mode").of("NodeClass"):
        assert node_class.inputs["spec"]["networkPolicy"] == "DefaultAllow"
        assert "ConfigMap network-policy" in waits_for(made("auto_mode"), node_class)


@pytest.mark.parametrize(
    ("addon", "service_account", "policy"),
    [
        ("vpc-cni", "aws-node", "AmazonEKS_CNI_Policy"),
        ("aws-ebs-csi-driver", "ebs-csi-controller-sa", "service-role/AmazonEBSCSIDriverPolicy"),
        ("aws-efs-csi-driver", "efs-csi-controller-sa", "service-role/AmazonEFSCSIDriverPolicy"),
    ],
)
def test_what_calls_aws_has_a_role_of_its_own(addon: str, service_account: str, policy: str) -> None:
    recorded = made("everything")
    made_addon = named(recorded, "Addon", f"main-{addon}")
    (association,) = made_addon.inputs["podIdentityAssociations"]
    assert association == {"roleArn": f"arn:aws:iam:::main-{addon}", "serviceAccount": service_account}
    (attached,) = (each for each in recorded.of("RolePolicyAttachment") if each.name.startswith(f"main-{addon}-"))
    assert attached.inputs["policyArn"] == f"arn:aws:iam::aws:policy/{policy}"
    assert f"RolePolicyAttachment {addon}-{policy.rpartition('/')[2]}" in waits_for(recorded, made_addon)


def test_what_reads_the_health_of_gpus_comes_to_nodes_with_taints() -> None:
    found = named(made("autoscaler"), "Addon", "main-eks-node-monitoring-agent").inputs["configurationValues"]
    assert json.loads(found) == {"dcgmAgent": {"tolerations": [{"operator": "Exists"}]}}


@pytest.mark.parametrize(
    "addon", ["coredns", "kube-proxy", "eks-pod-identity-agent", "metrics-server", "eks-node-monitoring-agent"]
)
def test_what_calls_nobody_has_none(addon: str) -> None:
    assert "podIdentityAssociations" not in named(made("everything"), "Addon", f"main-{addon}").inputs


@pytest.mark.parametrize("addon", sorted(BEFORE_NODES))
def test_nodes_wait_for_what_they_need_and_it_not_for_them(addon: str) -> None:
    recorded = made("autoscaler")
    assert f"Addon {addon}" in waits_for(recorded, named(recorded, "NodeGroup", "main-system"))
    before = waits_for(recorded, named(recorded, "Addon", f"main-{addon}"))
    assert "Cluster cluster" in before
    assert not any(each.startswith(("NodeGroup", "Addon", "NatGateway")) for each in before)


@pytest.mark.parametrize("addon", sorted(AFTER_NODES))
def test_pods_wait_for_system_nodes_and_for_no_others(addon: str) -> None:
    recorded = made("autoscaler")
    before = waits_for(recorded, named(recorded, "Addon", f"main-{addon}"))
    assert "NodeGroup system" in before
    assert "NodeGroup l4" not in before
    assert not any(each == f"Addon {other}" for other in AFTER_NODES for each in before)


def test_an_upgrade_goes_from_the_control_plane_to_addons_to_pools() -> None:
    """All three are inputs of resources that wait for one another, so that an update in place keeps the order."""
    recorded = made("autoscaler")
    assert "Cluster cluster" in waits_for(recorded, named(recorded, "Addon", "main-kube-proxy"))
    assert "Addon kube-proxy" in waits_for(recorded, named(recorded, "NodeGroup", "main-system"))
    assert named(recorded, "NodeGroup", "main-system").inputs["version"] == "1.35"
