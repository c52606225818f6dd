"""Jobs in queues: what is refused, and what Kueue reads on their Jobs."""

from typing import Any

import pytest

from modelyard.batch.batch_job import BatchJob
from modelyard.batch.scheduled_job import ScheduledJob
from modelyard.batch.spec import BatchJobSpec, ScheduledJobSpec, TrainingJobSpec
from modelyard.batch.training_job import TrainingJob
from modelyard.gpu.spec import GpuSliceSpec
from modelyard.platform.queues import Queues
from modelyard.platform.queues_rules import resolve_queues
from modelyard.platform.queues_spec import QueueQuotaSpec, QueueSpec
from modelyard.spec import validate
from modelyard.workspace.place import Place
from modelyard.workspace.spec import FabricSpec, WorkspaceSpec
from modelyard.workspace.workspace import Workspace
from tests.support.clusters import POOLS, BareCluster
from tests.support.gpu_pools import GKE_POOLS, GPU_POOLS, gke_pool
from tests.support.mocks import Recorded, Registration, refused, run

IMAGE = "registry.example.org/train:3.0.0"
ALL = {
    **GPU_POOLS,
    **GKE_POOLS,
    **POOLS,
    "queued": gke_pool("queued", accelerator="l4", capacity="queued"),
}
QUEUES = {
    "research": QueueSpec(
        pools={
            "h100": QueueQuotaSpec(gpus=8),
            "sliced": QueueQuotaSpec(gpus=1),
            "mixed": QueueQuotaSpec(gpus=1),
            "claimed": QueueQuotaSpec(gpus=2),
            "fabric": QueueQuotaSpec(gpus=16),
            "queued": QueueQuotaSpec(gpus=4),
            "system": QueueQuotaSpec(cpus=8),
        },
        cohort="team",
    ),
    "production": QueueSpec(pools={"h100": QueueQuotaSpec(gpus=8)}, cohort="team", borrows=False, priority=1000),
}
QUEUE_NAME, PRIORITY = "kueue.x-k8s.io/queue-name", "kueue.x-k8s.io/priority-class"
MAX_RUN = "provreq.kueue.x-k8s.io/maxRunDurationSeconds"
WEEK_SECONDS = 604800


def job(**fields: Any) -> BatchJobSpec:
    given: dict[str, Any] = {"pool": "system", "image": IMAGE, "queue": "research", **fields}
    return BatchJobSpec(**given)


def training(**fields: Any) -> TrainingJobSpec:
    given: dict[str, Any] = {"pool": "h100", "image": IMAGE, "gpus_per_node": 8, "queue": "research", **fields}
    return TrainingJobSpec(**given)


def said(spec: BatchJobSpec | TrainingJobSpec | ScheduledJobSpec) -> list[str]:
    place = Place(pools=ALL, queues=resolve_queues(QUEUES, ALL))
    return [str(problem) for problem in validate(spec).problems_on(place)]


def made(spec: BatchJobSpec | ScheduledJobSpec | TrainingJobSpec) -> Recorded:
    def program() -> None:
        cluster = BareCluster(pools=ALL)
        queues = Queues("queues", cluster, QUEUES)
        team = WorkspaceSpec(queues=["research", "production"], fabric=FabricSpec())
        workspace = Workspace("chat", cluster, team, queues=queues)
        if isinstance(spec, BatchJobSpec):
            BatchJob("fit", workspace, spec)
        elif isinstance(spec, ScheduledJobSpec):
            ScheduledJob("fit", workspace, spec)
        else:
            TrainingJob("fit", workspace, spec)

    return run(program)


def the_job(spec: BatchJobSpec | TrainingJobSpec) -> Registration:
    return made(spec).one("Job")


def test_a_queue_that_the_workspace_does_not_have_is_refused() -> None:
    assert said(job(queue="reserch")) == [
        ("queue: 'reserch' is no queue of this workspace; use one of production, research, or add it under queues")
    ]
    assert said(job()) == []


def test_the_pool_is_one_of_the_queue() -> None:
    assert said(job(queue="production")) == [
        ("queue: queue production has no quota of pool system; use a pool of the queue (h100), or add the pool to it")
    ]
    assert said(training(queue="production")) == []


@pytest.mark.parametrize(
    ("too_much", "fits", "line"),
    [
        (
            job(pool="h100", gpus=4, parallelism=5, completions=5),
            job(pool="h100", gpus=4, parallelism=4, completions=5),
            "20 nvidia.com/gpu at a time exceed the 16 that queue research can have of pool h100, 8 of them lent",
        ),
        (
            training(nodes=2, queue="production"),
            training(nodes=1, queue="production"),
            "16 nvidia.com/gpu at a time exceed the 8 that queue production can have of pool h100",
        ),
        (
            job(cpus=3, parallelism=3, completions=3),
            job(cpus=2, parallelism=4, completions=4),
            "9 cpu at a time exceed the 8 that queue research can have of pool system",
        ),
        (
            job(parallelism=9, completions=9),
            job(parallelism=8, completions=9),
            "9 cpu at a time exceed the 8 that queue research can have of pool system",
        ),
        (
            job(pool="sliced", gpus=1, parallelism=5, completions=5),
            job(pool="sliced", gpus=1, parallelism=4, completions=5),
            "5 nvidia.com/gpu at a time exceed the 4 that queue research can have of pool sliced",
        ),
        (
            job(pool="mixed", gpus=GpuSliceSpec(mig="3g.40gb"), parallelism=2, completions=2),
            job(pool="mixed", gpus=GpuSliceSpec(mig="1g.10gb"), parallelism=4, completions=4),
            "2 nvidia.com/mig-3g.40gb at a time exceed the 1 that queue research can have of pool mixed",
        ),
        (
            job(pool="claimed", gpus=1, parallelism=3, completions=3),
            job(pool="claimed", gpus=1, parallelism=2, completions=3),
            "3 nvidia.com/gpu at a time exceed the 2 that queue research can have of pool claimed",
        ),
    ],
)
def test_what_the_queue_can_never_have_is_refused(
    too_much: BatchJobSpec | TrainingJobSpec, fits: BatchJobSpec | TrainingJobSpec, line: str
) -> None:
    end = "the job would wait for ever; run fewer pods at a time, or raise the queue's quota"
    assert said(too_much) == [f"queue: {line}: {end}"]
    assert said(fits) == []


