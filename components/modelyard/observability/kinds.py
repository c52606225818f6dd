"""The Prometheus Operator and the kinds it brings.

Only the kinds that a stack or its users write are listed. Those that describe a server (Prometheus, Alertmanager…) come
from the chart together with their objects.
"""

from modelyard.operators.definition import Kind, OperatorDefinition
from modelyard.operators.namespaces import MONITORING, MONITORING_NODES
from modelyard.versions import KUBE_PROMETHEUS_STACK, PROMETHEUS_OPERATOR_CRDS

_GROUP = "monitoring.coreos.com"

SERVICE_MONITOR = Kind(group=_GROUP, version="v1", kind="ServiceMonitor", plural="servicemonitors")
"""Pods behind a Service to read metrics from."""
POD_MONITOR = Kind(group=_GROUP, version="v1", kind="PodMonitor", plural="podmonitors")
"""Pods without a Service to read metrics from."""
PROMETHEUS_RULE = Kind(group=_GROUP, version="v1", kind="PrometheusRule", plural="prometheusrules")
"""Alerts and recorded series."""

PROMETHEUS_OPERATOR = OperatorDefinition(
    name=MONITORING,
    chart=KUBE_PROMETHEUS_STACK,
    crds_chart=PROMETHEUS_OPERATOR_CRDS,
    kinds=(
        SERVICE_MONITOR,
        PROMETHEUS_RULE,
        POD_MONITOR,
        Kind(group=_GROUP, version="v1", kind="Probe", plural="probes"),
        Kind(group=_GROUP, version="v1alpha1", kind="ScrapeConfig", plural="scrapeconfigs"),
        Kind(group=_GROUP, version="v1alpha1", kind="AlertmanagerConfig", plural="alertmanagerconfigs"),
    ),
    further_namespaces={MONITORING_NODES: "privileged"},
)
"""Prometheus Operator with Prometheus, Alertmanager, kube-state-metrics and node-exporter."""
