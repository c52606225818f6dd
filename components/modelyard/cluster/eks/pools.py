"""The pools of a cluster on EKS, by whoever makes their nodes."""

from collections.abc import Mapping

import pulumi
import pulumi_aws as aws

from modelyard.cluster.eks.auto_mode import EksAutoModePool
from modelyard.cluster.eks.autoscaler import EksAutoscaler
from modelyard.cluster.eks.foundation import Foundation
from modelyard.cluster.eks.karpenter import EksKarpenter, EksKarpenterPool
from modelyard.cluster.eks.node_groups import EksNodeGroup
from modelyard.cluster.eks.node_pool import unknown_to_karpenter
from modelyard.cluster.eks.nodes import needs_placement_group
from modelyard.cluster.eks.spec import EksSpec
from modelyard.cluster.pools import Pool
from modelyard.cluster.pools_made import PoolsMade
from modelyard.cluster.system_pools import hosts_system
from modelyard.operators.spec import ChartsSpec


def make_pools(
    parent: pulumi.Resource,
    foundation: Foundation,
    pools: Mapping[str, Pool],
    spec: EksSpec,
    charts: ChartsSpec | None = None,
) -> PoolsMade:
    """Make the nodes of every pool, and what sizes them.

    - `cluster_autoscaler`: a managed node group for each pool, and the cluster autoscaler.
    - `karpenter`: the `min_nodes` of each pool as a managed node group of constant size, further nodes by Karpenter,
      which itself runs on the first. So a pool has its least nodes without Karpenter's static capacity, which is alpha.
    - `auto_mode`: the NodePools of each pool; what sizes them is AWS's.

    Args:
        parent: of all resources.
        foundation: what they are made on.
        pools: the pools by name; what `eks_pool_problems` refuses is not among them.
        spec: of the cluster.
        charts: where charts come from.
    """
    match spec.provisioner:
        case "cluster_autoscaler":
            return _with_autoscaler(parent, foundation, pools, charts)
        case "karpenter":
            return _with_karpenter(parent, foundation, pools, charts)
        case "auto_mode":
            return _with_auto_mode(parent, foundation, pools)


def _with_autoscaler(
    parent: pulumi.Resource, foundation: Foundation, pools: Mapping[str, Pool], charts: ChartsSpec | None
) -> PoolsMade:
    options = pulumi.ResourceOptions(parent=parent)
    close = _placement_groups(parent, foundation, pools)
    groups = {
        name: EksNodeGroup(
            f"{foundation.name}-{name}", foundation, pool, placement_group=close.get(name), opts=options
        ).node_group
        for name, pool in pools.items()
    }
    system = [group for name, group in groups.items() if hosts_system(pools[name].spec)]
    # Nothing waits for the autoscaler but new nodes, so what runs on the cluster does not either.
    EksAutoscaler(f"{foundation.name}-autoscaler", foundation, system_ready=system, charts=charts, opts=options)
    return PoolsMade(by_pool={name: [group] for name, group in groups.items()}, system_ready=system)


def _with_karpenter(
    parent: pulumi.Resource, foundation: Foundation, pools: Mapping[str, Pool], charts: ChartsSpec | None
) -> PoolsMade:
    options = pulumi.ResourceOptions(parent=parent)
    close = _placement_groups(parent, foundation, pools)
    fixed = {
        name: EksNodeGroup(
            f"{foundation.name}-{name}",
            foundation,
            pool,
            placement_group=close.get(name),
            fixed_size=pool.min_nodes,
            opts=options,
        ).node_group
        for name, pool in pools.items()
        if pool.min_nodes
    }
    system = [group for name, group in fixed.items() if hosts_system(pools[name].spec)]
    growing = {name: pool for name, pool in pools.items() if pool.max_nodes > pool.min_nodes}
    karpenter = EksKarpenter(
        f"{foundation.name}-karpenter",
        foundation,
        replicas=sum(pool.min_nodes for pool in pools.values() if hosts_system(pool.spec)),
        overlays=any(unknown_to_karpenter(pool) for pool in growing.values()),
        system_ready=system,
        charts=charts,
        opts=options,
    )
    by_pool: dict[str, list[pulumi.Resource]] = {name: [fixed[name]] if name in fixed else [] for name in pools}
    for name, pool in growing.items():
        made = EksKarpenterPool(
            f"{foundation.name}-{name}-more",
            foundation,
            karpenter,
            pool,
            placement_group=close.get(name),
            most=pool.max_nodes - pool.min_nodes,
            opts=options,
        )
        by_pool[name].extend(made.ready)
    return PoolsMade(by_pool=by_pool, system_ready=system)


def _with_auto_mode(parent: pulumi.Resource, foundation: Foundation, pools: Mapping[str, Pool]) -> PoolsMade:
    options = pulumi.ResourceOptions(parent=parent)
    close = _placement_groups(parent, foundation, pools)
    ready = {
        name: list(
            EksAutoModePool(
                f"{foundation.name}-{name}", foundation, pool, placement_group=close.get(name), opts=options
            ).ready
        )
        for name, pool in pools.items()
    }
    hosts = [name for name, pool in pools.items() if hosts_system(pool.spec, from_zero=True)]
    return PoolsMade(by_pool=ready, system_ready=[resource for name in hosts for resource in ready[name]])


def _placement_groups(
    parent: pulumi.Resource, foundation: Foundation, pools: Mapping[str, Pool]
) -> dict[str, pulumi.Output[str]]:
    """The names of groups whose machines AWS puts close together, for pools that need one.

    https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/placement-strategies.html#placement-groups-cluster
    """
    options = pulumi.ResourceOptions(parent=parent, provider=foundation.provider)
    return {
        name: aws.ec2.PlacementGroup(f"{foundation.name}-{name}", strategy="cluster", opts=options).name
        for name, pool in pools.items()
        if needs_placement_group(pool)
    }
