"""A server in an image of the user's own."""

from collections.abc import Iterable, Sequence
from typing import ClassVar, Literal

from modelyard.errors import Problem
from modelyard.kube.images import Image
from modelyard.serving.runtimes.runtime import CONTAINER_STARTUP_SECONDS, Runtime, Served, Server
from modelyard.spec import Text, spec
from modelyard.workspace.words import HttpPath, Port


@spec
class ContainerSpec(Runtime):
    """Any HTTP or gRPC server in an image of your own."""

    NAME: ClassVar[str] = "container"
    READS_HUGGINGFACE: ClassVar[bool] = False
    NEEDS_MODEL: ClassVar[bool] = False
    STARTUP_SECONDS: ClassVar[int] = CONTAINER_STARTUP_SECONDS

    image: Image
    """The image, with a version."""
    port: Port
    """The TCP port that it listens on, 1024 or above: it does not run as root."""
    protocol: Literal["http", "grpc"] = "http"
    """What it speaks there. A gRPC server has gRPC's health service, and is ready when that serves.
    https://github.com/grpc/grpc/blob/master/doc/health-checking.md"""
    ready_path: HttpPath | None = None
    """Answers 200 when requests can be served, and after the start only then. Required with http."""
    live_path: HttpPath | None = None
    """Answers 200 unless the process must be restarted. Left out: it is enough that the port is open. Only with
    http."""
    command: Sequence[Text] = ()
    """Instead of the image's entry point."""
    args: Sequence[Text] = ()
    """Arguments."""
    metrics_path: HttpPath | None = None
    """Where Prometheus reads metrics. Left out: there are none."""
    metrics_port: Port | None = None
    """The TCP port of the metrics, by HTTP. Left out: the same port."""

    def problems(self) -> Iterable[Problem]:
        """Rules about probes and metrics."""
        if self.protocol == "http" and not self.ready_path:
            why = "is missing, which http needs: a port is open before a model is loaded"
            yield Problem(path="ready_path", why=why, fix="add one like /healthz, or set protocol: grpc")
        if self.protocol == "grpc":
            for name in ("ready_path", "live_path"):
                if getattr(self, name):
                    why = "has no meaning with grpc, whose health service is asked"
                    yield Problem(path=name, why=why, fix="leave it out")
            if self.metrics_path and not self.metrics_port:
                why = "is missing: Prometheus reads metrics by HTTP, not from a gRPC port"
                yield Problem(path="metrics_port", why=why, fix="add it")
        if self.metrics_port and not self.metrics_path:
            yield Problem(
                path="metrics_port", why="is given without metrics_path", fix="add metrics_path, or remove it"
            )
        if self.metrics_port == self.port:
            yield Problem(path="metrics_port", why=f"{self.port} is already the port", fix="leave it out")

    def server(self, served: Served) -> Server:  # noqa: ARG002  # every runtime is asked alike
        """The image's own server, or `command`."""
        return Server(
            image=self.image,
            command=self.command,
            args=self.args,
            port=self.port,
            is_grpc=self.protocol == "grpc",
            ready_path=self.ready_path,
            live_path=self.live_path,
            metrics_path=self.metrics_path,
            metrics_port=self.metrics_port,
        )
