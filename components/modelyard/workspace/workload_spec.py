"""What every workload shares: the pool it runs on, what its pods ask for, and their environment."""

import posixpath
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Annotated, ClassVar

import annotated_types

from modelyard.cluster.pools import Pool, unknown_pool
from modelyard.errors import Problem, show
from modelyard.spec import Amount, Name, Rule, Text, exactly_one, spec

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

MODEL_PATH = "/model"
"""Where a workload finds the model that it reads; also in the variable MODEL_PATH."""
ARTIFACT_PATH = "/artifact"
"""Where a job writes its artifact; also in the variable ARTIFACT_PATH."""
_OWN_PATHS = (MODEL_PATH, ARTIFACT_PATH, "/tmp", "/dev", "/proc", "/sys", "/cache")  # noqa: S108  # in the container


def _check_mount_path(text: str) -> tuple[str, str] | None:
    if text != posixpath.normpath(text) or not re.fullmatch(r"/[^\x00-\x20:]+", text):
        return (
            f"{show(text)} is no place for files",
            "write one like /data: absolute, without a slash at the end or '..'",
        )
    taken = next((path for path in _OWN_PATHS if text == path or text.startswith(f"{path}/")), None)
    return (f"{show(text)} lies in {taken}, which is taken", "choose another, for example /data") if taken else None


MountPath = Annotated[str, Rule(_check_mount_path, {"pattern": "^/[^/]"})]
"""Where a container sees files: an absolute path of its own."""


def _check_folder(text: str) -> tuple[str, str] | None:
    if re.fullmatch(r"[\w.-]+(/[\w.-]+)*", text, re.ASCII) and not {".", ".."} & set(text.split("/")):
        return None
    return (
        f"{show(text)} is no folder of a volume",
        "write one like digits/2: relative, of letters, digits, '.', '_', '-'",
    )


Folder = Annotated[str, Rule(_check_folder)]
"""A folder of a volume, relative to its top: `digits/2`."""


@spec
class MountSpec:
    """Files for a workload's containers: exactly one of `volume`, `config` and `secret`."""

    path: MountPath
    """Where the containers see them."""
    volume: Name | None = None
    """A volume of the workspace."""
    config: Name | None = None
    """Configuration of the workspace; each of its values is a file. A change rolls the pods."""
    secret: Name | None = None
    """A secret of the workspace, in the file `value`. A change rolls the pods."""
    folder: Folder | None = None
    """The folder of the volume that is mounted, made if need be. Left out: the whole volume."""
    read_only: bool = False
    """Whether the volume can only be read. Configuration and secrets always are."""

    def problems(self) -> Iterable[Problem]:
        """Exactly one source, and what only volumes have."""
        yield from exactly_one(self, "volume", "config", "secret")
        if not self.volume:
            for name, value in (("folder", self.folder), ("read_only", self.read_only)):
                if value:
                    yield Problem(path=name, why="has a meaning for volumes only", fix="leave it out")


@spec
class ArtifactSpec:
    """What a job leaves for others: a folder of a volume, which services and later jobs read as their model.

    A job that runs again writes into the same folder, beside what is read meanwhile: it must put each file in place in
    one step (write beside it, then rename).
    """

    volume: Name
    """A volume of the workspace."""
    folder: Folder
    """The folder of the volume. The job sees nothing else of the volume."""


