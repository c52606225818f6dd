"""What pods ask for on a pool of each kind, and what is refused there."""

from typing import Any

import pytest

from modelyard.batch.batch_job import BatchJob
from modelyard.batch.scheduled_job import ScheduledJob
from modelyard.batch.spec import BatchJobSpec, ScheduledJobSpec, TrainingJobSpec
from modelyard.batch.training_job import TrainingJob
from modelyard.gpu.spec import GpuSliceSpec
from modelyard.serving.model_service import ModelService
from modelyard.serving.model_spec import ModelSpec
from modelyard.serving.spec import ModelServiceSpec
from modelyard.spec import load_json
from modelyard.workspace.place import Place
from modelyard.workspace.quota import hard_limits
from modelyard.workspace.spec import QuotaSpec, WorkspaceSpec
from modelyard.workspace.workload_spec import WorkloadSpec
from modelyard.workspace.workspace import Workspace
from tests.support.clusters import bare_cluster
from tests.support.gpu_pools import GPU_POOLS
from tests.support.mocks import AUTO_NAME_SUFFIX, Recorded, run
from tests.unit.serving.test_spec import own, vllm

MIG_FIX = "use a number, or give the pool sharing: {mig: 1g.10gb}"
IMAGE = "registry.example.org/train:3.0.0"


def job(pool: str, gpus: int | GpuSliceSpec, **fields: Any) -> BatchJobSpec:
    return BatchJobSpec(pool=pool, gpus=gpus, image=IMAGE, **fields)


def made(spec: BatchJobSpec) -> Recorded:
    return run(lambda: BatchJob("embed", Workspace("chat", bare_cluster(GPU_POOLS), WorkspaceSpec()), spec))


def container(spec: BatchJobSpec) -> dict[str, Any]:
    return made(spec).one("Job").inputs["spec"]["template"]["spec"]["containers"][0]


def problems(spec: WorkloadSpec) -> list[str]:
    return [str(each) for each in spec.problems_on(Place(pools=GPU_POOLS))]


@pytest.mark.parametrize(
    ("pool", "gpus", "devices"),
    [
        ("whole", 1, {"nvidia.com/gpu": "1"}),
        ("fabric", 4, {"nvidia.com/gpu": "4"}),
        ("sliced", 1, {"nvidia.com/gpu": "1"}),
        ("mps", 1, {"nvidia.com/gpu": "1"}),
        ("mig", GpuSliceSpec(mig="1g.10gb"), {"nvidia.com/mig-1g.10gb": "1"}),
        ("mixed", GpuSliceSpec(mig="3g.40gb", count=2), {"nvidia.com/mig-3g.40gb": "2"}),
        ("neuron", 16, {"aws.amazon.com/neuron": "16"}),
        ("claimed", 1, {}),
    ],
)
def test_devices_are_asked_as_the_pool_counts_them(
    pool: str, gpus: int | GpuSliceSpec, devices: dict[str, str]
) -> None:
    assert problems(job(pool, gpus)) == []
    resources = container(job(pool, gpus))["resources"]
    for kind in ("requests", "limits"):
        assert {key: value for key, value in resources[kind].items() if "/" in key} == devices


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (job("mig", 1), "gpus: the GPUs of pool mig are divided; use {mig: 1g.10gb}"),
        (
            job("mixed", GpuSliceSpec(mig="2g.20gb")),
            "gpus.mig: pool mixed has no slices 2g.20gb; use 3g.40gb or 1g.10gb",
        ),
        (
            job("whole", GpuSliceSpec(mig="1g.10gb")),
            f"gpus: the GPUs of pool whole are not divided by MIG; {MIG_FIX}",
        ),
        (
            job("sliced", 2),
            "gpus: 2 shares of the GPUs of pool sliced may be of the same one; use 1, or a pool whose GPUs are whole",
        ),
        (
            job("mps", 2),
            "gpus: 2 shares of the GPUs of pool mps may be of the same one; use 1, or a pool whose GPUs are whole",
        ),
        (
            TrainingJobSpec(pool="mig", gpus_per_node=1, image=IMAGE),
            "gpus_per_node: the GPUs of pool mig are divided; use a pool whose GPUs are whole",
        ),
    ],
)
def test_what_the_pool_does_not_count_so_is_refused(spec: WorkloadSpec, message: str) -> None:
    assert problems(spec) == [message]


