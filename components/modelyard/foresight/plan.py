"""What a stack would make, pool by pool and workload by workload."""

from collections.abc import Iterator
from typing import TypedDict

from modelyard.batch.spec import BatchJobSpec, ScheduledJobSpec, TrainingJobSpec
from modelyard.cluster.node_source import NodeSource
from modelyard.cluster.pools import Pool, resolve_pools
from modelyard.gpu.contract import GpuContract
from modelyard.gpu.request import capacity_kind
from modelyard.serving.spec import ModelServiceSpec
from modelyard.stack.spec import StackSpec
from modelyard.workspace.spec import fabric_namespace
from modelyard.workspace.workload_spec import WorkloadSpec

_POOL_HEAD = (
    *("POOL", "NODES", "CAPACITY", "MACHINE TYPE", "CPUS", "GIB"),
    *("ACCELERATORS", "SHARING", "RESOURCES", "GPUS WANTED"),
)


class PlannedWorkload(TypedDict):
    """One workload. `min_pods` and `max_pods` run at a time; the rest is what each of them asks for. `namespace` is the
    workspace's own, or its companion's for a training over a fabric."""

    workspace: str
    namespace: str
    name: str
    kind: str
    pool: str
    makes: list[str]
    min_pods: int
    max_pods: int
    gpus: int
    cpus: float
    memory_gib: float


class PlannedPool(TypedDict):
    """One pool; cpus, memory, GPUs and resources are a node's, `allocatable_` is what of them pods can have.

    `sharing` and `capacity` are kinds, in the spec's words. `resources` is what a node advertises for its devices and
    its fast network; those that pods claim are listed by their class. `max_gpus` is what the pool has at its largest,
    `wanted_gpus` what its workloads ask for at theirs, all at once; where GPUs are shared, both count shares or slices.
    """

    name: str
    machine_type: str | None
    accelerator: str | None
    gpus_per_node: int
    sharing: str
    capacity: str
    resources: dict[str, int]
    cpus: float
    memory_gib: float
    allocatable_cpus: float
    allocatable_memory_gib: float
    min_nodes: int
    max_nodes: int
    max_gpus: int
    wanted_gpus: int


class Plan(TypedDict):
    """What a stack would make."""

    cluster: str
    pools: list[PlannedPool]
    workloads: list[PlannedWorkload]


def plan(stack: StackSpec) -> Plan:
    """What a valid stack would make."""
    source = NodeSource.of_stack(stack.cluster)
    pools = resolve_pools(source, stack.pools)
    monitored = stack.observability.metrics is not None
    workloads = [
        _workload(workspace, name, workload, pools[workload.pool], monitored=monitored)
        for workspace, spec in stack.workspaces.items()
        for _, name, workload in spec.workloads()
    ]
    return {
        "cluster": source.kind,
        "pools": [_pool(pool, workloads) for pool in pools.values()],
        "workloads": workloads,
    }


def _pool(pool: Pool, workloads: list[PlannedWorkload]) -> PlannedPool:
    return {
        "name": pool.name,
        "machine_type": pool.machine_type,
        "accelerator": pool.accelerator.name if pool.accelerator else None,
        "gpus_per_node": pool.gpus_per_node,
        "sharing": pool.gpu.sharing_kind if pool.gpu else "whole",
        "capacity": capacity_kind(pool.spec.capacity),
        "resources": {**_devices(pool.gpu), **_fabric(pool.gpu)} if pool.gpu else {},
        "cpus": pool.cpus,
        "memory_gib": pool.memory_gib,
        "allocatable_cpus": pool.allocatable_cpus,
        "allocatable_memory_gib": pool.allocatable_memory_gib,
        "min_nodes": pool.min_nodes,
        "max_nodes": pool.max_nodes,
        "max_gpus": pool.gpu.gpus * pool.gpu.shares_per_gpu * pool.max_nodes if pool.gpu else 0,
        "wanted_gpus": sum(each["gpus"] * each["max_pods"] for each in workloads if each["pool"] == pool.name),
    }


