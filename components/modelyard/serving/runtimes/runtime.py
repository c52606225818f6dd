"""What every runtime says of itself, and what it is told of the service around it."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, ClassVar, Self

from modelyard.cluster.pools import Pool
from modelyard.errors import Problem, shorten, show
from modelyard.gpu.accelerators import NVIDIA
from modelyard.gpu.spec import GpuSliceSpec
from modelyard.kube.images import Image
from modelyard.serving.model_spec import ModelSpec
from modelyard.serving.runtimes.load_metrics import LoadMetrics
from modelyard.serving.words import Role
from modelyard.spec import spec
from modelyard.workspace.words import MODEL_PATH

if TYPE_CHECKING:
    import pulumi

CACHE_PATH = "/cache"
"""A folder for what a server downloads and compiles, on the node's disk; it ends with the pod."""
_JOINED = re.compile(r"(?P<flag>--?[A-Za-z][^\s=]*)\s+")
"""A flag that is followed by white space, before any `=`."""
CONTAINER_STARTUP_SECONDS = 300
"""The start-up budget of a server that finds its model in the image or on a volume."""


@dataclass(frozen=True, kw_only=True)
class Served:
    """What a runtime is asked for by its service.

    Attributes:
        name: the service's name.
        model: what it serves; None where the image brings it.
        gpus: of each pod; a replica is one pod, or one on each of several nodes.
        startup_seconds: the start-up budget.
        drain_seconds: how long requests that are under way may go on after the end has been told.
        known_as: the model's name for clients, where it is another's, beside which this one serves.
        is_fetched: whether the model's files are in its folder before the server starts.
        adapters: what is served beside the model under these names: where each is, on Hugging Face or in a folder.
        role: the part of each request that it does; None for all of it.
    """

    name: str
    model: ModelSpec | None
    gpus: int | GpuSliceSpec
    startup_seconds: int
    drain_seconds: int
    known_as: str | None = None
    is_fetched: bool = False
    adapters: Mapping[str, str] = field(default_factory=dict[str, str])
    role: Role | None = None

    @property
    def gpu_count(self) -> int:
        """GPUs, slices or shares of each pod, 0 for none."""
        return self.gpus.count if isinstance(self.gpus, GpuSliceSpec) else self.gpus

    @property
    def model_location(self) -> str:
        """Where a server that downloads by itself finds the model: its name on Hugging Face, or the folder."""
        return (not self.is_fetched and self.model and self.model.huggingface) or MODEL_PATH

    @property
    def revision(self) -> str | None:
        """What a server that downloads by itself is to download."""
        return self.model.revision if self.model and not self.is_fetched else None

    @property
    def model_name(self) -> str | None:
        """The model's name for clients; None for that on Hugging Face, which servers take where they download it."""
        if self.known_as or not self.model or (self.model.huggingface and not self.is_fetched):
            return self.known_as
        return self.model.huggingface or self.model.artifact or self.name


@dataclass(frozen=True, kw_only=True)
class Server:
    """A server as the pod around it sees it. It answers HTTP unless it says otherwise.

    Attributes:
        image: with a version.
        command: instead of the image's entry point, if not empty.
        args: arguments of the command.
        worker_args: those on the further nodes of a replica, which serve nothing by themselves; None where a replica is
            one pod.
        env: variables.
        field_env: variables from the pod's own fields, by field path.
        token_variable: the variable for the model's token, where the model has one.
        port: where it serves.
        is_grpc: whether it speaks gRPC there, with gRPC's own health service.
        grpc_port: where it serves the same by gRPC; None for nowhere.
        ready_path: answers 200 when requests can be served; None with gRPC.
        live_path: answers 200 unless the process must be restarted; None where it is enough that the port is open.
        metrics_path: what Prometheus reads; None for nothing.
        metrics_port: where; None for the same port.
        own_port: where it listens itself, where a proxy in its pod has `port`; None for there.
        peer_port: where others of its kind reach it; None for nowhere.
        scratch: writable folders beside /tmp, by name.
    """

    image: "pulumi.Input[str]"
    command: Sequence["pulumi.Input[str]"] = ()
    args: Sequence["pulumi.Input[str]"] = ()
    worker_args: Sequence["pulumi.Input[str]"] | None = None
    env: Mapping[str, str] = field(default_factory=dict[str, str])
    field_env: Mapping[str, str] = field(default_factory=dict[str, str])
    token_variable: str | None = None
    port: int
    is_grpc: bool = False
    grpc_port: int | None = None
    ready_path: str | None
    live_path: str | None
    metrics_path: str | None = None
    metrics_port: int | None = None
    own_port: int | None = None
    peer_port: int | None = None
    scratch: Mapping[str, str] = field(default_factory=dict[str, str])


