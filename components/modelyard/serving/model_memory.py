"""Whether a model's weights can be held by the GPUs of a replica, and how long they take to get there.

A lower bound: cache for requests, which decides how many are answered at once, comes on top. The figures are those by
which KAITO estimates, of safetensors and without quantization while loading:
https://github.com/kaito-project/kaito/blob/main/pkg/workspace/estimator/nodesestimator/estimator.go
"""

import math
from dataclasses import dataclass

from modelyard.cluster.pools import Pool
from modelyard.gpu.contract import GpuContract
from modelyard.gpu.spec import GpuSliceSpec

_WEIGHTS = 1.02
"""What weights take on a GPU, over the size of their files."""
_OVERHEAD_GIB = 2.3
"""For each GPU: CUDA's context and libraries 0.6 GiB, activations and CUDA graphs 1.7 GiB."""
_USABLE = 0.92
"""The part of a GPU's memory that vLLM takes by default. https://docs.vllm.ai/en/stable/configuration/engine_args/"""

_PREPARE_SECONDS = 600
"""For the server's own start, compilation and CUDA graphs."""
_MIB_PER_SECOND = 100
"""Download or a network disk, on a slow day: half of what Hugging Face gives one machine."""


@dataclass(frozen=True, kw_only=True)
class GpuMemory:
    """Memory of each GPU, slice or share of a replica, GiB.

    Attributes:
        needed_gib: what weights and programs take at least.
        usable_gib: what a server takes of it by default.
    """

    needed_gib: float
    usable_gib: float

    @property
    def fits(self) -> bool:
        """Whether there is anything left for requests."""
        return self.needed_gib < self.usable_gib


def gpu_memory(size_gib: float, gpus: int | GpuSliceSpec, pool: Pool) -> GpuMemory | None:
    """What a model whose files have that size takes of the GPUs of a replica; None on a pool without GPUs."""
    if not pool.gpu or not gpus:
        return None
    count = gpus.count if isinstance(gpus, GpuSliceSpec) else gpus
    needed = size_gib * _WEIGHTS / count + _OVERHEAD_GIB
    return GpuMemory(needed_gib=round(needed, 1), usable_gib=round(_memory_gib(gpus, pool.gpu) * _USABLE, 1))


def _memory_gib(gpus: int | GpuSliceSpec, gpu: GpuContract) -> float:
    accelerator = gpu.accelerator
    profiles = accelerator.mig_profiles
    if isinstance(gpus, GpuSliceSpec):
        return profiles[gpus.mig].memory_gb if gpus.mig in profiles else accelerator.memory_gib
    if gpu.slices_per_gpu:
        return max(profiles[name].memory_gb for name in gpu.slices_per_gpu)
    # Time slicing divides no memory: all of it can be asked for.
    return accelerator.memory_gib / (gpu.shares_per_gpu if gpu.sharing_kind == "mps" else 1)


def loading_seconds(size_gib: float) -> int:
    """A budget for the start of a server that gets and loads a model whose files have that size, in whole minutes."""
    return math.ceil((_PREPARE_SECONDS + size_gib * 1024 / _MIB_PER_SECOND) / 60) * 60
