from dataclasses import replace
from typing import Any

import pulumi
import pytest

from modelyard.errors import ConfigError
from modelyard.serving.autoscaling_spec import AutoscalingSpec, TargetSpec
from modelyard.serving.model_spec import ModelSpec
from modelyard.serving.runtimes.container import ContainerSpec
from modelyard.serving.runtimes.spec import RuntimeSpec
from modelyard.serving.runtimes.vllm import VllmSpec
from modelyard.serving.spec import ModelServiceSpec
from modelyard.spec import json_schema, load_json, validate
from modelyard.workspace.place import Place
from tests.support.clusters import POOLS
from tests.support.mocks import run

MODEL = ModelSpec(huggingface="Qwen/Qwen2.5-7B-Instruct")
VLLM = ModelServiceSpec(pool="l4", gpus=1, model=MODEL, runtime=RuntimeSpec(vllm=VllmSpec()))
OWN = ModelServiceSpec(
    pool="system",
    runtime=RuntimeSpec(container=ContainerSpec(image="registry.example.org/fraud:4.2.0", port=8080, ready_path="/ok")),
)
CPU = TargetSpec(cpu_percent=60)


def vllm(**fields: Any) -> RuntimeSpec:
    return RuntimeSpec(vllm=VllmSpec(**fields))


def own(**fields: Any) -> RuntimeSpec:
    settings: dict[str, Any] = {"image": "a/b:1", "port": 8080, "ready_path": "/ok", **fields}
    return RuntimeSpec(container=ContainerSpec(**settings))


def on(service: ModelServiceSpec, *secrets: str) -> list[tuple[str, str]]:
    return [(each.path, f"{each.why}; {each.fix}") for each in service.problems_on(Place(pools=POOLS, secrets=secrets))]


@pytest.mark.parametrize(
    "near",
    [
        VLLM,
        OWN,
        replace(VLLM, pool="h100", gpus=8, runtime=vllm(tensor_parallel=4, pipeline_parallel=2)),
        replace(VLLM, pool="h100", gpus=8, runtime=vllm(pipeline_parallel=8)),
        replace(VLLM, pool="h100", gpus=8, runtime=vllm(tensor_parallel=8)),
        replace(VLLM, runtime=vllm(extra_args=["--kv-cache-dtype=fp8", "--portable", "-O3"])),
        replace(VLLM, model=ModelSpec(huggingface="a/b.c_d-1", revision="a09a354")),
        replace(OWN, runtime=own(metrics_path="/metrics")),
        replace(OWN, runtime=own(metrics_path="/metrics", metrics_port=8081)),
        replace(OWN, runtime=own(port=1024)),
        replace(OWN, runtime=own(port=65535)),
        replace(OWN, autoscaling=AutoscalingSpec(min_replicas=2, max_replicas=2, target=CPU)),
        replace(OWN, autoscaling=AutoscalingSpec(max_replicas=2, target=TargetSpec(memory_percent=80))),
        replace(OWN, replicas=2),
        replace(OWN, startup_timeout_seconds=5, drain_seconds=0, surge=0),
        replace(OWN, startup_timeout_seconds=86400, drain_seconds=3600),
    ],
)
def test_what_can_run_is_accepted(near: ModelServiceSpec) -> None:
    validate(near)
    assert on(near) == []


