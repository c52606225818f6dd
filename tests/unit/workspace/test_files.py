"""Volumes, configuration, secrets and artifacts as files of workloads, and images that the cluster has built itself."""

from dataclasses import replace
from typing import Any

import pulumi
import pytest

from modelyard.batch.batch_job import BatchJob
from modelyard.batch.scheduled_job import ScheduledJob
from modelyard.batch.spec import BatchJobSpec, ScheduledJobSpec, TrainingJobSpec
from modelyard.batch.training_job import TrainingJob
from modelyard.cluster.traits import ClusterTraits
from modelyard.errors import ConfigError
from modelyard.serving.model_service import ModelService
from modelyard.serving.model_spec import ModelSpec
from modelyard.serving.runtimes.container import ContainerSpec
from modelyard.serving.runtimes.spec import RuntimeSpec
from modelyard.serving.runtimes.vllm import VllmSpec
from modelyard.serving.spec import ModelServiceSpec
from modelyard.spec import validate
from modelyard.workspace.container_spec import MountSpec
from modelyard.workspace.place import Place, WrittenArtifact
from modelyard.workspace.spec import ConfigSpec, SecretSpec, VolumeSpec, WorkspaceSpec
from modelyard.workspace.workload_spec import ArtifactSpec, ReadArtifactSpec
from modelyard.workspace.workspace import Workspace
from tests.support.clusters import POOLS, bare_cluster
from tests.support.mocks import AUTO_NAME_SUFFIX, Recorded, refused, run

IMAGE = "registry.example.org/digits:1.0.0"
SPEC = WorkspaceSpec(
    secrets={"key": SecretSpec(from_="config/key")},
    config={"prompts": ConfigSpec(values={"system.txt": "Be kind."})},
    volumes={"models": VolumeSpec(size_gib=5), "scans": VolumeSpec(size_gib=1.5)},
)
ARTIFACT = ArtifactSpec(volume="models", folder="digits/1")
TRAIN = BatchJobSpec(pool="system", image=IMAGE, artifact=ARTIFACT, await_completion=True)
SCORE = ScheduledJobSpec(
    pool="system", image=IMAGE, schedule="@daily", model=ReadArtifactSpec(artifact="train"), artifact=ARTIFACT
)
SERVE = ModelServiceSpec(
    pool="system",
    surge=0,
    model=ModelSpec(artifact="train"),
    runtime=RuntimeSpec(container=ContainerSpec(image=IMAGE, port=8080, ready_path="/readyz")),
)
PLACE = Place(
    pools=POOLS,
    secrets=["key"],
    volumes=["models"],
    config=["prompts"],
    artifacts={"train": WrittenArtifact(volume="models", is_awaited=True)},
)


def made(*, spec: WorkspaceSpec = SPEC, traits: ClusterTraits | None = None, train: BatchJobSpec = TRAIN) -> Recorded:
    def program() -> None:
        workspace = Workspace("vision", bare_cluster(traits=traits), spec)
        BatchJob("train", workspace, train)
        ScheduledJob("score", workspace, SCORE)
        ModelService("serve", workspace, SERVE)

    return run(program, secrets={"modelyard:key": "hidden"})


def template(recorded: Recorded, kind: str) -> dict[str, Any]:
    inputs = recorded.one(kind).inputs["spec"]
    return (inputs["jobTemplate"]["spec"] if kind == "CronJob" else inputs)["template"]


def mounts(recorded: Recorded, kind: str) -> dict[str, dict[str, Any]]:
    """Mounts of the container by path, without `/tmp`."""
    (container,) = template(recorded, kind)["spec"]["containers"]
    return {each["mountPath"]: each for each in container["volumeMounts"] if each["mountPath"] != "/tmp"}


def env(recorded: Recorded, kind: str) -> dict[str, str]:
    (container,) = template(recorded, kind)["spec"]["containers"]
    return {each["name"]: each.get("value", "") for each in container["env"]}


