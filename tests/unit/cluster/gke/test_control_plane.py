"""The control plane: who reaches it, what it is, and how it gets newer."""

from typing import Any

import pytest

from tests.unit.cluster.gke.clusters import CLOUD_PROJECT, KEY, REGION, SPECS, control_plane, made
from tests.unit.cluster.registrations import waits_for


def inputs(variant: str) -> Any:
    return control_plane(variant).inputs


@pytest.mark.parametrize(
    ("variant", "by_name", "has_address", "private_only"),
    [
        ("autoscaler", True, False, True),
        ("everything", True, True, True),
        ("address", False, True, False),
    ],
)
def test_ways_to_the_api_server(variant: str, by_name: bool, has_address: bool, private_only: bool) -> None:
    found = inputs(variant)["controlPlaneEndpointsConfig"]
    assert found["dnsEndpointConfig"]["allowExternalTraffic"] is by_name
    assert found["ipEndpointsConfig"] == {"enabled": has_address}
    assert inputs(variant)["privateClusterConfig"]["enablePrivateEndpoint"] is private_only


def test_only_named_ranges_reach_its_address() -> None:
    assert inputs("address")["masterAuthorizedNetworksConfig"] == {
        "cidrBlocks": [{"cidrBlock": "203.0.113.0/24"}, {"cidrBlock": "10.128.0.0/16"}],
        "gcpPublicCidrsAccessEnabled": False,
        "privateEndpointEnforcementEnabled": True,
    }
    assert inputs("everything")["masterAuthorizedNetworksConfig"]["cidrBlocks"] == [{"cidrBlock": "10.128.0.0/16"}]
    assert "masterAuthorizedNetworksConfig" not in inputs("autoscaler")


def test_its_private_address_is_reached_from_other_regions_where_ranges_are_named() -> None:
    assert inputs("everything")["privateClusterConfig"]["masterGlobalAccessConfig"] == {"enabled": True}
    assert "masterGlobalAccessConfig" not in inputs("autoscaler")["privateClusterConfig"]


def test_by_its_name_only_who_iam_lets_in() -> None:
    for variant in SPECS:
        dns = inputs(variant)["controlPlaneEndpointsConfig"]["dnsEndpointConfig"]
        assert dns["enableK8sCertsViaDns"] is dns["enableK8sTokensViaDns"] is False


@pytest.mark.parametrize("variant", SPECS)
def test_nobody_gets_in_by_a_password_a_certificate_or_no_name_at_all(variant: str) -> None:
    found = inputs(variant)
    assert found["enableLegacyAbac"] is False
    assert found["masterAuth"] == {"clientCertificateConfig": {"issueClientCertificate": False}}
    assert found["anonymousAuthenticationConfig"] == {"mode": "LIMITED"}
    assert set(found["rbacBindingConfig"].values()) == {False}
    assert found["workloadIdentityConfig"] == {"workloadPool": f"{CLOUD_PROJECT}.svc.id.goog"}
    assert found["serviceExternalIpsConfig"] == {"enabled": False}


@pytest.mark.parametrize("variant", SPECS)
def test_network_policies_hold_and_nodes_are_shielded(variant: str) -> None:
    found = inputs(variant)
    assert found["datapathProvider"] == "ADVANCED_DATAPATH"
    assert found["enableMultiNetworking"] is True
    assert found["networkingMode"] == "VPC_NATIVE"
    assert found["enableL4IlbSubsetting"] is True
    assert found["enableShieldedNodes"] is True
    assert found["nodePoolDefaults"]["nodeConfigDefaults"]["insecureKubeletReadonlyPortEnabled"] == "FALSE"


@pytest.mark.parametrize("variant", SPECS)
def test_it_begins_without_nodes_and_without_the_default_pool(variant: str) -> None:
    found = control_plane(variant)
    (pool,) = found.inputs["nodePools"]
    assert (pool["name"], pool["initialNodeCount"]) == ("default-pool", 0)
    assert pool["nodeConfig"]["serviceAccount"].split("@")[0].partition("-nodes-")[1], "not the project's default"
    assert found.inputs["removeDefaultNodePool"] is True
    assert "nodeVersion" not in found.inputs, "Google's provider refuses it together with that"
    assert {"nodePools", "nodeConfig", "initialNodeCount"} <= set(found.ignore_changes)


@pytest.mark.parametrize(
    ("variant", "location", "others"),
    [
        ("autoscaler", REGION, ["us-central1-a", "us-central1-b", "us-central1-c"]),
        ("everything", REGION, ["us-central1-a", "us-central1-f"]),
        ("zonal", "us-central1-a", ["us-central1-b"]),
    ],
)
def test_zones_of_nodes_stand_beside_the_location(variant: str, location: str, others: list[str]) -> None:
    assert (inputs(variant)["location"], inputs(variant)["nodeLocations"]) == (location, others)


