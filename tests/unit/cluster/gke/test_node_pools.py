from dataclasses import replace
from typing import Any

import pytest

from modelyard.cluster.gke.spec import GkeUpgradeSpec
from modelyard.cluster.spec import PoolSpec
from tests.unit.cluster.gke.foundations import (
    A100_COMPACT,
    A100_FLEX,
    A100_QUEUED,
    ALL,
    CPU_FROM_ZERO,
    H100_RESERVED,
    H200_RDMA,
    L4,
    L4_SPOT,
    REGION,
    SYSTEM,
    TPU_SLICE,
    ZONES,
    gke_spec,
    node_pool,
    pools_made,
)
from tests.unit.cluster.registrations import named


def inputs(spec: PoolSpec) -> dict[str, Any]:
    return dict(node_pool(spec).inputs)


def test_the_autoscaler_owns_the_size() -> None:
    found = node_pool(SYSTEM)
    assert found.inputs["autoscaling"] == {
        "totalMinNodeCount": 3,
        "totalMaxNodeCount": 6,
        "locationPolicy": "BALANCED",
    }
    assert found.inputs["initialNodeCount"] == 1
    assert found.inputs["nodeLocations"] == list(ZONES)
    assert found.ignore_changes == ["initialNodeCount"]
    assert "nodeCount" not in found.inputs


@pytest.mark.parametrize(
    ("spec", "disks"),
    [
        (SYSTEM, False),
        (H100_RESERVED, False),
        (L4, True),
        (PoolSpec(machine_type="z9-standard-8", cpus=8, memory_gib=32), True),
    ],
)
def test_disks_that_come_with_the_machine_replace_nothing(spec: PoolSpec, *, disks: bool) -> None:
    assert ("nodeConfig.ephemeralStorageLocalSsdConfig" in node_pool(spec).ignore_changes) is disks


def test_pools_begin_with_nothing_where_nothing_has_to_be_there() -> None:
    found = inputs(L4)
    assert found["initialNodeCount"] == 0
    assert found["autoscaling"] == {"totalMinNodeCount": 0, "totalMaxNodeCount": 8, "locationPolicy": "ANY"}


def test_a_slice_of_tpus_comes_whole() -> None:
    found = inputs(TPU_SLICE)
    # GKE asks for limits of the zone that a slice is in.
    assert found["autoscaling"] == {"minNodeCount": 0, "maxNodeCount": 4, "locationPolicy": "ANY"}
    assert found["nodeLocations"] == [ZONES[0]]
    assert found["placementPolicy"] == {"type": "COMPACT", "tpuTopology": "4x4"}


@pytest.mark.parametrize(
    ("spec", "policy"),
    [
        (SYSTEM, None),
        (A100_COMPACT, {"type": "COMPACT"}),
        (H200_RDMA, {"type": "COMPACT"}),
        (H100_RESERVED, None),
    ],
)
def test_placement(spec: PoolSpec, policy: dict[str, str] | None) -> None:
    assert inputs(spec).get("placementPolicy") == policy


def test_nodes_may_be_drained_one_after_the_other() -> None:
    assert node_pool(L4).timeouts == {"create": "2h", "update": "24h", "delete": "2h"}


@pytest.mark.parametrize("name", ["a", "training-h100", "b" * 63])
def test_a_replacement_finds_its_name_free(name: str) -> None:
    found = named(pools_made({name: SYSTEM}), "NodePool", f"main-{name}").inputs
    assert "name" not in found
    assert found["namePrefix"] == f"{name[:30]}-"
    # The provider's random end of a prefix of more than 14 characters has nine, of others 26.
    assert len(found["namePrefix"]) <= 31


@pytest.mark.parametrize(
    ("before", "wanted", "version"),
    [
        ("1.35", "1.35", "1.35.5-gke.1000000"),
        ("1.35", "1.36", "1.36"),  # as a preview of the upgrade sees it
        ("1.36", "1.35", "1.36.5-gke.1000000"),  # nodes do not go back where Google has upgraded the control plane
    ],
)
def test_nodes_follow_the_control_plane(before: str, wanted: str, version: str) -> None:
    cluster = gke_spec(kubernetes_version=wanted)
    found = named(pools_made({"pool": SYSTEM}, cluster, present_version=before), "NodePool", "main-pool")
    assert found.inputs["version"] == version


def test_or_google() -> None:
    found = node_pool(SYSTEM, gke_spec(upgrade=GkeUpgradeSpec(minor="by_google")))
    assert "version" not in found.inputs


@pytest.mark.parametrize("spec", ALL.values(), ids=ALL)
def test_patches_are_googles_affair(spec: PoolSpec) -> None:
    assert inputs(spec)["management"]["autoUpgrade"] is True


@pytest.mark.parametrize(
    ("spec", "repaired"),
    [(SYSTEM, True), (L4_SPOT, True), (H100_RESERVED, True), (A100_FLEX, False), (A100_QUEUED, False)],
)
def test_flex_start_forbids_repair(spec: PoolSpec, *, repaired: bool) -> None:
    assert inputs(spec)["management"]["autoRepair"] is repaired


@pytest.mark.parametrize(
    ("spec", "surge", "unavailable"),
    [
        (SYSTEM, 1, 0),
        (replace(CPU_FROM_ZERO, max_nodes=60), 6, 0),
        (replace(CPU_FROM_ZERO, max_nodes=900), 20, 0),
        (L4, 0, 1),
        (H100_RESERVED, 0, 1),
        (replace(CPU_FROM_ZERO, capacity=H100_RESERVED.capacity, zones=[ZONES[0]]), 0, 1),
    ],
)
def test_upgrades_do_not_ask_for_machines_that_are_not_there(spec: PoolSpec, surge: int, unavailable: int) -> None:
    found = inputs(spec)["upgradeSettings"]
    assert found == {"strategy": "SURGE", "maxSurge": surge, "maxUnavailable": unavailable}


@pytest.mark.parametrize("spec", [A100_FLEX, A100_QUEUED])
def test_how_flex_start_is_upgraded_is_googles_affair(spec: PoolSpec) -> None:
    assert "upgradeSettings" not in inputs(spec)


@pytest.mark.parametrize(("spec", "queued"), [(A100_QUEUED, {"enabled": True}), (A100_FLEX, None), (L4, None)])
def test_queued_provisioning(spec: PoolSpec, queued: dict[str, bool] | None) -> None:
    assert inputs(spec).get("queuedProvisioning") == queued


@pytest.mark.parametrize(
    ("spec", "network"),
    [
        (SYSTEM, {"enablePrivateNodes": True}),
        (H100_RESERVED, {"enablePrivateNodes": True}),
        (H200_RDMA, {"enablePrivateNodes": True, "acceleratorNetworkProfile": "auto"}),
    ],
)
def test_nodes_have_no_public_address(spec: PoolSpec, network: dict[str, Any]) -> None:
    assert inputs(spec)["networkConfig"] == network


def test_node_pools_are_of_the_cluster_and_wait_for_what_nodes_need() -> None:
    recorded = pools_made({"pool": SYSTEM})
    found = named(recorded, "NodePool", "main-pool")
    assert found.inputs["cluster"] == "prod"
    assert found.inputs["location"] == REGION
    assert named(recorded, "Account", "nodes").urn in found.depends_on


def test_nothing_else_is_made() -> None:
    recorded = pools_made(ALL)
    made = {each.type for each in recorded.under("test:index:Parent")}
    assert made == {"test:index:Parent", "modelyard:cluster:GkeNodePool", "gcp:container/nodePool:NodePool"}
    assert len(recorded.of("NodePool")) == len(ALL)
