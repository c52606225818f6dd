"""Metrics and alerts of a cluster."""

from collections.abc import Mapping, Sequence
from typing import Any

import pulumi
import pulumi_kubernetes as k8s

from modelyard.cluster.base import Cluster
from modelyard.component import checked
from modelyard.kube.labels import labels
from modelyard.observability.kinds import PROMETHEUS_OPERATOR, PROMETHEUS_RULE, SERVICE_MONITOR
from modelyard.observability.monitors import model_services
from modelyard.observability.rules import rule_groups
from modelyard.observability.spec import MetricsSpec
from modelyard.observability.values import PROMETHEUS_URL, chart_values
from modelyard.operators.definition import Kind
from modelyard.operators.operator import Operator
from modelyard.operators.spec import ChartsSpec


class Monitoring(pulumi.ComponentResource):
    """Prometheus, Alertmanager, kube-state-metrics and node-exporter, with three alerts on what the stack runs.

    It makes the namespaces `monitoring`, `monitoring-nodes` and, for Helm's record of the operator's kinds,
    `monitoring-kinds`, the operator (`kube-prometheus-stack`), a PrometheusRule, and one ServiceMonitor by which all
    model services are read. Where the cluster installs no charts, only the operator's kinds are registered: monitors
    and rules are accepted, and nothing reads them.

    It sends alerts nowhere: Alertmanager shows them until an AlertmanagerConfig names a receiver. It brings no Grafana
    and opens no port to the outside.
    """

    namespace_name: str
    """The namespace of Prometheus."""
    prometheus_url: str | None
    """Prometheus' address within the cluster; None where no charts are installed."""
    kubernetes_provider: k8s.Provider
    """The cluster's, for objects that Prometheus is to find."""
    kinds_ready: Sequence[pulumi.Resource]
    """What such objects depend on."""
    monitors_known: Sequence[pulumi.Resource]
    """What ServiceMonitors depend on that come with a chart: they need their kind, and no Prometheus to be removed."""

    def __init__(
        self,
        name: str,
        cluster: Cluster,
        spec: MetricsSpec,
        *,
        charts: ChartsSpec | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Set the monitoring up; once for a cluster.

        Args:
            name: the Pulumi name.
            cluster: what is watched, and where the monitoring runs.
            spec: how much is kept.
            charts: where charts come from.
            opts: Pulumi's options of the component.

        Raises:
            ConfigError: with every problem of the spec.
        """
        spec = checked(spec, name)
        super().__init__("modelyard:observability:Monitoring", name, {}, opts)
        operator = Operator(
            name,
            cluster,
            PROMETHEUS_OPERATOR,
            values=chart_values(spec, cluster.traits.storage_class),
            charts=charts,
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.namespace_name = operator.namespace_name
        self.kubernetes_provider = cluster.kubernetes_provider
        self.kinds_ready = operator.kinds_ready
        self.monitors_known = operator.kinds_known
        self.prometheus_url = PROMETHEUS_URL if cluster.traits.charts_installed else None
        self._make(name, "alerts", PROMETHEUS_RULE, {"groups": rule_groups()})
        self._make(name, "services", SERVICE_MONITOR, model_services())
        self.register_outputs({"namespace_name": self.namespace_name, "prometheus_url": self.prometheus_url})

    def _make(self, name: str, role: str, kind: Kind, spec: Mapping[str, Any]) -> k8s.apiextensions.CustomResource:
        return k8s.apiextensions.CustomResource(
            f"{name}-{role}",
            api_version=kind.api_version,
            kind=kind.kind,
            metadata=k8s.meta.v1.ObjectMetaArgs(
                namespace=self.namespace_name, labels=labels(role, instance=name, component=role)
            ),
            spec=spec,
            opts=pulumi.ResourceOptions(
                parent=self, provider=self.kubernetes_provider, depends_on=list(self.kinds_ready)
            ),
        )
