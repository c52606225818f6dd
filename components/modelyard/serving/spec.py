"""What a user writes of a model service."""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Annotated

import annotated_types

from modelyard.cluster.pools import Pool
from modelyard.errors import Problem, show
from modelyard.gpu.accelerators import NVIDIA
from modelyard.gpu.spec import Gpus, GpuSliceSpec
from modelyard.kube.images import Image
from modelyard.spec import Count, CountOrZero, Filled, Name, Percent, Rule, Text, exactly_one, spec
from modelyard.versions import VLLM_IMAGE
from modelyard.workspace.place import Place, unknown_secret
from modelyard.workspace.pod_resources import PodResources
from modelyard.workspace.workload_spec import Port, WorkloadSpec

VLLM_STARTUP_SECONDS = 1800
"""Download of 130 GiB of weights at 200 MiB/s takes 11 minutes; loading them, compilation and CUDA graphs follow."""
VLLM_USER_ID = 2000
"""The user `vllm` that the image brings. Under a number without a name, PyTorch fails while it is imported.
https://github.com/vllm-project/vllm/pull/40275"""
CONTAINER_STARTUP_SECONDS = 300
DRAIN_SECONDS = 60
"""A long answer of a language model streams for about a minute."""

StartupSeconds = Annotated[int, annotated_types.Interval(ge=5, le=86400)]
"""A start-up budget: from one probe's period to a day."""
DrainSeconds = Annotated[int, annotated_types.Interval(ge=0, le=3600)]
"""Time to end requests that are under way."""


