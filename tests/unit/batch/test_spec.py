from typing import Any

import pytest

from modelyard.batch.spec import BatchJobSpec, ScheduledJobSpec, TrainingJobSpec
from modelyard.errors import ConfigError
from modelyard.spec import load_json, validate
from modelyard.workspace.place import Place
from tests.support.clusters import POOLS

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
