"""The network: what is made, and what waits for what."""

import pytest

from tests.unit.cluster.gke.clusters import REGION, control_plane, made
from tests.unit.cluster.registrations import waits_for

COMPUTE = ("compute/network:Network", "compute/subnetwork:Subnetwork", "compute/router:Router", "RouterNat")


def test_network_has_one_subnetwork_with_ranges_for_pods_and_services() -> None:
    recorded = made("everything")
    assert recorded.one("Network").inputs == {"autoCreateSubnetworks": False}
    inputs = recorded.one("Subnetwork").inputs
    assert inputs["network"] == "main-network-id"
    assert (inputs["region"], inputs["ipCidrRange"]) == (REGION, "10.20.0.0/20")
    assert inputs["secondaryIpRanges"] == [
        {"rangeName": "pods", "ipCidrRange": "10.24.0.0/14"},
        {"rangeName": "services", "ipCidrRange": "10.20.16.0/20"},
    ]
    assert inputs["privateIpGoogleAccess"] is True
    plane = control_plane("everything").inputs
    assert (plane["network"], plane["subnetwork"]) == ("main-network-id", "main-nodes-id")
    assert plane["ipAllocationPolicy"] == {
        "clusterSecondaryRangeName": "pods", "servicesSecondaryRangeName": "services"
    }  # fmt: skip


def test_flow_logs_are_kept_on_request() -> None:
    assert made("everything").one("Subnetwork").inputs["logConfig"] == {"metadata": "INCLUDE_ALL_METADATA"}
    assert "logConfig" not in made("autoscaler").one("Subnetwork").inputs


def test_nodes_reach_the_internet_and_are_not_reached() -> None:
    inputs = made("autoscaler").one("RouterNat").inputs
    assert inputs["router"] == "main-router-0a1b2c3"
    assert inputs["sourceSubnetworkIpRangesToNat"] == "ALL_SUBNETWORKS_ALL_IP_RANGES", "pods have ranges of their own"
    assert inputs["natIpAllocateOption"] == "AUTO_ONLY"
    assert inputs["enableDynamicPortAllocation"] is True
    assert inputs["enableEndpointIndependentMapping"] is False, "Google refuses it with dynamic ports"
    for ports in (inputs["minPortsPerVm"], inputs["maxPortsPerVm"]):
        assert int(ports).bit_count() == 1, "Google takes powers of two"
    assert inputs["logConfig"] == {"enable": True, "filter": "ERRORS_ONLY"}
    assert control_plane("autoscaler").inputs["privateClusterConfig"]["enablePrivateNodes"] is True


def test_way_out_is_made_beside_the_control_plane_and_before_nodes() -> None:
    recorded = made("autoscaler")
    assert "RouterNat nat" not in waits_for(recorded, control_plane("autoscaler"))
    assert "Subnetwork nodes" not in waits_for(recorded, recorded.one("RouterNat"))
    for pool in recorded.of("gcp:container/nodePool:NodePool"):
        assert "RouterNat nat" in waits_for(recorded, pool)


@pytest.mark.parametrize(
    ("variant", "network", "subnetwork"),
    [
        ("existing", "corp", "corp-ml"),
        (
            "shared_vpc",
            "projects/network-host/global/networks/corp",
            "projects/network-host/regions/us-central1/subnetworks/corp-ml",
        ),
    ],
)
def test_of_an_existing_network_nothing_is_made(variant: str, network: str, subnetwork: str) -> None:
    recorded = made(variant)
    assert not [each.urn for type_ in COMPUTE for each in recorded.of(type_)]
    inputs = control_plane(variant).inputs
    assert (inputs["network"], inputs["subnetwork"]) == (network, subnetwork)
    assert inputs["ipAllocationPolicy"] == {
        "clusterSecondaryRangeName": "ml-pods", "servicesSecondaryRangeName": "ml-services"
    }  # fmt: skip


def test_network_goes_after_control_plane_and_nodes() -> None:
    recorded = made("autoscaler")
    assert {"Network network", "Subnetwork nodes", "Service compute"} <= waits_for(
        recorded, control_plane("autoscaler")
    )
    assert "Network network" in waits_for(recorded, recorded.one("gcp:compute/router:Router"))
