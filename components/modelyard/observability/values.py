"""What kube-prometheus-stack is set up to do, as its Helm values. Imports no Pulumi package.

Values: https://github.com/prometheus-community/helm-charts/blob/main/charts/kube-prometheus-stack/values.yaml
"""

from collections.abc import Mapping, Sequence
from typing import Any

from modelyard.observability.rules import EXPORTED_LABELS
from modelyard.observability.spec import MetricsSpec
from modelyard.operators.namespaces import MONITORING, MONITORING_NODES

FULL_NAME = "monitoring"
"""The names of the chart's objects begin with it: `monitoring-prometheus`, `monitoring-alertmanager`."""

PROMETHEUS_URL = f"http://{FULL_NAME}-prometheus.{MONITORING}.svc:9090"
"""Prometheus' address within the cluster."""

_MIB_PER_GIB = 1024
_RETAINED_PART = 0.8
"""Of the volume, so that the log of what is not yet compacted fits beside the blocks:
https://prometheus.io/docs/prometheus/latest/storage/#right-sizing-retention-size"""
_ALERTMANAGER_GIB = 10
"""For silences and what was already told, a few MiB; less is not to be had of some clouds' disks."""


def chart_values(spec: MetricsSpec, storage_class: str | None) -> dict[str, Any]:
    """The values for a stack's metrics.

    Args:
        spec: retention and storage.
        storage_class: of the volumes; None for the cluster's default.
    """
    return {
        "fullnameOverride": FULL_NAME,
        # Its own chart upgrades and removes the kinds, which this one would only install.
        "crds": {"enabled": False},
        # Its administrator's password would be random at each preview, and dashboards are optional to alerts.
        "grafana": {"enabled": False},
        **_control_plane(),
        "prometheusOperator": _operator(),
        "prometheus": {"prometheusSpec": _prometheus(spec, storage_class)},
        "alertmanager": {"alertmanagerSpec": _alertmanager(storage_class)},
        "kube-state-metrics": {
            "metricLabelsAllowlist": _allow(EXPORTED_LABELS, ("deployments", "jobs", "pods")),
            # By default it may list every Secret of the cluster, for metrics that no rule uses.
            "collectorsExclude": ["configmaps", "secrets"],
            "resources": _resources("50m", "128Mi", "512Mi"),
        },
        "prometheus-node-exporter": {
            "namespaceOverride": MONITORING_NODES,
            "resources": _resources("50m", "64Mi", "128Mi"),
        },
    }


def _control_plane() -> dict[str, Any]:
    # A managed control plane shows none of these, and clouds differ in their DNS: each would be a target that is down.
    hidden = ("kubeControllerManager", "kubeScheduler", "kubeEtcd", "kubeProxy", "coreDns")
    rules = ("etcd", "kubeControllerManager", "kubeProxy", "kubeSchedulerAlerting", "kubeSchedulerRecording")
    return {
        **{name: {"enabled": False} for name in hidden},
        "defaultRules": {
            "rules": dict.fromkeys(rules, False),
            # JobFailed of our own names the workload, and training takes longer than the 12 hours of the other.
            "disabled": {"KubeJobFailed": True, "KubeJobNotCompleted": True},
        },
        # The operator keeps a Service of the kubelets. It is to go with our namespace, not to stay in kube-system.
        "kubelet": {"namespace": MONITORING},
    }


def _operator() -> dict[str, Any]:
    return {
        "kubeletService": {"namespace": MONITORING},
        # The webhook only repeats what the operator checks when it reads a rule, and needs a certificate and two Jobs.
        "admissionWebhooks": {"enabled": False},
        "tls": {"enabled": False},
        "resources": _resources("100m", "128Mi", "256Mi"),
        "prometheusConfigReloader": {"resources": _resources("10m", "50Mi", "50Mi")},
    }


def _prometheus(spec: MetricsSpec, storage_class: str | None) -> dict[str, Any]:
    chosen = ("ruleSelector", "serviceMonitorSelector", "podMonitorSelector", "probeSelector", "scrapeConfigSelector")
    return {
        "retention": f"{spec.retention_days}d",
        "retentionSize": f"{int(spec.storage_gib * _MIB_PER_GIB * _RETAINED_PART)}MiB",
        "storageSpec": _volume(spec.storage_gib, storage_class),
        # A GiB holds about 100,000 series and the queries on them; the limit leaves room for a large cluster.
        "resources": _resources("500m", "2Gi", "6Gi"),
        # Whatever its labels, every monitor and rule in every namespace counts.
        **{f"{selector}NilUsesHelmValues": False for selector in chosen},
    }


def _alertmanager(storage_class: str | None) -> dict[str, Any]:
    return {
        "storage": _volume(_ALERTMANAGER_GIB, storage_class),
        "resources": _resources("10m", "64Mi", "128Mi"),
        # Receivers in our namespace get the alerts of all namespaces; those of a workspace only its own.
        "alertmanagerConfigMatcherStrategy": {"type": "OnNamespaceExceptForAlertmanagerNamespace"},
    }


def _volume(size_gib: int, storage_class: str | None) -> dict[str, Any]:
    chosen = {"storageClassName": storage_class} if storage_class else {}
    claim = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": f"{size_gib}Gi"}}}
    return {"volumeClaimTemplate": {"spec": {**chosen, **claim}}}


def _resources(cpu: str, memory: str, memory_limit: str) -> Mapping[str, Any]:
    return {"requests": {"cpu": cpu, "memory": memory}, "limits": {"memory": memory_limit}}


def _allow(labels: Sequence[str], resources: Sequence[str]) -> list[str]:
    return [f"{resource}=[{','.join(labels)}]" for resource in resources]
