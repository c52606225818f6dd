"""Node auto-provisioning, where AKS runs Karpenter: pools that it makes nodes for.

Sources: https://learn.microsoft.com/azure/aks/node-auto-provisioning-node-pools,
https://learn.microsoft.com/azure/aks/node-auto-provisioning-aksnodeclass and the schemas of
https://github.com/Azure/karpenter-provider-azure/tree/main/pkg/apis/crds
"""

from collections.abc import Mapping, Sequence
from typing import Any

import pulumi

from modelyard.cluster.aks.foundation import Foundation
from modelyard.cluster.aks.nodes import MAX_PODS, is_spot, node_labels, os_sku, vm_sizes, zones_of_pool
from modelyard.cluster.karpenter import NODE_POOL, growing, make_object, node_template
from modelyard.cluster.pools import Pool
from modelyard.operators.definition import Kind

NODE_CLASS = Kind(
    group="karpenter.azure.com", version="v1beta1", kind="AKSNodeClass", plural="aksnodeclasses", namespaced=False
)

_DISK_GIB = 128
_ACCELERATOR_DISK_GIB = 200
_AGE = "720h"


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
        provider = foundation.kubernetes_provider
        before = [foundation.cluster, *foundation.before_nodes]
        spec = aks_node_class(pool, foundation.tags)
        node_class = make_object(self, name, NODE_CLASS, pool.name, spec, provider, before)
        spec = node_pool(pool, foundation.zones, most=most)
        self.ready = [make_object(self, name, NODE_POOL, pool.name, spec, provider, [node_class])]
        self.register_outputs({})


def node_pool(pool: Pool, zones: Sequence[str], *, most: int) -> dict[str, Any]:
    """The `spec` of a NodePool, for up to so many nodes. Nodes go after 30 days, with accelerators at no age.

    Args:
        pool: whose nodes.
        zones: the cluster's zones.
        most: how many nodes there may be.
    """
    template = node_template(
        pool,
        NODE_CLASS,
        node_labels=node_labels(pool),
        machine_label="karpenter.azure.com/sku-name",
        machines=vm_sizes(pool),
        capacity_type="spot" if is_spot(pool) else "on-demand",
        zones=zones_of_pool(pool, zones),
        expire_after="Never" if pool.accelerator else _AGE,
    )
    return growing(pool, template, most=most)


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
