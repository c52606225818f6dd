"""What a workload finds around it, as names, and what is wrong where it names something else."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

from modelyard.cluster.pools import Pool
from modelyard.errors import Problem, show
from modelyard.platform.queues_rules import Queue


@dataclass(frozen=True, kw_only=True)
class WrittenArtifact:
    """A job's artifact as others find it.

    Attributes:
        volume: the workspace's volume that it lies on.
        is_awaited: whether the update waits until the job has succeeded.
    """

    volume: str
    is_awaited: bool


@dataclass(frozen=True, kw_only=True)
class Place:
    """What a workload finds around it, as names.

    Attributes:
        pools: the cluster's pools.
        secrets: the workspace's secrets.
        volumes: its volumes.
        config: its configuration.
        object_stores: its object stores.
        queues: the queues that its jobs may wait in.
        priorities: the platform's priorities.
        artifacts: what jobs write, by the job.
        volume_sizes_gib: the sizes of its volumes.
        unshared_volumes: those of its volumes that one node mounts at a time.
        unshared_fabric_volumes: the same of the companion namespace's volumes.
        fabric_volumes: volumes of the companion namespace for workloads on a fabric; None where the workspace has none.
        volumes_block: the block that volumes are added under.
    """

    pools: Mapping[str, Pool]
    secrets: Collection[str] = ()
    volumes: Collection[str] = ()
    config: Collection[str] = ()
    object_stores: Collection[str] = ()
    queues: Mapping[str, Queue] = field(default_factory=dict[str, Queue])
    priorities: Collection[str] = ()
    artifacts: Mapping[str, WrittenArtifact] = field(default_factory=dict[str, WrittenArtifact])
    volume_sizes_gib: Mapping[str, float] = field(default_factory=dict[str, float])
    unshared_volumes: Collection[str] = ()
    unshared_fabric_volumes: Collection[str] = ()
    fabric_volumes: Collection[str] | None = None
    volumes_block: str = "volumes"


def unknown_name(known: Collection[str], name: str, path: str, what: str, block: str) -> Iterator[Problem]:
    """A problem unless the workspace has something of that name under that block."""
    if name not in known:
        fix = f"use one of {', '.join(sorted(known))}, or add it" if known else "add it"
        yield Problem(path=path, why=f"{show(name)} is no {what} of this workspace", fix=f"{fix} under {block}")


def unknown_secret(secrets: Collection[str], name: str, path: str) -> Iterator[Problem]:
    """A problem unless the workspace has a secret of that name."""
    yield from unknown_name(secrets, name, path, "secret", "secrets")


def unknown_priority(priorities: Collection[str], name: str) -> Iterator[Problem]:
    """A problem unless the platform has a priority of that name."""
    if name not in priorities:
        fix = f"use one of {', '.join(sorted(priorities))}, or add it" if priorities else "add it"
        why = f"{show(name)} is no priority of this stack"
        yield Problem(path="priority", why=why, fix=f"{fix} under platform.priorities")


def unusable_artifact(artifacts: Mapping[str, WrittenArtifact], job: str) -> Iterator[Problem]:
    """A problem unless that job writes an artifact which something waits for."""
    path = "model.artifact"
    if job not in artifacts:
        named = f"name one of {', '.join(sorted(artifacts))}" if artifacts else "give a job an artifact and name it"
        why = f"{show(job)} is no job of this workspace that writes an artifact"
        yield Problem(path=path, why=why, fix=named)
    elif not artifacts[job].is_awaited:
        why = f"nothing waits until {job} has written its artifact"
        yield Problem(path=path, why=why, fix=f"set await_completion: true on {job}, or name a job that has it")
