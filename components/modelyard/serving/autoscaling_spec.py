"""What a user writes of how the number of replicas follows the load."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Annotated

import annotated_types

from modelyard.errors import Problem, show
from modelyard.spec import Amount, Count, CountOrZero, Percent, Rule, spec
from modelyard.workspace.schedule import Schedule, TimeZone

Threshold = Annotated[float, annotated_types.Ge(0)]
"""A value of a metric, zero allowed."""
Quantile = Annotated[int, annotated_types.Interval(ge=1, le=99)]
"""A percentile from 1 to 99."""
MOST_SCHEDULES = 20
LATENCY_PERCENTILE = 95


def _check_query(text: str) -> tuple[str, str] | None:
    if not text.strip():
        return f"{show(text)} is empty", "write a PromQL query with one value"
    return None


Query = Annotated[str, Rule(_check_query, {"minLength": 1})]
"""A PromQL query whose result is one value."""


@spec
class PrometheusTargetSpec:
    """Any query of the stack's Prometheus."""

    query: Query
    """PromQL with one value for the whole service, such as `sum(rate(mine_total{namespace="chat"}[2m]))`. Labels in it
    have to name the service: other services' series are in the same Prometheus."""
    threshold: Amount
    """The value that one replica is to have on average: twice the value of the query asks for twice the replicas."""
    activation_threshold: Threshold = 0
    """Above this value a service without a pod gets its first one. Of no effect while there is one."""
    counts_without_pods: bool = False
    """Whether the query has values while the service has no pod, as those of a queue outside of it do. Say so only if
    it is: a metric that the pods themselves tell ends with the last of them, and nothing would wake the service."""


@spec
class TargetSpec:
    """What the replicas are kept at on average; with several, the one that asks for most replicas counts.

    All but the first two are read from the stack's Prometheus, through KEDA.
    """

    cpu_percent: Percent | None = None
    """CPU in use, percent of what the pods ask for. It says little of a server that computes on GPUs."""
    memory_percent: Percent | None = None
    """Memory in use, percent of what the pods ask for. Only for servers that give memory back."""
    queued_requests: Amount | None = None
    """Requests of each replica that wait for the model. The first choice for language models: GPUs look busy with a
    single request."""
    concurrent_requests: Amount | None = None
    """Requests of each replica that wait or are computed."""
    tokens_per_second: Amount | None = None
    """Tokens that each replica makes in a second; with huggingface, that it reads."""
    latency_seconds: Amount | None = None
    """Time from a request to the end of its answer, at `latency_percentile`. It follows the load late, and answers of
    other lengths change it too: give it beside another target."""
    time_to_first_token_seconds: Amount | None = None
    """Time from a request to the first token of its answer, at `latency_percentile`."""
    latency_percentile: Quantile = LATENCY_PERCENTILE
    """Which requests the two times are of: 95 leaves out the slowest twentieth."""
    requests_per_second: Amount | None = None
    """Requests that come to each replica through the gateway in a second. It is counted by the gateway, and so also
    while there is no replica."""
    prometheus: PrometheusTargetSpec | None = None
    """Any query of the stack's Prometheus."""

    def problems(self) -> Iterable[Problem]:
        """At least one target, and no percentile of nothing."""
        if not self.given:
            fix = "give queued_requests, requests_per_second, cpu_percent, or one of the others"
            yield Problem(why="nothing is chosen", fix=fix)
        timed = self.latency_seconds or self.time_to_first_token_seconds
        if self.latency_percentile != LATENCY_PERCENTILE and not timed:
            fix = "add one of the two, or remove it"
            why = "is given without latency_seconds and time_to_first_token_seconds"
            yield Problem(path="latency_percentile", why=why, fix=fix)

    @property
    def of_server(self) -> Mapping[str, float]:
        """The targets that the server's own metrics decide, by field."""
        found = {
            "queued_requests": self.queued_requests,
            "concurrent_requests": self.concurrent_requests,
            "tokens_per_second": self.tokens_per_second,
            "latency_seconds": self.latency_seconds,
            "time_to_first_token_seconds": self.time_to_first_token_seconds,
        }
        return {name: value for name, value in found.items() if value is not None}

    @property
    def of_prometheus(self) -> Sequence[str]:
        """The fields of targets that are read from Prometheus."""
        further = {"requests_per_second": self.requests_per_second, "prometheus": self.prometheus}
        return [*self.of_server, *(name for name, value in further.items() if value is not None)]

    @property
    def of_pods(self) -> Mapping[str, int]:
        """The targets that Kubernetes itself measures, by resource."""
        found = {"cpu": self.cpu_percent, "memory": self.memory_percent}
        return {name: value for name, value in found.items() if value is not None}

    @property
    def given(self) -> bool:
        """Whether there is any target."""
        return bool(self.of_pods or self.of_prometheus)

    @property
    def counts_without_pods(self) -> bool:
        """Whether one of the targets has values while there is no pod."""
        return self.requests_per_second is not None or bool(self.prometheus and self.prometheus.counts_without_pods)


