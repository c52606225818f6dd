"""How Prometheus finds what it reads."""

import re
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
    variant_label: str,
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
        selector: labels that the Services carry, and no others of the namespace.
        variant_label: a label that the Services and their pods also carry; its value is the metrics' label `variant`,
            by which versions are compared.
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
            "selector": {
                "matchLabels": dict(selector),
                "matchExpressions": [{"key": variant_label, "operator": "Exists"}],
            },
            "endpoints": [
                {
                    "port": port,
                    "path": path,
                    "interval": f"{INTERVAL_SECONDS}s",
                    "relabelings": [{"sourceLabels": [_pod_label(variant_label)], "targetLabel": "variant"}],
                }
            ],
        },
        opts=pulumi.ResourceOptions(
            parent=parent, provider=monitoring.kubernetes_provider, depends_on=list(monitoring.kinds_ready)
        ),
    )


def _pod_label(label: str) -> str:
    """Where Prometheus has a pod's label.
    https://prometheus.io/docs/prometheus/latest/configuration/configuration/#kubernetes_sd_config"""
    return f"__meta_kubernetes_pod_label_{re.sub('[^A-Za-z0-9_]', '_', label)}"
