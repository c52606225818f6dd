from typing import Any

import pytest

from modelyard.batch.spec import BatchJobSpec, ScheduledJobSpec, TrainingJobSpec
from modelyard.cluster.pools import resolve_pool
from modelyard.cluster.spec import PoolSpec
from modelyard.errors import ConfigError
from modelyard.spec import load_json, validate
from modelyard.workspace.container_spec import MountSpec, SidecarSpec
from modelyard.workspace.place import Place, WrittenArtifact
from modelyard.workspace.workload_spec import ArtifactSpec, ReadArtifactSpec
from tests.support.clusters import POOLS
from tests.support.gpu_pools import eks_pool

IMAGE = "registry.example.org/embed:1.0.0"


def batch(**fields: Any) -> BatchJobSpec:
    given: dict[str, Any] = {"pool": "system", "image": IMAGE, **fields}
    return BatchJobSpec(**given)


def training(**fields: Any) -> TrainingJobSpec:
    given: dict[str, Any] = {"pool": "h100", "image": IMAGE, "nodes": 2, "gpus_per_node": 8, **fields}
    return TrainingJobSpec(**given)


def scheduled(**fields: Any) -> ScheduledJobSpec:
    given: dict[str, Any] = {"pool": "system", "image": IMAGE, "schedule": "0 2 * * *", **fields}
    return ScheduledJobSpec(**given)


def refused(spec: object) -> str:
    with pytest.raises(ConfigError) as caught:
        validate(spec)
    return str(caught.value)


def on_pools(spec: BatchJobSpec | ScheduledJobSpec | TrainingJobSpec) -> list[str]:
    return [str(problem) for problem in validate(spec).problems_on(Place(pools=POOLS))]


@pytest.mark.parametrize(
    ("refusing", "passing", "message"),
    [
        (
            {"parallelism": 9, "completions": 8},
            {"parallelism": 8, "completions": 8},
            "parallelism: 9 is above completions 8",
        ),
        (
            {"indexed": True, "completions": 100_001},
            {"indexed": True, "completions": 100_000, "parallelism": 100_000},
            (
                "completions: an indexed job has at most 100,000 completions, not 100,001; let each do a larger part, "
                "or leave indexed out"
            ),
        ),
        (
            {"indexed": True, "completions": 200_000},
            {"completions": 200_000},
            "completions: an indexed job has at most 100,000 completions",
        ),
        ({"completions": 0}, {"completions": 1}, "completions: 0 is below 1"),
        ({"parallelism": 0}, {"parallelism": 1}, "parallelism: 0 is below 1"),
        ({"retries": -1}, {"retries": 0}, "retries: -1 is below 0"),
        ({"timeout_seconds": 0}, {"timeout_seconds": 1}, "timeout_seconds: 0 is below 1"),
        ({"fatal_exit_codes": [0]}, {"fatal_exit_codes": [1]}, "fatal_exit_codes[0]: 0 is below 1"),
        ({"fatal_exit_codes": [256]}, {"fatal_exit_codes": [255]}, "fatal_exit_codes[0]: 256 is above 255"),
        ({"image": "embed"}, {"image": "embed:1"}, "image: 'embed' has no tag"),
        (
            {"memory_gib": 2, "memory_limit_gib": 1},
            {"memory_gib": 1, "memory_limit_gib": 1},
            "memory_limit_gib: 1 is below",
        ),
    ],
)
def test_a_job_that_cannot_work_is_refused(refusing: dict[str, Any], passing: dict[str, Any], message: str) -> None:
    assert message in refused(batch(**refusing))
    assert validate(batch(**passing))


@pytest.mark.parametrize(
    ("refusing", "passing", "message"),
    [
        ({"schedule": "0 2 * *"}, {"schedule": "0 2 * * *"}, "schedule: '0 2 * *' is no cron line"),
        ({"time_zone": "Berlin"}, {"time_zone": "Europe/Berlin"}, "time_zone: 'Berlin' is no time zone"),
        ({"concurrency": "never"}, {"concurrency": "replace"}, "concurrency: 'never' is not a choice here"),
        (
            {"starting_deadline_seconds": 9},
            {"starting_deadline_seconds": 10},
            "starting_deadline_seconds: 9 is below 10",
        ),
        ({"failed_jobs_kept": -1}, {"failed_jobs_kept": 0}, "failed_jobs_kept: -1 is below 0"),
        ({"parallelism": 2}, {"parallelism": 2, "completions": 2}, "parallelism: 2 is above completions 1"),
    ],
)
def test_a_schedule_that_cannot_work_is_refused(
    refusing: dict[str, Any], passing: dict[str, Any], message: str
) -> None:
    assert message in refused(scheduled(**refusing))
    assert validate(scheduled(**passing))


@pytest.mark.parametrize(
    ("refusing", "passing", "message"),
    [
        ({"nodes": 3}, {"nodes": 2}, "nodes: 3 exceed max_nodes 2 of pool h100; use at most 2"),
        ({"gpus_per_node": 3}, {"gpus_per_node": 4}, "gpus_per_node: 3 does not divide a node of 8"),
        ({"gpus_per_node": 16}, {"gpus_per_node": 8}, "gpus_per_node: 16 exceed a node of 8"),
        (
            {"gpus_per_node": 0},
            {"gpus_per_node": 1},
            "gpus_per_node: pool h100 has 8 h100 a node, but none is asked for",
        ),
        ({"pool": "system"}, {"pool": "system", "gpus_per_node": 0}, "gpus_per_node: pool system has no GPUs"),
        ({"pool": "b200"}, {"pool": "h100"}, "pool: 'b200' is not a pool of this stack"),
        ({"env_from_secrets": {"T": "hf"}}, {}, "env_from_secrets.T: 'hf' is no secret of this workspace"),
    ],
)
def test_training_that_does_not_fit_its_pool_is_refused(
    refusing: dict[str, Any], passing: dict[str, Any], message: str
) -> None:
    assert any(found.startswith(message) for found in on_pools(training(**refusing))), on_pools(training(**refusing))
    assert on_pools(training(**passing)) == []


