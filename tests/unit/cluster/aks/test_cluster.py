"""The cluster as everything above sees it, and the order in which its parts come and go."""

from dataclasses import replace
from typing import Any

import pytest

from modelyard.cluster.aks.cluster import AksCluster
from modelyard.cluster.aks.networks import AksVnetSpec
from modelyard.cluster.aks.spec import AksApiEndpointSpec, AksEncryptionSpec, AksSpec
from modelyard.cluster.base import Cluster
from modelyard.cluster.spec import PoolSpec
from tests.support.azure import AUTHORITY, LIST_CREDENTIALS, SUBSCRIPTION, credentials
from tests.support.mocks import PROJECT, STACK, Recorded, refused, run
from tests.unit.cluster.aks.clusters import CLUSTER_NAME, DISKS, POOLS, SPECS, TENANT, made
from tests.unit.cluster.registrations import before_ready, named, secret_kubeconfig, strays, waits_for

TYPE = "modelyard:cluster:AksCluster"
CONTROL_PLANE = "containerservice:ManagedCluster"
UNTAGGED = {
    "AgentPool", "BlobContainer", "DiagnosticSetting", "FederatedIdentityCredential", "MaintenanceConfiguration",
    "RoleAssignment", "Subnet",
}  # fmt: skip
"""What can have no tags in Azure, and pools, whose tests are their own."""


def make(variant: str = "autoscaler", **settings: Any) -> tuple[Cluster, Recorded]:
    clusters: list[Cluster] = []
    recorded = run(lambda: clusters.append(AksCluster("main", SPECS[variant], POOLS, **settings)))
    return clusters[0], recorded


def why(spec: AksSpec, pools: dict[str, PoolSpec], name: str = "main") -> list[str]:
    error = refused(lambda: AksCluster(name, spec, pools), TYPE)
    return [str(problem) for problem in error.problems]


def test_traits_are_known_before_anything_is_made() -> None:
    plain, shared = (make(variant)[0].traits for variant in ("autoscaler", "everything"))
    assert (plain.storage_class, plain.shared_storage_class) == ("premium-disk", None)
    assert shared.shared_storage_class == "premium-nfs"
    assert plain.load_balancer_class is None
    assert plain.load_balancer_annotations == {"service.beta.kubernetes.io/azure-load-balancer-internal": "true"}
    assert plain.network_policy_enforced
    assert plain.metrics_api_available
    assert plain.charts_installed
    assert plain.load_balancer_available
    assert not plain.unsupported


def test_name_is_the_projects_and_the_components_unless_it_is_given() -> None:
    assert make()[0].cluster_name == CLUSTER_NAME == f"{PROJECT}-main"
    assert make("everything")[0].cluster_name == "prod"
    cluster = made("everything").one(CONTROL_PLANE).inputs
    assert (cluster["resourceName"], cluster["dnsPrefix"]) == ("prod", "prod")


def test_kubeconfig_is_a_secret_and_asks_entra_for_each_token() -> None:
    config = secret_kubeconfig(lambda: AksCluster("main", SPECS["everything"], POOLS))
    user = config["users"][0]["user"]
    assert list(user) == ["exec"], "no token, no certificate"
    assert user["exec"]["command"] == "kubelogin"
    assert user["exec"]["args"] == [
        "get-token", "--login", "azurecli", "--server-id", "6dae42f8-4368-4678-94ff-3960e28e3630",
        "--tenant-id", TENANT,
    ]  # fmt: skip
    assert config["clusters"][0]["cluster"] == {
        "server": "https://prod-0a1b2c3d.hcp.example.org",
        "certificate-authority-data": AUTHORITY,
    }
    assert config["current-context"] == config["contexts"][0]["name"] == "prod"
    provider = made("everything").one("pulumi:providers:kubernetes")
    assert "kubeconfig" in provider.secrets
    assert provider.inputs["clusterIdentifier"] == f"{SUBSCRIPTION}/westeurope/prod"
    assert "deleteUnreachable" not in provider.inputs


def test_nothing_is_asked_before_there_is_a_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def answer() -> dict[str, Any]:
        asked.append(LIST_CREDENTIALS)
        return credentials()

    monkeypatch.setattr("tests.support.azure.credentials", answer)
    recorded = run(lambda: AksCluster("main", SPECS["everything"], POOLS), preview=True)
    assert recorded.of("StorageClass")
    assert not asked
    run(lambda: AksCluster("main", SPECS["everything"], POOLS))
    assert asked == [LIST_CREDENTIALS]


def identity(recorded: Recorded) -> tuple[str, str]:
    """What makes a cluster another one."""
    cluster = recorded.one(CONTROL_PLANE)
    assert cluster.deleted_first is False, "what is on it is deleted after it"
    return cluster.inputs["resourceName"], cluster.replacement_trigger


