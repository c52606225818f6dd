"""Pods that keep room for further replicas of a service."""

from dataclasses import replace
from typing import Any

import pytest

from modelyard.cluster.pools import Pool
from modelyard.platform.priorities import Priorities
from modelyard.serving.model_service import ModelService
from modelyard.serving.spec import ModelServiceSpec
from modelyard.workspace.place import Place
from modelyard.workspace.spec import WorkspaceSpec
from modelyard.workspace.workspace import Workspace
from tests.support.clusters import POOLS, bare_cluster
from tests.support.mocks import Recorded, Registration, refused, run
from tests.unit.serving.test_spec import OWN, VLLM

SPARE = replace(VLLM, spare_replicas=2)


def made(service: ModelServiceSpec = SPARE) -> Recorded:
    def program() -> None:
        cluster = bare_cluster()
        priorities = Priorities("priorities", cluster, {}, with_spare=True)
        ModelService("assistant", Workspace("chat", cluster, WorkspaceSpec(), priorities=priorities), service)

    return run(program)


def deployments(recorded: Recorded) -> dict[str, Registration]:
    return {each.name: each for each in recorded.of("Deployment")}


def pod_of(registration: Registration) -> dict[str, Any]:
    return registration.inputs["spec"]["template"]["spec"]


def test_left_out_there_are_none() -> None:
    assert deployments(made(VLLM)).keys() == {"chat-assistant"}


def test_its_pods_ask_for_what_a_replica_asks_for_on_the_same_nodes() -> None:
    found = deployments(made())
    spare, own = pod_of(found["chat-assistant-spare"]), pod_of(found["chat-assistant"])
    (container,), (server,) = spare["containers"], own["containers"]
    assert container["resources"]["requests"] == server["resources"]["requests"]
    assert container["resources"]["limits"]["nvidia.com/gpu"] == "1"
    assert spare["nodeSelector"] == own["nodeSelector"]
    assert spare["tolerations"] == own["tolerations"]
    assert found["chat-assistant-spare"].inputs["spec"]["replicas"] == 2


def test_its_pods_give_way_at_once_to_all_others() -> None:
    recorded = made()
    spare = pod_of(deployments(recorded)["chat-assistant-spare"])
    assert spare["terminationGracePeriodSeconds"] == 0
    (priority,) = recorded.of("PriorityClass")
    assert priority.inputs["value"] < 0
    assert spare["priorityClassName"].startswith(priority.name)
    assert "priorityClassName" not in pod_of(deployments(recorded)["chat-assistant"])


def test_no_service_and_no_budget_takes_them_for_replicas() -> None:
    recorded = made()
    labels = deployments(recorded)["chat-assistant-spare"].inputs["spec"]["template"]["metadata"]["labels"]
    selectors = [recorded.one("Service").inputs["spec"]["selector"]]
    selectors.append(recorded.one("PodDisruptionBudget").inputs["spec"]["selector"]["matchLabels"])
    selectors.append(deployments(recorded)["chat-assistant"].inputs["spec"]["selector"]["matchLabels"])
    for selector in selectors:
        assert not selector.items() <= labels.items()


def test_they_have_nothing_of_the_server() -> None:
    service = replace(SPARE, env={"A": "b"})
    (container,) = pod_of(deployments(made(service))["chat-assistant-spare"])["containers"]
    assert "pause" in container["image"]
    assert not [each for each in container.get("env", []) if each["name"] == "A"]


def test_an_update_does_not_wait_for_their_nodes() -> None:
    metadata = deployments(made())["chat-assistant-spare"].inputs["metadata"]
    assert metadata["annotations"]["pulumi.com/skipAwait"] == "true"


def problems(service: ModelServiceSpec, pools: dict[str, Pool]) -> list[tuple[str, str]]:
    return [(each.path, each.why) for each in service.problems_on(Place(pools=pools))]


@pytest.mark.parametrize(("spare", "fits"), [(3, True), (4, False)])
def test_there_has_to_be_room_for_them(spare: int, fits: bool) -> None:
    found = problems(replace(VLLM, spare_replicas=spare), dict(POOLS))
    held = "pool l4 has room for 4 at its max_nodes of 4"
    why = f"{spare} beside 1 replicas are too many, as {held}"
    assert found == ([] if fits else [("spare_replicas", why)])


def test_a_service_by_itself_needs_their_priority() -> None:
    def program() -> None:
        ModelService("fraud", Workspace("chat", bare_cluster(), WorkspaceSpec()), replace(OWN, spare_replicas=1))

    said = str(refused(program, "modelyard:serving:ModelService"))
    assert "fraud.spare_replicas: needs a priority below all others, which the workspace does not have" in said