@pytest.mark.parametrize(
    ("service", "path", "message"),
    [
        (
            replace(VLLM, runtime=RuntimeSpec()),
            "runtime",
            "exactly one of vllm, sglang, triton, huggingface, mlserver, container",
        ),
        (
            replace(VLLM, runtime=RuntimeSpec(vllm=VllmSpec(), container=own().container)),
            "runtime",
            "vllm and container exclude each other",
        ),
        (replace(VLLM, model=None), "model", "is missing, which vllm needs"),
        (replace(VLLM, gpus=0, pool="system"), "gpus", "vllm needs at least one GPU"),
        (
            replace(VLLM, gpus=8, runtime=vllm(tensor_parallel=4)),
            "runtime.vllm.tensor_parallel",
            "must be gpus, which is 8",
        ),
        (
            replace(VLLM, gpus=8, runtime=vllm(pipeline_parallel=3)),
            "runtime.vllm.pipeline_parallel",
            "must be gpus, which is 8",
        ),
        (replace(VLLM, runtime=vllm(image="vllm/vllm-openai")), "runtime.vllm.image", "has no tag"),
        (replace(VLLM, runtime=vllm(max_model_len=0)), "runtime.vllm.max_model_len", "use 1 or more"),
        (replace(VLLM, model=ModelSpec(huggingface="gpt2")), "model.huggingface", "write OWNER/NAME"),
        (replace(VLLM, model=ModelSpec(huggingface="a/b/c")), "model.huggingface", "write OWNER/NAME"),
        (replace(VLLM, model=ModelSpec(huggingface="a/b", revision=" ")), "model.revision", "is empty"),
        (replace(OWN, runtime=own(port=80)), "runtime.container.port", "use 1024 or more"),
        (replace(OWN, runtime=own(port=65536)), "runtime.container.port", "use 65535 or less"),
        (replace(OWN, runtime=own(ready_path="ok")), "runtime.container.ready_path", "beginning with /"),
        (replace(OWN, runtime=own(live_path="/o k")), "runtime.container.live_path", "without spaces"),
        (replace(OWN, runtime=own(image="a/b:latest")), "runtime.container.image", "has the tag latest"),
        (
            replace(OWN, runtime=own(metrics_port=8081)),
            "runtime.container.metrics_port",
            "is given without metrics_path",
        ),
        (
            replace(OWN, runtime=own(metrics_path="/m", metrics_port=8080)),
            "runtime.container.metrics_port",
            "is already the port",
        ),
        (replace(OWN, replicas=0), "replicas", "use 1 or more"),
        (
            replace(OWN, replicas=1, autoscaling=AutoscalingSpec(max_replicas=2, target=CPU)),
            "replicas",
            "remove one of them",
        ),
        (
            replace(OWN, autoscaling=AutoscalingSpec(min_replicas=3, max_replicas=2, target=CPU)),
            "autoscaling.min_replicas",
            "3 is above max_replicas 2",
        ),
        (
            replace(OWN, autoscaling=AutoscalingSpec(min_replicas=0, max_replicas=2, target=CPU)),
            "autoscaling.min_replicas",
            "cpu end with the last pod, so that nothing would wake the service again",
        ),
        (
            replace(OWN, autoscaling=AutoscalingSpec(max_replicas=2, target=TargetSpec())),
            "autoscaling.target",
            "give queued_requests, requests_per_second, cpu_percent, or one of the others",
        ),
        (
            replace(OWN, autoscaling=AutoscalingSpec(max_replicas=2, target=TargetSpec(cpu_percent=101))),
            "autoscaling.target.cpu_percent",
            "use 100 or less",
        ),
        (replace(OWN, startup_timeout_seconds=4), "startup_timeout_seconds", "use 5 or more"),
        (replace(OWN, drain_seconds=-1), "drain_seconds", "use 0 or more"),
        (replace(OWN, surge=-1), "surge", "use 0 or more"),
        (replace(OWN, memory_gib=4, memory_limit_gib=3), "memory_limit_gib", "3 is below memory_gib 4"),
    ],
)
def test_what_is_wrong_in_itself_is_refused(service: ModelServiceSpec, path: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        validate(service)
    (problem,) = caught.value.problems
    assert problem.path == path
    assert message in str(problem)


@pytest.mark.parametrize(
    "argument", ["--port=1", "--api-key=x", "-tp", "--tensor_parallel_size=2", "--max-model-len", "--hf-token=x"]
)
def test_arguments_that_a_field_decides_are_refused(argument: str) -> None:
    with pytest.raises(ConfigError) as caught:
        validate(replace(VLLM, runtime=vllm(extra_args=["--seed=1", argument])))
    (problem,) = caught.value.problems
    assert problem.path == "runtime.vllm.extra_args[1]"
    assert "=x" not in str(problem)


def test_an_argument_that_another_resource_makes_is_accepted() -> None:
    def program() -> None:
        validate(replace(VLLM, runtime=vllm(extra_args=[pulumi.Output.from_input("--seed=1")])))

    run(program)


@pytest.mark.parametrize(
    ("service", "path", "message"),
    [
        (replace(VLLM, gpus=2, pool="l4"), "gpus", "2 exceed a node of 1"),
        (
            replace(VLLM, model=replace(MODEL, token_secret="hf")),
            "model.token_secret",
            "'hf' is no secret of this workspace",
        ),
        (replace(VLLM, pool="mi300x", gpus=8), "runtime.vllm.image", "the default image is for NVIDIA GPUs"),
        (replace(VLLM, replicas=5), "replicas", "has room for 4"),
        (replace(VLLM, cpus=0.5, memory_gib=2, replicas=5), "replicas", "has room for 4"),
        (replace(VLLM, replicas=4), "surge", "it needs 4 + 1, and pool l4 has room for 4"),
        (
            replace(VLLM, autoscaling=AutoscalingSpec(max_replicas=5, target=CPU)),
            "autoscaling.max_replicas",
            "has room for 4",
        ),
        (replace(VLLM, pool="h100", gpus=4, replicas=5), "replicas", "has room for 4"),
        (replace(OWN, cpus=8, replicas=4), "replicas", "has room for 3"),
        (replace(OWN, memory_gib=30, replicas=4), "replicas", "has room for 3"),
    ],
)
def test_what_cannot_run_on_the_cluster_is_refused(service: ModelServiceSpec, path: str, message: str) -> None:
    validate(service)
    ((found_path, found),) = on(service)
    assert found_path == path
    assert message in found


@pytest.mark.parametrize(
    "near",
    [
        replace(VLLM, replicas=3),
        replace(VLLM, replicas=4, surge=0),
        replace(VLLM, autoscaling=AutoscalingSpec(min_replicas=3, max_replicas=4, target=CPU)),
        replace(VLLM, pool="h100", gpus=4, replicas=3),
        replace(VLLM, pool="mi300x", gpus=8, replicas=1, runtime=vllm(image="rocm/vllm:rocm7.0")),
        replace(OWN, cpus=8, replicas=2),
    ],
)
def test_what_just_fits_is_accepted(near: ModelServiceSpec) -> None:
    validate(near)
    assert on(near) == []


def test_a_token_of_the_workspace_is_accepted() -> None:
    assert on(replace(VLLM, model=replace(MODEL, token_secret="hf")), "hf") == []


def test_the_start_up_budget_follows_the_runtime_unless_given() -> None:
    assert (VLLM.startup_seconds, OWN.startup_seconds) == (1800, 300)
    assert replace(VLLM, startup_timeout_seconds=60).startup_seconds == 60


def test_the_bounds_of_replicas() -> None:
    scaled = replace(OWN, autoscaling=AutoscalingSpec(min_replicas=2, max_replicas=7, target=CPU))
    assert (scaled.min_replicas, scaled.max_replicas) == (2, 7)
    assert (OWN.min_replicas, OWN.max_replicas) == (1, 1)


def test_the_shape_in_yaml() -> None:
    text = """{
        "model": {"huggingface": "Qwen/Qwen2.5-7B-Instruct", "revision": "a09a354"},
        "runtime": {"vllm": {"max_model_len": 8192}}, "pool": "l4", "gpus": 1, "replicas": 2
    }"""
    service = load_json(ModelServiceSpec, text)
    assert service == replace(
        VLLM, model=replace(MODEL, revision="a09a354"), runtime=vllm(max_model_len=8192), replicas=2
    )


def test_every_field_is_described_in_the_schema() -> None:
    schema = json_schema(ModelServiceSpec)
    for title, part in {"ModelServiceSpec": schema, **schema.get("$defs", {})}.items():
        for key, described in part["properties"].items():
            assert described.get("description"), f"{title}.{key}"


def test_a_known_image_runs_as_its_own_user() -> None:
    assert VLLM.run_as == 2000
    assert replace(VLLM, user_id=7).run_as == 7
    assert OWN.run_as == 10001
