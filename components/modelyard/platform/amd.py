"""AMD's GPU operator: the values of its chart. No Pulumi package."""

from collections.abc import Sequence

from modelyard.cluster.pools import Pool
from modelyard.platform.placement import EXPORTER_SECONDS, Values, tolerations

_AKS_ACCELERATOR_LABEL = "kubernetes.azure.com/accelerator"
_NFD_LABEL = "feature.node.kubernetes.io/amd-gpu"


def amd_gpu_operator_values(pools: Sequence[Pool], *, monitored: bool) -> Values:
    """https://github.com/ROCm/gpu-operator/blob/v1.5.1/helm-charts-k8s/values.yaml

    It works on nodes with AKS's label of AMD's GPUs. Its own driver would need a registry that it builds an image into,
    so that something else installs that. What manages kernel modules stays away with it: its webhook has a certificate
    of cert-manager's, without whose kinds the chart cannot be installed.
    """
    tolerated = tolerations(pools)
    monitor = {"enable": monitored, "interval": f"{EXPORTER_SECONDS}s"}
    return {
        "node-feature-discovery": {"enabled": False},
        "installdefaultNFDRule": False,
        "remediation": {"enabled": False, "installCRDs": False},
        "kmm": {"enabled": False, "watch": False},
        # Otherwise what stands below is for the first install only.
        "crds": {"defaultCR": {"upgrade": True}},
        "deviceConfig": {
            "spec": {
                # Helm merges this with the chart's own, a label that nothing here sets. None takes it away.
                "selector": {_NFD_LABEL: None, _AKS_ACCELERATOR_LABEL: "amd"},
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
