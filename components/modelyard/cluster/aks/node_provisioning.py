"""Node auto-provisioning, where AKS runs Karpenter: pools that it makes nodes for.

Sources: https://learn.microsoft.com/azure/aks/node-auto-provisioning-node-pools,
https://learn.microsoft.com/azure/aks/node-auto-provisioning-aksnodeclass and the schemas of
https://github.com/Azure/karpenter-provider-azure/tree/main/pkg/apis/crds
"""

from collections.abc import Mapping, Sequence
from typing import Any

import pulumi
import pulumi_kubernetes as k8s

from modelyard.cluster.aks.foundation import Foundation
from modelyard.cluster.aks.nodes import MAX_PODS, is_spot, node_labels, os_sku, vm_sizes, zones_of_pool
from modelyard.cluster.pools import Pool
from modelyard.gpu.machine_types import machine_types
from modelyard.kube.labels import labels
from modelyard.operators.definition import Kind

NODE_POOL = Kind(group="karpenter.sh", version="v1", kind="NodePool", plural="nodepools", namespaced=False)
NODE_CLASS = Kind(
    group="karpenter.azure.com", version="v1beta1", kind="AKSNodeClass", plural="aksnodeclasses", namespaced=False
)

_DISK_GIB = 128
_ACCELERATOR_DISK_GIB = 200
_IDLE_ACCELERATORS = "10m"
"""A machine with accelerators takes minutes to start and to load images, so a short pause between jobs keeps it. As
long as the cluster autoscaler waits."""
_IDLE = "1m"
_AGE = "720h"
_ONLY_EMPTY_ONES = [{"nodes": "0", "reasons": ["Drifted", "Underutilized"]}, {"nodes": "100%", "reasons": ["Empty"]}]
_DELETE_TIMEOUT = "30m"
"""Nodes are drained one after the other, and a machine with accelerators takes minutes to go."""


class AksProvisionedPool(pulumi.ComponentResource):
    """A pool whose nodes node auto-provisioning makes: its NodePool and its AKSNodeClass.

    AKS brings both kinds with the cluster, and the controller, which runs outside of it: on destroy the NodePool goes
    first, and its nodes with it. Nodes follow the control plane's Kubernetes version and new images by themselves.

    It counts a GPU as one `nvidia.com/gpu`. Of a pool whose GPUs are shared it may start more nodes than are needed,
    and takes the empty ones away again.
    """

    ready: Sequence[pulumi.Resource]
    """What must exist before pods of the pool and outlive them."""

    def __init__(
        self,
        name: str,
        foundation: Foundation,
        pool: Pool,
        *,
        most: int,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Make the pool.

        Args:
            name: the Pulumi name.
            foundation: what it is made on.
            pool: whose nodes.
            most: how many nodes there may be.
            opts: Pulumi's options of the component.
        """
        super().__init__("modelyard:cluster:AksProvisionedPool", name, {"pool": pool.name}, opts)
        before = [foundation.cluster, *foundation.before_nodes]
        spec = aks_node_class(pool, foundation.tags)
        node_class = self._make_object(name, foundation, NODE_CLASS, pool, spec, before)
        spec = node_pool(pool, foundation.zones, most=most)
        self.ready = [self._make_object(name, foundation, NODE_POOL, pool, spec, [node_class])]
        self.register_outputs({})

    def _make_object(
        self,
        name: str,
        foundation: Foundation,
        kind: Kind,
        pool: Pool,
        spec: Mapping[str, Any],
        before: Sequence[pulumi.Resource],
    ) -> pulumi.Resource:
        return k8s.apiextensions.CustomResource(
            name,
            api_version=kind.api_version,
            kind=kind.kind,
            metadata=k8s.meta.v1.ObjectMetaArgs(
                name=pool.name, labels=labels(pool.name, instance=name, component="node-pool")
            ),
            spec=spec,
            opts=pulumi.ResourceOptions(
                parent=self,
                provider=foundation.kubernetes_provider,
                depends_on=list(before),
                custom_timeouts=pulumi.CustomTimeouts(delete=_DELETE_TIMEOUT),
            ),
        )


def node_pool(pool: Pool, zones: Sequence[str], *, most: int) -> dict[str, Any]:
    """The `spec` of a NodePool, for up to so many nodes.

    Nodes with accelerators go only once they are empty, also when a newer image or another spec is to replace them:
    nothing that trains for weeks is moved for it. Others are also merged into fewer, and go after 30 days.

    Args:
        pool: whose nodes.
        zones: the cluster's zones.
        most: how many nodes there may be.
    """
    busy = {
        "consolidationPolicy": "WhenEmpty",
        "consolidateAfter": _IDLE_ACCELERATORS,
        "budgets": _ONLY_EMPTY_ONES,
    }
    plain = {
        "consolidationPolicy": "WhenEmptyOrUnderutilized",
        "consolidateAfter": _IDLE,
        "budgets": [{"nodes": "10%"}],
    }
    return {
        "template": _template(pool, zones),
        "disruption": busy if pool.accelerator else plain,
        "limits": {"nodes": str(most), "cpu": str(most * _most_cpus(pool))},
    }


def aks_node_class(pool: Pool, tags: Mapping[str, str]) -> dict[str, Any]:
    """The `spec` of a node class. The subnet is the cluster's, left out as it is not to change.

    The disk is on the machine itself where there is room for it. 200 GiB for machines with accelerators, whose images
    take 10 to 20 GiB each and stand beside models.
    """
    settings = pool.gpu.aks if pool.gpu else None
    usual = _ACCELERATOR_DISK_GIB if pool.accelerator else _DISK_GIB
    return {
        "imageFamily": os_sku(pool),
        "osDiskSizeGB": pool.spec.disk_gib or usual,
        "maxPods": MAX_PODS,
        **({"gpu": {"mode": "None" if settings.driver == "none" else "Driver"}} if settings else {}),
        **({"tags": dict(tags)} if tags else {}),
    }


def _template(pool: Pool, zones: Sequence[str]) -> dict[str, Any]:
    requirements = {
        "karpenter.azure.com/sku-name": vm_sizes(pool),
        "kubernetes.io/arch": [pool.architecture],
        "kubernetes.io/os": ["linux"],
        "karpenter.sh/capacity-type": ["spot" if is_spot(pool) else "on-demand"],
    }
    places = zones_of_pool(pool, zones)
    if places:
        requirements["topology.kubernetes.io/zone"] = places
    taints = [{"key": taint.key, "value": taint.value, "effect": taint.effect} for taint in pool.taints]
    return {
        "metadata": {"labels": node_labels(pool)},
        "spec": {
            "nodeClassRef": {"group": NODE_CLASS.group, "kind": NODE_CLASS.kind, "name": pool.name},
            "requirements": [{"key": key, "operator": "In", "values": values} for key, values in requirements.items()],
            **({"taints": taints} if taints else {}),
            "expireAfter": "Never" if pool.accelerator else _AGE,
        },
    }


def _most_cpus(pool: Pool) -> int:
    others = (machine_types()[name].vcpus for name in pool.spec.machine_types if name in machine_types())
    return int(max([pool.cpus, *others]))
