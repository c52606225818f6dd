"""Rules of clusters: each refuses a case, and lets a near one pass."""

from typing import Any

import pytest

from tests.tools.azure import things
from tests.tools.azure.account import SUBSCRIPTION, Azure, Made, Refused
from tests.tools.azure.things import CLUSTER, IDENTITY_OPERATOR, MAINTENANCE, NETWORK_CONTRIBUTOR, READER, SUBNET
from tools.offline.common.errors import ProviderError

_OVERLAY = {"networkPlugin": "azure", "networkPluginMode": "overlay"}
_CILIUM = {"networkDataplane": "cilium", "networkPolicy": "cilium"}


def _inputs(**more: Any) -> dict[str, Any]:
    found: dict[str, Any] = {
        "resourceGroupName": "rg",
        "dnsPrefix": "small",
        "identity": {"type": "SystemAssigned"},
        "agentPoolProfiles": [things.system_pool("/subnet", vnetSubnetID=None)],
        **more,
    }
    return {key: value for key, value in found.items() if value is not None}


def _check(azure: Azure, problem: str, **more: Any) -> None:
    found = azure.faults(CLUSTER, _inputs(**more))
    assert problem in "; ".join(found)
    assert bool(problem) == bool(found)


@pytest.mark.parametrize(
    ("more", "problem"),
    [
        ({}, ""),
        ({"kubernetesVersion": "1.34.2"}, ""),
        ({"kubernetesVersion": "v1.34"}, "does not match"),
        ({"dnsPrefix": None}, "either dnsPrefix or fqdnSubdomain"),
        ({"dnsPrefix": "-small"}, "does not match"),
        ({"resourceName": "a_b"}, ""),
        ({"resourceName": "a-"}, "does not match"),
        ({"identity": None}, "is required"),
        ({"identity": {"type": "UserAssigned"}}, "does not go with 0 identities"),
        ({"sku": {"name": "Base", "tier": "Premium"}, "supportPlan": "AKSLongTermSupport"}, ""),
        ({"sku": {"name": "Base", "tier": "Standard"}, "supportPlan": "AKSLongTermSupport"}, "needs the tier Premium"),
        ({"sku": {"name": "Base", "tier": "Paid"}}, "must be one of"),
        ({"autoUpgradeProfile": {"upgradeChannel": "patch", "nodeOSUpgradeChannel": "NodeImage"}}, ""),
        ({"autoUpgradeProfile": {"upgradeChannel": "minor"}}, "must be one of"),
        ({"fqdn": "a"}, "there is no such property"),
    ],
)
def test_the_parts_of_a_cluster(azure: Azure, more: dict[str, Any], problem: str) -> None:
    _check(azure, problem, **more)


@pytest.mark.parametrize(
    ("more", "problem"),
    [
        ({"disableLocalAccounts": True}, "needs Entra ID"),
        ({"disableLocalAccounts": True, "aadProfile": {"managed": True}}, ""),
        ({"aadProfile": {"managed": False}}, "must be true"),
        ({"aadProfile": {"managed": True, "adminGroupObjectIDs": ["admins"]}}, "does not match"),
        ({"aadProfile": {"managed": True, "tenantID": SUBSCRIPTION}}, "the subscription is of tenant"),
        ({"aadProfile": {"managed": True}, "enableRBAC": False}, "needs Kubernetes RBAC"),
        ({"securityProfile": {"workloadIdentity": {"enabled": True}}}, "needs oidcIssuerProfile"),
        ({"securityProfile": {"workloadIdentity": {"enabled": True}}, "oidcIssuerProfile": {"enabled": True}}, ""),
        ({"securityProfile": {"imageCleaner": {"enabled": True, "intervalHours": 12}}}, "from 24 to 2160"),
        ({"securityProfile": {"imageCleaner": {"enabled": True, "intervalHours": 168}}}, ""),
    ],
)
def test_who_gets_in(azure: Azure, more: dict[str, Any], problem: str) -> None:
    _check(azure, problem, **more)


