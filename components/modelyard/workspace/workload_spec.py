"""What every workload shares: the pool it runs on, what its pods ask for, and their environment."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import field, replace
from typing import ClassVar

from modelyard.cluster.pools import Pool, unknown_pool
from modelyard.errors import Problem
from modelyard.gpu.spec import GpuSliceSpec
from modelyard.kube.users import DEFAULT_USER_ID
from modelyard.spec import Amount, Name, Text, exactly_one, spec
from modelyard.workspace.place import Place, unknown_name, unknown_secret, unusable_artifact
from modelyard.workspace.pod_resources import PodResources
from modelyard.workspace.words import EnvName, Folder, MountPath, UserId

DEFAULT_CPUS = 1.0
DEFAULT_MEMORY_GIB = 2.0
"""Requests of a pod on a pool without accelerators: room for a Python process with a small model or a batch of data."""
_SHARED_MEMORY_GIB_PER_GPU = 2.0
"""What vLLM's documentation gives a server that spans GPUs: https://docs.vllm.ai/en/stable/deployment/k8s/"""


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
    without GPUs the container runtime's 64 MiB. Not on a pool whose GPUs are shared by MPS, which brings its own."""
    env: Mapping[EnvName, Text] = field(default_factory=dict[str, Text])
    """Environment variables in clear text."""
    env_from_secrets: Mapping[EnvName, Name] = field(default_factory=dict[str, str])
    """Environment variables from secrets of the workspace: the variable's name and the secret's."""
    env_from_object_stores: Mapping[EnvName, Name] = field(default_factory=dict[str, str])
    """Environment variables with the URLs of object stores of the workspace: the variable's name and the store's."""
    mounts: Sequence[MountSpec] = ()
    """Volumes, configuration and secrets of the workspace as files."""
    user_id: UserId | None = None
    """The number of the user that the containers run as. Left out: 10001, or that of a known image. An image whose
    files belong to a user of its own needs that user's number here."""

    GPU_FIELD: ClassVar[str] = "gpus"
    """The field in which this workload says how many GPUs each of its pods has."""

    @property
    def gpus_asked(self) -> int | GpuSliceSpec:
        """GPUs of each pod as the spec has them, 0 for none."""
        return getattr(self, self.GPU_FIELD)

    @property
    def gpu_count(self) -> int:
        """How many GPUs, slices or shares each pod has, 0 for none."""
        asked = self.gpus_asked
        return asked.count if isinstance(asked, GpuSliceSpec) else asked

    @property
    def run_as(self) -> int:
        """The number of the user that its containers run as."""
        return self.user_id or DEFAULT_USER_ID

    @property
    def spans_nodes(self) -> bool:
        """Whether its pods work together over several nodes."""
        return False

    def is_on_fabric(self, pool: Pool) -> bool:
        """Whether its pods use the fast network between nodes of this pool."""
        return self.spans_nodes and bool(pool.gpu and pool.gpu.has_fabric)

    def needs_companion(self, pool: Pool) -> bool:
        """Whether its pods need a capability on this pool that pod security `restricted` refuses."""
        return self.is_on_fabric(pool) and bool(pool.gpu and pool.gpu.pod_capabilities)

    @property
    def queue_name(self) -> str | None:
        """The queue that it waits in before it starts."""
        return None

    @property
    def artifact_read(self) -> str | None:
        """The job whose artifact it reads as its model."""
        return None

    @property
    def volume_read(self) -> tuple[str, str | None] | None:
        """The volume that it reads as its model, and the folder in it; None for the whole volume."""
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
        yield from _set_twice("env", self.env, "env_from_secrets", self.env_from_secrets)
        yield from _set_twice("env", self.env, "env_from_object_stores", self.env_from_object_stores)
        yield from _set_twice(
            "env_from_secrets", self.env_from_secrets, "env_from_object_stores", self.env_from_object_stores
        )
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
        yield from _pool_problems(pool, spans_nodes=self.spans_nodes, is_queued=self.queue_name is not None)
        # The share of a node's GPUs fits whenever they do.
        cpus = self.cpus if self.gpu_count else self.cpus or DEFAULT_CPUS
        memory_gib = self.memory_gib if self.gpu_count else self.memory_gib or DEFAULT_MEMORY_GIB
        found = list(pool.problems(gpus=self.gpus_asked, cpus=cpus, memory_gib=memory_gib))
        yield from (replace(problem, path=_renamed(problem.path, self.GPU_FIELD)) for problem in found)
        if any(problem.path.split(".")[0] == "gpus" for problem in found):
            return
        needs = self.resources_on(pool)
        if self.shared_memory_gib is not None and self._has_shared_memory_of_mps(pool):
            why = f"MPS, which shares the GPUs of pool {pool.name}, brings its own /dev/shm"
            yield Problem(path="shared_memory_gib", why=why, fix="leave it out, or use a pool without mps")
        if self.memory_gib is None:
            yield from _below("memory_limit_gib", self.memory_limit_gib, "memory_gib", needs.memory_gib)
        if self.cpus is None:
            yield from _below("cpu_limit", self.cpu_limit, "cpus", needs.cpus)
        if needs.shared_memory_gib is not None and needs.shared_memory_gib >= needs.memory_limit_gib:
            why = f"{needs.shared_memory_gib:g} leaves nothing of the pod's {needs.memory_limit_gib:g} GiB"
            yield Problem(path="shared_memory_gib", why=why, fix="lower it, or raise memory_gib")

    def _has_shared_memory_of_mps(self, pool: Pool) -> bool:
        """Whether the device plugin mounts the /dev/shm of the MPS server, by which programs reach it, into the pods.
        https://github.com/NVIDIA/k8s-device-plugin/blob/v0.20.0/internal/plugin/server.go"""
        return bool(self.gpu_count and pool.gpu and pool.gpu.sharing_kind == "mps")

    def _unknown_names(self, place: Place) -> Iterator[Problem]:
        for variable, secret in self.env_from_secrets.items():
            yield from unknown_secret(place.secrets, secret, f"env_from_secrets.{variable}")
        for variable, store in self.env_from_object_stores.items():
            path = f"env_from_object_stores.{variable}"
            yield from unknown_name(place.object_stores, store, path, "object store", "object_stores")
        for index, mount in enumerate(self.mounts):
            path = f"mounts[{index}]"
            if mount.volume:
                yield from unknown_name(place.volumes, mount.volume, f"{path}.volume", "volume", place.volumes_block)
            if mount.config:
                yield from unknown_name(place.config, mount.config, f"{path}.config", "configuration", "config")
            if mount.secret:
                yield from unknown_secret(place.secrets, mount.secret, f"{path}.secret")
        if self.artifact_written:
            volume = self.artifact_written.volume
            yield from unknown_name(place.volumes, volume, "artifact.volume", "volume", "volumes")
        if self.artifact_read:
            yield from unusable_artifact(place.artifacts, self.artifact_read)

    def resources_on(self, pool: Pool) -> PodResources:
        """What each pod asks for on this pool."""
        gpus, gpu = self.gpu_count, pool.gpu if self.gpu_count else None
        on_fabric = gpu if self.is_on_fabric(pool) else None
        cpus, memory_gib = pool.share(self.gpus_asked) if gpu else (DEFAULT_CPUS, DEFAULT_MEMORY_GIB)
        memory_gib = self.memory_gib or memory_gib
        limit_gib = self.memory_limit_gib or memory_gib
        shared_gib = self.shared_memory_gib or (min(_SHARED_MEMORY_GIB_PER_GPU * gpus, limit_gib / 2) if gpu else None)
        return PodResources(
            gpus=gpus,
            gpu_resource=next(iter(gpu.requested(self.gpus_asked)), None) if gpu else None,
            device_class=pool.device_class if gpu else None,
            fabric=on_fabric.fabric_share(gpus) if on_fabric else {},
            fabric_claim=on_fabric.fabric_claim.share(gpus, on_fabric.gpus)
            if on_fabric and on_fabric.fabric_claim
            else None,
            fabric_networks=on_fabric.fabric_networks if on_fabric else 0,
            cpus=self.cpus or cpus,
            cpu_limit=self.cpu_limit,
            memory_gib=memory_gib,
            memory_limit_gib=limit_gib,
            shared_memory_gib=None if self._has_shared_memory_of_mps(pool) else shared_gib,
        )


