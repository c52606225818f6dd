"""Volumes that one node mounts at a time, and pods that would be on several. Imports no Pulumi package."""

from collections.abc import Iterator

from modelyard.errors import Problem
from modelyard.workspace.place import Place
from modelyard.workspace.workload_spec import WorkloadSpec


def unshared_volume_problems(spec: WorkloadSpec, place: Place, *, pods: int, instead: str) -> Iterator[Problem]:
    """Pods of one workload on several nodes, of which all but those on the first would wait for the volume for ever.

    Args:
        spec: the workload.
        place: what is around it, with its pool.
        pods: the most pods that it has at a time, those of an update included.
        instead: what it can set to have one pod only: `nodes: 1`; empty where that is no choice.
    """
    pool = place.pools.get(spec.pool)
    if not pool or pods == 1 or pool.max_nodes == 1:
        return
    for path, volume in spec.unshared_volumes(place).items():
        why = f"volume {volume} can be on one node at a time, and pool {pool.name} has several for {pods} pods"
        fix = f"set shared: true on volume {volume}"
        yield Problem(path=path, why=why, fix=f"{fix}, or {instead} here" if instead else fix)
