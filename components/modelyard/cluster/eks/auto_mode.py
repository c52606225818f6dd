"""Pools on EKS Auto Mode, where AWS runs Karpenter, and the nodes with their drivers and device plugins."""

from collections.abc import Sequence
from dataclasses import replace

import pulumi

from modelyard.cluster.eks.foundation import Foundation
from modelyard.cluster.eks.karpenter import place
from modelyard.cluster.eks.node_pool import (
    AUTO_MODE_NODE_CLASS,
    auto_mode_node_class,
    fixed_node_pool,
    node_pool,
)
from modelyard.cluster.eks.pool_rules import FIXED_SUFFIX
from modelyard.cluster.karpenter import NODE_POOL, make_object
from modelyard.cluster.pools import Pool


class EksAutoModePool(pulumi.ComponentResource):
    """A pool on EKS Auto Mode: a NodeClass, a NodePool of `min_nodes` nodes and one for as many as may come to them.

    A NodePool either has a constant size or follows what pods ask for, and cannot change from one to the other, so a
    pool with both has two. Pods do not see the difference.

    Tags of machines are AWS's own: Auto Mode sets further ones only with rights that its roles do not have by default.
    https://docs.aws.amazon.com/eks/latest/userguide/auto-cluster-iam-role.html
    """

    ready: Sequence[pulumi.Resource]
    """What must exist before pods of the pool and outlive them."""

    def __init__(
        self,
        name: str,
        foundation: Foundation,
        pool: Pool,
        *,
        placement_group: pulumi.Input[str] | None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Make the pool.

        Args:
            name: the Pulumi name.
            foundation: what it is made on.
            pool: whose nodes.
            placement_group: the name of the group that keeps its nodes close together.
            opts: Pulumi's options of the component.
        """
        super().__init__("modelyard:cluster:EksAutoModePool", name, {"pool": pool.name}, opts)
        where = replace(place(foundation, pool, foundation.node_role.name, placement_group), tags={})
        provider = foundation.kubernetes_provider
        before = [foundation.cluster, *foundation.before_nodes]
        spec = auto_mode_node_class(pool, where)
        node_class = make_object(self, name, AUTO_MODE_NODE_CLASS, pool.name, spec, provider, before)
        ready: list[pulumi.Resource] = []
        if pool.min_nodes:
            fixed = fixed_node_pool(pool, AUTO_MODE_NODE_CLASS, where, nodes=pool.min_nodes)
            own_name = f"{pool.name}{FIXED_SUFFIX}"
            logical_name = f"{name}{FIXED_SUFFIX}"
            ready.append(make_object(self, logical_name, NODE_POOL, own_name, fixed, provider, [node_class]))
        further = pool.max_nodes - pool.min_nodes
        if further:
            spec = node_pool(pool, AUTO_MODE_NODE_CLASS, where, most=further)
            ready.append(make_object(self, name, NODE_POOL, pool.name, spec, provider, [node_class]))
        self.ready = ready
        self.register_outputs({})
