"""The spec of a cluster on AKS: what it refuses, with the reason, and what is near it and passes."""

from dataclasses import replace
from typing import Any

import pytest

from modelyard.cluster.aks.locations import is_zone_of, zone_number, zones_of
from modelyard.cluster.aks.networks import AksExistingVnetSpec, AksVnetSpec
from modelyard.cluster.aks.spec import (
    AksApiEndpointSpec,
    AksEncryptionSpec,
    AksSpec,
    AksUpgradeSpec,
)
from modelyard.cluster.aks.words import cluster_name_problem, component_name_problem
from modelyard.errors import ConfigError
from modelyard.spec import json_schema, load_json, validate
from modelyard.versions import AKS, KUBERNETES
from tests.support.azure import GROUP, SUBSCRIPTION
from tests.unit.cluster.aks.clusters import ADMINS, DISKS, EXISTING, KEY, REGISTRY, TENANT, VAULT, aks_spec

OFFICE = AksApiEndpointSpec(public_cidrs=["203.0.113.0/24"])


def vnet(**settings: Any) -> AksSpec:
    return aks_spec(network=AksVnetSpec(**settings))


def existing(**settings: Any) -> AksSpec:
    return aks_spec(network=replace(EXISTING, **settings))


def endpoint(**settings: Any) -> AksSpec:
    return aks_spec(api_endpoint=AksApiEndpointSpec(**settings))


def upgrade(tier: str = "standard", **settings: Any) -> AksSpec:
    return aks_spec(tier=tier, upgrade=AksUpgradeSpec(**settings))


def encryption(**settings: Any) -> AksSpec:
    return aks_spec(encryption=AksEncryptionSpec(**settings))