def _pool_problems(pool: Pool, *, spans_nodes: bool, is_queued: bool) -> Iterator[Problem]:
    if pool.is_queued and not is_queued:
        why = f"nodes of pool {pool.name} come for a ProvisioningRequest only, which is made for jobs in a queue"
        fix = "use a job with a queue that has this pool, or a pool with capacity: flex_start"
        yield Problem(path="pool", why=why, fix=fix)
    if pool.gpu and pool.gpu.slice_nodes > 1 and not spans_nodes:
        why = f"a slice of pool {pool.name} has {pool.gpu.slice_nodes} nodes, all of which have to be used together"
        yield Problem(path="pool", why=why, fix="use a training job over all of them, or a pool of smaller slices")


def _set_twice(block: str, names: Collection[str], other_block: str, others: Collection[str]) -> Iterator[Problem]:
    for name in sorted({*names} & {*others}):
        yield Problem(path=f"{block}.{name}", why=f"is also set in {other_block}", fix="keep one of the two")


def _renamed(path: str, gpu_field: str) -> str:
    return gpu_field + path.removeprefix("gpus") if path.split(".", maxsplit=1)[0] == "gpus" else path


def _below(limit_name: str, limit: float | None, name: str, request: float | None) -> Iterator[Problem]:
    if limit is not None and request is not None and limit < request:
        why = f"{limit:g} is below {name} {request:g}"
        yield Problem(path=limit_name, why=why, fix=f"raise it, lower {name}, or leave it out")