@spec
class ScalingScheduleSpec:
    """At least so many replicas from one time to another, again and again."""

    start: Schedule
    """When it begins, as a cron line: `0 8 * * 1-5` is eight o'clock from Monday to Friday."""
    end: Schedule
    """When it ends, as a cron line. Replicas that the load does not need go from then on."""
    time_zone: TimeZone = "Etc/UTC"
    """The zone of both times. Left out: UTC."""
    replicas: Count
    """At least so many replicas meanwhile; the targets may ask for more."""

    def problems(self) -> Iterable[Problem]:
        """Two times that KEDA reads."""
        for name in ("start", "end"):
            line = getattr(self, name)
            if line.startswith("@"):
                fix = 'write it with five fields: "0 0 * * *" for @daily'
                yield Problem(path=name, why=f"{line} has no meaning to KEDA", fix=fix)
        if self.start.split() == self.end.split():
            yield Problem(path="end", why=f"is the time of start, {self.start}", fix="name a later time")


@spec
class AutoscalingSpec:
    """The number of replicas follows the load, or the clock."""

    min_replicas: CountOrZero = 1
    """Never fewer replicas. 0 only where something tells without a pod that one is needed: `requests_per_second`, a
    query with `counts_without_pods`, or a schedule. Requests fail while there is none."""
    max_replicas: Count
    """Never more replicas."""
    target: TargetSpec | None = None
    """What decides. Left out: the schedules alone."""
    schedules: Annotated[Sequence[ScalingScheduleSpec], annotated_types.MaxLen(MOST_SCHEDULES)] = ()
    """Times with more replicas than `min_replicas`. Where several overlap, the highest number counts."""

    def problems(self) -> Iterable[Problem]:
        """The bounds in order, something that decides, and something that wakes a service from zero."""
        if self.min_replicas > self.max_replicas:
            why = f"{self.min_replicas} is above max_replicas {self.max_replicas}"
            yield Problem(path="min_replicas", why=why, fix="raise max_replicas")
        if not self.target and not self.schedules:
            yield Problem(path="target", why="is missing, and so are schedules", fix="give one of them")
        yield from self._zero_problems()
        yield from self._schedule_problems()

    def _zero_problems(self) -> Iterator[Problem]:
        if self.min_replicas or self.schedules or (self.target and self.target.counts_without_pods):
            return
        given = [*self.target.of_pods, *self.target.of_prometheus] if self.target else []
        if not given:
            return
        why = f"{', '.join(given)} end with the last pod, so that nothing would wake the service again"
        fix = "add requests_per_second, which the gateway counts, a query with counts_without_pods, or schedules"
        yield Problem(path="min_replicas", why=why, fix=fix)

    def _schedule_problems(self) -> Iterator[Problem]:
        for index, schedule in enumerate(self.schedules):
            path = f"schedules[{index}].replicas"
            if schedule.replicas > self.max_replicas:
                why = f"{schedule.replicas} is above max_replicas {self.max_replicas}"
                yield Problem(path=path, why=why, fix="raise max_replicas")
            elif schedule.replicas <= self.min_replicas:
                why = f"{schedule.replicas} has no effect, as there are always {self.min_replicas}"
                yield Problem(path=path, why=why, fix="raise it, or lower min_replicas")

    @property
    def needs_keda(self) -> bool:
        """Whether more is asked for than Kubernetes' own autoscaler does with what every cluster measures."""
        return self.min_replicas == 0 or bool(self.schedules) or self.reads_prometheus

    @property
    def reads_prometheus(self) -> bool:
        """Whether a target is read from Prometheus."""
        return bool(self.target and self.target.of_prometheus)

    @property
    def is_woken_by_gateway(self) -> bool:
        """Whether requests at the gateway bring the first pod."""
        return self.min_replicas == 0 and bool(self.target and self.target.requests_per_second)
