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
from tests.bench.schedule import AWS, CHART_SECONDS, GPU_NODE_SECONDS, Step, down, steps_of, up
from tests.support.mocks import run
from tests.support.paths import ROOT

MOST = 1.10
"""The schedule over the chain that cannot be avoided."""
PROD: dict[str, Any] = yaml.safe_load((ROOT / "stacks" / "Pulumi.prod-eks.yaml").read_text())["config"][
    "modelyard:stack"
]


EXISTING_VPC = {
    "vpc_id": "vpc-0123456789abcdef0",
    "private_subnet_ids": {f"us-east-1{zone}": f"subnet-0123456789abcdef{zone}" for zone in "abc"},
}


@cache
def steps(provisioner: str, *, has_vpc: bool = True) -> dict[str, Step]:
    """The graph of production with this provisioner, in a VPC of its own or in one that exists."""
    spec = copy.deepcopy(PROD)
    spec["cluster"]["eks"]["provisioner"] = provisioner
    if not has_vpc:
        spec["cluster"]["eks"]["network"] = EXISTING_VPC
    return steps_of(run(MLStack.from_config, config={"modelyard:stack": json.dumps(spec)}), AWS)


@pytest.mark.parametrize("has_vpc", [True, False])
@pytest.mark.parametrize("provisioner", ["cluster_autoscaler", "karpenter", "auto_mode"])
def test_production_is_ready_when_its_longest_chain_is(provisioner: str, has_vpc: bool) -> None:
    found = up(steps(provisioner, has_vpc=has_vpc))
    assert found.seconds <= MOST * AWS.unavoidable(), found.chain


@pytest.mark.parametrize("has_vpc", [True, False])
@pytest.mark.parametrize("provisioner", ["cluster_autoscaler", "karpenter", "auto_mode"])
def test_production_is_gone_when_its_longest_chain_is(provisioner: str, has_vpc: bool) -> None:
    found = down(steps(provisioner, has_vpc=has_vpc))
    assert found.seconds <= MOST * AWS.unavoidable(deleting=True), found.chain


def test_the_chain_that_cannot_be_avoided_is_made_of_aws_own_times() -> None:
    assert AWS.unavoidable() == 540 + 180 + CHART_SECONDS + GPU_NODE_SECONDS
    assert AWS.unavoidable(deleting=True) == CHART_SECONDS + 180 + 180


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
