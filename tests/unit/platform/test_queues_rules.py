"""What queues have of pools, and what cannot be."""

from collections.abc import Mapping
from typing import Any

import pytest

from modelyard.cluster.pools import Pool, resolve_pool
from modelyard.cluster.spec import PoolSpec
from modelyard.errors import ConfigError
from modelyard.platform.queues_rules import queue_problems, resolve_queues
from modelyard.platform.queues_spec import QueueQuotaSpec, QueueSpec
from modelyard.spec import validate
from tests.support.clusters import POOLS
from tests.support.gpu_pools import GKE_POOLS, GPU_POOLS

ALL: Mapping[str, Pool] = {**GPU_POOLS, **GKE_POOLS, **POOLS}


def queue(pools: Mapping[str, float], **fields: Any) -> QueueSpec:
    """A queue with so many accelerators of pools that have some, and vCPUs of others."""
    quotas = {
        name: QueueQuotaSpec(gpus=int(amount)) if name in ALL and ALL[name].gpu else QueueQuotaSpec(cpus=amount)
        for name, amount in pools.items()
    }
    return QueueSpec(pools=quotas, **fields)


def said(**queues: QueueSpec) -> list[str]:
    valid = {name: validate(each, name) for name, each in queues.items()}
    return [str(problem) for problem in queue_problems(valid, ALL, ALL)]


def refused(spec: QueueSpec) -> str:
    with pytest.raises(ConfigError) as caught:
        validate(spec)
    return str(caught.value)


@pytest.mark.parametrize(
    ("pool", "gpus", "amounts"),
    [
        ("h100", 12, {"nvidia.com/gpu": 12}),
        ("sliced", 3, {"nvidia.com/gpu": 12}),
        ("mig", 2, {"nvidia.com/mig-1g.10gb": 14}),
        ("mixed", 2, {"nvidia.com/mig-3g.40gb": 2, "nvidia.com/mig-1g.10gb": 8}),
        ("claimed", 3, {"nvidia.com/gpu": 3}),
        ("neuron", 16, {"aws.amazon.com/neuron": 16}),
        ("g-tpu", 8, {"google.com/tpu": 8}),
        ("mi300x", 8, {"amd.com/gpu": 8}),
    ],
)
def test_accelerators_are_counted_as_what_the_pools_nodes_offer(
    pool: str, gpus: int, amounts: dict[str, float]
) -> None:
    found = resolve_queues({"research": queue({pool: gpus})}, ALL)["research"]
    assert found.quotas == {pool: amounts}
    assert found.most == found.quotas


def test_other_pools_are_counted_by_processors() -> None:
    assert resolve_queues({"nightly": queue({"system": 6.5})}, ALL)["nightly"].quotas == {"system": {"cpu": 6.5}}


@pytest.mark.parametrize(
    ("fields", "other", "most"),
    [
        ({"cohort": "team"}, {"cohort": "team"}, 12),
        ({"cohort": "team", "borrows": False}, {"cohort": "team"}, 4),
        ({"cohort": "team"}, {"cohort": "team", "lends": False}, 4),
        ({"cohort": "team"}, {"cohort": "else"}, 4),
        ({}, {}, 4),
    ],
)
def test_a_queue_can_have_what_others_of_its_cohort_lend(
    fields: dict[str, Any], other: dict[str, Any], most: int
) -> None:
    queues = {"a": queue({"h100": 4}, **fields), "b": queue({"h100": 8, "l4": 2}, **other)}
    assert resolve_queues(queues, ALL)["a"].most == {"h100": {"nvidia.com/gpu": most}}


def test_a_pool_that_there_is_not_is_refused() -> None:
    known = ", ".join(sorted(ALL))
    assert said(research=queue({"h10": 8})) == [
        f"research.pools.h10: 'h10' is not a pool of this stack; use one of {known}"
    ]
    assert said(research=queue({"h100": 8})) == []


def test_a_pool_that_is_refused_itself_is_not_said_to_be_missing() -> None:
    assert list(queue_problems({"research": queue({"broken": 8})}, {}, {"broken": None})) == []


