"""Dependencies are no coarser than the truth: making and deleting takes hardly longer than what cannot be avoided.

The measure is tests/bench/schedule.py: what depends on more than it needs lengthens a chain, and on destroy, which goes
layer by layer, what stands in another layer than other slow things takes its time alone.
"""

import copy
import json
from functools import cache
from typing import Any

import pytest
import yaml

from modelyard.stack.ml_stack import MLStack
from tests.bench.schedule import (
    CHART_SECONDS,
    GPU_NODE_SECONDS,
    UNAVOIDABLE_DOWN,
    UNAVOIDABLE_UP,
    Step,
    down,
    steps_of,
    unavoidable,
    up,
)
from tests.support.mocks import run
from tests.support.paths import ROOT

MOST = 1.10
"""The schedule over the chain that cannot be avoided."""
PROD: dict[str, Any] = yaml.safe_load((ROOT / "stacks" / "Pulumi.prod-eks.yaml").read_text())["config"][
    "modelyard:stack"
]


@cache
def steps(provisioner: str) -> dict[str, Step]:
    """The graph of production with this provisioner."""
    spec = copy.deepcopy(PROD)
    spec["cluster"]["eks"]["provisioner"] = provisioner
    return steps_of(run(MLStack.from_config, config={"modelyard:stack": json.dumps(spec)}))


@pytest.mark.parametrize("provisioner", ["cluster_autoscaler", "karpenter", "auto_mode"])
def test_production_is_ready_when_its_longest_chain_is(provisioner: str) -> None:
    found = up(steps(provisioner))
    assert found.seconds <= MOST * unavoidable(UNAVOIDABLE_UP), found.chain


@pytest.mark.parametrize("provisioner", ["cluster_autoscaler", "auto_mode"])
def test_production_is_gone_when_its_longest_chain_is(provisioner: str) -> None:
    found = down(steps(provisioner))
    assert found.seconds <= MOST * unavoidable(UNAVOIDABLE_DOWN, deleting=True), found.chain


def test_the_chain_that_cannot_be_avoided_is_made_of_aws_own_times() -> None:
    assert unavoidable(UNAVOIDABLE_UP) == 540 + 180 + CHART_SECONDS + GPU_NODE_SECONDS
    assert unavoidable(UNAVOIDABLE_DOWN, deleting=True) == CHART_SECONDS + 180 + 180


def step(*needs: str, up: float = 0, down: float = 0, sized_by: str = "") -> Step:
    """A step of a small graph."""
    return Step(
        label="-".join(["after", *needs]),
        needs=frozenset(needs),
        sized_by=frozenset([sized_by] if sized_by else []),
        up=up,
        down=down,
    )


def test_what_is_made_waits_for_the_slowest_of_what_it_needs() -> None:
    graph = {"a": step(up=5), "b": step(up=3), "c": step("a", "b", up=2), "d": step("b", up=1)}
    assert up(graph).seconds == 7
    assert up(graph).chain == [("after", 5), ("after-a-b", 2)]


def test_a_workload_waits_for_what_gives_it_nodes_only_when_it_is_made() -> None:
    graph = {"sizer": step(up=9, down=9), "work": step(up=1, down=1, sized_by="sizer")}
    assert up(graph).seconds == 10
    assert down(graph).seconds == 9


def test_what_is_deleted_goes_layer_by_layer() -> None:
    """As the engine does: `b` stands as deep as `c`, and `d` deeper."""
    graph = {"a": step(down=7), "b": step("a", down=5), "c": step("a", down=3), "d": step("c", down=2)}
    assert down(graph).seconds == 7 + 5 + 2
    deeper = {**graph, "b": step("c", down=5)}
    assert down(deeper).seconds == 7 + 3 + 5
