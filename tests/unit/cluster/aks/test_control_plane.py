"""The control plane: who may use it, what it is encrypted with, what is logged, and when it changes by itself."""

from typing import Any

import pytest

from tests.unit.cluster.aks.clusters import ADMINS, CLUSTER_NAME, DISKS, KEY, SPECS, TENANT, VAULT, made
from tests.unit.cluster.registrations import named, names, waits_for

CLUSTER = "containerservice:ManagedCluster"


def cluster(variant: str = "autoscaler") -> dict[str, Any]:
    return dict(made(variant).one(CLUSTER).inputs)


@pytest.mark.parametrize("variant", SPECS)
def test_accounts_are_those_of_entra_alone_and_rights_those_of_kubernetes(variant: str) -> None:
    made_of = cluster(variant)
    assert made_of["disableLocalAccounts"] is True
    assert made_of["enableRBAC"] is True
    profile = made_of["aadProfile"]
    assert (profile["managed"], profile["enableAzureRBAC"]) == (True, False)
    assert profile["adminGroupObjectIDs"] == ADMINS
    assert made_of["apiServerAccessProfile"]["disableRunCommand"] is True


def test_tenant_is_the_subscriptions_unless_it_is_named() -> None:
    assert "tenantID" not in cluster()["aadProfile"]
    assert cluster("everything")["aadProfile"]["tenantID"] == TENANT


def test_api_server_is_in_the_network_and_without_ranges_nowhere_else() -> None:
    private = cluster()["apiServerAccessProfile"]
    assert private["enableVnetIntegration"] is True
    assert private["subnetId"].endswith("Subnet/main-api-server1a2b3c4d")
    assert private["enablePrivateCluster"] is True
    assert private["enablePrivateClusterPublicFQDN"] is True, "its name is found from connected networks too"
    assert "authorizedIPRanges" not in private
    public = cluster("everything")["apiServerAccessProfile"]
    assert (public["enablePrivateCluster"], public["authorizedIPRanges"]) == (False, ["203.0.113.0/24"])
    assert public["enableVnetIntegration"] is True, "nodes reach it inside in any case"
    assert not {"privateDNSZone"} & {*private, *public}, "Azure allows no change of it together with the rest"


def test_pods_have_addresses_of_their_own_and_policies_hold() -> None:
    network = cluster("everything")["networkProfile"]
    assert (network["networkPlugin"], network["networkPluginMode"]) == ("azure", "overlay")
    assert (network["networkDataplane"], network["networkPolicy"]) == ("cilium", "cilium")
    assert (network["podCidr"], network["serviceCidr"]) == ("10.64.0.0/16", "10.80.0.0/20")
    assert network["dnsServiceIP"] == "10.80.0.10"


def test_clusters_own_pool_is_one_node_that_takes_nothing_else() -> None:
    (pool,) = cluster("everything")["agentPoolProfiles"]
    assert (pool["name"], pool["mode"], pool["count"]) == ("cluster", "System", 1)
    assert pool["nodeTaints"] == ["CriticalAddonsOnly=true:NoSchedule"]
    assert pool["vmSize"] == "Standard_D4ds_v5"
    assert pool["availabilityZones"] == ["1", "3"]
    assert "availabilityZones" not in cluster("still")["agentPoolProfiles"][0], "westus has none"
    assert made("everything").one(CLUSTER).ignore_changes == ["agentPoolProfiles"]


@pytest.mark.parametrize(
    ("variant", "tier", "support"),
    [("autoscaler", "Standard", "KubernetesOfficial"), ("everything", "Premium", "AKSLongTermSupport")],
)
def test_tier_and_support_are_as_asked(variant: str, tier: str, support: str) -> None:
    found = cluster(variant)
    assert found["sku"] == {"name": "Base", "tier": tier}
    assert found["supportPlan"] == support


def test_keys_are_azures_unless_some_are_named() -> None:
    plain, own = cluster(), cluster("everything")
    assert "azureKeyVaultKms" not in plain["securityProfile"]
    assert "diskEncryptionSetID" not in plain
    assert own["diskEncryptionSetID"] == DISKS
    assert own["securityProfile"]["azureKeyVaultKms"] == {
        "enabled": True,
        "keyId": KEY,
        "keyVaultNetworkAccess": "Private",
        "keyVaultResourceId": VAULT,
    }


def test_pods_can_have_identities() -> None:
    assert cluster()["oidcIssuerProfile"] == {"enabled": True}
    assert cluster()["securityProfile"]["workloadIdentity"] == {"enabled": True}


