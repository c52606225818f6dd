"""The nodes of node pools.

Their labels: https://learn.microsoft.com/azure/aks/use-labels#reserved-system-labels
"""

import hashlib
from collections.abc import Mapping

from modelyard.gpu.machine_types import machine_types
from tools.offline.azure.ids import name_of, parent_id
from tools.offline.azure.kinds_compute import AGENT_POOL, CLUSTER
from tools.offline.azure.machines import machine_of
from tools.offline.azure.rules.everything import with_id
from tools.offline.cloud import nodes
from tools.offline.cloud.node_groups import NodeGroups
from tools.offline.cloud.session import Session
from tools.offline.cloud.world import Account, Record
from tools.offline.common.values import Json, as_list, as_map

CLUSTER_LABEL = "kubernetes.azure.com/cluster"
POOL_LABEL = "kubernetes.azure.com/agentpool"
SPOT = "kubernetes.azure.com/scalesetpriority"
_BUILD_LABEL = "kubernetes.azure.com/node-image-version"
_NVIDIA = "nvidia.com/gpu"
_TEMPLATE = "k8s.io_cluster-autoscaler_node-template_resources_"


def accelerator_of(size: str) -> str | None:
    """The accelerator of a size, as the library names it; None where it has none, or is not in the library's table."""
    row = machine_types().get(size)
    return row.accelerator if row is not None else None


class AgentPools(NodeGroups):
    """AKS's node pools."""

    token = AGENT_POOL
    cluster_token = CLUSTER

    def cluster_of(self, account: Account, record: Record) -> Record | None:
        """The cluster above it."""
        return with_id(account, parent_id(record.id))

    def selector(self, record: Record) -> Mapping[str, str]:
        """Nodes name their cluster by its nodes' resource group, and their pool."""
        return {CLUSTER_LABEL: cluster_label(parent_id(record.id)), POOL_LABEL: name_of(record.id)}

    def node_of(self, session: Session, account: Account, record: Record, index: int) -> nodes.Node:
        """A node in the next of the pool's zones."""
        inputs = record.inputs
        machine = machine_of(str(inputs["vmSize"]))
        cluster = self.cluster_of(account, record)
        region = str(cluster.get("location") if cluster else session.region)
        is_spot = inputs.get("scaleSetPriority") == "Spot"
        name = name_of(record.id)
        labels = {
            **self.selector(record),
            "agentpool": name,
            "kubernetes.azure.com/mode": str(inputs.get("mode", "User")).lower(),
            "kubernetes.azure.com/os-sku": str(inputs.get("osSKU", "Ubuntu")),
            "kubernetes.azure.com/role": "agent",
            _BUILD_LABEL: _build(record),
            **({"accelerator": "nvidia", "kubernetes.azure.com/accelerator": "nvidia"} if _has_nvidia(record) else {}),
            **({SPOT: "spot"} if is_spot else {}),
            **as_map(inputs.get("nodeLabels")),
        }
        taints = [taint_of(each) for each in as_list(inputs.get("nodeTaints"))]
        if is_spot and not any(each["key"] == SPOT for each in taints):
            taints.append(taint_of(f"{SPOT}=spot:NoSchedule"))
        zones = as_list(inputs.get("availabilityZones"))
        return nodes.Node(
            zone=f"{region}-{zones[index % len(zones)]}" if zones else "0",
            region=region,
            machine=machine,
            labels=labels,
            taints=taints,
            resources=nodes.resources_of(session, machine, labels, _told(record)),
        )

    def desired(self, record: Record) -> int:
        """Its count, which an autoscaler changes."""
        return int(record.get("count") or 0)

    def grow(self, record: Record) -> bool:
        """One more, up to its largest size."""
        if self.desired(record) >= int(record.inputs["maxCount"]):
            return False
        record.inputs["count"] = self.desired(record) + 1
        return True

    def scales(self, record: Record) -> bool:
        """Only where its autoscaler is on."""
        return bool(record.inputs.get("enableAutoScaling"))


POOLS = AgentPools()


def cluster_label(cluster_id: str) -> str:
    """What nodes name their cluster by."""
    return f"MC_{name_of(cluster_id)}"


def taint_of(text: str) -> Json:
    """A taint of `key=value:Effect`."""
    key, _, rest = text.partition("=")
    value, _, effect = rest.rpartition(":")
    return {"key": key, "value": value, "effect": effect}


def _told(record: Record) -> dict[str, str]:
    """What the program tells the autoscaler of the pool's nodes; what runs on them makes it so.

    https://github.com/kubernetes/autoscaler/blob/master/cluster-autoscaler/cloudprovider/azure/README.md
    """
    tags = as_map(record.inputs.get("tags"))
    return {
        key.removeprefix(_TEMPLATE).replace("_", "/"): str(value)
        for key, value in tags.items()
        if key.startswith(_TEMPLATE)
    }


def _has_nvidia(record: Record) -> bool:
    return _NVIDIA in machine_of(str(record.inputs["vmSize"])).devices


def _build(record: Record) -> str:
    """What nodes are made of: where it changes, they are made anew."""
    parts = f"{record.get('orchestratorVersion')} {record.inputs.get('osSKU')}"
    return f"AKS-{hashlib.sha256(parts.encode()).hexdigest()[:12]}"
