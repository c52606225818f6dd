"""What an analysis asks Prometheus of the next version of a service. Imports no Pulumi package.

Sources: https://argo-rollouts.readthedocs.io/en/stable/analysis/prometheus/ and
https://www.envoyproxy.io/docs/envoy/latest/configuration/upstream/cluster_manager/cluster_stats.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from modelyard.serving.automatic_spec import FIRST_CHECK_SECONDS, AnalysisSpec, PrometheusCheckSpec
from modelyard.serving.runtimes.load_metrics import LoadMetrics
from modelyard.serving.scaling_queries import Pods, latency_query

PODS = Pods(namespace="{{args.namespace}}", workload="{{args.workload}}-{{args.hash}}")
"""The pods of the version that is tried: what stands for them the controller puts in."""
_NEXT = 1
"""The place of the Service for the next version in its rule of the route."""


def checks(analysis: AnalysisSpec, metrics: LoadMetrics, *, route: str, prometheus_url: str) -> list[dict[str, Any]]:
    """The metrics of an AnalysisTemplate.

    Args:
        analysis: what the user wrote.
        metrics: what the server tells of its load; it has what the analysis needs.
        route: the logical name of the service's route, with which its generated name begins.
        prometheus_url: where Prometheus is.
    """
    return [
        {
            "name": name,
            "initialDelay": f"{FIRST_CHECK_SECONDS}s",
            "interval": f"{analysis.interval_seconds}s",
            "failureLimit": analysis.failures_allowed,
            "successCondition": condition,
            "provider": {"prometheus": {"address": prometheus_url, "query": query}},
        }
        for name, query, condition in _questions(analysis, metrics, route)
    ]


def _questions(analysis: AnalysisSpec, metrics: LoadMetrics, route: str) -> Iterator[tuple[str, str, str]]:
    """Of each check its name, its query, and when the answer passes."""
    if analysis.success_percent:
        yield "success-percent", _success_query(route), f"{_NOTHING} || result[0] >= {analysis.success_percent}"
    if analysis.latency_seconds:
        query = latency_query(metrics, PODS, analysis.latency_percentile)
        yield "latency-seconds", query, f"{_NOTHING} || result[0] <= {analysis.latency_seconds:g}"
    if analysis.prometheus:
        yield "prometheus", analysis.prometheus.query, _within(analysis.prometheus)


_NOTHING = "len(result) == 0"
"""No request came."""


def _success_query(route: str) -> str:
    """Of the answers of the next version in two minutes, those that are no server error, percent.

    Envoy Gateway counts each Service of a rule for itself where one of them has a filter of its own.
    https://github.com/envoyproxy/gateway/blob/v1.9.0/internal/ir/xds.go
    """
    name = f"httproute/{PODS.namespace}/{route}(-[0-9a-z]+)?/rule/0/backend/{_NEXT}"
    all_answers = f'envoy_cluster_upstream_rq_xx{{envoy_cluster_name=~"{name}"}}'
    errors = f'envoy_cluster_upstream_rq_xx{{envoy_cluster_name=~"{name}",envoy_response_code_class="5"}}'
    window = f"{FIRST_CHECK_SECONDS}s"
    total = f"sum(rate({all_answers}[{window}]))"
    # Of no requests it is no number, which is dropped.
    return f"(100 - 100 * (sum(rate({errors}[{window}])) or vector(0)) / {total}) >= 0"


def _within(check: PrometheusCheckSpec) -> str:
    bounds: Mapping[str, float | None] = {">=": check.at_least, "<=": check.at_most}
    given = [f"result[0] {sign} {value:g}" for sign, value in bounds.items() if value is not None]
    return " && ".join(["len(result) > 0", *given])
