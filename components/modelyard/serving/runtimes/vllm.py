"""vLLM: https://docs.vllm.ai/en/stable/cli/serve/ and https://docs.vllm.ai/en/stable/configuration/env_vars/.

Over several nodes by its own means, without Ray, which the image does not have:
https://docs.vllm.ai/en/stable/serving/parallelism_scaling/#running-vllm-with-multiprocessing

With the prefill in pods of their own, caches move between servers by NIXL, whose handshake has a port of its own:
https://docs.vllm.ai/en/stable/features/nixl_connector_usage/
"""

import json
from collections.abc import Iterator, Mapping
from typing import ClassVar, Literal

from modelyard.errors import Problem
from modelyard.kube.images import Image
from modelyard.serving.runtimes.load_metrics import LoadMetrics
from modelyard.serving.runtimes.parallel import LEADER_ADDRESS, NODE_RANK, ParallelRuntime, adapter_args
from modelyard.serving.runtimes.runtime import CACHE_PATH, Served, Server, flags
from modelyard.spec import Count, spec
from modelyard.versions import VLLM_IMAGE

PORT = 8000
DECODE_PORT = 8200
"""Where it listens behind the proxy that has its port: the proxy's default for that."""
_PEER_PORT = 5600
"""NIXL's side channel, by default."""
KV_TRANSFER_FLAG = "--kv-transfer-config"
_KV_TRANSFER = {
    "kv_connector": "NixlConnector",
    # It makes no difference: who reads and who writes is in each request.
    "kv_role": "kv_both",
    # A prefill pod that ends, or is of another version during an update, costs time and no answer. By default such
    # requests fail.
    "kv_load_failure_policy": "recompute",
}
_MOST_ADAPTERS_AT_ONCE = 8
"""Each place for an adapter in a batch takes memory of the GPUs; SGLang has as many by default."""
_OWN_FLAGS = {
    "--port": "it is 8000; clients use the service's url",
    "--host": "it listens on every address of the pod",
    "--model": "use model.huggingface",
    "--revision": "use model.revision",
    "--hf-token": "use model.token_secret",
    "--served-model-name": "use served_model_name",
    "--max-model-len": "use max_model_len",
    "--tensor-parallel-size": "use tensor_parallel",
    "-tp": "use tensor_parallel",
    "--pipeline-parallel-size": "use pipeline_parallel",
    "-pp": "use pipeline_parallel",
    **dict.fromkeys(
        ("--nnodes", "-n", "--node-rank", "-r", "--master-addr", "--headless"),
        "it follows from tensor_parallel times pipeline_parallel and gpus",
    ),
    "--enable-lora": "use the service's adapters",
    "--lora-modules": "use the service's adapters",
    "--max-lora-rank": "use max_lora_rank",
    "--shutdown-timeout": "use drain_seconds",
    "--api-key": "use env_from_secrets: {VLLM_API_KEY: SECRET}",
}


