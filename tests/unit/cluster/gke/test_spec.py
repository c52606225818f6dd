"""The spec of a cluster on GKE: what it refuses, with the reason, and what is near it and passes."""

from dataclasses import replace
from typing import Any

import pytest

from modelyard.cluster.gke.networks import GkeExistingVpcSpec, GkeVpcSpec
from modelyard.cluster.gke.spec import (
    GkeApiEndpointSpec,
    GkeBootDiskSpec,
    GkeEncryptionSpec,
    GkeMaintenanceSpec,
    GkeSpec,
    GkeUpgradeSpec,
)
from modelyard.cluster.gke.words import account_id, cluster_name_problem, component_name_problem, label_value
from modelyard.cluster.gke.zones import is_ai_zone, is_zone_of, zones_of
from modelyard.errors import ConfigError
from modelyard.spec import json_schema, load_json, validate
from modelyard.versions import GKE
from tests.unit.cluster.gke.clusters import ADMIN, ADMINS, EXISTING, KEY, PLAIN, SHARED_VPC


def spec(**settings: Any) -> GkeSpec:
    return replace(PLAIN, **settings)


def vpc(**settings: Any) -> GkeSpec:
    return spec(network=GkeVpcSpec(**settings))


def existing(**settings: Any) -> GkeSpec:
    return spec(network=replace(EXISTING, **settings))


def endpoint(**settings: Any) -> GkeSpec:
    return spec(api_endpoint=GkeApiEndpointSpec(**settings))


def maintenance(**settings: Any) -> GkeSpec:
    return spec(upgrade=GkeUpgradeSpec(maintenance=GkeMaintenanceSpec(**settings)))


