"""The keys of the charts' values that ours may use, at the versions that `modelyard.versions` pins.

A chart says nothing of a key that it does not know, so that a renamed one would be without effect. Below a key with
`ANY` Kubernetes' own types or a file of somebody else begin. Sources: the charts' `values.yaml` at these tags, at
https://github.com/NVIDIA/k8s-device-plugin (v0.20.0), https://github.com/NVIDIA/gpu-operator (v26.7.0),
https://github.com/NVIDIA/dcgm-exporter (4.5.3-4.8.2),
https://github.com/kubernetes-sigs/dra-driver-nvidia-gpu (v0.4.1),
https://github.com/aws/eks-charts (aws-efa-k8s-device-plugin v0.5.30), https://github.com/ROCm/gpu-operator (v1.5.1),
https://github.com/Mellanox/network-operator (v26.4.1); of
https://github.com/aws-neuron/neuron-helm-charts, which has no tags, the template of the device plugin.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from modelyard.gpu.components import Component

Keys = Mapping[str, Any]
ANY: Keys = {}
_SERVICE_MONITOR = {
    "apiVersion": ANY,
    "enabled": ANY,
    "interval": ANY,
    "scrapeTimeout": ANY,
    "honorLabels": ANY,
    "additionalLabels": ANY,
    "relabelings": ANY,
}
_OPERATORS_CONFIG = {"name": ANY, "create": ANY, "default": ANY, "data": ANY}

VERSIONS: Mapping[Component, str] = {
    "nvidia-device-plugin": "0.20.0",
    "nvidia-dra-driver": "0.4.1",
    "gpu-operator": "v26.7.0",
    "dcgm-exporter": "4.8.2",
    "efa-device-plugin": "v0.5.30",
    "neuron-device-plugin": "1.10.0",
    "amd-gpu-operator": "v1.5.1",
    "network-operator": "26.4.1",
}
"""The charts' versions that the keys are of."""
KNOWN: Mapping[Component, Keys] = {
    "nvidia-device-plugin": {
        "config": {"name": ANY, "map": ANY, "default": ANY, "fallbackStrategies": ANY},
        "migStrategy": ANY,
        "gdrcopyEnabled": ANY,
        "mofedEnabled": ANY,
        "selectorLabelsOverride": ANY,
        "nodeSelector": ANY,
        "affinity": ANY,
        "tolerations": ANY,
        "gfd": {"enabled": ANY},
        "mps": {"root": ANY, "enableHostPID": ANY},
    },
    "nvidia-dra-driver": {
        "gpuResourcesEnabledOverride": ANY,
        "resources": {"gpus": {"enabled": ANY}, "computeDomains": {"enabled": ANY}},
        "featureGates": ANY,
        "nvidiaDriverRoot": ANY,
        "kubeletPlugin": {"nodeSelector": ANY, "affinity": ANY, "tolerations": ANY},
    },
    "gpu-operator": {
        "nfd": {"enabled": ANY, "nodefeaturerules": ANY},
        "daemonsets": {"labels": ANY, "annotations": ANY, "tolerations": ANY},
        "mig": {"strategy": ANY},
        "driver": {"enabled": ANY, "version": ANY, "env": ANY, "rdma": {"enabled": ANY, "useHostMofed": ANY}},
        "toolkit": {"enabled": ANY, "env": ANY},
        "devicePlugin": {"enabled": ANY, "env": ANY, "config": _OPERATORS_CONFIG},
        "dcgmExporter": {"enabled": ANY, "env": ANY, "serviceMonitor": _SERVICE_MONITOR},
        "gfd": {"enabled": ANY},
        "migManager": {"enabled": ANY, "env": ANY, "config": _OPERATORS_CONFIG},
        "node-feature-discovery": {"worker": {"affinity": ANY, "tolerations": ANY}},
    },
    "dcgm-exporter": {
        "nodeSelector": ANY,
        "affinity": ANY,
        "tolerations": ANY,
        "serviceMonitor": _SERVICE_MONITOR,
        "extraEnv": ANY,
        "extraHostVolumes": ANY,
        "extraVolumeMounts": ANY,
        "securityContext": ANY,
        "kubernetesDRA": {"enabled": ANY},
    },
    "efa-device-plugin": {
        "supportedInstanceLabels": {"keys": ANY, "values": ANY},
        "nodeSelector": ANY,
        "tolerations": ANY,
    },
    "neuron-device-plugin": {
        "devicePlugin": {"namespaceOverride": ANY, "nodeSelector": ANY, "affinity": ANY, "tolerations": ANY},
        "scheduler": {"enabled": ANY},
        "npd": {"enabled": ANY},
    },
    "amd-gpu-operator": {
        "node-feature-discovery": {"enabled": ANY},
        "installdefaultNFDRule": ANY,
        "remediation": {"enabled": ANY, "installCRDs": ANY},
        "kmm": {"enabled": ANY, "watch": ANY},
        "crds": {"defaultCR": {"install": ANY, "upgrade": ANY}},
        "deviceConfig": {
            "spec": {
                "selector": ANY,
                "driver": {"enable": ANY},
                "devicePlugin": {"devicePluginTolerations": ANY, "nodeLabellerTolerations": ANY},
                "metricsExporter": {
                    "enable": ANY,
                    "tolerations": ANY,
                    "prometheus": {"serviceMonitor": {"enable": ANY, "interval": ANY}},
                },
            }
        },
    },
    "network-operator": {"nfd": {"enabled": ANY, "deployNodeFeatureRules": ANY}},
}
"""What each chart knows."""


def unknown(values: Mapping[str, Any], known: Keys, path: str = "") -> Iterator[str]:
    """The keys in the values that the chart does not know."""
    for key, value in values.items():
        if key not in known:
            yield f"{path}{key}"
        elif known[key] is not ANY and isinstance(value, Mapping):
            yield from unknown(value, known[key], f"{path}{key}.")  # pyright: ignore[reportUnknownArgumentType]