def test_an_update_waits_for_no_queue() -> None:
    line = (
        "await_completion: nobody knows when a job that waits in a queue begins, and an update waits for its end only; "
        "leave it out, or run the job without a queue"
    )
    assert said(job(await_completion=True)) == [line]
    assert said(training(await_completion=True)) == [line]
    assert said(job(await_completion=True, queue=None)) == []


def test_queued_machines_are_for_jobs_in_queues() -> None:
    (line,) = said(job(pool="queued", gpus=1, queue=None))
    assert line.startswith(
        "pool: nodes of pool queued come for a ProvisioningRequest only, which is made for jobs in a"
    )
    assert said(job(pool="queued", gpus=1)) == []
    assert said(training(pool="queued", gpus_per_node=1, nodes=4)) == []


def test_queued_machines_stay_for_a_week() -> None:
    too_long = job(pool="queued", gpus=1, timeout_seconds=WEEK_SECONDS + 1)
    assert said(too_long) == ["timeout_seconds: 604801 exceed the 604800 that machines of pool queued stay; lower it"]
    assert said(job(pool="queued", gpus=1, timeout_seconds=WEEK_SECONDS)) == []
    assert said(job(timeout_seconds=WEEK_SECONDS + 1)) == []


def test_problems_of_the_pool_are_said_once() -> None:
    assert [line.split(":")[0] for line in said(job(pool="none"))] == ["pool"]
    assert [line.split(":")[0] for line in said(job(pool="h100", gpus=3))] == ["gpus"]


@pytest.mark.parametrize("spec", [job(), training()])
def test_a_job_names_its_queue_and_priority_and_not_whether_it_is_suspended(
    spec: BatchJobSpec | TrainingJobSpec,
) -> None:
    found = the_job(spec)
    labels = found.inputs["metadata"]["labels"]
    assert (labels[QUEUE_NAME], labels[PRIORITY]) == ("research", "research")
    assert found.inputs["metadata"]["annotations"] == {"pulumi.com/skipAwait": "true"}
    assert "suspend" not in found.inputs["spec"]
    assert QUEUE_NAME not in found.inputs["spec"]["template"]["metadata"]["labels"]


def test_runs_of_a_schedule_wait_each_for_itself() -> None:
    spec = ScheduledJobSpec(pool="queued", image=IMAGE, gpus=1, schedule="@daily", queue="research")
    cron = made(spec).one("CronJob")
    metadata = cron.inputs["spec"]["jobTemplate"]["metadata"]
    assert (metadata["labels"][QUEUE_NAME], metadata["labels"][PRIORITY]) == ("research", "research")
    assert metadata["annotations"] == {MAX_RUN: "86400"}
    assert QUEUE_NAME not in cron.inputs["metadata"]["labels"]


def test_a_job_without_a_queue_is_as_ever() -> None:
    found = the_job(job(queue=None))
    assert not [key for key in found.inputs["metadata"]["labels"] if "kueue" in key]
    assert found.replacement_trigger.string_value == "[False, False, []]"


def test_machines_are_requested_for_as_long_as_the_job_may_run() -> None:
    found = the_job(job(pool="queued", gpus=1, timeout_seconds=3600))
    assert found.inputs["metadata"]["annotations"] == {"pulumi.com/skipAwait": "true", MAX_RUN: "3600"}
    assert MAX_RUN not in the_job(job(timeout_seconds=3600)).inputs["metadata"]["annotations"]


def test_another_queue_is_another_job() -> None:
    triggers = {
        the_job(training(queue=queue)).replacement_trigger.string_value for queue in ("research", "production", None)
    }
    assert len(triggers) == 3


def test_a_job_goes_before_its_queue() -> None:
    recorded = made(training())
    queues = {
        each.inputs["metadata"]["name"]: each.urn
        for each in recorded.of("LocalQueue")
        if each.inputs["metadata"]["namespace"] == "chat"
    }
    depends_on = recorded.one("Job").depends_on
    assert queues["research"] in depends_on
    assert queues["production"] not in depends_on


def test_on_the_fabric_it_waits_in_the_companions_queue() -> None:
    recorded = made(training(pool="fabric", nodes=2))
    found = recorded.one("Job")
    assert found.inputs["metadata"]["namespace"] == "chat-fabric"
    (queue,) = (
        each
        for each in recorded.of("LocalQueue")
        if each.inputs["metadata"]["namespace"] == "chat-fabric" and each.inputs["metadata"]["name"] == "research"
    )
    assert queue.urn in found.depends_on


def test_a_job_that_would_wait_for_ever_registers_nothing() -> None:
    def program() -> None:
        cluster = BareCluster(pools=ALL)
        workspace = Workspace(
            "chat", cluster, WorkspaceSpec(queues=["research"]), queues=Queues("queues", cluster, QUEUES)
        )
        TrainingJob("fit", workspace, training(queue="production"))

    error = refused(program, "modelyard:batch:TrainingJob")
    assert str(error) == (
        "fit.queue: 'production' is no queue of this workspace; use one of research, or add it under queues"
    )
