"""What a user writes of a model service."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import field
from typing import ClassVar

from modelyard.cluster.pools import Pool
from modelyard.errors import Problem
from modelyard.gpu.spec import Gpus, GpuSliceSpec
from modelyard.serving.adapter_spec import AdapterSpec, path_of
from modelyard.serving.autoscaling_rules import runtime_problems
from modelyard.serving.autoscaling_spec import AutoscalingSpec
from modelyard.serving.groups import (
    FURTHER_NODES_SECONDS,
    ON_FABRIC,
    cache_problems,
    group_problems,
    of_left_out_gpus,
)
from modelyard.serving.kserve_rules import kserve_problems
from modelyard.serving.model_files import cached_folder, fetch_seconds, model_problems_on
from modelyard.serving.model_memory import GpuMemory, gpu_memory
from modelyard.serving.model_spec import DOWNLOADED, ModelSpec
from modelyard.serving.parts import service_problems_on
from modelyard.serving.place_rules import memory_problems, room_problems, spare_place_problems, volume_problems
from modelyard.serving.prefill import prefill_variant, service_prefill_problems
from modelyard.serving.prefill_spec import PrefillSpec
from modelyard.serving.release_rules import service_release_problems
from modelyard.serving.release_spec import ReleaseSpec
from modelyard.serving.route_service_rules import service_route_problems
from modelyard.serving.route_spec import RouteSpec
from modelyard.serving.runtimes.load_metrics import LoadMetrics
from modelyard.serving.runtimes.runtime import Served, Server
from modelyard.serving.runtimes.spec import RuntimeSpec
from modelyard.serving.variants import Variant, variants
from modelyard.serving.words import Backend, DrainSeconds, Role
from modelyard.spec import Count, CountOrZero, Name, spec
from modelyard.workspace.fabric import problems_on_fabric
from modelyard.workspace.folders_read import FolderRead
from modelyard.workspace.place import Place
from modelyard.workspace.words import StartupSeconds
from modelyard.workspace.workload_spec import WorkloadSpec

DRAIN_SECONDS = 60
"""A long answer of a language model streams for about a minute."""


@spec
class ModelServiceSpec(WorkloadSpec):
    """A model behind an HTTP endpoint inside of the cluster."""

    runtime: RuntimeSpec
    """The server."""
    model: ModelSpec | None = None
    """The model. Required, but for a container that finds it itself."""
    gpus: Gpus = 0
    """GPUs of each pod, or slices of them: `{mig: 1g.10gb, count: 1}`; 1 or more on a pool with accelerators. On a
    pool whose GPUs are shared by time slicing or MPS, 1 is one share. Left out: with vllm and sglang, their
    tensor_parallel. A replica is one pod, unless the runtime's tensor_parallel times pipeline_parallel is a multiple:
    then it is a group of pods, each on a node of its own, all of whose GPUs it has."""
    replicas: Count | None = None
    """How many pods serve, or groups of pods. Left out: 1, or what autoscaling decides."""
    autoscaling: AutoscalingSpec | None = None
    """Instead of `replicas`."""
    spare_replicas: CountOrZero = 0
    """For how many further replicas room is kept on nodes that are there: by pods that do nothing, ask for what a
    replica asks for, and give way to any other at once. Their nodes cost what they cost, and they count in the
    workspace's quota. 0, as a node for one more replica is then made when it is needed, which takes minutes."""
    startup_timeout_seconds: StartupSeconds | None = None
    """Longest time from a container's start to its first answer; then it is restarted. Left out: with vllm and
    sglang, which download and load their model meanwhile, by the model's `size_gib` or 1800, and 900 more over several
    nodes, which come one after the other; 600 with huggingface and triton, otherwise 300."""
    drain_seconds: DrainSeconds = DRAIN_SECONDS
    """How long a replica that ends may go on with requests under way, after new ones have stopped coming. 60, as a long
    answer of a language model streams for about a minute."""
    surge: CountOrZero = 1
    """Replicas beyond their number during an update, so that none is missing: they need free GPUs. 0 ends a replica
    before its successor starts, which needs none, and leaves a single replica's clients without an answer meanwhile."""
    route: RouteSpec | None = None
    """Which requests at the gateway come to it; `{}` for all that no other route takes. Left out: it is reached from
    inside of the cluster only."""
    release: ReleaseSpec | None = None
    """How it gets from one version to the next, and which versions run beside each other. Left out: by a rolling
    update."""

    adapters: Mapping[Name, AdapterSpec] = field(default_factory=dict[str, AdapterSpec])
    """LoRA adapters by the names that clients ask for them by, beside the model. With vllm and sglang."""
    prefill: PrefillSpec | None = None
    """Pods that read prompts for those that answer, which then have the caches moved to them. With vllm and
    `route.balance: kv_cache`. Left out: each pod does both."""
    backend: Backend = "kubernetes"
    """Who makes its pods: Kubernetes by itself, or `kserve`, from the same spec, on a cluster that runs KServe."""

    CONTAINER: ClassVar[str | None] = "server"

    @property
    def gpus_asked(self) -> int | GpuSliceSpec:
        """GPUs of each pod, 0 for none."""
        return self.gpus or (self.runtime.chosen.pod_gpus if self.runtime.chosen else 0)

    @property
    def nodes(self) -> int:
        """Over how many nodes each replica goes."""
        return self.runtime.chosen.nodes_of(self.gpus_asked) if self.runtime.chosen else 1

    @property
    def spans_nodes(self) -> bool:
        """Whether a replica is a group of pods."""
        return self.nodes > 1

    @property
    def own_ports(self) -> Collection[int]:
        """Ports that its server listens on."""
        if not self.runtime.chosen:
            return ()
        server = self.server("", role="decode" if self.prefill else None)
        ports = (server.port, server.grpc_port, server.metrics_port, server.own_port, server.peer_port)
        return [port for port in ports if port]

    @property
    def run_as(self) -> int:
        """The number of the user that its containers run as: that of a known image."""
        known = self.runtime.chosen.USER_ID if self.runtime.chosen else None
        return self.user_id or known or super().run_as

    @property
    def startup_seconds(self) -> int:
        """The start-up budget, seconds."""
        by_runtime = self.runtime.chosen.startup_seconds(self.model) if self.runtime.chosen else 0
        return self.startup_timeout_seconds or by_runtime + (FURTHER_NODES_SECONDS if self.spans_nodes else 0)

    @property
    def min_replicas(self) -> int:
        """The fewest replicas."""
        return self.autoscaling.min_replicas if self.autoscaling else self.replicas or 1

    @property
    def max_replicas(self) -> int:
        """The most replicas, those of an update aside."""
        return self.autoscaling.max_replicas if self.autoscaling else self.replicas or 1

    @property
    def load_metrics(self) -> LoadMetrics:
        """What its server's metrics tell of the load."""
        return self.runtime.chosen.LOAD_METRICS if self.runtime.chosen else LoadMetrics()

    @property
    def is_woken_by_gateway(self) -> bool:
        """Whether requests at the gateway bring its first pod."""
        return bool(self.autoscaling and self.autoscaling.is_woken_by_gateway)

    def problems(self) -> Iterable[Problem]:
        """Rules across the fields that need no pool."""
        yield from super().problems()
        if self.replicas is not None and self.autoscaling:
            yield Problem(
                path="replicas", why="is given beside autoscaling, which decides it", fix="remove one of them"
            )
        if self.runtime.chosen:
            yield from self.runtime.chosen.service_problems(self._served())
            if self.autoscaling:
                yield from runtime_problems(self.autoscaling, self.runtime.chosen)
        yield from service_route_problems(self)
        yield from service_release_problems(self)
        yield from service_prefill_problems(self)
        yield from kserve_problems(self)

    @property
    def is_replaced_in_place(self) -> bool:
        """Whether a new version takes the place of the old one, without running beside it under its own name."""
        release = self.release or ReleaseSpec()
        return not release.kinds or bool(release.automatic or (release.canary and release.canary.promote))

    @property
    def variants(self) -> Sequence[Variant]:
        """The versions that run beside each other, that of the service itself first; of a plain service that alone."""
        return variants(self)

    @property
    def parts(self) -> Sequence[Variant]:
        """The same, and after them its prefill pods, where it has such."""
        prefill = prefill_variant(self)
        return [*self.variants, prefill] if prefill else self.variants

    def server(self, name: str, known_as: str | None = None, role: Role | None = None) -> Server:
        """The server of a valid service.

        Args:
            name: the service's name.
            known_as: the model's name for clients, instead of its own.
            role: the part of each request that it does; None for all of it.
        """
        assert self.runtime.chosen, "a valid service has one runtime"
        return self.runtime.chosen.server(self._served(name, known_as, role))

    def model_name(self, name: str) -> str:
        """The name by which clients of a service of that name ask for its model, unless the runtime's block says."""
        served = self._served(name)
        return served.model_name or served.model_location

    def _served(self, name: str = "", known_as: str | None = None, role: Role | None = None) -> Served:
        return Served(
            name=name,
            known_as=known_as,
            role=role,
            model=self.model,
            is_fetched=self.is_fetched,
            gpus=self.gpus_asked,
            adapters={key: each.location(key) for key, each in self.adapters.items()},
            startup_seconds=self.startup_seconds,
            drain_seconds=self.drain_seconds,
        )

    @property
    def artifact_read(self) -> str | None:
        """The job whose artifact it serves."""
        return self.model.artifact if self.model else None

    @property
    def volume_read(self) -> tuple[str, str | None] | None:
        """The volume that has its model, or keeps it."""
        if not self.model:
            return None
        if self.model.cached:
            return self.model.cached.volume, cached_folder(self.model)
        return (self.model.volume, self.model.folder) if self.model.volume else None

    @property
    def is_fetched(self) -> bool:
        """Whether its model is downloaded before its server starts, which then finds the files in a folder."""
        model, runtime = self.model, self.runtime.chosen
        if not model or model.source not in DOWNLOADED:
            return False
        return bool(model.cache) or not (model.huggingface and runtime and runtime.READS_HUGGINGFACE)

    @property
    def reads_huggingface(self) -> bool:
        """Whether its server asks Hugging Face for files by itself."""
        from_there = bool(self.model and self.model.huggingface and not self.is_fetched)
        return from_there or any(each.huggingface for each in self.adapters.values())

    @property
    def fetch_seconds(self) -> int:
        """How long each of its pods may download before its server starts; 0 where none of them does."""
        return fetch_seconds(self.model.size_gib) if self.model and self.is_fetched and not self.model.cache else 0

    @property
    def folders_read(self) -> Mapping[str, FolderRead]:
        """Its adapters that are not downloaded."""
        found = {path_of(key): each.folder_read(key) for key, each in self.adapters.items()}
        return {path: folder for path, folder in found.items() if folder}

    def problems_on(self, place: Place) -> Iterator[Problem]:
        """Why a valid spec cannot work there."""
        yield from service_problems_on(self, place)

    def version_problems_on(self, place: Place) -> Iterator[Problem]:
        """Why one version of it cannot work there, whatever runs beside it."""
        yield from problems_on_fabric(self, place, ON_FABRIC, self._problems_in)
        yield from cache_problems(self, place.pools)

    def _problems_in(self, place: Place) -> Iterator[Problem]:
        """Why it cannot work in the namespace of that place."""
        found = list(self._workload_problems(place))
        yield from found
        if self.model:
            yield from model_problems_on(self, self.model, place)
        pool = place.pools.get(self.pool)
        if not pool:
            return
        if self.runtime.chosen:
            yield from self.runtime.chosen.pool_problems(pool)
        yield from memory_problems(self, pool)
        yield from volume_problems(self, place)
        yield from spare_place_problems(self, pool)
        if not found:
            yield from group_problems(self.gpu_count, self.nodes, pool)
            yield from room_problems(self, pool)

    def _workload_problems(self, place: Place) -> Iterator[Problem]:
        chosen, pool = self.runtime.chosen, place.pools.get(self.pool)
        for problem in super().problems_on(place):
            if problem.path == "gpus" and not self.gpus and self.gpu_count and chosen and pool:
                yield of_left_out_gpus(problem, runtime=chosen.NAME, gpus=self.gpu_count, pool=pool)
            else:
                yield problem

    def gpu_memory_on(self, pool: Pool) -> GpuMemory | None:
        """What its model takes of the pool's GPUs; None where that is not known."""
        size_gib = self.model.size_gib if self.model else None
        return gpu_memory(size_gib / self.nodes, self.gpus_asked, pool) if size_gib else None

    def unshared_volumes(self, place: Place) -> Mapping[str, str]:
        """The volumes that its pods mount and one node mounts at a time, each by the field that says so; the one that
        keeps its model, which has rules of its own, aside."""
        volume = self.model.volume if self.model else None
        model = {"model.volume": volume} if volume and volume in place.unshared_volumes else {}
        return {**super().unshared_volumes(place), **model}
