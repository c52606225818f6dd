"""Node pools: what GKE refuses, and what it lets pass."""

import threading
import time
from typing import Any

import pytest

from tests.tools.gcp import things
from tests.tools.gcp.account import Gcp, Made
from tests.tools.gcp.things import CLUSTER, NETWORK, NODE_POOL, SUBNETWORK
from tools.offline.common.errors import PartialError, ProviderError

Json = dict[str, Any]

_REGION = "us-central1"
_TPU = {"machineType": "ct5lp-hightpu-4t", "diskType": "pd-balanced"}
_RESERVED = {
    "consumeReservationType": "SPECIFIC_RESERVATION",
    "key": "compute.googleapis.com/reservation-name",
    "values": ["ours"],
}
_COMING = {"management": {"autoRepair": False}, "initialNodeCount": 0, "autoscaling": things.scaling(0, 4)}


@pytest.mark.parametrize(
    ("config", "more", "why"),
    [
        ({}, {"name": "a" * 41}, "must be up to 40 lower-case letters"),
        ({}, {"namePrefix": "a" * 32, "name": None}, "cannot be longer than 31"),
        ({}, {"nodeCount": 1}, "Cannot set both initial_node_count and node_count"),
        ({}, {"autoscaling": {"minNodeCount": 1, "totalMaxNodeCount": 2}}, "conflicts with totalMaxNodeCount"),
        ({}, {"autoscaling": {"totalMinNodeCount": 3, "totalMaxNodeCount": 2}}, "not less than totalMinNodeCount"),
        ({}, {"autoscaling": things.scaling(0, 2), "nodeCount": 1}, "should not be used alongside autoscaling"),
        ({}, {"upgradeSettings": {"maxSurge": 0, "maxUnavailable": 0}}, "cannot both be 0"),
        ({}, {"upgradeSettings": {"strategy": "BLUE_GREEN", "maxSurge": 1}}, "not used with BLUE_GREEN"),
        ({}, {"placementPolicy": {"type": "COMPACT"}}, "not supported for machine type e2-standard-4"),
        ({}, {"maxPodsPerNode": 300}, "must be from 8 to 256"),
        ({"diskType": "pd-fast"}, {}, "'pd-fast' is no type of disk"),
        ({"machineType": "n4-standard-4", "diskType": "pd-balanced"}, {}, "it takes Hyperdisks only"),
        ({"diskType": "hyperdisk-balanced"}, {}, "cannot boot from hyperdisk-balanced"),
        ({"imageType": "COS"}, {}, "is no image of GKE's"),
        ({"labels": {"kubernetes.io/role": "a"}}, {}, "reserved domain"),
        ({"labels": {"pool": "a b"}}, {}, "is no value of a label"),
        ({"resourceLabels": {"Team": "us"}}, {}, "is no label in Google Cloud"),
        ({"taints": [{"key": "a", "value": "b", "effect": "NoSchedule"}]}, {}, "must be one of NO_SCHEDULE"),
        ({"workloadMetadataConfig": {"mode": "GKE"}}, {}, "must be one of MODE_UNSPECIFIED"),
        ({"spot": True, "flexStart": True}, _COMING, "spot and flexStart exclude each other"),
        ({"spot": True, "reservationAffinity": _RESERVED}, {}, "spot takes no reservation"),
        ({"reservationAffinity": {**_RESERVED, "values": []}}, {}, "needs key compute.googleapis.com"),
        ({"flexStart": True}, {**_COMING, "management": {}}, "must be false with flex-start"),
        ({"flexStart": True}, {**_COMING, "initialNodeCount": 1}, "must be 0 with flex-start"),
        ({"flexStart": True}, {**_COMING, "autoscaling": things.scaling(1, 4)}, "the least number of nodes must be 0"),
        ({"spot": True}, {**_COMING, "queuedProvisioning": {"enabled": True}}, "cannot be used with Spot VMs"),
        ({"maxRunDuration": "3600s"}, {}, "needs flexStart or queued provisioning"),
        ({"secondaryBootDisks": [{"diskImage": "a"}]}, {}, "Image streaming (gcfs) must be enabled"),
        (
            {},
            {
                "networkConfig": {
                    "acceleratorNetworkProfile": "auto",
                    "additionalNodeNetworkConfigs": [{"network": "a"}],
                }
            },
            "excludes acceleratorNetworkProfile",
        ),
    ],
)
def test_a_pool_is_refused(gcp: Gcp, cluster: Made, config: Json, more: Json, why: str) -> None:
    faults = gcp.faults(NODE_POOL, things.pool_inputs(cluster, config, **more))
    assert any(why in each for each in faults), faults