@pytest.mark.parametrize(
    ("network", "problem"),
    [
        ({**_OVERLAY, **_CILIUM}, ""),
        ({**_OVERLAY, "networkPlugin": "kubenet"}, "overlay needs networkPlugin azure"),
        ({**_OVERLAY, "networkDataplane": "cilium", "networkPolicy": "calico"}, "networkPolicy cilium"),
        ({**_OVERLAY, "networkPolicy": "cilium"}, "cilium needs networkDataplane cilium"),
        ({**_OVERLAY, "networkPolicy": "calico"}, ""),
        ({**_OVERLAY, "podCidr": "10.0.0.0/16"}, "overlaps the service CIDR"),
        ({**_OVERLAY, "serviceCidr": "10.0.0.0/11", "podCidr": "172.16.0.0/16"}, "must be smaller than /12"),
        ({**_OVERLAY, "serviceCidr": "172.16.0.0/16", "dnsServiceIP": "172.16.0.10"}, ""),
        ({**_OVERLAY, "serviceCidr": "172.16.0.0/16"}, "must be in the service CIDR"),
        ({**_OVERLAY, "serviceCidr": "172.16.0.0/16", "dnsServiceIP": "172.16.0.1"}, "not its first address"),
        ({**_OVERLAY, "serviceCidr": "172.16.0.0"}, "overlaps"),
        ({**_OVERLAY, "podCidr": "here"}, "is not a valid CIDR"),
        ({**_OVERLAY, "loadBalancerSku": "basic"}, "are retired"),
        ({**_OVERLAY, "outboundType": "managedNATGateway"}, ""),
        ({**_OVERLAY, "outboundType": "userAssignedNATGateway"}, "needs a subnet of one's own"),
        ({**_OVERLAY, "outboundType": "gateway"}, "must be one of"),
    ],
)
def test_the_networks_of_a_cluster(azure: Azure, network: dict[str, Any], problem: str) -> None:
    if problem == "overlaps":
        problem = "must be in the service CIDR"
    _check(azure, problem, networkProfile=network)


@pytest.mark.parametrize(
    ("access", "problem"),
    [
        ({"authorizedIPRanges": ["203.0.113.0/24"]}, ""),
        ({"authorizedIPRanges": ["203.0.113.1/24"]}, "is not a valid CIDR"),
        ({"authorizedIPRanges": ["203.0.113.0/24"] * 201}, "at most 200"),
        (
            {"enablePrivateCluster": True, "authorizedIPRanges": ["203.0.113.0/24"]},
            "cannot be set for a private cluster",
        ),
        ({"enablePrivateCluster": True, "privateDNSZone": "none", "enablePrivateClusterPublicFQDN": True}, ""),
        (
            {"enablePrivateCluster": True, "privateDNSZone": "none", "enablePrivateClusterPublicFQDN": False},
            "nobody finds",
        ),
        ({"enablePrivateCluster": True, "privateDNSZone": "mine"}, "must be system, none"),
        ({"privateDNSZone": "system"}, "is for private clusters only"),
        ({"subnetId": "/a"}, "needs enableVnetIntegration"),
        ({"subnetId": "/a", "enableVnetIntegration": True}, ""),
    ],
)
def test_who_reaches_the_api_server(azure: Azure, access: dict[str, Any], problem: str) -> None:
    _check(azure, problem, apiServerAccessProfile=access)


def test_node_auto_provisioning_and_the_autoscaler_exclude_each_other(azure: Azure) -> None:
    auto = {"nodeProvisioningProfile": {"mode": "Auto"}, "networkProfile": _OVERLAY}
    _check(azure, "", **auto)
    scaled = things.system_pool("/a", vnetSubnetID=None, enableAutoScaling=True, minCount=1, maxCount=3)
    _check(azure, "cannot be on together", **auto, agentPoolProfiles=[scaled])
    _check(azure, "needs networkPlugin azure", nodeProvisioningProfile={"mode": "Auto"})


