"""A service with an automatic release through the real engine and a real API server that checks its objects by the real
schemas: it becomes one, its changes leave alone what the controller has moved, and it becomes an ordinary one again.

Argo Rollouts does not run: what it would write, the test writes. Pods of the Deployment are simulated.
"""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engine.local_stack import Json, LocalStack, local_stack
from tests.engine.services import service
from tests.engine.steps import assert_before, changed
from tests.support.update import Result

pytestmark = pytest.mark.engine

OLD, NEW = "registry.example.org/fraud:4.2.0", "registry.example.org/fraud:4.3.0"
ROUTES, ROLLOUTS = "httproutes.gateway.networking.k8s.io", "rollouts.argoproj.io"
FRAUD = "--selector=app.kubernetes.io/instance=chat-fraud"
HASH = "rollouts-pod-template-hash"
AUTOMATIC: Json = {
    "automatic": {
        "steps": [{"weight_percent": 10, "pause_seconds": 300}, {"weight_percent": 50, "pause_seconds": 300}],
        "analysis": {
            "success_percent": 99,
            "prometheus": {"query": 'sum(up{pod=~"{{args.workload}}-{{args.hash}}-.+"})', "at_least": 1},
        },
    }
}
SPEC: Json = {
    "pools": {"system": {"cpus": 32, "memory_gib": 64, "max_nodes": 2}},
    "platform": {"gateway": {"hostname": "models.example.org"}},
    "observability": {"metrics": {}},
    "workspaces": {
        "chat": {
            "services": {
                "fraud": service(OLD, container={"metrics_path": "/metrics"}, replicas=2, route={"path": "/fraud"}),
            }
        }
    },
}


@pytest.fixture
def stack(tmp_path: Path, shared_folder: Path) -> Iterator[LocalStack]:
    with local_stack(tmp_path, SPEC, crds=shared_folder / "crds") as made:
        yield made


def test_a_service_takes_steps_by_itself_and_stops_to(stack: LocalStack) -> None:
    stack.project.up()
    _becomes_automatic(stack)
    _a_change_leaves_alone_what_was_moved(stack)
    _a_change_of_the_route_takes_requests_back(stack)
    _becomes_ordinary_again(stack)


def _service(stack: LocalStack) -> Json:
    return stack.spec["workspaces"]["chat"]["services"]["fraud"]


def _of(result: Result) -> dict[str, set[str]]:
    """What was done to the service."""
    return {name: ops for name, ops in changed(result).items() if "chat-fraud" in name}


def _weights(stack: LocalStack) -> dict[str, int]:
    [rule] = stack.one(ROUTES, "chat-fraud")["spec"]["rules"]
    return {each["name"]: each["weight"] for each in rule["backendRefs"]}


def _selectors(stack: LocalStack) -> dict[str, Json]:
    return {each["metadata"]["name"]: each["spec"]["selector"] for each in stack.get("services", FRAUD)}


def _move(stack: LocalStack, next_percent: int) -> None:
    """What the controller and its plugin write in the middle of a rollout."""
    for suffix, value in (("stable", "6c8d"), ("next", "7f9b")):
        patch = json.dumps({"spec": {"selector": {HASH: value}}})
        stack.kubectl("patch", "service", f"fraud-{suffix}", "--namespace=chat", "--type=merge", f"--patch={patch}",
                      "--field-manager=rollouts-controller")  # fmt: skip
    weights = [
        {"op": "replace", "path": f"/spec/rules/0/backendRefs/{index}/weight", "value": value}
        for index, value in enumerate((100 - next_percent, next_percent))
    ]
    route = stack.one(ROUTES, "chat-fraud")["metadata"]["name"]
    stack.kubectl("patch", ROUTES, route, "--namespace=chat", "--type=json", f"--patch={json.dumps(weights)}",
                  "--field-manager=gatewayapi")  # fmt: skip


def _becomes_automatic(stack: LocalStack) -> None:
    """What it needs is there before the Rollout, and the Deployment ends after it."""
    _service(stack)["release"] = AUTOMATIC
    done = stack.update()
    for before in ("Service chat-fraud-rollout-stable", "Service chat-fraud-rollout-next"):
        assert_before(done, before, "HTTPRoute chat-fraud-route")
    for before in ("HTTPRoute chat-fraud-route", "AnalysisTemplate chat-fraud-analysis"):
        assert_before(done, before, "Rollout chat-fraud")
    assert_before(done, "Rollout chat-fraud", "Deployment chat-fraud")
    assert _of(done)["HTTPRoute chat-fraud-route"] == {"update"}
    assert "Service chat-fraud-service" not in _of(done), "its name inside of the cluster stays as it was"
    assert _weights(stack) == {"fraud-stable": 100, "fraud-next": 0}
    selectors = _selectors(stack)
    # Pods of the Deployment, which is not there before the Rollout's are ready, and the Rollout's alike.
    assert selectors["fraud-stable"] == selectors["fraud-next"]
    assert selectors["fraud"] == {**selectors["fraud-stable"], "modelyard.dev/variant": "main"}
    rollout = stack.one(ROLLOUTS, "chat-fraud")
    assert selectors["fraud-stable"] == rollout["spec"]["selector"]["matchLabels"]
    assert stack.project.preview().unchanged


def _a_change_leaves_alone_what_was_moved(stack: LocalStack) -> None:
    _move(stack, 10)
    assert stack.project.preview().unchanged
    _service(stack)["runtime"]["container"]["image"] = NEW
    assert _of(stack.update()) == {"Rollout chat-fraud": {"update"}}
    assert _weights(stack) == {"fraud-stable": 90, "fraud-next": 10}
    assert {name: each.get(HASH) for name, each in _selectors(stack).items()} == {
        "fraud": None,
        "fraud-stable": "6c8d",
        "fraud-next": "7f9b",
    }
    [container] = stack.one(ROLLOUTS, "chat-fraud")["spec"]["template"]["spec"]["containers"]
    assert container["image"] == NEW


def _a_change_of_the_route_takes_requests_back(stack: LocalStack) -> None:
    """To the present version, until the controller's next look; a change of ports comes past what it has written."""
    _service(stack)["route"]["timeout_seconds"] = 90
    assert _of(stack.update()) == {"HTTPRoute chat-fraud-route": {"update"}}
    assert _weights(stack) == {"fraud-stable": 100, "fraud-next": 0}
    _service(stack)["runtime"]["container"]["metrics_port"] = 9090
    assert _of(stack.update())["Service chat-fraud-rollout-next"] == {"update"}
    assert _selectors(stack)["fraud-next"][HASH] == "7f9b"


def _becomes_ordinary_again(stack: LocalStack) -> None:
    """In the middle of a rollout: the route leaves its Services once the Deployment is ready, and they end last."""
    _move(stack, 50)
    del _service(stack)["release"]
    done = stack.update()
    assert_before(done, "Deployment chat-fraud", "HTTPRoute chat-fraud-route")
    for after in ("Rollout chat-fraud", "Service chat-fraud-rollout-stable", "Service chat-fraud-rollout-next"):
        assert_before(done, "HTTPRoute chat-fraud-route", after)
    assert _weights(stack) == {"fraud": 1}
    assert _selectors(stack).keys() == {"fraud"}
    assert _of(done)["Rollout chat-fraud"] == {"delete"}
    assert stack.project.preview().unchanged