def test_a_volume_is_a_claim_of_its_name() -> None:
    models, scans = made(traits=ClusterTraits(storage_class="fast")).of("PersistentVolumeClaim")
    assert models.inputs["metadata"]["name"] == "models"
    assert models.inputs["spec"] == {
        "accessModes": ["ReadWriteOnce"],
        "storageClassName": "fast",
        "resources": {"requests": {"storage": "5Gi"}},
    }
    assert scans.inputs["spec"]["resources"] == {"requests": {"storage": "1536Mi"}}


def test_a_shared_volume_takes_the_shared_class_and_is_refused_without_one() -> None:
    spec = replace(SPEC, volumes={"models": VolumeSpec(size_gib=5, shared=True)})
    traits = ClusterTraits(storage_class="disk", shared_storage_class="files")
    claim = made(spec=spec, traits=traits).one("PersistentVolumeClaim").inputs["spec"]
    assert (claim["accessModes"], claim["storageClassName"]) == (["ReadWriteMany"], "files")

    def alone(spec: WorkspaceSpec) -> None:
        Workspace("vision", bare_cluster(traits=ClusterTraits(storage_class="disk")), replace(spec, secrets={}))

    error = refused(lambda: alone(spec), "modelyard:workspace:Workspace")
    assert [problem.path for problem in error.problems] == ["vision.volumes.models.shared"]
    named = replace(spec, volumes={"models": VolumeSpec(size_gib=5, shared=True, storage_class="nfs")})
    assert run(lambda: alone(named)).one("PersistentVolumeClaim").inputs["spec"]["storageClassName"] == "nfs"


def test_configuration_is_immutable_under_a_generated_name() -> None:
    config = made().one("ConfigMap").inputs
    assert (config["data"], config["immutable"]) == ({"system.txt": "Be kind."}, True)
    assert "name" not in config["metadata"]


def test_mounts_of_each_kind() -> None:
    job = replace(
        TRAIN,
        artifact=None,
        mounts=[
            MountSpec(path="/data", volume="scans"),
            MountSpec(path="/old", volume="models", folder="digits/0", read_only=True),
            MountSpec(path="/etc/prompts", config="prompts"),
            MountSpec(path="/etc/key", secret="key"),
        ],
    )

    def program() -> None:
        BatchJob("train", Workspace("vision", bare_cluster(), SPEC), job)

    recorded = run(program, secrets={"modelyard:key": "hidden"})
    assert mounts(recorded, "Job") == {
        "/data": {"name": "volume-scans", "mountPath": "/data"},
        "/old": {"name": "volume-models", "mountPath": "/old", "subPath": "digits/0", "readOnly": True},
        "/etc/prompts": {"name": "config-prompts", "mountPath": "/etc/prompts", "readOnly": True},
        "/etc/key": {"name": "secret-key", "mountPath": "/etc/key", "readOnly": True},
    }
    volumes = {each.pop("name"): each for each in template(recorded, "Job")["spec"]["volumes"]}
    assert volumes["volume-scans"] == {"persistentVolumeClaim": {"claimName": "scans"}}
    assert volumes["config-prompts"] == {"configMap": {"name": f"vision-prompts-config{AUTO_NAME_SUFFIX}"}}
    assert volumes["secret-key"] == {"secret": {"secretName": f"vision-key{AUTO_NAME_SUFFIX}", "defaultMode": 0o440}}


def test_one_volume_at_two_places_is_one_volume_of_the_pod() -> None:
    recorded = made(train=replace(TRAIN, mounts=[MountSpec(path="/all", volume="models")]))
    assert {each["name"] for each in mounts(recorded, "Job").values()} == {"volume-models"}
    names = [each["name"] for each in template(recorded, "Job")["spec"]["volumes"]]
    assert names == ["tmp", "volume-models"]


def test_an_artifact_is_written_by_one_and_read_by_others() -> None:
    recorded = made()
    written = {"name": "volume-models", "mountPath": "/artifact", "subPath": "digits/1"}
    read = {**written, "mountPath": "/model", "readOnly": True}
    assert mounts(recorded, "Job") == {"/artifact": written}
    assert mounts(recorded, "Deployment") == {"/model": read}
    assert mounts(recorded, "CronJob") == {"/artifact": written, "/model": read}
    assert env(recorded, "Job")["ARTIFACT_PATH"] == "/artifact"
    assert env(recorded, "Deployment")["MODEL_PATH"] == "/model"
    assert "MODEL_PATH" not in env(recorded, "Job")


