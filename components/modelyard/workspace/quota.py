"""A workspace's quota as Kubernetes counts it, by the resources that the cluster's pools really have.

https://kubernetes.io/docs/concepts/policy/resource-quotas/
"""

from collections.abc import Iterator, Mapping

from modelyard.cluster.pools import Pool
from modelyard.kube.quantities import cpu_quantity, memory_quantity
from modelyard.workspace.spec import QuotaSpec


def hard_limits(quota: QuotaSpec, pools: Mapping[str, Pool]) -> dict[str, str]:
    """What `hard` of a ResourceQuota is; empty where nothing is limited."""
    hard: dict[str, str] = {}
    if quota.cpus is not None:
        hard["requests.cpu"] = cpu_quantity(quota.cpus)
    if quota.memory_gib is not None:
        hard["requests.memory"] = memory_quantity(quota.memory_gib)
    if quota.gpus is not None:
        most: dict[str, int] = {}
        for pool in pools.values():
            for resource, units in _units_per_gpu(pool):
                most[resource] = max(most.get(resource, 0), units)
        hard.update({resource: str(quota.gpus * units) for resource, units in sorted(most.items())})
    return hard


def _units_per_gpu(pool: Pool) -> Iterator[tuple[str, int]]:
    """What a pool's devices are counted as, and how many of it one device gives. What goes by the name of whole devices
    counts as whole, be it a share or a slice: a quota cannot tell them apart."""
    if not pool.gpu:
        return
    if pool.device_class:
        yield f"{pool.device_class}.deviceclass.resource.k8s.io/devices", 1
    for resource, count in pool.gpu.resources.items():
        is_whole = resource == pool.gpu.accelerator.resource
        yield f"requests.{resource}", 1 if is_whole else count // pool.gpus_per_node