def _devices(gpu: GpuContract) -> dict[str, int]:
    return {gpu.device_class: gpu.gpus} if gpu.device_class else dict(gpu.resources)


def _fabric(gpu: GpuContract) -> dict[str, int]:
    claim = gpu.fabric_claim
    return {claim.device_class: claim.count} if claim else dict(gpu.fabric_resources)


def _workload(workspace: str, name: str, spec: WorkloadSpec, pool: Pool, *, monitored: bool) -> PlannedWorkload:
    needs = spec.resources_on(pool)
    kind, makes, least, most = _shape(spec, monitored=monitored)
    return {
        "workspace": workspace,
        "namespace": fabric_namespace(workspace) if spec.needs_companion(pool) else workspace,
        "name": name,
        "kind": kind,
        "pool": pool.name,
        "makes": [*makes, "ResourceClaimTemplate"] if needs.has_claims else makes,
        "min_pods": least,
        "max_pods": most,
        "gpus": needs.gpus,
        "cpus": needs.cpus,
        "memory_gib": needs.memory_gib,
    }


def _shape(spec: WorkloadSpec, *, monitored: bool) -> tuple[str, list[str], int, int]:
    """Kind of workload, kinds of objects that it makes, and the fewest and most pods at a time."""
    match spec:
        case ModelServiceSpec():
            return (
                "ModelService",
                list(_service_objects(spec, monitored=monitored)),
                spec.min_replicas,
                spec.max_replicas,
            )
        case TrainingJobSpec():
            return "TrainingJob", ["Job", "Service"], spec.nodes, spec.nodes
        case ScheduledJobSpec():
            return "ScheduledJob", ["CronJob"], 0, spec.parallelism
        case BatchJobSpec():
            return "BatchJob", ["Job"], spec.parallelism, spec.parallelism
        case _:
            raise AssertionError(f"{type(spec).__name__} is no kind of workload")


def _service_objects(spec: ModelServiceSpec, *, monitored: bool) -> Iterator[str]:
    yield from ("Deployment", "Service", "PodDisruptionBudget")
    if spec.autoscaling:
        yield "HorizontalPodAutoscaler"
    if monitored and (spec.runtime.vllm or (spec.runtime.container and spec.runtime.container.metrics_path)):
        yield "ServiceMonitor"


def render(plan: Plan) -> str:
    """The plan as text for a terminal."""
    pools = [
        (
            each["name"],
            f"{each['min_nodes']}-{each['max_nodes']}",
            each["capacity"],
            each["machine_type"] or "-",
            f"{each['cpus']:g}",
            f"{each['memory_gib']:g}",
            f"{each['gpus_per_node']} x {each['accelerator']}" if each["accelerator"] else "-",
            each["sharing"] if each["accelerator"] else "-",
            ", ".join(f"{resource}: {count}" for resource, count in each["resources"].items()) or "-",
            f"{each['wanted_gpus']} of {each['max_gpus']}" if each["max_gpus"] else "-",
        )
        for each in plan["pools"]
    ]
    workloads = [
        (
            f"{each['namespace']}/{each['name']}",
            each["kind"],
            each["pool"],
            str(each["max_pods"]) if each["min_pods"] == each["max_pods"] else f"{each['min_pods']}-{each['max_pods']}",
            str(each["gpus"]) if each["gpus"] else "-",
            f"{each['cpus']:g}",
            f"{each['memory_gib']:g}",
            ", ".join(each["makes"]),
        )
        for each in plan["workloads"]
    ]
    return "\n\n".join(
        [
            f"cluster: {plan['cluster']}",
            _table(_POOL_HEAD, pools),
            _table(("WORKLOAD", "KIND", "POOL", "PODS", "GPUS", "CPUS", "GIB", "MAKES"), workloads),
        ]
    )


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    widths = [max(len(row[column]) for row in [head, *rows]) for column in range(len(head))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in [head, *rows]
    )
