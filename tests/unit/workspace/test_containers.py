"""Containers before and beside a workload's own, in the pods of every kind of workload."""

from typing import Any

import pytest

from modelyard.batch.batch_job import BatchJob
from modelyard.batch.scheduled_job import ScheduledJob
from modelyard.batch.spec import BatchJobSpec, ScheduledJobSpec, TrainingJobSpec
from modelyard.batch.training_job import TrainingJob
from modelyard.cluster.traits import ClusterTraits
from modelyard.platform.priorities import Priorities
from modelyard.platform.priorities_spec import PrioritySpec
from modelyard.serving.model_service import ModelService
from modelyard.serving.model_spec import ModelSpec
from modelyard.serving.runtimes.container import ContainerSpec
from modelyard.serving.runtimes.spec import RuntimeSpec
from modelyard.serving.runtimes.triton import TritonSpec
from modelyard.serving.spec import ModelServiceSpec
from modelyard.workspace.container_spec import InitContainerSpec, MountSpec, SidecarSpec
from modelyard.workspace.spec import FabricSpec, SecretSpec, VolumeSpec, WorkspaceSpec
from modelyard.workspace.workspace import Workspace
from tests.support.clusters import POOLS, bare_cluster
from tests.support.gpu_pools import gke_pool
from tests.support.mocks import AUTO_NAME_SUFFIX, refused, run

SPEC = WorkspaceSpec(
    secrets={"key": SecretSpec(from_="config/key")},
    volumes={"data": VolumeSpec(size_gib=1, shared=True, storage_class="nfs")},
    fabric=FabricSpec(),
)
SHARED = MountSpec(path="/features", scratch="features")
FETCH = InitContainerSpec(
    image="registry.example.org/fetch:1", command=["fetch", "--all"], cpus=0.5, memory_gib=1, mounts=[SHARED]
)
PROXY = SidecarSpec(
    image="registry.example.org/feature-proxy:1.2.0",
    port=6565,
    ready_path="/ready",
    startup_timeout_seconds=60,
    args=["--fast"],
    env={"MODE": "fast"},
    env_from_secrets={"KEY": "key"},
    mounts=[MountSpec(path="/in", scratch="features"), MountSpec(path="/data", volume="data")],
    user_id=2000,
)
BESIDE: dict[str, Any] = {
    "pool": "system",
    "mounts": [SHARED],
    "init_containers": [FETCH],
    "sidecars": [PROXY, SidecarSpec(image="logs:1")],
    "priority": "production",
}
KINDS: dict[str, tuple[type[Any], Any]] = {
    "Deployment": (
        ModelService,
        ModelServiceSpec(
            runtime=RuntimeSpec(container=ContainerSpec(image="a:1", port=8080, ready_path="/")), surge=0, **BESIDE
        ),
    ),
    "Job": (BatchJob, BatchJobSpec(image="a:1", fatal_exit_codes=[3], **BESIDE)),
    "CronJob": (ScheduledJob, ScheduledJobSpec(image="a:1", schedule="@daily", **BESIDE)),
    "TrainingJob": (TrainingJob, TrainingJobSpec(image="a:1", nodes=2, **BESIDE)),
}


def made(kind: str, *, traits: ClusterTraits | None = None) -> dict[str, Any]:
    """The inputs of the object that makes the pods."""
    component, spec = KINDS[kind]

    def program() -> None:
        cluster = bare_cluster(traits=traits)
        priorities = Priorities("priorities", cluster, {"production": PrioritySpec(value=1000)})
        component("work", Workspace("team", cluster, SPEC, priorities=priorities), spec)

    recorded = run(program, secrets={"modelyard:key": "hidden"})
    inputs = recorded.one("Job" if kind == "TrainingJob" else kind).inputs["spec"]
    return inputs["jobTemplate"]["spec"] if kind == "CronJob" else dict(inputs)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_workload_has_them(kind: str) -> None:
    pod = made(kind)["template"]["spec"]
    found = [(each["name"], each.get("restartPolicy")) for each in pod["initContainers"]]
    assert found == [("fetch", None), ("feature-proxy", "Always"), ("logs", "Always")]
    assert len(pod["containers"]) == 1
    assert pod["priorityClassName"] == f"priorities-production{AUTO_NAME_SUFFIX}"


def test_a_sidecar_as_the_spec_has_it() -> None:
    pod = made("Deployment")["template"]["spec"]
    _, proxy, logs = pod["initContainers"]
    assert proxy["image"] == "registry.example.org/feature-proxy:1.2.0"
    assert proxy["args"] == ["--fast"]
    assert {each["name"]: each.get("value") for each in proxy["env"]} == {
        "HOME": "/tmp",
        "USER": "app",
        "MODE": "fast",
        "KEY": None,
    }
    assert proxy["resources"] == {
        "requests": {"cpu": "100m", "memory": "256Mi"},
        "limits": {"memory": "256Mi"},
    }
    assert proxy["securityContext"]["runAsUser"] == 2000
    assert "runAsUser" not in logs["securityContext"]
    assert proxy["securityContext"]["capabilities"] == {"drop": ["ALL"]}