def test_a_cluster_has_a_system_pool(azure: Azure) -> None:
    user = {**things.system_pool("/a", vnetSubnetID=None), "mode": "User"}
    _check(azure, "at least one system pool", agentPoolProfiles=[user])
    _check(azure, "at least one system pool", agentPoolProfiles=[])
    _check(azure, "the same name", agentPoolProfiles=[things.system_pool("/a", vnetSubnetID=None)] * 2)


def test_an_identity_must_be_allowed_to_let_nodes_join(azure: Azure) -> None:
    inputs = things.cluster_inputs(azure)
    [role] = azure.world.resources("RoleAssignment")
    azure.world.forget("RoleAssignment", role.id)
    with pytest.raises(ProviderError, match=r"LinkedAuthorizationFailed.*subnets/join/action"):
        azure.create(CLUSTER, "small", inputs)
    plane = Made(urn="", id="", inputs={}, state=azure.world.one("UserAssignedIdentity").state)
    things.allow(azure, plane, NETWORK_CONTRIBUTOR, azure.world.one("VirtualNetwork").id)
    assert azure.create(CLUSTER, "small", inputs)["name"] == "small"


def test_a_kubelet_identity_is_given_by_who_may(azure: Azure) -> None:
    inputs = things.cluster_inputs(azure)
    kubelet = things.identity(azure, "kubelet")
    profile = {"resourceId": kubelet.id, "clientId": kubelet["clientId"], "objectId": kubelet["principalId"]}
    inputs["identityProfile"] = {"kubeletidentity": profile}
    with pytest.raises(ProviderError, match="CustomKubeletIdentityMissingPermissionError"):
        azure.create(CLUSTER, "small", inputs)
    plane = Made(urn="", id="", inputs={}, state=azure.world.resources("UserAssignedIdentity")[0].state)
    things.allow(azure, plane, IDENTITY_OPERATOR, kubelet.id, "operate")
    wrong = {**inputs, "identityProfile": {"kubeletidentity": {**profile, "clientId": SUBSCRIPTION}}}
    with pytest.raises(ProviderError, match=r"the kubelet identity's clientId is|kubelet identity's clientId"):
        azure.create(CLUSTER, "small", wrong)
    azure.create(CLUSTER, "small", inputs)


def test_a_subnet_has_the_way_out_that_the_cluster_is_told_of(azure: Azure) -> None:
    network = things.network(azure)
    bare = azure.create(SUBNET, "bare", things.subnet_inputs(azure, network, "10.1.0.0/20"))
    inputs = things.cluster_inputs(azure, bare)
    with pytest.raises(ProviderError, match="UserAssignedNATGatewayNotAssociatedToSubnet"):
        azure.create(CLUSTER, "small", inputs)
    azure.update(bare, {**bare.given, "natGateway": {"id": things.nat(azure).id}})
    azure.create(CLUSTER, "small", inputs)


def test_the_ranges_of_a_cluster_are_apart_from_its_network(azure: Azure) -> None:
    inputs = things.cluster_inputs(azure)
    with_services = {"serviceCidr": "10.1.0.0/24", "dnsServiceIP": "10.1.0.10"}
    with pytest.raises(ProviderError, match="ServiceCidrOverlapExistingSubnetsCidr"):
        azure.create(CLUSTER, "small", {**inputs, "networkProfile": {**inputs["networkProfile"], **with_services}})
    with pytest.raises(ProviderError, match="PodCidrOverlap"):
        azure.create(
            CLUSTER, "small", {**inputs, "networkProfile": {**inputs["networkProfile"], "podCidr": "10.1.128.0/17"}}
        )
    azure.create(CLUSTER, "small", inputs)