REFUSED = [
    (
        aks_spec(subscription_id="prod"),
        "subscription_id: 'prod' is no id of a subscription; write what `az account show --query id` prints",
    ),
    (aks_spec(subscription_id=SUBSCRIPTION.upper()), "is no id of a subscription"),
    (aks_spec(tenant_id="example.org"), "tenant_id: 'example.org' is no id of a tenant; write what `az account show"),
    (aks_spec(region="East US 2"), "region: 'East US 2' is no region; write one like eastus2, without spaces"),
    (aks_spec(region="us-east-1"), "region: 'us-east-1' is no region; write one like eastus2"),
    (
        aks_spec(region="usgovvirginia"),
        "region: usgovvirginia is no region of Azure's public cloud; use one like eastus2: others have accounts",
    ),
    (aks_spec(region="chinanorth3"), "region: chinanorth3 is no region of Azure's public cloud"),
    (aks_spec(region="qatarcentral"), "region: AKS puts no API server into a network of yours in qatarcentral; use"),
    (aks_spec(admins=[]), "admins: without one nobody could use the cluster; name the Entra group of those who run"),
    (aks_spec(admins=["ml-admins"]), "admins[0]: 'ml-admins' is no object id of an Entra group; write what `az ad"),
    (aks_spec(admins=ADMINS * 2), f"admins: {ADMINS[0]} stands there twice; name each once"),
    (
        aks_spec(container_registry_ids=[REGISTRY, REGISTRY.replace("mlimages", "MLImages")]),
        "container_registry_ids[1]: /subscriptions/",
    ),
    (aks_spec(zones=["1"]), "zones[0]: '1' is no zone of eastus2; use eastus2-1 or eastus2-2 or eastus2-3"),
    (aks_spec(zones=["eastus2-4"]), "zones[0]: 'eastus2-4' is no zone of eastus2"),
    (aks_spec(zones=["eastus2-1", "eastus2-1"]), "zones: a zone is named twice; name each once"),
    (aks_spec(zones=[]), "zones: is empty; name one or more, or leave it out for all"),
    (aks_spec(region="westus", zones=["westus-1"]), "zones[0]: westus has no zones; leave zones out, or choose a"),
    (aks_spec(region="westus", zones=["west-1"]), "zones[0]: 'west-1' is no zone of westus; leave zones out: westus"),
    (
        aks_spec(resource_group=f"{GROUP}/ml"),
        "is no name of a resource group; write one like ml-platform, not an id",
    ),
    (aks_spec(resource_group="ml."), "resource_group: 'ml.' is no name of a resource group"),
    (aks_spec(name="a_b"), "name: 'a_b' is no name that AKS allows; give one of up to 54 letters, digits and dashes"),
    (aks_spec(name="a" * 55), "give one of up to 54 letters"),
    (aks_spec(name="prod-"), "name: 'prod-' is no name that AKS allows"),
    (
        aks_spec(kubernetes_version="1.20"),
        "kubernetes_version: '1.20' is not a version of Kubernetes that modelyard knows on AKS; use 1.35 or",
    ),
    (
        aks_spec(tier="premium"),
        "tier: is standard but for long support, which is not asked for, at six times the price; add upgrade:",
    ),
    (
        upgrade(support="long_term"),
        "upgrade.support: comes with tier premium only, not standard; write tier: premium, or support: standard",
    ),
    (upgrade("free", support="long_term"), "upgrade.support: comes with tier premium only, not free"),
    (upgrade(start_hour_utc=24), "upgrade.start_hour_utc: 24 is above 23"),
    (upgrade(duration_hours=3), "upgrade.duration_hours: 3 is below 4"),
    (upgrade(day="Sunday"), "upgrade.day: 'Sunday' is not a choice here"),
    (upgrade(channel="stable"), "upgrade.channel: 'stable' is not a choice here"),
    (aks_spec(system_machine_type="m7i.large"), "system_machine_type: 'm7i.large' is no machine type of Azure; write"),
    (
        aks_spec(system_machine_type="Standard_B4ms"),
        "system_machine_type: Standard_B4ms is of the B series, which AKS does not run its own parts on; use one",
    ),
    (
        aks_spec(container_registry_ids=["mlimages.azurecr.io"]),
        "is no id of a container registry; write one like /subs",
    ),
    (vnet(cidr="10.0.0.0/25"), "network.cidr: 10.0.0.0/25 is too small for a network of ours; use /8 to /24"),
    (vnet(cidr="10.0.0.1/16"), "network.cidr: '10.0.0.1/16' is no range of IPv4 addresses; write one like"),
    (vnet(cidr="54.0.0.0/16"), "network.cidr: 54.0.0.0/16 are no private addresses"),
    (vnet(cidr="172.30.0.0/20"), "network.cidr: 172.30.0.0/20 overlaps 172.30.0.0/16, which AKS keeps for itself"),
    (vnet(cidr="172.16.0.0/12"), "network.cidr: 172.16.0.0/12 overlaps 172.30.0.0/16, which AKS keeps"),
    (vnet(cidr="172.20.0.0/24"), "service_cidr: 172.20.0.0/16 overlaps network.cidr 172.20.0.0/24; choose ranges"),
    (vnet(cidr="100.64.0.0/16"), "pod_cidr: 100.64.0.0/12 overlaps network.cidr 100.64.0.0/16"),
    (vnet(nat_addresses=17), "network.nat_addresses: 17 is above 16"),
    (vnet(nat_idle_minutes=3), "network.nat_idle_minutes: 3 is below 4"),
    (aks_spec(service_cidr="172.16.0.0/12"), "service_cidr: 172.16.0.0/12 is too large for Services; use /13 to /24"),
    (aks_spec(pod_cidr="10.64.0.0/21"), "pod_cidr: 10.64.0.0/21 is too small for pods; use /12 to /20"),
    (
        aks_spec(pod_cidr="10.64.0.0/16", service_cidr="10.64.8.0/24"),
        "service_cidr: 10.64.8.0/24 overlaps pod_cidr 10.64.0.0/16",
    ),
    (
        existing(node_subnet_id="nodes"),
        "network.node_subnet_id: 'nodes' is no id of a subnet; write one like /subscriptions/",
    ),
    (
        existing(api_server_subnet_id=EXISTING.node_subnet_id),
        "network.api_server_subnet_id: is the nodes' subnet; name one with nothing in it, delegated to AKS",
    ),
    (
        existing(api_server_subnet_id=EXISTING.api_server_subnet_id.replace("/main/", "/other/")),
        "network.api_server_subnet_id: is in another network than node_subnet_id; name a subnet of the same one",
    ),
    (
        endpoint(public_cidrs=["0.0.0.0/0"]),
        "api_endpoint.public_cidrs[0]: 0.0.0.0/0 lets most of the internet reach the API server; name the ranges of",
    ),
    (
        endpoint(public_cidrs=["10.0.0.0/8"]),
        "api_endpoint.public_cidrs[0]: 10.0.0.0/8 has private addresses, which a public endpoint never sees; leave it",
    ),
    (endpoint(public_cidrs=[]), "api_endpoint.public_cidrs: 0 ranges are not possible; name 1 to 200, or leave it"),
    (endpoint(public_cidrs=["203.0.113.0/24"] * 201), "api_endpoint.public_cidrs: 201 ranges are not possible"),
    (encryption(key_id=KEY), "encryption.key_vault_id: is needed beside key_id; name it, or leave key_id out"),
    (encryption(key_vault_id=VAULT), "encryption.key_id: is needed beside key_vault_id; name it, or leave key_vault"),
    (
        encryption(key_id=KEY.replace("ml-keys", "others"), key_vault_id=VAULT),
        "encryption.key_vault_id: is vault 'ml-keys', and the key is in 'others'; name the vault of the key",
    ),
    (
        encryption(key_id=KEY.rpartition("/")[0], key_vault_id=VAULT),
        "is no id of a key with its version; write one like https://NAME.vault.azure.net/keys/",
    ),
    (encryption(disk_encryption_set_id="nodes"), "encryption.disk_encryption_set_id: 'nodes' is no id of a disk encry"),
    (aks_spec(log_retention_days=29), "log_retention_days: 29 is below 30"),
    (aks_spec(log_retention_days=731), "log_retention_days: 731 is above 730"),
    (aks_spec(control_plane_logs="some"), "control_plane_logs: 'some' is not a choice here"),
    (aks_spec(provisioner="karpenter"), "provisioner: 'karpenter' is not a choice here"),
    (aks_spec(tags={"a/b": "ml"}), "tags: 'a/b' is no name of a tag; use up to 512 characters without < > %"),
    (aks_spec(tags={"aks-managed-x": "ml"}), "tags: 'aks-managed-x' is no name of a tag"),
    (aks_spec(tags={"team": "a" * 257}), "tags.team: has 257 characters; use at most 256"),
    (
        aks_spec(tags={f"t{n}": "" for n in range(15)}),
        "tags: 15 and ours are more than the 15 of a private cluster's DNS zone; keep 14",
    ),
    (
        aks_spec(api_endpoint=OFFICE, tags={f"t{n}": "" for n in range(45)}),
        "tags: 45 and up to 6 of ours are more than the 50 of a resource in Azure; keep 44",
    ),
    (
        aks_spec(shared_storage=False, shared_storage_service="blob"),
        "shared_storage_service: is blob, and shared_storage is false; leave one of them out",
    ),
]
PASSES = [
    aks_spec(),
    aks_spec(tenant_id=TENANT),
    aks_spec(region="westeurope"),
    aks_spec(region="westus"),
    aks_spec(admins=[*ADMINS, TENANT]),
    aks_spec(zones=["eastus2-3"]),
    aks_spec(resource_group="ml_platform.(prod)"),
    aks_spec(name="a" * 54),
    *(aks_spec(kubernetes_version=version) for version in AKS),
    aks_spec(tier="free"),
    upgrade("premium", support="long_term"),
    upgrade(start_hour_utc=0, duration_hours=24, day="monday", channel="none", node_images="none"),
    aks_spec(system_machine_type="Standard_D4as_v6"),
    aks_spec(container_registry_ids=[REGISTRY, REGISTRY.replace("mlimages", "moreimages")]),
    vnet(cidr="10.0.0.0/8"),
    vnet(cidr="192.168.0.0/24"),
    vnet(cidr="172.29.0.0/16"),
    vnet(nat_addresses=16, nat_idle_minutes=120),
    aks_spec(service_cidr="192.168.0.0/24", pod_cidr="172.16.0.0/14"),
    aks_spec(pod_cidr="10.64.0.0/20"),
    existing(),
    # The range of an existing network is not known.
    aks_spec(network=EXISTING, service_cidr="10.0.0.0/16"),
    existing(way_out="nat_gateway"),
    endpoint(public_cidrs=["203.0.113.7/32"]),
    endpoint(public_cidrs=[f"203.0.113.{number}/32" for number in range(200)]),
    encryption(disk_encryption_set_id=DISKS),
    encryption(key_id=KEY, key_vault_id=VAULT, key_vault_access="private"),
    aks_spec(log_retention_days=30),
    aks_spec(log_retention_days=730),
    aks_spec(tags={"cost center": "a/b=c"}),
    aks_spec(tags={f"t{n}": "" for n in range(14)}),
    aks_spec(api_endpoint=OFFICE, tags={f"t{n}": "" for n in range(44)}),
    aks_spec(shared_storage_service="blob"),
    aks_spec(shared_storage=False, shared_storage_service="files"),
]


