from dataclasses import replace

import pytest

from modelyard.cluster.gke.nodes import Reservation, disk_gib, disk_type, local_disks, node_labels, reservation_of
from modelyard.cluster.spec import PoolSpec
from modelyard.gpu.spec import ReservationSpec
from tests.unit.cluster.gke.foundations import (
    A100_QUEUED,
    CPU_FROM_ZERO,
    H100_RESERVED,
    H200_RDMA,
    L4,
    MIG,
    PROJECT,
    RESERVED,
    SYSTEM,
    TPU,
    ZONES,
    pool_of,
)


@pytest.mark.parametrize(
    ("machine", "expected"),
    [
        ("e2-standard-4", "pd-balanced"),
        ("n2-standard-8", "pd-balanced"),
        ("c3-standard-8", "pd-balanced"),
        ("n4-standard-8", "hyperdisk-balanced"),
        ("c4a-standard-8", "hyperdisk-balanced"),
        ("a3-highgpu-8g", "pd-balanced"),
        ("a3-megagpu-8g", "pd-balanced"),
        ("a3-ultragpu-8g", "hyperdisk-balanced"),
        ("a4-highgpu-8g", "hyperdisk-balanced"),
        ("g2-standard-8", "pd-balanced"),
        ("g4-standard-48", "hyperdisk-balanced"),
        ("ct5lp-hightpu-4t", "pd-balanced"),
        ("ct6e-standard-4t", "hyperdisk-balanced"),
    ],
)
def test_machines_get_a_disk_that_they_take(machine: str, expected: str) -> None:
    capacity = RESERVED if machine.startswith("a") else "on_demand"
    zones = [ZONES[0]] if machine.startswith("a") else []
    assert disk_type(pool_of(PoolSpec(machine_type=machine, capacity=capacity, zones=zones))) == expected


@pytest.mark.parametrize(
    ("spec", "gib", "local"),
    [
        (SYSTEM, 100, 0),
        (replace(SYSTEM, disk_gib=50), 50, 0),
        (L4, 200, 0),
        (H100_RESERVED, 100, 16),
        (H200_RDMA, 100, 32),
        (replace(H200_RDMA, disk_gib=300), 300, 32),
    ],
)
def test_what_has_disks_of_its_own_needs_no_large_one(spec: PoolSpec, gib: int, local: int) -> None:
    pool = pool_of(spec)
    assert (disk_gib(pool), local_disks(pool)) == (gib, local)


@pytest.mark.parametrize(
    ("written", "expected", "path"),
    [
        ("one", Reservation(name="one"), "one"),
        (
            "projects/other/reservations/one",
            Reservation(name="one", project="other"),
            "projects/other/reservations/one",
        ),
        (
            "one/reservationBlocks/block-1",
            Reservation(name="one", block="block-1"),
            f"projects/{PROJECT}/reservations/one/reservationBlocks/block-1",
        ),
        (
            "projects/other/reservations/one/reservationBlocks/block-1",
            Reservation(name="one", project="other", block="block-1"),
            "projects/other/reservations/one/reservationBlocks/block-1",
        ),
    ],
)
def test_reservations_are_named_as_node_pools_name_them(written: str, expected: Reservation, path: str) -> None:
    found = reservation_of(pool_of(replace(H100_RESERVED, capacity=ReservationSpec(reservation=written))))
    assert found == expected
    assert expected.path(PROJECT) == path


def test_other_capacity_is_of_no_reservation() -> None:
    assert reservation_of(pool_of(L4)) is None


def test_every_node_has_the_pools_label_from_the_start() -> None:
    assert node_labels(pool_of(replace(CPU_FROM_ZERO, node_labels={"team": "ml"}))) == {
        "team": "ml",
        "modelyard.dev/pool": "pool",
    }


@pytest.mark.parametrize("spec", [L4, MIG, TPU])
def test_and_that_of_its_accelerator(spec: PoolSpec) -> None:
    assert node_labels(pool_of(spec))["modelyard.dev/accelerator"] == spec.accelerator


def test_queued_nodes_can_be_chosen_by_the_label_that_google_leaves_out() -> None:
    label = "cloud.google.com/gke-queued"
    assert node_labels(pool_of(A100_QUEUED))[label] == "true"
    assert label not in node_labels(pool_of(replace(A100_QUEUED, capacity="flex_start")))


def test_networks_between_gpus_are_handed_out_by_gke() -> None:
    assert node_labels(pool_of(H200_RDMA))["cloud.google.com/gke-networking-dra-driver"] == "true"
