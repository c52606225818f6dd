"""What a user writes of jobs and training."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Annotated, ClassVar, Literal

import annotated_types

from modelyard.batch.queueing import queue_problems
from modelyard.errors import Problem
from modelyard.gpu.spec import Gpus
from modelyard.kube.images import Image
from modelyard.spec import Count, CountOrZero, Name, Seconds, Text, spec
from modelyard.workspace.fabric import OnFabric, fabric_share_problems, problems_on_fabric
from modelyard.workspace.place import Place
from modelyard.workspace.schedule import Schedule, TimeZone
from modelyard.workspace.volume_rules import unshared_volume_problems
from modelyard.workspace.workload_spec import ArtifactSpec, ReadArtifactSpec, WorkloadSpec

DAY_SECONDS = 24 * 3600
_MOST_INDEXED = 100_000
"""Of an indexed job whose retries count for each number, as those of ours do, unless it says how many may fail.
https://github.com/kubernetes/kubernetes/blob/v1.35.0/pkg/apis/batch/validation/validation.go"""
RENDEZVOUS_PORT = 29500
"""torchrun's own default: https://docs.pytorch.org/docs/stable/elastic/run.html"""
_ON_FABRIC = OnFabric(kind="jobs", path="nodes", otherwise="use nodes: 1")

ExitCode = Annotated[int, annotated_types.Interval(ge=1, le=255)]
"""An exit code that means failure."""


@spec
class TaskSpec(WorkloadSpec):
    """The base of everything that runs a program to its end."""

    image: Image
    """The image, with a version."""
    command: Sequence[Text] = ()
    """The command with its arguments. Left out: the image's entry point."""
    args: Sequence[Text] = ()
    """Arguments of the command, or of the image's entry point."""
    fatal_exit_codes: Sequence[ExitCode] = ()
    """Exit codes that fail the whole job at once, since another try would end the same: those of a bad
    configuration."""
    model: ReadArtifactSpec | None = None
    """The model that it reads, in the folder that the variable MODEL_PATH names."""
    artifact: ArtifactSpec | None = None
    """What it leaves for others, in the folder that the variable ARTIFACT_PATH names."""
    queue: Name | None = None
    """The queue that it waits in until there is room for all of its pods at once; one of the workspace's `queues`. Left
    out: it starts when it is made, and its pods as nodes have room."""

    @property
    def queue_name(self) -> str | None:
        """The queue that it waits in before it starts."""
        return self.queue

    @property
    def artifact_read(self) -> str | None:
        """The job whose artifact it reads."""
        return self.model.artifact if self.model else None

    @property
    def artifact_written(self) -> ArtifactSpec | None:
        """What it leaves for others."""
        return self.artifact


@spec
class JobSpec(TaskSpec):
    """The base of jobs of independent pods. Use BatchJobSpec or ScheduledJobSpec."""

    gpus: Gpus = 0
    """Accelerators of each pod, or slices of them: `{mig: 1g.10gb, count: 1}`. Required on a pool that has some. On a
    pool whose GPUs are shared by time slicing or MPS, 1 is one share."""
    completions: Count = 1
    """How many pods must succeed. With `indexed`, at most 100,000."""
    parallelism: Count = 1
    """How many pods run at a time."""
    indexed: bool = False
    """Give every completion a number from 0, in the variable `JOB_COMPLETION_INDEX`, so that each does a part of its
    own. Otherwise pods take their work from a queue that they share."""
    retries: CountOrZero = 3
    """How many failed pods are replaced: in the whole job, or for each number of an indexed one. A fault that outlives
    three tries is in the program. Pods that lose their node (spot, drain, preemption) are replaced without being
    counted."""
    timeout_seconds: Seconds = DAY_SECONDS
    """When the job is ended as failed, seconds from its start, with retries and the wait for a node. A day by default,
    because a job that hangs would keep its node for ever."""

    def problems(self) -> Iterable[Problem]:
        """Rules across the fields."""
        yield from super().problems()
        if self.parallelism > self.completions:
            why = f"{self.parallelism} is above completions {self.completions}"
            yield Problem(path="parallelism", why=why, fix="lower it, or raise completions")
        if self.indexed and self.completions > _MOST_INDEXED:
            why = f"an indexed job has at most {_MOST_INDEXED:,} completions, not {self.completions:,}"
            fix = "let each do a larger part, or leave indexed out and have pods share a queue of work"
            yield Problem(path="completions", why=why, fix=fix)

    def problems_on(self, place: Place) -> Iterator[Problem]:
        """Why a valid spec cannot work there."""
        yield from super().problems_on(place)
        yield from self._volume_problems(place)
        yield from queue_problems(self, place, pods=self.parallelism, seconds=self.timeout_seconds)

    def _volume_problems(self, place: Place) -> Iterator[Problem]:
        yield from unshared_volume_problems(self, place, pods=self.parallelism, instead="parallelism: 1")


