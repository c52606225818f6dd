"""What breaks halfway in a cloud, or on the way to it: what the user sees, and that docs/recovery.md puts it right."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.engine.cloud_servers import CloudServers
from tests.engine.cloud_stack import Json, cloud_stacks
from tests.engine.interruptions import INTERRUPTIONS, Interruptions
from tests.engine.lifecycles import AnyCloudStack
from tests.engine.steps import changed
from tests.support.engine import RunningUpdate
from tests.support.processes import wait_until
from tools.stack import backend
from tools.stack.pending import pending_creates, settle

pytestmark = [pytest.mark.engine, pytest.mark.timeout(900)]

_MOMENT_SECONDS = 120
_QUIET_SECONDS = 2
_ANEW = {"create-replacement", "replace", "delete-replaced"}


@pytest.fixture(params=INTERRUPTIONS)
def what(request: pytest.FixtureRequest) -> Interruptions:
    """What is to break."""
    return INTERRUPTIONS[request.param]


@pytest.fixture
def stack(what: Interruptions, tmp_path: Path, cloud_servers: CloudServers) -> Iterator[AnyCloudStack]:
    """A small stack in an account that takes its time."""
    with cloud_stacks(what.cloud, tmp_path, cloud_servers) as make:
        yield make(what.spec, latency=what.latency)


def test_what_breaks_is_put_right(what: Interruptions, stack: AnyCloudStack) -> None:
    _engine_killed_while_the_control_plane_is_made(what, stack)
    _engine_killed_while_a_pool_is_made(what, stack)
    stack.project.environment[f"{stack.world.cloud.environment}_LATENCY"] = "0"
    _both_are_taken_over(what, stack)
    _failed_pool_is_made(what, stack)
    if what.is_changed:
        _api_server_is_out_of_reach(what, what.is_changed, stack)
    _engine_killed_in_a_destroy(what, stack)


def _engine_killed_while_the_control_plane_is_made(what: Interruptions, stack: AnyCloudStack) -> None:
    """The cloud goes on; the state has no more of it than that it was begun. Its name is in the way of the next."""
    _kill_while_nothing_but(stack, what.control_plane)
    assert "test-cluster" in _pending(stack)
    assert "currently locked" in stack.project.up(fails=True).text
    _cancel(stack)
    refused = stack.project.up(fails=True)
    assert "1 pending operations" in refused.messages("warning")
    assert what.in_the_way in refused.messages("error")


def _engine_killed_while_a_pool_is_made(what: Interruptions, stack: AnyCloudStack) -> None:
    """Where its name has a random end, the next update would make another beside it; elsewhere it is in the way."""
    _take_over(stack, {"test-cluster": stack.world.one(what.control_plane).id})
    _kill_while_nothing_but(stack, what.pool)
    assert "test-system" in _pending(stack)
    _cancel(stack)


def _both_are_taken_over(what: Interruptions, stack: AnyCloudStack) -> None:
    """What the cloud made is neither made again nor changed, also where there is no capacity for another pool."""
    made = stack.world.one(what.control_plane).id, _pool_id(what, stack)
    _take_over(stack, {"test-system": made[1]})
    pool = {"machine_type": what.machine, "min_nodes": 1}
    stack.configure(lambda spec: spec["pools"].update(late=pool))
    stack.world.go_wrong(f"{what.pool}.create", then="fail_after", code=what.code, message=what.message)
    refused = stack.project.up("--refresh", "--run-program", fails=True)
    stack.world.go_right()
    assert what.message in refused.messages("error")
    healed = stack.project.up()
    assert changed(healed)[f"{what.pool} test-late"] == {"update"}
    for result in (refused, healed):
        assert not changed(result).keys() & {f"{what.control_plane} test-cluster", f"{what.pool} test-system"}
    assert (stack.world.one(what.control_plane).id, _pool_id(what, stack)) == made
    stack.wait_until_placed({("web", "system"): 2})


def _pool_id(what: Interruptions, stack: AnyCloudStack) -> str:
    """The pool's; a cluster may have one of its own beside it."""
    [found] = [each.id for each in stack.world.resources(what.pool) if "system" in each.id.rpartition("/")[2]]
    return found


