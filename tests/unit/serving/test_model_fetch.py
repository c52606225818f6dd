"""What the pods of a service see of its model, and what downloads it."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from modelyard.cluster.eks.cluster import EksCluster
from modelyard.cluster.spec import PoolSpec
from modelyard.platform.gateway import Gateway
from modelyard.platform.gateway_spec import GatewaySpec
from modelyard.serving.adapter_spec import AdapterSpec
from modelyard.serving.model_files import cached_folder, files_folder
from modelyard.serving.model_service import ModelService
from modelyard.serving.model_source_spec import MlflowModelSpec, ModelCacheSpec
from modelyard.serving.model_spec import ModelChangeSpec, ModelSpec
from modelyard.serving.release_spec import CanarySpec, ReleaseSpec
from modelyard.serving.route_spec import RouteSpec
from modelyard.serving.spec import ModelServiceSpec
from modelyard.versions import HUGGINGFACE_HUB_IMAGE, MLFLOW_IMAGE, RCLONE_IMAGE
from modelyard.workspace.container_spec import InitContainerSpec
from modelyard.workspace.object_store_spec import WorkspaceObjectStoreSpec
from modelyard.workspace.spec import SecretSpec, VolumeSpec, WorkspaceSpec
from modelyard.workspace.workspace import Workspace
from tests.support.clusters import bare_cluster
from tests.support.mocks import Recorded, run
from tests.unit.cluster.eks import clusters as eks
from tests.unit.cluster.registrations import waits_for
from tests.unit.serving.test_spec import OWN, VLLM

pytestmark = pytest.mark.filterwarnings("ignore:s3.Bucket:DeprecationWarning")

WORKSPACE = WorkspaceSpec(
    secrets={"token": SecretSpec(from_="config/token"), "key": SecretSpec(from_="config/key")},
    volumes={"kept": VolumeSpec(size_gib=100, shared=True, storage_class="nfs")},
)
HUB = ModelSpec(huggingface="Qwen/Qwen3-8B", revision="9c925d64", token_secret="token")  # a name
CACHED = replace(HUB, cache=ModelCacheSpec(volume="kept"))
TYPE = "modelyard:serving:ModelService"


def made(spec: ModelServiceSpec) -> Recorded:
    def program() -> None:
        cluster = bare_cluster()
        gateway = Gateway("gateway", cluster, GatewaySpec()) if spec.route else None
        ModelService("assistant", Workspace("chat", cluster, WORKSPACE), spec, gateway=gateway)

    return run(program, secrets={"modelyard:token": "hidden", "modelyard:key": "hidden too"})


def pod_of(recorded: Recorded, kind: str = "Deployment") -> dict[str, Any]:
    return dict(recorded.one(kind).inputs["spec"]["template"]["spec"])


def server_of(pod: Mapping[str, Any]) -> dict[str, Any]:
    (container,) = pod["containers"]
    return container


def env_of(container: Mapping[str, Any]) -> dict[str, Any]:
    return {each["name"]: each.get("value", each.get("valueFrom")) for each in container["env"]}


def mounted(container: Mapping[str, Any], path: str) -> dict[str, Any]:
    (mount,) = (each for each in container["volumeMounts"] if each["mountPath"] == path)
    return mount


def volume(pod: Mapping[str, Any], name: str) -> dict[str, Any]:
    (found,) = (each for each in pod["volumes"] if each["name"] == name)
    return found


class TestDownloadedByThePod:
    def pod(self, **fields: Any) -> dict[str, Any]:
        return pod_of(made(replace(OWN, model=HUB, **fields)))

    def test_it_is_downloaded_first_and_the_server_reads_it_only(self) -> None:
        pod = self.pod()
        (fetch,) = pod["initContainers"]
        assert fetch["name"] == "fetch-model"
        assert fetch["image"] == HUGGINGFACE_HUB_IMAGE
        assert fetch["command"][:2] == ["sh", "-c"]
        assert "snapshot_download" in fetch["command"][2]
        assert mounted(fetch, "/models") == {"name": "model-files", "mountPath": "/models"}
        assert mounted(server_of(pod), "/model") == {
            "name": "model-files",
            "mountPath": "/model",
            "subPath": files_folder(HUB),
            "readOnly": True,
        }
        assert volume(pod, "model-files") == {"name": "model-files", "emptyDir": {}}

    def test_only_what_downloads_has_the_token(self) -> None:
        pod = self.pod()
        assert env_of(pod["initContainers"][0])["HF_TOKEN"]["secretKeyRef"]["key"] == "value"
        assert "HF_TOKEN" not in env_of(server_of(pod))

    def test_both_know_where_it_is(self) -> None:
        pod = self.pod()
        assert env_of(server_of(pod))["MODEL_PATH"] == "/model"
        asked = env_of(pod["initContainers"][0])
        assert (
            asked.items()
            >= {
                "MODEL_FILES": "/models",
                "MODEL_KEY": files_folder(HUB),
                "MODEL_KIND": "huggingface",
                "MODEL_SOURCE": "Qwen/Qwen3-8B",
                "MODEL_REVISION": "9c925d64",
            }.items()
        )

    def test_it_takes_no_room_of_its_own_and_no_gpu(self) -> None:
        pod = pod_of(made(replace(VLLM, model=ModelSpec(uri="s3://models/qwen"))))
        own = pod["initContainers"][0]["resources"]
        server = server_of(pod)["resources"]
        assert own["requests"] == {name: server["requests"][name] for name in ("cpu", "memory")}
        assert own["limits"] == {"memory": server["limits"]["memory"]}

    def test_it_comes_before_the_services_own_first_containers(self) -> None:
        pod = self.pod(init_containers=[InitContainerSpec(image="registry.example.org/convert:1")])
        assert [each["name"] for each in pod["initContainers"]] == ["fetch-model", "convert"]

    def test_variables_of_such_programs_are_its_own_too(self) -> None:
        pod = self.pod(
            env={"HF_ENDPOINT": "https://hub", "LOG": "1"}, env_from_secrets={"AWS_SECRET_ACCESS_KEY": "key"}
        )
        asked = env_of(pod["initContainers"][0])
        assert asked["HF_ENDPOINT"] == "https://hub"
        assert "secretKeyRef" in asked["AWS_SECRET_ACCESS_KEY"]
        assert "LOG" not in asked

    def test_an_update_has_time_for_it(self) -> None:
        spec = replace(OWN, model=replace(HUB, size_gib=15))
        deployment = made(spec).one("Deployment")
        assert deployment.inputs["spec"]["progressDeadlineSeconds"] == 900 + 660 + spec.startup_seconds

    def test_a_server_that_reads_hugging_face_downloads_by_itself(self) -> None:
        pod = pod_of(made(replace(VLLM, model=HUB)))
        assert "initContainers" not in pod
        assert server_of(pod)["args"][0] == "Qwen/Qwen3-8B"
        assert "HF_TOKEN" in env_of(server_of(pod))
        assert "HF_HUB_OFFLINE" not in env_of(server_of(pod))

    def test_a_registry_is_asked_with_its_own_program(self) -> None:
        registry = MlflowModelSpec(tracking_uri="https://mlflow.example.org", model="fraud", alias="champion")
        pod = pod_of(made(replace(OWN, model=ModelSpec(mlflow=registry, token_secret="token"))))  # a name
        (fetch,) = pod["initContainers"]
        asked = env_of(fetch)
        assert fetch["image"] == MLFLOW_IMAGE
        assert (asked["MODEL_KIND"], asked["MODEL_SOURCE"]) == ("mlflow", "models:/fraud@champion")
        assert asked["MLFLOW_TRACKING_URI"] == "https://mlflow.example.org"
        assert "secretKeyRef" in asked["MLFLOW_TRACKING_TOKEN"]


class TestCache:
    def test_a_job_fills_it_before_the_service_is_touched(self) -> None:
        recorded = made(replace(VLLM, model=CACHED))
        job = recorded.one("Job")
        assert "Job chat-assistant-model" in waits_for(recorded, recorded.one("Deployment"))
        assert job.name == "chat-assistant-model"
        assert job.inputs["metadata"]["annotations"] == {"pulumi.com/replaceUnready": "true"}
        assert job.inputs["spec"]["activeDeadlineSeconds"] == 9000
        assert job.timeouts == {"create": "9120s"}

    def test_its_pod_is_no_server(self) -> None:
        recorded = made(replace(VLLM, model=CACHED))
        labels = recorded.one("Job").inputs["spec"]["template"]["metadata"]["labels"]
        assert labels["app.kubernetes.io/component"] == "model-cache"
        selector = recorded.one("Service").inputs["spec"]["selector"]
        assert not selector.items() <= labels.items()

    def test_it_writes_to_the_volume_on_a_node_without_gpus(self) -> None:
        pod = pod_of(made(replace(VLLM, model=CACHED)), "Job")
        assert pod["nodeSelector"] == {"modelyard.dev/pool": "system"}
        fetch = server_of(pod)
        assert mounted(fetch, "/models") == {"name": "volume-kept", "mountPath": "/models"}
        assert env_of(fetch)["MODEL_FILES"] == "/models/model-cache"
        assert "HF_TOKEN" in env_of(fetch)
        assert fetch["resources"]["requests"] == {"cpu": "1", "memory": "4Gi"}
        assert pod["restartPolicy"] == "Never"

    def test_servers_read_it_by_its_path_and_ask_nobody(self) -> None:
        pod = pod_of(made(replace(VLLM, model=CACHED)))
        server = server_of(pod)
        assert mounted(server, "/model") == {
            "name": "volume-kept",
            "mountPath": "/model",
            "subPath": cached_folder(CACHED),
            "readOnly": True,
        }
        assert server["args"][0] == "/model"
        assert "--served-model-name=Qwen/Qwen3-8B" in server["args"]
        assert not any(each.startswith("--revision") for each in server["args"])
        assert env_of(server)["HF_HUB_OFFLINE"] == "1"
        assert "HF_TOKEN" not in env_of(server)
        assert "initContainers" not in pod

    def test_adapters_from_hugging_face_are_still_asked_for(self) -> None:
        adapters = {"sql": AdapterSpec(huggingface="acme/sql")}
        server = server_of(pod_of(made(replace(VLLM, model=CACHED, adapters=adapters))))
        assert "HF_HUB_OFFLINE" not in env_of(server)
        assert "HF_TOKEN" in env_of(server)

    def test_another_revision_is_another_job_and_rolls_the_pods(self) -> None:
        first, second = (made(replace(VLLM, model=each)) for each in (CACHED, replace(CACHED, revision="0" * 40)))
        assert pod_of(first, "Job") != pod_of(second, "Job")
        assert pod_of(first) != pod_of(second)

    def test_a_canary_with_another_revision_has_a_job_of_its_own(self) -> None:
        release = ReleaseSpec(canary=CanarySpec(weight_percent=10, model=ModelChangeSpec(revision="0" * 40)))
        spec = replace(VLLM, model=CACHED, pool="h100", release=release, route=RouteSpec())
        jobs = [each.name for each in made(spec).of("Job")]
        assert jobs == ["chat-assistant-model", "chat-assistant-canary-model"]

    def test_versions_of_one_model_wait_for_one_job(self) -> None:
        release = ReleaseSpec(canary=CanarySpec(env={"A": "1"}))
        recorded = made(replace(VLLM, model=CACHED, route=RouteSpec(), release=release))
        job = recorded.one("Job")
        assert job.name == "chat-assistant-model"
        pods = {each.name: each for each in recorded.of("Deployment")}
        assert pods.keys() == {"chat-assistant", "chat-assistant-canary"}
        for each in pods.values():
            assert job.urn in each.depends_on
        folders = [mounted(server_of(each.inputs["spec"]["template"]["spec"]), "/model") for each in pods.values()]
        assert folders[0] == folders[1]


def test_an_image_is_mounted_as_it_is() -> None:
    spec = replace(OWN, model=ModelSpec(oci_image="registry.example.org/models/fraud:3", folder="onnx"))
    pod = pod_of(made(spec))
    assert volume(pod, "model-files")["image"] == {
        "reference": "registry.example.org/models/fraud:3",
        "pullPolicy": "IfNotPresent",
    }
    assert mounted(server_of(pod), "/model")["subPath"] == "onnx"
    assert env_of(server_of(pod))["MODEL_PATH"] == "/model"
    assert "initContainers" not in pod


def test_a_store_of_the_workspace_is_asked_by_its_url() -> None:
    def program() -> None:
        cluster = EksCluster("main", eks.SPECS["autoscaler"], {**eks.POOLS, "cpu": PoolSpec(cpus=16, memory_gib=64)})
        stores = {"weights": WorkspaceObjectStoreSpec()}
        workspace = Workspace("chat", cluster, WorkspaceSpec(object_stores=stores))
        model = ModelSpec(object_store="weights", folder="fraud/3")
        ModelService("assistant", workspace, replace(OWN, pool="cpu", model=model))

    recorded = run(program)
    (deployment,) = (each for each in recorded.of("kubernetes:apps/v1:Deployment") if TYPE in each.urn)
    (fetch,) = deployment.inputs["spec"]["template"]["spec"]["initContainers"]
    asked = env_of(fetch)
    assert fetch["image"] == RCLONE_IMAGE
    assert asked["MODEL_KIND"] == "object_store"
    assert asked["MODEL_SOURCE"].startswith("s3://")
    assert asked["MODEL_SOURCE"].endswith("/fraud/3")