def test_minor_version_is_raised_by_hand_and_patches_come_by_themselves() -> None:
    found = inputs("autoscaler")
    assert found["minMasterVersion"] == "1.35"
    assert found["releaseChannel"] == {"channel": "REGULAR"}
    (held,) = found["maintenancePolicy"]["maintenanceExclusions"]
    assert held["exclusionOptions"] == {"scope": "NO_MINOR_UPGRADES", "endTimeBehavior": "UNTIL_END_OF_SUPPORT"}
    assert "endTime" not in held


def test_google_raises_the_minor_version_on_request() -> None:
    found = inputs("everything")
    assert found["releaseChannel"] == {"channel": "STABLE"}
    assert found["maintenancePolicy"]["maintenanceExclusions"] == []


@pytest.mark.parametrize(
    ("variant", "start", "end", "recurrence"),
    [
        ("autoscaler", "2026-01-01T03:00:00Z", "2026-01-01T07:00:00Z", "FREQ=DAILY"),
        ("everything", "2026-01-01T22:30:00Z", "2026-01-02T06:30:00Z", "FREQ=WEEKLY;BYDAY=SA,SU"),
    ],
)
def test_google_upgrades_in_the_window(variant: str, start: str, end: str, recurrence: str) -> None:
    window = inputs(variant)["maintenancePolicy"]["recurringWindow"]
    assert window == {"startTime": start, "endTime": end, "recurrence": recurrence}


def test_secrets_are_encrypted_with_the_users_key_once_gke_may_use_it() -> None:
    found = control_plane("everything")
    assert found.inputs["databaseEncryption"] == {"state": "ENCRYPTED", "keyName": KEY}
    (pool,) = found.inputs["nodePools"]
    assert pool["nodeConfig"]["bootDiskKmsKey"] == KEY
    assert "CryptoKeyIAMMember container-key" in waits_for(made("everything"), found)
    assert "databaseEncryption" not in inputs("autoscaler")


def test_metrics_and_logs_that_are_charged_are_off_until_asked_for() -> None:
    plain, all_of_it = inputs("autoscaler"), inputs("everything")
    assert plain["monitoringConfig"] == {
        "enableComponents": ["SYSTEM_COMPONENTS"], "managedPrometheus": {"enabled": False}
    }  # fmt: skip
    assert all_of_it["monitoringConfig"]["managedPrometheus"] == {"enabled": True}
    system = ["SYSTEM_COMPONENTS", "APISERVER", "CONTROLLER_MANAGER", "SCHEDULER"]
    assert plain["loggingConfig"] == {"enableComponents": system}
    assert all_of_it["loggingConfig"] == {"enableComponents": [*system, "WORKLOADS"]}


def test_drivers_of_volumes_are_there() -> None:
    plain, shared = inputs("autoscaler")["addonsConfig"], inputs("everything")["addonsConfig"]
    assert plain["gcePersistentDiskCsiDriverConfig"] == plain["gcsFuseCsiDriverConfig"] == {"enabled": True}
    assert plain["gcpFilestoreCsiDriverConfig"] == {"enabled": False}
    assert shared["gcpFilestoreCsiDriverConfig"] == {"enabled": True}
    assert plain["dnsCacheConfig"] == {"enabled": True}


def test_images_are_streamed_unless_told_otherwise() -> None:
    streamed = [
        inputs(each)["nodePoolDefaults"]["nodeConfigDefaults"]["gcfsConfig"] for each in ("autoscaler", "everything")
    ]
    assert streamed == [{"enabled": True}, {"enabled": False}]


def test_google_makes_node_pools_within_limits_or_not_at_all() -> None:
    assert inputs("autoscaler")["clusterAutoscaling"] == {"enabled": False}
    found = inputs("provisioning")["clusterAutoscaling"]
    assert found["enabled"] is True
    limits = {each["resourceType"]: each["maximum"] for each in found["resourceLimits"]}
    assert limits["nvidia-l4"] == 8, "as many as pool l4 may have"
    assert found["autoProvisioningDefaults"]["serviceAccount"] == inputs("provisioning")["nodePools"][0]["nodeConfig"][
        "serviceAccount"
    ]  # fmt: skip


def test_groups_of_google_are_known_where_the_domain_is_named() -> None:
    assert inputs("everything")["authenticatorGroupsConfig"] == {"securityGroup": "gke-security-groups@example.org"}
    assert "authenticatorGroupsConfig" not in inputs("autoscaler")


def test_only_pulumis_own_lock_is_set_on_request() -> None:
    assert inputs("autoscaler")["deletionProtection"] is False, "Pulumi's default would stop every destroy"
    assert inputs("everything")["deletionProtection"] is True


def test_it_waits_for_its_subnetwork_and_the_rights_of_its_nodes() -> None:
    recorded = made("autoscaler")
    before = waits_for(recorded, control_plane("autoscaler"))
    assert {
        "Subnetwork nodes", "Account nodes", "Service container", "Service compute",
        "IAMMember nodes-container.defaultNodeServiceAccount",
    } <= before  # fmt: skip
    assert not {"ServiceIdentity container-agent", "Service storage", "Service iamcredentials"} & before
