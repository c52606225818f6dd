"""What a stack would make, pool by pool and workload by workload."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypedDict

from modelyard.batch.spec import BatchJobSpec, ScheduledJobSpec, TrainingJobSpec
from modelyard.cluster.node_source import NodeSource
from modelyard.cluster.pools import Pool, resolve_pools
from modelyard.foresight.cost import node_usd_per_hour
from modelyard.foresight.queues import QUEUE_HEAD, PlannedQueue, planned_queues, queue_rows
from modelyard.gpu.contract import GpuContract
from modelyard.gpu.request import capacity_kind
from modelyard.platform.gateway_spec import GatewaySpec
from modelyard.serving.route_spec import route_kinds
from modelyard.serving.spec import ModelServiceSpec
from modelyard.stack.spec import StackSpec
from modelyard.workspace.spec import fabric_namespace
from modelyard.workspace.workload_spec import WorkloadSpec

_POOL_HEAD = (
    *("POOL", "NODES", "CAPACITY", "MACHINE TYPE", "CPUS", "GIB"),
    *("ACCELERATORS", "SHARING", "RESOURCES", "GPUS WANTED", "USD/HOUR"),
)


class PlannedService(TypedDict):
    """What is foreseen of a model service: its start-up budget, and memory of each of a replica's GPUs, GiB, that its
    model needs at least and that servers use by default; None where the model's size or the GPUs are not known."""

    startup_seconds: int
    needed_gpu_memory_gib: float | None
    usable_gpu_memory_gib: float | None


class PlannedWorkload(TypedDict):
    """One workload. `min_pods` and `max_pods` run at a time, on `min_nodes` and `max_nodes` where it has them to
    itself; the rest is what each pod asks for. `namespace` is the workspace's own, or its companion's for a training
    over a fabric. `service` is of model services only."""

    workspace: str
    namespace: str
    name: str
    kind: str
    pool: str
    makes: list[str]
    min_pods: int
    max_pods: int
    min_nodes: int
    max_nodes: int
    gpus: int
    cpus: float
    memory_gib: float
    service: PlannedService | None