@pytest.mark.parametrize(("refused", "message"), REFUSED, ids=[message[:60] for _, message in REFUSED])
def test_refused_with_the_reason(refused: AksSpec, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        validate(refused)
    assert any(message in str(problem) for problem in caught.value.problems), str(caught.value)


@pytest.mark.parametrize("passes", PASSES, ids=str)
def test_near_ones_pass(passes: AksSpec) -> None:
    assert validate(passes) == passes


def read(network: str) -> AksSpec:
    text = f'"subscription_id": "{SUBSCRIPTION}", "region": "eastus2", "admins": ["{ADMINS[0]}"]'
    return load_json(AksSpec, f'{{{text}, "network": {network}}}')


def test_network_of_either_kind_is_read() -> None:
    assert isinstance(read('{"nat_addresses": 2}').network, AksVnetSpec)
    ids = f'"node_subnet_id": "{EXISTING.node_subnet_id}", "api_server_subnet_id": "{EXISTING.api_server_subnet_id}"'
    assert isinstance(read(f"{{{ids}}}").network, AksExistingVnetSpec)


def test_misspelt_key_of_a_network_is_named() -> None:
    with pytest.raises(ConfigError, match=r"network\.nat_address: is not a key here; did you mean nat_addresses\?"):
        read('{"nat_address": 2}')


def test_schema_describes_both_networks() -> None:
    definitions = json_schema(AksSpec)["$defs"]
    assert "node_subnet_id" in definitions["AksExistingVnetSpec"]["properties"]
    assert "cidr" in definitions["AksVnetSpec"]["properties"]


def test_names_of_parts_and_clusters_fit() -> None:
    assert component_name_problem("a" * 40) is None
    assert "has 41 characters; use at most 40" in str(component_name_problem("a" * 41))
    assert cluster_name_problem("acme-ml-prod") is None
    assert "is no name that AKS allows" in str(cluster_name_problem("acme.ml"))


def test_zones_are_known_without_a_lookup() -> None:
    assert zones_of("eastus2") == ("eastus2-1", "eastus2-2", "eastus2-3")
    assert zones_of("westus") == ()
    assert is_zone_of("eastus2-3", "eastus2")
    assert not is_zone_of("eastus-3", "eastus2")
    assert zone_number("eastus2-3") == "3"
    assert aks_spec().zone_names() == zones_of("eastus2")
    assert aks_spec(zones=["eastus2-2"]).zone_names() == ("eastus2-2",)


def test_api_server_is_private_unless_ranges_are_named() -> None:
    assert aks_spec().is_private
    assert not endpoint(public_cidrs=["203.0.113.0/24"]).is_private


def test_default_version_is_that_of_other_clusters() -> None:
    assert AKS[0] == next(iter(KUBERNETES))