def test_mps_brings_its_own_shared_memory() -> None:
    pod = made(job("mps", 1)).one("Job").inputs["spec"]["template"]["spec"]
    assert "/dev/shm" not in {each["mountPath"] for each in pod["containers"][0]["volumeMounts"]}
    assert problems(job("mps", 1)) == []
    said = "shared_memory_gib: MPS, which shares the GPUs of pool mps, brings its own /dev/shm; leave it out"
    assert problems(job("mps", 1, shared_memory_gib=1)) == [f"{said}, or use a pool without mps"]


def test_shares_by_time_slicing_have_shared_memory_as_whole_gpus() -> None:
    asked = job("sliced", 1, shared_memory_gib=1)
    assert problems(asked) == []
    pod = made(asked).one("Job").inputs["spec"]["template"]["spec"]
    assert "/dev/shm" in {each["mountPath"] for each in pod["containers"][0]["volumeMounts"]}


def test_vllm_needs_a_part_of_the_memory_where_gpus_are_time_sliced() -> None:
    def asked(pool: str, *extra_args: str) -> ModelServiceSpec:
        runtime, model = vllm(extra_args=extra_args), ModelSpec(huggingface="a/b")
        return ModelServiceSpec(runtime=runtime, model=model, pool=pool, gpus=1, surge=0)

    why = "vllm takes nearly all memory of a GPU, which 4 pods share on pool sliced"
    fix = "use a pool with sharing: {mig: PROFILE}, or add --gpu-memory-utilization=0.25 or less"
    assert problems(asked("sliced")) == [f"runtime.vllm.extra_args: {why}; {fix}"]
    assert problems(asked("sliced", "--enforce-eager")) == [f"runtime.vllm.extra_args: {why}; {fix}"]
    assert problems(asked("sliced", "--gpu-memory-utilization=0.2")) == []
    assert problems(asked("sliced", "--gpu_memory_utilization", "0.2")) == []
    assert problems(asked("whole")) == []
    assert problems(asked("mps")) == []
    # A server of one's own knows by itself what it takes.
    assert problems(ModelServiceSpec(runtime=own(), pool="sliced", gpus=1, surge=0)) == []


def test_yaml_has_both_ways() -> None:
    text = '{{"pool": "mig", "image": "a:1", "gpus": {}}}'
    assert load_json(BatchJobSpec, text.format(2)).gpus == 2
    assert load_json(BatchJobSpec, text.format('{"mig": "1g.10gb"}')).gpus == GpuSliceSpec(mig="1g.10gb", count=1)


def test_a_part_of_a_gpu_brings_its_part_of_the_node() -> None:
    share, whole = (job(pool, 1).resources_on(GPU_POOLS[pool]) for pool in ("sliced", "whole"))
    assert share.cpus == pytest.approx(whole.cpus / 4, abs=0.01)
    slice_ = job("mig", GpuSliceSpec(mig="1g.10gb")).resources_on(GPU_POOLS["mig"])
    gpu = job("fabric", 1).resources_on(GPU_POOLS["fabric"])
    assert slice_.memory_gib == pytest.approx(gpu.memory_gib / 7, abs=0.01)


@pytest.mark.parametrize(("gpus", "count"), [(1, 1), (GpuSliceSpec(mig="1g.10gb"), 1)])
def test_vllm_spans_what_it_is_given(gpus: int | GpuSliceSpec, count: int) -> None:
    pool = "whole" if gpus == 1 else "mig"
    spec = load_json(
        ModelServiceSpec,
        '{"runtime": {"vllm": {}}, "model": {"huggingface": "a/b"}, "pool": "whole", "gpus": 1}',
    )
    spec = ModelServiceSpec(runtime=vllm(), model=spec.model, pool=pool, gpus=gpus)
    recorded = run(lambda: ModelService("chat", Workspace("w", bare_cluster(GPU_POOLS), WorkspaceSpec()), spec))
    args = recorded.one("Deployment").inputs["spec"]["template"]["spec"]["containers"][0]["args"]
    assert f"--tensor-parallel-size={count}" in args


