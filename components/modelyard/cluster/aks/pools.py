"""The pools of a cluster on AKS, by whoever makes their nodes."""

from collections.abc import Mapping

import pulumi
from pulumi_azure_native.containerservice import AgentPool

from modelyard.cluster.aks.agent_pools import AksAgentPool
from modelyard.cluster.aks.foundation import Foundation
from modelyard.cluster.aks.node_provisioning import AksProvisionedPool
from modelyard.cluster.aks.nodes import reservation
from modelyard.cluster.aks.placement import allow_reservations, make_placement_group
from modelyard.cluster.aks.spec import AksSpec
from modelyard.cluster.pools import Pool
from modelyard.cluster.pools_made import PoolsMade
from modelyard.cluster.system_pools import hosts_system


def make_pools(parent: pulumi.Resource, foundation: Foundation, pools: Mapping[str, Pool], spec: AksSpec) -> PoolsMade:
    """Make the nodes of every pool. What sizes them, AKS runs outside of the cluster in both cases.

    - `cluster_autoscaler`: an agent pool for each pool, between its limits.
    - `node_auto_provisioning`: the `min_nodes` of each pool as an agent pool of constant size, which is all that AKS
      allows beside it, and further nodes by a NodePool. So a pool has its least nodes without Karpenter's static
      capacity, which is alpha.

    Agent pools are made one after the other, those first that the cluster's own parts run on: several at once in one
    network fail now and then, as each of them takes hold of the network while AKS makes it.
    https://github.com/Azure/AKS/issues/4522, https://github.com/hashicorp/terraform-provider-azurerm/pull/25888

    Args:
        parent: of all resources.
        foundation: what they are made on.
        pools: the pools by name; what `aks_pool_problems` refuses is not among them.
        spec: of the cluster.
    """
    options = pulumi.ResourceOptions(parent=parent)
    is_provisioned = spec.provisioner == "node_auto_provisioning"
    allowed = allow_reservations(parent, foundation, pools.values())
    ready: dict[str, list[pulumi.Resource]] = {}
    before: AgentPool | None = None
    for name, pool in sorted(pools.items(), key=lambda each: not hosts_system(each[1].spec, from_zero=True)):
        logical_name, made = f"{foundation.name}-{name}", ready.setdefault(name, [])
        if pool.min_nodes or not is_provisioned:
            group = reservation(pool)
            before = AksAgentPool(
                logical_name,
                foundation,
                pool,
                placement_group_id=make_placement_group(parent, foundation, pool),
                fixed_size=pool.min_nodes if is_provisioned else None,
                after=[*([before] if before else []), *([allowed[group]] if group else [])],
                opts=options,
            ).agent_pool
            made.append(before)
        further = pool.max_nodes - pool.min_nodes
        if further and is_provisioned:
            made.extend(AksProvisionedPool(f"{logical_name}-more", foundation, pool, most=further, opts=options).ready)
    hosts = [name for name, pool in pools.items() if hosts_system(pool.spec, from_zero=True)]
    return PoolsMade(by_pool=ready, system_ready=[resource for name in hosts for resource in ready[name]])
