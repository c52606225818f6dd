"""What workloads without problems of their own take from each other: volumes of one node, a workspace's quota, nodes of
a pool. Imports no Pulumi package."""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

from modelyard.batch.spec import ScheduledJobSpec, TrainingJobSpec
from modelyard.cluster.node_source import NodeSource
from modelyard.cluster.pools import POOL_LABEL, Pool
from modelyard.errors import Problem, join_path
from modelyard.serving.automatic_rules import automatic_of
from modelyard.serving.model_spec import DOWNLOADED
from modelyard.serving.spec import ModelServiceSpec
from modelyard.workspace.place import Place
from modelyard.workspace.quota import counted, field_of, limits
from modelyard.workspace.spec import WorkspaceSpec
from modelyard.workspace.workload_spec import WorkloadSpec

_ROUNDING = 0.01
"""vCPUs or GiB by which a sum may exceed a quota, as requests of pods are rounded one by one."""
_IMAGE_GIB = 10
"""What a server's image with CUDA takes at least, unpacked, beside the model."""
_USABLE_DISK = 0.9
"""The kubelet ends pods when a tenth of its disk is left.
https://kubernetes.io/docs/concepts/scheduling-eviction/node-pressure-eviction/#hard-eviction-thresholds"""


def held_volume_problems(workloads: Mapping[str, WorkloadSpec], place: Place, source: NodeSource) -> Iterator[Problem]:
    """Volumes that one node mounts at a time, which a service holds on one pool and something else wants on another.

    A service never lets go of its volumes, so that another service, or a run of a scheduled job, would wait on the
    other pool for ever. A job or a training that runs once passes: it may have ended before the service came, as it has
    where the service reads its artifact. So do tasks among each other, which wait for one another's end.

    Args:
        workloads: those of one workspace that have no problems, by their paths there, services first.
        place: what is around them.
        source: where the nodes of the pools come from.
    """
    held: dict[tuple[bool, str], dict[str, Pool]] = {}
    for path, workload in workloads.items():
        if not isinstance(workload, ModelServiceSpec | ScheduledJobSpec):
            continue
        wanted = {key: (field, pool) for key, field, pool in reversed(list(_unshared_volumes(workload, place)))}
        for (inside, volume), (field, pool) in wanted.items():
            holders = held.setdefault((inside, volume), {})
            holder = next((each for each in holders.items() if _are_apart(each[1], pool, source)), None)
            if holder:
                why = f"volume {volume} can be on one node at a time, and {holder[0]} holds it on pool {holder[1].name}"
                why = f"{why}: pods on pool {pool.name} would wait for it for ever"
                fix = f"set shared: true on volume {volume}, or run both on one pool, of one node"
                yield Problem(path=f"{path}.{field}", why=why, fix=fix)
            if isinstance(workload, ModelServiceSpec):
                holders[path] = pool


def _unshared_volumes(workload: WorkloadSpec, place: Place) -> Iterator[tuple[tuple[bool, str], str, Pool]]:
    """The volumes that one node mounts at a time and pods of a workload mount: whether it is the companion namespace's,
    and its name; the field that says so; the pods' pool."""
    parts = workload.parts if isinstance(workload, ModelServiceSpec) else ()
    for prefix, spec in [(part.path, part.spec) for part in parts] or [("", workload)]:
        pool = place.pools[spec.pool]
        inside = spec.needs_companion(pool)
        around = replace(place, unshared_volumes=place.unshared_fabric_volumes) if inside else place
        used = dict(spec.unshared_volumes(around))
        cached = spec.model.cached if isinstance(spec, ModelServiceSpec) and spec.model else None
        if cached and cached.volume in around.unshared_volumes:
            used["model.cache.volume"] = cached.volume
        yield from (((inside, volume), join_path(prefix, field), pool) for field, volume in used.items())


