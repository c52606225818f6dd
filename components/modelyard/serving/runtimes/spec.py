"""What a user writes of the server that answers for a model."""

from collections.abc import Iterable
from dataclasses import fields

from modelyard.errors import Problem
from modelyard.serving.runtimes.container import ContainerSpec
from modelyard.serving.runtimes.huggingface import HuggingFaceSpec
from modelyard.serving.runtimes.mlserver import MlserverSpec
from modelyard.serving.runtimes.runtime import Runtime
from modelyard.serving.runtimes.sglang import SglangSpec
from modelyard.serving.runtimes.triton import TritonSpec
from modelyard.serving.runtimes.vllm import VllmSpec
from modelyard.spec import exactly_one, spec


@spec
class RuntimeSpec:
    """The server: exactly one of the blocks."""

    vllm: VllmSpec | None = None
    """vLLM, for language models on GPUs."""
    sglang: SglangSpec | None = None
    """SGLang, for language models on GPUs."""
    triton: TritonSpec | None = None
    """NVIDIA's Triton, for models of many frameworks."""
    huggingface: HuggingFaceSpec | None = None
    """Hugging Face's server of embedding, reranking and classification models."""
    mlserver: MlserverSpec | None = None
    """MLServer, for scikit-learn, XGBoost, LightGBM, CatBoost and MLflow."""
    container: ContainerSpec | None = None
    """An image of your own, which brings or finds its model itself."""

    def problems(self) -> Iterable[Problem]:
        """Exactly one block."""
        return exactly_one(self, *(each.name for each in fields(self)))

    @property
    def chosen(self) -> Runtime | None:
        """The block that is there; None where it is not exactly one."""
        given = [block for each in fields(self) if (block := getattr(self, each.name))]
        return given[0] if len(given) == 1 else None
