"""Queues in a stack: their rules with paths, and the components they become."""

import copy
import json
from typing import Any

import pytest

from modelyard.errors import ConfigError
from modelyard.stack.ml_stack import MLStack
from modelyard.stack.spec import load_stack
from tests.support.mocks import Recorded, run
from tests.support.stacks import stack

RESEARCH = "platform.queues.research"
QUEUES: dict[str, Any] = {
    RESEARCH: {"pools": {"h100": {"gpus": 8}}, "cohort": "team"},
    "platform.queues.production": {"pools": {"h100": {"gpus": 8}, "l4": {"gpus": 2}}, "cohort": "team", "priority": 9},
    "workspaces.chat.queues": ["research"],
    "workspaces.chat.training.finetune.queue": "research",
}


def said(changes: dict[str, Any]) -> list[str]:
    try:
        load_stack(json.dumps(stack({**copy.deepcopy(QUEUES), **changes})))
    except ConfigError as error:
        return [str(problem) for problem in error.problems]
    return []


def made(changes: dict[str, Any]) -> Recorded:
    config = {"modelyard:stack": json.dumps(stack(copy.deepcopy(changes)))}
    return run(MLStack.from_config, config=config, secrets={"modelyard:hf-token": "clear"})


@pytest.mark.parametrize(
    ("wrong", "line", "right"),
    [
        (
            {f"{RESEARCH}.pools.h10": {"gpus": 8}},
            f"{RESEARCH}.pools.h10: 'h10' is not a pool of this stack; use one of h100, l4, system",
            {f"{RESEARCH}.pools.l4": {"gpus": 2}},
        ),
        (
            {f"{RESEARCH}.pools.h100.gpus": 9},
            (
                "platform.queues.production.pools.h100.gpus: with those of research these are 17 h100, and pool h100 "
                "has 16 at max_nodes; use at most 7, or raise the pool's max_nodes"
            ),
            {f"{RESEARCH}.pools.h100.gpus": 9, "pools.h100.max_nodes": 3},
        ),
        (
            {f"{RESEARCH}.lend": False},
            f"{RESEARCH}.lend: is not a key here; did you mean lends?",
            {f"{RESEARCH}.lends": False},
        ),
        (
            {"workspaces.chat.queues": ["research", "batch"]},
            (
                "workspaces.chat.queues[1]: 'batch' is no queue of this stack; use one of production, research, or add "
                "it under platform.queues"
            ),
            {"workspaces.chat.queues": ["research", "production"]},
        ),
        (
            {"workspaces.chat.training.finetune.queue": "production"},
            (
                "workspaces.chat.training.finetune.queue: 'production' is no queue of this workspace; use one of "
                "research, or add it under queues"
            ),
            {
                "workspaces.chat.training.finetune.queue": "production",
                "workspaces.chat.queues": ["production"],
            },
        ),
        (
            {"workspaces.chat.services.assistant.queue": "research"},
            "workspaces.chat.services.assistant.queue: is not a key here; keys here are ",
            {},
        ),
        (
            {f"{RESEARCH}.borrows": False},
            (
                "workspaces.chat.training.finetune.queue: 16 nvidia.com/gpu at a time exceed the 8 that queue "
                "research can have of pool h100: the job would wait for ever; run fewer pods at a time, or raise the "
                "queue's quota"
            ),
            {f"{RESEARCH}.borrows": False, "workspaces.chat.training.finetune.nodes": 1},
        ),
    ],
)
def test_a_rule_of_queues(wrong: dict[str, Any], line: str, right: dict[str, Any]) -> None:
    found = said(wrong)
    assert len(found) == 1
    assert found[0].startswith(line)
    assert said(right) == []


def test_queues_on_a_pool_that_is_refused_are_not_refused_too() -> None:
    assert [line.split(": ")[0] for line in said({"pools.h100.min_nodes": 5})] == ["pools.h100.min_nodes"]


def test_a_stack_with_queues_has_them_before_its_workspaces() -> None:
    recorded = made(QUEUES)
    assert recorded.one("Queues").parent == recorded.one("MLStack").urn
    assert recorded.one("LocalQueue").inputs["metadata"]["namespace"] == "chat"
    (job,) = (each for each in recorded.of("Job") if each.name == "chat-finetune")
    assert recorded.one("LocalQueue").urn in job.depends_on


def test_a_stack_without_queues_has_nothing_of_them() -> None:
    recorded = made({})
    assert recorded.of("Queues") == []
    assert not [each.urn for each in recorded.registrations if "kueue" in each.type]


def test_charts_of_queues_come_from_the_stacks_mirror_with_a_monitor_where_there_are_metrics() -> None:
    existing = {"cluster": {"existing": {"context": "on-prem"}}}
    (release,) = (each for each in made({**QUEUES, **existing}).of("Release") if each.inputs["name"] == "kueue")
    assert release.inputs["chart"] == "oci://registry.example.org/charts/kueue"
    assert release.inputs["values"]["enablePrometheus"] is True
    alone = made({**QUEUES, **existing, "observability": {}})
    assert alone.one("Release").inputs["values"]["enablePrometheus"] is False