def test_the_subnet_of_an_api_server_is_delegated_and_large_enough(azure: Azure) -> None:
    nodes, server = azure.world.add_vnet()
    small = f"{server.rpartition('/')[0]}/nodes"
    inputs = things.cluster_inputs(azure, Made(urn="", id=nodes, inputs={}, state={}))
    plane = Made(urn="", id="", inputs={}, state=azure.world.one("UserAssignedIdentity").state)

    def access(subnet: str) -> dict[str, Any]:
        return {**inputs, "apiServerAccessProfile": {"enableVnetIntegration": True, "subnetId": subnet}}

    with pytest.raises(ProviderError, match="SubnetNotDelegated"):
        azure.create(CLUSTER, "small", access(small))
    with pytest.raises(ProviderError, match="LinkedAuthorizationFailed"):
        azure.create(CLUSTER, "small", access(server))
    things.allow(azure, plane, NETWORK_CONTRIBUTOR, server, "server")
    made = azure.create(CLUSTER, "small", access(server))
    private = {**access(server)["apiServerAccessProfile"], "enablePrivateCluster": True}
    zone = {"privateDNSZone": "none", "enablePrivateClusterPublicFQDN": True}
    made = azure.update(made, {**made.given, "apiServerAccessProfile": {**private, **zone}})
    with pytest.raises(ProviderError, match=r"apiServerAccessProfile\.privateDNSZone' is not allowed"):
        azure.update(made, {**made.given, "apiServerAccessProfile": {**private, "privateDNSZone": "system"}})
    with pytest.raises(ProviderError, match="enableVnetIntegration' is not allowed"):
        azure.update(made, {**made.given, "apiServerAccessProfile": {"enablePrivateCluster": True}})


def test_disks_are_encrypted_by_who_may_use_the_key(azure: Azure) -> None:
    encryption = azure.world.add_disk_encryption_set()
    inputs = {**things.cluster_inputs(azure), "diskEncryptionSetID": encryption}
    with pytest.raises(ProviderError, match="DiskEncryptionSetAuthorizationFailed"):
        azure.create(CLUSTER, "small", inputs)
    plane = Made(urn="", id="", inputs={}, state=azure.world.one("UserAssignedIdentity").state)
    things.allow(azure, plane, READER, encryption, "disks")
    made = azure.create(CLUSTER, "small", inputs)
    assert azure.diff(made, {key: value for key, value in made.given.items() if key != "diskEncryptionSetID"})[1] == [
        "diskEncryptionSetID"
    ]


def test_etcd_is_encrypted_with_a_key_and_its_version(azure: Azure) -> None:
    vault, uri = azure.world.add_key()
    inputs = things.cluster_inputs(azure)

    def security(key: str) -> dict[str, Any]:
        return {**inputs, "securityProfile": {"azureKeyVaultKms": {"enabled": True, "keyId": key}}}

    with pytest.raises(ProviderError, match="KeyVaultAccessForbidden"):
        azure.create(CLUSTER, "small", security(uri))
    plane = Made(urn="", id="", inputs={}, state=azure.world.one("UserAssignedIdentity").state)
    things.allow(azure, plane, things.CRYPTO_USER, vault, "keys")
    with pytest.raises(ProviderError, match="named with its version"):
        azure.create(CLUSTER, "small", security(uri.rpartition("/")[0]))
    azure.create(CLUSTER, "small", security(uri))


def test_an_upgrade_goes_one_minor_version_up(azure: Azure) -> None:
    made = things.cluster(azure)
    for version in ("1.36", "1.33"):
        with pytest.raises(ProviderError, match=rf"Upgrading Kubernetes version 1\.34 to {version} is not allowed"):
            azure.update(made, {**made.given, "kubernetesVersion": version})
    assert azure.update(made, {**made.given, "kubernetesVersion": "1.35"})["currentKubernetesVersion"] == "1.35.0"


def test_some_things_only_go_on(azure: Azure) -> None:
    made = things.cluster(azure)
    with pytest.raises(Refused, match="needs oidcIssuerProfile"):
        azure.update(made, {**made.given, "oidcIssuerProfile": {"enabled": False}})
    with pytest.raises(ProviderError, match="OIDCIssuerFeatureCannotBeDisabled"):
        azure.update(made, {**made.given, "securityProfile": None, "oidcIssuerProfile": {"enabled": False}})
    with pytest.raises(ProviderError, match="enablePrivateCluster' is not allowed"):
        azure.update(made, {**made.given, "apiServerAccessProfile": {"enablePrivateCluster": True}})
    azure.update(made, {**made.given, "apiServerAccessProfile": {"authorizedIPRanges": ["203.0.113.0/24"]}})


