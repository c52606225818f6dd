"""vLLM: https://docs.vllm.ai/en/stable/cli/serve/ and https://docs.vllm.ai/en/stable/configuration/env_vars/."""

from collections.abc import Iterable
from typing import ClassVar

from modelyard.errors import Problem
from modelyard.kube.images import Image
from modelyard.serving.runtimes.parallel import ParallelRuntime
from modelyard.serving.runtimes.runtime import CACHE_PATH, Served, Server, flags, own_flag_problems
from modelyard.spec import Count, spec
from modelyard.versions import VLLM_IMAGE

_PORT = 8000
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
    "--shutdown-timeout": "use drain_seconds",
    "--api-key": "use env_from_secrets: {VLLM_API_KEY: SECRET}",
}


@spec
class VllmSpec(ParallelRuntime):
    """vLLM's OpenAI-compatible server, for language models on GPUs."""

    NAME: ClassVar[str] = "vllm"
    USER_ID: ClassVar[int | None] = 2000
    """The user `vllm` that the image brings. Under a number without a name, PyTorch fails while it is imported.
    https://github.com/vllm-project/vllm/pull/40275"""
    DEFAULT_IMAGE: ClassVar[str | None] = VLLM_IMAGE
    # Nine tenths by default: https://docs.vllm.ai/en/stable/configuration/engine_args/
    MEMORY_FLAG: ClassVar[str] = "--gpu-memory-utilization"

    image: Image = VLLM_IMAGE
    """The server's image. The default one is for NVIDIA GPUs."""
    max_model_len: Count | None = None
    """Longest context, tokens. Left out: the longest that fits in the GPUs' memory."""

    def problems(self) -> Iterable[Problem]:
        """No argument that a field decides."""
        return own_flag_problems(self.extra_args, _OWN_FLAGS)

    def server(self, served: Served) -> Server:
        """`vllm serve`. It listens once the model is loaded, and answers 503 only when its engine is dead."""
        return Server(
            image=self.image,
            command=["vllm", "serve"],
            args=[served.model_location, *self._flags(served), *self.extra_args],
            env=_env(served),
            token_variable="HF_TOKEN",  # noqa: S106  # the variable's name
            port=_PORT,
            ready_path="/health",
            live_path="/health",
            metrics_path="/metrics",
            scratch={"cache": CACHE_PATH},
        )

    def _flags(self, served: Served) -> list[str]:
        return flags(
            {
                "--revision": served.model.revision if served.model else None,
                "--served-model-name": self.served_model_name or served.model_name,
                "--port": _PORT,
                "--tensor-parallel-size": self.tensor_parallel_of(served),
                "--pipeline-parallel-size": self.pipeline_parallel,
                "--max-model-len": self.max_model_len or "auto",
                # The default, 0, breaks off every request under way.
                "--shutdown-timeout": served.drain_seconds,
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
