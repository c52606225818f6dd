"""What every runtime says of itself, and what it is told of the service around it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from modelyard.cluster.pools import Pool
from modelyard.errors import Problem
from modelyard.gpu.accelerators import NVIDIA
from modelyard.gpu.spec import GpuSliceSpec
from modelyard.serving.model_spec import ModelSpec
from modelyard.spec import spec
from modelyard.workspace.words import MODEL_PATH

if TYPE_CHECKING:
    import pulumi

CACHE_PATH = "/cache"
"""A folder for what a server downloads and compiles, on the node's disk; it ends with the pod."""
CONTAINER_STARTUP_SECONDS = 300
"""The start-up budget of a server that finds its model in the image or on a volume."""


@dataclass(frozen=True, kw_only=True)
class Served:
    """What a runtime is asked for by its service.

    Attributes:
        name: the service's name.
        model: what it serves; None where the image brings it.
        gpus: of each replica, as the spec has them.
        startup_seconds: the start-up budget.
        drain_seconds: how long requests that are under way may go on after the end has been told.
    """

    name: str
    model: ModelSpec | None
    gpus: int | GpuSliceSpec
    startup_seconds: int
    drain_seconds: int

    @property
    def gpu_count(self) -> int:
        """GPUs, slices or shares of each replica, 0 for none."""
        return self.gpus.count if isinstance(self.gpus, GpuSliceSpec) else self.gpus

    @property
    def model_location(self) -> str:
        """Where a server that downloads by itself finds the model: its name on Hugging Face, or the folder."""
        return (self.model and self.model.huggingface) or MODEL_PATH

    @property
    def model_name(self) -> str | None:
        """The model's name for clients; None for that on Hugging Face, which servers take by themselves."""
        if not self.model or self.model.huggingface:
            return None
        return self.model.artifact or self.name


@dataclass(frozen=True, kw_only=True)
class Server:
    """A server as the pod around it sees it. It answers HTTP unless it says otherwise.

    Attributes:
        image: with a version.
        command: instead of the image's entry point, if not empty.
        args: arguments of the command.
        env: variables.
        token_variable: the variable for the model's token, where the model has one.
        port: where it serves.
        is_grpc: whether it speaks gRPC there, with gRPC's own health service.
        grpc_port: where it serves the same by gRPC; None for nowhere.
        ready_path: answers 200 when requests can be served; None with gRPC.
        live_path: answers 200 unless the process must be restarted; None where it is enough that the port is open.
        metrics_path: what Prometheus reads; None for nothing.
        metrics_port: where; None for the same port.
        scratch: writable folders beside /tmp, by name.
    """

    image: "pulumi.Input[str]"
    command: Sequence["pulumi.Input[str]"] = ()
    args: Sequence["pulumi.Input[str]"] = ()
    env: Mapping[str, str] = field(default_factory=dict[str, str])
    token_variable: str | None = None
    port: int
    is_grpc: bool = False
    grpc_port: int | None = None
    ready_path: str | None
    live_path: str | None
    metrics_path: str | None = None
    metrics_port: int | None = None
    scratch: Mapping[str, str] = field(default_factory=dict[str, str])


@spec
class Runtime:
    """The base of every runtime's block."""

    NAME: ClassVar[str]
    """Its key under `runtime`."""
    MODEL_SOURCES: ClassVar[tuple[str, ...]] = ("huggingface", "artifact", "volume")
    """The sources of a model that it reads."""
    NEEDS_MODEL: ClassVar[bool] = True
    NEEDS_GPUS: ClassVar[bool] = False
    USER_ID: ClassVar[int | None] = None
    """The user that its image brings and needs; None where any will do."""
    STARTUP_SECONDS: ClassVar[int]
    """The start-up budget where nothing else decides it."""
    DEFAULT_IMAGE: ClassVar[str | None] = None
    """The image where the user names none, which is for NVIDIA GPUs if it computes on any. None: there is none."""
    ARCHITECTURES: ClassVar[tuple[str, ...]] = ("amd64", "arm64")
    """Processors that the default image is for."""

    def startup_seconds(self, model: ModelSpec | None) -> int:  # noqa: ARG002  # some load what they serve
        """The start-up budget where the service names none."""
        return self.STARTUP_SECONDS

    def server(self, served: Served) -> Server:
        """The server for a service without problems."""
        raise NotImplementedError

    def service_problems(self, served: Served) -> Iterator[Problem]:
        """Why it cannot serve that, with paths relative to the service."""
        if self.NEEDS_GPUS and not served.gpus:
            why = f"{self.NAME} needs at least one GPU"
            yield Problem(path="gpus", why=why, fix="set gpus, on a pool with accelerators")
        if not served.model:
            if self.NEEDS_MODEL:
                source = self.MODEL_SOURCES[0]
                example = {"huggingface": "OWNER/NAME", "artifact": "JOB"}[source]
                why = f"is missing, which {self.NAME} needs"
                yield Problem(path="model", why=why, fix=f"add model: {{{source}: {example}}}")
            return
        source = served.model.source
        if source and source not in self.MODEL_SOURCES:
            fix = f"use {' or '.join(self.MODEL_SOURCES)}, or another runtime"
            yield Problem(path=f"model.{source}", why=f"has no effect with runtime {self.NAME}", fix=fix)

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
    return argument.split("=", 1)[0].replace("_", "-") if isinstance(argument, str) else ""


def own_flag_problems(args: Sequence[object], own: Mapping[str, str], path: str = "extra_args") -> Iterator[Problem]:
    """Arguments that fields of the spec decide, or that would put a secret into the pod's specification.

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


def flags(values: Mapping[str, object]) -> list[str]:
    """Arguments of those flags that have a value."""
    return [f"{flag}={value}" for flag, value in values.items() if value is not None]
