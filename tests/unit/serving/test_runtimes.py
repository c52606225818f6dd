"""Each runtime: what it refuses, and the container that it becomes."""

from dataclasses import replace
from typing import Any

import pytest

from modelyard.cluster.pools import resolve_pool
from modelyard.cluster.spec import PoolSpec
from modelyard.cluster.traits import ClusterTraits
from modelyard.gpu.spec import GpuSliceSpec, ReplicasSpec, SharingSpec
from modelyard.serving.model_service import ModelService
from modelyard.serving.model_spec import ModelSpec
from modelyard.serving.runtimes.container import ContainerSpec
from modelyard.serving.runtimes.huggingface import HuggingFaceSpec
from modelyard.serving.runtimes.mlserver import Framework, MlserverSpec
from modelyard.serving.runtimes.sglang import SglangSpec
from modelyard.serving.runtimes.spec import RuntimeSpec
from modelyard.serving.runtimes.triton import TritonSpec
from modelyard.serving.spec import ModelServiceSpec
from modelyard.versions import TEXT_EMBEDDINGS_CPU_IMAGE, TEXT_EMBEDDINGS_CUDA_IMAGE
from modelyard.workspace.container_spec import MountSpec
from modelyard.workspace.place import Place, WrittenArtifact
from modelyard.workspace.spec import SecretSpec, VolumeSpec, WorkspaceSpec
from modelyard.workspace.workspace import Workspace
from tests.support.clusters import POOLS, bare_cluster
from tests.support.mocks import Recorded, run
from tests.support.problems import said_of
from tests.unit.serving.test_spec import VLLM

_ALL_POOLS = {
    **POOLS,
    **{
        name: resolve_pool(name, pool)
        for name, pool in {
            "shared": PoolSpec(
                accelerator="l4",
                gpus_per_node=1,
                max_nodes=1,
                sharing=SharingSpec(time_slicing=ReplicasSpec(replicas=4)),
            ),
            "mig": PoolSpec(accelerator="h100", gpus_per_node=8, max_nodes=1, sharing=SharingSpec(mig="1g.10gb")),
            "v100": PoolSpec(accelerator="v100", gpus_per_node=1, cpus=8, memory_gib=61, max_nodes=2),
            "arm": PoolSpec(cpus=16, memory_gib=64, architecture="arm64", max_nodes=2),
        }.items()
    },
}
HUB = ModelSpec(huggingface="Qwen/Qwen3-8B", revision="9c925d64")
EMBEDDINGS = ModelSpec(huggingface="Qwen/Qwen3-Embedding-0.6B")
VOLUME = ModelSpec(volume="models", folder="ranker/3")
IMAGE = "registry.example.org/server:1.0.0"


def service(model: ModelSpec | None = None, gpus: Any = 0, pool: str = "", **runtime: Any) -> ModelServiceSpec:
    pool = pool or ("l4" if gpus else "system")
    return ModelServiceSpec(pool=pool, gpus=gpus, model=model, runtime=RuntimeSpec(**runtime))


SGLANG = service(HUB, 1, sglang=SglangSpec())
TRITON = service(VOLUME, 1, triton=TritonSpec())
EMBED = service(EMBEDDINGS, 1, huggingface=HuggingFaceSpec())
MLSERVER = service(VOLUME, mlserver=MlserverSpec(framework="sklearn"))
GRPC = service(container=ContainerSpec(image=IMAGE, port=9000, protocol="grpc"))


def problems(spec: ModelServiceSpec) -> list[tuple[str, str]]:
    return said_of(spec, Place(pools=_ALL_POOLS, secrets=["hf"], volumes=["models"]))


@pytest.mark.parametrize(
    "near",
    [
        SGLANG,
        TRITON,
        EMBED,
        MLSERVER,
        GRPC,
        replace(VLLM, model=VOLUME),
        replace(SGLANG, pool="h100", gpus=8, runtime=RuntimeSpec(sglang=SglangSpec(pipeline_parallel=2))),
        replace(SGLANG, runtime=RuntimeSpec(sglang=SglangSpec(extra_args=["--quantization=fp8"]))),
        replace(
            SGLANG, runtime=RuntimeSpec(sglang=SglangSpec(extra_args=['--override={"a": 1}', "--context", "8 GiB"]))
        ),
        replace(SGLANG, runtime=RuntimeSpec(sglang=SglangSpec(extra_args=["--stop", "- a", "-1 2"]))),
        service(VOLUME, triton=TritonSpec(models=["ranker"], extra_args=["--log-verbose=1"])),
        service(EMBEDDINGS, huggingface=HuggingFaceSpec(pooling="mean", max_batch_tokens=32768)),
        service(VOLUME, mlserver=MlserverSpec(workers=4)),
        service(
            container=ContainerSpec(image=IMAGE, port=9000, protocol="grpc", metrics_path="/metrics", metrics_port=9090)
        ),
        service(VOLUME, container=ContainerSpec(image=IMAGE, port=9000, ready_path="/ok")),
    ],
)
def test_what_can_run_is_accepted(near: ModelServiceSpec) -> None:
    assert problems(near) == []


