"""What the servers of language models share: a model divided over GPUs and nodes, its names, and further arguments."""

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

# What the controller of LeaderWorkerSets tells each pod of a group, before the pod's own variables:
# https://lws.sigs.k8s.io/docs/reference/labels-annotations-and-environment-variables/
LEADER_ADDRESS = "$(LWS_LEADER_ADDRESS)"
"""In arguments: the leader's name in DNS, known before it is ready."""
NODE_RANK = "$(LWS_WORKER_INDEX)"
"""In arguments: the number of the pod's node in its replica; the leader's is 0."""


@spec
class ParallelRuntime(Runtime):
    """A server of language models on GPUs."""

    NEEDS_GPUS: ClassVar[bool] = True
    TAKES_ADAPTERS: ClassVar[bool] = True
    STARTUP_SECONDS: ClassVar[int] = LOADING_STARTUP_SECONDS
    MEMORY_FLAG: ClassVar[str]
    """The flag for the part of a GPU's memory that it takes, nearly all by default."""

    tensor_parallel: Count | None = None
    """GPUs that each layer is split over, at most those of a node. Left out: all GPUs of the pod, divided by
    pipeline_parallel."""
    pipeline_parallel: Count = 1
    """Groups of GPUs that the layers are divided among, where GPUs are not linked fast enough for tensor_parallel. With
    tensor_parallel 8 and pipeline_parallel 2, a replica on nodes of 8 GPUs is two nodes."""
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

    @property
    def pod_gpus(self) -> int:
        """GPUs of each pod where the service names none: each node then has one stage of the pipeline.
        https://docs.vllm.ai/en/stable/serving/parallelism_scaling/"""
        return self.tensor_parallel or 0

    def nodes_of(self, gpus: int | GpuSliceSpec) -> int:
        """How many nodes one replica takes: 1, unless whole stages of the pipeline fill several."""
        if isinstance(gpus, GpuSliceSpec) or not gpus or not self.tensor_parallel or gpus % self.tensor_parallel:
            return 1
        nodes, rest = divmod(self.tensor_parallel * self.pipeline_parallel, gpus)
        return 1 if rest else nodes

    def service_problems(self, served: Served) -> Iterator[Problem]:
        """GPUs that are divided evenly, one slice at the most, and adapters with names of their own."""
        yield from super().service_problems(served)
        name = served.known_as or self.served_model_name or served.model_name
        if name in served.adapters:
            why = f"{name} is the name that clients ask for the model by"
            yield Problem(path=f"adapters.{name}", why=why, fix="rename the adapter, or set served_model_name")
        if not served.gpus:
            return
        if isinstance(served.gpus, GpuSliceSpec) and served.gpus.count > 1:
            # https://docs.nvidia.com/datacenter/tesla/mig-user-guide/getting-started-with-mig.html
            why = f"of {served.gpus.count} slices of GPUs, CUDA shows a program the first only"
            yield Problem(path="gpus.count", why=why, fix="use 1, of a larger profile, or whole GPUs")
            return
        yield from self._division_problems(served.gpu_count, self.nodes_of(served.gpus))

    def _division_problems(self, count: int, nodes: int) -> Iterator[Problem]:
        """Why the GPUs of a replica's pods cannot be divided so."""
        used = (self.tensor_parallel or 1) * self.pipeline_parallel
        field = "tensor_parallel" if self.tensor_parallel else "pipeline_parallel"
        path = f"runtime.{self.NAME}.{field}"
        if self.tensor_parallel and self.tensor_parallel > count and used % count == 0:
            why = f"each layer would be split over {self.tensor_parallel} GPUs, and a pod has {count}: those of several"
            fix = f"use tensor_parallel: {count} and pipeline_parallel: {used // count}, or raise gpus"
            yield Problem(path=path, why=f"{why} nodes are not linked fast enough for that", fix=fix)
        elif used != count * nodes if self.tensor_parallel else count % self.pipeline_parallel:
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


def adapter_args(flag: str, served: Served) -> list[str]:
    """The arguments for the service's adapters: the flag, and after it each name with its place."""
    modules = [f"{name}={location}" for name, location in served.adapters.items()]
    return [flag, *modules] if modules else []
