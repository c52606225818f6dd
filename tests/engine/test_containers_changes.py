"""What runs before and beside a workload's own container, and its priority, through a stack's life."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.engine.local_stack import Json, LocalStack, local_stack
from tests.engine.steps import changed

pytestmark = pytest.mark.engine

BESIDE: Json = {
    "pool": "system",
    "priority": "production",
    "mounts": [{"path": "/features", "scratch": "features"}],
    "init_containers": [
        {"image": "registry.example.org/fetch:1.0.0", "mounts": [{"path": "/features", "scratch": "features"}]}
    ],
    "sidecars": [{"image": "registry.example.org/proxy:1.0.0", "port": 6565, "ready_path": "/ready"}],
}
CONTAINER: Json = {"image": "registry.example.org/server:1.0.0", "port": 8080, "ready_path": "/healthz"}
SPEC: Json = {
    "pools": {"system": {"cpus": 8, "memory_gib": 16, "max_nodes": 1}},
    "platform": {"priorities": {"production": {"value": 1000}, "batch": {"value": -5, "preempts": False}}},
    "workspaces": {
        "team": {
            "services": {
                "ranker": {**BESIDE, "runtime": {"container": CONTAINER}},
                "plain": {"pool": "system", "priority": "batch", "runtime": {"container": CONTAINER}},
            },
            "jobs": {"embed": {**BESIDE, "image": "registry.example.org/embed:1.0.0", "await_completion": True}},
        }
    },
}


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    """The stack, as it is made first."""
    with local_stack(tmp_path_factory.mktemp("beside"), SPEC) as made:
        made.project.up()
        yield made


def pod(stack: LocalStack, workload: str) -> dict[str, Any]:
    """The one pod of a workload that is to stay."""
    found = stack.get("pods", f"--selector=app.kubernetes.io/instance={workload}")
    (one,) = (each for each in found if "deletionTimestamp" not in each["metadata"])
    return one


def classes(stack: LocalStack) -> dict[str, tuple[str, int]]:
    """The stack's priorities: the names that they have on the cluster, and their values."""
    found = stack.get("priorityclasses", "--selector=app.kubernetes.io/component=priorities")
    return {
        each["metadata"]["labels"]["app.kubernetes.io/name"]: (each["metadata"]["name"], each["value"])
        for each in found
    }


def test_pods_have_their_containers_and_their_priority(stack: LocalStack) -> None:
    ranker, plain = pod(stack, "team-ranker"), pod(stack, "team-plain")
    assert [each["name"] for each in ranker["spec"]["initContainers"]] == ["fetch", "proxy"]
    assert (ranker["spec"]["priority"], ranker["spec"]["preemptionPolicy"]) == (1000, "PreemptLowerPriority")
    assert (plain["spec"]["priority"], plain["spec"]["preemptionPolicy"]) == (-5, "Never")
    assert ranker["status"]["phase"] == "Running"


def test_a_job_with_a_sidecar_comes_to_its_end(stack: LocalStack) -> None:
    """The update has waited for it."""
    job = stack.one("jobs", "team-embed")
    assert job["status"]["succeeded"] == 1
    assert [each["name"] for each in job["spec"]["template"]["spec"]["initContainers"]] == ["fetch", "proxy"]


def test_changes_touch_what_they_name(stack: LocalStack) -> None:
    """A priority cannot be changed: it is made anew, and what uses it is rolled."""
    before = classes(stack)
    stack.spec["platform"]["priorities"]["batch"]["value"] = -3
    services = stack.spec["workspaces"]["team"]["services"]
    services["ranker"]["sidecars"] = [{**BESIDE["sidecars"][0], "image": "registry.example.org/proxy:1.1.0"}]
    assert changed(stack.update()) == {
        "PriorityClass priorities-batch": {"create-replacement", "replace", "delete-replaced"},
        "Deployment team-plain": {"update"},
        "Deployment team-ranker": {"update"},
    }
    after = classes(stack)
    assert after["production"] == before["production"]
    assert (after["batch"][0] != before["batch"][0], after["batch"][1]) == (True, -3)
    assert pod(stack, "team-plain")["spec"]["priority"] == -3
    assert pod(stack, "team-ranker")["spec"]["initContainers"][1]["image"] == "registry.example.org/proxy:1.1.0"
    assert changed(stack.project.preview()) == {}


def test_a_wrong_one_is_refused_and_nothing_is_made(stack: LocalStack) -> None:
    services = stack.spec["workspaces"]["team"]["services"]
    right = services["ranker"]
    services["ranker"] = {**right, "sidecars": [{**BESIDE["sidecars"][0], "port": 8080}]}
    stack.configure()
    refused = stack.project.preview(fails=True)
    assert "sidecars[0].port: 8080 is the port of the workload's own container too" in refused.text
    services["ranker"] = right
    stack.configure()
