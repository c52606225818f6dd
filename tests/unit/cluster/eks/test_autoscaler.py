import json

from modelyard.cluster.eks.autoscaler import autoscaler_statements, autoscaler_values
from modelyard.versions import CLUSTER_AUTOSCALER_RELEASES, EKS
from tests.support.mocks import Recorded
from tests.unit.cluster.eks.foundations import H100_RDMA, L4_SPOT, SYSTEM, pools_made
from tests.unit.cluster.registrations import named


def recorded() -> Recorded:
    return pools_made({"system": SYSTEM, "l4": L4_SPOT, "h100": H100_RDMA})


def test_every_version_of_kubernetes_has_its_release() -> None:
    assert set(CLUSTER_AUTOSCALER_RELEASES) == set(EKS)
    assert all(release.startswith(f"v{version}.") for version, release in CLUSTER_AUTOSCALER_RELEASES.items())


def test_it_finds_the_groups_of_this_cluster_at_its_own_version() -> None:
    release = recorded().one("Release").inputs
    assert (release["name"], release["namespace"], release["chart"]) == ("cluster-autoscaler",) * 3
    assert release["values"]["autoDiscovery"] == {"clusterName": "prod"}
    assert release["values"]["awsRegion"] == "us-east-1"
    assert release["values"]["image"]["tag"] == CLUSTER_AUTOSCALER_RELEASES["1.35"]


def test_its_namespace_is_restricted_and_its_pods_keep_that() -> None:
    made = recorded()
    (namespace,) = made.of("Namespace")
    assert namespace.inputs["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    values = made.one("Release").inputs["values"]
    assert values["securityContext"]["runAsNonRoot"] is True
    assert values["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert values["containerSecurityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert values["containerSecurityContext"]["allowPrivilegeEscalation"] is False


def test_pods_with_scratch_volumes_do_not_hold_a_node() -> None:
    arguments = autoscaler_values(cluster_name="prod", region="us-east-1", release="v1")["extraArgs"]
    assert isinstance(arguments, dict)
    assert arguments["skip-nodes-with-local-storage"] == "false"
    assert arguments["skip-nodes-with-system-pods"] == "false"


def test_it_starts_with_its_role_on_the_system_pool_without_waiting_for_others() -> None:
    made = recorded()
    release = made.one("Release")
    association = made.one("PodIdentityAssociation")
    assert association.urn in release.depends_on
    assert named(made, "NodeGroup", "main-system").urn in release.depends_on
    assert named(made, "NodeGroup", "main-l4").urn not in release.depends_on
    assert association.inputs["serviceAccount"] == release.inputs["values"]["rbac"]["serviceAccount"]["name"]
    assert association.inputs["namespace"] == release.inputs["namespace"]


def test_it_changes_groups_of_this_cluster_only() -> None:
    reading, changing = autoscaler_statements("prod")
    assert all(action.split(":")[1].startswith(("Describe", "Get")) for action in reading.actions)
    assert set(changing.actions) == {
        "autoscaling:SetDesiredCapacity",
        "autoscaling:TerminateInstanceInAutoScalingGroup",
    }
    assert changing.conditions == {
        "StringEquals": {"aws:ResourceTag/k8s.io/cluster-autoscaler/prod": "owned"},
    }


def test_its_policy_is_what_the_role_has() -> None:
    made = recorded()
    policy = json.loads(made.one("RolePolicy").inputs["policy"])
    assert [each["Action"] for each in policy["Statement"]] == [
        list(each.actions) for each in autoscaler_statements("prod")
    ]