@spec
class Runtime:
    """The base of every runtime's block."""

    NAME: ClassVar[str]
    """Its key under `runtime`."""
    READS_HUGGINGFACE: ClassVar[bool] = True
    """Whether it downloads from Hugging Face by itself. What it does not is downloaded before it starts."""
    NEEDS_MODEL: ClassVar[bool] = True
    NEEDS_GPUS: ClassVar[bool] = False
    TAKES_ADAPTERS: ClassVar[bool] = False
    """Whether it serves LoRA adapters beside its model."""
    USER_ID: ClassVar[int | None] = None
    """The user that its image brings and needs; None where any will do."""
    STARTUP_SECONDS: ClassVar[int]
    """The start-up budget where nothing else decides it."""
    LOAD_METRICS: ClassVar[LoadMetrics] = LoadMetrics()
    """What its metrics tell of the load, for replicas to follow."""
    DEFAULT_IMAGE: ClassVar[str | None] = None
    """The image where the user names none, which is for NVIDIA GPUs if it computes on any. None: there is none."""
    ARCHITECTURES: ClassVar[tuple[str, ...]] = ("amd64", "arm64")
    """Processors that the default image is for."""
    OWN_FLAGS: ClassVar[Mapping[str, str]] = {}
    """Flags that `extra_args` cannot have, each with what to use instead."""

    def with_image(self, image: Image) -> Self:
        """The same server in that image."""
        return replace(self, **{"image": image})  # noqa: PIE804  # a field of every runtime's own

    def problems(self) -> Iterable[Problem]:
        """No argument that a field decides."""
        return own_flag_problems(getattr(self, "extra_args", ()), self.OWN_FLAGS)

    def startup_seconds(self, model: ModelSpec | None) -> int:  # noqa: ARG002  # some load what they serve
        """The start-up budget where the service names none."""
        return self.STARTUP_SECONDS

    @property
    def pod_gpus(self) -> int:
        """GPUs of each pod where the service names none."""
        return 0

    def nodes_of(self, gpus: int | GpuSliceSpec) -> int:  # noqa: ARG002  # most servers are one pod
        """How many nodes one replica takes, with so many GPUs on each."""
        return 1

    def server(self, served: Served) -> Server:
        """The server for a service without problems."""
        raise NotImplementedError

    def service_problems(self, served: Served) -> Iterator[Problem]:
        """Why it cannot serve that, with paths relative to the service."""
        if self.NEEDS_GPUS and not served.gpus:
            why = f"{self.NAME} needs at least one GPU"
            yield Problem(path="gpus", why=why, fix="set gpus, on a pool with accelerators")
        if served.adapters and not self.TAKES_ADAPTERS:
            yield Problem(path="adapters", why=f"have no effect with runtime {self.NAME}", fix="use vllm or sglang")
        if self.NEEDS_MODEL and not served.model:
            example = "huggingface: OWNER/NAME" if self.READS_HUGGINGFACE else "artifact: JOB"
            why = f"is missing, which {self.NAME} needs"
            yield Problem(path="model", why=why, fix=f"add model: {{{example}}}")

    def pool_problems(self, pool: Pool) -> Iterator[Problem]:
        """Why it cannot run on that pool, with paths relative to the service."""
        if self.DEFAULT_IMAGE is None or getattr(self, "image", None) not in {None, self.DEFAULT_IMAGE}:
            return
        path, fix = f"runtime.{self.NAME}.image", f"name an image of {self.NAME} for it"
        if pool.accelerator and pool.accelerator.resource != NVIDIA:
            why = f"the default image is for NVIDIA GPUs, and pool {pool.name} has {pool.accelerator.name}"
            yield Problem(path=path, why=why, fix=fix)
        elif pool.architecture not in self.ARCHITECTURES:
            why = f"the default image is for {self.ARCHITECTURES[0]}, and pool {pool.name} is {pool.architecture}"
            yield Problem(path=path, why=why, fix=fix)


def flag_of(argument: object) -> str:
    """The flag of an argument of a command, as it is listed; empty for what is known later only."""
    if not isinstance(argument, str):
        return ""
    name = argument.split("=", 1)[0]
    # A flag and its value in one: what the flag is shows its first word.
    words = name.split() if name.startswith("-") else []
    return (words[0] if words else name).replace("_", "-")


def own_flag_problems(args: Sequence[object], own: Mapping[str, str], path: str = "extra_args") -> Iterator[Problem]:
    """Arguments that fields of the spec decide, or that would put a secret into the pod's specification, and flags that
    stand in one element with their value: no shell divides what a container is given.

    Args:
        args: what the user wrote.
        own: such flags, each with what to use instead.
        path: where the arguments stand.
    """
    for index, argument in enumerate(args):
        flag = flag_of(argument)
        if flag in own:
            why = f"{flag} cannot be given as an argument"
            yield Problem(path=f"{path}[{index}]", why=why, fix=own[flag])
        elif isinstance(argument, str) and (joined := _JOINED.match(argument)):
            name, value = joined["flag"], shorten(argument[joined.end() :].strip())
            why = f"{show(argument)} reaches the server as one argument, as no shell divides it"
            fix = f"write {name}={value}, or two elements: {name} and {value}" if value else f"write {name}"
            yield Problem(path=f"{path}[{index}]", why=why, fix=fix)


def flags(values: Mapping[str, object]) -> list[str]:
    """Arguments of those flags that have a value."""
    return [f"{flag}={value}" for flag, value in values.items() if value is not None]