def _kill_while_nothing_but(stack: AnyCloudStack, kind: str) -> None:
    """Kill an update while the cloud makes one thing; it ends that by itself."""
    running = stack.project.start("up", "--yes", "--skip-preview", "--refresh", "--run-program")
    wait_until(_nothing_but(stack, kind), f"nothing but {kind} under way", _MOMENT_SECONDS)
    _kill(stack, running)
    stack.settle()


def _kill(stack: AnyCloudStack, running: RunningUpdate) -> None:
    running.kill()
    backend.repair(stack.project.environment)


def _cancel(stack: AnyCloudStack) -> None:
    stack.project.run("cancel", "--yes", "--stack", stack.project.stack)


def _nothing_but(stack: AnyCloudStack, kind: str) -> Callable[[], bool]:
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


def _pending(stack: AnyCloudStack) -> list[str]:
    return [each.urn.rsplit("::", 1)[-1] for each in pending_creates(stack.project.export()["deployment"])]


def _take_over(stack: AnyCloudStack, ids: dict[str, str]) -> None:
    """Move what the cloud has made from the pending operations of the state to its resources."""
    exported = stack.project.export()
    begun = {each.urn.rsplit("::", 1)[-1]: each.urn for each in pending_creates(exported["deployment"])}
    found = {begun[name]: resource_id for name, resource_id in ids.items()}
    file = stack.base / "state.json"
    file.write_text(json.dumps({**exported, "deployment": settle(exported["deployment"], found)}), encoding="utf-8")
    stack.project.run("stack", "import", "--file", str(file), "--stack", stack.project.stack)


def _failed_pool_is_made(what: Interruptions, stack: AnyCloudStack) -> None:
    """Where the cloud takes another request for it, the update made it; else it has to be told to replace it."""
    if not what.retried:
        [failed] = [each for each in stack.world.resources(what.pool) if each.status == "CREATE_FAILED"]
        assert "late" not in stack.nodes()
        [urn] = [each["urn"] for each in stack.project.resources() if each.get("id") == failed.id]
        assert changed(stack.project.up("--replace", urn)) == {f"{what.pool} test-late": _ANEW}
    assert {each.status for each in stack.world.resources(what.pool)} == {"ACTIVE"}
    assert len(stack.nodes()["late"]) == 1


def _api_server_is_out_of_reach(what: Interruptions, is_changed: Callable[..., bool], stack: AnyCloudStack) -> None:
    """As with a VPN that is down: what is in the cloud is updated, and nothing on the cluster is taken for lost."""

    def change(spec: Json) -> None:
        spec["cluster"][what.cloud.key].update(what.change)
        spec["workspaces"]["team"]["services"]["web"]["replicas"] = 3

    objects = len(stack.project.resources())
    stack.configure(change)
    with stack.without_api_server():
        failed = stack.project.up(fails=True)
    assert "unreachable" in failed.text
    assert is_changed(stack.world)
    assert len(stack.project.resources()) == objects
    assert changed(stack.project.up()) == {"Deployment team-web": {"update"}}
    stack.wait_until_placed({("web", "system"): 3})


def _engine_killed_in_a_destroy(what: Interruptions, stack: AnyCloudStack) -> None:
    """Destroy again goes on, and ends with an empty account."""
    stack.world.go_wrong(f"{what.stalls}.delete", then="stall")
    running = stack.project.start("destroy", "--yes", "--skip-preview")
    wait_until(lambda: _begun(running.events, what.stalls), f"the end of {what.stalls} begun", _MOMENT_SECONDS)
    _kill(stack, running)
    stack.world.go_right()
    _cancel(stack)
    stack.project.destroy()
    assert stack.world.left() == []
    assert stack.get("namespaces", "--selector=modelyard.dev/stack") == []


def _begun(events: list[Json], kind: str) -> bool:
    steps = [each["resourcePreEvent"]["metadata"] for each in events if "resourcePreEvent" in each]
    return any(step["op"] == "delete" and step["type"].endswith(f":{kind}") for step in steps)
