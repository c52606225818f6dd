import re
from dataclasses import replace

import pytest

from modelyard.cluster.aks.nodes import (
    agent_pool_labels,
    agent_pool_name,
    agent_pool_taints,
    availability_zones,
    mode,
    needs_placement_group,
    os_sku,
    unknown_to_autoscaler,
    zones_of_pool,
)
from modelyard.cluster.spec import PoolSpec, TaintSpec
from modelyard.gpu.spec import ReservationSpec, SharingSpec
from tests.unit.cluster.aks.foundations import (
    A100_RESERVED,
    AMD,
    ARM,
    AZURE_LINUX,
    COMPACT,
    GROUP,
    H100_RDMA,
    MIG,
    MPS,
    OPERATOR,
    SHARES,
    SYSTEM,
    T4_SPOT,
    ZONES,
    pool_of,
)

NAME = re.compile("[a-z][a-z0-9]{0,11}")
SPOT = "kubernetes.azure.com/scalesetpriority"


def name_of(spec: PoolSpec, name: str = "pool") -> str:
    return agent_pool_name(pool_of(spec, name), ZONES)


@pytest.mark.parametrize("name", ["a", "l4", "system", "cluster", "gpu-pool-of-the-research-team-in-2026", "a-1-b-2-c"])
def test_names_are_what_aks_allows(name: str) -> None:
    found = name_of(SYSTEM, name)
    assert NAME.fullmatch(found)
    assert found.startswith(name.replace("-", "")[:6])
    # The cluster's own pool is called so.
    assert found != "cluster"


def test_names_that_begin_alike_are_different_ones() -> None:
    names = ["gpu-pool-a", "gpu-pool-b", "gpupoola"]
    assert len({name_of(SYSTEM, name) for name in names}) == len(names)


def test_a_name_is_the_same_on_every_run() -> None:
    """Another one here replaces every pool of every stack."""
    assert name_of(SYSTEM, "system") == "system111a46"


@pytest.mark.parametrize(
    ("spec", "changed"),
    [
        (SYSTEM, replace(SYSTEM, machine_type="Standard_D8s_v5")),
        (SYSTEM, replace(SYSTEM, disk_gib=256)),
        (SYSTEM, replace(SYSTEM, zones=[ZONES[0]])),
        (SYSTEM, replace(SYSTEM, node_image="azurelinux")),
        (SYSTEM, replace(SYSTEM, capacity="spot")),
        (SYSTEM, replace(SYSTEM, capacity=ReservationSpec(reservation=GROUP))),
        (A100_RESERVED, replace(A100_RESERVED, capacity=ReservationSpec(reservation=f"{GROUP}-2"))),
        (COMPACT, replace(COMPACT, placement="any")),
        (OPERATOR, replace(OPERATOR, driver="auto")),
        (MIG, replace(MIG, sharing="whole")),
        (MIG, replace(MIG, sharing=SharingSpec(mig="2g.20gb"))),
    ],
)
def test_what_aks_does_not_change_in_place_gives_another_name(spec: PoolSpec, changed: PoolSpec) -> None:
    assert name_of(spec) != name_of(changed)


@pytest.mark.parametrize(
    ("spec", "changed"),
    [
        (SYSTEM, replace(SYSTEM, max_nodes=40)),
        (SYSTEM, replace(SYSTEM, min_nodes=0)),
        (SYSTEM, replace(SYSTEM, node_labels={"team": "ml"})),
        (SYSTEM, replace(SYSTEM, taints=[TaintSpec(key="dedicated", value="true")])),
        (SYSTEM, replace(SYSTEM, cpus=4, memory_gib=16)),
        (SYSTEM, replace(SYSTEM, node_image="ubuntu")),
        (SHARES, replace(SHARES, sharing="whole")),
        (SHARES, MPS),
    ],
)
def test_what_it_does_leaves_the_name(spec: PoolSpec, changed: PoolSpec) -> None:
    assert name_of(spec) == name_of(changed)


def test_a_zone_that_the_cluster_loses_is_no_zone_of_its_pools() -> None:
    pool = pool_of(SYSTEM)
    assert agent_pool_name(pool, ZONES) != agent_pool_name(pool, ZONES[:2])
    pinned = pool_of(replace(SYSTEM, zones=[ZONES[0]]))
    assert agent_pool_name(pinned, ZONES) == agent_pool_name(pinned, ZONES[:2])