def test_what_reads_an_artifact_waits_for_its_job_and_rolls_with_it() -> None:
    recorded = made()
    job = recorded.one("Job")
    for kind in ("Deployment", "CronJob"):
        annotations = template(recorded, kind)["metadata"]["annotations"]
        assert annotations["modelyard.dev/model-run"] == f"vision-train{AUTO_NAME_SUFFIX}"
        assert job.urn in recorded.one(kind).depends_on
    assert "pulumi.com/skipAwait" not in (job.inputs["metadata"].get("annotations") or {})


@pytest.mark.parametrize(
    ("train", "words"),
    [
        (replace(TRAIN, artifact=None), "no job of this workspace that writes an artifact"),
        (replace(TRAIN, await_completion=False), "nothing waits until train has written"),
    ],
)
def test_an_artifact_that_may_be_missing_is_refused(train: BatchJobSpec, words: str) -> None:
    def program() -> None:
        workspace = Workspace("vision", bare_cluster(), replace(SPEC, secrets={}))
        BatchJob("train", workspace, train)
        ModelService("serve", workspace, SERVE)

    error = refused(program, "modelyard:serving:ModelService")
    (problem,) = error.problems
    assert problem.path == "serve.model.artifact"
    assert words in problem.why


def test_a_training_can_be_waited_for() -> None:
    def program() -> None:
        workspace = Workspace("vision", bare_cluster(), replace(SPEC, secrets={}))
        awaited = TrainingJobSpec(pool="system", image=IMAGE, artifact=ARTIFACT, await_completion=True)
        TrainingJob("train", workspace, awaited)
        ModelService("serve", workspace, SERVE)

    job = run(program).one("Job")
    assert job.timeouts["create"] == f"{7 * 24 * 3600 + 120}s"
    assert not job.inputs["metadata"].get("annotations")


def test_vllm_serves_an_artifact() -> None:
    def program() -> None:
        workspace = Workspace("vision", bare_cluster(), replace(SPEC, secrets={}))
        BatchJob("train", workspace, TRAIN)
        vllm = RuntimeSpec(vllm=VllmSpec())
        ModelService(
            "serve",
            workspace,
            ModelServiceSpec(pool="l4", gpus=1, surge=0, model=ModelSpec(artifact="train"), runtime=vllm),
        )

    (container,) = template(run(program), "Deployment")["spec"]["containers"]
    assert container["args"][0] == "/model"
    assert "--served-model-name=train" in container["args"]


@pytest.mark.parametrize("image", [IMAGE, "registry.example.org/digits@sha256:" + "0" * 64])
def test_an_image_of_the_clusters_own_takes_the_place_of_every_version(image: str) -> None:
    images = {"registry.example.org/digits": "registry.example.org/digits:local-0a1b2c"}

    def program() -> None:
        workspace = Workspace("vision", bare_cluster(traits=ClusterTraits(images=images)), replace(SPEC, secrets={}))
        BatchJob("plain", workspace, BatchJobSpec(pool="system", image=image))
        BatchJob("later", workspace, BatchJobSpec(pool="system", image=pulumi.Output.from_input(image)))
        BatchJob("other", workspace, BatchJobSpec(pool="system", image="registry.example.org/digits/base:1"))

    jobs = run(program).of("Job")
    ran = [each.inputs["spec"]["template"]["spec"]["containers"][0]["image"] for each in jobs]
    assert ran == [*images.values(), *images.values(), "registry.example.org/digits/base:1"]


