"""What breaks halfway in Google Cloud, or on the way to it: what the user sees, and docs/recovery.md puts it right."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.engine.cloud_stack import Json, changed
from tests.engine.gke_stack import GkeStack, gke_stacks
from tests.support.engine import RunningUpdate
from tests.support.gke_world import PROJECT
from tests.support.processes import wait_until
from tools.stack import backend
from tools.stack.pending import pending_creates, settle

pytestmark = pytest.mark.engine

SERVICE: Json = {
    "runtime": {"container": {"image": "registry.example.org/web:1.0.0", "port": 8080, "ready_path": "/"}},
    "pool": "system",
    "cpus": 1,
    "memory_gib": 1,
    "replicas": 2,
}
SPEC: Json = {
    "cluster": {"gke": {"project": PROJECT, "region": "us-central1"}},
    "pools": {"system": {"machine_type": "n2-standard-8", "min_nodes": 1, "max_nodes": 3}},
    "workspaces": {"team": {"services": {"web": SERVICE}}},
}
NO_QUOTA = "Insufficient regional quota to satisfy request: resource 'CPUS': request requires '8.0' and is short '8.0'"
LATENCY = 0.04
"""A control plane takes 14 s, what is made meanwhile 4, a node pool 5: long enough to be killed in."""
_MOMENT_SECONDS = 120
_QUIET_SECONDS = 2


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[GkeStack]:
    """A small stack in an account that takes its time."""
    with gke_stacks(tmp_path) as make:
        yield make(SPEC, latency=LATENCY)


def test_what_breaks_is_put_right(stack: GkeStack) -> None:
    _engine_killed_while_the_control_plane_is_made(stack)
    _engine_killed_while_a_node_pool_is_made(stack)
    stack.project.environment["MODELYARD_GCP_LATENCY"] = "0"
    _both_are_taken_over(stack)
    _failed_node_pool_is_replaced(stack)
    _api_server_is_out_of_reach(stack)
    _engine_killed_in_a_destroy(stack)


def _engine_killed_while_the_control_plane_is_made(stack: GkeStack) -> None:
    """Google goes on; the state has no more of it than that it was begun. Its fixed name is in the way of the next."""
    _kill_while_nothing_but(stack, "Cluster")
    assert "test-cluster" in _pending(stack)
    assert "currently locked" in stack.project.up(fails=True).text
    stack.project.run("cancel", "--yes", "--stack", stack.project.stack)
    refused = stack.project.up(fails=True)
    assert "1 pending operations" in refused.messages("warning")
    assert "alreadyExists" in refused.messages("error")


def _engine_killed_while_a_node_pool_is_made(stack: GkeStack) -> None:
    """Its name has a random end: the next update would make another beside it."""
    _take_over(stack, {"test-cluster": stack.world.one("Cluster").id})
    _kill_while_nothing_but(stack, "NodePool")
    assert "test-system" in _pending(stack)
    stack.project.run("cancel", "--yes", "--stack", stack.project.stack)


def _both_are_taken_over(stack: GkeStack) -> None:
    """What Google made is neither made again nor changed."""
    made = stack.world.one("Cluster").id, stack.world.one("NodePool").id
    _take_over(stack, {"test-system": made[1]})
    healed = changed(stack.project.up("--refresh", "--run-program"))
    assert not healed.keys() & {"Cluster test-cluster", "NodePool test-system"}
    assert (stack.world.one("Cluster").id, stack.world.one("NodePool").id) == made
    stack.wait_until_placed({("web", "system"): 2})
    assert stack.project.preview("--expect-no-changes").unchanged


def _kill_while_nothing_but(stack: GkeStack, kind: str) -> None:
    """Kill an update while Google makes one thing; Google ends that by itself."""
    running = stack.project.start("up", "--yes", "--skip-preview", "--refresh", "--run-program")
    wait_until(_nothing_but(stack, kind), f"nothing but {kind} under way", _MOMENT_SECONDS)
    _kill(stack, running)
    stack.settle()


def _kill(stack: GkeStack, running: RunningUpdate) -> None:
    running.kill()
    backend.repair(stack.project.environment)


def _nothing_but(stack: GkeStack, kind: str) -> Callable[[], bool]:
    """Whether it has been all that is being made for a while, so that nothing else is about to be."""
    last = [0, time.monotonic()]

    def is_so() -> bool:
        calls = len(stack.world.calls())
        records = stack.world.world.look().records.values()
        under_way = {record.token.rpartition(":")[2] for record in records if record.status == "CREATING"}
        if under_way != {kind} or calls != last[0]:
            last[:] = calls, time.monotonic()
        return time.monotonic() - last[1] > _QUIET_SECONDS

    return is_so


def _pending(stack: GkeStack) -> list[str]:
    return [each.urn.rsplit("::", 1)[-1] for each in pending_creates(stack.project.export()["deployment"])]


def _take_over(stack: GkeStack, ids: dict[str, str]) -> None:
    """Move what Google has made from the pending operations of the state to its resources."""
    exported = stack.project.export()
    begun = {each.urn.rsplit("::", 1)[-1]: each.urn for each in pending_creates(exported["deployment"])}
    found = {begun[name]: resource_id for name, resource_id in ids.items()}
    file = stack.base / "state.json"
    file.write_text(json.dumps({**exported, "deployment": settle(exported["deployment"], found)}), encoding="utf-8")
    stack.project.run("stack", "import", "--file", str(file), "--stack", stack.project.stack)


def _failed_node_pool_is_replaced(stack: GkeStack) -> None:
    """Pulumi takes it for tried again and well, but Google leaves it failed: it has to be told to replace it."""
    pool = {"machine_type": "n2-standard-8", "min_nodes": 1}
    stack.configure(lambda spec: spec["pools"].update(late=pool))
    stack.world.go_wrong("NodePool.create", then="fail_after", code="GCE_QUOTA_EXCEEDED", message=NO_QUOTA)
    assert NO_QUOTA in stack.project.up(fails=True).messages("error")
    stack.world.go_right()
    assert changed(stack.project.up()) == {"NodePool test-late": {"update"}}
    [failed] = [each for each in stack.world.resources("NodePool") if each.status == "CREATE_FAILED"]
    assert "late" not in stack.nodes()

    [urn] = [each["urn"] for each in stack.project.resources() if each.get("id") == failed.id]
    replaced = changed(stack.project.up("--replace", urn))
    assert replaced == {"NodePool test-late": {"create-replacement", "replace", "delete-replaced"}}
    assert {each.status for each in stack.world.resources("NodePool")} == {"ACTIVE"}
    assert len(stack.nodes()["late"]) == 1


def _api_server_is_out_of_reach(stack: GkeStack) -> None:
    """As with a VPN that is down: what is in Google Cloud is updated, and nothing on the cluster is taken for lost."""

    def change(spec: Json) -> None:
        spec["cluster"]["gke"]["workload_logs"] = True
        spec["workspaces"]["team"]["services"]["web"]["replicas"] = 3

    objects = len(stack.project.resources())
    stack.configure(change)
    with stack.without_api_server():
        failed = stack.project.up(fails=True)
    assert "unreachable" in failed.text
    assert "WORKLOADS" in stack.world.one("Cluster").inputs["loggingConfig"]["enableComponents"]
    assert len(stack.project.resources()) == objects
    assert changed(stack.project.up()) == {"Deployment team-web": {"update"}}
    stack.wait_until_placed({("web", "system"): 3})


def _engine_killed_in_a_destroy(stack: GkeStack) -> None:
    """Destroy again goes on, and ends with an empty account."""
    stack.world.go_wrong("NodePool.delete", then="stall")
    running = stack.project.start("destroy", "--yes", "--skip-preview")
    wait_until(lambda: _begun(running.events, "NodePool"), "the end of the node pool begun", _MOMENT_SECONDS)
    _kill(stack, running)
    stack.world.go_right()
    stack.project.run("cancel", "--yes", "--stack", stack.project.stack)
    stack.project.destroy()
    assert stack.world.left() == []
    assert stack.get("namespaces", "--selector=modelyard.dev/stack") == []


def _begun(events: list[Json], kind: str) -> bool:
    steps = [each["resourcePreEvent"]["metadata"] for each in events if "resourcePreEvent" in each]
    return any(step["op"] == "delete" and step["type"].endswith(f":{kind}") for step in steps)
