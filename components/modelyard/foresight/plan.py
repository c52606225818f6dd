"""What a stack would make, pool by pool and workload by workload."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TypedDict

from modelyard.batch.spec import BatchJobSpec, ScheduledJobSpec, TrainingJobSpec
from modelyard.cluster.node_source import NodeSource
from modelyard.cluster.pools import Pool, resolve_pools
from modelyard.cluster.spec import ClusterSpec
from modelyard.foresight.cost import node_usd_per_hour
from modelyard.foresight.queues import PlannedQueue, planned_queues
from modelyard.foresight.service_objects import service_objects
from modelyard.gpu.contract import GpuContract
from modelyard.gpu.request import capacity_kind
from modelyard.platform.gateway_spec import GatewaySpec
from modelyard.serving.spec import ModelServiceSpec
from modelyard.serving.variants import Variant
from modelyard.stack.spec import StackSpec
from modelyard.workspace.spec import fabric_namespace
from modelyard.workspace.workload_spec import WorkloadSpec


class PlannedService(TypedDict):
    """What is foreseen of a version of a model service.

    `startup_seconds` is its start-up budget, and `weight_percent` its share of the requests at the gateway. The prices
    are list prices of its nodes, were they its own alone; None where they are not known. The memory is of each of a
    replica's GPUs, GiB, that its model needs at least and that servers use by default; None where the model's size or
    the GPUs are not known.
    """

    startup_seconds: int
    nodes_per_replica: int
    weight_percent: int
    min_usd_per_hour: float | None
    max_usd_per_hour: float | None
    needed_gpu_memory_gib: float | None
    usable_gpu_memory_gib: float | None


class PlannedWorkload(TypedDict):
    """One workload. `min_pods` and `max_pods` run at a time, on `min_nodes` and `max_nodes` where it has them to
    itself, with the room that is kept for further replicas; the rest is what each pod asks for. `namespace` is the
    workspace's own, or its companion's for a training over a fabric. `service` is of model services only, of which each
    version that runs is one workload."""

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

    is_monitored: bool
    gateway: GatewaySpec | None
    cluster: ClusterSpec

    @property
    def installs_charts(self) -> bool:
        """Whether operators come from their charts."""
        return not self.cluster.local or self.cluster.local.installs_charts


def plan(stack: StackSpec) -> Plan:
    """What a valid stack would make."""
    source = NodeSource.of_stack(stack.cluster)
    pools = resolve_pools(source, stack.pools)
    is_monitored = stack.observability.metrics is not None
    further = _Further(is_monitored=is_monitored, gateway=stack.platform.gateway, cluster=stack.cluster)
    workloads = [
        planned
        for workspace, spec in stack.workspaces.items()
        for _, name, workload in spec.workloads()
        for planned in _planned(workspace, name, workload, pools, further)
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


def _planned(
    workspace: str, name: str, spec: WorkloadSpec, pools: Mapping[str, Pool], further: _Further
) -> Iterator[PlannedWorkload]:
    if not isinstance(spec, ModelServiceSpec):
        kind, makes, least, most = _shape(spec)
        yield _workload(workspace, name, spec, pools[spec.pool], kind=kind, makes=makes, pods=(least, most))
        return
    for variant in spec.parts:
        own, pool = variant.spec, pools[variant.spec.pool]
        planned = _workload(
            workspace,
            name if variant.is_main else variant.name_of(name),
            own,
            pool,
            kind="ModelService",
            makes=list(
                service_objects(
                    spec,
                    variant,
                    further.gateway,
                    is_monitored=further.is_monitored,
                    has_policies=further.installs_charts,
                )
            ),
            pods=(own.min_replicas * own.nodes, own.max_replicas * own.nodes),
            spare=spec.spare_replicas if variant.is_main else 0,
        )
        usd = node_usd_per_hour(further.cluster, pool)
        nodes = (planned["min_nodes"], planned["max_nodes"])
        yield {**planned, "service": _service(variant, pool, usd, nodes)}


def _workload(
    workspace: str,
    name: str,
    spec: WorkloadSpec,
    pool: Pool,
    *,
    kind: str,
    makes: list[str],
    pods: tuple[int, int],
    spare: int = 0,
) -> PlannedWorkload:
    needs = spec.resources_on(pool)
    least, most = pods
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
        "min_nodes": math.ceil((least + spare) / per_node),
        "max_nodes": min(pool.max_nodes, math.ceil((most + spare) / per_node)),
        "gpus": needs.gpus,
        "cpus": needs.pod_cpus,
        "memory_gib": needs.pod_memory_gib,
        "service": None,
    }


def _service(variant: Variant, pool: Pool, usd_per_hour: float | None, nodes: tuple[int, int]) -> PlannedService:
    spec = variant.spec
    memory = spec.gpu_memory_on(pool)
    least, most = (None if usd_per_hour is None else round(usd_per_hour * each, 4) for each in nodes)
    return {
        "startup_seconds": spec.startup_seconds,
        "nodes_per_replica": spec.nodes,
        "weight_percent": variant.weight_percent,
        "min_usd_per_hour": least,
        "max_usd_per_hour": most,
        "needed_gpu_memory_gib": memory.needed_gib if memory else None,
        "usable_gpu_memory_gib": memory.usable_gib if memory else None,
    }


def _shape(spec: WorkloadSpec) -> tuple[str, list[str], int, int]:
    """Kind of a task, kinds of objects that it makes, and the fewest and most pods at a time."""
    match spec:
        case TrainingJobSpec():
            return "TrainingJob", ["Job", "Service"], spec.nodes, spec.nodes
        case ScheduledJobSpec():
            return "ScheduledJob", ["CronJob"], 0, spec.parallelism
        case BatchJobSpec():
            return "BatchJob", ["Job"], spec.parallelism, spec.parallelism
        case _:
            raise AssertionError(f"{type(spec).__name__} is no kind of workload")
