"""The networks between GPUs that GKE does not make by itself."""

import ipaddress
from dataclasses import replace
from typing import Any

import pytest

from modelyard.cluster.gke.networks import GkeExistingVpcSpec, GkeVpcSpec
from modelyard.cluster.gke.pool_rules import gke_pool_problems
from modelyard.cluster.gke.spec import GkeSpec
from modelyard.cluster.spec import PoolSpec
from modelyard.gpu.spec import ReservationSpec
from modelyard.spec import validate
from tests.support.mocks import Recorded
from tests.unit.cluster.gke.foundations import H200_RDMA, REGION, SYSTEM, ZONES, gke_spec, pools_made
from tests.unit.cluster.registrations import named

TCPX = PoolSpec(accelerator="h100", gpus_per_node=8, max_nodes=4, fabric="tcpx", capacity="spot")
TCPXO = replace(TCPX, fabric="tcpxo")
SHARED = GkeExistingVpcSpec(
    network="projects/host-1234/global/networks/net",
    subnetwork=f"projects/host-1234/regions/{REGION}/subnetworks/nodes",
    pods_range="pods",
    services_range="services",
)
OWN = GkeExistingVpcSpec(network="net", subnetwork="nodes", pods_range="pods", services_range="services")


def problems(spec: GkeSpec, **pools: PoolSpec) -> list[str]:
    return [str(each) for each in gke_pool_problems(spec, {"system": SYSTEM, **pools})]


def networks_of(recorded: Recorded, pool: str) -> list[dict[str, Any]] | None:
    return named(recorded, "NodePool", f"main-{pool}").inputs["networkConfig"].get("additionalNodeNetworkConfigs")


@pytest.mark.parametrize(("spec", "count"), [(TCPX, 4), (TCPXO, 8)])
def test_a_card_of_each_node_is_in_each_network(spec: PoolSpec, count: int) -> None:
    recorded = pools_made({"gpus": spec})
    configs = networks_of(recorded, "gpus")
    assert configs
    names = [f"main-gpu-{index}" for index in range(1, count + 1)]
    assert [each["network"].rpartition("-")[0] for each in configs] == names
    assert [each["subnetwork"].rpartition("-")[0] for each in configs] == names
    for token in ("Firewall", "Subnetwork", "GKENetworkParamSet"):
        assert len(recorded.of(token)) == count, token


def test_a_network_has_large_frames_and_lets_in_its_own_only() -> None:
    recorded = pools_made({"gpus": TCPX})
    network = next(each for each in recorded.of("Network") if each.inputs.get("mtu"))
    assert (network.inputs["mtu"], network.inputs["autoCreateSubnetworks"]) == (8244, False)
    subnetworks = [ipaddress.ip_network(each.inputs["ipCidrRange"]) for each in recorded.of("Subnetwork")]
    assert [str(each) for each in subnetworks] == [f"192.168.{index * 32}.0/19" for index in range(4)]
    firewall = recorded.of("Firewall")[0].inputs
    assert (firewall["direction"], firewall["sourceRanges"]) == ("INGRESS", ["192.168.0.0/16"])
    assert [each["protocol"] for each in firewall["allows"]] == ["tcp", "udp", "icmp"]


def test_pods_ask_for_a_card_by_an_object_of_the_cluster() -> None:
    recorded = pools_made({"gpus": TCPX})
    parameters = named(recorded, "GKENetworkParamSet", "main-gpu-2-parameters").inputs
    assert parameters["metadata"]["name"] == "gpu-2"
    assert parameters["spec"]["deviceMode"] == "NetDevice"
    assert parameters["spec"]["vpc"].startswith("main-gpu-2-")
    network = next(each for each in recorded.of("Network") if each.inputs.get("metadata", {}).get("name") == "gpu-2")
    reference = {"group": "networking.gke.io", "kind": "GKENetworkParamSet", "name": "gpu-2"}
    assert network.inputs["spec"] == {"type": "Device", "parametersRef": reference}
    pool = named(recorded, "NodePool", "main-gpus")
    assert network.urn in pool.depends_on
    assert {each.urn for each in recorded.of("Firewall")} <= set(pool.depends_on)