def _are_apart(one: Pool, other: Pool, source: NodeSource) -> bool:
    """Whether no node is of both pools. On this machine one node is of all pools without accelerators, and nodes that
    exist already are of every pool whose labels they carry."""
    if one.name == other.name:
        return False
    if source.kind == "local":
        return bool(one.accelerator or other.accelerator)
    if source.kind == "existing":
        labels, others = (pool.spec.node_labels or {POOL_LABEL: pool.name} for pool in (one, other))
        return any(others.get(key, value) != value for key, value in labels.items())
    return True


def quota_problems(
    workspace: WorkspaceSpec, workloads: Mapping[str, WorkloadSpec], pools: Mapping[str, Pool]
) -> Iterator[Problem]:
    """Quotas that keep a workload from ever running, or an update of a service from ever ending.

    Of a workload by itself its least form counts: the fewest replicas of a service, with the room that is kept for
    more, and what an update has beside them; all nodes of a training; one pod of a job. All services of a namespace
    have their fewest replicas at the same time. Jobs follow one another, and what autoscaling adds is a ceiling only.

    Args:
        workspace: whose quotas they are.
        workloads: those in it that have no problems, by their paths there.
        pools: the cluster's.
    """
    quotas = {"quota": workspace.quota, **({"fabric.quota": workspace.fabric.quota} if workspace.fabric else {})}
    for path, quota in quotas.items():
        here = {
            name: each
            for name, each in workloads.items()
            if _runs_in_companion(each, pools) == (path == "fabric.quota")
        }
        for resource, most in limits(quota, pools).items():
            field, what = field_of(resource)
            needs = {
                name: _needed(each, lambda spec, of=resource: _counted(spec, of, pools), with_spare=True)
                for name, each in here.items()
            }
            found = list(_quota_problems(needs, what, most))
            yield from (problem.under(f"{path}.{field}") for problem in found)


@dataclass(frozen=True, kw_only=True)
class _Need:
    """What a workload asks for of one resource.

    Attributes:
        least: in its least form.
        always: at all times.
        update: during an update, beside that.
        without_update: what to set so that an update needs no more.
    """

    least: float
    always: float = 0
    update: float = 0
    without_update: str = "set surge: 0 there"


def _quota_problems(needs: Mapping[str, _Need], what: str, most: float) -> Iterator[Problem]:
    """What exceeds one limit; paths are empty."""
    allowed = f"and it allows {most:g}"
    alone = {name: need for name, need in needs.items() if need.least + need.update > most + _ROUNDING}
    for name, need in alone.items():
        if need.least > most + _ROUNDING:
            why = f"{name} asks for {need.least:g} {what} at once, {allowed}"
            yield Problem(why=why, fix="raise it, or lower what that asks for")
        else:
            why = f"{name} asks for {need.least:g} {what}, and for {need.update:g} more during an update, {allowed}"
            yield Problem(why=why, fix=f"raise it, or {need.without_update}")
    running = {name: need for name, need in needs.items() if need.always}
    if alone or not running:
        return
    together = sum(need.always for need in running.values())
    most_updated = max(running.values(), key=lambda need: need.update)
    why = f"{', '.join(running)} ask for {together:g} {what} at all times"
    if together > most + _ROUNDING:
        yield Problem(why=f"{why}, {allowed}", fix="raise it, or lower what they ask for")
    elif together + most_updated.update > most + _ROUNDING:
        why = f"{why}, and an update of one for {most_updated.update:g} more, {allowed}"
        yield Problem(why=why, fix=f"raise it, or {most_updated.without_update}")


def _runs_in_companion(workload: WorkloadSpec, pools: Mapping[str, Pool]) -> bool:
    own = workload.parts[0].spec if isinstance(workload, ModelServiceSpec) else workload
    return own.needs_companion(pools[own.pool])


def _counted(spec: WorkloadSpec, resource: str, pools: Mapping[str, Pool]) -> float:
    return counted(spec.resources_on(pools[spec.pool])).get(resource, 0)


