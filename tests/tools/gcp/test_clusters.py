"""Clusters: what GKE refuses, and what it lets pass."""

from typing import Any

import pytest

from tests.support.gke_world import PROJECT
from tests.tools.gcp import things
from tests.tools.gcp.account import Gcp, Made
from tests.tools.gcp.things import CLUSTER, NETWORK, NODE_POOL, SUBNETWORK
from tools.offline.cloud.world import Record
from tools.offline.common.errors import ProviderError
from tools.offline.common.values import UNKNOWN

Json = dict[str, Any]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"name": "Small"}, "'Small' must be lower-case"),
        ({"initialNodeCount": None}, "must be greater than zero"),
        ({"location": "us-central1-a"}, "node_locations should not contain the original 'zone'"),
        ({"nodeVersion": "1.34"}, "only be specified if remove_default_node_pool is not true"),
        ({"nodePools": [{"name": "a"}]}, "excludes initialNodeCount"),
        ({"networkPolicy": {"enabled": True}}, "Enabling NetworkPolicy for clusters with ADVANCED_DATAPATH"),
        ({"datapathProvider": "LEGACY_DATAPATH", "enableMultiNetworking": True}, "requires Dataplane V2"),
        ({"datapathProvider": "V2"}, "must be one of DATAPATH_PROVIDER_UNSPECIFIED"),
        ({"releaseChannel": {"channel": "FAST"}}, "must be one of UNSPECIFIED, RAPID, REGULAR"),
        ({"workloadIdentityConfig": {"workloadPool": PROJECT}}, "must be <project>.svc.id.goog"),
        ({"privateClusterConfig": {"masterIpv4CidrBlock": "172.16.0.0/24"}}, "is no range of /28"),
        (
            {"masterAuthorizedNetworksConfig": {"cidrBlocks": [{"cidrBlock": "10.0.0.0/33"}]}},
            "'10.0.0.0/33' is no range of addresses",
        ),
        ({"clusterAutoscaling": {"enabled": True}}, "needs limits of cpu and memory"),
        ({"authenticatorGroupsConfig": {"securityGroup": "admins@example.com"}}, "must be gke-security-groups@"),
        ({"deletion_protection": False}, "there is no such property"),
        ({"loggingConfig": {"enableComponents": ["SYSTEM"]}}, "must be one of COMPONENT_UNSPECIFIED"),
    ],
)
def test_a_cluster_is_refused(gcp: Gcp, network: things.Network, change: Json, why: str) -> None:
    faults = gcp.faults(CLUSTER, things.cluster_inputs(network, **change))
    assert any(why in each for each in faults), faults


def test_a_cluster_with_everything_near_that_passes(gcp: Gcp, network: things.Network) -> None:
    limits = [{"resourceType": each, "maximum": 100} for each in ("cpu", "memory", "nvidia-l4")]
    more = {
        "enableMultiNetworking": True,
        "clusterAutoscaling": {"enabled": True, "resourceLimits": limits},
        "loggingConfig": {"enableComponents": ["SYSTEM_COMPONENTS"]},
        "masterAuthorizedNetworksConfig": {"cidrBlocks": [{"cidrBlock": "198.51.100.0/24"}]},
        "privateClusterConfig": {"enablePrivateNodes": True, "masterIpv4CidrBlock": "172.16.0.0/28"},
    }
    made = gcp.create(CLUSTER, "small", things.cluster_inputs(network, **more))
    assert made.id == f"projects/{PROJECT}/locations/us-central1/clusters/small"
    assert made["masterVersion"].startswith("1.34")
    assert made["controlPlaneEndpointsConfig"]["dnsEndpointConfig"]["endpoint"].endswith(".us-central1.gke.goog")


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"minMasterVersion": "1.12"}, 'Master version "1.12" is unsupported'),
        ({"location": "us-central"}, 'Location "us-central" does not exist'),
        ({"nodeLocations": ["us-east1-b"]}, "Zone us-east1-b is not in region us-central1"),
        ({"location": "europe-west4", "nodeLocations": []}, "is not in region europe-west4"),
        ({"workloadIdentityConfig": {"workloadPool": "other.svc.id.goog"}}, f"must be {PROJECT}.svc.id.goog"),
        ({"ipAllocationPolicy": {"clusterSecondaryRangeName": "nope"}}, 'secondary range "nope" does not exist'),
        (
            {"ipAllocationPolicy": {"clusterSecondaryRangeName": "pods", "servicesSecondaryRangeName": "pods"}},
            "cannot have the same secondary range",
        ),
        ({"privateClusterConfig": {"masterIpv4CidrBlock": "10.0.0.0/28"}}, "overlaps with an existing range"),
        ({"initialNodeCount": None, "nodePools": [{"name": "a"}]}, 'node pool "default-pool"'),
    ],
)
def test_a_cluster_that_does_not_fit_is_refused(gcp: Gcp, network: things.Network, change: Json, why: str) -> None:
    with pytest.raises(ProviderError, match="Error creating Cluster") as raised:
        gcp.create(CLUSTER, "small", things.cluster_inputs(network, **change))
    assert why in str(raised.value)
    assert gcp.world.resources("Cluster") == []


