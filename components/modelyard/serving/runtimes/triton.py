"""NVIDIA Triton Inference Server: https://docs.nvidia.com/deeplearning/triton-inference-server/user-guide/docs/."""

from collections.abc import Mapping, Sequence
from typing import ClassVar

from modelyard.kube.images import Image
from modelyard.serving.runtimes.load_metrics import LoadMetrics
from modelyard.serving.runtimes.runtime import Runtime, Served, Server, flags
from modelyard.spec import Filled, Text, spec
from modelyard.versions import TRITON_IMAGE
from modelyard.workspace.words import MODEL_PATH

_PORT, _GRPC_PORT, _METRICS_PORT = 8000, 8001, 8002
_OWN_FLAGS = {
    "--http-port": "it is 8000; clients use the service's url",
    "--grpc-port": "it is 8001",
    "--metrics-port": "it is 8002",
    "--model-repository": "use model",
    "--model-store": "use model",
    "--model-control-mode": "use models; a repository that changes by itself cannot be told from a broken one",
    "--load-model": "use models",
    "--exit-timeout-secs": "use drain_seconds",
    "--strict-readiness": "a service is ready when all of its models are",
}


@spec
class TritonSpec(Runtime):
    """NVIDIA's Triton: models of many frameworks, also several at once, over the Open Inference Protocol.

    The model is a repository in Triton's layout (`NAME/config.pbtxt`, `NAME/1/model.onnx`). It serves HTTP and gRPC.
    """

    NAME: ClassVar[str] = "triton"
    OWN_FLAGS: ClassVar[Mapping[str, str]] = _OWN_FLAGS
    READS_HUGGINGFACE: ClassVar[bool] = False
    USER_ID: ClassVar[int | None] = 1000
    """The user `triton-server` that the image brings.
    https://github.com/triton-inference-server/server/blob/main/build.py"""
    DEFAULT_IMAGE: ClassVar[str | None] = TRITON_IMAGE
    STARTUP_SECONDS: ClassVar[int] = 600
    """Backends start one after the other, and TensorRT loads engines of many GiB."""
    # https://docs.nvidia.com/deeplearning/triton-inference-server/user-guide/docs/user_guide/metrics.html
    LOAD_METRICS: ClassVar[LoadMetrics] = LoadMetrics(queued="nv_inference_pending_request_count")

    image: Image = TRITON_IMAGE
    """The server's image, which decides the backends. The default one has those of ONNX Runtime, TensorRT, PyTorch,
    OpenVINO and Python, for NVIDIA GPUs and for CPUs."""
    models: Sequence[Filled] = ()
    """Names of the repository's models that are served. Left out: all."""
    extra_args: Sequence[Text] = ()
    """Further arguments of `tritonserver`, for what has no field here."""

    def server(self, served: Served) -> Server:
        """`tritonserver`. It is ready when all of its models are."""
        chosen = ["--model-control-mode=explicit", *(f"--load-model={name}" for name in self.models)]
        return Server(
            image=self.image,
            command=["tritonserver"],
            args=[
                *flags(
                    {
                        "--model-repository": MODEL_PATH,
                        "--http-port": _PORT,
                        "--grpc-port": _GRPC_PORT,
                        "--metrics-port": _METRICS_PORT,
                        "--exit-timeout-secs": served.drain_seconds,
                    }
                ),
                *(chosen if self.models else ()),
                *self.extra_args,
            ],
            port=_PORT,
            grpc_port=_GRPC_PORT,
            ready_path="/v2/health/ready",
            live_path="/v2/health/live",
            metrics_path="/metrics",
            metrics_port=_METRICS_PORT,
        )