@pytest.mark.parametrize(
    ("pool", "wrong", "right", "line"),
    [
        (
            "h100",
            {"cpus": 8},
            {"gpus": 8},
            "research.pools.h100.cpus: pool h100 has accelerators, which processors go with; write gpus",
        ),
        (
            "system",
            {"gpus": 8},
            {"cpus": 8},
            "research.pools.system.gpus: pool system has no accelerators; write cpus",
        ),
    ],
)
def test_the_unit_is_that_of_the_pool(pool: str, wrong: dict[str, Any], right: dict[str, Any], line: str) -> None:
    assert said(research=QueueSpec(pools={pool: QueueQuotaSpec(**wrong)})) == [line]
    assert said(research=QueueSpec(pools={pool: QueueQuotaSpec(**right)})) == []


def test_a_quota_has_exactly_one_unit() -> None:
    assert refused(QueueSpec(pools={"l4": QueueQuotaSpec()})) == (
        "pools.l4: nothing is chosen; give exactly one of gpus, cpus"
    )
    assert refused(QueueSpec(pools={"l4": QueueQuotaSpec(gpus=1, cpus=1)})) == (
        "pools.l4: gpus and cpus exclude each other; give exactly one of gpus, cpus"
    )


def test_quotas_may_not_exceed_the_pool() -> None:
    assert said(research=queue({"h100": 17})) == [
        (
            "research.pools.h100.gpus: 17 exceed the 16 h100 that pool h100 has at max_nodes; use at most 16, or "
            "raise the pool's max_nodes"
        )
    ]
    assert said(research=queue({"h100": 16})) == []
    most = POOLS["system"].allocatable_cpus * POOLS["system"].max_nodes
    (line,) = said(nightly=queue({"system": most + 1}))
    why = f"{most + 1:g} exceed the {most:g} vCPUs that pool system has at max_nodes"
    assert line.startswith(f"nightly.pools.system.cpus: {why};")
    assert said(nightly=queue({"system": most})) == []


def test_nor_may_those_of_all_queues_together() -> None:
    assert said(research=queue({"h100": 12}), production=queue({"h100": 5})) == [
        (
            "production.pools.h100.gpus: with those of research these are 17 h100, and pool h100 has 16 at max_nodes; "
            "use at most 4, or raise the pool's max_nodes"
        )
    ]
    assert said(research=queue({"h100": 12}), production=queue({"h100": 4})) == []


def test_a_cohort_has_several_queues() -> None:
    other = queue({"h100": 1}, cohort="team")
    assert said(research=queue({"h100": 8}, cohort="tean"), production=other, third=other) == [
        (
            "research.cohort: no other queue is in cohort tean, so that there is nothing to borrow; name it in "
            "another queue too, or leave it out"
        )
    ]
    assert said(research=queue({"h100": 8}, cohort="team"), production=other) == []


@pytest.mark.parametrize(("name", "value"), [("borrows", False), ("lends", False), ("priority", 1000)])
def test_what_has_a_meaning_in_a_cohort_is_refused_without_one(name: str, value: object) -> None:
    assert refused(queue({"h100": 8}, **{name: value})) == (
        f"{name}: has a meaning beside other queues of a cohort only; name a cohort, or leave it out"
    )
    assert validate(queue({"h100": 8}, cohort="team", **{name: value}))


@pytest.mark.parametrize("fields", [{}, {"cohort": "team", "borrows": False}])
@pytest.mark.parametrize(("pool", "unit"), [("h100", "gpus"), ("system", "cpus")])
def test_nothing_of_its_own_is_for_queues_that_borrow(pool: str, unit: str, fields: dict[str, Any]) -> None:
    assert refused(queue({pool: 0}, **fields)) == (
        f"pools.{pool}.{unit}: 0 leaves its jobs nothing, as the queue does not borrow; raise it, leave the pool out, "
        "or let the queue borrow in a cohort"
    )
    assert validate(queue({pool: 0}, cohort="team"))


@pytest.mark.parametrize(("priority", "passes"), [(-1, False), (0, True), (10**9, True), (10**9 + 1, False)])
def test_a_priority_is_one_of_kubernetes(priority: int, passes: bool) -> None:
    spec = queue({"h100": 8}, cohort="team", priority=priority)
    if passes:
        assert validate(spec).priority == priority
    else:
        assert refused(spec).startswith(f"priority: {priority} is ")


def test_a_queue_has_a_pool() -> None:
    assert refused(QueueSpec(pools={})).startswith("pools: ")


def test_queues_leave_out_pools_that_cannot_be_had() -> None:
    found = resolve_queues(
        {"research": queue({"h100": 8, "l4": 1})}, {"l4": resolve_pool("l4", PoolSpec(accelerator="l4"))}
    )
    assert list(found["research"].quotas) == ["l4"]
