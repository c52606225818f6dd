"""What breaks halfway in Azure, or on the way to it: what the user sees, and that docs/recovery.md puts it right."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.engine.aks_stack import AksStack, aks_stacks
from tests.engine.cloud_stack import Json, changed
from tests.support.azure import SUBSCRIPTION
from tests.support.engine import RunningUpdate
from tests.support.processes import wait_until
from tools.stack import backend
from tools.stack.pending import pending_creates, settle

pytestmark = [pytest.mark.engine, pytest.mark.timeout(900)]

SERVICE: Json = {
    "runtime": {"container": {"image": "registry.example.org/web:1.0.0", "port": 8080, "ready_path": "/"}},
    "pool": "system",
    "cpus": 1,
    "memory_gib": 1,
    "replicas": 2,
}
SPEC: Json = {
    "cluster": {
        "aks": {
            "subscription_id": SUBSCRIPTION,
            "region": "eastus2",
            "admins": ["33333333-3333-3333-3333-333333333333"],
            "api_endpoint": {"public_cidrs": ["203.0.113.0/24"]},
            "control_plane_logs": "none",
        }
    },
    "pools": {"system": {"machine_type": "Standard_D8s_v5", "min_nodes": 1, "max_nodes": 3}},
    "workspaces": {"team": {"services": {"web": SERVICE}}},
}
NO_QUOTA = "Insufficient vcpu quota requested 8, remaining 0 for family standardDSv5Family"
LATENCY = 0.06
"""A control plane takes 18 s, what is made before it 2, an agent pool 11: long enough to be killed in."""
_MOMENT_SECONDS = 120
_QUIET_SECONDS = 2


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[AksStack]:
    """A small stack in a subscription that takes its time."""
    with aks_stacks(tmp_path) as make:
        yield make(SPEC, latency=LATENCY)


def test_what_breaks_is_put_right(stack: AksStack) -> None:
    _engine_killed_while_the_control_plane_is_made(stack)
    _engine_killed_while_an_agent_pool_is_made(stack)
    stack.project.environment["MODELYARD_AZURE_LATENCY"] = "0"
    _both_are_taken_over(stack)
    _agent_pool_without_quota_is_made_by_the_next_update(stack)
    _engine_killed_in_a_destroy(stack)


def _engine_killed_while_the_control_plane_is_made(stack: AksStack) -> None:
    """Azure goes on; the state has no more of it than that it was begun. Its fixed name is in the way of the next."""
    _kill_while_nothing_but(stack, "ManagedCluster")
    assert "test-cluster" in _pending(stack)
    assert "currently locked" in stack.project.up(fails=True).text
    stack.project.run("cancel", "--yes", "--stack", stack.project.stack)
    refused = stack.project.up(fails=True)
    assert "1 pending operations" in refused.messages("warning")
    assert "cannot create already existing resource" in refused.messages("error")


def _engine_killed_while_an_agent_pool_is_made(stack: AksStack) -> None:
    """Its name follows from what it is: it is in the way too."""
    _take_over(stack, {"test-cluster": stack.world.one("ManagedCluster").id})
    _kill_while_nothing_but(stack, "AgentPool")
    assert "test-system" in _pending(stack)
    stack.project.run("cancel", "--yes", "--stack", stack.project.stack)


def _both_are_taken_over(stack: AksStack) -> None:
    """What Azure made is neither made again nor changed."""
    made = stack.world.one("ManagedCluster").id, _pool_id(stack, "system")
    _take_over(stack, {"test-system": made[1]})
    healed = changed(stack.project.up("--refresh", "--run-program"))
    assert not healed.keys() & {"ManagedCluster test-cluster", "AgentPool test-system"}
    assert (stack.world.one("ManagedCluster").id, _pool_id(stack, "system")) == made
    stack.wait_until_placed({("web", "system"): 2})
    assert stack.project.preview("--expect-no-changes").unchanged


def _pool_id(stack: AksStack, start: str) -> str:
    [found] = [each.id for each in stack.world.resources("AgentPool") if each.id.rpartition("/")[2].startswith(start)]
    return found


def _kill_while_nothing_but(stack: AksStack, kind: str) -> None:
    """Kill an update while Azure makes one thing; Azure ends that by itself."""
    running = stack.project.start("up", "--yes", "--skip-preview", "--refresh", "--run-program")
    wait_until(_nothing_but(stack, kind), f"nothing but {kind} under way", _MOMENT_SECONDS)
    _kill(stack, running)
    stack.settle()


def _kill(stack: AksStack, running: RunningUpdate) -> None:
    running.kill()
    backend.repair(stack.project.environment)


def _nothing_but(stack: AksStack, kind: str) -> Callable[[], bool]:
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


def _pending(stack: AksStack) -> list[str]:
    return [each.urn.rsplit("::", 1)[-1] for each in pending_creates(stack.project.export()["deployment"])]


def _take_over(stack: AksStack, ids: dict[str, str]) -> None:
    """Move what Azure has made from the pending operations of the state to its resources."""
    exported = stack.project.export()
    begun = {each.urn.rsplit("::", 1)[-1]: each.urn for each in pending_creates(exported["deployment"])}
    found = {begun[name]: resource_id for name, resource_id in ids.items()}
    file = stack.base / "state.json"
    file.write_text(json.dumps({**exported, "deployment": settle(exported["deployment"], found)}), encoding="utf-8")
    stack.project.run("stack", "import", "--file", str(file), "--stack", stack.project.stack)


def _agent_pool_without_quota_is_made_by_the_next_update(stack: AksStack) -> None:
    """Azure leaves it failed, and takes another request for the same one. A refresh would take it for well."""
    pool = {"machine_type": "Standard_D8s_v5", "min_nodes": 1}
    stack.configure(lambda spec: spec["pools"].update(late=pool))
    stack.world.go_wrong("AgentPool.create", then="fail_after", code="InsufficientVCPUQuota", message=NO_QUOTA)
    assert NO_QUOTA in stack.project.up(fails=True).messages("error")
    stack.world.go_right()
    assert changed(stack.project.up()) == {"AgentPool test-late": {"update"}}
    assert {each.status for each in stack.world.resources("AgentPool")} == {"ACTIVE"}
    assert len(stack.nodes()["late"]) == 1
    assert stack.project.preview("--expect-no-changes").unchanged


def _engine_killed_in_a_destroy(stack: AksStack) -> None:
    """Destroy again goes on, and ends with an empty subscription."""
    stack.world.go_wrong("ManagedCluster.delete", then="stall")
    running = stack.project.start("destroy", "--yes", "--skip-preview")
    wait_until(lambda: _begun(running.events, "ManagedCluster"), "the end of the cluster begun", _MOMENT_SECONDS)
    _kill(stack, running)
    stack.world.go_right()
    stack.project.run("cancel", "--yes", "--stack", stack.project.stack)
    stack.project.destroy()
    assert stack.world.left() == []
    assert stack.get("namespaces", "--selector=modelyard.dev/stack") == []


def _begun(events: list[Json], kind: str) -> bool:
    steps = [each["resourcePreEvent"]["metadata"] for each in events if "resourcePreEvent" in each]
    return any(step["op"] == "delete" and step["type"].endswith(f":{kind}") for step in steps)