def with_block(spec: ModelServiceSpec, **fields: Any) -> ModelServiceSpec:
    block: Any = spec.runtime.chosen
    return replace(spec, runtime=RuntimeSpec(**{block.NAME: replace(block, **fields)}))


@pytest.mark.parametrize(
    ("refused", "path", "message"),
    [
        (replace(SGLANG, model=None), "model", "is missing, which sglang needs; add model: {huggingface: OWNER/NAME}"),
        (replace(SGLANG, gpus=0, pool="system"), "gpus", "sglang needs at least one GPU"),
        (
            replace(SGLANG, pool="h100", gpus=8, runtime=RuntimeSpec(sglang=SglangSpec(tensor_parallel=4))),
            "runtime.sglang.tensor_parallel",
            "must be gpus, which is 8",
        ),
        (
            with_block(SGLANG, extra_args=["--context_length=8"]),
            "runtime.sglang.extra_args[0]",
            "--context-length cannot be given as an argument; use context_length",
        ),
        (
            with_block(SGLANG, extra_args=["--quantization=fp8", "--context-length 8"]),
            "runtime.sglang.extra_args[1]",
            "--context-length cannot be given as an argument; use context_length",
        ),
        (
            with_block(SGLANG, extra_args=['--override {"a": 1}']),
            "runtime.sglang.extra_args[0]",
            'as no shell divides it; write --override={"a": 1}, or two elements: --override and {"a": 1}',
        ),
        (with_block(SGLANG, extra_args=["-v "]), "runtime.sglang.extra_args[0]", "as no shell divides it; write -v"),
        (
            with_block(SGLANG, extra_args=["--a\tb=c"]),
            "runtime.sglang.extra_args[0]",
            "write --a=b=c, or two elements: --a and b=c",
        ),
        (
            with_block(SGLANG, extra_args=["--api-key=s"]),
            "runtime.sglang.extra_args[0]",
            "let the gateway ask for keys",
        ),
        (
            replace(SGLANG, pool="shared"),
            "runtime.sglang.extra_args",
            "pool shared; use a pool with sharing: {mig: PROFILE}, or add --mem-fraction-static=0.25 or less",
        ),
        (replace(SGLANG, pool="mi300x"), "runtime.sglang.image", "is for NVIDIA GPUs, and pool mi300x has mi300x"),
        (replace(TRITON, model=None), "model", "is missing, which triton needs; add model: {artifact: JOB}"),
        (
            with_block(TRITON, extra_args=["--model-control-mode=poll"]),
            "runtime.triton.extra_args[0]",
            "--model-control-mode cannot be given as an argument; use models",
        ),
        (with_block(TRITON, models=[" "]), "runtime.triton.models[0]", "is empty"),
        (replace(TRITON, pool="mi300x"), "runtime.triton.image", "the default image is for NVIDIA GPUs"),
        (
            replace(EMBED, pool="h100", gpus=2),
            "gpus",
            "huggingface computes on one GPU, not on 2; use 1, and more replicas",
        ),
        (with_block(EMBED, extra_args=["--pooling=cls"]), "runtime.huggingface.extra_args[0]", "use pooling"),
        (with_block(EMBED, pooling="max"), "runtime.huggingface.pooling", "cls"),
        (
            replace(EMBED, gpus=0, pool="arm"),
            "runtime.huggingface.image",
            "the default image is for amd64, and pool arm is arm64; name an image of huggingface for it",
        ),
        (
            replace(EMBED, pool="v100"),
            "runtime.huggingface.image",
            "the default image has no program for v100; name an image of Text Embeddings Inference for it",
        ),
        (
            replace(MLSERVER, pool="arm"),
            "runtime.mlserver.image",
            "the default image is for amd64, and pool arm is arm64",
        ),
        (with_block(MLSERVER, workers=0), "runtime.mlserver.workers", "use 1 or more"),
        (with_block(MLSERVER, framework="torch"), "runtime.mlserver.framework", "sklearn"),
        (
            service(container=ContainerSpec(image=IMAGE, port=9000)),
            "runtime.container.ready_path",
            "is missing, which http needs: a port is open before a model is loaded; add one like /healthz",
        ),
        (with_block(GRPC, ready_path="/ok"), "runtime.container.ready_path", "has no meaning with grpc"),
        (with_block(GRPC, live_path="/ok"), "runtime.container.live_path", "has no meaning with grpc"),
        (
            with_block(GRPC, metrics_path="/metrics"),
            "runtime.container.metrics_port",
            "Prometheus reads metrics by HTTP",
        ),
        (
            replace(VLLM, model=replace(VOLUME, volume="lost")),
            "model.volume",
            "'lost' is no volume of this workspace; use one of models, or add it under volumes",
        ),
        (replace(VLLM, model=replace(HUB, folder="a")), "model.folder", "has a meaning with volume, object_store and"),
        (replace(VLLM, model=replace(VOLUME, revision="1")), "model.revision", "has a meaning with huggingface only"),
        (replace(VLLM, model=replace(VOLUME, folder="../a")), "model.folder", "is no folder of a volume"),
        (replace(VLLM, model=ModelSpec(huggingface="a/b", volume="models")), "model", "exclude each other"),
    ],
)
def test_what_cannot_run_is_refused(refused: ModelServiceSpec, path: str, message: str) -> None:
    found = problems(refused)
    assert [where for where, _ in found] == [path]
    assert message in found[0][1]


