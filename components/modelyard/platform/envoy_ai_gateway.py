"""Envoy AI Gateway, which has Envoy ask pickers of replicas: its chart, its values, and how Envoy Gateway calls it.

No Pulumi package. Sources: https://aigateway.envoyproxy.io/docs/capabilities/inference/httproute-inferencepool and
https://github.com/envoyproxy/ai-gateway/tree/v1.1.0/manifests
"""

from collections.abc import Mapping
from typing import Any

from modelyard.operators.definition import OperatorDefinition
from modelyard.operators.namespaces import ENVOY_AI_GATEWAY as NAMESPACE
from modelyard.operators.namespaces import ENVOY_GATEWAY
from modelyard.platform.gateway_kinds import INFERENCE_POOL
from modelyard.versions import ENVOY_AI_GATEWAY as CHART
from modelyard.versions import ENVOY_AI_GATEWAY_CRDS as CRDS_CHART

Values = Mapping[str, Any]

DEFINITION = OperatorDefinition(name=NAMESPACE, chart=CHART, crds_chart=CRDS_CHART, kinds=(), further_namespaces={})
"""The controller. It wants its own kinds to be there, and objects of none are made."""
ENVOY_GATEWAY_ACCOUNT = "envoy-gateway"
"""The ServiceAccount of Envoy Gateway, whatever its release is called.
https://github.com/envoyproxy/gateway/blob/v1.9.0/charts/gateway-helm/templates/envoy-gateway-serviceaccount.yaml"""
_NAME = "ai-gateway-controller"
"""Of its Service too. The chart's own default."""
_PORT = 1063
_REPLICAS = 2
_HOST = "kubernetes.io/hostname"


def chart_values() -> Values:
    """Values of the chart.

    It has two replicas on two nodes, as Envoy Gateway sends Envoy nothing new, also of other routes, while none
    answers. What it asks for is our estimate, that of Envoy Gateway, which likewise keeps what it watches; the chart
    asks for nothing.

    Its webhook is for routes of its own kind, of which there are none. It is let see no pod: its certificate ends after
    a year without a successor, and from then on no pod of Envoy could be made.
    https://github.com/envoyproxy/ai-gateway/blob/v1.1.0/manifests/charts/ai-gateway-helm/templates/admission_webhook.yaml
    """
    spread = {
        "maxSkew": 1,
        "topologyKey": _HOST,
        "whenUnsatisfiable": "ScheduleAnyway",
        "labelSelector": {"matchLabels": {"app.kubernetes.io/instance": NAMESPACE}},
    }
    # Every namespace has this label.
    nowhere = {"matchExpressions": [{"key": "kubernetes.io/metadata.name", "operator": "DoesNotExist"}]}
    return {
        "controller": {
            "fullnameOverride": _NAME,
            "replicaCount": _REPLICAS,
            "podDisruptionBudget": {"enabled": True, "minAvailable": 1},
            "topologySpreadConstraints": [spread],
            "mutatingWebhook": {"namespaceSelector": nowhere},
            "resources": {"requests": {"cpu": "100m", "memory": "256Mi"}, "limits": {"memory": "1Gi"}},
        },
        "envoyGateway": {"namespace": ENVOY_GATEWAY},
    }


def extension_manager() -> Values:
    """How Envoy Gateway has it change what Envoy is told, as its own configuration says it.

    What it takes to route to InferencePools, and no more: it is sent no Secrets, and Envoy Gateway's kind Backend stays
    off, which is for routes of its own kind. While it does not answer, Envoy Gateway waits, and Envoy keeps what it has
    been told. https://gateway.envoyproxy.io/docs/api/extension_types/#extensionmanager
    """
    everything, nothing = {"includeAll": True}, {"includeAll": False}
    return {
        "backendResources": [
            {"group": INFERENCE_POOL.group, "version": INFERENCE_POOL.version, "kind": INFERENCE_POOL.kind}
        ],
        "hooks": {
            "xdsTranslator": {
                "post": ["Translation", "Cluster", "Route"],
                "translation": {
                    "listener": everything,
                    "route": everything,
                    "cluster": everything,
                    "secret": nothing,
                },
            }
        },
        "service": {"fqdn": {"hostname": f"{_NAME}.{NAMESPACE}.svc.cluster.local", "port": _PORT}},
    }
