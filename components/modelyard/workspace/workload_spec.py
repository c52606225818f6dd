"""What every workload shares: the pool it runs on, what its pods ask for, and their environment."""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Annotated, ClassVar

import annotated_types

from modelyard.cluster.pools import Pool, unknown_pool
from modelyard.errors import Problem, show
from modelyard.spec import Amount, Name, Rule, Text, spec

DEFAULT_CPUS = 1.0
DEFAULT_MEMORY_GIB = 2.0
"""Requests of a pod on a pool without accelerators: room for a Python process with a small model or a batch of data."""
_SHARED_MEMORY_GIB_PER_GPU = 2.0
"""What vLLM's documentation gives a server that spans GPUs: https://docs.vllm.ai/en/stable/deployment/k8s/"""

_ENV_NAME = r"[A-Za-z_][A-Za-z0-9_]*"


def _check_env_name(text: str) -> tuple[str, str] | None:
    if re.fullmatch(_ENV_NAME, text):
        return None
    return f"{show(text)} is no variable's name", "use letters, digits and underscores, not beginning with a digit"


EnvName = Annotated[str, Rule(_check_env_name, {"pattern": f"^{_ENV_NAME}$"})]
"""The name of an environment variable."""

UserId = Annotated[int, annotated_types.Interval(ge=1, le=2**31 - 1)]
"""A user's number; 0 is root, which pod security `restricted` refuses."""

Port = Annotated[int, annotated_types.Interval(ge=1024, le=65535)]
"""A port that a process may open without being root."""


@dataclass(frozen=True, kw_only=True)
class PodResources:
    """What one pod asks for, with every default resolved.

    Attributes:
        gpus: whole GPUs, 0 for none.
        gpu_resource: the resource they are asked as: `nvidia.com/gpu`. None without GPUs.
        cpus: vCPUs asked for.
        cpu_limit: vCPUs it may use at most; None for as many as are idle.
        memory_gib: memory asked for, GiB.
        memory_limit_gib: memory above which it is killed, GiB.
        shared_memory_gib: size of /dev/shm, GiB, of that memory; None for the container runtime's 64 MiB.
    """

    gpus: int
    gpu_resource: str | None
    cpus: float
    cpu_limit: float | None
    memory_gib: float
    memory_limit_gib: float
    shared_memory_gib: float | None


