"""What can be wrong with a workload over the fabric between a pool's nodes. Imports no Pulumi package."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from modelyard.cluster.pools import Pool
from modelyard.errors import Problem
from modelyard.workspace.place import Place
from modelyard.workspace.workload_spec import WorkloadSpec


@dataclass(frozen=True, kw_only=True)
class OnFabric:
    """How a kind of workload speaks of itself in messages.

    Attributes:
        kind: what it is, in the plural.
        path: the field that makes it span nodes.
        otherwise: what to do instead of that, before "or a pool without fabric".
    """

    kind: str
    path: str
    otherwise: str


def problems_on_fabric(
    spec: WorkloadSpec, place: Place, words: OnFabric, check: Callable[[Place], Iterator[Problem]]
) -> Iterator[Problem]:
    """The problems of a workload in the namespace that it runs in: its workspace's own, or the companion where its pods
    need a capability that pod security `restricted` refuses.

    Args:
        spec: the workload.
        place: what is around it in its workspace.
        words: how it speaks of itself.
        check: what is wrong with it, given what is around it.
    """
    pool = place.pools.get(spec.pool)
    if not pool or not spec.needs_companion(pool):
        yield from check(place)
    elif place.fabric_volumes is None:
        yield _no_companion(pool, words)
        yield from check(place)
    else:
        yield from _companion_problems(spec, pool, words)
        inside = replace(
            place,
            volumes=place.fabric_volumes,
            unshared_volumes=place.unshared_fabric_volumes,
            volumes_block="fabric.volumes",
        )
        yield from (problem for problem in check(inside) if not _is_of_artifacts(problem))


def _no_companion(pool: Pool, words: OnFabric) -> Problem:
    why = f"over several nodes of pool {pool.name}, whose network locks memory, pods need {_needed(pool)}, which pod "
    fix = f"give the workspace fabric: {{}}, which makes a companion namespace for such {words.kind}, or "
    return Problem(
        path=words.path,
        why=f"{why}security restricted refuses",
        fix=f"{fix}{words.otherwise} or a pool without fabric",
    )


def _companion_problems(spec: WorkloadSpec, pool: Pool, words: OnFabric) -> Iterator[Problem]:
    """Why a workload cannot run in the companion namespace."""
    if spec.user_id is not None:
        why = f"{_needed(pool)} has an effect for root only, as whom pods on the fabric run"
        yield Problem(path="user_id", why=why, fix="leave it out")
    apart = f"{words.kind} on the fabric run in a namespace of their own, whose volumes nothing else mounts"
    fix = "read it from an object store, or from a volume under fabric.volumes that it is copied to"
    if spec.artifact_read:
        yield Problem(path=_READ, why=apart, fix=fix)
    for path, folder in spec.folders_read.items():
        if folder.artifact:
            yield Problem(path=folder.field, why=f"{apart}, so that {path} would be empty", fix=fix)
    if spec.artifact_written:
        fix = "write to an object store, or to a volume under fabric.volumes with mounts"
        yield Problem(path=_WRITTEN, why=apart, fix=fix)


_READ, _WRITTEN = "model", "artifact"


def _is_of_artifacts(problem: Problem) -> bool:
    """Whether it is one of an artifact, which is refused as such."""
    path = problem.path
    return path.split(".")[0] == _WRITTEN or path == _READ or path.endswith(".artifact")


def _needed(pool: Pool) -> str:
    return " and ".join(pool.gpu.pod_capabilities) if pool.gpu else ""


def fabric_share_problems(gpus: int, pool: Pool) -> Iterator[Problem]:
    """Why so many of a node's GPUs have no whole number of the fabric's devices."""
    if not pool.gpu or not pool.gpus_per_node or not gpus or gpus > pool.gpus_per_node:
        return
    if pool.gpu.fabric_networks and gpus < pool.gpus_per_node:
        size = pool.gpus_per_node
        why = (
            f"the {pool.gpu.fabric_networks} network cards of a node go to one pod, and with {gpus} of its {size} GPUs"
        )
        yield Problem(path="gpus_per_node", why=f"{why} most would be idle", fix=f"use {size}, or nodes: 1")
    claim = pool.gpu.fabric_claim
    counts = {} if pool.gpu.fabric_is_shared else dict(pool.gpu.fabric_resources)
    for resource, count in {**counts, **({claim.device_class: claim.count} if claim else {})}.items():
        if count * gpus % pool.gpus_per_node:
            size = pool.gpus_per_node
            *most, last = [str(each) for each in range(1, size + 1) if size % each == 0 and count * each % size == 0]
            why = f"no whole number of the node's {count} {resource} goes with {gpus} of {size} GPUs"
            use = f"{', '.join(most)} or {last}" if most else last
            yield Problem(path="gpus_per_node", why=why, fix=f"use {use}")