def test_pools_share_the_networks_and_others_have_none() -> None:
    recorded = pools_made({"system": SYSTEM, "high": TCPX, "mega": TCPXO, "ultra": H200_RDMA})
    high, mega = networks_of(recorded, "high"), networks_of(recorded, "mega")
    assert high
    assert mega
    assert (len(high), len(mega)) == (4, 8)
    assert mega[:4] == high
    assert networks_of(recorded, "ultra") is None
    assert networks_of(recorded, "system") is None
    assert pools_made({"system": SYSTEM, "ultra": H200_RDMA}).of("Firewall") == []


@pytest.mark.parametrize(
    ("spec", "policy"),
    [
        (TCPXO, {"type": "COMPACT"}),
        (replace(TCPXO, capacity="flex_start"), None),
        (replace(TCPXO, capacity=ReservationSpec(reservation="h100"), zones=[ZONES[1]]), None),
    ],
)
def test_nodes_stand_close_together_where_they_can(spec: PoolSpec, policy: dict[str, str] | None) -> None:
    found = named(pools_made({"gpus": spec}), "NodePool", "main-gpus").inputs
    assert found.get("placementPolicy") == policy
    # Whatever they are, in one zone.
    assert len(found["nodeLocations"]) == 1


def test_a_shared_vpc_has_networks_of_its_host_only() -> None:
    (found,) = problems(gke_spec(network=SHARED), gpus=TCPX)
    assert found == (
        "gpus.fabric: networks between GPUs are made in the cluster's project, and nodes of a shared VPC have theirs "
        "in its host project; leave it out, or use a network of the cluster's own project"
    )
    assert problems(gke_spec(network=OWN), gpus=TCPX) == []
    assert problems(gke_spec(network=SHARED), gpus=H200_RDMA) == []


def test_the_addresses_are_apart_from_the_clusters() -> None:
    spec = gke_spec(network=GkeVpcSpec(nodes_cidr="192.168.16.0/20"))
    (found,) = problems(spec, gpus=TCPX)
    assert found == (
        "gpu_networks_cidr 192.168.0.0/16 of the cluster, which pools with tcpx or tcpxo use, overlaps "
        "192.168.16.0/20; choose a range apart, like 192.168.0.0/16"
    )
    assert problems(replace(spec, gpu_networks_cidr="172.16.0.0/16"), gpus=TCPX) == []
    assert problems(spec, gpus=H200_RDMA) == []


def test_every_node_has_an_address_in_each_network() -> None:
    spec = gke_spec(gpu_networks_cidr="192.168.0.0/25")
    (found,) = problems(spec, high=replace(TCPX, max_nodes=6), mega=replace(TCPXO, max_nodes=7))
    assert found == (
        "13 nodes of pools with tcpx or tcpxo are more than the 12 that 192.168.0.0/25 has addresses for; "
        "lower max_nodes, or choose a wider gpu_networks_cidr of the cluster"
    )
    assert problems(spec, high=replace(TCPX, max_nodes=6), mega=replace(TCPXO, max_nodes=6)) == []


@pytest.mark.parametrize(
    ("cidr", "line"),
    [
        ("192.168.0.0/27", "gpu_networks_cidr: 192.168.0.0/27 is too small for networks between GPUs; use /12 to /26"),
        (
            "192.169.0.0/16",
            (
                "gpu_networks_cidr: 192.169.0.0/16 are no private addresses; choose a range within 10.0.0.0/8, "
                "172.16.0.0/12, 192.168.0.0/16, 100.64.0.0/10"
            ),
        ),
    ],
)
def test_the_range_is_private_and_wide_enough(cidr: str, line: str) -> None:
    assert [str(each) for each in gke_spec(gpu_networks_cidr=cidr).problems()] == [line]
    assert validate(gke_spec(gpu_networks_cidr="192.168.0.0/26"))
