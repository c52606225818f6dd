from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelyard.cluster.gke.placement import Placement, begins_with, placement, size_of, zones_of_pool
from modelyard.cluster.spec import PoolSpec
from tests.unit.cluster.gke.foundations import (
    A100_COMPACT,
    A100_FLEX,
    A100_QUEUED,
    CPU_FROM_ZERO,
    H100_RESERVED,
    H200_RDMA,
    L4,
    L4_SPOT,
    SYSTEM,
    TPU,
    TPU_SLICE,
    ZONES,
    pool_of,
)


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        (SYSTEM, None),
        (A100_COMPACT, Placement()),
        (H200_RDMA, Placement()),
        (replace(H200_RDMA, capacity="flex_start"), Placement()),
        (H100_RESERVED, None),
        (replace(H100_RESERVED, placement="compact"), None),
        (TPU, None),
        (TPU_SLICE, Placement(tpu_topology="4x4")),
    ],
)
def test_places_close_together_are_asked_for_where_they_are_not_there_yet(
    spec: PoolSpec, expected: Placement | None
) -> None:
    assert placement(pool_of(spec)) == expected


@pytest.mark.parametrize(
    ("spec", "where"),
    [
        (SYSTEM, "BALANCED"),
        (CPU_FROM_ZERO, "BALANCED"),
        (replace(CPU_FROM_ZERO, capacity="spot"), "ANY"),
        (L4, "ANY"),
        (L4_SPOT, "ANY"),
        (A100_FLEX, "ANY"),
        (A100_QUEUED, "ANY"),
        (H100_RESERVED, "ANY"),
    ],
)
def test_what_is_scarce_is_taken_wherever_it_is(spec: PoolSpec, where: str) -> None:
    assert size_of(pool_of(spec), ZONES).where == where


@pytest.mark.parametrize(
    ("spec", "zones", "first"),
    [
        (CPU_FROM_ZERO, 3, 0),
        (SYSTEM, 3, 1),
        (replace(SYSTEM, min_nodes=2), 3, 1),  # one too many at first, which the autoscaler removes
        (replace(SYSTEM, min_nodes=2, max_nodes=2), 2, 1),
        (replace(SYSTEM, min_nodes=4, max_nodes=5), 2, 2),
        (replace(SYSTEM, min_nodes=1, max_nodes=1), 1, 1),
        (L4, 3, 0),
        (replace(L4, min_nodes=1), 1, 1),
        (replace(L4, min_nodes=2), 2, 1),
        (replace(L4, min_nodes=6), 3, 2),
        (A100_COMPACT, 1, 0),
        (replace(A100_COMPACT, min_nodes=4), 1, 4),
        (H200_RDMA, 1, 0),
        (TPU_SLICE, 1, 0),
        (replace(TPU_SLICE, min_nodes=4), 1, 4),
    ],
)
def test_a_pool_begins_in_as_many_zones_as_its_nodes_fill(spec: PoolSpec, zones: int, first: int) -> None:
    found = size_of(pool_of(spec), ZONES)
    assert found.zones == ZONES[:zones]
    assert found.first == first


def test_zones_that_are_named_are_kept() -> None:
    found = size_of(pool_of(replace(L4, zones=[ZONES[2], ZONES[0]], min_nodes=1)), ZONES)
    assert found.zones == (ZONES[2], ZONES[0])
    assert found.first == 1


@given(
    least=st.integers(1, 30),
    more=st.integers(0, 30),
    zones=st.integers(1, 4),
    accelerated=st.booleans(),
)
def test_it_always_begins_with_what_it_shall_have_and_never_with_more_than_it_may(
    *, least: int, more: int, zones: int, accelerated: bool
) -> None:
    pool = pool_of(replace(L4 if accelerated else SYSTEM, min_nodes=least, max_nodes=least + more))
    chosen = zones_of_pool(pool, [f"us-central1-{letter}" for letter in "abcf"[:zones]])
    begins = begins_with(least, len(chosen))
    assert least <= begins <= (least if accelerated else least + more)