@spec
class VllmSpec(ParallelRuntime):
    """vLLM's OpenAI-compatible server, for language models on GPUs."""

    NAME: ClassVar[str] = "vllm"
    OWN_FLAGS: ClassVar[Mapping[str, str]] = _OWN_FLAGS
    USER_ID: ClassVar[int | None] = 2000
    """The user `vllm` that the image brings. Under a number without a name, PyTorch fails while it is imported.
    https://github.com/vllm-project/vllm/pull/40275"""
    DEFAULT_IMAGE: ClassVar[str | None] = VLLM_IMAGE
    # Nine tenths by default: https://docs.vllm.ai/en/stable/configuration/engine_args/
    MEMORY_FLAG: ClassVar[str] = "--gpu-memory-utilization"
    # https://docs.vllm.ai/en/stable/usage/metrics/
    LOAD_METRICS: ClassVar[LoadMetrics] = LoadMetrics(
        queued="vllm:num_requests_waiting",
        running="vllm:num_requests_running",
        tokens="vllm:generation_tokens_total",
        latency="vllm:e2e_request_latency_seconds",
        first_token="vllm:time_to_first_token_seconds",  # noqa: S106  # a token of text
    )

    image: Image = VLLM_IMAGE
    """The server's image. The default one is for NVIDIA GPUs."""
    max_model_len: Count | None = None
    """Longest context, tokens. Left out: the longest that fits in the GPUs' memory."""
    max_lora_rank: Literal[1, 8, 16, 32, 64, 128, 256, 320, 512] | None = None
    """The largest rank of the service's adapters; one above it ends the server at its start. Left out: 16. Only with
    adapters."""

    def service_problems(self, served: Served) -> Iterator[Problem]:
        """What has a meaning with adapters only."""
        yield from super().service_problems(served)
        if self.max_lora_rank and not served.adapters:
            path = f"runtime.{self.NAME}.max_lora_rank"
            yield Problem(path=path, why="has a meaning with adapters only", fix="leave it out, or add adapters")

    def server(self, served: Served) -> Server:
        """`vllm serve`. It listens once the model is loaded, and answers 503 only when its engine is dead.

        On several nodes every pod runs it, and the first one serves; the others take part without a listener. A server
        with a role in requests reads caches of the others, and lets them read its own.
        """
        nodes = self.nodes_of(served.gpus)
        args = [
            served.model_location,
            *self._adapter_args(served),
            *self._flags(served),
            *(_node_flags(nodes) if nodes > 1 else []),
            *([f"{KV_TRANSFER_FLAG}={json.dumps(_KV_TRANSFER)}"] if served.role else []),
            *self.extra_args,
        ]
        own_ip = {"VLLM_HOST_IP": "status.podIP"} if nodes > 1 else {}
        peer_ip = {"VLLM_NIXL_SIDE_CHANNEL_HOST": "status.podIP"} if served.role else {}
        return Server(
            image=self.image,
            command=["vllm", "serve"],
            args=args,
            worker_args=[*args, "--headless"] if nodes > 1 else None,
            env=_env(served),
            field_env={**own_ip, **peer_ip},
            token_variable="HF_TOKEN",  # noqa: S106  # the variable's name
            port=PORT,
            own_port=DECODE_PORT if served.role == "decode" else None,
            peer_port=_PEER_PORT if served.role else None,
            ready_path="/health",
            live_path="/health",
            metrics_path="/metrics",
            scratch={"cache": CACHE_PATH},
        )

    def _flags(self, served: Served) -> list[str]:
        return flags(
            {
                "--revision": served.revision,
                "--served-model-name": self.served_model_name or served.model_name,
                "--port": DECODE_PORT if served.role == "decode" else PORT,
                "--tensor-parallel-size": self.tensor_parallel_of(served),
                "--pipeline-parallel-size": self.pipeline_parallel,
                "--max-model-len": self.max_model_len or "auto",
                # The default, 0, breaks off every request under way.
                "--shutdown-timeout": served.drain_seconds,
            }
        )

    def _adapter_args(self, served: Served) -> list[str]:
        """https://docs.vllm.ai/en/stable/features/lora/"""
        if not served.adapters:
            return []
        batched = min(len(served.adapters), _MOST_ADAPTERS_AT_ONCE)
        limits = flags({"--max-loras": batched, "--max-lora-rank": self.max_lora_rank})
        return ["--enable-lora", *limits, *adapter_args("--lora-modules", served)]


def _node_flags(nodes: int) -> list[str]:
    return flags(
        {
            "--distributed-executor-backend": "mp",
            "--nnodes": nodes,
            "--node-rank": NODE_RANK,
            "--master-addr": LEADER_ADDRESS,
        }
    )


def _env(served: Served) -> dict[str, str]:
    return {
        # Compiled kernels and Hugging Face's files go to the home folder's .cache unless told otherwise.
        "HOME": CACHE_PATH,
        "USER": "vllm",
        "HF_HOME": f"{CACHE_PATH}/huggingface",
        "VLLM_CACHE_ROOT": f"{CACHE_PATH}/vllm",
        # Its own budget, 600 s, would end a start that ours allows.
        "VLLM_ENGINE_READY_TIMEOUT_S": str(served.startup_seconds),
        "VLLM_NO_USAGE_STATS": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
    }
