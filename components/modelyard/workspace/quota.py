"""A workspace's quota as Kubernetes counts it, by the resources that the cluster's pools really have.

https://kubernetes.io/docs/concepts/policy/resource-quotas/
"""

from collections.abc import Iterator, Mapping

from modelyard.cluster.pools import Pool
from modelyard.kube.quantities import cpu_quantity, memory_quantity
from modelyard.workspace.pod_resources import PodResources
from modelyard.workspace.spec import QuotaSpec

_CPU, _MEMORY = "requests.cpu", "requests.memory"
_ASKED, _CLAIMED = "requests.", ".deviceclass.resource.k8s.io/devices"
_QUANTITIES = {_CPU: cpu_quantity, _MEMORY: memory_quantity}
_FIELDS = {_CPU: ("cpus", "vCPUs"), _MEMORY: ("memory_gib", "GiB")}


def hard_limits(quota: QuotaSpec, pools: Mapping[str, Pool]) -> dict[str, str]:
    """What `hard` of a ResourceQuota is; empty where nothing is limited."""
    return {resource: _QUANTITIES.get(resource, str)(most) for resource, most in limits(quota, pools).items()}


def limits(quota: QuotaSpec, pools: Mapping[str, Pool]) -> dict[str, float]:
    """The same as numbers: vCPUs, GiB, and units of what counts devices."""
    hard: dict[str, float] = {}
    if quota.cpus is not None:
        hard[_CPU] = quota.cpus
    if quota.memory_gib is not None:
        hard[_MEMORY] = quota.memory_gib
    if quota.gpus is not None:
        most: dict[str, int] = {}
        for pool in pools.values():
            for resource, units in _units_per_gpu(pool):
                most[resource] = max(most.get(resource, 0), units)
        hard.update({resource: quota.gpus * units for resource, units in sorted(most.items())})
    return hard


def counted(needs: PodResources) -> dict[str, float]:
    """What a quota counts of one pod."""
    found: dict[str, float] = {_CPU: needs.pod_cpus, _MEMORY: needs.pod_memory_gib}
    if needs.device_class:
        found[_claimed(needs.device_class)] = needs.gpus
    elif needs.gpu_resource:
        found[_asked(needs.gpu_resource)] = needs.gpus
    return found


def field_of(resource: str) -> tuple[str, str]:
    """The field of a quota that limits what counts so, and what that is called in messages."""
    return _FIELDS.get(resource) or ("gpus", resource.removeprefix(_ASKED).removesuffix(_CLAIMED))


def _asked(resource: str) -> str:
    return f"{_ASKED}{resource}"


def _claimed(device_class: str) -> str:
    return f"{device_class}{_CLAIMED}"


def _units_per_gpu(pool: Pool) -> Iterator[tuple[str, int]]:
    """What a pool's devices are counted as, and how many of it one device gives. What goes by the name of whole devices
    counts as whole, be it a share or a slice: a quota cannot tell them apart."""
    if not pool.gpu:
        return
    if pool.device_class:
        yield _claimed(pool.device_class), 1
    for resource, count in pool.gpu.resources.items():
        is_whole = resource == pool.gpu.accelerator.resource
        yield _asked(resource), 1 if is_whole else count // pool.gpus_per_node
