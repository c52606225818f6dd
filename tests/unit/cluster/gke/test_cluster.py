"""The cluster as everything above sees it, and the order in which its parts come and go."""

import json
from dataclasses import replace
from typing import Any

import pytest

from modelyard.cluster.base import Cluster
from modelyard.cluster.gke.cluster import GkeCluster
from modelyard.cluster.gke.networks import GkeVpcSpec
from modelyard.cluster.gke.spec import GkeApiEndpointSpec, GkeEncryptionSpec, GkeSpec, GkeUpgradeSpec
from modelyard.cluster.spec import PoolSpec
from tests.support.mocks import PROJECT, STACK, Recorded, refused, run
from tests.unit.cluster.gke.clusters import CLOUD_PROJECT, CLUSTER_NAME, KEY, POOLS, REGION, SPECS, control_plane, made
from tests.unit.cluster.registrations import before_ready, secret_kubeconfig, strays, waits_for

TYPE = "modelyard:cluster:GkeCluster"


def make(variant: str = "autoscaler", **settings: Any) -> tuple[Cluster, Recorded]:
    clusters: list[Cluster] = []
    recorded = run(lambda: clusters.append(GkeCluster("main", SPECS[variant], POOLS, **settings)))
    return clusters[0], recorded


def why(spec: GkeSpec, pools: dict[str, PoolSpec], name: str = "main") -> list[str]:
    error = refused(lambda: GkeCluster(name, spec, pools), TYPE)
    return [str(problem) for problem in error.problems]


def test_traits_are_known_before_anything_is_made() -> None:
    plain, shared = (make(variant)[0].traits for variant in ("autoscaler", "everything"))
    assert (plain.storage_class, plain.shared_storage_class) == ("balanced", None)
    assert (shared.shared_storage_class, shared.shared_volume_gib_max) == ("filestore", 1024)
    assert plain.load_balancer_class is None, "GKE's own way"
    assert plain.load_balancer_annotations == {"networking.gke.io/load-balancer-type": "Internal"}
    assert plain.network_policy_enforced
    assert plain.metrics_api_available
    assert plain.charts_installed
    assert plain.load_balancer_available
    assert not plain.unsupported


def test_name_is_the_projects_and_the_components_unless_it_is_given() -> None:
    assert make()[0].cluster_name == CLUSTER_NAME == f"{PROJECT}-main"
    assert make("everything")[0].cluster_name == "prod"
    assert control_plane("everything").inputs["name"] == "prod"


def kubeconfig(variant: str) -> Any:
    return secret_kubeconfig(lambda: GkeCluster("main", SPECS[variant], POOLS))


def test_kubeconfig_asks_google_for_each_token() -> None:
    config = kubeconfig("everything")
    user = config["users"][0]["user"]["exec"]
    assert user["apiVersion"] == "client.authentication.k8s.io/v1beta1"
    assert user["command"] == "gke-gcloud-auth-plugin"
    assert user["args"] == ["--use_application_default_credentials"], "the credentials that Pulumi's provider finds"
    assert user["interactiveMode"] == "Never"
    assert user["provideClusterInfo"] is True
    assert config["current-context"] == config["contexts"][0]["name"] == "prod"
    provider = made("everything").one("pulumi:providers:kubernetes")
    assert "kubeconfig" in provider.secrets
    assert provider.inputs["clusterIdentifier"] == f"{CLOUD_PROJECT}/{REGION}/prod"
    assert "deleteUnreachable" not in provider.inputs


def test_kubeconfig_leads_to_the_host_name_or_to_the_address_with_its_authority() -> None:
    assert kubeconfig("autoscaler")["clusters"][0]["cluster"] == {
        "server": "https://gke-main-cluster.us-central1.gke.goog"
    }
    assert kubeconfig("address")["clusters"][0]["cluster"] == {
        "server": "https://203.0.113.10",
        "certificate-authority-data": "Y2VydGlmaWNhdGU=",
    }


def identity(recorded: Recorded) -> tuple[str, str]:
    """What makes a cluster another one."""
    cluster = recorded.one("gcp:container/cluster:Cluster")
    assert cluster.deleted_first is False, "what is on it is deleted after it"
    return cluster.inputs["name"], cluster.replacement_trigger


OLD = SPECS["autoscaler"]
OTHER_CLUSTERS = {
    "name": replace(OLD, name="other"),
    "zonal": replace(OLD, control_plane="zonal"),
    "pods": replace(OLD, network=GkeVpcSpec(pods_cidr="10.64.0.0/14")),
    "services": replace(OLD, network=GkeVpcSpec(services_cidr="10.9.0.0/20")),
    "nodes": replace(OLD, network=GkeVpcSpec(nodes_cidr="10.20.0.0/20")),
    "network": SPECS["existing"],
}
SAME_CLUSTER = {
    "version": replace(OLD, kubernetes_version="1.36"),
    "zones": replace(OLD, zones=4),
    "labels": replace(OLD, labels={"team": "ml"}),
    "endpoint": replace(OLD, api_endpoint=GkeApiEndpointSpec(public_cidrs=["203.0.113.0/24"])),
    "channel": replace(OLD, upgrade=GkeUpgradeSpec(channel="rapid")),
    "key": replace(OLD, encryption=GkeEncryptionSpec(key=KEY)),
    "flow logs": replace(OLD, network=GkeVpcSpec(flow_logs=True)),
}