def test_drivers_of_volumes_are_aks_own() -> None:
    assert cluster()["storageProfile"] == {
        "diskCSIDriver": {"enabled": True},
        "fileCSIDriver": {"enabled": True},
        "snapshotController": {"enabled": True},
        "blobCSIDriver": {"enabled": False},
    }


@pytest.mark.parametrize(("variant", "enabled"), [("existing", True), ("everything", False)])
def test_the_driver_of_blob_is_there_for_shared_volumes_of_it(variant: str, enabled: bool) -> None:
    assert cluster(variant)["storageProfile"]["blobCSIDriver"] == {"enabled": enabled}


def test_who_makes_nodes_is_one_of_two() -> None:
    autoscaler, provisioning = cluster(), cluster("node_auto_provisioning")
    assert autoscaler["nodeProvisioningProfile"]["mode"] == "Manual"
    assert autoscaler["autoScalerProfile"] == {
        "expander": "least-waste", "skipNodesWithSystemPods": "false", "skipNodesWithLocalStorage": "false",
        "maxNodeProvisionTime": "30m", "scaleDownUnreadyTime": "30m",
    }  # fmt: skip
    assert provisioning["nodeProvisioningProfile"] == {"mode": "Auto", "defaultNodePools": "None"}
    assert "autoScalerProfile" not in provisioning


def test_it_changes_by_itself_at_the_time_that_is_named() -> None:
    recorded = made("everything")
    assert cluster("everything")["autoUpgradeProfile"] == {
        "upgradeChannel": "patch", "nodeOSUpgradeChannel": "NodeImage"
    }  # fmt: skip
    windows = recorded.of("MaintenanceConfiguration")
    assert {each.inputs["configName"] for each in windows} == {
        "aksManagedAutoUpgradeSchedule", "aksManagedNodeOSUpgradeSchedule"
    }  # fmt: skip
    for each in windows:
        assert each.inputs["resourceName"] == "prod"
        assert each.inputs["maintenanceWindow"] == {
            "schedule": {"weekly": {"dayOfWeek": "Tuesday", "intervalWeeks": 1}},
            "startTime": "04:00",
            "utcOffset": "+00:00",
            "durationHours": 6,
        }


def test_it_stays_as_it_is_where_that_is_asked_for() -> None:
    recorded = made("still")
    assert cluster("still")["autoUpgradeProfile"] == {"upgradeChannel": "none", "nodeOSUpgradeChannel": "None"}
    assert not recorded.of("MaintenanceConfiguration")


def test_changes_and_logins_are_logged() -> None:
    recorded = made("autoscaler")
    setting = recorded.one("DiagnosticSetting")
    assert [each["category"] for each in setting.inputs["logs"]] == ["kube-audit-admin", "guard", "cluster-autoscaler"]
    assert all(each["enabled"] for each in setting.inputs["logs"])
    assert setting.inputs["resourceUri"].endswith(f"ManagedCluster/{CLUSTER_NAME}")
    workspace = recorded.one("Workspace").inputs
    assert (workspace["retentionInDays"], workspace["sku"]) == (90, {"name": "PerGB2018"})
    assert workspace["features"] == {"disableLocalAuth": True}


def test_all_is_logged_or_nothing_where_that_is_asked_for() -> None:
    categories = {each["category"] for each in made("everything").one("DiagnosticSetting").inputs["logs"]}
    assert {"kube-apiserver", "kube-audit"} <= categories
    assert "kube-audit-admin" not in categories, "a part of kube-audit, which would be charged twice"
    assert not made("still").of("DiagnosticSetting")
    assert not made("still").of("Workspace")


def test_machines_are_in_a_resource_group_of_a_known_name() -> None:
    assert cluster()["nodeResourceGroup"] == f"{CLUSTER_NAME}-nodes"
    assert cluster("everything")["nodeResourceGroup"] == "prod-nodes"


def test_rights_in_the_network_are_there_before_the_cluster() -> None:
    recorded = made("autoscaler")
    before = waits_for(recorded, recorded.one(CLUSTER))
    rights = {f"RoleAssignment control-plane-{each}" for each in ("nodes", "api-server", "kubelet")}
    assert rights | {"NatGateway nat", "ResourceGroup group"} <= before


def test_pools_of_the_users_are_made_beside_the_clusters_own() -> None:
    recorded = made("autoscaler")
    assert names(recorded, "AgentPool") == ["system", "l4"]
    assert "cluster" not in {each.inputs["agentPoolName"] for each in recorded.of("AgentPool")}
    assert "ManagedCluster cluster" in waits_for(recorded, named(recorded, "AgentPool", "main-system"))


def test_pulumi_keeps_a_protected_cluster() -> None:
    assert made("everything").one(CLUSTER).protected
    assert not made("autoscaler").one(CLUSTER).protected