@pytest.mark.parametrize(
    ("config", "more"),
    [
        ({}, {"name": "a" * 40, "maxPodsPerNode": 256}),
        ({}, {"namePrefix": "a" * 31}),
        ({}, {"nodeCount": 1, "initialNodeCount": None}),
        ({}, {"autoscaling": things.scaling(0, 2)}),
        ({}, {"upgradeSettings": {"maxSurge": 0, "maxUnavailable": 1}}),
        ({"machineType": "n2-standard-4"}, {"placementPolicy": {"type": "COMPACT"}}),
        ({"machineType": "n4-standard-4", "diskType": "hyperdisk-balanced"}, {}),
        ({"labels": {"pool": "a", "cloud.google.com/gke-queued": "true"}, "resourceLabels": {"team": "us"}}, {}),
        ({"spot": True, "reservationAffinity": {"consumeReservationType": "NO_RESERVATION"}}, {}),
        ({"reservationAffinity": _RESERVED}, {}),
        ({"flexStart": True, "maxRunDuration": "3600s"}, _COMING),
        ({}, {**_COMING, "queuedProvisioning": {"enabled": True}}),
        ({"secondaryBootDisks": [{"diskImage": "a"}], "gcfsConfig": {"enabled": True}}, {}),
        ({}, {"networkConfig": {"acceleratorNetworkProfile": "auto"}}),
    ],
)
def test_a_pool_near_that_passes(gcp: Gcp, cluster: Made, config: Json, more: Json) -> None:
    gcp.create(NODE_POOL, "pool", things.pool_inputs(cluster, config, **more))


@pytest.mark.parametrize(
    ("config", "more", "why"),
    [
        (things.gpu_config(count=2), {}, "do not match machine type g2-standard-4, which has 1 of nvidia-l4"),
        (things.gpu_config(type="nvidia-tesla-t4"), {}, "do not match machine type"),
        ({**things.gpu_config(), "machineType": "e2-standard-4"}, {}, "is not supported for machine type e2"),
        ({**things.gpu_config(), "machineType": "n1-standard-4"}, {}, "not available with N1"),
        (things.gpu_config(gpuPartitionSize="1g.5gb"), {}, 'size "1g.5gb" is not supported'),
        (
            things.gpu_config(gpuSharingConfig={"gpuSharingStrategy": "TIME_SHARING", "maxSharedClientsPerGpu": 1}),
            {},
            "must be from 2 to 48",
        ),
        (
            {
                **things.gpu_config(gpuDriverInstallationConfig={"gpuDriverVersion": "LATEST"}),
                "imageType": "UBUNTU_CONTAINERD",
            },
            {},
            "LATEST is only supported on Container-Optimized OS",
        ),
        ({"machineType": "huge"}, {}, "Machine type with name 'huge' does not exist"),
        ({}, {"location": "us-central1-a"}, "Not found: projects/"),
        ({}, {"version": "1.35"}, "must not be newer than the control plane's 1.34"),
        ({}, {"version": "1.31"}, "more than 2 minor versions older"),
        ({}, {"nodeLocations": ["us-east1-b"]}, "Zone us-east1-b is not in region"),
        (
            {"machineType": "n2-standard-4"},
            {"placementPolicy": {"type": "COMPACT"}, "nodeLocations": None},
            "single zone",
        ),
        (
            {},
            {"management": {"autoUpgrade": False}},
            "Auto_upgrade cannot be false when release_channel REGULAR is set",
        ),
        ({"serviceAccount": "nobody@example.com"}, {}, 'does not have access to service account "nobody@example.com"'),
        ({}, {"placementPolicy": {"type": "COMPACT", "tpuTopology": "2x4"}}, "not supported for machine type"),
        (_TPU, {"placementPolicy": {"type": "COMPACT", "tpuTopology": "2x3"}}, "topology 2x3 is not supported"),
        (
            _TPU,
            {"placementPolicy": {"type": "COMPACT", "tpuTopology": "4x4"}, "autoscaling": things.scaling(0, 3)},
            "must have 4 nodes, or none",
        ),
    ],
)
def test_a_pool_that_does_not_fit_is_refused(gcp: Gcp, cluster: Made, config: Json, more: Json, why: str) -> None:
    inputs = things.pool_inputs(cluster, config, **more)
    faults = gcp.faults(NODE_POOL, inputs)
    if faults:
        assert any(why in each for each in faults), faults
        return
    with pytest.raises(ProviderError, match="Error creating NodePool") as raised:
        gcp.create(NODE_POOL, "pool", inputs)
    assert why in str(raised.value)