def test_a_sidecar_with_a_port_is_waited_for_and_watched() -> None:
    _, proxy, logs = made("Deployment")["template"]["spec"]["initContainers"]
    assert proxy["ports"] == [{"name": "sidecar-1", "containerPort": 6565}]
    started, ready, alive = proxy["startupProbe"], proxy["readinessProbe"], proxy["livenessProbe"]
    assert started["httpGet"] == ready["httpGet"] == {"path": "/ready", "port": "sidecar-1"}
    assert started["periodSeconds"] * started["failureThreshold"] == 60
    assert alive["tcpSocket"] == {"port": "sidecar-1"}
    assert not {"ports", "startupProbe", "readinessProbe", "livenessProbe"} & set(logs)


def test_containers_of_a_pod_share_scratch_by_its_name() -> None:
    pod = made("Deployment")["template"]["spec"]
    fetch, proxy, _ = pod["initContainers"]
    volume: dict[str, Any] = {"name": "scratch-features", "emptyDir": {}}
    assert pod["volumes"].count(volume) == 1
    paths = [
        [each["mountPath"] for each in container["volumeMounts"] if each["name"] == "scratch-features"]
        for container in (fetch, proxy, pod["containers"][0])
    ]
    assert paths == [["/features"], ["/in"], ["/features"]]
    assert {each["name"] for each in pod["volumes"]} >= {"volume-data", "tmp", "tmp-fetch", "tmp-logs"}


def test_a_known_images_user_is_that_of_its_neighbours_too() -> None:
    triton = ModelServiceSpec(
        pool="system",
        surge=0,
        runtime=RuntimeSpec(triton=TritonSpec()),
        model=ModelSpec(volume="data"),
        sidecars=[SidecarSpec(image="logs:1")],
    )
    recorded = run(
        lambda: ModelService("a", Workspace("team", bare_cluster(), SPEC), triton), secrets={"modelyard:key": "hidden"}
    )
    pod = recorded.one("Deployment").inputs["spec"]["template"]["spec"]
    assert pod["securityContext"]["runAsUser"] == 1000
    assert "runAsUser" not in pod["initContainers"][0]["securityContext"]


def test_beside_a_container_that_has_to_be_root_they_are_not() -> None:
    pools = {**POOLS, "fast": gke_pool("fast", accelerator="h100", gpus_per_node=8, fabric="tcpx")}
    spec = TrainingJobSpec(
        pool="fast",
        image="a:1",
        nodes=2,
        gpus_per_node=8,
        init_containers=[InitContainerSpec(image="fetch:1")],
        sidecars=[SidecarSpec(image="logs:1")],
    )
    recorded = run(
        lambda: TrainingJob("a", Workspace("team", bare_cluster(pools), SPEC), spec),
        secrets={"modelyard:key": "hidden"},
    )
    pod = recorded.one("Job").inputs["spec"]["template"]["spec"]
    assert pod["securityContext"]["runAsUser"] == 0
    users = {each["name"]: each["securityContext"].get("runAsUser") for each in pod["initContainers"]}
    assert users == {"fetch": 10001, "tcpx-daemon": None, "logs": 10001}
    assert [each["name"] for each in pod["initContainers"]] == ["fetch", "tcpx-daemon", "logs"]


def test_an_exit_code_of_a_neighbour_ends_no_job() -> None:
    policy = made("Job")["podFailurePolicy"]["rules"][1]["onExitCodes"]
    assert policy["containerName"] == "work"


def test_images_that_the_cluster_built_are_used_in_all_containers() -> None:
    traits = ClusterTraits(images={"registry.example.org/fetch": "localhost/fetch:abc"})
    fetch, proxy, _ = made("Job", traits=traits)["template"]["spec"]["initContainers"]
    assert fetch["image"] == "localhost/fetch:abc"
    assert proxy["image"] == "registry.example.org/feature-proxy:1.2.0"


def test_a_name_that_clashes_with_the_workloads_is_refused_before_anything_is_made() -> None:
    job = BatchJobSpec(pool="system", image="a:1", sidecars=[SidecarSpec(image="work:1")])

    def program() -> None:
        BatchJob("work", Workspace("team", bare_cluster(), WorkspaceSpec()), job)

    error = refused(program, "modelyard:batch:BatchJob")
    assert [problem.path for problem in error.problems] == ["work.sidecars[0].name"]


def test_without_priorities_none_can_be_named() -> None:
    job = BatchJobSpec(pool="system", image="a:1", priority="production")

    def program() -> None:
        BatchJob("work", Workspace("team", bare_cluster(), WorkspaceSpec()), job)

    error = refused(program, "modelyard:batch:BatchJob")
    assert [problem.path for problem in error.problems] == ["work.priority"]
