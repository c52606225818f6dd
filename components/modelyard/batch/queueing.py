"""Jobs that wait in a queue: what can be wrong with them, and what Kueue reads on their Jobs. No Pulumi package."""

from collections.abc import Iterator, Mapping

from modelyard.cluster.pools import Pool
from modelyard.errors import Problem
from modelyard.platform.queues_kueue import MAX_RUN, PRIORITY_NAME, QUEUE_NAME
from modelyard.platform.queues_rules import CPU, MAX_RUN_SECONDS, Queue
from modelyard.workspace.place import Place, unknown_name
from modelyard.workspace.workload_spec import WorkloadSpec


def queue_problems(job: WorkloadSpec, place: Place, *, pods: int, seconds: int) -> Iterator[Problem]:
    """Why a job cannot wait in its queue; nothing for one without.

    Args:
        job: a job whose other rules hold.
        place: where it runs.
        pods: how many of its pods run at a time.
        seconds: how long it runs at most.
    """
    name = job.queue_name
    if name is None:
        return
    yield from unknown_name(place.queues, name, "queue", "queue", "queues")
    if job.is_awaited:
        why = "nobody knows when a job that waits in a queue begins, and an update waits for its end only"
        yield Problem(path="await_completion", why=why, fix="leave it out, or run the job without a queue")
    queue, pool = place.queues.get(name), place.pools.get(job.pool)
    if not pool:
        return
    if pool.is_queued and seconds > MAX_RUN_SECONDS:
        why = f"{seconds} exceed the {MAX_RUN_SECONDS} that machines of pool {pool.name} stay"
        yield Problem(path="timeout_seconds", why=why, fix="lower it")
    if not queue:
        return
    if pool.name not in queue.quotas:
        why = f"queue {name} has no quota of pool {pool.name}"
        fix = f"use a pool of the queue ({', '.join(sorted(queue.quotas))}), or add the pool to it"
        yield Problem(path="queue", why=why, fix=fix)
    else:
        yield from _quota_problems(job, queue, pool, pods)


def _quota_problems(job: WorkloadSpec, queue: Queue, pool: Pool, pods: int) -> Iterator[Problem]:
    own, most = queue.quotas[pool.name], queue.most[pool.name]
    for resource, each in _asked(job, pool).items():
        if resource not in most or each * pods <= most[resource]:
            continue
        lent = f", {most[resource] - own[resource]:g} of them lent" if most[resource] > own[resource] else ""
        why = f"{each * pods:g} {resource} at a time exceed the {most[resource]:g} that queue {queue.name} can have"
        why = f"{why} of pool {pool.name}{lent}: the job would wait for ever"
        yield Problem(path="queue", why=why, fix="run fewer pods at a time, or raise the queue's quota")


def _asked(job: WorkloadSpec, pool: Pool) -> Mapping[str, float]:
    """What a pod asks for of what queues count."""
    if not pool.gpu:
        return {CPU: job.resources_on(pool).pod_cpus}
    if pool.device_class:
        return {pool.gpu.accelerator.resource: job.gpu_count}
    return pool.gpu.requested(job.gpus_asked)


def queue_labels(job: WorkloadSpec) -> dict[str, str]:
    """The labels of its Job by which Kueue takes it: the queue, and the class of the queue's priority."""
    return {QUEUE_NAME: job.queue_name, PRIORITY_NAME: job.queue_name} if job.queue_name else {}


def queue_annotations(job: WorkloadSpec, pool: Pool, seconds: int) -> dict[str, str]:
    """How long machines stay that are requested for it, where they are: as long as it runs at most."""
    return {MAX_RUN: str(seconds)} if job.queue_name and pool.is_queued else {}