@pytest.mark.parametrize(
    ("config", "more"),
    [
        (things.gpu_config(), {}),
        ({**things.gpu_config(type="nvidia-tesla-t4"), "machineType": "n1-standard-4"}, {}),
        (
            {
                "machineType": "a2-highgpu-1g",
                "guestAccelerators": [{"type": "nvidia-tesla-a100", "count": 1, "gpuPartitionSize": "1g.5gb"}],
            },
            {},
        ),
        (things.gpu_config(gpuSharingConfig={"gpuSharingStrategy": "MPS", "maxSharedClientsPerGpu": 8}), {}),
        ({**things.gpu_config(), "imageType": "UBUNTU_CONTAINERD"}, {}),
        ({}, {"version": "1.33"}),
        (
            _TPU,
            {
                "placementPolicy": {"type": "COMPACT", "tpuTopology": "4x4"},
                "autoscaling": things.scaling(0, 4),
                "initialNodeCount": 0,
            },
        ),
        (_TPU, {"placementPolicy": {"type": "COMPACT", "tpuTopology": "2x2"}}),
    ],
)
def test_a_pool_that_fits_passes(gcp: Gcp, cluster: Made, config: Json, more: Json) -> None:
    gcp.create(NODE_POOL, "pool", things.pool_inputs(cluster, config, **more))


def test_networks_of_accelerators_need_what_they_stand_on(gcp: Gcp, network: things.Network) -> None:
    plain = things.cluster_inputs(network, datapathProvider="LEGACY_DATAPATH")
    made = gcp.create(CLUSTER, "small", plain)
    auto = things.pool_inputs(made, networkConfig={"acceleratorNetworkProfile": "auto"})
    with pytest.raises(ProviderError, match="requires Dataplane V2"):
        gcp.create(NODE_POOL, "auto", auto)
    gcp.delete(made)
    made = gcp.create(CLUSTER, "small", things.cluster_inputs(network))
    gcp.create(NODE_POOL, "auto", auto)
    further = things.pool_inputs(made, networkConfig={"additionalNodeNetworkConfigs": _further(gcp, 1)})
    with pytest.raises(ProviderError, match="require multi-networking to be enabled on the cluster"):
        gcp.create(NODE_POOL, "further", further)
    gcp.update(made, {**made.given, "enableMultiNetworking": True})
    gcp.create(NODE_POOL, "further", further)


