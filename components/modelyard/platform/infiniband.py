"""InfiniBand on AKS: NVIDIA's network operator, and its one policy for the cluster. No Pulumi package.

Sources: https://azure.github.io/aks-rdma-infiniband/configurations/network-operator,
https://github.com/Mellanox/network-operator/tree/v26.4.1
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from modelyard.cluster.pools import Pool
from modelyard.gpu.fabric import INFINIBAND, INFINIBAND_SHARES
from modelyard.operators.definition import Kind
from modelyard.platform.placement import node_affinity, tolerations
from modelyard.versions import NETWORK_OPERATOR_IMAGES

NIC_CLUSTER_POLICY = Kind(
    group="mellanox.com", version="v1alpha1", kind="NicClusterPolicy", plural="nicclusterpolicies", namespaced=False
)
POLICY_NAME = "nic-cluster-policy"
"""The only one that the operator heeds."""
_REPOSITORY = "nvcr.io/nvidia/mellanox"


def network_operator_values() -> Mapping[str, Any]:
    """Values of the operator's chart. NVIDIA's GPU operator, which works on the same nodes, brings what finds out
    which nodes have the devices (node-feature-discovery)."""
    return {"nfd": {"enabled": False, "deployNodeFeatureRules": False}}


def nic_cluster_policy(pools: Sequence[Pool]) -> dict[str, Any]:
    """The `spec` of the policy: NVIDIA's driver of the network's devices, and the device plugin that shares them, on
    the nodes of the pools."""
    devices = {
        "resourceName": INFINIBAND.rpartition("/")[2],
        "rdmaHcaMax": INFINIBAND_SHARES,
        "selectors": {"vendors": ["15b3"], "linkTypes": ["infiniband"]},
    }
    return {
        "nodeAffinity": dict(node_affinity(pools)),
        "tolerations": tolerations(pools),
        "ofedDriver": {**_image("doca-driver"), "upgradePolicy": {"autoUpgrade": False}},
        "rdmaSharedDevicePlugin": {
            **_image("k8s-rdma-shared-dev-plugin"),
            "config": json.dumps({"configList": [devices]}, sort_keys=True),
        },
    }


def _image(name: str) -> dict[str, Any]:
    return {"repository": _REPOSITORY, "image": name, "version": NETWORK_OPERATOR_IMAGES[name]}
