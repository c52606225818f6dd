"""What can be wrong with a server over several nodes: a group of pods, one on each. Imports no Pulumi package."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from modelyard.cluster.pools import Pool
from modelyard.errors import Problem
from modelyard.workspace.fabric import OnFabric

if TYPE_CHECKING:
    from modelyard.serving.spec import ModelServiceSpec
    from modelyard.serving.variants import Variant

ON_FABRIC = OnFabric(kind="services", path="pool", otherwise="use fewer GPUs, those of one node,")
"""How a service speaks of itself where its pods need a capability."""
FURTHER_NODES_SECONDS = 900
"""For the nodes of a replica after its first, for which the first one's program waits: an autoscaler adds them one
after the other, each with its driver and an image of 10 GiB."""
_VENDORS = ("nvidia", "amd")
"""Whose GPUs servers join over several nodes by themselves, through NCCL or RCCL."""


def group_problems(gpus: int, nodes: int, pool: Pool) -> Iterator[Problem]:
    """Why a replica of so many nodes, with so many GPUs on each, cannot work on that pool."""
    if nodes == 1 or not pool.accelerator:
        return
    size, name = pool.gpus_per_node, pool.name
    if pool.accelerator.vendor not in _VENDORS:
        why = f"a replica would span {nodes} nodes, and {pool.accelerator.name} of pool {name} are joined by no server"
        yield Problem(path="pool", why=f"{why} here", fix="use a pool with GPUs of NVIDIA or AMD")
    elif pool.gpu and pool.gpu.sharing_kind != "whole":
        why = (
            f"a replica would span {nodes} nodes, and pods of pool {name} have shares of GPUs, which may be of one node"
        )
        yield Problem(path="pool", why=why, fix="use a pool whose GPUs are whole")
    elif gpus < size:
        total = gpus * nodes
        why = f"a replica over several nodes takes all {size} GPUs of each, and its {total} are to be {gpus} on each"
        fix = f"set gpus: {min(total, size)}"
        yield Problem(path="gpus", why=f"{why} of {nodes}", fix=fix)


def of_left_out_gpus(problem: Problem, *, runtime: str, gpus: int, pool: Pool) -> Problem:
    """A problem of the number of a pod's GPUs, where the service leaves that out and it is the tensor_parallel."""
    path, size = f"runtime.{runtime}.tensor_parallel", pool.gpus_per_node
    if not size or gpus <= size:
        return replace(problem, path=path)
    why = f"each layer would be split over {gpus} GPUs, and a node of pool {pool.name} has {size}: those of several "
    fix = f"use tensor_parallel: {size} and pipeline_parallel: {math.ceil(gpus / size)}"
    return Problem(path=path, why=f"{why}nodes are not linked fast enough for that", fix=fix)


def namespace_problems(all_variants: Sequence["Variant"], pools: Mapping[str, Pool]) -> Iterator[Problem]:
    """Versions of a service that would run in different namespaces, where one Service cannot lead to both."""
    own, *others = all_variants
    apart = own.spec.needs_companion(pools[own.spec.pool])
    for other in others:
        if other.spec.needs_companion(pools[other.spec.pool]) != apart:
            why = "would run in another namespace than the service, as one of the two alone uses a fabric"
            fix = "use a pool like the service's for it, with the same runtime"
            yield Problem(path=f"{other.path}.pool" if other.path else "pool", why=why, fix=fix)


def controller_problems(all_variants: Sequence["Variant"], *, has_controller: bool) -> Iterator[Problem]:
    """Why a service cannot be made where nothing runs groups of pods."""
    if not has_controller and any(each.spec.spans_nodes for each in all_variants):
        why = "its replicas are groups of pods, and nothing is given that runs those"
        yield Problem(why=why, fix="pass leader_worker_sets=LeaderWorkerSets(...), one for the cluster")


def verify_problems(service: "ModelServiceSpec", pools: Mapping[str, Pool]) -> Iterator[Problem]:
    """Why a version whose replicas are groups of pods cannot be verified."""
    groups = [each.spec for each in service.variants if each.spec.spans_nodes]
    if not service.release or not service.release.verify or not groups:
        return
    if service.is_replaced_in_place:
        why = "runs the new version in the pod of a Job, and its replicas are groups of pods"
        yield Problem(path="release.verify", why=why, fix="use canary or blue_green, where it asks one that runs")
    elif any(each.needs_companion(pools[each.pool]) for each in groups):
        why = "runs in the workspace's own namespace, and the service on the fabric in another"
        yield Problem(path="release.verify", why=why, fix="leave it out, or use a pool without fabric")


def cache_problems(service: "ModelServiceSpec", pools: Mapping[str, Pool]) -> Iterator[Problem]:
    """Why a model cannot be kept on a volume of the companion namespace: the Job that fills it is in the workspace."""
    pool = pools.get(service.pool)
    if pool and service.needs_companion(pool) and service.model and service.model.cache:
        why = "is filled in the workspace's own namespace, and the service on the fabric mounts volumes of another"
        fix = "leave it out, or put the files on a volume under fabric.volumes and name that as the model's volume"
        yield Problem(path="model.cache", why=why, fix=fix)
