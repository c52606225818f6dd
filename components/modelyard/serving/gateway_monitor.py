"""How Prometheus reads what a gateway of class `envoy` counts."""

import pulumi
import pulumi_kubernetes as k8s

from modelyard.cluster.base import Cluster
from modelyard.kube.labels import labels
from modelyard.observability.kinds import POD_MONITOR
from modelyard.observability.monitoring import Monitoring
from modelyard.operators.namespaces import GATEWAY
from modelyard.platform.gateway import Gateway
from modelyard.platform.gateway_spec import ENVOY
from modelyard.platform.gateway_values import ENVOY_PODS

_INTERVAL_SECONDS = 30


def monitor_gateway(
    name: str, cluster: Cluster, monitoring: Monitoring, gateway: Gateway, *, parent: pulumi.Resource
) -> None:
    """Have Prometheus read the pods of the gateway, once for a cluster. Of another class it makes nothing.

    Args:
        name: the Pulumi name.
        cluster: where.
        monitoring: whose Prometheus.
        gateway: what is read.
        parent: the component it belongs to.
    """
    if gateway.spec.class_ != ENVOY:
        return
    k8s.apiextensions.CustomResource(
        name,
        api_version=POD_MONITOR.api_version,
        kind=POD_MONITOR.kind,
        metadata=k8s.meta.v1.ObjectMetaArgs(
            namespace=gateway.namespace_name,
            labels=labels(GATEWAY, instance=GATEWAY, component="gateway"),
        ),
        spec={
            "selector": {"matchLabels": ENVOY_PODS},
            "podMetricsEndpoints": [
                {"port": "metrics", "path": "/stats/prometheus", "interval": f"{_INTERVAL_SECONDS}s"}
            ],
        },
        opts=pulumi.ResourceOptions(
            parent=parent,
            provider=cluster.kubernetes_provider,
            depends_on=[*monitoring.kinds_ready, *gateway.ready],
        ),
    )
