"""How Prometheus finds what it reads of model services."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from modelyard.kube.labels import COMPONENT, METRICS, METRICS_PATH, VARIANT
from modelyard.observability.rules import MODEL_SERVICE

INTERVAL_SECONDS = 30
"""How often a model service is read: the interval that the dashboards of vLLM and of the operator expect."""
PORTS = ("http", "metrics")
"""The ports of Services that metrics are at: the server's own, or one for nothing else."""


def model_services() -> Mapping[str, Any]:
    """The spec of a ServiceMonitor that has Prometheus read all model services, whatever their namespaces.

    Each Service says by the label `modelyard.dev/metrics` which of its ports is read, and by the annotation
    `modelyard.dev/metrics-path` where. Every pod behind it is read for itself, every 30 seconds, and its version is the
    metrics' label `variant`, by which versions are compared.
    """
    return {
        "namespaceSelector": {"any": True},
        "selector": {
            "matchLabels": {COMPONENT: MODEL_SERVICE},
            "matchExpressions": [{"key": METRICS, "operator": "Exists"}],
        },
        "endpoints": [
            {"port": port, "interval": f"{INTERVAL_SECONDS}s", "relabelings": _relabelings(port)} for port in PORTS
        ],
    }


def _relabelings(port: str) -> Sequence[Mapping[str, Any]]:
    """https://prometheus.io/docs/prometheus/latest/configuration/configuration/#relabel_config"""
    path = _meta("service", "annotation", METRICS_PATH)
    version, behind = (_meta(kind, "label", VARIANT) for kind in ("pod", "service"))
    return [
        {"action": "keep", "sourceLabels": [_meta("service", "label", METRICS)], "regex": port},
        {"sourceLabels": [path], "targetLabel": "__metrics_path__"},
        # While a controller moves pods from one version to another, they are behind Services of both.
        {"action": "keepequal", "sourceLabels": [behind], "targetLabel": version},
        {"sourceLabels": [version], "targetLabel": "variant"},
    ]


def _meta(kind: str, what: str, key: str) -> str:
    """Where Prometheus has a label or an annotation of a pod or of a Service.
    https://prometheus.io/docs/prometheus/latest/configuration/configuration/#kubernetes_sd_config"""
    return f"__meta_kubernetes_{kind}_{what}_{re.sub('[^A-Za-z0-9_]', '_', key)}"