def _needed(workload: WorkloadSpec, of_pod: Callable[[WorkloadSpec], float], *, with_spare: bool) -> _Need:
    """What a workload needs of something.

    Args:
        workload: without problems.
        of_pod: what a pod of it, or of a version of it, asks for.
        with_spare: whether room that is kept for further replicas counts.
    """
    if not isinstance(workload, ModelServiceSpec):
        nodes = workload.nodes if isinstance(workload, TrainingJobSpec) else 1
        return _Need(least=of_pod(workload) * nodes)
    parts = [(part.spec.min_replicas, part.spec.surge, of_pod(part.spec) * part.spec.nodes) for part in workload.parts]
    spare = workload.spare_replicas * parts[0][-1] if with_spare else 0
    if automatic_of(workload):
        update = sum(replicas * each for replicas, _, each in parts)
    else:
        # One replica more is enough for an update to go on, however many may surge.
        update = max(each if replicas and surge else 0 for replicas, surge, each in parts)
    return _Need(
        least=sum(max(replicas, 1) * each for replicas, _, each in parts) + spare,
        always=sum(replicas * each for replicas, _, each in parts) + spare,
        update=update,
        without_update="leave release.automatic out" if automatic_of(workload) else _Need.without_update,
    )


def crowded_pool_problems(services: Mapping[str, ModelServiceSpec], pools: Mapping[str, Pool]) -> Iterator[Problem]:
    """Pools whose GPUs are fewer than services have at all times, at the fewest replicas of each. Paths begin with the
    pool's name. Spare room does not count: it gives way to replicas.

    Args:
        services: those of all workspaces that have no problems, by their paths.
        pools: the cluster's, whose nodes the stack makes.
    """
    for pool in pools.values():
        devices = {
            needs.gpu_resource or str(needs.device_class): needs.devices_per_node(pool)
            for service in services.values()
            for part in service.parts
            if part.spec.pool == pool.name and (needs := part.spec.resources_on(pool)).gpus
        }
        for resource, of_node in devices.items():
            yield from _crowded_problems(services, pool, resource, of_node)


def _crowded_problems(
    services: Mapping[str, ModelServiceSpec], pool: Pool, resource: str, of_node: int
) -> Iterator[Problem]:
    def of_pod(spec: WorkloadSpec) -> float:
        needs = spec.resources_on(pool) if spec.pool == pool.name else None
        return needs.gpus if needs and resource in {needs.gpu_resource, needs.device_class} else 0

    needs = {path: _needed(each, of_pod, with_spare=False) for path, each in services.items()}
    running = {path: need for path, need in needs.items() if need.always}
    always, most = sum(need.always for need in running.values()), of_node * pool.max_nodes
    if always > most:
        listed = ", ".join(f"{path} for {need.always:g}" for path, need in running.items())
        why = f"{pool.max_nodes} allows {most} {resource}, and services ask for {always:g} at all times ({listed})"
        fix = f"raise it to {math.ceil(always / of_node)}, or give some fewer replicas"
        yield Problem(path=f"{pool.name}.max_nodes", why=why, fix=fix)


def disk_problems(services: Mapping[str, ModelServiceSpec], disks_gib: Mapping[str, int]) -> Iterator[Problem]:
    """Models that each pod downloads to its node's disk, and that are larger than it.

    Args:
        services: those of all workspaces that have no problems, by their paths.
        disks_gib: the disk of a node, by the pool; pools whose disk is not known are left out.
    """
    for path, service in services.items():
        said: set[tuple[str, float]] = set()
        for part in service.parts:
            model, disk_gib = part.spec.model, disks_gib.get(part.spec.pool)
            if not model or not model.size_gib or not disk_gib or model.cache or model.source not in DOWNLOADED:
                continue
            needed_gib = (model.size_gib + _IMAGE_GIB) / _USABLE_DISK
            if needed_gib > disk_gib and (part.spec.pool, model.size_gib) not in said:
                said.add((part.spec.pool, model.size_gib))
                why = (
                    f"{model.size_gib:g} GiB and an image have no room on the disk of {disk_gib} GiB of a node of pool"
                )
                fix = f"set disk_gib: {math.ceil(needed_gib)} or more on the pool, or keep the model on a cache"
                yield Problem(
                    path=join_path(path, join_path(part.path, "model.size_gib")),
                    why=f"{why} {part.spec.pool}, which each pod downloads it to",
                    fix=fix,
                )
