"""Pools that the cluster of a stack cannot have: each said once, with the others, and not measured by."""

import json
from typing import Any

from modelyard.errors import ConfigError
from modelyard.stack.spec import load_stack
from tests.unit.stack.rule_case import JOB

EKS_POOLS: dict[str, Any] = {
    "system": {"cpus": 4, "memory_gib": 16, "min_nodes": 2, "max_nodes": 3},
    "h100": {"accelerator": "h100", "gpus_per_node": 8, "max_nodes": 2},
}


def on_eks(pools: dict[str, Any], **workspaces: Any) -> list[str]:
    """What is said of a stack on EKS with these pools beside two sound ones."""
    written = {"cluster": {"eks": {"region": "us-east-1"}}, "pools": {**EKS_POOLS, **pools}, "workspaces": workspaces}
    try:
        load_stack(json.dumps(written))
    except ConfigError as error:
        return [str(problem) for problem in error.problems]
    return []


def test_a_pool_is_checked_against_the_cluster() -> None:
    assert on_eks({}) == []
    assert on_eks({"queued": {"accelerator": "l4", "capacity": "flex_start"}}) == [
        (
            "pools.queued.capacity: EKS has no machines that queue until there is capacity; use {capacity_block: ID} "
            "or {reservation: ID}"
        )
    ]


def test_a_pool_that_is_wrong_by_itself_is_said_once() -> None:
    found = on_eks({"divided": {"accelerator": "l4", "sharing": {"mig": "1g.10gb"}, "capacity": "flex_start"}})
    assert [line.split(": ")[0] for line in found] == ["pools.divided.sharing.mig"]
    found = on_eks({"divided": {"accelerator": "h100", "sharing": {}}})
    assert found == ["pools.divided.sharing: nothing is chosen; give exactly one of mig, time_slicing, mps"]


def test_workloads_of_a_pool_that_cannot_be_had_are_not_measured_by_it() -> None:
    job = {**JOB, "pool": "queued", "gpus": 3}
    found = on_eks({"queued": {"accelerator": "l4", "capacity": "flex_start"}}, team={"jobs": {"one": job}})
    assert [line.split(": ")[0] for line in found] == ["pools.queued.capacity"]


def test_rules_of_all_pools_together_come_with_the_others() -> None:
    found = on_eks({"system": {"accelerator": "l4"}, "queued": {"accelerator": "l4", "capacity": "flex_start"}})
    assert [line.split(": ")[0] for line in found] == ["pools.queued.capacity", "pools"]
