"""Autoscaling in a stack: what it needs of other blocks, and the KEDA that it becomes."""

import json
from typing import Any

from modelyard.errors import ConfigError
from modelyard.stack.ml_stack import MLStack
from modelyard.stack.spec import load_stack
from tests.support.mocks import Recorded, run
from tests.support.stacks import stack

ASSISTANT, FRAUD = "workspaces.chat.services.assistant", "workspaces.chat.services.fraud"
TARGET = f"{ASSISTANT}.autoscaling.target"
QUEUED: dict[str, Any] = {TARGET: {"queued_requests": 4}}
COUNTED: dict[str, Any] = {TARGET: {"requests_per_second": 4}}
ROUTED: dict[str, Any] = {"platform.gateway": {}, f"{ASSISTANT}.route": {}}


def said(changes: dict[str, Any]) -> list[str]:
    try:
        load_stack(json.dumps(stack(changes)))
    except ConfigError as error:
        return [str(problem) for problem in error.problems]
    return []


def made(changes: dict[str, Any]) -> Recorded:
    config = {"modelyard:stack": json.dumps(stack(changes))}
    return run(MLStack.from_config, config=config, secrets={"modelyard:hf-token": "clear"})


def releases(changes: dict[str, Any]) -> set[str]:
    """The charts of a stack on a cluster that installs charts."""
    found = made({"cluster": {"existing": {"context": "on-prem"}}, **changes}).of("Release")
    return {each.inputs["name"] for each in found}


def test_what_prometheus_is_asked_needs_metrics() -> None:
    (line,) = said({**QUEUED, "observability": {}})
    assert line.startswith(f"{TARGET}.queued_requests: is read from Prometheus, which the stack does not have; ")
    assert not said(QUEUED)


def test_what_the_gateway_counts_needs_a_route() -> None:
    (line,) = said(COUNTED)
    assert line.startswith(f"{TARGET}.requests_per_second: is counted at the gateway, from which the service has no")
    assert not said({**COUNTED, **ROUTED})


def test_room_that_is_kept_has_a_name_of_its_own() -> None:
    assistant = {**stack()["workspaces"]["chat"]["services"]["assistant"]}
    twins = {f"{ASSISTANT}-spare": assistant}
    assert not said(twins)
    (line,) = said({**twins, f"{ASSISTANT}.spare_replicas": 1})
    assert line == (
        f"{ASSISTANT}.spare_replicas: would be named chat-assistant-spare, as {ASSISTANT}-spare is; rename one of them"
    )


def test_keda_comes_with_the_first_service_that_needs_it() -> None:
    assert "keda" not in releases({})
    assert "keda" in releases(QUEUED)
    assert "keda" not in releases({**QUEUED, "platform.keda_present": True})


def test_the_priority_of_spare_pods_comes_with_the_first_of_them() -> None:
    assert not made({}).of("PriorityClass")
    assert len(made({f"{ASSISTANT}.spare_replicas": 1}).of("PriorityClass")) == 1


def test_the_gateway_is_read_where_services_follow_it() -> None:
    assert not made(ROUTED).of("PodMonitor")
    assert len(made({**COUNTED, **ROUTED}).of("PodMonitor")) == 1