def test_an_inline_pool_of_the_default_name_can_be_removed_again(gcp: Gcp, network: things.Network) -> None:
    pools = [{"name": "default-pool", "initialNodeCount": 0}]
    gcp.create(CLUSTER, "small", things.cluster_inputs(network, initialNodeCount=None, nodePools=pools))


def test_two_clusters_do_not_share_a_range_of_services(gcp: Gcp, network: things.Network, cluster: Made) -> None:
    with pytest.raises(ProviderError, match='Services range "services" is already in use'):
        gcp.create(CLUSTER, "second", things.cluster_inputs(network, name="second"))
    with pytest.raises(ProviderError, match=r"Error 409: The resource '.*clusters/small' already exists"):
        gcp.create(CLUSTER, "twin", cluster.given)


def test_a_key_must_be_open_to_gke(gcp: Gcp, network: things.Network) -> None:
    key = gcp.world.add_key("key")
    inputs = things.cluster_inputs(network, databaseEncryption={"state": "ENCRYPTED", "keyName": key})
    with pytest.raises(ProviderError, match="Permission denied on Cloud KMS key"):
        gcp.create(CLUSTER, "small", inputs)
    gcp.world.let_use(key, f"service-{gcp.world.number()}@container-engine-robot.iam.gserviceaccount.com")
    gcp.create(CLUSTER, "small", inputs)


def test_versions_go_up_one_at_a_time(gcp: Gcp, cluster: Made) -> None:
    with pytest.raises(ProviderError, match="more than one minor version at a time"):
        gcp.update(cluster, {**cluster.given, "minMasterVersion": "1.36"})
    newer = gcp.update(cluster, {**cluster.given, "minMasterVersion": "1.35"})
    assert newer["masterVersion"].startswith("1.35")
    older = gcp.update(newer, {**newer.given, "minMasterVersion": "1.34"})
    assert older["masterVersion"].startswith("1.35"), "a least version that is reached changes nothing"


def test_the_provider_keeps_a_protected_cluster(gcp: Gcp, cluster: Made) -> None:
    protected = gcp.update(cluster, {**cluster.given, "deletionProtection": True})
    with pytest.raises(ProviderError, match=r"^Cannot destroy cluster because deletion_protection is set to true"):
        gcp.delete(protected)
    gcp.delete(gcp.update(protected, cluster.given))


def test_what_a_cluster_has_goes_with_it_and_then_its_network(gcp: Gcp, network: things.Network, cluster: Made) -> None:
    gcp.create(NODE_POOL, "pool", things.pool_inputs(cluster))
    with pytest.raises(ProviderError, match=r"subnetworks/.* is already being used by 'projects/.*clusters/small'"):
        gcp.delete(network.subnetwork)
    gcp.delete(cluster)
    for each in (network.nat, network.router, network.subnetwork, network.network):
        gcp.delete(each)
    assert gcp.world.left() == []


def test_what_controllers_left_keeps_the_network(gcp: Gcp, network: things.Network, cluster: Made) -> None:
    left = Record(
        token="internal:compute/firewall:Firewall",
        id=f"projects/{PROJECT}/global/firewalls/k8s2-abc",
        inputs={"network": network.network.id},
    )
    with gcp.world.world.open() as account:
        account.add(left)
    gcp.delete(cluster)
    for each in (network.nat, network.router, network.subnetwork):
        gcp.delete(each)
    with pytest.raises(ProviderError, match=r"already being used by 'projects/.*/global/firewalls/k8s2-abc'"):
        gcp.delete(network.network)
    gcp.world.forget("Firewall", left.id)
    gcp.delete(network.network)


def test_a_preview_does_not_know_what_gke_adds(gcp: Gcp, network: things.Network) -> None:
    given = {"dnsEndpointConfig": {"allowExternalTraffic": True}}
    seen = gcp.preview(CLUSTER, things.cluster_inputs(network, controlPlaneEndpointsConfig=given))
    assert seen["endpoint"] is UNKNOWN
    assert seen["controlPlaneEndpointsConfig"]["dnsEndpointConfig"]["endpoint"] is UNKNOWN
    assert seen["controlPlaneEndpointsConfig"]["dnsEndpointConfig"]["allowExternalTraffic"] is True


def test_what_replaces_a_cluster(gcp: Gcp, cluster: Made) -> None:
    given = cluster.given
    assert gcp.diff(cluster, {**given, "datapathProvider": "LEGACY_DATAPATH"})[1] == ["datapathProvider"]
    assert gcp.diff(cluster, {**given, "nodeLocations": ["us-central1-a"]})[1] == []
    assert gcp.diff(cluster, {**given, "nodeLocations": ["us-central1-b", "us-central1-a"]})[0] == []


def test_types_need_a_network_of_their_own(gcp: Gcp) -> None:
    automatic = gcp.create(NETWORK, "net", {})
    with pytest.raises(ProviderError, match="Cannot create subnetworks in the automatic network"):
        gcp.create(SUBNETWORK, "nodes", things.subnetwork_inputs(automatic))
