"""The plan says what queues have of pools."""

import json
from typing import Any

from modelyard.foresight.plan import plan
from modelyard.foresight.plan_text import render
from modelyard.stack.spec import load_stack
from tests.support.stacks import stack


def queues() -> dict[str, Any]:
    return {
        "platform.queues.research": {"pools": {"h100": {"gpus": 8}}, "cohort": "team"},
        "platform.queues.production": {
            "pools": {"h100": {"gpus": 4}, "l4": {"gpus": 2}},
            "cohort": "team",
            "priority": 9,
            "borrows": False,
        },
        "platform.queues.nightly": {"pools": {"system": {"cpus": 6.5}}},
    }


def test_each_queue_is_said_for_each_of_its_pools() -> None:
    found = plan(load_stack(json.dumps(stack(queues()))))
    assert [(each["name"], each["pool"], each["own"], each["most"]) for each in found["queues"]] == [
        ("research", "h100", {"nvidia.com/gpu": 8}, {"nvidia.com/gpu": 12}),
        ("production", "h100", {"nvidia.com/gpu": 4}, {"nvidia.com/gpu": 4}),
        ("production", "l4", {"nvidia.com/gpu": 2}, {"nvidia.com/gpu": 2}),
        ("nightly", "system", {"cpu": 6.5}, {"cpu": 6.5}),
    ]
    lines = [line.split() for line in render(found).splitlines()]
    assert ["QUEUE", "POOL", "OWN", "AT", "MOST", "COHORT", "PRIORITY"] in lines
    assert ["production", "h100", "nvidia.com/gpu:", "4", "nvidia.com/gpu:", "4", "team", "9"] in lines
    assert ["nightly", "system", "cpu:", "6.5", "cpu:", "6.5", "-", "-"] in lines


def test_a_stack_without_queues_has_no_table_of_them() -> None:
    found = plan(load_stack(json.dumps(stack())))
    assert found["queues"] == []
    assert "QUEUE" not in render(found)
