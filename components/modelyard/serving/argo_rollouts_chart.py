"""Argo Rollouts with its plugin for the Gateway API: the kinds, the chart and the values of it.

No Pulumi package. Sources: https://github.com/argoproj/argo-helm/blob/main/charts/argo-rollouts/values.yaml and, of the
plugin, https://rollouts-plugin-trafficrouter-gatewayapi.readthedocs.io/en/latest/installation/.
"""

from typing import Any

from modelyard.operators.definition import Kind, OperatorDefinition
from modelyard.operators.namespaces import ARGO_ROLLOUTS as NAMESPACE
from modelyard.versions import ARGO_ROLLOUTS as CHART
from modelyard.versions import GATEWAY_PLUGIN_IMAGE

ROLLOUT = Kind(group="argoproj.io", version="v1alpha1", kind="Rollout", plural="rollouts")
"""What makes pods like a Deployment, and moves requests to new ones in steps."""
ANALYSIS_TEMPLATE = Kind(group="argoproj.io", version="v1alpha1", kind="AnalysisTemplate", plural="analysistemplates")
"""What is checked meanwhile."""
DEFINITION = OperatorDefinition(name=NAMESPACE, chart=CHART, kinds=(ROLLOUT, ANALYSIS_TEMPLATE), further_namespaces={})
"""The controller, whose chart brings its kinds as templates that stay when it is removed."""
PLUGIN = "argoproj-labs/gatewayAPI"
"""The plugin's name: a Rollout's settings for it are found by it."""
HASH = "rollouts-pod-template-hash"
"""The label by which the controller tells the pods of one version from those of others.
https://argo-rollouts.readthedocs.io/en/stable/features/specification/"""

_BINARY = "rollouts-plugin-trafficrouter-gatewayapi"
_FOLDER = "/plugins"
_VOLUME = "gateway-plugin"
_OTHER_PROVIDERS = (
    "istio",
    "smi",
    "ambassador",
    "awsLoadBalancerController",
    "awsAppMesh",
    "traefik",
    "apisix",
    "contour",
    "glooPlatform",
)


def chart_values(*, monitored: bool) -> dict[str, Any]:
    """Values of the chart.

    The plugin comes from its image, as an init container copies it: a download of its own would need the internet and
    a checksum for each architecture. Of the rights by which the controller changes what shares requests out it has
    those for the Gateway API alone. Of two replicas one leads. What it asks for is our estimate for a few dozen
    services; the chart asks for nothing.

    Args:
        monitored: whether Prometheus reads how it is doing.
    """
    mount = {"name": _VOLUME, "mountPath": _FOLDER}
    copies = {
        "name": "copy-gateway-plugin",
        "image": GATEWAY_PLUGIN_IMAGE,
        "command": ["cp", f"/bin/{_BINARY}", _FOLDER],
        "volumeMounts": [mount],
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "resources": {"requests": {"cpu": "10m", "memory": "32Mi"}, "limits": {"memory": "64Mi"}},
    }
    metrics = {"enabled": True, "serviceMonitor": {"enabled": True}}
    return {
        "controller": {
            "replicas": 2,
            "pdb": {"enabled": True, "maxUnavailable": 1},
            "initContainers": [copies],
            "volumes": [{"name": _VOLUME, "emptyDir": {}}],
            "volumeMounts": [mount],
            "trafficRouterPlugins": [{"name": PLUGIN, "location": f"file://{_FOLDER}/{_BINARY}"}],
            "resources": {"requests": {"cpu": "50m", "memory": "128Mi"}, "limits": {"memory": "512Mi"}},
            **({"metrics": metrics} if monitored else {}),
        },
        "providerRBAC": {"providers": {**dict.fromkeys(_OTHER_PROVIDERS, False), "gatewayAPI": True}},
    }
