"""What each runtime's container needs, and which of its ports answer what."""

from collections.abc import Mapping
from dataclasses import dataclass

from modelyard.kube.pods import Container, Scratch
from modelyard.kube.probes import liveness_probe, readiness_probe, startup_probe
from modelyard.serving.spec import ContainerSpec, ModelServiceSpec, VllmSpec
from modelyard.workspace.network import HTTP_PORT, METRICS_PORT
from modelyard.workspace.pods import secret_env
from modelyard.workspace.workload_spec import MODEL_PATH
from modelyard.workspace.workspace import Workspace

_VLLM_PORT = 8000
_CACHE = "/cache"
_PRE_STOP_SECONDS = 15
"""Until load balancers and proxies have taken a pod out that is told to end; it serves on meanwhile."""
_TEARDOWN_SECONDS = 15
"""For a server to end after its last request: vLLM's engine takes up to 15 s."""


@dataclass(frozen=True, kw_only=True)
class Metrics:
    """Where Prometheus reads a service: a named port and a path."""

    port: str
    path: str


@dataclass(frozen=True, kw_only=True)
class Server:
    """A runtime as the service around it sees it.

    Attributes:
        container: the server's container.
        metrics: None where it has none.
        grace_seconds: from being told to end until it is killed.
    """

    container: Container
    metrics: Metrics | None
    grace_seconds: int


def make_server(workspace: Workspace, spec: ModelServiceSpec) -> Server:
    """The server that the spec's runtime describes."""
    grace_seconds = _PRE_STOP_SECONDS + spec.drain_seconds + _TEARDOWN_SECONDS
    if spec.runtime.vllm:
        return Server(
            container=_vllm_container(workspace, spec, spec.runtime.vllm),
            metrics=Metrics(port=HTTP_PORT, path="/metrics"),
            grace_seconds=grace_seconds,
        )
    assert spec.runtime.container, "a valid spec has one of the two"
    return Server(
        container=_own_container(spec, spec.runtime.container),
        metrics=_own_metrics(spec.runtime.container),
        grace_seconds=grace_seconds,
    )


def _vllm_container(workspace: Workspace, spec: ModelServiceSpec, vllm: VllmSpec) -> Container:
    """https://docs.vllm.ai/en/stable/cli/serve/ and https://docs.vllm.ai/en/stable/configuration/env_vars/."""
    token = spec.model.token_secret if spec.model else None
    health = "/health"
    return Container(
        name="server",
        image=vllm.image,
        command=["vllm", "serve"],
        args=[*_vllm_args(spec, vllm), *vllm.extra_args],
        env=_vllm_env(spec),
        secret_env=secret_env(workspace.namespace_for(spec), {"HF_TOKEN": token}) if token else {},
        ports={HTTP_PORT: _VLLM_PORT},
        # It listens once the model is loaded, and answers 503 only when its engine is dead.
        startup=startup_probe(HTTP_PORT, health, budget_seconds=spec.startup_seconds),
        readiness=readiness_probe(HTTP_PORT, health),
        liveness=liveness_probe(HTTP_PORT, health),
        pre_stop_seconds=_PRE_STOP_SECONDS,
        scratch=[Scratch(name="cache", path=_CACHE)],
    )


def _vllm_args(spec: ModelServiceSpec, vllm: VllmSpec) -> list[str]:
    assert spec.model, "a valid spec with vllm has a model"
    flags: dict[str, object] = {
        "--revision": spec.model.revision,
        "--served-model-name": vllm.served_model_name or spec.model.artifact,
        "--port": _VLLM_PORT,
        "--tensor-parallel-size": vllm.tensor_parallel or spec.gpu_count // vllm.pipeline_parallel,
        "--pipeline-parallel-size": vllm.pipeline_parallel,
        "--max-model-len": vllm.max_model_len or "auto",
        # The default, 0, breaks off every request under way.
        "--shutdown-timeout": spec.drain_seconds,
    }
    model = spec.model.huggingface or MODEL_PATH
    return [model, *(f"{flag}={value}" for flag, value in flags.items() if value is not None)]


def _vllm_env(spec: ModelServiceSpec) -> Mapping[str, str]:
    return {
        # Compiled kernels and Hugging Face's files go to the home folder's .cache unless told otherwise.
        "HOME": _CACHE,
        "USER": "vllm",
        "HF_HOME": f"{_CACHE}/huggingface",
        "VLLM_CACHE_ROOT": f"{_CACHE}/vllm",
        # Its own budget, 600 s, would end a start that ours allows.
        "VLLM_ENGINE_READY_TIMEOUT_S": str(spec.startup_seconds),
        "VLLM_NO_USAGE_STATS": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
    }


def _own_container(spec: ModelServiceSpec, own: ContainerSpec) -> Container:
    return Container(
        name="server",
        image=own.image,
        command=own.command,
        args=own.args,
        ports={HTTP_PORT: own.port, **({METRICS_PORT: own.metrics_port} if own.metrics_port else {})},
        startup=startup_probe(HTTP_PORT, own.ready_path, budget_seconds=spec.startup_seconds),
        readiness=readiness_probe(HTTP_PORT, own.ready_path),
        liveness=liveness_probe(HTTP_PORT, own.live_path),
        pre_stop_seconds=_PRE_STOP_SECONDS,
    )


def _own_metrics(own: ContainerSpec) -> Metrics | None:
    if not own.metrics_path:
        return None
    return Metrics(port=METRICS_PORT if own.metrics_port else HTTP_PORT, path=own.metrics_path)
