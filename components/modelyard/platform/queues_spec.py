"""What a user writes of queues for jobs. Imports no Pulumi package."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated

import annotated_types

from modelyard.errors import Problem
from modelyard.spec import CountOrZero, Name, exactly_one, spec

AmountOrZero = Annotated[float, annotated_types.Ge(0)]
"""A number, zero allowed."""
Priority = Annotated[int, annotated_types.Interval(ge=0, le=1_000_000_000)]
"""How much something matters beside others: what has more goes first."""


@spec
class QueueQuotaSpec:
    """What all running jobs of a queue may have of one pool: exactly one of the two, by what the pool has.

    0 leaves the queue only what others lend it.
    """

    gpus: CountOrZero | None = None
    """Accelerators of a pool that has some, in whole devices: where they are shared, all of their shares or slices come
    with them. Processors and memory are not counted there, as they go with the accelerators."""
    cpus: AmountOrZero | None = None
    """vCPUs of a pool without accelerators, as pods ask for them. Memory is not counted."""

    def problems(self) -> Iterable[Problem]:
        """One of the two."""
        yield from exactly_one(self, "gpus", "cpus")

    @property
    def amount(self) -> float:
        """The accelerators, or the vCPUs."""
        return self.gpus if self.gpus is not None else self.cpus or 0


@spec
class QueueSpec:
    """A queue for jobs and training: they start as a whole, once its quota has room for all of their pods."""

    pools: Annotated[Mapping[Name, QueueQuotaSpec], annotated_types.MinLen(1)]
    """The pools that its jobs may run on, and what of each is its own. The quotas of all queues of a pool may not
    exceed what the pool has at its largest: a job that starts finds nodes."""
    cohort: Name | None = None
    """Queues with the same cohort lend each other what they do not use, of pools that both have. Who lent something
    gets it back at once when a job of its own needs it: jobs on borrowed quota are stopped then, and wait again. Left
    out: the queue neither lends nor borrows."""
    borrows: bool = True
    """Whether its jobs may use what other queues of the cohort leave idle."""
    lends: bool = True
    """Whether other queues of the cohort may use what it leaves idle."""
    priority: Priority = 0
    """How much its jobs matter beside those of other queues of the cohort. Where several wait for what is lent, those
    of the queue with the highest go first, and they stop jobs of lower priority that run on borrowed quota. Between
    jobs of one queue it decides nothing."""
    strict_fifo: bool = False
    """Whether a job that does not fit yet holds up all that came after it. Otherwise smaller ones overtake it, which
    uses more of the quota, and lets a large one wait for as long as small ones come."""

    def problems(self) -> Iterable[Problem]:
        """What has a meaning in a cohort only, and quotas with which no job could ever start."""
        if self.cohort is None:
            alone = (("borrows", not self.borrows), ("lends", not self.lends), ("priority", self.priority))
            for name, given in alone:
                if given:
                    why = "has a meaning beside other queues of a cohort only"
                    yield Problem(path=name, why=why, fix="name a cohort, or leave it out")
        yield from self._empty_quotas()

    def _empty_quotas(self) -> Iterator[Problem]:
        if self.cohort and self.borrows:
            return
        for pool, quota in self.pools.items():
            given = (("gpus", quota.gpus), ("cpus", quota.cpus))
            for name in (name for name, amount in given if amount == 0):
                why = "0 leaves its jobs nothing, as the queue does not borrow"
                fix = "raise it, leave the pool out, or let the queue borrow in a cohort"
                yield Problem(path=f"pools.{pool}.{name}", why=why, fix=fix)


Queues = Mapping[Name, QueueSpec]
"""Queues by name."""
