from dataclasses import field
from typing import Any, ClassVar

import pytest

from modelyard.cluster.pools import resolve_pool
from modelyard.cluster.spec import PoolSpec
from modelyard.errors import ConfigError
from modelyard.spec import Count, CountOrZero, spec, validate
from modelyard.workspace.place import Place
from modelyard.workspace.pod_resources import PodResources
from modelyard.workspace.workload_spec import WorkloadSpec
from tests.support.clusters import POOLS


@spec
class Plain(WorkloadSpec):
    gpus: CountOrZero = 0


@spec
class Renamed(WorkloadSpec):
    GPU_FIELD: ClassVar[str] = "gpus_per_node"
    gpus_per_node: Count = field(default=1)


def problems(workload: WorkloadSpec, secrets: tuple[str, ...] = ()) -> list[tuple[str, str]]:
    return [
        (each.path, f"{each.why}; {each.fix}") for each in workload.problems_on(Place(pools=POOLS, secrets=secrets))
    ]


@pytest.mark.parametrize(
    "near",
    [
        Plain(pool="system"),
        Plain(pool="l4", gpus=1),
        Plain(pool="h100", gpus=4),
        Plain(pool="h100", gpus=8),
        Plain(pool="system", cpus=15, memory_gib=50),
        Plain(pool="system", memory_gib=4, memory_limit_gib=4),
        Plain(pool="system", memory_limit_gib=2),
        Plain(pool="system", cpu_limit=1),
        Plain(pool="system", memory_gib=4, shared_memory_gib=3.9),
        Renamed(pool="h100", gpus_per_node=8),
    ],
)
def test_what_fits_is_accepted(near: WorkloadSpec) -> None:
    validate(near)
    assert problems(near) == []


@pytest.mark.parametrize(
    ("workload", "path", "message"),
    [
        (Plain(pool="a100"), "pool", "use one of h100, l4, mi300x, system"),
        (Plain(pool="l4"), "gpus", "none is asked for"),
        (Plain(pool="system", gpus=1), "gpus", "has no GPUs"),
        (Plain(pool="h100", gpus=3), "gpus", "3 does not divide a node of 8; use 1, 2, 4 or 8"),
        (Plain(pool="h100", gpus=16), "gpus", "16 exceed a node of 8"),
        (Renamed(pool="h100", gpus_per_node=3), "gpus_per_node", "3 does not divide a node of 8"),
        (Plain(pool="system", cpus=16), "cpus", "does not fit on a node of pool system"),
        (Plain(pool="system", memory_gib=64), "memory_gib", "does not fit on a node of pool system"),
        (Plain(pool="system", memory_limit_gib=1.9), "memory_limit_gib", "1.9 is below memory_gib 2"),
        (Plain(pool="system", cpu_limit=0.9), "cpu_limit", "0.9 is below cpus 1"),
        (Plain(pool="system", memory_gib=4, shared_memory_gib=4), "shared_memory_gib", "leaves nothing"),
    ],
)
def test_what_cannot_be_placed_is_refused(workload: WorkloadSpec, path: str, message: str) -> None:
    validate(workload)
    ((found_path, found),) = problems(workload)
    assert found_path == path
    assert message in found


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"memory_gib": 4, "memory_limit_gib": 3.9}, "memory_limit_gib"),
        ({"cpus": 2, "cpu_limit": 1.9}, "cpu_limit"),
        ({"env": {"A": "1"}, "env_from_secrets": {"A": "token"}}, "env.A"),
        ({"env": {"1A": "1"}}, "env.1A"),
        ({"env": {"A-B": "1"}}, "env.A-B"),
        ({"env": {"A": 1}}, "env.A"),
        ({"env_from_secrets": {"A": "No Name"}}, "env_from_secrets.A"),
        ({"user_id": 0}, "user_id"),
        ({"user_id": 2**31}, "user_id"),
        ({"cpus": 0}, "cpus"),
        ({"memory_gib": -1}, "memory_gib"),
        ({"gpus": -1}, "gpus"),
        ({"gpus": 1.5}, "gpus"),
        ({"gpus": True}, "gpus"),
        ({"cpus": "2"}, "cpus"),
    ],
)
def test_what_is_wrong_in_itself_is_refused(fields: dict[str, Any], path: str) -> None:
    with pytest.raises(ConfigError) as caught:
        validate(Plain(pool="system", **fields))
    assert {problem.path for problem in caught.value.problems} == {path}


@pytest.mark.parametrize(
    "fields",
    [
        {"memory_gib": 4, "memory_limit_gib": 4},
        {"cpus": 2, "cpu_limit": 2.0},
        {"env": {"A": "1"}, "env_from_secrets": {"B": "token"}},
        {"env": {"_A1": "1"}},
        {"user_id": 1},
        {"user_id": 2**31 - 1},
        {"cpus": 0.1},
    ],
)
def test_what_is_nearly_wrong_is_accepted(fields: dict[str, Any]) -> None:
    validate(Plain(pool="system", **fields))


def test_a_secret_that_the_workspace_does_not_have_is_refused() -> None:
    workload = Plain(pool="system", env_from_secrets={"TOKEN": "hf"})
    ((path, message),) = problems(workload, secrets=("slack",))
    assert path == "env_from_secrets.TOKEN"
    assert "'hf' is no secret of this workspace; use one of slack, or add it under secrets" in message
    assert problems(workload, secrets=("hf",)) == []


def test_defaults_that_do_not_fit_on_a_tiny_node_are_refused() -> None:
    tiny = resolve_pool("tiny", PoolSpec(cpus=1, memory_gib=2))
    found = list(Plain(pool="tiny").problems_on(Place(pools={"tiny": tiny})))
    assert [problem.path for problem in found] == ["cpus", "memory_gib"]


def test_defaults_without_gpus_are_those_documented() -> None:
    assert Plain(pool="system").resources_on(POOLS["system"]) == PodResources(
        gpus=0,
        gpu_resource=None,
        cpus=1,
        cpu_limit=None,
        memory_gib=2,
        memory_limit_gib=2,
        shared_memory_gib=None,
    )


def test_defaults_with_gpus_are_their_share_of_a_node() -> None:
    pool = POOLS["h100"]
    quarter, whole = (Plain(pool="h100", gpus=gpus).resources_on(pool) for gpus in (2, 8))
    assert quarter.gpu_resource == "nvidia.com/gpu"
    assert whole.cpus == pytest.approx(4 * quarter.cpus, rel=0.01)
    assert whole.memory_gib == pytest.approx(4 * quarter.memory_gib, rel=0.01)
    assert whole.memory_gib <= pool.allocatable_memory_gib
    assert (quarter.shared_memory_gib, whole.shared_memory_gib) == (4, 16)


def test_shared_memory_of_many_gpus_leaves_half_of_a_small_memory() -> None:
    resources = Plain(pool="h100", gpus=8, memory_gib=8).resources_on(POOLS["h100"])
    assert resources.shared_memory_gib == 4


def test_amd_gpus_are_asked_for_by_their_own_name() -> None:
    assert Plain(pool="mi300x", gpus=8).resources_on(POOLS["mi300x"]).gpu_resource == "amd.com/gpu"
