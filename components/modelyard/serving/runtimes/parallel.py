"""What the servers of language models share: a model divided over GPUs, its name, and further arguments."""

from collections.abc import Iterator, Sequence
from typing import ClassVar

from modelyard.cluster.pools import Pool
from modelyard.errors import Problem
from modelyard.gpu.spec import GpuSliceSpec
from modelyard.serving.model_memory import loading_seconds
from modelyard.serving.model_spec import ModelSpec
from modelyard.serving.runtimes.runtime import Runtime, Served, flag_of
from modelyard.spec import Count, Filled, Text, spec

LOADING_STARTUP_SECONDS = 1800
"""Download of 130 GiB of weights at 200 MiB/s takes 11 minutes; loading them, compilation and CUDA graphs follow."""


@spec
class ParallelRuntime(Runtime):
    """A server of language models on GPUs."""

    NEEDS_GPUS: ClassVar[bool] = True
    STARTUP_SECONDS: ClassVar[int] = LOADING_STARTUP_SECONDS
    MEMORY_FLAG: ClassVar[str]
    """The flag for the part of a GPU's memory that it takes, nearly all by default."""

    tensor_parallel: Count | None = None
    """GPUs that each layer is split over. Left out: all GPUs of the pod, divided by pipeline_parallel."""
    pipeline_parallel: Count = 1
    """Groups of GPUs that the layers are divided among, where GPUs are not linked fast enough for tensor_parallel."""
    served_model_name: Filled | None = None
    """The name by which clients ask for the model. Left out: its name on Hugging Face, that of the artifact's job, or
    the service's."""
    extra_args: Sequence[Text] = ()
    """Further arguments of the server, for what has no field here."""

    def startup_seconds(self, model: ModelSpec | None) -> int:
        """The start-up budget where the service names none: by the model's size, if that is known."""
        return loading_seconds(model.size_gib) if model and model.size_gib else self.STARTUP_SECONDS

    def tensor_parallel_of(self, served: Served) -> int:
        """GPUs that each layer is split over."""
        return self.tensor_parallel or served.gpu_count // self.pipeline_parallel

    def service_problems(self, served: Served) -> Iterator[Problem]:
        """GPUs that are divided evenly, and one slice at the most."""
        yield from super().service_problems(served)
        if not served.gpus:
            return
        if isinstance(served.gpus, GpuSliceSpec) and served.gpus.count > 1:
            # https://docs.nvidia.com/datacenter/tesla/mig-user-guide/getting-started-with-mig.html
            why = f"of {served.gpus.count} slices of GPUs, CUDA shows a program the first only"
            yield Problem(path="gpus.count", why=why, fix="use 1, of a larger profile, or whole GPUs")
            return
        used = (self.tensor_parallel or 1) * self.pipeline_parallel
        count = served.gpu_count
        if used != count if self.tensor_parallel else count % self.pipeline_parallel:
            path = f"runtime.{self.NAME}.{'tensor_parallel' if self.tensor_parallel else 'pipeline_parallel'}"
            why = f"tensor_parallel times pipeline_parallel must be gpus, which is {count}"
            yield Problem(path=path, why=why, fix="change one of the three, or leave tensor_parallel out")

    def pool_problems(self, pool: Pool) -> Iterator[Problem]:
        """Memory, which time slicing does not divide."""
        yield from super().pool_problems(pool)
        if not pool.gpu or pool.gpu.sharing_kind != "time_slicing":
            return
        if not any(flag_of(each) == self.MEMORY_FLAG for each in self.extra_args):
            shares = pool.gpu.shares_per_gpu
            why = f"{self.NAME} takes nearly all memory of a GPU, which {shares} pods share on pool {pool.name}"
            part = f"{self.MEMORY_FLAG}={100 // shares / 100:g}"
            fix = f"use a pool with sharing: {{mig: PROFILE}}, or add {part} or less"
            yield Problem(path=f"runtime.{self.NAME}.extra_args", why=why, fix=fix)