@spec
class WorkloadSpec:
    """The base of everything that runs pods in a workspace. How a workload names its GPUs is its own."""

    pool: Name
    """The pool that its pods run on. Selector, tolerations and the GPUs' resource name follow from it."""
    cpus: Amount | None = None
    """vCPUs each pod asks for. Left out: on a GPU pool what goes with its GPUs, otherwise 1."""
    cpu_limit: Amount | None = None
    """vCPUs a pod may use at most. Left out: as many as are idle, since a limit slows a pod beside idle CPUs."""
    memory_gib: Amount | None = None
    """Memory each pod asks for, GiB. Left out: on a GPU pool what goes with its GPUs, otherwise 2."""
    memory_limit_gib: Amount | None = None
    """Memory above which a pod is killed, GiB. Left out: what it asks for, so that no node runs out of memory."""
    shared_memory_gib: Amount | None = None
    """Size of /dev/shm, GiB, which counts as the pod's memory. Left out: 2 for each GPU, at most half of the memory;
    without GPUs the container runtime's 64 MiB."""
    env: Mapping[EnvName, Text] = field(default_factory=dict[str, Text])
    """Environment variables in clear text."""
    env_from_secrets: Mapping[EnvName, Name] = field(default_factory=dict[str, str])
    """Environment variables from secrets of the workspace: the variable's name and the secret's."""
    user_id: UserId | None = None
    """The number of the user that the containers run as. Left out: 10001, or that of a known image. An image whose
    files belong to a user of its own needs that user's number here."""

    GPU_FIELD: ClassVar[str] = "gpus"
    """The field in which this workload says how many GPUs each of its pods has."""

    @property
    def gpus_per_pod(self) -> int:
        """GPUs of each pod, 0 for none."""
        return int(getattr(self, self.GPU_FIELD))

    def problems(self) -> Iterable[Problem]:
        """Rules across the fields that need no pool."""
        yield from _below("memory_limit_gib", self.memory_limit_gib, "memory_gib", self.memory_gib)
        yield from _below("cpu_limit", self.cpu_limit, "cpus", self.cpus)
        for name in sorted(set(self.env) & set(self.env_from_secrets)):
            why = "is also set in env_from_secrets"
            yield Problem(path=f"env.{name}", why=why, fix="keep one of the two")

    def problems_on(self, pools: Mapping[str, Pool], secrets: Collection[str]) -> Iterator[Problem]:
        """Why a valid spec cannot work on a cluster with these pools, in a workspace with secrets of these names."""
        for variable, secret in self.env_from_secrets.items():
            yield from unknown_secret(secrets, secret, f"env_from_secrets.{variable}")
        if self.pool not in pools:
            yield unknown_pool(pools, self.pool)
            return
        pool = pools[self.pool]
        needs = self.resources_on(pool)
        # The share of a node's GPUs fits whenever they do.
        cpus, memory_gib = (self.cpus, self.memory_gib) if needs.gpus else (needs.cpus, needs.memory_gib)
        for problem in pool.problems(gpus=self.gpus_per_pod, cpus=cpus, memory_gib=memory_gib):
            yield replace(problem, path=self.GPU_FIELD) if problem.path == "gpus" else problem
        if self.memory_gib is None:
            yield from _below("memory_limit_gib", self.memory_limit_gib, "memory_gib", needs.memory_gib)
        if self.cpus is None:
            yield from _below("cpu_limit", self.cpu_limit, "cpus", needs.cpus)
        if needs.shared_memory_gib is not None and needs.shared_memory_gib >= needs.memory_limit_gib:
            why = f"{needs.shared_memory_gib:g} leaves nothing of the pod's {needs.memory_limit_gib:g} GiB"
            yield Problem(path="shared_memory_gib", why=why, fix="lower it, or raise memory_gib")

    def resources_on(self, pool: Pool) -> PodResources:
        """What each pod asks for on this pool."""
        gpus = self.gpus_per_pod
        with_gpus = bool(gpus and pool.gpus_per_node)
        cpus, memory_gib = pool.share(gpus) if with_gpus else (DEFAULT_CPUS, DEFAULT_MEMORY_GIB)
        memory_gib = self.memory_gib or memory_gib
        limit_gib = self.memory_limit_gib or memory_gib
        shared_gib = min(_SHARED_MEMORY_GIB_PER_GPU * gpus, limit_gib / 2) if with_gpus else None
        return PodResources(
            gpus=gpus,
            gpu_resource=pool.accelerator.resource if with_gpus and pool.accelerator else None,
            cpus=self.cpus or cpus,
            cpu_limit=self.cpu_limit,
            memory_gib=memory_gib,
            memory_limit_gib=limit_gib,
            shared_memory_gib=self.shared_memory_gib or shared_gib,
        )


def unknown_secret(secrets: Collection[str], name: str, path: str) -> Iterator[Problem]:
    """A problem unless the workspace has a secret of that name."""
    if name not in secrets:
        known = f"use one of {', '.join(sorted(secrets))}, or add it" if secrets else "add it"
        yield Problem(path=path, why=f"{show(name)} is no secret of this workspace", fix=f"{known} under secrets")


def _below(limit_name: str, limit: float | None, name: str, request: float | None) -> Iterator[Problem]:
    if limit is not None and request is not None and limit < request:
        why = f"{limit:g} is below {name} {request:g}"
        yield Problem(path=limit_name, why=why, fix=f"raise it, lower {name}, or leave it out")