class PlannedPool(TypedDict):
    """One pool; cpus, memory, GPUs and resources are a node's, `allocatable_` is what of them pods can have.

    `sharing` and `capacity` are kinds, in the spec's words. `resources` is what a node advertises for its devices and
    its fast network; those that pods claim are listed by their class. `max_gpus` is what the pool has at its largest,
    `wanted_gpus` what its workloads ask for at theirs, all at once; where GPUs are shared, both count shares or slices.
    `min_usd_per_hour` and `max_usd_per_hour` are its machines' list prices at `min_nodes` and `max_nodes`; None where
    they are not known.
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
    min_usd_per_hour: float | None
    max_usd_per_hour: float | None


class Plan(TypedDict):
    """What a stack would make."""

    cluster: str
    pools: list[PlannedPool]
    queues: list[PlannedQueue]
    workloads: list[PlannedWorkload]


@dataclass(frozen=True, kw_only=True)
class _Further:
    """What else a stack has that adds objects to workloads."""

    monitored: bool
    gateway: GatewaySpec | None


def plan(stack: StackSpec) -> Plan:
    """What a valid stack would make."""
    source = NodeSource.of_stack(stack.cluster)
    pools = resolve_pools(source, stack.pools)
    further = _Further(monitored=stack.observability.metrics is not None, gateway=stack.platform.gateway)
    workloads = [
        _workload(workspace, name, workload, pools[workload.pool], further)
        for workspace, spec in stack.workspaces.items()
        for _, name, workload in spec.workloads()
    ]
    return {
        "cluster": source.kind,
        "pools": [_pool(pool, workloads, node_usd_per_hour(stack.cluster, pool)) for pool in pools.values()],
        "queues": planned_queues(stack.platform.queues, pools),
        "workloads": workloads,
    }


def _pool(pool: Pool, workloads: list[PlannedWorkload], usd_per_hour: float | None) -> PlannedPool:
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
        "min_usd_per_hour": None if usd_per_hour is None else round(usd_per_hour * pool.min_nodes, 4),
        "max_usd_per_hour": None if usd_per_hour is None else round(usd_per_hour * pool.max_nodes, 4),
    }


def _devices(gpu: GpuContract) -> dict[str, int]:
    return {gpu.device_class: gpu.gpus} if gpu.device_class else dict(gpu.resources)


def _fabric(gpu: GpuContract) -> dict[str, int]:
    claim = gpu.fabric_claim
    return {claim.device_class: claim.count} if claim else dict(gpu.fabric_resources)


def _workload(workspace: str, name: str, spec: WorkloadSpec, pool: Pool, further: _Further) -> PlannedWorkload:
    needs = spec.resources_on(pool)
    kind, makes, least, most = _shape(spec, further)
    per_node = max(1, needs.per_node(pool))
    return {
        "workspace": workspace,
        "namespace": fabric_namespace(workspace) if spec.needs_companion(pool) else workspace,
        "name": name,
        "kind": kind,
        "pool": pool.name,
        "makes": [*makes, "ResourceClaimTemplate"] if needs.has_claims else makes,
        "min_pods": least,
        "max_pods": most,
        "min_nodes": math.ceil(least / per_node),
        "max_nodes": min(pool.max_nodes, math.ceil(most / per_node)),
        "gpus": needs.gpus,
        "cpus": needs.cpus,
        "memory_gib": needs.memory_gib,
        "service": _service(spec, pool) if isinstance(spec, ModelServiceSpec) else None,
    }


def _service(spec: ModelServiceSpec, pool: Pool) -> PlannedService:
    memory = spec.gpu_memory_on(pool)
    return {
        "startup_seconds": spec.startup_seconds,
        "needed_gpu_memory_gib": memory.needed_gib if memory else None,
        "usable_gpu_memory_gib": memory.usable_gib if memory else None,
    }


def _shape(spec: WorkloadSpec, further: _Further) -> tuple[str, list[str], int, int]:
    """Kind of workload, kinds of objects that it makes, and the fewest and most pods at a time."""
    match spec:
        case ModelServiceSpec():
            return (
                "ModelService",
                list(_service_objects(spec, further)),
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


def _service_objects(spec: ModelServiceSpec, further: _Further) -> Iterator[str]:
    yield from ("Deployment", "Service", "PodDisruptionBudget")
    if spec.autoscaling:
        yield "HorizontalPodAutoscaler"
    if further.monitored and spec.server("").metrics_path:
        yield "ServiceMonitor"
    if spec.route and further.gateway:
        yield from route_kinds(further.gateway)


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
            "-" if each["max_usd_per_hour"] is None else f"{each['min_usd_per_hour']:g}-{each['max_usd_per_hour']:g}",
        )
        for each in plan["pools"]
    ]
    workloads = [
        (
            f"{each['namespace']}/{each['name']}",
            each["kind"],
            each["pool"],
            _range(each["min_pods"], each["max_pods"]),
            _range(each["min_nodes"], each["max_nodes"]),
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
            *_costs(plan["pools"]),
            *([_table(QUEUE_HEAD, list(queue_rows(plan["queues"])))] if plan["queues"] else []),
            _table(("WORKLOAD", "KIND", "POOL", "PODS", "NODES", "GPUS", "CPUS", "GIB", "MAKES"), workloads),
            *_services(plan["workloads"]),
        ]
    )


def _services(workloads: list[PlannedWorkload]) -> Iterator[str]:
    rows = [
        (
            f"{each['namespace']}/{each['name']}",
            f"{service['startup_seconds']} s",
            "-" if needed is None else f"{needed:g} of {service['usable_gpu_memory_gib']:g}",
        )
        for each in workloads
        if (service := each["service"])
        for needed in [service["needed_gpu_memory_gib"]]
    ]
    if rows:
        yield _table(("SERVICE", "STARTS WITHIN", "GIB OF EACH GPU"), rows)


def _range(least: int, most: int) -> str:
    return str(most) if least == most else f"{least}-{most}"


def _costs(pools: list[PlannedPool]) -> Iterator[str]:
    known = [each for each in pools if each["max_usd_per_hour"] is not None]
    if not known:
        return
    least, most = (sum(each[key] or 0 for each in known) for key in ("min_usd_per_hour", "max_usd_per_hour"))
    without = [each["name"] for each in pools if each not in known]
    missing = f", and what {', '.join(without)} cost, which is not known" if without else ""
    yield (
        f"machines: {least:,.2f} to {most:,.2f} USD an hour by list prices; add control plane, disks, network and"
        f" load balancers{missing}"
    )


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    widths = [max(len(row[column]) for row in [head, *rows]) for column in range(len(head))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in [head, *rows]
    )