@pytest.mark.parametrize(
    ("spec", "numbers"),
    [
        (SYSTEM, ["1", "2", "3"]),
        (ARM, ["1", "2", "3"]),
        (replace(SYSTEM, zones=[ZONES[2], ZONES[0]]), ["3", "1"]),
        (T4_SPOT, []),
        (replace(T4_SPOT, zones=[ZONES[1]]), ["2"]),
        (A100_RESERVED, ["2"]),
        (replace(A100_RESERVED, zones=[]), []),
        (replace(SYSTEM, capacity=ReservationSpec(reservation=GROUP)), []),
        (COMPACT, ["1"]),
        (replace(COMPACT, zones=[]), []),
    ],
)
def test_zones(spec: PoolSpec, numbers: list[str]) -> None:
    assert availability_zones(pool_of(spec), ZONES) == numbers
    assert zones_of_pool(pool_of(spec), ZONES) == [f"eastus2-{number}" for number in numbers]


def test_a_region_without_zones() -> None:
    assert availability_zones(pool_of(SYSTEM), ()) == []


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        (SYSTEM, "System"),
        (replace(SYSTEM, min_nodes=0), "User"),
        (replace(SYSTEM, capacity="spot"), "User"),
        (replace(SYSTEM, taints=[TaintSpec(key="dedicated", value="true")]), "User"),
        (replace(SYSTEM, capacity=ReservationSpec(reservation=GROUP)), "User"),
        (replace(SYSTEM, machine_type="Standard_B4ms", cpus=4, memory_gib=16), "User"),
        (replace(SYSTEM, machine_type="Standard_F4s_v2", cpus=4, memory_gib=8), "System"),
        (replace(SYSTEM, machine_type="Standard_D2s_v5"), "User"),
        (replace(SYSTEM, machine_type="Standard_F2", cpus=2, memory_gib=3), "User"),
        (replace(T4_SPOT, capacity="on_demand", min_nodes=1), "User"),
    ],
)
def test_aks_prefers_pools_that_can_run_the_system(spec: PoolSpec, expected: str) -> None:
    assert mode(pool_of(spec)) == expected


@pytest.mark.parametrize(("spec", "expected"), [(SYSTEM, "Ubuntu"), (AZURE_LINUX, "AzureLinux"), (AMD, "Ubuntu")])
def test_the_system_is_without_a_release(spec: PoolSpec, expected: str) -> None:
    assert os_sku(pool_of(spec)) == expected


@pytest.mark.parametrize(
    ("spec", "needed"),
    [(COMPACT, True), (SYSTEM, False), (H100_RDMA, False), (replace(MIG, placement="compact"), True)],
)
def test_infiniband_brings_its_own_placement(spec: PoolSpec, needed: bool) -> None:
    assert needs_placement_group(pool_of(spec)) == needed


def test_what_aks_adds_to_spot_machines_is_declared_and_tolerated() -> None:
    pool = pool_of(T4_SPOT)
    assert agent_pool_labels(pool)[SPOT] == "spot"
    assert sorted(agent_pool_taints(pool)) == [f"{SPOT}=spot:NoSchedule", "nvidia.com/gpu=present:NoSchedule"]
    assert {taint.key for taint in pool.taints} == {SPOT, "nvidia.com/gpu"}
    on_demand = pool_of(replace(T4_SPOT, capacity="on_demand"))
    assert SPOT not in agent_pool_labels(on_demand)
    assert agent_pool_taints(on_demand) == ["nvidia.com/gpu=present:NoSchedule"]


def test_labels_are_there_from_the_start() -> None:
    labels = agent_pool_labels(pool_of(replace(MPS, node_labels={"team": "ml"}), "shared"))
    assert labels == {
        "team": "ml",
        "modelyard.dev/pool": "shared",
        "modelyard.dev/accelerator": "t4",
        "nvidia.com/device-plugin.config": "shared",
        "nvidia.com/mps.capable": "true",
    }


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        (SYSTEM, {}),
        (T4_SPOT, {}),
        (OPERATOR, {}),
        (SHARES, {"nvidia.com/gpu": "4"}),
        (MPS, {"nvidia.com/gpu": "4"}),
        (MIG, {"nvidia.com/gpu": "56"}),
        (AMD, {"nvidia.com/gpu": "0", "amd.com/gpu": "8"}),
        (H100_RDMA, {"rdma/ib": "63"}),
    ],
)
def test_what_the_autoscaler_has_to_be_told(spec: PoolSpec, expected: dict[str, str]) -> None:
    found = unknown_to_autoscaler(pool_of(spec))
    assert found == expected
    # A slash is an underscore in tags, so a name with one would come out as another.
    assert not any("_" in resource for resource in found)