@spec
class ReadArtifactSpec:
    """The model that a job reads."""

    artifact: Name
    """A job or training of the same workspace that has an `artifact`. This one starts after it has succeeded."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """What a workload finds around it, as names.

    Attributes:
        pools: the cluster's pools.
        secrets: the workspace's secrets.
        volumes: its volumes.
        config: its configuration.
        artifacts: jobs that write an artifact, and whether the update waits until they have succeeded.
    """

    pools: Mapping[str, Pool]
    secrets: Collection[str] = ()
    volumes: Collection[str] = ()
    config: Collection[str] = ()
    artifacts: Mapping[str, bool] = field(default_factory=dict[str, bool])


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
    mounts: Sequence[MountSpec] = ()
    """Volumes, configuration and secrets of the workspace as files."""
    user_id: UserId | None = None
    """The number of the user that the containers run as. Left out: 10001, or that of a known image. An image whose
    files belong to a user of its own needs that user's number here."""

    GPU_FIELD: ClassVar[str] = "gpus"
    """The field in which this workload says how many GPUs each of its pods has."""

    @property
    def gpus_per_pod(self) -> int:
        """GPUs of each pod, 0 for none."""
        return int(getattr(self, self.GPU_FIELD))

    @property
    def artifact_read(self) -> str | None:
        """The job whose artifact it reads as its model."""
        return None

    @property
    def artifact_written(self) -> ArtifactSpec | None:
        """What it leaves for others."""
        return None

    @property
    def is_awaited(self) -> bool:
        """Whether what reads its artifact starts after it has succeeded."""
        return False

    def problems(self) -> Iterable[Problem]:
        """Rules across the fields that need no pool."""
        yield from _below("memory_limit_gib", self.memory_limit_gib, "memory_gib", self.memory_gib)
        yield from _below("cpu_limit", self.cpu_limit, "cpus", self.cpus)
        for name in sorted(set(self.env) & set(self.env_from_secrets)):
            why = "is also set in env_from_secrets"
            yield Problem(path=f"env.{name}", why=why, fix="keep one of the two")
        paths = [mount.path for mount in self.mounts]
        for index, path in enumerate(paths):
            if path in paths[:index]:
                why = f"{path} is the path of another mount too"
                yield Problem(path=f"mounts[{index}].path", why=why, fix="choose another")

    def problems_on(self, place: Place) -> Iterator[Problem]:
        """Why a valid spec cannot work there."""
        yield from self._unknown_names(place)
        if self.pool not in place.pools:
            yield unknown_pool(place.pools, self.pool)
            return
        pool = place.pools[self.pool]
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

    def _unknown_names(self, place: Place) -> Iterator[Problem]:
        for variable, secret in self.env_from_secrets.items():
            yield from unknown_secret(place.secrets, secret, f"env_from_secrets.{variable}")
        for index, mount in enumerate(self.mounts):
            path = f"mounts[{index}]"
            if mount.volume:
                yield from _unknown(place.volumes, mount.volume, f"{path}.volume", "volume", "volumes")
            if mount.config:
                yield from _unknown(place.config, mount.config, f"{path}.config", "configuration", "config")
            if mount.secret:
                yield from unknown_secret(place.secrets, mount.secret, f"{path}.secret")
        if self.artifact_written:
            yield from _unknown(place.volumes, self.artifact_written.volume, "artifact.volume", "volume", "volumes")
        if self.artifact_read:
            yield from _unusable_artifact(place.artifacts, self.artifact_read)

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
    yield from _unknown(secrets, name, path, "secret", "secrets")


def _unknown(known: Collection[str], name: str, path: str, what: str, block: str) -> Iterator[Problem]:
    if name not in known:
        fix = f"use one of {', '.join(sorted(known))}, or add it" if known else "add it"
        yield Problem(path=path, why=f"{show(name)} is no {what} of this workspace", fix=f"{fix} under {block}")


def _unusable_artifact(artifacts: Mapping[str, bool], job: str) -> Iterator[Problem]:
    path = "model.artifact"
    if job not in artifacts:
        named = f"name one of {', '.join(sorted(artifacts))}" if artifacts else "give a job an artifact and name it"
        why = f"{show(job)} is no job of this workspace that writes an artifact"
        yield Problem(path=path, why=why, fix=named)
    elif not artifacts[job]:
        why = f"nothing waits until {job} has written its artifact"
        yield Problem(path=path, why=why, fix=f"set await_completion: true on {job}, or name a job that has it")


def _below(limit_name: str, limit: float | None, name: str, request: float | None) -> Iterator[Problem]:
    if limit is not None and request is not None and limit < request:
        why = f"{limit:g} is below {name} {request:g}"
        yield Problem(path=limit_name, why=why, fix=f"raise it, lower {name}, or leave it out")
