"""Names, labels, state, refresh and faults in the simulated Google Cloud."""

import threading

import pytest

from tests.support.processes import wait_until
from tests.tools.gcp import things
from tests.tools.gcp.account import Gcp, Made
from tests.tools.gcp.things import CLUSTER, NETWORK, NODE_POOL, ROUTER, SUBNETWORK
from tools.offline.cloud import provider_config
from tools.offline.common.errors import PartialError, ProviderError
from tools.offline.common.values import marshal
from tools.offline.gcp.cloud import GCP


def test_a_name_is_made_of_the_resources_and_stays(gcp: Gcp) -> None:
    made = gcp.create(NETWORK, "net", {"autoCreateSubnetworks": False})
    assert made["name"].startswith("net-")
    assert len(made["name"]) == len("net-") + 7
    assert made.id == f"projects/modelyard-test/global/networks/{made['name']}"
    assert made["selfLink"] == f"https://www.googleapis.com/compute/v1/{made.id}"
    assert gcp.diff(made, {"autoCreateSubnetworks": False})[0] == []


def test_where_a_resource_is_comes_from_the_provider(gcp: Gcp) -> None:
    network = gcp.create(NETWORK, "net", {"autoCreateSubnetworks": False})
    made = gcp.create(ROUTER, "router", {"network": network.id})
    assert (made["project"], made["region"]) == ("modelyard-test", "us-central1")
    other = gcp.create(ROUTER, "other", {"network": network.id, "region": "europe-west4"})
    assert other.id.startswith("projects/modelyard-test/regions/europe-west4/routers/other-")


def test_a_refresh_shows_what_somebody_changed(gcp: Gcp, cluster: Made) -> None:
    gcp.world.change("Cluster", "resourceLabels", {"owner": "them"})
    seen = gcp.read(cluster)
    assert seen is not None
    assert seen["resourceLabels"] == {"owner": "them"}
    gcp.world.forget("Cluster", cluster.id)
    assert gcp.read(cluster) is None


def test_a_test_lets_calls_go_wrong(gcp: Gcp, network: things.Network) -> None:
    inputs = things.cluster_inputs(network)
    gcp.world.go_wrong("Cluster.create", message="Google Compute Engine is out of room.", code="backendError")
    with pytest.raises(
        ProviderError, match=r"googleapi: Error 400: Google Compute Engine is out of room., backendError"
    ):
        gcp.create(CLUSTER, "small", inputs)
    gcp.world.go_right()
    made = gcp.create(CLUSTER, "small", inputs)
    gcp.world.go_wrong("NodePool.create", then="fail_after", code="GCE_STOCKOUT")
    with pytest.raises(PartialError, match="GCE_STOCKOUT") as raised:
        gcp.create(NODE_POOL, "pool", things.pool_inputs(made))
    gcp.world.go_right()
    pool = gcp.kept(NODE_POOL, "pool", raised.value)
    with pytest.raises(ProviderError, match=r"is not running"):
        gcp.update(pool, {**pool.given, "nodeLocations": ["us-central1-b"]})
    gcp.delete(pool)


def test_a_call_stalls_until_it_may_go_on(gcp: Gcp) -> None:
    gcp.world.go_wrong("Network.create", then="stall")
    thread = threading.Thread(target=gcp.create, args=(NETWORK, "net", {}))
    thread.start()
    thread.join(0.5)
    assert thread.is_alive()
    gcp.world.go_right()
    wait_until(lambda: not thread.is_alive(), "the call's end")
    assert [each["operation"] for each in gcp.world.calls("Network.create")] == ["Network.create"]


def test_a_change_that_replaces_is_said_to(gcp: Gcp, network: things.Network) -> None:
    old = network.subnetwork
    assert gcp.diff(old, {**old.given, "description": "a"})[1] == ["description"]
    assert gcp.diff(old, {**old.given, "privateIpGoogleAccess": False})[1] == []
    ranges = list(reversed(old.given["secondaryIpRanges"]))
    assert gcp.diff(old, {**old.given, "secondaryIpRanges": ranges})[0] == []


def test_provider_arguments_that_are_not_known_are_refused() -> None:
    def failures(**arguments: object) -> list[str]:
        request = provider_config.provider_pb2.CheckRequest(news=marshal(arguments))
        return [each.reason for each in provider_config.check_config(GCP, request).failures]

    assert failures(project="a", region="b", defaultLabels={"c": "d"}) == []
    assert any(
        "has no provider argument 'credential'" in each for each in failures(project="a", region="b", credential="c")
    )
    assert any("a project must be set" in each for each in failures(region="b"))


def test_a_subnetwork_must_be_in_a_network_that_is_there(gcp: Gcp, network: things.Network) -> None:
    gone = network.network["selfLink"].replace(network.network["name"], "gone")
    with pytest.raises(ProviderError, match=r"The resource 'projects/.*/networks/gone' was not found, notFound"):
        gcp.create(SUBNETWORK, "other", {"network": gone, "ipCidrRange": "10.200.0.0/20"})
