"""The queries by which replicas follow the load, as PromQL. Imports no Pulumi package.

Sources: https://docs.vllm.ai/en/stable/usage/metrics/, https://docs.sglang.io/docs/references/production_metrics,
https://gateway.envoyproxy.io/docs/tasks/observability/proxy-metric/ and
https://www.envoyproxy.io/docs/envoy/latest/configuration/upstream/cluster_manager/cluster_stats.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from modelyard.serving.autoscaling_spec import TargetSpec
from modelyard.serving.runtimes.load_metrics import LoadMetrics

_WINDOW = "2m"
"""Four readings: of fewer, one that is missing would leave no rate."""
_WINDOW_SECONDS = 120

WAKING_TRAFFIC: Mapping[str, Any] = {"routingType": "Service", "circuitBreaker": {"maxRequestsPerConnection": 1}}
"""What the BackendTrafficPolicy of a route needs whose service may have no pod.

Envoy Gateway takes a Service without endpoints out of Envoy's configuration and has it answer 503 by itself, which no
metric of the route counts. With the Service's own address Envoy tries it, fails, and counts. Then the cluster's network
chooses the pod, once for each connection: hence one request on each.
https://github.com/envoyproxy/gateway/blob/v1.9.0/internal/gatewayapi/route.go
"""


@dataclass(frozen=True, kw_only=True)
class Pods:
    """The pods of one version of one service, and no others.

    Attributes:
        namespace: where they are.
        workload: the generated name of their Deployment or of their groups, with which their names begin.
    """

    namespace: str
    workload: str

    @property
    def matchers(self) -> str:
        """Labels that Prometheus puts on what it reads from them."""
        return f'namespace="{self.namespace}",pod=~"{self.workload}-.+"'


@dataclass(frozen=True, kw_only=True)
class Question:
    """A query and what its value is compared with.

    Attributes:
        name: the field of the target.
        query: PromQL with one value, or none.
        threshold: the value of one replica, or of all.
        activation_threshold: above it a service without a pod gets one.
        is_total: whether the query's value is that of all replicas together, and not the same for any number of them.
    """

    name: str
    query: str
    threshold: float
    activation_threshold: float = 0
    is_total: bool = True


def server_questions(target: TargetSpec, metrics: LoadMetrics, pods: Pods) -> list[Question]:
    """What is asked of the server's own metrics. The server has all that the target needs."""
    return [
        Question(
            name=name,
            query=_QUERIES[name](metrics, _matchers(metrics, pods), target.latency_percentile),
            threshold=value,
            is_total=name not in _TIMES,
        )
        for name, value in target.of_server.items()
    ]


def missing_metrics(target: TargetSpec, metrics: LoadMetrics) -> list[str]:
    """The fields of a target that a server's metrics cannot answer."""
    return [name for name in target.of_server if not _has(metrics, name)]


def answerable(metrics: LoadMetrics) -> list[str]:
    """The fields of targets that a server's metrics can answer."""
    return [name for name in _NEEDS if _has(metrics, name)]


def latency_query(metrics: LoadMetrics, pods: Pods, percentile: int) -> str:
    """The time from a request to the end of its answer, seconds; without a value where there was no request."""
    return _percentile(metrics.latency, _matchers(metrics, pods), percentile)


def gateway_question(requests_per_second: float, *, namespace: str, route: str, percent: int) -> Question:
    """Requests at the gateway in a second, with those that found no pod.

    Args:
        requests_per_second: of one replica.
        namespace: of the route.
        route: the route's logical name, with which its generated name begins.
        percent: the share of them that comes to these pods.
    """
    # The route's requests, whatever its rules and how many Services share them, and not those that are copied.
    rule = f"httproute/{namespace}/{route}(-[0-9a-z]+)?/rule/[0-9]+(/backend/[0-9]+)?"
    matchers = f'envoy_cluster_name=~"{rule}"'
    counters = ("envoy_cluster_upstream_rq_total", "envoy_cluster_upstream_rq_pending_failure_eject")
    total = " + ".join(f"({_first_too(f'{counter}{{{matchers}}}')} or vector(0))" for counter in counters)
    share = "" if percent == _ALL else f" * {percent / _ALL:g}"
    return Question(name="requests_per_second", query=f"({total}){share}", threshold=requests_per_second)


_ALL = 100


def _first_too(series: str) -> str:
    """The rate of a counter that Envoy shows only from its first request on, which no rate would see.

    The first one counts as one, whatever the counter says: it may be new to Prometheus alone.
    """
    new = f"(({series} > 0) unless ({series} offset {_WINDOW}))"
    return f"sum((rate({series}[{_WINDOW}]) > 0) or ({new} > bool 0) / {_WINDOW_SECONDS})"


_TIMES = {"latency_seconds", "time_to_first_token_seconds"}
_NEEDS: Mapping[str, tuple[str, ...]] = {
    "queued_requests": ("queued",),
    "concurrent_requests": ("running",),
    "tokens_per_second": ("tokens",),
    "latency_seconds": ("latency",),
    "time_to_first_token_seconds": ("first_token",),
}


def _has(metrics: LoadMetrics, name: str) -> bool:
    return all(getattr(metrics, needed) for needed in _NEEDS[name])


def _matchers(metrics: LoadMetrics, pods: Pods) -> str:
    return ",".join(each for each in (pods.matchers, metrics.matchers) if each)


def _sum(metric: str | None, matchers: str) -> str:
    return f"sum({metric}{{{matchers}}})"


def _concurrent(metrics: LoadMetrics, matchers: str) -> str:
    running = _sum(metrics.running, matchers)
    return f"{running} + {_sum(metrics.queued, matchers)}" if metrics.queued else running


def _percentile(histogram: str | None, matchers: str, percentile: int) -> str:
    rate = f"sum by (le) (rate({histogram}_bucket{{{matchers}}}[{_WINDOW}]))"
    # Of no requests it is no number, which is dropped.
    return f"histogram_quantile({percentile / _ALL:g}, {rate}) >= 0"


_QUERIES: Mapping[str, Callable[[LoadMetrics, str, int], str]] = {
    "queued_requests": lambda metrics, matchers, _: _sum(metrics.queued, matchers),
    "concurrent_requests": lambda metrics, matchers, _: _concurrent(metrics, matchers),
    "tokens_per_second": lambda metrics, matchers, _: f"sum(rate({metrics.tokens}{{{matchers}}}[{_WINDOW}]))",
    "latency_seconds": lambda metrics, matchers, percentile: _percentile(metrics.latency, matchers, percentile),
    "time_to_first_token_seconds": lambda metrics, matchers, percentile: _percentile(
        metrics.first_token, matchers, percentile
    ),
}
