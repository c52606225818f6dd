"""Text Embeddings Inference: https://huggingface.co/docs/text-embeddings-inference/cli_arguments."""

from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar, Literal

from modelyard.cluster.pools import Pool
from modelyard.errors import Problem
from modelyard.gpu.spec import GpuSliceSpec
from modelyard.kube.images import Image
from modelyard.serving.runtimes.load_metrics import LoadMetrics
from modelyard.serving.runtimes.runtime import CACHE_PATH, Runtime, Served, Server, flags
from modelyard.spec import Count, Filled, Text, spec
from modelyard.versions import TEXT_EMBEDDINGS_CPU_IMAGE, TEXT_EMBEDDINGS_CUDA_IMAGE

_PORT, _METRICS_PORT = 8080, 9000
_GPUS_WITHOUT_PROGRAM = frozenset({"v100", "v100-32gb", "b300", "gb300"})
"""The image for GPUs has programs for compute capability 7.5, 8.x, 9.0, 10.0 and 12.0:
https://github.com/huggingface/text-embeddings-inference/blob/v1.9.3/cuda-all-entrypoint.sh"""
_OWN_FLAGS = {
    "--port": "it is 8080; clients use the service's url",
    "-p": "it is 8080; clients use the service's url",
    "--prometheus-port": "it is 9000",
    "--hostname": "it listens on every address of the pod",
    "--model-id": "use model.huggingface",
    "--revision": "use model.revision",
    "--hf-token": "use model.token_secret",
    "--hf-api-token": "use model.token_secret",
    "--huggingface-hub-cache": "files are downloaded to a folder of the pod's own",
    "--served-model-name": "use served_model_name",
    "--pooling": "use pooling",
    "--max-batch-tokens": "use max_batch_tokens",
    "--max-concurrent-requests": "use max_concurrent_requests",
    "--api-key": "use env_from_secrets: {API_KEY: SECRET}",
}


@spec
class HuggingFaceSpec(Runtime):
    """Hugging Face's Text Embeddings Inference: embedding, reranking and classification models, on GPUs or CPUs.

    Hugging Face's server of generative models, Text Generation Inference, is in maintenance since December 2025, and
    its makers name vLLM and SGLang for them: use the runtimes `vllm` and `sglang`.
    https://github.com/huggingface/text-generation-inference
    """

    NAME: ClassVar[str] = "huggingface"
    OWN_FLAGS: ClassVar[Mapping[str, str]] = _OWN_FLAGS
    DEFAULT_IMAGE: ClassVar[str | None] = TEXT_EMBEDDINGS_CUDA_IMAGE
    ARCHITECTURES: ClassVar[tuple[str, ...]] = ("amd64",)
    STARTUP_SECONDS: ClassVar[int] = 600
    """Such models have a few GiB; a warm-up with the largest batch follows."""
    # https://github.com/huggingface/text-embeddings-inference/tree/v1.9.3: core/src/queue.rs, router/src/prometheus.rs
    LOAD_METRICS: ClassVar[LoadMetrics] = LoadMetrics(
        queued="te_queue_size", tokens="te_request_input_length_sum", latency="te_request_duration"
    )

    image: Image | None = None
    """The server's image. Left out: the one for NVIDIA GPUs where the service has GPUs, otherwise the one for CPUs."""
    served_model_name: Filled | None = None
    """The name by which clients of the OpenAI-compatible endpoints ask for the model. Left out: its name on Hugging
    Face, that of the artifact's job, or the service's."""
    pooling: Literal["cls", "mean", "splade", "last-token"] | None = None
    """How an embedding is made of those of the tokens. Left out: as the model says."""
    max_batch_tokens: Count | None = None
    """Most tokens that are computed at once; more make better use of a GPU and need more memory. Left out: 16384."""
    max_concurrent_requests: Count | None = None
    """Most requests at once; further ones are turned away with the status 429 and not kept waiting. Left out: 512."""
    extra_args: Sequence[Text] = ()
    """Further arguments of `text-embeddings-router`, for what has no field here."""

    def service_problems(self, served: Served) -> Iterator[Problem]:
        """One GPU at the most."""
        yield from super().service_problems(served)
        if served.gpu_count > 1:
            path = "gpus.count" if isinstance(served.gpus, GpuSliceSpec) else "gpus"
            why = f"huggingface computes on one GPU, not on {served.gpu_count}"
            yield Problem(path=path, why=why, fix="use 1, and more replicas")

    def pool_problems(self, pool: Pool) -> Iterator[Problem]:
        """GPUs that the image for them has no program for."""
        yield from super().pool_problems(pool)
        if self.image is None and pool.accelerator and pool.accelerator.name in _GPUS_WITHOUT_PROGRAM:
            why = f"the default image has no program for {pool.accelerator.name}"
            fix = "name an image of Text Embeddings Inference for it, or use another pool"
            yield Problem(path="runtime.huggingface.image", why=why, fix=fix)

    def server(self, served: Served) -> Server:
        """The image's entry point, which chooses the program for the GPU. It listens once the model is loaded."""
        return Server(
            image=self.image or (TEXT_EMBEDDINGS_CUDA_IMAGE if served.gpus else TEXT_EMBEDDINGS_CPU_IMAGE),
            args=[
                *flags(
                    {
                        "--model-id": served.model_location,
                        "--revision": served.revision,
                        "--served-model-name": self.served_model_name or served.model_name,
                        "--port": _PORT,
                        "--prometheus-port": _METRICS_PORT,
                        "--pooling": self.pooling,
                        "--max-batch-tokens": self.max_batch_tokens,
                        "--max-concurrent-requests": self.max_concurrent_requests,
                    }
                ),
                "--json-output",
                *self.extra_args,
            ],
            env={
                "HF_HOME": f"{CACHE_PATH}/huggingface",
                # The image names a folder that only root could write to.
                "HUGGINGFACE_HUB_CACHE": f"{CACHE_PATH}/huggingface/hub",
                # Where GKE mounts the driver. The entry point would have it known by a file that only root may write.
                **({"LD_LIBRARY_PATH": "/usr/local/nvidia/lib64"} if served.gpus else {}),
            },
            token_variable="HF_TOKEN",  # noqa: S106  # the variable's name
            port=_PORT,
            ready_path="/health",
            live_path="/health",
            metrics_path="/metrics",
            metrics_port=_METRICS_PORT,
            scratch={"cache": CACHE_PATH},
        )