def test_what_makes_a_cluster_anew(azure: Azure) -> None:
    made = things.cluster(azure)
    network = made.given["networkProfile"]
    assert azure.diff(made, {**made.given, "networkProfile": {**network, "podCidr": "10.200.0.0/16"}})[1] == [
        "networkProfile.podCidr"
    ]
    assert azure.diff(made, {**made.given, "dnsPrefix": "other"})[1:] == (["dnsPrefix"], True)
    assert azure.diff(made, {**made.given, "sku": {"name": "Base", "tier": "Free"}})[1] == []


def test_the_cluster_tells_of_all_pools_and_takes_none_more(azure: Azure) -> None:
    made = things.cluster(azure)
    pool = things.pool(azure)
    refreshed = azure.read(made)
    assert refreshed is not None
    assert [each["name"] for each in refreshed.inputs["agentPoolProfiles"]] == ["cluster", "cpu"]
    azure.update(made, {**made.given, "tags": {"a": "b"}})
    assert len(azure.world.resources("AgentPool")) == 2, "a pool that the list leaves out stays"
    azure.delete(pool)
    with pytest.raises(ProviderError, match="A new agent pool was introduced"):
        azure.update(refreshed, {**refreshed.given, "tags": {"a": "c"}})
    other = things.system_pool(azure.world.one("Subnet").id, vmSize="Standard_D8s_v5")
    with pytest.raises(ProviderError, match=r"Changing property 'properties\.vmSize' is not allowed"):
        azure.update(made, {**made.given, "agentPoolProfiles": [other]})


def test_nodes_have_a_group_of_their_own_that_goes_with_the_cluster(azure: Azure) -> None:
    azure.world.add_group("taken")
    inputs = things.cluster_inputs(azure, nodeResourceGroup="taken")
    with pytest.raises(ProviderError, match="NodeResourceGroupExists"):
        azure.create(CLUSTER, "small", inputs)
    made = azure.create(CLUSTER, "small", {**inputs, "nodeResourceGroup": "small-nodes"})
    assert made["nodeResourceGroup"] == "small-nodes"
    assert [each.id.rpartition("/")[2] for each in azure.world.resources("NodeResourceGroup")] == ["small-nodes"]
    azure.delete(made)
    assert azure.world.resources("NodeResourceGroup") == []


def _window(**more: Any) -> dict[str, Any]:
    schedule = {"weekly": {"dayOfWeek": "Sunday", "intervalWeeks": 1}}
    return {"schedule": schedule, "durationHours": 4, "startTime": "02:00", "utcOffset": "+00:00", **more}


@pytest.mark.parametrize(
    ("name", "window", "problem"),
    [
        ("aksManagedAutoUpgradeSchedule", _window(), ""),
        ("aksManagedNodeOSUpgradeSchedule", _window(), ""),
        ("mine", _window(), "must be default, aksManagedAutoUpgradeSchedule"),
        ("default", _window(), "has timeInWeek"),
        ("aksManagedAutoUpgradeSchedule", _window(durationHours=3), "must be from 4 to 24"),
        ("aksManagedAutoUpgradeSchedule", _window(startTime="2:00"), "does not match"),
        ("aksManagedAutoUpgradeSchedule", _window(utcOffset="UTC"), "does not match"),
        ("aksManagedAutoUpgradeSchedule", _window(schedule={}), "one of daily"),
    ],
)
def test_windows_of_maintenance(azure: Azure, name: str, window: dict[str, Any], problem: str) -> None:
    inputs = {"resourceGroupName": "rg", "resourceName": "small", "configName": name, "maintenanceWindow": window}
    found = azure.faults(MAINTENANCE, inputs)
    assert problem in "; ".join(found)
    assert bool(problem) == bool(found)