REFUSED = [
    (spec(project="471100000000"), "project: '471100000000' is no id of a project; write its id, like ml-prod-4711"),
    (spec(project="Ml-Prod"), "project: 'Ml-Prod' is no id of a project"),
    (spec(project="ml"), "project: 'ml' is no id of a project"),
    (spec(region="us-central1-a"), "region: 'us-central1-a' is no region; write one like us-central1, without a zone"),
    (spec(region="us-east-1"), "region: 'us-east-1' is no region"),
    (spec(name="a_b"), "name: 'a_b' is no name that GKE allows; give one of up to 40 lower-case letters, digits and"),
    (spec(name="Prod"), "name: 'Prod' is no name that GKE allows"),
    (spec(name="prod-"), "name: 'prod-' is no name that GKE allows"),
    (spec(name="a" * 41), "give one of up to 40 lower-case letters"),
    (
        spec(kubernetes_version="1.20"),
        "kubernetes_version: '1.20' is not a version of Kubernetes that modelyard knows on GKE; use 1.35 or 1.36",
    ),
    (spec(zones=0), "zones: 0 zones are not possible in us-central1, of which modelyard knows 4; use 1 to 4, or name"),
    (spec(zones=5), "zones: 5 zones are not possible in us-central1"),
    (spec(zones=[]), "zones: no zone is named; name some, like us-central1-a, or leave it out"),
    (spec(zones=["us-central1-a", "us-central1-a"]), "zones: a zone is named twice; name each once"),
    (
        spec(zones=["us-central1-a", "us-east1-b"]),
        "zones[1]: 'us-east1-b' is no zone of us-central1; name zones of the region, like us-central1-a",
    ),
    (spec(zones=["us-central1"]), "zones[0]: 'us-central1' is no zone of us-central1"),
    (
        spec(control_plane="zonal", zones=["us-central1-ai1a", "us-central1-a"]),
        "zones[0]: us-central1-ai1a is a zone of accelerators, which has no control planes; put another zone first",
    ),
    (vpc(nodes_cidr="10.0.0.0/29"), "network.nodes_cidr: 10.0.0.0/29 is too small for nodes; use /16 to /28"),
    (vpc(nodes_cidr="10.0.0.0/15"), "network.nodes_cidr: 10.0.0.0/15 is too large for nodes"),
    (vpc(nodes_cidr="10.0.0.1/20"), "network.nodes_cidr: '10.0.0.1/20' is no range of IPv4 addresses"),
    (vpc(pods_cidr="10.4.0.0/22"), "network.pods_cidr: 10.4.0.0/22 is too small for pods; use /9 to /21"),
    (vpc(pods_cidr="54.4.0.0/14"), "network.pods_cidr: 54.4.0.0/14 are no private addresses; choose a range within"),
    (vpc(services_cidr="10.8.0.0/28"), "network.services_cidr: 10.8.0.0/28 is too small for Services; use /16 to /27"),
    (
        vpc(nodes_cidr="10.5.0.0/20"),
        "network.pods_cidr: 10.4.0.0/14 overlaps 10.5.0.0/20; choose ranges apart, like 10.0.0.0/20, 10.4.0.0/14",
    ),
    (vpc(services_cidr="10.7.240.0/20"), "network.services_cidr: 10.7.240.0/20 overlaps 10.4.0.0/14"),
    (vpc(services_cidr="10.0.8.0/22"), "network.services_cidr: 10.0.8.0/22 overlaps 10.0.0.0/20"),
    (existing(network="Corp"), "network.network: 'Corp' is no network; write its name, or projects/HOST_PROJECT/"),
    (
        existing(network=SHARED_VPC.network),
        "network.subnetwork: corp-ml is not in the project of projects/network-host/global/networks/corp; write both",
    ),
    (
        spec(network=replace(SHARED_VPC, subnetwork=SHARED_VPC.subnetwork.replace("us-central1", "us-east1"))),
        "network.subnetwork: the subnetwork is in us-east1; name a subnetwork in us-central1",
    ),
    (existing(services_range="ml-pods"), "network.services_range: ml-pods is the pods' range too; name two secondary"),
    (
        endpoint(public_cidrs=["0.0.0.0/0"]),
        "api_endpoint.public_cidrs[0]: 0.0.0.0/0 lets most of the internet reach the API server; name the ranges of",
    ),
    (endpoint(public_cidrs=["203.0.113.0/24", "128.0.0.0/1"]), "public_cidrs[1]: 128.0.0.0/1 lets most of"),
    (endpoint(public_cidrs=["10.0.0.0/8"]), "api_endpoint.public_cidrs[0]: 10.0.0.0/8 has private addresses"),
    (
        endpoint(dns=False, public_cidrs=[]),
        "api_endpoint.public_cidrs: a public address that no range may reach; name those of your offices, VPN and CI",
    ),
    (
        endpoint(public_cidrs=["203.0.113.7/32"] * 60, private_cidrs=["10.0.0.0/8"] * 41),
        "api_endpoint.public_cidrs: 101 ranges are more than GKE allows; name up to 100 in all, or use dns",
    ),
    (endpoint(private_cidrs=["203.0.113.0/24"]), "api_endpoint.private_cidrs[0]: 203.0.113.0/24 are no private"),
    (maintenance(start="3:00"), "upgrade.maintenance.start: '3:00' is no time of day; write one like \"03:00\""),
    (maintenance(start="24:00"), "upgrade.maintenance.start: '24:00' is no time of day"),
    (maintenance(hours=3), "upgrade.maintenance.hours: a window of 3 hours is not possible; use 4 to 24"),
    (maintenance(hours=25), "upgrade.maintenance.hours: a window of 25 hours is not possible"),
    (
        maintenance(days=["saturday", "sunday"]),
        "upgrade.maintenance.days: 32 hours in four weeks are less than the 48 that GKE asks for; name more days",
    ),
    (maintenance(days=["sunday"] * 3), "upgrade.maintenance.days: a day is named twice; name each once"),
    (maintenance(days=["sun"]), "upgrade.maintenance.days[0]: 'sun' is not a choice here"),
    (spec(upgrade=GkeUpgradeSpec(channel="fast")), "upgrade.channel: 'fast' is not a choice here"),  # pyright: ignore[reportArgumentType]
    (spec(encryption=GkeEncryptionSpec(key="prod")), "encryption.key: 'prod' is no name of a key in a region's Cloud"),
    (
        spec(encryption=GkeEncryptionSpec(key=f"{KEY}/cryptoKeyVersions/1")),
        "write projects/PROJECT/locations/REGION/keyRings/RING/cryptoKeys/KEY, without a version",
    ),
    (
        spec(encryption=GkeEncryptionSpec(key=KEY.replace("us-central1", "europe-west4"))),
        "encryption.key: the key is in europe-west4; name a key in us-central1",
    ),
    (
        spec(secondary_boot_disks={"l4": [GkeBootDiskSpec(image="weights")]}),
        "secondary_boot_disks.l4[0].image: 'weights' is no image of a disk; write one like global/images/model-weights",
    ),
    (spec(admins=["ada@example.org"]), "admins[0]: 'ada@example.org' is no principal of Google Cloud; write user:"),
    (spec(admins=["allUsers"]), "admins[0]: 'allUsers' is no principal of Google Cloud"),
    (spec(admins=[ADMIN, ADMIN]), f"admins[1]: {ADMIN} stands there twice; name each once"),
    (spec(admins=[ADMINS]), "admins[0]: GKE knows no groups without security_group; set security_group, and make"),
    (
        spec(security_group="ml@example.org"),
        "security_group: 'ml@example.org' is no group that GKE looks groups up in; write gke-security-groups@ and your",
    ),
    (spec(labels={"Team": "ml"}), "labels: 'Team' is no key of a label in Google Cloud; use up to 63 lower-case"),
    (spec(labels={"goog-team": "ml"}), "labels: 'goog-team' is no key of a label in Google Cloud"),
    (spec(labels={"team": "M L"}), "labels.team: 'M L' is no value of a label in Google Cloud"),
    (spec(labels={f"l{number}": "" for number in range(62)}), "labels: 62 labels are too many; use up to 61"),
    (
        spec(autopilot=True),
        "autopilot: Autopilot has no node pools: machine, driver, sharing and fabric of a pool would be Google's",
    ),
    (spec(provisioner="karpenter"), "provisioner: 'karpenter' is not a choice here"),
]
PASSES = [
    spec(),
    spec(project="a-b-c4"),
    spec(region="northamerica-northeast2"),
    spec(name="a" * 40),
    *(spec(kubernetes_version=version) for version in GKE),
    spec(zones=1),
    spec(zones=4),
    spec(zones=["us-central1-f"]),
    spec(zones=["us-central1-a", "us-central1-ai1a"], control_plane="zonal"),
    spec(zones=["us-central1-ai1a", "us-central1-a"]),
    vpc(nodes_cidr="10.0.0.0/16", pods_cidr="10.128.0.0/9", services_cidr="10.1.0.0/27"),
    vpc(nodes_cidr="10.0.0.0/28", pods_cidr="100.64.0.0/21"),
    vpc(services_cidr="10.0.16.0/20"),
    existing(),
    spec(network=SHARED_VPC),
    endpoint(dns=False),
    endpoint(public_cidrs=["203.0.113.7/32"]),
    endpoint(dns=False, public_cidrs=[f"203.0.113.{number}/32" for number in range(100)]),
    endpoint(private_cidrs=["10.0.0.0/8"]),
    maintenance(start="23:59", hours=24),
    maintenance(days=["saturday", "sunday"], hours=6),
    maintenance(days=["friday", "saturday", "sunday"]),
    spec(encryption=GkeEncryptionSpec(key=KEY)),
    spec(secondary_boot_disks={"l4": [GkeBootDiskSpec(image="projects/images-4711/global/images/weights")]}),
    spec(admins=[ADMIN, "serviceAccount:ci@ml-prod-4711.iam.gserviceaccount.com"]),
    spec(admins=[ADMINS], security_group="gke-security-groups@example.org"),
    spec(labels={"cost-center": "4711", "empty": ""}),
    spec(labels={f"l{number}": "" for number in range(61)}),
    spec(autopilot=False, provisioner="node_auto_provisioning"),
]


