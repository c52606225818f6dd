"""Priorities of pods: what a user may write, and the PriorityClasses."""

from collections.abc import Mapping
from typing import Any

import pulumi_kubernetes as k8s
import pytest

from modelyard.errors import ConfigError
from modelyard.platform.priorities import Priorities
from modelyard.platform.priorities_spec import PrioritySpec
from modelyard.spec import validate
from tests.support.clusters import BareCluster
from tests.support.mocks import Recorded, refused, run

TYPE = "modelyard:platform:Priorities"
PRIORITIES = {"production": PrioritySpec(value=1000), "batch": PrioritySpec(value=-5, preempts=False)}


def made(priorities: Mapping[str, PrioritySpec] = PRIORITIES, *, with_spare: bool = False) -> Recorded:
    def program() -> None:
        provider = k8s.Provider("p", kubeconfig="k")
        Priorities("priorities", BareCluster(kubernetes_provider=provider), priorities, with_spare=with_spare)

    return run(program)


def classes(recorded: Recorded) -> dict[str, Mapping[str, Any]]:
    return {each.name: each.inputs for each in recorded.of("PriorityClass")}


def test_each_is_a_priority_class_under_a_generated_name() -> None:
    found = classes(made())
    assert {name: (each["value"], each.get("preemptionPolicy")) for name, each in found.items()} == {
        "priorities-production": (1000, None),
        "priorities-batch": (-5, "Never"),
    }
    assert not [each for each in found.values() if "name" in each["metadata"] or each.get("globalDefault")]


def test_pods_that_keep_room_give_way_to_all_others() -> None:
    users = made({"spare": PrioritySpec(value=-9)}, with_spare=True)
    found = classes(users)
    own, spare = found["priorities-spare"], found["priorities--spare"]
    assert (spare["value"], spare["preemptionPolicy"]) == (-10, "Never")
    assert spare["value"] < own["value"]
    assert len(classes(made({}, with_spare=False))) == 0


@pytest.mark.parametrize(("value", "is_allowed"), [(-10, False), (-9, True), (10**9, True), (10**9 + 1, False)])
def test_what_kubernetes_and_spare_pods_have_is_not_the_users(value: int, is_allowed: bool) -> None:
    if is_allowed:
        validate(PrioritySpec(value=value))
        return
    with pytest.raises(ConfigError, match="value"):
        validate(PrioritySpec(value=value))


def test_nothing_is_made_of_a_wrong_one() -> None:
    error = refused(lambda: Priorities("p", BareCluster(), {"a": PrioritySpec(value=10**10)}), TYPE)
    assert [problem.path for problem in error.problems] == ["a.value"]