def _check_huggingface(text: str) -> tuple[str, str] | None:
    if re.fullmatch(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*", text, re.ASCII):
        return None
    return f"{show(text)} is no model on Hugging Face", "write OWNER/NAME as in its address"


HuggingFaceModel = Annotated[str, Rule(_check_huggingface)]
"""A model on Hugging Face: `Qwen/Qwen2.5-7B-Instruct`."""


def _check_path(text: str) -> tuple[str, str] | None:
    if re.fullmatch(r"/[!-~]*", text):
        return None
    return f"{show(text)} is no path", "write one beginning with /, without spaces"


HttpPath = Annotated[str, Rule(_check_path, {"pattern": "^/[!-~]*$"})]
"""A path on the container's own HTTP server: `/healthz`."""

# Flags that a field of the spec decides, and those that would put a secret into the pod's specification.
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

_MEMORY_FLAG = "--gpu-memory-utilization"


def _flag(argument: str) -> str:
    return argument.split("=", 1)[0].replace("_", "-")


@spec
class ModelSpec:
    """The model that a runtime serves: exactly one of `huggingface` and `artifact`."""

    huggingface: HuggingFaceModel | None = None
    """The model on Hugging Face. Its files are downloaded when a pod starts, to the disk of the pod's node."""
    artifact: Name | None = None
    """A job or training of the same workspace that has an `artifact`. The service starts after it has succeeded, finds
    the files, read only, in the folder that the variable MODEL_PATH names, and is rolled when the job has run again."""
    revision: Filled | None = None
    """Commit, tag or branch. Left out: the newest at each pod's start; name a commit where replicas must agree. Only
    with huggingface."""
    token_secret: Name | None = None
    """The workspace's secret with a Hugging Face token, for gated and private models. Only with huggingface."""

    def problems(self) -> Iterable[Problem]:
        """Exactly one source, and what only Hugging Face has."""
        yield from exactly_one(self, "huggingface", "artifact")
        if not self.huggingface:
            for name, value in (("revision", self.revision), ("token_secret", self.token_secret)):
                if value:
                    yield Problem(path=name, why="has a meaning with huggingface only", fix="leave it out")


@spec
class VllmSpec:
    """vLLM's OpenAI-compatible server, for language models on GPUs."""

    image: Image = VLLM_IMAGE
    """The server's image. The default one is for NVIDIA GPUs."""
    max_model_len: Count | None = None
    """Longest context, tokens. Left out: the longest that fits in the GPUs' memory."""
    tensor_parallel: Count | None = None
    """GPUs that each layer is split over. Left out: all GPUs of the pod, divided by pipeline_parallel."""
    pipeline_parallel: Count = 1
    """Groups of GPUs that the layers are divided among, where GPUs are not linked fast enough for tensor_parallel."""
    served_model_name: Filled | None = None
    """The name by which clients ask for the model. Left out: its name on Hugging Face, or the artifact's."""
    extra_args: Sequence[Text] = ()
    """Further arguments of `vllm serve`, for what has no field here."""

    def problems(self) -> Iterable[Problem]:
        """No argument that a field decides."""
        for index, argument in enumerate(self.extra_args):
            flag = _flag(argument) if isinstance(argument, str) else ""
            if flag in _OWN_FLAGS:
                why = f"{flag} cannot be given as an argument"
                yield Problem(path=f"extra_args[{index}]", why=why, fix=_OWN_FLAGS[flag])


@spec
class ContainerSpec:
    """Any HTTP server in an image of your own."""

    image: Image
    """The image, with a version."""
    port: Port
    """The TCP port that it listens on, 1024 or above: it does not run as root."""
    ready_path: HttpPath
    """Answers 200 when requests can be served, and after the start only then."""
    live_path: HttpPath | None = None
    """Answers 200 unless the process must be restarted. Left out: it is enough that the port is open."""
    command: Sequence[Text] = ()
    """Instead of the image's entry point."""
    args: Sequence[Text] = ()
    """Arguments."""
    metrics_path: HttpPath | None = None
    """Where Prometheus reads metrics. Left out: there are none."""
    metrics_port: Port | None = None
    """The TCP port of the metrics. Left out: the same port."""

    def problems(self) -> Iterable[Problem]:
        """Rules about metrics."""
        if self.metrics_port and not self.metrics_path:
            yield Problem(
                path="metrics_port", why="is given without metrics_path", fix="add metrics_path, or remove it"
            )
        if self.metrics_port == self.port:
            yield Problem(path="metrics_port", why=f"{self.port} is already the port", fix="leave it out")


@spec
class RuntimeSpec:
    """The server: exactly one of the blocks."""

    vllm: VllmSpec | None = None
    """vLLM, which serves the model named under `model`."""
    container: ContainerSpec | None = None
    """An image of your own, which brings or finds its model itself."""

    def problems(self) -> Iterable[Problem]:
        """Exactly one block."""
        return exactly_one(self, "vllm", "container")


@spec
class TargetSpec:
    """What the replicas are kept at on average; with several, the one that asks for most replicas counts."""

    cpu_percent: Percent | None = None
    """CPU in use, percent of what the pods ask for. It says little of a server that computes on GPUs."""
    memory_percent: Percent | None = None
    """Memory in use, percent of what the pods ask for. Only for servers that give memory back."""

    def problems(self) -> Iterable[Problem]:
        """At least one target."""
        if self.cpu_percent is None and self.memory_percent is None:
            yield Problem(why="nothing is chosen", fix="give cpu_percent or memory_percent")


@spec
class AutoscalingSpec:
    """The number of replicas follows the load."""

    min_replicas: Count = 1
    """Never fewer replicas."""
    max_replicas: Count
    """Never more replicas."""
    target: TargetSpec
    """What decides."""

    def problems(self) -> Iterable[Problem]:
        """The bounds in order."""
        if self.min_replicas > self.max_replicas:
            why = f"{self.min_replicas} is above max_replicas {self.max_replicas}"
            yield Problem(path="min_replicas", why=why, fix="raise max_replicas")


@spec
class ModelServiceSpec(WorkloadSpec):
    """A model behind an HTTP endpoint inside of the cluster."""

    runtime: RuntimeSpec
    """The server."""
    model: ModelSpec | None = None
    """The model. Required with vllm; with container only an `artifact`, as it finds any other model itself."""
    gpus: Gpus = 0
    """GPUs of each replica, or slices of them: `{mig: 1g.10gb, count: 1}`; 1 or more on a pool with accelerators. On a
    pool whose GPUs are shared by time slicing or MPS, 1 is one share."""
    replicas: Count | None = None
    """How many pods serve. Left out: 1, or what autoscaling decides."""
    autoscaling: AutoscalingSpec | None = None
    """Instead of `replicas`."""
    startup_timeout_seconds: StartupSeconds | None = None
    """Longest time from a container's start to its first answer; then it is restarted. Left out: 1800 with vllm, which
    downloads and loads its model meanwhile, otherwise 300."""
    drain_seconds: DrainSeconds = DRAIN_SECONDS
    """How long a replica that ends may go on with requests under way, after new ones have stopped coming. 60, as a long
    answer of a language model streams for about a minute."""
    surge: CountOrZero = 1
    """Replicas beyond their number during an update, so that none is missing: they need free GPUs. 0 ends a replica
    before its successor starts, which needs none, and leaves a single replica's clients without an answer meanwhile."""

    @property
    def run_as(self) -> int:
        """The number of the user that its containers run as: that of a known image."""
        return self.user_id or VLLM_USER_ID if self.runtime.vllm else super().run_as

    @property
    def startup_seconds(self) -> int:
        """The start-up budget, seconds."""
        return self.startup_timeout_seconds or (
            VLLM_STARTUP_SECONDS if self.runtime.vllm else CONTAINER_STARTUP_SECONDS
        )

    @property
    def min_replicas(self) -> int:
        """The fewest replicas."""
        return self.autoscaling.min_replicas if self.autoscaling else self.replicas or 1

    @property
    def max_replicas(self) -> int:
        """The most replicas, those of an update aside."""
        return self.autoscaling.max_replicas if self.autoscaling else self.replicas or 1

    def problems(self) -> Iterable[Problem]:
        """Rules across the fields that need no pool."""
        yield from super().problems()
        if self.replicas is not None and self.autoscaling:
            yield Problem(
                path="replicas", why="is given beside autoscaling, which decides it", fix="remove one of them"
            )
        if self.runtime.vllm:
            yield from self._vllm_problems(self.runtime.vllm)
        elif self.runtime.container and self.model and self.model.huggingface:
            fix = "remove it, or use runtime vllm"
            yield Problem(path="model.huggingface", why="has no effect with runtime container", fix=fix)

    def _vllm_problems(self, vllm: VllmSpec) -> Iterator[Problem]:
        if not self.model:
            yield Problem(path="model", why="is missing, which vllm needs", fix="add model: {huggingface: OWNER/NAME}")
        if not self.gpus:
            yield Problem(path="gpus", why="vllm needs at least one GPU", fix="set gpus, on a pool with accelerators")
            return
        if isinstance(self.gpus, GpuSliceSpec) and self.gpus.count > 1:
            # https://docs.nvidia.com/datacenter/tesla/mig-user-guide/getting-started-with-mig.html
            why = f"of {self.gpus.count} slices of GPUs, CUDA shows a program the first only"
            yield Problem(path="gpus.count", why=why, fix="use 1, of a larger profile, or whole GPUs")
            return
        used = (vllm.tensor_parallel or 1) * vllm.pipeline_parallel
        count = self.gpu_count
        if used != count if vllm.tensor_parallel else count % vllm.pipeline_parallel:
            path = f"runtime.vllm.{'tensor_parallel' if vllm.tensor_parallel else 'pipeline_parallel'}"
            why = f"tensor_parallel times pipeline_parallel must be gpus, which is {count}"
            yield Problem(path=path, why=why, fix="change one of the three, or leave tensor_parallel out")

    @property
    def artifact_read(self) -> str | None:
        """The job whose artifact it serves."""
        return self.model.artifact if self.model else None

    def problems_on(self, place: Place) -> Iterator[Problem]:
        """Why a valid spec cannot work there."""
        found = list(super().problems_on(place))
        yield from found
        if self.model and self.model.token_secret:
            yield from unknown_secret(place.secrets, self.model.token_secret, "model.token_secret")
        pool = place.pools.get(self.pool)
        if not pool:
            return
        yield from self._image_problems(pool)
        yield from self._memory_problems(pool)
        if not found:
            yield from self._room_problems(pool)

    def _image_problems(self, pool: Pool) -> Iterator[Problem]:
        vllm, accelerator = self.runtime.vllm, pool.accelerator
        if vllm and vllm.image == VLLM_IMAGE and accelerator and accelerator.resource != NVIDIA:
            why = f"the default image is for NVIDIA GPUs, and pool {pool.name} has {accelerator.name}"
            yield Problem(path="runtime.vllm.image", why=why, fix="name an image of vLLM for it")

    def _memory_problems(self, pool: Pool) -> Iterator[Problem]:
        """vLLM takes nine tenths of a GPU's memory, which time slicing does not divide.
        https://docs.vllm.ai/en/stable/configuration/engine_args/"""
        vllm = self.runtime.vllm
        if not vllm or not pool.gpu or pool.gpu.sharing_kind != "time_slicing":
            return
        if not any(isinstance(each, str) and _flag(each) == _MEMORY_FLAG for each in vllm.extra_args):
            shares = pool.gpu.shares_per_gpu
            why = f"vllm takes nearly all memory of a GPU, which {shares} pods share on pool {pool.name}"
            fix = f"use a pool with sharing: {{mig: PROFILE}}, or add {_MEMORY_FLAG}={100 // shares / 100:g} or less"
            yield Problem(path="runtime.vllm.extra_args", why=why, fix=fix)

    def _room_problems(self, pool: Pool) -> Iterator[Problem]:
        room = _pods_per_node(pool, self.resources_on(pool)) * pool.max_nodes
        most, least = self.max_replicas, self.min_replicas
        held = f"pool {pool.name} has room for {room} at its max_nodes of {pool.max_nodes}"
        if most > room:
            path = "autoscaling.max_replicas" if self.autoscaling else "replicas"
            yield Problem(
                path=path, why=f"{most} are too many, as {held}", fix="lower it, or raise the pool's max_nodes"
            )
        elif least + self.surge > room:
            why = f"an update would wait for room for ever: it needs {least} + {self.surge}, and {held}"
            fix = "raise the pool's max_nodes, or set surge: 0, which ends a replica before its successor starts"
            yield Problem(path="surge", why=why, fix=fix)


def _pods_per_node(pool: Pool, needs: PodResources) -> int:
    on_node = pool.gpu.resources.get(needs.gpu_resource or "", pool.gpus_per_node) if pool.gpu else pool.gpus_per_node
    by_gpus = [on_node // needs.gpus] if needs.gpus else []
    return min(int(pool.allocatable_cpus // needs.cpus), int(pool.allocatable_memory_gib // needs.memory_gib), *by_gpus)