@pytest.mark.parametrize(("refused", "message"), REFUSED, ids=[message[:60] for _, message in REFUSED])
def test_refused_with_the_reason(refused: GkeSpec, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        validate(refused)
    assert any(message in str(problem) for problem in caught.value.problems), str(caught.value)


@pytest.mark.parametrize("passes", PASSES, ids=str)
def test_near_ones_pass(passes: GkeSpec) -> None:
    assert validate(passes) == passes


START = '"project": "ml-prod-4711", "region": "europe-west4"'


def test_network_of_either_kind_is_read() -> None:
    ours = load_json(GkeSpec, f'{{{START}, "network": {{"nodes_cidr": "10.20.0.0/20"}}}}')
    assert isinstance(ours.network, GkeVpcSpec)
    named = '"network": "corp", "subnetwork": "ml", "pods_range": "pods", "services_range": "services"'
    assert isinstance(load_json(GkeSpec, f'{{{START}, "network": {{{named}}}}}').network, GkeExistingVpcSpec)


def test_misspelt_key_of_a_network_is_named() -> None:
    with pytest.raises(ConfigError, match=r"network\.pod_cidr: is not a key here; did you mean pods_cidr\?"):
        load_json(GkeSpec, f'{{{START}, "network": {{"pod_cidr": "10.4.0.0/14"}}}}')


def test_schema_describes_both_networks() -> None:
    definitions = json_schema(GkeSpec)["$defs"]
    assert "subnetwork" in definitions["GkeExistingVpcSpec"]["properties"]
    assert "pods_cidr" in definitions["GkeVpcSpec"]["properties"]


@pytest.mark.parametrize(
    ("nodes_cidr", "pods_cidr", "most"),
    [
        ("10.0.0.0/20", "10.4.0.0/14", 1024),
        ("10.0.0.0/28", "10.4.0.0/14", 12),
        ("10.0.0.0/20", "10.4.0.0/21", 8),
        ("10.0.0.0/20", "100.64.0.0/10", 4092),
    ],
)
def test_as_many_nodes_as_there_are_addresses_for_them_and_their_pods(
    nodes_cidr: str, pods_cidr: str, most: int
) -> None:
    assert GkeVpcSpec(nodes_cidr=nodes_cidr, pods_cidr=pods_cidr).most_nodes == most


def test_a_regional_control_plane_is_in_the_region_and_a_zonal_one_in_its_first_zone() -> None:
    assert spec(zones=2).location == "us-central1"
    assert spec(zones=1).location == "us-central1", "with nodes in one zone the control plane still is in three"
    assert spec(zones=["us-central1-f", "us-central1-a"], control_plane="zonal").location == "us-central1-f"


def test_names_of_resources_and_clusters_fit() -> None:
    assert component_name_problem("a" * 36) is None
    assert "has 37 characters; use at most 36" in str(component_name_problem("a" * 37))
    assert cluster_name_problem("acme-ml-prod") is None
    assert "is no name that GKE allows" in str(cluster_name_problem("acme.ml"))


@pytest.mark.parametrize("name", ["ml", "a" * 40, "acme-platform--ml"])
def test_id_of_the_nodes_account_fits_and_tells_places_apart(name: str) -> None:
    found = account_id(name, "ml-prod-4711", "us-central1")
    assert 6 <= len(found) <= 30
    assert found.startswith(name[:2])
    assert found == account_id(name, "ml-prod-4711", "us-central1")
    assert found != account_id(name, "ml-prod-4711", "europe-west4")


def test_any_text_becomes_the_value_of_a_label_and_two_texts_stay_two() -> None:
    assert label_value("ml_prod-1") == "ml_prod-1"
    assert label_value("Acme.prod") != label_value("acme.prod") != label_value("acme-prod")
    assert label_value("acme.prod").startswith("acme-prod-")
    assert len(label_value("a" * 64)) == 63
    assert label_value("a" * 64) != label_value("a" * 65)


@pytest.mark.parametrize(
    ("region", "zones"),
    [
        ("europe-west4", ("europe-west4-a", "europe-west4-b", "europe-west4-c")),
        ("us-east1", ("us-east1-b", "us-east1-c", "us-east1-d")),
        ("us-central1", ("us-central1-a", "us-central1-b", "us-central1-c")),
    ],
)
def test_zones_are_known_without_a_lookup(region: str, zones: tuple[str, ...]) -> None:
    assert zones_of(region)[:3] == zones
    assert all(is_zone_of(zone, region) for zone in zones)


def test_zones_for_ai_are_told_from_others() -> None:
    assert is_zone_of("us-central1-ai1a", "us-central1")
    assert is_ai_zone("us-central1-ai1a")
    assert not is_ai_zone("us-central1-a")
    assert not is_zone_of("us-central12-a", "us-central1")
