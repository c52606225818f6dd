"""What queues have of the pools. Imports no Pulumi package."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TypedDict

from modelyard.cluster.pools import Pool
from modelyard.platform.queues_rules import resolve_queues
from modelyard.platform.queues_spec import QueueSpec


class PlannedQueue(TypedDict):
    """One queue on one pool: by resource, what is its own, and what its jobs can have with all that others lend."""

    name: str
    pool: str
    cohort: str | None
    priority: int
    own: dict[str, float]
    most: dict[str, float]


def planned_queues(queues: Mapping[str, QueueSpec], pools: Mapping[str, Pool]) -> list[PlannedQueue]:
    """The queues of a valid stack, pool by pool."""
    return [
        {
            "name": queue.name,
            "pool": pool,
            "cohort": queue.spec.cohort,
            "priority": queue.spec.priority,
            "own": dict(own),
            "most": dict(queue.most[pool]),
        }
        for queue in resolve_queues(queues, pools).values()
        for pool, own in queue.quotas.items()
    ]


def queue_rows(queues: Sequence[PlannedQueue]) -> Iterator[tuple[str, ...]]:
    """They as rows of text, below `QUEUE_HEAD`."""
    for each in queues:
        priority = str(each["priority"]) if each["cohort"] else "-"
        yield each["name"], each["pool"], _text(each["own"]), _text(each["most"]), each["cohort"] or "-", priority


QUEUE_HEAD = ("QUEUE", "POOL", "OWN", "AT MOST", "COHORT", "PRIORITY")


def _text(amounts: Mapping[str, float]) -> str:
    return ", ".join(f"{resource}: {amount:g}" for resource, amount in amounts.items())
