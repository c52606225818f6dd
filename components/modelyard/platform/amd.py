"""AMD's GPU operator: the values of its chart. No Pulumi package."""

from collections.abc import Sequence

from modelyard.cluster.pools import Pool
from modelyard.platform.placement import EXPORTER_SECONDS, Values, tolerations

_AKS_ACCELERATOR_LABEL = "kubernetes.azure.com/accelerator"


def amd_gpu_operator_values(pools: Sequence[Pool], *, monitored: bool) -> Values:
    """https://github.com/ROCm/gpu-operator/blob/v1.5.1/helm-charts-k8s/values.yaml

    It works on nodes with AKS's label of AMD's GPUs. Its own driver would need a registry that it builds an image into,
    so that something else installs that. What manages kernel modules stays, as the operator looks for its kinds.
    """
    tolerated = tolerations(pools)
    monitor = {"enable": monitored, "interval": f"{EXPORTER_SECONDS}s"}
    return {
        "node-feature-discovery": {"enabled": False},
        "installdefaultNFDRule": False,
        "remediation": {"enabled": False, "installCRDs": False},
        "deviceConfig": {
            "spec": {
                "selector": {_AKS_ACCELERATOR_LABEL: "amd"},
                "driver": {"enable": False},
                "devicePlugin": {"devicePluginTolerations": tolerated, "nodeLabellerTolerations": tolerated},
                "metricsExporter": {
                    "enable": monitored,
                    "tolerations": tolerated,
                    "prometheus": {"serviceMonitor": monitor},
                },
            }
        },
    }