def test_every_problem_of_training_is_found_at_once() -> None:
    found = on_pools(training(nodes=9, gpus_per_node=3, env_from_secrets={"T": "hf"}))
    assert [problem.split(":")[0] for problem in found] == ["env_from_secrets.T", "gpus_per_node", "nodes"]


def test_gpus_of_a_job_must_divide_a_node() -> None:
    assert on_pools(batch(pool="h100", gpus=3)) == ["gpus: 3 does not divide a node of 8; use 1, 2, 4 or 8"]
    assert on_pools(batch(pool="h100", gpus=2)) == []


def test_training_does_not_know_gpus() -> None:
    text = '{"pool": "h100", "image": "a:1", "gpus": 8}'
    with pytest.raises(ConfigError, match="gpus: is not a key here"):
        load_json(TrainingJobSpec, text)


def test_a_scheduled_job_is_never_awaited() -> None:
    text = '{"pool": "p", "image": "a:1", "schedule": "@daily", "await_completion": true}'
    with pytest.raises(ConfigError, match="await_completion: is not a key here"):
        load_json(ScheduledJobSpec, text)
    assert load_json(BatchJobSpec, '{"pool": "p", "image": "a:1", "await_completion": true}').await_completion


class TestVolumesOfOneNode:
    """A pod on another node waits for such a volume for ever."""

    DATA = MountSpec(path="/data", volume="data")
    FABRIC = eks_pool("fabric", accelerator="h100", gpus_per_node=8, fabric="rdma")

    def problems(self, spec: BatchJobSpec | ScheduledJobSpec | TrainingJobSpec, **around: Any) -> list[str]:
        one = resolve_pool("one", PoolSpec(cpus=16, memory_gib=64, max_nodes=1))
        place: dict[str, Any] = {
            "pools": {**POOLS, "one": one, "fabric": self.FABRIC},
            "volumes": ["data"],
            "artifacts": {"fit": WrittenArtifact(volume="data", is_awaited=True)},
            "unshared_volumes": ["data"],
            **around,
        }
        return [str(problem) for problem in validate(spec).problems_on(Place(**place))]

    @pytest.mark.parametrize(
        ("fields", "path"),
        [
            ({"mounts": [DATA]}, "mounts[0].volume"),
            ({"artifact": ArtifactSpec(volume="data", folder="a")}, "artifact.volume"),
            ({"model": ReadArtifactSpec(artifact="fit")}, "model.artifact"),
            ({"sidecars": [SidecarSpec(image=IMAGE, name="s", mounts=[DATA])]}, "sidecars[0].mounts[0].volume"),
        ],
    )
    def test_a_training_on_several_nodes_is_refused(self, fields: dict[str, Any], path: str) -> None:
        (problem,) = self.problems(training(**fields))
        why = "volume data can be on one node at a time, and pool h100 has several for 2 pods"
        assert problem == f"{path}: {why}; set shared: true on volume data, or nodes: 1 here"
        assert self.problems(training(**fields), unshared_volumes=[]) == []
        assert self.problems(training(nodes=1, **fields)) == []

    def test_a_training_in_the_companion_has_the_volumes_there(self) -> None:
        spec = training(pool="fabric", mounts=[self.DATA])
        (problem,) = self.problems(spec, fabric_volumes=["data"], unshared_fabric_volumes=["data"])
        assert problem.startswith("mounts[0].volume: volume data can be on one node at a time")
        assert self.problems(spec, fabric_volumes=["data"]) == []

    def test_pods_of_a_job_at_a_time_are_refused(self) -> None:
        several = {"completions": 3, "mounts": [self.DATA]}
        (problem,) = self.problems(batch(parallelism=3, **several))
        why = "volume data can be on one node at a time, and pool system has several for 3 pods"
        assert problem == f"mounts[0].volume: {why}; set shared: true on volume data, or parallelism: 1 here"
        assert self.problems(batch(**several)) == []
        assert self.problems(batch(parallelism=3, pool="one", **several)) == []
        assert len(self.problems(batch(parallelism=3, indexed=True, **several))) == 1
        assert len(self.problems(scheduled(parallelism=3, **several))) == 1

    @pytest.mark.parametrize(
        ("fields", "pods", "instead"),
        [
            ({}, 2, "concurrency: forbid"),
            ({"completions": 2, "parallelism": 2}, 4, "parallelism: 1 and concurrency: forbid"),
        ],
    )
    def test_two_runs_at_a_time_are_refused(self, fields: dict[str, Any], pods: int, instead: str) -> None:
        (problem,) = self.problems(scheduled(concurrency="allow", mounts=[self.DATA], **fields))
        why = f"volume data can be on one node at a time, and pool system has several for {pods} pods"
        assert problem == f"mounts[0].volume: {why}; set shared: true on volume data, or {instead} here"

    @pytest.mark.parametrize("concurrency", ["forbid", "replace"])
    def test_one_run_at_a_time_passes(self, concurrency: str) -> None:
        assert self.problems(scheduled(concurrency=concurrency, mounts=[self.DATA])) == []
