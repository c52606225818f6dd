"""The cluster as everything above sees it, and the order in which its parts come and go."""

import json
from dataclasses import replace
from typing import Any

import pytest

from modelyard.cluster.base import Cluster
from modelyard.cluster.eks.cluster import EksCluster
from modelyard.cluster.eks.spec import EksApiEndpointSpec, EksEncryptionSpec, EksSpec, EksVpcSpec
from modelyard.cluster.spec import PoolSpec
from modelyard.operators.spec import ChartsSpec
from tests.support.mocks import PROJECT, STACK, Recorded, refused, run
from tests.unit.cluster.eks.clusters import ACCOUNT, CLUSTER_NAME, KEY, POOLS, REGION, SPECS, listed, made, statements
from tests.unit.cluster.registrations import before_ready, named, secret_kubeconfig, strays, waits_for

TYPE = "modelyard:cluster:EksCluster"
CONTROLLER = "main-load-balancers"


def make(variant: str = "autoscaler", **settings: Any) -> tuple[Cluster, Recorded]:
    clusters: list[Cluster] = []
    recorded = run(lambda: clusters.append(EksCluster("main", SPECS[variant], POOLS, **settings)))
    return clusters[0], recorded


def why(spec: EksSpec, pools: dict[str, PoolSpec], name: str = "main") -> list[str]:
    error = refused(lambda: EksCluster(name, spec, pools), TYPE)
    return [str(problem) for problem in error.problems]


def test_traits_are_known_before_anything_is_made() -> None:
    plain, shared, auto = (make(variant)[0].traits for variant in ("autoscaler", "everything", "auto_mode"))
    assert (plain.storage_class, plain.shared_storage_class) == ("gp3", None)
    assert shared.shared_storage_class == "efs"
    assert plain.load_balancer_class == "service.k8s.aws/nlb"
    assert auto.load_balancer_class == "eks.amazonaws.com/nlb"
    scheme = "service.beta.kubernetes.io/aws-load-balancer-scheme"
    assert plain.load_balancer_annotations[scheme] == "internal"
    assert plain.public_load_balancer_annotations == {**plain.load_balancer_annotations, scheme: "internet-facing"}
    assert plain.network_policy_enforced
    assert plain.metrics_api_available
    assert plain.charts_installed
    assert plain.load_balancer_available
    assert not plain.client_addresses_seen
    assert not plain.unsupported


def test_name_is_the_projects_and_the_components_unless_it_is_given() -> None:
    assert make()[0].cluster_name == CLUSTER_NAME == f"{PROJECT}-main"
    assert make("everything")[0].cluster_name == "prod"
    assert made("everything").one("aws:eks/cluster:Cluster").inputs["name"] == "prod"


def test_kubeconfig_is_a_secret_and_asks_aws_for_each_token() -> None:
    config = secret_kubeconfig(lambda: EksCluster("main", SPECS["everything"], POOLS))
    assert config["users"][0]["user"]["exec"] == {
        "apiVersion": "client.authentication.k8s.io/v1beta1",
        "command": "aws",
        "args": ["eks", "get-token", "--cluster-name", "prod", "--region", REGION, "--output", "json"],
        "interactiveMode": "Never",
    }
    assert config["clusters"][0]["cluster"] == {
        "server": "https://main-cluster.eks.example.org",
        "certificate-authority-data": "Y2VydGlmaWNhdGU=",
    }
    assert config["current-context"] == config["contexts"][0]["name"] == "prod"
    provider = made("everything").one("pulumi:providers:kubernetes")
    assert "kubeconfig" in provider.secrets
    assert provider.inputs["clusterIdentifier"] == f"{REGION}/prod"
    assert "deleteUnreachable" not in provider.inputs


def identity(recorded: Recorded) -> tuple[str, str]:
    """What makes a cluster another one."""
    cluster = recorded.one("aws:eks/cluster:Cluster")
    assert cluster.deleted_first is False, "what is on it is deleted after it"
    return cluster.inputs["name"], cluster.replacement_trigger