def test_vllm_is_given_one_slice_at_most() -> None:
    fields: dict[str, Any] = {"runtime": vllm(), "pool": "mig", "model": None}
    two = ModelServiceSpec(**fields, gpus=GpuSliceSpec(mig="1g.10gb", count=2))
    why = "of 2 slices of GPUs, CUDA shows a program the first only"
    said = f"gpus.count: {why}; use 1, of a larger profile, or whole GPUs"
    assert said in [str(each) for each in two.problems()]
    one = ModelServiceSpec(**fields, gpus=GpuSliceSpec(mig="1g.10gb"))
    assert not [each for each in one.problems() if each.path.startswith("gpus")]
    # A server of one's own may start a process for each.
    several = ModelServiceSpec(runtime=own(), pool="mig", gpus=GpuSliceSpec(mig="1g.10gb", count=2))
    assert list(several.problems()) == []


def test_a_node_has_room_for_as_many_replicas_as_shares() -> None:
    fields: dict[str, Any] = {"runtime": own(), "pool": "sliced", "gpus": 1, "cpus": 0.5, "memory_gib": 1, "surge": 0}
    assert problems(ModelServiceSpec(**fields, replicas=16)) == []
    why = "17 are too many, as pool sliced has room for 16 at its max_nodes of 4"
    said = f"replicas: {why}; lower it, or raise the pool's max_nodes"
    assert problems(ModelServiceSpec(**fields, replicas=17)) == [said]


def test_claimed_devices_come_from_a_template_of_the_workload() -> None:
    recorded = made(job("claimed", 1))
    template = recorded.one("ResourceClaimTemplate")
    assert template.inputs["apiVersion"] == "resource.k8s.io/v1"
    assert template.inputs["metadata"]["namespace"] == "chat"
    (request,) = template.inputs["spec"]["spec"]["devices"]["requests"]
    assert request["exactly"] == {"deviceClassName": "gpu.nvidia.com", "allocationMode": "ExactCount", "count": 1}
    pod = recorded.one("Job").inputs["spec"]["template"]["spec"]
    assert pod["resourceClaims"] == [
        {"name": "gpus", "resourceClaimTemplateName": f"chat-embed-gpus{AUTO_NAME_SUFFIX}"}
    ]
    assert pod["containers"][0]["resources"]["claims"] == [{"name": "gpus"}]


def test_devices_that_are_a_resource_are_not_claimed() -> None:
    recorded = made(job("whole", 1))
    assert recorded.of("ResourceClaimTemplate") == []
    pod = recorded.one("Job").inputs["spec"]["template"]["spec"]
    assert "resourceClaims" not in pod
    assert "claims" not in pod["containers"][0]["resources"]


def test_every_kind_of_workload_claims() -> None:
    def program() -> None:
        workspace = Workspace("chat", bare_cluster(GPU_POOLS), WorkspaceSpec())
        ModelService("serve", workspace, ModelServiceSpec(runtime=own(), pool="claimed", gpus=1, surge=0))
        BatchJob("once", workspace, job("claimed", 1))
        ScheduledJob("nightly", workspace, ScheduledJobSpec(pool="claimed", gpus=1, image=IMAGE, schedule="0 2 * * *"))
        TrainingJob("train", workspace, TrainingJobSpec(pool="claimed", gpus_per_node=1, nodes=2, image=IMAGE))

    recorded = run(program)
    assert {each.name for each in recorded.of("ResourceClaimTemplate")} == {
        f"chat-{name}-gpus" for name in ("serve", "once", "nightly", "train")
    }
    (cron_job,) = recorded.of("CronJob")
    assert cron_job.inputs["spec"]["jobTemplate"]["spec"]["template"]["spec"]["resourceClaims"]


def test_a_quota_counts_what_the_pools_have() -> None:
    assert hard_limits(QuotaSpec(gpus=2), GPU_POOLS) == {
        "requests.nvidia.com/gpu": "2",
        "requests.nvidia.com/mig-1g.10gb": "14",
        "requests.nvidia.com/mig-3g.40gb": "2",
        "requests.aws.amazon.com/neuron": "2",
        "gpu.nvidia.com.deviceclass.resource.k8s.io/devices": "2",
    }


def test_a_quota_of_none_lets_nothing_through() -> None:
    assert set(hard_limits(QuotaSpec(gpus=0), GPU_POOLS).values()) == {"0"}
    assert hard_limits(QuotaSpec(), GPU_POOLS) == {}
