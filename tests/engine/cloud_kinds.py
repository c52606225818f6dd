"""Stacks with a pool of each kind, each with a pod that runs, on any cloud.

The simulated accounts refuse what the clouds would; their autoscalers and provisioners make nodes that offer what the
stack told them, so that a pod finds a node only where the two agree.
"""

from collections.abc import Callable, Mapping
from typing import Any

from tests.engine.cloud_stack import CloudStack, Json
from tests.engine.steps import changed
from tests.support.update import Result

IMAGE = "registry.example.org/train:1.0.0"
RENEWED = {"create-replacement", "replace", "delete-replaced"}
"""What becomes of a pool that cannot change in place."""

Pools = dict[str, tuple[Json, Any]]
"""Of each pool its spec, and what a job asks for that fills a node of it; None where no job is to run."""
Trainings = dict[str, tuple[Json, int, int]]
"""Of each pool whose nodes stand together its spec, and how many nodes of how many devices a training has."""
MakeStack = Callable[..., CloudStack[Any]]


def with_pools(system: Json, pools: Pools, trainings: Trainings, *, fabric: bool = False) -> Json:
    """The pools of a stack, and a workspace with a job on each, or a training where its nodes stand together."""
    given = {name: pool for name, (pool, *_) in [*pools.items(), *trainings.items()]}
    jobs = {f"on-{name}": _job(name, gpus=gpus) for name, (_, gpus) in pools.items() if gpus is not None}
    training = {
        f"on-{name}": _job(name, nodes=nodes, gpus_per_node=devices) for name, (_, nodes, devices) in trainings.items()
    }
    workspace: Json = {
        "jobs": jobs,
        **({"training": training} if training else {}),
        **({"fabric": {}} if fabric else {}),
    }
    return {"pools": {"system": system, **given}, "workspaces": {"team": workspace}}


def _job(pool: str, **sizes: Any) -> Json:
    return {"image": IMAGE, "pool": pool, **sizes}


def on_pools(stack: CloudStack[Any]) -> dict[tuple[str, str], int]:
    """How many pods each job and training has, by its name and its pool."""
    workspace: Json = stack.spec["workspaces"]["team"]
    each_kind = [*workspace["jobs"].items(), *workspace.get("training", {}).items()]
    return {(name, each["pool"]): each.get("nodes", 1) for name, each in each_kind}


def wait_for_every_pod(stack: CloudStack[Any]) -> None:
    """Every job, and all pods of trainings, on nodes of their pool."""
    stack.wait_until_placed(on_pools(stack))


def assert_devices(stack: CloudStack[Any], devices: Mapping[str, Mapping[str, str]]) -> None:
    """Nodes of these pools offer this, and no device or share beside it."""
    names = ("nvidia.com/", "amd.com/", "google.com/")
    found = {
        pool: {name: count for name, count in nodes[0]["status"]["allocatable"].items() if name.startswith(names)}
        for pool, nodes in stack.nodes().items()
        if pool in devices
    }
    assert found == {pool: devices[pool] for pool in stack.spec["pools"] if pool in devices}


def assert_pools_change(result: Result, pool: str, expected: Mapping[str, set[str]], others: set[str]) -> None:
    """An update did this to pools, by name, and nothing else but to resources of other types.

    Args:
        result: of the update.
        pool: the type of pools.
        expected: what became of each.
        others: the other types.
    """
    done = changed(result)
    assert {name: ops for name, ops in done.items() if name.startswith(f"{pool} ")} == {
        f"{pool} test-{name}": ops for name, ops in expected.items()
    }
    assert {name.partition(" ")[0] for name in done} == {pool, *others}, done


def destroyed(stack: CloudStack[Any]) -> Result:
    """Destroy the stack; what other stacks on the same API server would see is gone as well."""
    result = stack.project.destroy()
    assert stack.get("nodes") == []
    assert stack.get("namespaces", "--selector=modelyard.dev/stack") == []
    return result