OLD = SPECS["autoscaler"]
OTHER_CLUSTERS = {
    "name": replace(OLD, name="other"),
    "services": replace(OLD, service_cidr="172.30.0.0/16"),
    "key": replace(OLD, encryption=EksEncryptionSpec(key_arn=KEY)),
    "addresses": replace(OLD, network=EksVpcSpec(cidr="10.20.0.0/16")),
    "vpc": SPECS["existing"],
}
SAME_CLUSTER = {
    "version": replace(OLD, kubernetes_version="1.36"),
    "zones": replace(OLD, network=EksVpcSpec(zones=4)),
    "tags": replace(OLD, tags={"team": "ml"}),
    "endpoint": replace(OLD, api_endpoint=EksApiEndpointSpec(public_cidrs=["203.0.113.0/24"])),
}


@pytest.mark.parametrize("changed", OTHER_CLUSTERS)
def test_what_aws_cannot_change_makes_another_cluster(changed: str) -> None:
    recorded = run(lambda: EksCluster("main", OTHER_CLUSTERS[changed], POOLS))
    assert identity(recorded) != identity(made("autoscaler"))


@pytest.mark.parametrize("changed", SAME_CLUSTER)
def test_what_aws_can_change_makes_none(changed: str) -> None:
    recorded = run(lambda: EksCluster("main", SAME_CLUSTER[changed], POOLS))
    assert identity(recorded) == identity(made("autoscaler"))


def test_only_the_named_account_will_do() -> None:
    provider = made("everything").one("pulumi:providers:aws")
    assert json.loads(provider.inputs["allowedAccountIds"]) == [ACCOUNT]
    assert "allowedAccountIds" not in made("autoscaler").one("pulumi:providers:aws").inputs


def test_everything_in_aws_is_made_by_the_clusters_own_provider_and_tagged() -> None:
    recorded = made("everything")
    provider = recorded.one("pulumi:providers:aws")
    assert provider.inputs["region"] == REGION
    tags = json.loads(provider.inputs["defaultTags"])["tags"]
    assert tags == {"team": "ml", "modelyard.dev/stack": f"{PROJECT}.{STACK}"}
    for each in recorded.registrations:
        if each.type.startswith("aws:"):
            assert each.provider.startswith(provider.urn), each.urn


@pytest.mark.parametrize("variant", SPECS)
def test_every_part_belongs_to_the_cluster(variant: str) -> None:
    assert strays(made(variant), TYPE) == []


def ready(variant: str, pool: str | None = None) -> set[str]:
    """What exists before something that depends on what the cluster says."""
    return before_ready(lambda: EksCluster("main", SPECS[variant], POOLS), pool)


def test_operators_wait_for_system_nodes_names_and_volumes_and_for_no_gpu() -> None:
    before = ready("autoscaler")
    assert {"NodeGroup system", "Addon coredns", "StorageClass gp3", "Addon metrics-server"} <= before
    assert "NodeGroup l4" not in before
    assert "Addon eks-node-monitoring-agent" not in before
    assert "Release autoscaler" not in before
    assert f"Release {CONTROLLER.removeprefix('main-')}" not in before


@pytest.mark.parametrize(
    ("variant", "node"),
    [("autoscaler", "NodeGroup l4"), ("karpenter", "NodePool l4-more"), ("auto_mode", "NodePool l4")],
)
def test_pods_of_a_pool_wait_for_what_makes_its_nodes(variant: str, node: str) -> None:
    assert node in ready(variant, "l4")
    assert node not in ready(variant)


def test_nodes_of_different_pools_are_made_at_once() -> None:
    recorded = made("autoscaler")
    assert "NodeGroup system" not in waits_for(recorded, named(recorded, "NodeGroup", "main-l4"))