@spec
class BatchJobSpec(JobSpec):
    """A job that runs once when it is made, and again whenever it is changed."""

    await_completion: bool = False
    """Let `pulumi up` wait until the job has succeeded, and fail if it fails. Otherwise the update only starts it."""

    @property
    def is_awaited(self) -> bool:
        """Whether an update waits for it."""
        return self.await_completion


@spec
class ScheduledJobSpec(JobSpec):
    """A job that runs again and again."""

    schedule: Schedule
    """When it runs, as a cron line: `0 2 * * *` is every night at two."""
    time_zone: TimeZone = "Etc/UTC"
    """Where the schedule's hours are meant: `Europe/Berlin`. On the days when clocks change, hours can be left out or
    come twice there, in UTC never."""
    concurrency: Literal["forbid", "allow", "replace"] = "forbid"
    """When a run is due and the last one still runs: leave it out (`forbid`), let both run (`allow`), or end the last
    one (`replace`). Two runs at a time seldom expect each other."""
    starting_deadline_seconds: Annotated[int, annotated_types.Ge(10)] = 3600
    """How late a run may start when the cluster could not start it in time. Later, it is left out. Kubernetes looks
    every ten seconds, so that less would leave all runs out."""
    successful_jobs_kept: CountOrZero = 3
    """How many runs that succeeded are kept, with their logs."""
    failed_jobs_kept: CountOrZero = 3
    """How many runs that failed are kept, with their logs."""
    suspend: bool = False
    """Start no run until this is false again. A run that is under way goes on."""

    def _volume_problems(self, place: Place) -> Iterator[Problem]:
        if self.concurrency == "allow":
            instead = "parallelism: 1 and concurrency: forbid" if self.parallelism > 1 else "concurrency: forbid"
            yield from unshared_volume_problems(self, place, pods=2 * self.parallelism, instead=instead)
        else:
            yield from super()._volume_problems(place)


@spec
class TrainingJobSpec(TaskSpec):
    """One program on one or more nodes at once, each with the same number of accelerators.

    Every node gets the variables by which torchrun, and most launchers, find the others.
    """

    nodes: Count = 1
    """How many nodes take part; each runs one pod of it."""
    gpus_per_node: CountOrZero = 0
    """Accelerators on each node, whole ones only. Required on a pool that has some."""
    retries: CountOrZero = 2
    """How often all nodes together start again after a failure. A failure of one node makes all others fail, so that as
    many pods as there are nodes count as one retry. Pods that lose their node are replaced without being counted."""
    timeout_seconds: Seconds = 7 * DAY_SECONDS
    """When the job is ended as failed, seconds from its start, with retries and the wait for nodes. A week by default,
    because a node that waits for another in vain would keep its accelerators for ever."""

    await_completion: bool = False
    """Let `pulumi up` wait until the training has succeeded, and fail if it fails. Otherwise the update only starts
    it."""

    GPU_FIELD: ClassVar[str] = "gpus_per_node"

    @property
    def own_ports(self) -> Collection[int]:
        """The port by which its pods find each other."""
        return (RENDEZVOUS_PORT,)

    @property
    def is_awaited(self) -> bool:
        """Whether an update waits for it."""
        return self.await_completion

    @property
    def spans_nodes(self) -> bool:
        """Whether it runs on several nodes."""
        return self.nodes > 1

    def problems_on(self, place: Place) -> Iterator[Problem]:
        """Why a valid spec cannot work there."""
        pool = place.pools.get(self.pool)
        found = problems_on_fabric(self, place, _ON_FABRIC, self._problems_in)
        for problem in found:
            of_divided = problem.path == self.GPU_FIELD and pool and pool.gpu and pool.gpu.slices_per_gpu
            yield replace(problem, fix="use a pool whose GPUs are whole") if of_divided else problem
        yield from queue_problems(self, place, pods=self.nodes, seconds=self.timeout_seconds)
        if not pool:
            return
        if self.is_on_fabric(pool):
            yield from fabric_share_problems(self.gpus_per_node, pool)
        slice_nodes = pool.gpu.slice_nodes if pool.gpu else 1
        if slice_nodes > 1 and self.spans_nodes and self.nodes != slice_nodes:
            why = f"{self.nodes} are not the {slice_nodes} nodes of a slice of pool {pool.name}"
            yield Problem(path="nodes", why=why, fix=f"use {slice_nodes}")
        elif self.nodes > pool.max_nodes:
            why = f"{self.nodes} exceed max_nodes {pool.max_nodes} of pool {pool.name}"
            yield Problem(path="nodes", why=why, fix=f"use at most {pool.max_nodes}, or raise the pool's max_nodes")

    def _problems_in(self, place: Place) -> Iterator[Problem]:
        """Why it cannot work in the namespace of that place."""
        yield from super().problems_on(place)
        yield from unshared_volume_problems(self, place, pods=self.nodes, instead="nodes: 1")
