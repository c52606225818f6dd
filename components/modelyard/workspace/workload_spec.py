"""What every workload shares: the pool it runs on, what its pods ask for, and their environment."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import ClassVar

from modelyard.cluster.pools import Pool, unknown_pool
from modelyard.errors import Problem, join_path
from modelyard.gpu.spec import GpuSliceSpec
from modelyard.kube.users import DEFAULT_USER_ID
from modelyard.spec import Amount, Name, spec
from modelyard.workspace.container_spec import (
    EnvironmentSpec,
    FurtherContainerSpec,
    InitContainerSpec,
    MountSpec,
    SidecarSpec,
    further_name_problems,
    sidecar_port_problems,
)
from modelyard.workspace.folders_read import FolderRead
from modelyard.workspace.place import Place, unknown_name, unknown_priority, unusable_artifact
from modelyard.workspace.pod_resources import PodResources
from modelyard.workspace.words import Folder, UserId

DEFAULT_CPUS = 1.0
DEFAULT_MEMORY_GIB = 2.0
"""Requests of a pod on a pool without accelerators: room for a Python process with a small model or a batch of data."""
_SHARED_MEMORY_GIB_PER_GPU = 2.0
"""What vLLM's documentation gives a server that spans GPUs: https://docs.vllm.ai/en/stable/deployment/k8s/"""


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
class WorkloadSpec(EnvironmentSpec):
    """The base of everything that runs pods in a workspace. How a workload names its GPUs is its own."""

    pool: Name
    """The pool that its pods run on. Selector, tolerations and the GPUs' resource name follow from it."""
    cpus: Amount | None = None
    """vCPUs each pod asks for, those of `sidecars` aside. Left out: on a GPU pool what goes with its GPUs, less what
    sidecars ask for; otherwise 1."""
    cpu_limit: Amount | None = None
    """vCPUs a pod may use at most. Left out: as many as are idle, since a limit slows a pod beside idle CPUs."""
    memory_gib: Amount | None = None
    """Memory each pod asks for, GiB, that of `sidecars` aside. Left out: on a GPU pool what goes with its GPUs, less
    what sidecars ask for; otherwise 2."""
    memory_limit_gib: Amount | None = None
    """Memory above which a pod is killed, GiB. Left out: what it asks for, so that no node runs out of memory."""
    shared_memory_gib: Amount | None = None
    """Size of /dev/shm, GiB, which counts as the pod's memory. Left out: 2 for each GPU, at most half of the memory;
    without GPUs the container runtime's 64 MiB. Not on a pool whose GPUs are shared by MPS, which brings its own."""
    user_id: UserId | None = None
    """The number of the user that the containers run as. Left out: 10001, or that of a known image. An image whose
    files belong to a user of its own needs that user's number here."""
    init_containers: Sequence[InitContainerSpec] = ()
    """Containers that run to their end before its own starts, one after the other. One that fails runs again; in jobs
    that is another try."""
    sidecars: Sequence[SidecarSpec] = ()
    """Containers that run beside its own. They start after `init_containers`, in this order."""
    priority: Name | None = None
    """How its pods go before others where nodes are full; one of the platform's `priorities`. Left out: all such pods
    wait in turn, and none has to go for another. A queue has a priority of its own, which decides what starts."""

    GPU_FIELD: ClassVar[str] = "gpus"
    """The field in which this workload says how many GPUs each of its pods has."""
    CONTAINER: ClassVar[str | None] = None
    """What its own container is called. None: as the workload is."""

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
    def own_ports(self) -> Collection[int]:
        """Ports that its own container listens on."""
        return ()

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
    def folders_read(self) -> Mapping[str, FolderRead]:
        """What it reads beside its model, by the path where its container sees it."""
        return {}

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
        yield from super().problems()
        yield from _below("memory_limit_gib", self.memory_limit_gib, "memory_gib", self.memory_gib)
        yield from _below("cpu_limit", self.cpu_limit, "cpus", self.cpus)
        ports = self.own_ports if any(each.port for each in self.sidecars) else ()
        yield from sidecar_port_problems(self.sidecars, ports)
        yield from further_name_problems({"init_containers": self.init_containers, "sidecars": self.sidecars})

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
        crowded = [] if found else list(needs.problems_on(pool))
        yield from crowded
        if crowded:
            return
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

    def further_containers(self) -> Iterator[tuple[str, FurtherContainerSpec]]:
        """Its containers beside its own, each with its path."""
        yield from ((f"init_containers[{index}]", each) for index, each in enumerate(self.init_containers))
        yield from ((f"sidecars[{index}]", each) for index, each in enumerate(self.sidecars))

    @property
    def sidecar_startup_seconds(self) -> int:
        """How long its sidecars together may hold up its own container."""
        return sum(each.startup_timeout_seconds for each in self.sidecars if each.port)

    def all_mounts(self) -> Iterator[tuple[str, MountSpec]]:
        """The mounts of all of its containers, each with its path."""
        for path, container in (("", self), *self.further_containers()):
            yield from ((join_path(path, f"mounts[{index}]"), each) for index, each in enumerate(container.mounts))

    def unshared_volumes(self, place: Place) -> Mapping[str, str]:
        """The volumes that its pods mount and one node mounts at a time, each by the field that says so."""
        read, written = place.artifacts.get(self.artifact_read or ""), self.artifact_written
        used = {each.field: each.volume_in(place) for each in self.folders_read.values()}
        used |= {f"{path}.volume": mount.volume for path, mount in self.all_mounts()}
        used |= {"model.artifact": read and read.volume, "artifact.volume": written and written.volume}
        return {path: volume for path, volume in used.items() if volume and volume in place.unshared_volumes}

    def container_name_problems(self, name: str) -> Iterator[Problem]:
        """Containers that would be called as its own one is, in a workload of this name."""
        own = self.CONTAINER or name
        for path, container in self.further_containers():
            if container.container_name == own:
                why = f"{own} is the name of the workload's own container too"
                yield Problem(path=f"{path}.name", why=why, fix="choose another")

    def _unknown_names(self, place: Place) -> Iterator[Problem]:
        yield from self.unknown_names(place)
        for path, container in self.further_containers():
            yield from (problem.under(path) for problem in container.unknown_names(place))
        if self.priority:
            yield from unknown_priority(place.priorities, self.priority)
        if self.artifact_written:
            volume = self.artifact_written.volume
            yield from unknown_name(place.volumes, volume, "artifact.volume", "volume", "volumes")
        if self.artifact_read:
            yield from unusable_artifact(place.artifacts, self.artifact_read)
        for folder in self.folders_read.values():
            yield from folder.problems_on(place)

    def resources_on(self, pool: Pool) -> PodResources:
        """What each pod asks for on this pool."""
        gpus, gpu = self.gpu_count, pool.gpu if self.gpu_count else None
        on_fabric = gpu if self.is_on_fabric(pool) else None
        beside_cpus = sum(each.cpus for each in self.sidecars)
        beside_memory_gib = sum(each.memory_gib for each in self.sidecars)
        cpus, memory_gib = DEFAULT_CPUS, DEFAULT_MEMORY_GIB
        if gpu:
            share_cpus, share_memory_gib = pool.share(self.gpus_asked)
            cpus, memory_gib = round(share_cpus - beside_cpus, 2), round(share_memory_gib - beside_memory_gib, 2)
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
            beside_cpus=beside_cpus,
            beside_memory_gib=beside_memory_gib,
            first_cpus=max((each.cpus for each in self.init_containers), default=0),
            first_memory_gib=max((each.memory_gib for each in self.init_containers), default=0),
        )


def _pool_problems(pool: Pool, *, spans_nodes: bool, is_queued: bool) -> Iterator[Problem]:
    if pool.is_queued and not is_queued:
        why = f"nodes of pool {pool.name} come for a ProvisioningRequest only, which is made for jobs in a queue"
        fix = "use a job with a queue that has this pool, or a pool with capacity: flex_start"
        yield Problem(path="pool", why=why, fix=fix)
    if pool.gpu and pool.gpu.slice_nodes > 1 and not spans_nodes:
        why = f"a slice of pool {pool.name} has {pool.gpu.slice_nodes} nodes, all of which have to be used together"
        yield Problem(path="pool", why=why, fix="use a training job over all of them, or a pool of smaller slices")


def _renamed(path: str, gpu_field: str) -> str:
    return gpu_field + path.removeprefix("gpus") if path.split(".", maxsplit=1)[0] == "gpus" else path


def _below(limit_name: str, limit: float | None, name: str, request: float | None) -> Iterator[Problem]:
    if limit is not None and request is not None and limit < request:
        why = f"{limit:g} is below {name} {request:g}"
        yield Problem(path=limit_name, why=why, fix=f"raise it, lower {name}, or leave it out")
