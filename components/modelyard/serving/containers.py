"""From a runtime's server to the container of its pods."""

from dataclasses import dataclass

from modelyard.kube.containers import Container, Scratch
from modelyard.kube.probes import Check, liveness_probe, readiness_probe, startup_probe
from modelyard.serving.runtimes.runtime import Server
from modelyard.serving.spec import ModelServiceSpec
from modelyard.workspace.containers import secret_env
from modelyard.workspace.network import HTTP_PORT, METRICS_PORT
from modelyard.workspace.workspace import Workspace

GRPC_PORT = "grpc"
"""The name of the container port of a server that serves by HTTP and by gRPC."""
_OWN_PORT, _PEER_PORT = "server", "peers"
PRE_STOP_SECONDS = 15
"""Until load balancers and proxies have taken a pod out that is told to end; it serves on meanwhile."""
_TEARDOWN_SECONDS = 15
"""For a server to end after its last request: vLLM's engine takes up to 15 s."""


@dataclass(frozen=True, kw_only=True)
class Metrics:
    """Where Prometheus reads a service: a named port and a path."""

    port: str
    path: str


def server_metrics(server: Server) -> Metrics | None:
    """Where Prometheus reads it; None where it has no metrics."""
    if not server.metrics_path:
        return None
    return Metrics(port=METRICS_PORT if server.metrics_port else HTTP_PORT, path=server.metrics_path)


def grace_seconds(spec: ModelServiceSpec) -> int:
    """From being told to end until it is killed."""
    return PRE_STOP_SECONDS + spec.drain_seconds + _TEARDOWN_SECONDS


def server_container(workspace: Workspace, spec: ModelServiceSpec, server: Server) -> Container:
    """The container of that server, with its probes and the model's token."""
    token = spec.model.token_secret if spec.model and spec.reads_huggingface else None
    checked = _OWN_PORT if server.own_port else HTTP_PORT
    ready = Check(port=checked, path=server.ready_path, grpc_port=server.port if server.is_grpc else None)
    live = Check(port=checked, path=server.live_path, grpc_port=ready.grpc_port)
    return Container(
        name=str(spec.CONTAINER),
        image=server.image,
        command=server.command,
        args=server.args,
        field_env=server.field_env,
        env=server.env,
        secret_env=secret_env(workspace.namespace_for(spec), {server.token_variable: token})
        if token and server.token_variable
        else {},
        ports=_ports(server),
        startup=startup_probe(ready, budget_seconds=spec.startup_seconds),
        readiness=readiness_probe(ready),
        liveness=liveness_probe(live),
        pre_stop_seconds=PRE_STOP_SECONDS,
        scratch=[Scratch(name=name, path=path) for name, path in server.scratch.items()],
    )


def _ports(server: Server) -> dict[str, int]:
    # A proxy's port is named here too, as not everything that looks for a port by its name looks at sidecars.
    # https://github.com/projectcalico/calico/issues/8881
    ports = {HTTP_PORT: server.port, GRPC_PORT: server.grpc_port, METRICS_PORT: server.metrics_port}
    ports |= {_OWN_PORT: server.own_port, _PEER_PORT: server.peer_port}
    return {name: number for name, number in ports.items() if number}
