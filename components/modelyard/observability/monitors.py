"""How Prometheus finds what it reads."""

import re
from collections.abc import Mapping
from typing import Any

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
    by_own_service: bool = False,
    unless_label: str | None = None,
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
        by_own_service: whether pods may be behind Services of several versions, and are read as their own's alone.
        unless_label: a label of Services that lead to the same pods once more, and are left out.
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
                "matchExpressions": [
                    {"key": variant_label, "operator": "Exists"},
                    *([{"key": unless_label, "operator": "DoesNotExist"}] if unless_label else []),
                ],
            },
            "endpoints": [
                {
                    "port": port,
                    "path": path,
                    "interval": f"{INTERVAL_SECONDS}s",
                    "relabelings": [
                        *([_of_one_version(variant_label)] if by_own_service else []),
                        {"sourceLabels": [_label("pod", variant_label)], "targetLabel": "variant"},
                    ],
                }
            ],
        },
        opts=pulumi.ResourceOptions(
            parent=parent, provider=monitoring.kubernetes_provider, depends_on=list(monitoring.kinds_ready)
        ),
    )


def _of_one_version(variant_label: str) -> dict[str, Any]:
    """Leaves out pods whose version is not that of the Service.
    https://prometheus.io/docs/prometheus/latest/configuration/configuration/#relabel_config"""
    service, pod = (_label(kind, variant_label) for kind in ("service", "pod"))
    return {"action": "keepequal", "sourceLabels": [service], "targetLabel": pod}


def _label(kind: str, label: str) -> str:
    """Where Prometheus has a label of a pod or of a Service.
    https://prometheus.io/docs/prometheus/latest/configuration/configuration/#kubernetes_sd_config"""
    return f"__meta_kubernetes_{kind}_label_{re.sub('[^A-Za-z0-9_]', '_', label)}"
