"""What follows from queues and pools: what a queue has of each, and what it can have at most. No Pulumi package."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from modelyard.cluster.pools import Pool, unknown_pool
from modelyard.errors import Problem
from modelyard.platform.queues_spec import QueueQuotaSpec, QueueSpec

CPU = "cpu"
"""The resource that pools without accelerators are counted by."""
MAX_RUN_SECONDS = 7 * 24 * 3600
"""How long machines of queued provisioning stay at most.
https://cloud.google.com/kubernetes-engine/docs/how-to/provisioningrequest"""
Amounts = Mapping[str, float]
"""By resource."""


@dataclass(frozen=True, kw_only=True)
class Queue:
    """A queue as jobs see it.

    Attributes:
        spec: what the user wrote of it.
        quotas: by pool, what of each resource is its own.
        most: by pool, what its jobs can have together at most, with all that others lend.
    """

    name: str
    spec: QueueSpec
    quotas: Mapping[str, Amounts]
    most: Mapping[str, Amounts]


def resolve_queues(queues: Mapping[str, QueueSpec], pools: Mapping[str, Pool]) -> dict[str, Queue]:
    """The queues that valid specs describe, by name. Pools that are not among these are left out of them."""
    own = {
        name: {pool: _amounts(pools[pool], quota) for pool, quota in queue.pools.items() if pool in pools}
        for name, queue in queues.items()
    }
    return {
        name: Queue(
            name=name,
            spec=queue,
            quotas=own[name],
            most={pool: _with_lent(name, pool, amounts, queues, own) for pool, amounts in own[name].items()},
        )
        for name, queue in queues.items()
    }


def _amounts(pool: Pool, quota: QueueQuotaSpec) -> dict[str, float]:
    if not pool.gpu or not pool.gpus_per_node:
        return {CPU: quota.amount}
    on_node = pool.gpu.resources or {pool.gpu.accelerator.resource: pool.gpus_per_node}
    return {resource: quota.amount * count / pool.gpus_per_node for resource, count in on_node.items()}


def _with_lent(
    name: str,
    pool: str,
    amounts: Amounts,
    queues: Mapping[str, QueueSpec],
    own: Mapping[str, Mapping[str, Amounts]],
) -> dict[str, float]:
    queue = queues[name]
    lenders = [
        other
        for other, its in queues.items()
        if other != name and queue.cohort and its.cohort == queue.cohort and queue.borrows and its.lends
    ]
    return {
        resource: amount + sum(own[other].get(pool, {}).get(resource, 0) for other in lenders)
        for resource, amount in amounts.items()
    }


def queue_problems(
    queues: Mapping[str, QueueSpec], sound: Mapping[str, Pool], pools: Mapping[str, object]
) -> Iterator[Problem]:
    """Why queues cannot work on these pools; paths are below the block of all queues.

    Args:
        queues: valid queues by name.
        sound: the pools that can be had.
        pools: all pools, also those that are refused.
    """
    for name, queue in queues.items():
        for pool, quota in queue.pools.items():
            path = f"{name}.pools.{pool}"
            if pool in sound:
                yield from (problem.under(path) for problem in _unit_problems(sound[pool], quota))
            elif pool not in pools:
                yield unknown_pool(pools, pool, path)
        if queue.cohort and all(other == name or each.cohort != queue.cohort for other, each in queues.items()):
            why = f"no other queue is in cohort {queue.cohort}, so that there is nothing to borrow"
            yield Problem(path=f"{name}.cohort", why=why, fix="name it in another queue too, or leave it out")
    for pool in sound.values():
        yield from _sum_problems(queues, pool)


def _unit_problems(pool: Pool, quota: QueueQuotaSpec) -> Iterator[Problem]:
    if pool.gpu and quota.cpus is not None:
        why = f"pool {pool.name} has accelerators, which processors go with"
        yield Problem(path="cpus", why=why, fix="write gpus")
    if not pool.gpu and quota.gpus is not None:
        yield Problem(path="gpus", why=f"pool {pool.name} has no accelerators", fix="write cpus")


def _sum_problems(queues: Mapping[str, QueueSpec], pool: Pool) -> Iterator[Problem]:
    users = {name: queue.pools[pool.name].amount for name, queue in queues.items() if pool.name in queue.pools}
    field, unit = ("gpus", pool.gpu.accelerator.name) if pool.gpu else ("cpus", "vCPUs")
    most = pool.max_nodes * (pool.gpus_per_node if pool.gpu else pool.allocatable_cpus)
    total = sum(users.values())
    if total <= most:
        return
    *_, last = users
    if len(users) == 1:
        why = f"{total:g} exceed the {most:g} {unit} that pool {pool.name} has at max_nodes"
    else:
        why = f"with those of {' and '.join(list(users)[:-1])} these are {total:g} {unit}, and pool {pool.name} has"
        why += f" {most:g} at max_nodes"
    fix = f"use at most {max(most - total + users[last], 0):g}, or raise the pool's max_nodes"
    yield Problem(path=f"{last}.pools.{pool.name}.{field}", why=why, fix=fix)


def unknown_queues(names: Sequence[str], known: Mapping[str, object]) -> Iterator[Problem]:
    """Queues of a workspace that there are not; paths are relative to the workspace."""
    for index, name in enumerate(names):
        if name not in known:
            fix = f"use one of {', '.join(sorted(known))}, or add it" if known else "add it"
            why = f"{name!r} is no queue of this stack"
            yield Problem(path=f"queues[{index}]", why=why, fix=f"{fix} under platform.queues")