class TestVolumesOfOneNode:
    """A pod on another node waits for such a volume for ever."""

    LONELY = replace(MLSERVER, pool="system", replicas=1, surge=0)

    def problems(self, spec: ModelServiceSpec, *unshared: str) -> list[str]:
        written = {"train": WrittenArtifact(volume="models", is_awaited=True)}
        pools = {**_ALL_POOLS, "one": resolve_pool("one", PoolSpec(cpus=16, memory_gib=64, max_nodes=1))}
        place = Place(pools=pools, volumes=["models"], artifacts=written, unshared_volumes=unshared)
        return [str(each) for each in spec.problems_on(place)]

    @pytest.mark.parametrize(
        ("fields", "path"),
        [
            ({"model": VOLUME}, "model.volume"),
            ({"model": ModelSpec(artifact="train")}, "model.artifact"),
            ({"model": None, "mounts": [MountSpec(path="/data", volume="models")]}, "mounts[0].volume"),
        ],
    )
    def test_several_pods_on_several_nodes_are_refused(self, fields: dict[str, Any], path: str) -> None:
        spec = replace(self.LONELY, surge=1, **fields)
        (problem,) = self.problems(spec, "models")
        why = "volume models can be on one node at a time, and pool system has several for 2 pods"
        assert problem == f"{path}: {why}; set shared: true on volume models, or replicas: 1 and surge: 0 here"
        assert self.problems(spec) == []

    def test_one_pod_or_one_node_is_enough(self) -> None:
        assert self.problems(self.LONELY, "models") == []
        assert self.problems(replace(self.LONELY, pool="one", replicas=4, surge=1), "models") == []
        assert len(self.problems(replace(self.LONELY, replicas=2), "models")) == 1


def made(spec: ModelServiceSpec) -> Recorded:
    def program() -> None:
        written = WorkspaceSpec(
            secrets={"hf": SecretSpec(from_="config/hf")}, volumes={"models": VolumeSpec(size_gib=10, shared=True)}
        )
        cluster = bare_cluster(_ALL_POOLS, ClusterTraits(shared_storage_class="files"))
        ModelService("assistant", Workspace("chat", cluster, written), spec)

    return run(program, secrets={"modelyard:hf": "hidden"})


def pod_of(spec: ModelServiceSpec) -> dict[str, Any]:
    return made(spec).one("Deployment").inputs["spec"]["template"]["spec"]


def container_of(spec: ModelServiceSpec) -> dict[str, Any]:
    (container,) = pod_of(spec)["containers"]
    return container


def ports_of(container: dict[str, Any]) -> dict[str, int]:
    return {each["name"]: each["containerPort"] for each in container["ports"]}