def _further(gcp: Gcp, count: int) -> list[Json]:
    """Further networks, each with a subnetwork."""
    found: list[Json] = []
    for index in range(count):
        network = gcp.create(NETWORK, f"gpu-{index}", {"autoCreateSubnetworks": False, "mtu": 8244})
        given = {"network": network.id, "region": _REGION, "ipCidrRange": f"192.168.{index}.0/24"}
        subnetwork = gcp.create(SUBNETWORK, f"gpu-{index}", given)
        found.append({"network": network["name"], "subnetwork": subnetwork["name"]})
    return found


@pytest.mark.parametrize(("machine", "most"), [("a3-highgpu-8g", 4), ("a3-megagpu-8g", 8), ("n2-standard-8", 7)])
def test_a_machine_has_so_many_cards(gcp: Gcp, network: things.Network, machine: str, most: int) -> None:
    cluster = gcp.create(CLUSTER, "small", things.cluster_inputs(network, enableMultiNetworking=True))
    further = _further(gcp, most + 1)

    def pool(networks: list[Json]) -> Json:
        config = {"additionalNodeNetworkConfigs": networks}
        return things.pool_inputs(cluster, {"machineType": machine}, networkConfig=config)

    with pytest.raises(ProviderError, match=rf"{machine} supports at most {most} additional networks, not {most + 1}"):
        gcp.create(NODE_POOL, "gpus", pool(further))
    gcp.create(NODE_POOL, "gpus", pool(further[:most]))


def test_each_card_is_in_a_network_of_its_own(gcp: Gcp, network: things.Network) -> None:
    cluster = gcp.create(CLUSTER, "small", things.cluster_inputs(network, enableMultiNetworking=True))
    one, other = _further(gcp, 2)

    def made(*networks: Json) -> Made:
        config = {"additionalNodeNetworkConfigs": list(networks)}
        return gcp.create(NODE_POOL, "gpus", things.pool_inputs(cluster, networkConfig=config))

    own = {"network": network.network["name"], "subnetwork": network.subnetwork["name"]}
    for refused in ((one, one), (one, own)):
        with pytest.raises(ProviderError, match="is attached to more than one interface of the nodes"):
            made(*refused)
    with pytest.raises(ProviderError, match=r'Subnetwork "gpu-1.*" is not in network "gpu-0'):
        made({**one, "subnetwork": other["subnetwork"]})
    pool = made(one, other)
    assert pool["networkConfig"]["additionalNodeNetworkConfigs"] == [one, other]


def test_a_network_is_held_by_nodes_in_it(gcp: Gcp, network: things.Network) -> None:
    cluster = gcp.create(CLUSTER, "small", things.cluster_inputs(network, enableMultiNetworking=True))
    net = gcp.create(NETWORK, "gpu", {"autoCreateSubnetworks": False})
    given = {"network": net.id, "region": _REGION, "ipCidrRange": "192.168.0.0/24"}
    subnetwork = gcp.create(SUBNETWORK, "gpu", given)
    config = {"additionalNodeNetworkConfigs": [{"network": net["name"], "subnetwork": subnetwork["name"]}]}
    pool = gcp.create(NODE_POOL, "gpus", things.pool_inputs(cluster, networkConfig=config))
    with pytest.raises(ProviderError, match="is already being used by"):
        gcp.delete(subnetwork)
    gcp.delete(pool)
    gcp.delete(subnetwork)
    gcp.delete(net)


def test_gke_taints_gpu_nodes_where_there_are_others(gcp: Gcp, cluster: Made) -> None:
    alone = gcp.create(NODE_POOL, "alone", things.pool_inputs(cluster, things.gpu_config()))
    assert alone["nodeConfig"]["effectiveTaints"] == []
    gcp.create(NODE_POOL, "system", things.pool_inputs(cluster))
    beside = gcp.create(NODE_POOL, "beside", things.pool_inputs(cluster, things.gpu_config()))
    taint = {"key": "nvidia.com/gpu", "value": "present", "effect": "NO_SCHEDULE"}
    assert beside["nodeConfig"]["effectiveTaints"] == [taint]
    assert gcp.diff(beside, beside.given)[0] == [], "what GKE adds is no change"
    declared = {**beside.given["nodeConfig"], "taints": [taint]}
    assert gcp.diff(beside, {**beside.given, "nodeConfig": declared})[0] == ["nodeConfig.taints"]


