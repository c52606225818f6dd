"""How Prometheus finds what it reads."""

from collections.abc import Mapping

import pulumi
import pulumi_kubernetes as k8s

from modelyard.observability.kinds import SERVICE_MONITOR
from modelyard.observability.monitoring import Monitoring

INTERVAL_SECONDS = 30
"""How often a model service is read: the interval that the dashboards of vLLM and of the operator expect."""


def service_monitor(
    name: str,
    monitoring: Monitoring,
    *,
    namespace: pulumi.Input[str],
    labels: Mapping[str, str],
    selector: Mapping[str, str],
    port: str,
    path: str = "/metrics",
    parent: pulumi.Resource,
) -> k8s.apiextensions.CustomResource:
    """Have Prometheus read every pod behind a Service, each for itself, every 30 seconds.

    Args:
        name: the Pulumi name; the object's own name is generated from it.
        monitoring: whose Prometheus.
        namespace: where the Service is.
        labels: of the ServiceMonitor.
        selector: labels that the Service carries, and no other Service of the namespace.
        port: the name of the Service's port.
        path: where metrics are.
        parent: the component it belongs to.
    """
    return k8s.apiextensions.CustomResource(
        name,
        api_version=SERVICE_MONITOR.api_version,
        kind=SERVICE_MONITOR.kind,
        metadata=k8s.meta.v1.ObjectMetaArgs(namespace=namespace, labels=dict(labels)),
        spec={
            "selector": {"matchLabels": dict(selector)},
            "endpoints": [{"port": port, "path": path, "interval": f"{INTERVAL_SECONDS}s"}],
        },
        opts=pulumi.ResourceOptions(
            parent=parent, provider=monitoring.kubernetes_provider, depends_on=list(monitoring.kinds_ready)
        ),
    )