def env_of(container: dict[str, Any]) -> dict[str, str]:
    return {each["name"]: each["value"] for each in container["env"] if "value" in each}


def paths_of(container: dict[str, Any]) -> dict[str, str]:
    return {probe: container[f"{probe}Probe"]["httpGet"]["path"] for probe in ("startup", "readiness", "liveness")}


def model_mount(container: dict[str, Any]) -> dict[str, Any]:
    (mount,) = (each for each in container["volumeMounts"] if each["mountPath"] == "/model")
    return mount


class TestSglang:
    def test_its_command_names_model_address_and_gpus(self) -> None:
        spec = with_block(replace(SGLANG, pool="h100", gpus=8), pipeline_parallel=2, context_length=8192)
        container = container_of(spec)
        assert container["command"] == ["python3", "-m", "sglang.launch_server"]
        assert container["args"] == [
            "--model-path=Qwen/Qwen3-8B",
            "--revision=9c925d64",
            "--host=0.0.0.0",
            "--port=30000",
            "--tp-size=4",
            "--pp-size=2",
            "--context-length=8192",
            "--enable-metrics",
        ]
        assert ports_of(container) == {"http": 30000}

    def test_it_is_ready_by_itself_and_alive_by_computing(self) -> None:
        assert paths_of(container_of(SGLANG)) == {"startup": "/ready", "readiness": "/ready", "liveness": "/health"}

    def test_it_writes_to_the_cache_only_and_has_the_models_token(self) -> None:
        container = container_of(replace(SGLANG, model=replace(HUB, token_secret="hf")))
        env = env_of(container)
        assert {env[name] for name in ("HOME", "HF_HOME", "SGLANG_CACHE_DIR")} == {
            "/cache",
            "/cache/huggingface",
            "/cache/sglang",
        }
        assert [each["name"] for each in container["env"] if "valueFrom" in each] == ["HF_TOKEN"]

    def test_a_model_on_a_volume_has_the_services_name(self) -> None:
        args = container_of(replace(SGLANG, model=VOLUME))["args"]
        assert args[:2] == ["--model-path=/model", "--served-model-name=assistant"]


class TestTriton:
    def test_it_serves_the_repository_by_http_and_grpc(self) -> None:
        recorded = made(with_block(TRITON, models=["ranker", "embedder"]))
        container = recorded.one("Deployment").inputs["spec"]["template"]["spec"]["containers"][0]
        assert container["command"] == ["tritonserver"]
        assert container["args"] == [
            "--model-repository=/model",
            "--http-port=8000",
            "--grpc-port=8001",
            "--metrics-port=8002",
            "--exit-timeout-secs=60",
            "--model-control-mode=explicit",
            "--load-model=ranker",
            "--load-model=embedder",
        ]
        assert ports_of(container) == {"http": 8000, "grpc": 8001, "metrics": 8002}
        ports = {each["name"]: (each["port"], each["appProtocol"]) for each in service_ports(recorded)}
        assert ports == {"http": (80, "http"), "grpc": (8001, "kubernetes.io/h2c"), "metrics": (8002, "http")}

    def test_all_models_are_served_where_none_is_named(self) -> None:
        assert not [arg for arg in container_of(TRITON)["args"] if "load" in arg or "control" in arg]

    def test_it_is_ready_when_its_models_are(self) -> None:
        assert paths_of(container_of(TRITON)) == {
            "startup": "/v2/health/ready",
            "readiness": "/v2/health/ready",
            "liveness": "/v2/health/live",
        }

    def test_it_runs_as_its_own_user_on_files_that_it_can_only_read(self) -> None:
        pod = pod_of(TRITON)
        assert pod["securityContext"]["runAsUser"] == 1000
        mount = model_mount(pod["containers"][0])
        assert (mount["subPath"], mount["readOnly"]) == ("ranker/3", True)


def service_ports(recorded: Recorded) -> list[dict[str, Any]]:
    return recorded.one("Service").inputs["spec"]["ports"]