def test_nodes_need_a_way_out_and_a_role(gcp: Gcp, network: things.Network) -> None:
    subnetwork = gcp.update(network.subnetwork, {**network.subnetwork.given, "privateIpGoogleAccess": False})
    gcp.delete(network.nat)
    made = gcp.create(CLUSTER, "small", things.cluster_inputs(network))
    with pytest.raises(PartialError, match="neither by Private Google Access nor by Cloud NAT"):
        gcp.create(NODE_POOL, "pool", things.pool_inputs(made))
    gcp.update(subnetwork, network.subnetwork.given)
    gcp.create(NODE_POOL, "second", things.pool_inputs(made))
    account = things.account(gcp, "roles/storage.objectViewer")
    with pytest.raises(PartialError, match="has none of the roles that nodes need"):
        gcp.create(NODE_POOL, "third", things.pool_inputs(made, {"serviceAccount": account["email"]}))
    other = things.account(gcp, name="good-nodes")
    gcp.create(NODE_POOL, "fourth", things.pool_inputs(made, {"serviceAccount": other["email"]}))


def test_what_replaces_a_pool(gcp: Gcp, cluster: Made) -> None:
    pool = gcp.create(NODE_POOL, "pool", things.pool_inputs(cluster, {"labels": {"a": "b"}}, name=None))
    given, config = pool.given, pool.given["nodeConfig"]

    cos = gcp.create(NODE_POOL, "cos", {**given, "nodeConfig": {**config, "imageType": "COS_CONTAINERD"}})

    def replaces(**change: Any) -> list[str]:
        return gcp.diff(pool, {**given, "nodeConfig": {**config, **change}})[1]

    assert replaces(spot=True) == ["nodeConfig.spot"]
    assert replaces(**things.gpu_config()) == ["nodeConfig.guestAccelerators"]
    assert replaces(labels={"a": "c"}) == []
    assert gcp.diff(cos, cos.given | {"nodeConfig": {**config, "imageType": "cos_containerd"}})[0] == []
    assert replaces(machineType="e2-standard-8") == []
    assert gcp.diff(pool, {**given, "initialNodeCount": 2})[1] == ["initialNodeCount"]
    assert gcp.diff(pool, {**given, "cluster": cluster.id})[0] == [], "an id names what a name names"
    named = gcp.create(NODE_POOL, "named", {**given, "name": "mine"})
    assert gcp.diff(named, {**named.given, "nodeConfig": {**config, "spot": True}})[2], "its name is taken as yet"


def test_the_least_and_the_most_move_the_size(gcp: Gcp, cluster: Made) -> None:
    pool = gcp.create(NODE_POOL, "pool", things.pool_inputs(cluster, autoscaling=things.scaling(2, 4)))
    assert pool["nodeCount"] == 2
    wider = gcp.update(pool, {**pool.given, "autoscaling": things.scaling(3, 4)})
    assert wider["nodeCount"] == 3


def test_operations_on_pools_are_beside_each_other_and_one_on_the_cluster_alone(gcp: Gcp, cluster: Made) -> None:
    quick = Gcp(gcp.world.world.folder, latency=0.005)
    pools = [f"pool-{index}" for index in range(7)]
    threads = [
        threading.Thread(target=quick.create, args=(NODE_POOL, each, things.pool_inputs(cluster))) for each in pools
    ]
    begin = time.monotonic()
    for each in threads:
        each.start()
    time.sleep(0.2)
    quick.update(cluster, {**cluster.given, "minMasterVersion": "1.35"})
    for each in threads:
        each.join()
    assert time.monotonic() - begin >= 2 * 0.6 + 2.4, "seven pools are two rounds, and an upgrade waits for both"
