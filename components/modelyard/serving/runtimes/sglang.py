"""SGLang: https://docs.sglang.io/docs/advanced_features/server_arguments.

Over several nodes: https://github.com/kubernetes-sigs/lws/blob/v0.10.0/docs/examples/sglang/lws.yaml.
"""

from collections.abc import Mapping
from typing import ClassVar

from modelyard.kube.images import Image
from modelyard.serving.runtimes.load_metrics import LoadMetrics
from modelyard.serving.runtimes.parallel import LEADER_ADDRESS, NODE_RANK, ParallelRuntime, adapter_args
from modelyard.serving.runtimes.runtime import CACHE_PATH, Served, Server, flags
from modelyard.spec import Count, spec
from modelyard.versions import SGLANG_IMAGE

_PORT = 30000
_RENDEZVOUS_PORT = 20000
_OWN_FLAGS = {
    "--port": "it is 30000; clients use the service's url",
    "--host": "it listens on every address of the pod",
    "--model": "use model.huggingface",
    "--model-path": "use model.huggingface",
    "--revision": "use model.revision",
    "--served-model-name": "use served_model_name",
    "--context-length": "use context_length",
    "--tp-size": "use tensor_parallel",
    "--tp": "use tensor_parallel",
    "--tensor-parallel-size": "use tensor_parallel",
    "--pp-size": "use pipeline_parallel",
    "--pipeline-parallel-size": "use pipeline_parallel",
    **dict.fromkeys(
        ("--nnodes", "--node-rank", "--dist-init-addr"),
        "it follows from tensor_parallel times pipeline_parallel and gpus",
    ),
    "--enable-lora": "use the service's adapters",
    "--lora-paths": "use the service's adapters",
    "--enable-metrics": "they are on",
    "--api-key": "it would stand in the pod's specification; let the gateway ask for keys",
    "--admin-api-key": "it would stand in the pod's specification; let the gateway ask for keys",
}


@spec
class SglangSpec(ParallelRuntime):
    """SGLang's OpenAI-compatible server, for language models on GPUs."""

    NAME: ClassVar[str] = "sglang"
    OWN_FLAGS: ClassVar[Mapping[str, str]] = _OWN_FLAGS
    DEFAULT_IMAGE: ClassVar[str | None] = SGLANG_IMAGE
    MEMORY_FLAG: ClassVar[str] = "--mem-fraction-static"
    # https://docs.sglang.io/docs/references/production_metrics
    LOAD_METRICS: ClassVar[LoadMetrics] = LoadMetrics(
        queued="sglang:num_queue_reqs",
        running="sglang:num_running_reqs",
        tokens="sglang:generation_tokens_total",
        latency="sglang:e2e_request_latency_seconds",
        first_token="sglang:time_to_first_token_seconds",  # noqa: S106  # a token of text
    )

    image: Image = SGLANG_IMAGE
    """The server's image. The default one is for NVIDIA GPUs with a driver for CUDA 13."""
    context_length: Count | None = None
    """Longest context, tokens. Left out: the model's own."""

    def server(self, served: Served) -> Server:
        """`sglang.launch_server`. It ends when the requests under way have ended, however long that takes.

        On several nodes every pod runs it, and the first one serves.
        """
        nodes = self.nodes_of(served.gpus)
        args = [
            # https://docs.sglang.io/docs/advanced_features/lora: the flag alone lets it serve adapters.
            *adapter_args("--lora-paths", served),
            *self._flags(served),
            *(_node_flags(nodes) if nodes > 1 else []),
            "--enable-metrics",
            *self.extra_args,
        ]
        return Server(
            image=self.image,
            command=["python3", "-m", "sglang.launch_server"],
            args=args,
            worker_args=args if nodes > 1 else None,
            # Kernels that are compiled go to the home folder's .cache, Hugging Face's files too unless told otherwise.
            env={
                "HOME": CACHE_PATH,
                "USER": "sglang",
                "HF_HOME": f"{CACHE_PATH}/huggingface",
                "SGLANG_CACHE_DIR": f"{CACHE_PATH}/sglang",
                "HF_HUB_DISABLE_TELEMETRY": "1",
            },
            token_variable="HF_TOKEN",  # noqa: S106  # the variable's name
            port=_PORT,
            ready_path="/ready",
            # An idle server computes one token for it, so that a hung GPU shows; a busy one has to make some progress.
            live_path="/health",
            metrics_path="/metrics",
            scratch={"cache": CACHE_PATH},
        )

    def _flags(self, served: Served) -> list[str]:
        return flags(
            {
                "--model-path": served.model_location,
                "--revision": served.revision,
                "--served-model-name": self.served_model_name or served.model_name,
                # Only the pod itself would reach it by default.
                "--host": "0.0.0.0",  # noqa: S104  # in the pod's own network
                "--port": _PORT,
                "--tp-size": self.tensor_parallel_of(served),
                "--pp-size": self.pipeline_parallel,
                "--context-length": self.context_length,
            }
        )


def _node_flags(nodes: int) -> list[str]:
    return flags(
        {"--nnodes": nodes, "--node-rank": NODE_RANK, "--dist-init-addr": f"{LEADER_ADDRESS}:{_RENDEZVOUS_PORT}"}
    )