@pytest.mark.parametrize("changed", OTHER_CLUSTERS)
def test_what_google_cannot_change_makes_another_cluster(changed: str) -> None:
    recorded = run(lambda: GkeCluster("main", OTHER_CLUSTERS[changed], POOLS))
    assert identity(recorded) != identity(made("autoscaler"))


@pytest.mark.parametrize("changed", SAME_CLUSTER)
def test_what_google_can_change_makes_none(changed: str) -> None:
    recorded = run(lambda: GkeCluster("main", SAME_CLUSTER[changed], POOLS))
    assert identity(recorded) == identity(made("autoscaler"))


def test_everything_in_google_cloud_is_made_by_the_clusters_own_provider_and_labelled() -> None:
    recorded = made("everything")
    provider = recorded.one("pulumi:providers:gcp")
    assert (provider.inputs["project"], provider.inputs["region"]) == (CLOUD_PROJECT, REGION)
    labels = json.loads(provider.inputs["defaultLabels"])
    assert labels.pop("modelyard-stack").startswith(f"{PROJECT}-{STACK}-")
    assert labels == {"team": "ml"}
    for each in recorded.registrations:
        if each.type.startswith("gcp:"):
            assert each.provider.startswith(provider.urn), each.urn


@pytest.mark.parametrize("variant", SPECS)
def test_every_part_belongs_to_the_cluster(variant: str) -> None:
    assert strays(made(variant), TYPE) == []


def ready(variant: str, pool: str | None = None) -> set[str]:
    """What exists before something that depends on what the cluster says."""
    return before_ready(lambda: GkeCluster("main", SPECS[variant], POOLS), pool)


def test_operators_wait_for_system_nodes_and_volumes_and_for_no_gpu() -> None:
    before = ready("autoscaler")
    assert {"NodePool system", "StorageClass balanced", "RouterNat nat"} <= before
    assert "NodePool l4" not in before
    assert "ServiceIdentity container-agent" not in before, "it is for stores' rights alone"
    assert "StorageClass filestore" in ready("existing")


@pytest.mark.parametrize(("variant", "node"), [("autoscaler", "NodePool l4"), ("provisioning", "ComputeClass l4")])
def test_pods_of_a_pool_wait_for_what_makes_its_nodes(variant: str, node: str) -> None:
    assert node in ready(variant, "l4")
    assert node not in ready(variant)


def test_nodes_of_different_pools_are_made_at_once() -> None:
    recorded = made("autoscaler")
    (pool,) = (each for each in recorded.of("gcp:container/nodePool:NodePool") if each.name == "main-l4")
    assert "NodePool system" not in waits_for(recorded, pool)


def test_load_balancers_go_before_control_plane_and_network() -> None:
    cluster, recorded = make()
    assert list(cluster.load_balancers_ready) == []
    provider = recorded.one("pulumi:providers:kubernetes")
    assert {"Cluster cluster", "Subnetwork nodes", "Network network"} <= waits_for(recorded, provider)


def test_bad_names_are_refused() -> None:
    assert any("has 37 characters; use at most 36" in each for each in why(OLD, dict(POOLS), "a" * 37))
    assert any("is not a name" in each for each in why(OLD, dict(POOLS), "Main"))
    (long,) = why(OLD, dict(POOLS), "a" * 33)
    assert long.startswith(f"cluster.gke.name: 'project-{'a' * 33}' is no name that GKE allows; give one of up to 40")


def test_a_name_that_just_fits_is_used() -> None:
    recorded = run(lambda: GkeCluster("a" * 32, OLD, POOLS))
    assert recorded.one("gcp:container/cluster:Cluster").inputs["name"] == f"project-{'a' * 32}"


def test_problems_of_spec_and_pools_are_told_together() -> None:
    found = why(replace(OLD, zones=9), {"l4": PoolSpec(accelerator="l5")})
    assert [each.partition(":")[0] for each in found] == ["cluster.gke.zones", "pools.l4.accelerator"]


def test_pools_that_cannot_be_there_are_refused() -> None:
    (found,) = why(OLD, {**POOLS, "far": PoolSpec(cpus=4, memory_gib=16, zones=["us-central1-f"])})
    assert found.startswith("pools.far.zones[0]: the cluster has no zone 'us-central1-f'; use us-central1-a or")
    assert "no pool has a node for what the cluster itself runs" in why(OLD, {"l4": POOLS["l4"]})[0]