class TestHuggingFace:
    def test_the_image_follows_from_the_gpus(self) -> None:
        assert container_of(EMBED)["image"] == TEXT_EMBEDDINGS_CUDA_IMAGE
        assert container_of(replace(EMBED, gpus=0, pool="system"))["image"] == TEXT_EMBEDDINGS_CPU_IMAGE
        assert container_of(with_block(EMBED, image=IMAGE))["image"] == IMAGE

    def test_the_images_entry_point_chooses_the_program(self) -> None:
        container = container_of(with_block(EMBED, pooling="cls", max_batch_tokens=512, max_concurrent_requests=9))
        assert "command" not in container
        assert container["args"] == [
            "--model-id=Qwen/Qwen3-Embedding-0.6B",
            "--port=8080",
            "--prometheus-port=9000",
            "--pooling=cls",
            "--max-batch-tokens=512",
            "--max-concurrent-requests=9",
            "--json-output",
        ]

    def test_it_downloads_to_the_cache(self) -> None:
        assert env_of(container_of(EMBED))["HUGGINGFACE_HUB_CACHE"] == "/cache/huggingface/hub"

    def test_a_slice_of_a_gpu_will_do(self) -> None:
        spec = replace(EMBED, pool="mig", gpus=GpuSliceSpec(mig="1g.10gb", count=1))
        assert problems(spec) == []
        assert container_of(spec)["image"] == TEXT_EMBEDDINGS_CUDA_IMAGE


class TestMlserver:
    @pytest.mark.parametrize(
        ("framework", "implementation"),
        [
            ("sklearn", "mlserver_sklearn.SKLearnModel"),
            ("xgboost", "mlserver_xgboost.XGBoostModel"),
            ("lightgbm", "mlserver_lightgbm.LightGBMModel"),
            ("catboost", "mlserver_catboost.CatboostModel"),
            ("mlflow", "mlserver_mlflow.MLflowRuntime"),
        ],
    )
    def test_a_framework_is_a_model_of_the_services_name(self, framework: Framework, implementation: str) -> None:
        container = container_of(with_block(MLSERVER, framework=framework))
        assert container["command"] == ["mlserver", "start", "/model"]
        env = env_of(container)
        assert env["MLSERVER_MODEL_IMPLEMENTATION"] == implementation
        assert (env["MLSERVER_MODEL_NAME"], env["MLSERVER_MODEL_URI"]) == ("assistant", "/model")

    def test_without_a_framework_the_files_say_what_is_served(self) -> None:
        env = env_of(container_of(with_block(MLSERVER, framework=None, workers=3)))
        assert not [name for name in env if name.startswith("MLSERVER_MODEL_")]
        assert env["MLSERVER_PARALLEL_WORKERS"] == "3"

    def test_it_writes_to_the_temporary_folder_only(self) -> None:
        env = env_of(container_of(MLSERVER))
        assert env["MLSERVER_ENVIRONMENTS_DIR"].startswith("/tmp/")
        assert env["MLSERVER_METRICS_DIR"].startswith("/tmp/")
        assert ports_of(container_of(MLSERVER)) == {"http": 8080, "grpc": 8081, "metrics": 8082}


class TestContainer:
    def test_a_grpc_server_is_asked_by_grpcs_health_service(self) -> None:
        recorded = made(GRPC)
        container = recorded.one("Deployment").inputs["spec"]["template"]["spec"]["containers"][0]
        for probe in ("startup", "readiness", "liveness"):
            assert container[f"{probe}Probe"]["grpc"] == {"port": 9000}
            assert not {"httpGet", "tcpSocket"} & set(container[f"{probe}Probe"])
        assert [(each["port"], each["appProtocol"]) for each in service_ports(recorded)] == [(80, "kubernetes.io/h2c")]

    def test_a_model_on_a_volume_is_where_the_variable_says(self) -> None:
        container = container_of(service(VOLUME, container=ContainerSpec(image=IMAGE, port=9000, ready_path="/ok")))
        assert env_of(container)["MODEL_PATH"] == model_mount(container)["mountPath"] == "/model"


@pytest.mark.parametrize(
    ("spec", "seconds"), [(VLLM, 1800), (SGLANG, 1800), (TRITON, 600), (EMBED, 600), (MLSERVER, 300), (GRPC, 300)]
)
def test_the_start_up_budget_is_the_runtimes(spec: ModelServiceSpec, seconds: int) -> None:
    probe = container_of(spec)["startupProbe"]
    assert probe["periodSeconds"] * probe["failureThreshold"] == seconds
    assert container_of(replace(spec, startup_timeout_seconds=60))["startupProbe"]["failureThreshold"] == 12


@pytest.mark.parametrize("spec", [VLLM, SGLANG, TRITON, EMBED, MLSERVER])
def test_every_known_server_is_read_by_prometheus(spec: ModelServiceSpec) -> None:
    server = spec.server("assistant")
    assert server.metrics_path == "/metrics"