@pytest.mark.parametrize(
    ("mount", "path", "words"),
    [
        ({"path": "/data"}, "", "exactly one of volume, config, secret"),
        ({"path": "/data", "volume": "models", "config": "prompts"}, "", "exactly one of volume, config, secret"),
        ({"path": "/data", "config": "prompts", "folder": "a"}, ".folder", "volumes only"),
        ({"path": "/data", "secret": "key", "read_only": True}, ".read_only", "volumes only"),
        ({"path": "data", "volume": "models"}, ".path", "write one like /data"),
        ({"path": "/", "volume": "models"}, ".path", "write one like /data"),
        ({"path": "/data/", "volume": "models"}, ".path", "write one like /data"),
        ({"path": "/a/../b", "volume": "models"}, ".path", "write one like /data"),
        ({"path": "/a:b", "volume": "models"}, ".path", "write one like /data"),
        ({"path": "/model", "volume": "models"}, ".path", "lies in /model, which is taken"),
        ({"path": "/tmp/data", "volume": "models"}, ".path", "lies in /tmp, which is taken"),
        ({"path": "/data", "volume": "models", "folder": "/abs"}, ".folder", "write one like digits/2"),
        ({"path": "/data", "volume": "models", "folder": "a/../../b"}, ".folder", "write one like digits/2"),
    ],
)
def test_a_mount_that_cannot_be_is_refused(mount: dict[str, Any], path: str, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        validate(replace(TRAIN, mounts=[MountSpec(**mount)]))
    (problem,) = caught.value.problems
    assert problem.path == f"mounts[0]{path}"
    assert words in f"{problem.why}; {problem.fix}"


def test_near_mounts_pass() -> None:
    near = [
        MountSpec(path="/models", volume="models", folder="a.b/..c/2"),
        MountSpec(path="/tmpfiles", volume="models", read_only=True),
        MountSpec(path="/etc/x", config="prompts"),
    ]
    assert list(validate(replace(TRAIN, mounts=near)).problems_on(PLACE)) == []


def test_two_mounts_at_one_place_are_refused() -> None:
    twice = [MountSpec(path="/data", volume="models"), MountSpec(path="/data", config="prompts")]
    with pytest.raises(ConfigError, match=r"mounts\[1\]\.path: /data is the path of another mount"):
        validate(replace(TRAIN, mounts=twice))


@pytest.mark.parametrize(
    ("changed", "path", "fix"),
    [
        ({"mounts": [MountSpec(path="/d", volume="data")]}, "mounts[0].volume", "use one of models, or add it"),
        ({"mounts": [MountSpec(path="/d", config="data")]}, "mounts[0].config", "use one of prompts, or add it"),
        ({"mounts": [MountSpec(path="/d", secret="data")]}, "mounts[0].secret", "use one of key, or add it"),
        ({"artifact": ArtifactSpec(volume="data", folder="a")}, "artifact.volume", "use one of models"),
        ({"model": ReadArtifactSpec(artifact="tune")}, "model.artifact", "name one of train"),
    ],
)
def test_a_name_that_the_workspace_does_not_have_is_refused(changed: dict[str, Any], path: str, fix: str) -> None:
    (problem,) = replace(TRAIN, **changed).problems_on(PLACE)
    assert problem.path == path
    assert problem.fix.startswith(fix)


@pytest.mark.parametrize("key", ["..", ".", "..data", "a/b", "", "ä"])
def test_a_file_name_that_no_config_map_can_have_is_refused(key: str) -> None:
    with pytest.raises(ConfigError, match="no name of a file here"):
        validate(WorkspaceSpec(config={"a": ConfigSpec(values={key: ""})}))


@pytest.mark.parametrize(
    ("model", "path"),
    [
        (ModelSpec(), ""),
        (ModelSpec(huggingface="a/b", artifact="train"), ""),
        (ModelSpec(artifact="train", revision="main"), ".revision"),
        (ModelSpec(artifact="train", token_secret="key"), ".token_secret"),
    ],
)
def test_a_model_has_one_source(model: ModelSpec, path: str) -> None:
    with pytest.raises(ConfigError) as caught:
        validate(ModelServiceSpec(pool="l4", gpus=1, model=model, runtime=RuntimeSpec(vllm=VllmSpec())))
    assert [problem.path for problem in caught.value.problems] == [f"model{path}"]
