"""What a user writes of a model service."""

from collections.abc import Iterable, Iterator

from modelyard.cluster.pools import Pool
from modelyard.errors import Problem
from modelyard.gpu.spec import Gpus
from modelyard.serving.autoscaling_spec import AutoscalingSpec
from modelyard.serving.model_memory import GpuMemory, gpu_memory
from modelyard.serving.model_spec import ModelSpec
from modelyard.serving.route_spec import RouteSpec
from modelyard.serving.runtimes.runtime import Served, Server
from modelyard.serving.runtimes.spec import RuntimeSpec
from modelyard.serving.words import DrainSeconds, StartupSeconds
from modelyard.spec import Count, CountOrZero, spec
from modelyard.workspace.place import Place, unknown_name, unknown_secret
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
    """GPUs of each replica, or slices of them: `{mig: 1g.10gb, count: 1}`; 1 or more on a pool with accelerators. On a
    pool whose GPUs are shared by time slicing or MPS, 1 is one share."""
    replicas: Count | None = None
    """How many pods serve. Left out: 1, or what autoscaling decides."""
    autoscaling: AutoscalingSpec | None = None
    """Instead of `replicas`."""
    startup_timeout_seconds: StartupSeconds | None = None
    """Longest time from a container's start to its first answer; then it is restarted. Left out: with vllm and
    sglang, which download and load their model meanwhile, by the model's `size_gib` or 1800; 600 with huggingface and
    triton, otherwise 300."""
    drain_seconds: DrainSeconds = DRAIN_SECONDS
    """How long a replica that ends may go on with requests under way, after new ones have stopped coming. 60, as a long
    answer of a language model streams for about a minute."""
    surge: CountOrZero = 1
    """Replicas beyond their number during an update, so that none is missing: they need free GPUs. 0 ends a replica
    before its successor starts, which needs none, and leaves a single replica's clients without an answer meanwhile."""
    route: RouteSpec | None = None
    """Which requests at the gateway come to it; `{}` for all that no other route takes. Left out: it is reached from
    inside of the cluster only."""

    @property
    def run_as(self) -> int:
        """The number of the user that its containers run as: that of a known image."""
        known = self.runtime.chosen.USER_ID if self.runtime.chosen else None
        return self.user_id or known or super().run_as

    @property
    def startup_seconds(self) -> int:
        """The start-up budget, seconds."""
        by_runtime = self.runtime.chosen.startup_seconds(self.model) if self.runtime.chosen else 0
        return self.startup_timeout_seconds or by_runtime

    @property
    def min_replicas(self) -> int:
        """The fewest replicas."""
        return self.autoscaling.min_replicas if self.autoscaling else self.replicas or 1

    @property
    def max_replicas(self) -> int:
        """The most replicas, those of an update aside."""
        return self.autoscaling.max_replicas if self.autoscaling else self.replicas or 1

    def problems(self) -> Iterable[Problem]:
        """Rules across the fields that need no pool."""
        yield from super().problems()
        if self.replicas is not None and self.autoscaling:
            yield Problem(
                path="replicas", why="is given beside autoscaling, which decides it", fix="remove one of them"
            )
        if self.runtime.chosen:
            yield from self.runtime.chosen.service_problems(self._served())
        container = self.runtime.container
        if self.route and self.route.path != "/" and container and container.protocol == "grpc":
            why = "clients of gRPC ask for /PACKAGE.SERVICE/METHOD, with nothing before it"
            yield Problem(path="route.path", why=why, fix="leave path out, and name hostnames of its own")

    def server(self, name: str) -> Server:
        """The server of a valid service of that name."""
        assert self.runtime.chosen, "a valid service has one runtime"
        return self.runtime.chosen.server(self._served(name))

    def _served(self, name: str = "") -> Served:
        return Served(
            name=name,
            model=self.model,
            gpus=self.gpus,
            startup_seconds=self.startup_seconds,
            drain_seconds=self.drain_seconds,
        )

    @property
    def artifact_read(self) -> str | None:
        """The job whose artifact it serves."""
        return self.model.artifact if self.model else None

    @property
    def volume_read(self) -> tuple[str, str | None] | None:
        """The volume that has its model."""
        return (self.model.volume, self.model.folder) if self.model and self.model.volume else None

    def problems_on(self, place: Place) -> Iterator[Problem]:
        """Why a valid spec cannot work there."""
        found = list(super().problems_on(place))
        yield from found
        if self.model and self.model.token_secret:
            yield from unknown_secret(place.secrets, self.model.token_secret, "model.token_secret")
        if self.model and self.model.volume:
            yield from unknown_name(place.volumes, self.model.volume, "model.volume", "volume", place.volumes_block)
        pool = place.pools.get(self.pool)
        if not pool:
            return
        if self.runtime.chosen:
            yield from self.runtime.chosen.pool_problems(pool)
        yield from self._memory_problems(pool)
        yield from self._volume_problems(place, pool)
        if not found:
            yield from self._room_problems(pool)

    def gpu_memory_on(self, pool: Pool) -> GpuMemory | None:
        """What its model takes of the pool's GPUs; None where that is not known."""
        size_gib = self.model.size_gib if self.model else None
        return gpu_memory(size_gib, self.gpus, pool) if size_gib else None

    def _memory_problems(self, pool: Pool) -> Iterator[Problem]:
        memory = self.gpu_memory_on(pool)
        if memory and not memory.fits:
            needed = f"weights and programs take at least {memory.needed_gib:g} GiB of each GPU"
            why = f"{needed}, and servers use {memory.usable_gib:g} of those of pool {pool.name}"
            fix = "raise gpus, use a pool with larger GPUs, or a quantized model"
            yield Problem(path="model.size_gib", why=why, fix=fix)

    def _volume_problems(self, place: Place, pool: Pool) -> Iterator[Problem]:
        """A second pod on another node would wait for the volume for ever, and an update for that pod."""
        most = self.max_replicas + self.surge
        if most == 1 or pool.max_nodes == 1:
            return
        read = place.artifacts.get(self.artifact_read or "")
        used = {f"mounts[{index}].volume": mount.volume for index, mount in enumerate(self.mounts)}
        used |= {"model.volume": self.model and self.model.volume, "model.artifact": read and read.volume}
        for path, volume in used.items():
            if volume and volume in place.unshared_volumes:
                why = f"volume {volume} can be on one node at a time, and pool {pool.name} has several for {most} pods"
                fix = f"set shared: true on volume {volume}, or replicas: 1 and surge: 0 here"
                yield Problem(path=path, why=why, fix=fix)

    def _room_problems(self, pool: Pool) -> Iterator[Problem]:
        room = self.resources_on(pool).per_node(pool) * pool.max_nodes
        most, least = self.max_replicas, self.min_replicas
        held = f"pool {pool.name} has room for {room} at its max_nodes of {pool.max_nodes}"
        if most > room:
            path = "autoscaling.max_replicas" if self.autoscaling else "replicas"
            yield Problem(
                path=path, why=f"{most} are too many, as {held}", fix="lower it, or raise the pool's max_nodes"
            )
        elif least + self.surge > room:
            why = f"an update would wait for room for ever: it needs {least} + {self.surge}, and {held}"
            fix = "raise the pool's max_nodes, or set surge: 0, which ends a replica before its successor starts"
            yield Problem(path="surge", why=why, fix=fix)