OLD = SPECS["autoscaler"]
OTHER_CLUSTERS = {
    "name": replace(OLD, name="other"),
    "services": replace(OLD, service_cidr="172.24.0.0/16"),
    "pods": replace(OLD, pod_cidr="10.128.0.0/12"),
    "disks": replace(OLD, encryption=AksEncryptionSpec(disk_encryption_set_id=DISKS)),
    "addresses": replace(OLD, network=AksVnetSpec(cidr="10.20.0.0/16")),
    "network": SPECS["existing"],
    "system": replace(OLD, system_machine_type="Standard_D4as_v5"),
}
SAME_CLUSTER = {
    "version": replace(OLD, kubernetes_version="1.36"),
    "zones": replace(OLD, zones=["eastus2-1"]),
    "tags": replace(OLD, tags={"team": "ml"}),
    "endpoint": replace(OLD, api_endpoint=AksApiEndpointSpec(public_cidrs=["203.0.113.0/24"])),
    "nat": replace(OLD, network=AksVnetSpec(nat_addresses=3)),
    "provisioner": SPECS["node_auto_provisioning"],
}


@pytest.mark.parametrize("changed", OTHER_CLUSTERS)
def test_what_azure_cannot_change_makes_another_cluster(changed: str) -> None:
    recorded = run(lambda: AksCluster("main", OTHER_CLUSTERS[changed], POOLS))
    assert identity(recorded) != identity(made("autoscaler"))


@pytest.mark.parametrize("changed", SAME_CLUSTER)
def test_what_azure_can_change_makes_none(changed: str) -> None:
    recorded = run(lambda: AksCluster("main", SAME_CLUSTER[changed], POOLS))
    assert identity(recorded) == identity(made("autoscaler"))


@pytest.mark.parametrize("variant", SPECS)
def test_everything_in_azure_is_made_by_the_clusters_own_provider_and_tagged(variant: str) -> None:
    recorded = made(variant)
    provider = recorded.one("pulumi:providers:azure-native")
    tags = {**SPECS[variant].tags, "modelyard-stack": f"{PROJECT}.{STACK}"}
    azure = [each for each in recorded.registrations if each.type.startswith("azure-native:")]
    assert azure
    for each in azure:
        assert each.provider.startswith(provider.urn), each.urn
        if each.type.rpartition(":")[2] not in UNTAGGED:
            assert each.inputs["tags"] == tags, each.urn


@pytest.mark.parametrize("variant", SPECS)
def test_every_part_belongs_to_the_cluster(variant: str) -> None:
    assert strays(made(variant), TYPE) == []


def ready(variant: str, pool: str | None = None) -> set[str]:
    """What exists before something that depends on what the cluster says."""
    return before_ready(lambda: AksCluster("main", SPECS[variant], POOLS), pool)


def test_operators_wait_for_system_nodes_and_volumes_and_for_no_gpu() -> None:
    before = ready("autoscaler")
    assert {"AgentPool system", "StorageClass premium-disk", "NatGateway nat"} <= before
    assert "AgentPool l4" not in before
    assert not {"DiagnosticSetting control-plane", "MaintenanceConfiguration aksManagedAutoUpgradeSchedule"} & before


@pytest.mark.parametrize(
    ("variant", "kinds"), [("autoscaler", {"AgentPool"}), ("node_auto_provisioning", {"NodePool", "AKSNodeClass"})]
)
def test_pods_of_a_pool_wait_for_what_makes_its_nodes(variant: str, kinds: set[str]) -> None:
    further = {each.partition(" ")[0] for each in ready(variant, "l4") - ready(variant)}
    assert kinds & further


def test_load_balancers_go_before_network_and_nodes() -> None:
    cluster, recorded = make()
    assert isinstance(cluster, AksCluster)
    assert cluster.load_balancers_ready
    before = waits_for(recorded, named(recorded, "AgentPool", "main-system"))
    assert {"Subnet nodes", "NatGateway nat", "ManagedCluster cluster", "RoleAssignment control-plane-nodes"} <= before


def test_bad_names_are_refused() -> None:
    assert any("has 41 characters; use at most 40" in each for each in why(OLD, dict(POOLS), "a" * 41))
    assert any("is not a name" in each for each in why(OLD, dict(POOLS), "Main"))


def test_problems_of_spec_and_pools_are_told_together() -> None:
    found = why(replace(OLD, service_cidr="10.0.0.0/16"), {"l4": PoolSpec(accelerator="l5")})
    assert [each.partition(":")[0] for each in found] == ["cluster.aks.service_cidr", "pools.l4.accelerator"]


def test_pools_that_cannot_be_there_are_refused() -> None:
    assert "no pool has a node for what the cluster itself runs" in why(OLD, {"l4": POOLS["l4"]})[0]