def test_controller_of_load_balancers_has_its_rights_before_it_starts() -> None:
    recorded = made("autoscaler")
    release = named(recorded, "Release", CONTROLLER)
    before = waits_for(recorded, release)
    assert {"PodIdentityAssociation load-balancers", "RolePolicy load-balancers", "NodeGroup system"} <= before
    association = named(recorded, "PodIdentityAssociation", CONTROLLER).inputs
    assert (association["namespace"], association["serviceAccount"]) == (
        "aws-load-balancer-controller", "aws-load-balancer-controller"
    )  # fmt: skip
    values = release.inputs["values"]
    assert (values["clusterName"], values["region"], values["vpcId"]) == (CLUSTER_NAME, REGION, "main-vpc-id")
    assert values["keepTLSSecret"] is True, "else each update would make a new certificate"
    assert values["enableServiceMutatorWebhook"] is False
    assert values["podDisruptionBudget"] == {"maxUnavailable": 1}
    assert values["serviceAccount"] == {"name": association["serviceAccount"]}


def test_controller_of_load_balancers_is_told_an_existing_network() -> None:
    assert named(made("existing"), "Release", CONTROLLER).inputs["values"]["vpcId"] == "vpc-0123456789abcdef0"


def test_auto_mode_brings_its_own_load_balancing() -> None:
    assert not made("auto_mode").of("Release")


def test_load_balancers_go_before_network_and_nodes() -> None:
    cluster, recorded = make()
    assert isinstance(cluster, EksCluster)
    assert cluster.load_balancers_ready
    before = waits_for(recorded, named(recorded, "Release", CONTROLLER))
    assert {"Vpc vpc", "NatGateway nat-us-east-1a", "Subnet public-us-east-1a", "NodeGroup system"} <= before


def test_controller_changes_only_what_is_this_clusters() -> None:
    own = {"StringEquals": {"aws:ResourceTag/elbv2.k8s.aws/cluster": CLUSTER_NAME}}
    found = [each for name, each in statements(made("autoscaler")) if name == CONTROLLER]
    deleting = [each for each in found if "elasticloadbalancing:DeleteLoadBalancer" in listed(each["Action"])]
    assert [each["Condition"] for each in deleting] == [own]
    (creating,) = (each for each in found if "elasticloadbalancing:CreateLoadBalancer" in listed(each["Action"]))
    assert creating["Condition"] == {"StringEquals": {"aws:RequestTag/elbv2.k8s.aws/cluster": CLUSTER_NAME}}
    groups = [each for each in found if "ec2:AuthorizeSecurityGroupIngress" in listed(each["Action"])]
    assert all("Condition" in each for each in groups)
    assert "arn:aws:ec2:us-east-1:*:vpc/main-vpc-id" in json.dumps(found)


def test_charts_come_from_the_mirror() -> None:
    _, recorded = make(charts=ChartsSpec(mirror="oci://registry.example.org/charts"))
    charts = {each.inputs["chart"] for each in recorded.of("Release")}
    assert "oci://registry.example.org/charts/aws-load-balancer-controller" in charts
    assert all(chart.startswith("oci://registry.example.org/charts/") for chart in charts)


def test_bad_names_are_refused() -> None:
    assert any("has 37 characters; use at most 36" in each for each in why(SPECS["autoscaler"], dict(POOLS), "a" * 37))
    assert any("is not a name" in each for each in why(SPECS["autoscaler"], dict(POOLS), "Main"))


def test_problems_of_spec_and_pools_are_told_together() -> None:
    found = why(replace(SPECS["autoscaler"], service_cidr="10.0.0.0/16"), {"l4": PoolSpec(accelerator="l5")})
    assert [each.partition(":")[0] for each in found] == ["cluster.eks.service_cidr", "pools.l4.accelerator"]


def test_pools_that_cannot_be_there_are_refused() -> None:
    found = why(SPECS["autoscaler"], {**POOLS, "far": PoolSpec(cpus=4, memory_gib=16, zones=["us-east-1z"])})
    assert found == [
        "pools.far.zones[0]: the cluster has no zone 'us-east-1z'; use us-east-1a or us-east-1b or us-east-1c"
    ]
    assert "no pool has a node for what the cluster itself runs" in why(SPECS["karpenter"], {"l4": POOLS["l4"]})[0]
