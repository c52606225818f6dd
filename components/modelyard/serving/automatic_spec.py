"""What a user writes of a release whose steps a controller takes by itself, and takes back by itself.

Sources: https://argo-rollouts.readthedocs.io/en/stable/features/canary/ and
https://argo-rollouts.readthedocs.io/en/stable/features/analysis/.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Annotated

import annotated_types

from modelyard.errors import Problem
from modelyard.serving.autoscaling_spec import LATENCY_PERCENTILE, Quantile, Query, Threshold
from modelyard.spec import Amount, CountOrZero, Percent, Seconds, spec

FIRST_CHECK_SECONDS = 120
"""When the first check comes after the first step: what it asks for is a rate over two minutes."""
_INTERVAL_SECONDS = 60
_FAILURES_ALLOWED = 1
_MOST_STEPS = 20
PLACEHOLDERS = ("namespace", "workload", "hash")
"""What a query may name as `{{args.NAME}}`."""
_PLACEHOLDER = re.compile(r"{{(.*?)}}")


@spec
class AutomaticStepSpec:
    """A share of the requests, and for how long it stays."""

    weight_percent: Percent
    """The next version's share of the requests at the gateway, percent."""
    pause_seconds: Seconds
    """How long it stays at that, seconds."""


@spec
class PrometheusCheckSpec:
    """Any query of the stack's Prometheus, and what its value has to be."""

    query: Query
    """PromQL with one value for the next version. Its pods are those of
    `{namespace="{{args.namespace}}",pod=~"{{args.workload}}-{{args.hash}}-.+"}`. No value is a failure."""
    at_least: Threshold | None = None
    """The least value that passes."""
    at_most: Threshold | None = None
    """The greatest value that passes."""

    def problems(self) -> Iterable[Problem]:
        """One bound or both, and placeholders that something is put in place of."""
        if self.at_least is None and self.at_most is None:
            yield Problem(why="says of no value that it passes", fix="give at_least, at_most or both")
        elif self.at_least is not None and self.at_most is not None and self.at_least > self.at_most:
            why = f"no value is at least {self.at_least:g} and at most {self.at_most:g}"
            yield Problem(path="at_least", why=why, fix="lower it, or raise at_most")
        for name in _PLACEHOLDER.findall(self.query):
            if name not in {f"args.{known}" for known in PLACEHOLDERS}:
                known = ", ".join(f"{{{{args.{each}}}}}" for each in PLACEHOLDERS)
                yield Problem(path="query", why=f"{{{{{name}}}}} stands for nothing", fix=f"use one of {known}")


@spec
class AnalysisSpec:
    """What the next version has to be like for as long as the steps last, as the stack's Prometheus sees it.

    Each condition that is given is checked again and again. Of a version that got no request in two minutes nothing is
    known, and `success_percent` and `latency_seconds` let it pass.
    """

    success_percent: Percent | None = None
    """How many of its answers are at least no server error (5xx), percent, as the gateway counts them."""
    latency_seconds: Amount | None = None
    """The longest time from a request to the end of its answer, at `latency_percentile`, as the server counts it."""
    latency_percentile: Quantile = LATENCY_PERCENTILE
    """Which requests that is of: 95 leaves out the slowest twentieth."""
    prometheus: PrometheusCheckSpec | None = None
    """Any query of the stack's Prometheus."""
    interval_seconds: Seconds = _INTERVAL_SECONDS
    """The time from one check to the next, seconds. 60, as Prometheus reads servers twice in it."""
    failures_allowed: CountOrZero = _FAILURES_ALLOWED
    """How many checks of a condition may fail; one more takes the version back. 1, as a single slow minute is often
    another's fault."""

    def problems(self) -> Iterable[Problem]:
        """A condition, and no percentile of nothing."""
        if not self.success_percent and not self.latency_seconds and not self.prometheus:
            yield Problem(why="checks nothing", fix="give success_percent, latency_seconds or prometheus")
        if self.latency_percentile != LATENCY_PERCENTILE and not self.latency_seconds:
            why = "is given without latency_seconds"
            yield Problem(path="latency_percentile", why=why, fix="add it, or remove this")


@spec
class AutomaticSpec:
    """Every change of the service goes to its clients in steps, which Argo Rollouts takes by itself.

    The service as it is written is the version to go to. Its new pods start beside the present ones, and get the share
    of each step for as long as that says. If the analysis fails, or they do not become ready in time, all requests go
    back to the present version, and its pods have never ended. After the last step the service is the new version.
    """

    steps: Annotated[Sequence[AutomaticStepSpec], annotated_types.Len(1, _MOST_STEPS)]
    """The shares, in rising order."""
    analysis: AnalysisSpec | None = None
    """What is checked meanwhile. Left out: whether its pods become ready."""

    def problems(self) -> Iterable[Problem]:
        """Shares that rise, and time for a check."""
        yield from self._order_problems()
        total = self.total_seconds
        if self.analysis and total <= FIRST_CHECK_SECONDS:
            why = f"the steps last {total} seconds in all, and the first check comes after {FIRST_CHECK_SECONDS}"
            yield Problem(path="analysis", why=why, fix="lengthen the pauses, or leave analysis out")

    def _order_problems(self) -> Iterator[Problem]:
        for index, (before, after) in enumerate(pairwise(self.steps), start=1):
            if after.weight_percent <= before.weight_percent:
                why = f"is not above the {before.weight_percent} of the step before"
                yield Problem(path=f"steps.{index}.weight_percent", why=why, fix="write the shares in rising order")

    @property
    def total_seconds(self) -> int:
        """How long all steps last, once the pods are ready."""
        return sum(step.pause_seconds for step in self.steps)
