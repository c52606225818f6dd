"""What can be wrong with a training job over the fabric between a pool's nodes. Imports no Pulumi package."""

from collections.abc import Iterable, Iterator

from modelyard.cluster.pools import Pool
from modelyard.errors import Problem
from modelyard.workspace.workload_spec import WorkloadSpec

_MODEL, _ARTIFACT = "model", "artifact"


def no_companion(pool: Pool) -> Problem:
    """The problem of a job whose pods need a capability, in a workspace without a companion namespace."""
    why = f"over several nodes of pool {pool.name}, whose network locks memory, pods need {_needed(pool)}, which pod "
    fix = "give the workspace fabric: {}, which makes a companion namespace for such jobs, or use nodes: 1"
    return Problem(path="nodes", why=f"{why}security restricted refuses", fix=f"{fix} or a pool without fabric")


def companion_problems(job: WorkloadSpec, pool: Pool) -> Iterator[Problem]:
    """Why a job cannot run in the companion namespace.

    Args:
        job: a job whose pods need a capability.
        pool: the pool whose contract names it.
    """
    if job.user_id is not None:
        why = f"{_needed(pool)} has an effect for root only, as whom pods on the fabric run"
        yield Problem(path="user_id", why=why, fix="leave it out")
    apart = "jobs on the fabric run in a namespace of their own, whose volumes nothing else mounts"
    if job.artifact_read:
        fix = "read it from an object store, or from a volume under fabric.volumes that it is copied to"
        yield Problem(path=_MODEL, why=apart, fix=fix)
    if job.artifact_written:
        fix = "write to an object store, or to a volume under fabric.volumes with mounts"
        yield Problem(path=_ARTIFACT, why=apart, fix=fix)


def outside_artifacts(problems: Iterable[Problem]) -> Iterator[Problem]:
    """The problems but those of artifacts, which `companion_problems` refuses as such."""
    return (problem for problem in problems if problem.path.split(".")[0] not in (_MODEL, _ARTIFACT))


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
