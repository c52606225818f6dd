"""The pools of a cluster on GKE, by whoever makes their nodes."""

from collections.abc import Mapping

import pulumi

from modelyard.cluster.gke.compute_classes import GkeComputeClass
from modelyard.cluster.gke.foundation import Foundation
from modelyard.cluster.gke.gpu_networks import make_gpu_networks
from modelyard.cluster.gke.node_pools import GkeNodePool
from modelyard.cluster.gke.provisioned import is_provisioned
from modelyard.cluster.gke.spec import GkeSpec
from modelyard.cluster.pools import Pool
from modelyard.cluster.pools_made import PoolsMade
from modelyard.cluster.system_pools import hosts_system


def make_pools(
    parent: pulumi.Resource,
    foundation: Foundation,
    pools: Mapping[str, Pool],
    spec: GkeSpec,
) -> PoolsMade:
    """Make the nodes of every pool, and the networks between GPUs that GKE does not make. What sizes them is GKE's own,
    and nothing is installed for it.

    - `cluster_autoscaler`: a node pool for each pool.
    - `node_auto_provisioning`: a node pool for each pool that has nodes from the start, and a ComputeClass for each
      that begins with none.

    Args:
        parent: of all resources.
        foundation: what they are made on.
        pools: the pools by name; what `gke_pool_problems` refuses is not among them.
        spec: of the cluster.
    """
    options = pulumi.ResourceOptions(parent=parent)
    networks = make_gpu_networks(foundation, pools, spec.gpu_networks_cidr, parent)
    by_pool: dict[str, list[pulumi.Resource]] = {}
    for name, pool in pools.items():
        logical_name = f"{foundation.name}-{name}"
        if is_provisioned(pool.spec, spec.provisioner):
            by_pool[name] = [GkeComputeClass(logical_name, foundation, pool, spec, opts=options).compute_class]
        else:
            by_pool[name] = [GkeNodePool(logical_name, foundation, pool, spec, networks, opts=options).node_pool]
    hosts = [name for name, pool in pools.items() if hosts_system(pool.spec)]
    return PoolsMade(by_pool=by_pool, system_ready=[resource for name in hosts for resource in by_pool[name]])
