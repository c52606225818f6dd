"""The subnetwork of load balancers for HTTP: its range, what is made of it, and what the cluster says of it."""

from dataclasses import replace

import pytest

from modelyard.cluster.base import Cluster
from modelyard.cluster.gke.cluster import GkeCluster
from modelyard.cluster.gke.networks import GkeExistingVpcSpec, GkeVpcSpec
from modelyard.cluster.gke.spec import GkeSpec
from modelyard.errors import ConfigError
from modelyard.spec import validate
from tests.support.mocks import Recorded, run
from tests.unit.cluster.gke.clusters import EXISTING, PLAIN, POOLS, REGION
from tests.unit.cluster.registrations import waits_for

RANGE = "10.8.16.0/23"
HEALTH_CHECKS = ("35.191.0.0/16", "130.211.0.0/22")


def make(network: GkeVpcSpec | GkeExistingVpcSpec) -> tuple[Cluster, Recorded]:
    clusters: list[Cluster] = []
    recorded = run(lambda: clusters.append(GkeCluster("main", replace(PLAIN, network=network), POOLS)))
    return clusters[0], recorded


@pytest.mark.parametrize(
    ("cidr", "line"),
    [
        ("10.8.16.0/27", "network.proxies_cidr: 10.8.16.0/27 is too small for proxies; use /8 to /26"),
        ("10.4.8.0/23", "network.proxies_cidr: 10.4.8.0/23 overlaps 10.4.0.0/14; choose ranges apart"),
        ("203.0.114.0/24", "network.proxies_cidr: 203.0.114.0/24 are no private addresses; choose a range within"),
        ("10.8.16.1/23", "network.proxies_cidr: '10.8.16.1/23' is no range of IPv4 addresses"),
    ],
)
def test_a_range_that_does_not_fit_is_refused(cidr: str, line: str) -> None:
    with pytest.raises(ConfigError) as caught:
        validate(replace(PLAIN, network=GkeVpcSpec(proxies_cidr=cidr)))
    assert str(caught.value).startswith(line)


@pytest.mark.parametrize("cidr", [RANGE, "10.8.16.0/26"])
def test_one_beside_the_others_is_taken(cidr: str) -> None:
    spec = replace(PLAIN, network=GkeVpcSpec(proxies_cidr=cidr))
    assert isinstance(validate(spec), GkeSpec)


def test_the_subnetwork_is_for_proxies_alone() -> None:
    _, recorded = make(GkeVpcSpec(proxies_cidr=RANGE))
    (proxies,) = (each for each in recorded.of("Subnetwork") if each.name == "main-proxies")
    assert {key: proxies.inputs[key] for key in ("purpose", "role", "ipCidrRange", "region", "network")} == {
        "purpose": "REGIONAL_MANAGED_PROXY",
        "role": "ACTIVE",
        "ipCidrRange": RANGE,
        "region": REGION,
        "network": "main-network-id",
    }
    assert "Subnetwork nodes" not in waits_for(recorded, proxies), "they are made beside each other"


def test_what_has_a_load_balancer_goes_before_it() -> None:
    cluster, _ = make(GkeVpcSpec(proxies_cidr=RANGE))
    (proxies,) = cluster.load_balancers_ready
    assert proxies._name == "main-proxies"  # pyright: ignore[reportPrivateUsage]
    assert not make(GkeVpcSpec())[0].load_balancers_ready
    assert not make(replace(EXISTING, proxies_cidr=RANGE))[0].load_balancers_ready, "nothing of it is the stack's"


@pytest.mark.parametrize("network", [GkeVpcSpec(proxies_cidr=RANGE), replace(EXISTING, proxies_cidr=RANGE)])
def test_with_it_the_cluster_has_gateways_of_its_own(network: GkeVpcSpec | GkeExistingVpcSpec) -> None:
    traits = make(network)[0].traits
    assert traits.gateway_classes == {"internal": "gke-l7-rilb", "internet": "gke-l7-regional-external-managed"}
    assert tuple(traits.gateway_source_ranges) == (RANGE, *HEALTH_CHECKS)


def test_without_it_there_are_none_and_no_subnetwork() -> None:
    cluster, recorded = make(GkeVpcSpec())
    assert not cluster.traits.gateway_classes
    assert not cluster.traits.gateway_source_ranges
    assert cluster.traits.inference_pools_present, "GKE has the kind whoever acts on it"
    assert [each.name for each in recorded.of("Subnetwork")] == ["main-nodes"]
