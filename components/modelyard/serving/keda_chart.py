"""KEDA: its kind, its chart and what it is set up to do. Imports no Pulumi package.

Values: https://github.com/kedacore/charts/blob/main/keda/values.yaml
"""

from typing import Any

from modelyard.operators.definition import Kind, OperatorDefinition
from modelyard.operators.namespaces import KEDA
from modelyard.operators.ports import CONTROL_PLANE_PORT
from modelyard.versions import KEDA as CHART

SCALED_OBJECT = Kind(group="keda.sh", version="v1alpha1", kind="ScaledObject", plural="scaledobjects")
"""What scales a Deployment by triggers."""
KEDA_OPERATOR = OperatorDefinition(name=KEDA, chart=CHART, kinds=(SCALED_OBJECT,), further_namespaces={})
"""KEDA, whose chart brings its kinds as templates: they are upgraded and removed with it."""
MAY_FOLLOW = {"validations.keda.sh/hpa-ownership": "false"}
"""The annotation of a HorizontalPodAutoscaler that lets a ScaledObject of the same Deployment be made while it still
exists; otherwise KEDA's webhook refuses that. Where two of them want the same pods, neither scales, so that the number
of replicas stays until the first has gone.
https://github.com/kedacore/keda/blob/main/apis/keda/v1alpha1/scaledobject_webhook.go"""


def chart_values(*, monitored: bool) -> dict[str, Any]:
    """The values of KEDA's chart.

    Args:
        monitored: whether Prometheus reads how KEDA is doing.
    """
    metrics = {"enabled": True, "serviceMonitor": {"enabled": True}}
    return {
        # Of two one leads; the other takes over where its node goes.
        "operator": {"replicaCount": 2},
        "metricsServer": {"replicaCount": 2},
        "service": {"portHttpsTarget": CONTROL_PLANE_PORT},
        "webhooks": {"port": CONTROL_PLANE_PORT},
        "podDisruptionBudget": {"operator": {"maxUnavailable": 1}, "metricServer": {"maxUnavailable": 1}},
        **({"prometheus": {"operator": metrics, "metricServer": metrics}} if monitored else {}),
    }
