"""Servers over several nodes: what is refused, and the LeaderWorkerSet that a service becomes."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from modelyard.cluster.pools import Pool, resolve_pool
from modelyard.cluster.spec import PoolSpec
from modelyard.cluster.traits import ClusterTraits
from modelyard.gpu.spec import GpuSliceSpec
from modelyard.platform.leader_worker_sets import LeaderWorkerSets
from modelyard.serving.autoscaling_spec import AutoscalingSpec, TargetSpec
from modelyard.serving.model_service import ModelService
from modelyard.serving.model_source_spec import ModelCacheSpec
from modelyard.serving.model_spec import ModelSpec
from modelyard.serving.release_spec import CanarySpec, ReleaseSpec
from modelyard.serving.route_spec import RouteSpec
from modelyard.serving.runtimes.sglang import SglangSpec
from modelyard.serving.runtimes.spec import RuntimeSpec
from modelyard.serving.spec import ModelServiceSpec
from modelyard.serving.verify_spec import VerifyRequestSpec, VerifySpec
from modelyard.workspace.place import Place
from modelyard.workspace.spec import FabricSpec, SecretSpec, VolumeSpec, WorkspaceSpec
from modelyard.workspace.workspace import Workspace
from tests.support.clusters import POOLS, bare_cluster
from tests.support.gpu_pools import GKE_POOLS, GPU_POOLS, gke_pool
from tests.support.mocks import AUTO_NAME_SUFFIX, Recorded, Registration, refused, run
from tests.support.problems import said_of
from tests.unit.serving.test_spec import vllm

PAIR = resolve_pool("pair", PoolSpec(accelerator="h100", gpus_per_node=8, max_nodes=4))
TPU = gke_pool("tpu", accelerator="tpu-v6e", gpus_per_node=4)
ALL: Mapping[str, Pool] = {**POOLS, **GPU_POOLS, **GKE_POOLS, "pair": PAIR, "tpu": TPU}
MODEL = ModelSpec(huggingface="mistralai/Mixtral-8x22B-Instruct-v0.1", revision="cc88a6c")
WIDE = ModelServiceSpec(
    pool="pair", model=MODEL, runtime=vllm(tensor_parallel=8, pipeline_parallel=2), startup_timeout_seconds=600
)
SGLANG = replace(WIDE, runtime=RuntimeSpec(sglang=SglangSpec(tensor_parallel=8, pipeline_parallel=2)))
SERVER_INDEX = "leaderworkerset.sigs.k8s.io/worker-index"


def problems(spec: ModelServiceSpec, **place: Any) -> list[tuple[str, str]]:
    return said_of(spec, Place(pools=ALL, **place))


@pytest.mark.parametrize(
    ("spec", "gpus", "nodes"),
    [
        (WIDE, 8, 2),
        (SGLANG, 8, 2),
        (replace(WIDE, gpus=8), 8, 2),
        (replace(WIDE, gpus=8, runtime=vllm(tensor_parallel=4, pipeline_parallel=4)), 8, 2),
        (replace(WIDE, gpus=8, runtime=vllm(tensor_parallel=4, pipeline_parallel=2)), 8, 1),
        (replace(WIDE, gpus=8, runtime=vllm(pipeline_parallel=2)), 8, 1),
        (replace(WIDE, runtime=vllm(tensor_parallel=4)), 4, 1),
        (replace(WIDE, pool="l4", runtime=vllm(tensor_parallel=1, pipeline_parallel=2)), 1, 2),
    ],
)
def test_a_replica_takes_as_many_nodes_as_its_stages_fill(spec: ModelServiceSpec, gpus: int, nodes: int) -> None:
    assert problems(spec) == []
    assert (spec.gpus_asked, spec.gpu_count, spec.nodes, spec.spans_nodes) == (gpus, gpus, nodes, nodes > 1)


@pytest.mark.parametrize(
    ("spec", "path", "message"),
    [
        (
            replace(WIDE, runtime=vllm(tensor_parallel=16)),
            "runtime.vllm.tensor_parallel",
            (
                "each layer would be split over 16 GPUs, and a node of pool pair has 8: those of several nodes are not "
                "linked fast enough for that; use tensor_parallel: 8 and pipeline_parallel: 2"
            ),
        ),
        (
            replace(WIDE, gpus=8, runtime=vllm(tensor_parallel=16)),
            "runtime.vllm.tensor_parallel",
            (
                "each layer would be split over 16 GPUs, and a pod has 8: those of several nodes are not linked fast "
                "enough for that; use tensor_parallel: 8 and pipeline_parallel: 2, or raise gpus"
            ),
        ),
        (
            replace(WIDE, gpus=8, runtime=vllm(tensor_parallel=8, pipeline_parallel=2, extra_args=["--nnodes=2"])),
            "runtime.vllm.extra_args[0]",
            "--nnodes cannot be given as an argument; it follows from tensor_parallel times pipeline_parallel and gpus",
        ),
        (
            replace(WIDE, gpus=8, runtime=vllm(tensor_parallel=3, pipeline_parallel=8)),
            "runtime.vllm.tensor_parallel",
            "tensor_parallel times pipeline_parallel must be gpus, which is 8",
        ),
        (
            replace(WIDE, gpus=GpuSliceSpec(mig="1g.10gb")),
            "runtime.vllm.tensor_parallel",
            "each layer would be split over 8 GPUs, and a pod has 1",
        ),
        (
            replace(WIDE, gpus=4, runtime=vllm(tensor_parallel=4, pipeline_parallel=2)),
            "gpus",
            "a replica over several nodes takes all 8 GPUs of each, and its 8 are to be 4 on each of 2; set gpus: 8",
        ),
        (
            replace(WIDE, runtime=vllm(tensor_parallel=4, pipeline_parallel=2)),
            "gpus",
            "a replica over several nodes takes all 8 GPUs of each, and its 8 are to be 4 on each of 2; set gpus: 8",
        ),
        (
            replace(WIDE, pool="tpu", runtime=vllm(image="a/b:1", tensor_parallel=4, pipeline_parallel=2)),
            "pool",
            "a replica would span 2 nodes, and tpu-v6e of pool tpu are joined by no server here; use a pool with GPUs",
        ),
        (
            replace(WIDE, pool="mps", runtime=vllm(tensor_parallel=1, pipeline_parallel=2)),
            "pool",
            "a replica would span 2 nodes, and pods of pool mps have shares of GPUs, which may be of one node",
        ),
        (replace(WIDE, replicas=3), "replicas", "3 are too many, as pool pair has room for 2 at its max_nodes of 4"),
        (
            replace(WIDE, replicas=2),
            "surge",
            "an update would wait for room for ever: it needs 2 + 1, and pool pair has room for 2",
        ),
        (
            replace(WIDE, model=replace(MODEL, size_gib=1200)),
            "model.size_gib",
            "weights and programs take at least 78.8 GiB of each GPU, and servers use 73.6 of those of pool pair",
        ),
    ],
)
def test_what_cannot_be_divided_so_is_refused(spec: ModelServiceSpec, path: str, message: str) -> None:
    [(where, text)] = problems(spec)
    assert where == path
    assert message in text


def test_what_just_fits_is_accepted() -> None:
    assert problems(replace(WIDE, replicas=2, surge=0)) == []
    assert problems(replace(WIDE, model=replace(MODEL, size_gib=1000))) == []


def test_a_version_of_groups_is_verified_where_it_runs_beside_the_old_one() -> None:
    verify = VerifySpec(requests=[VerifyRequestSpec(path="/health")])
    [(path, text)] = problems(replace(WIDE, release=ReleaseSpec(verify=verify)))
    assert path == "release.verify"
    assert "its replicas are groups of pods; use canary or blue_green" in text
    beside = ReleaseSpec(verify=verify, canary=CanarySpec(image="a/b:1"))
    assert problems(replace(WIDE, surge=0, route=RouteSpec(), release=beside)) == []
    alone = replace(WIDE, gpus=8, runtime=vllm(), release=ReleaseSpec(verify=verify))
    assert problems(alone) == []


class TestOnAFabric:
    ON = replace(WIDE, pool="fabric", surge=0)

    def test_without_a_companion_namespace_it_is_refused(self) -> None:
        [(path, text)] = problems(self.ON)
        assert path == "pool"
        assert text == (
            "over several nodes of pool fabric, whose network locks memory, pods need IPC_LOCK, which pod security "
            "restricted refuses; give the workspace fabric: {}, which makes a companion namespace for such services, "
            "or use fewer GPUs, those of one node, or a pool without fabric"
        )

    def test_a_replica_on_one_node_needs_none(self) -> None:
        assert problems(replace(self.ON, gpus=8, runtime=vllm())) == []

    def test_it_reads_volumes_of_the_companion_only(self) -> None:
        on_volume = replace(self.ON, model=ModelSpec(volume="models"))
        near = {"volumes": ["other"], "fabric_volumes": ["models"]}
        assert problems(on_volume, **near) == []
        [(path, text)] = problems(on_volume, volumes=["models"], fabric_volumes=[])
        assert (path, "add it under fabric.volumes" in text) == ("model.volume", True)

    def test_a_volume_of_one_node_is_refused_on_several(self) -> None:
        on_volume = replace(self.ON, model=ModelSpec(volume="models"))
        [(path, text)] = problems(on_volume, fabric_volumes=["models"], unshared_fabric_volumes=["models"])
        assert path == "model.volume"
        assert text.endswith("for 2 pods; set shared: true on volume models")
        # One of the same name that is the workspace's own says nothing of the companion's.
        assert problems(on_volume, fabric_volumes=["models"], unshared_volumes=["models"]) == []

    def test_a_cache_is_refused_as_the_job_that_fills_it_is_elsewhere(self) -> None:
        kept = replace(MODEL, cache=ModelCacheSpec(volume="models"))
        [(path, text)] = problems(replace(self.ON, model=kept), fabric_volumes=["models"])
        assert path == "model.cache"
        assert "is filled in the workspace's own namespace" in text
        assert problems(replace(WIDE, model=kept), volumes=["models"]) == []

    def test_it_reads_no_artifact(self) -> None:
        [(path, text)] = problems(replace(self.ON, model=ModelSpec(artifact="train")), fabric_volumes=[])
        assert path == "model"
        assert "services on the fabric run in a namespace of their own" in text

    def test_a_version_elsewhere_is_refused_beside_it(self) -> None:
        beside = ReleaseSpec(canary=CanarySpec(pool="pair"))
        spec = replace(self.ON, route=RouteSpec(), release=beside)
        [(path, text)] = problems(spec, fabric_volumes=[])
        assert path == "release.canary.pool"
        assert "would run in another namespace than the service" in text
        near = replace(spec, release=ReleaseSpec(canary=CanarySpec(image="a/b:1")))
        assert problems(near, fabric_volumes=[]) == []


def made(
    spec: ModelServiceSpec = WIDE,
    *,
    name: str = "mixtral",
    workspace: WorkspaceSpec | None = None,
    charts: bool = True,
    **settings: Any,
) -> Recorded:
    def program() -> None:
        cluster = bare_cluster(ALL, ClusterTraits(charts_installed=charts))
        sets = LeaderWorkerSets("groups", cluster)
        home = Workspace("chat", cluster, workspace or WorkspaceSpec())
        ModelService(name, home, spec, leader_worker_sets=sets)

    return run(program, **settings)


def of_the_service(recorded: Recorded, kind: str) -> Registration:
    (found,) = (each for each in recorded.under("modelyard:serving:ModelService") if each.type.endswith(f":{kind}"))
    return found


def group(recorded: Recorded) -> dict[str, Any]:
    return recorded.one("LeaderWorkerSet").inputs["spec"]["leaderWorkerTemplate"]


def containers(recorded: Recorded) -> tuple[dict[str, Any], dict[str, Any]]:
    """The leader's and the workers'."""
    templates = group(recorded)
    [leader], [worker] = (templates[f"{role}Template"]["spec"]["containers"] for role in ("leader", "worker"))
    return leader, worker


class TestTheObject:
    def test_each_replica_is_a_group_with_a_pod_on_each_node(self) -> None:
        spec = made(replace(WIDE, replicas=2, surge=0)).one("LeaderWorkerSet").inputs["spec"]
        assert spec["replicas"] == 2
        assert spec["leaderWorkerTemplate"]["size"] == 2
        # The leader of a group is ready only when all others have joined it.
        assert spec["startupPolicy"] == "LeaderCreated"
        assert spec["leaderWorkerTemplate"]["restartPolicy"] == "RecreateGroupOnPodRestart"

    def test_there_is_no_deployment_beside_it(self) -> None:
        recorded = made()
        assert not recorded.of("Deployment")
        assert recorded.one("LeaderWorkerSet").name == "chat-mixtral"

    @pytest.mark.parametrize(
        ("surge", "expected"),
        [
            (1, {"maxSurge": 1, "maxUnavailable": 0, "partition": 0}),
            (0, {"maxSurge": 0, "maxUnavailable": 1, "partition": 0}),
        ],
    )
    def test_an_update_misses_no_replica_where_there_is_room(self, surge: int, expected: dict[str, int]) -> None:
        spec = made(replace(WIDE, surge=surge)).one("LeaderWorkerSet").inputs["spec"]
        assert spec["rolloutStrategy"] == {"type": "RollingUpdate", "rollingUpdateConfiguration": expected}

    def test_it_waits_where_a_controller_runs_and_nowhere_else(self) -> None:
        def waits(*, charts: bool, **pools: Any) -> bool:
            annotations = made(charts=charts, **pools).one("LeaderWorkerSet").inputs["metadata"].get("annotations", {})
            return annotations.get("pulumi.com/waitFor") == "condition=Available"

        assert waits(charts=True)
        assert not waits(charts=False)

    def test_it_is_made_after_the_controller_and_goes_before_it(self) -> None:
        recorded = made()
        assert recorded.one("Release").urn in recorded.one("LeaderWorkerSet").depends_on

    def test_a_start_has_time_for_nodes_that_come_one_after_the_other(self) -> None:
        # 900 s for the first node, and 600 s of a start that 900 s for the others are added to.
        assert made(replace(WIDE, startup_timeout_seconds=None)).one("LeaderWorkerSet").timeouts["create"] == "3600s"
        probe = containers(made(replace(WIDE, startup_timeout_seconds=None)))[0]["startupProbe"]
        assert probe["periodSeconds"] * probe["failureThreshold"] == 2700

    def test_its_name_leaves_room_for_what_kubernetes_makes_of_it(self) -> None:
        name = made(name="a" * 38).one("LeaderWorkerSet").name
        assert name.startswith("chat-aaa")
        # A revision's hash, a group of two digits, two dashes: the label of a StatefulSet's pods ends at 63.
        assert len(f"{name}{AUTO_NAME_SUFFIX}-99-5b8c9d7f64") <= 63

    def test_it_is_refused_without_the_controller(self) -> None:
        def program() -> None:
            ModelService("mixtral", Workspace("chat", bare_cluster(ALL), WorkspaceSpec()), WIDE)

        error = refused(program, "modelyard:serving:ModelService")
        assert [str(each) for each in error.problems] == [
            (
                "mixtral: its replicas are groups of pods, and nothing is given that runs those; "
                "pass leader_worker_sets=LeaderWorkerSets(...), one for the cluster"
            ),
        ]


class TestThePods:
    def test_all_programs_of_vllm_find_the_first(self) -> None:
        leader, worker = containers(made())
        common = [
            "mistralai/Mixtral-8x22B-Instruct-v0.1",
            "--revision=cc88a6c",
            "--port=8000",
            "--tensor-parallel-size=8",
            "--pipeline-parallel-size=2",
            "--max-model-len=auto",
            "--shutdown-timeout=60",
            "--distributed-executor-backend=mp",
            "--nnodes=2",
            "--node-rank=$(LWS_WORKER_INDEX)",
            "--master-addr=$(LWS_LEADER_ADDRESS)",
        ]
        assert leader["args"] == common
        assert worker["args"] == [*common, "--headless"]
        assert leader["command"] == worker["command"] == ["vllm", "serve"]

    def test_all_programs_of_sglang_find_the_first(self) -> None:
        leader, worker = containers(made(SGLANG))
        assert leader["args"] == worker["args"]
        assert {
            "--tp-size=8",
            "--pp-size=2",
            "--nnodes=2",
            "--node-rank=$(LWS_WORKER_INDEX)",
            "--dist-init-addr=$(LWS_LEADER_ADDRESS):20000",
        } <= {*leader["args"]}

    def test_only_the_leader_is_asked_whether_it_serves(self) -> None:
        leader, worker = containers(made())
        assert {"startupProbe", "readinessProbe", "livenessProbe", "ports"} <= leader.keys()
        assert not {"startupProbe", "readinessProbe", "livenessProbe", "ports"} & worker.keys()

    def test_the_others_stay_until_the_leader_has_answered(self) -> None:
        leader, worker = containers(made(replace(WIDE, drain_seconds=120)))
        assert leader["lifecycle"]["preStop"]["sleep"]["seconds"] == 15
        assert worker["lifecycle"]["preStop"]["sleep"]["seconds"] == 135
        templates = group(made(replace(WIDE, drain_seconds=120)))
        assert templates["workerTemplate"]["spec"]["terminationGracePeriodSeconds"] == 150

    def test_each_has_all_gpus_of_its_node(self) -> None:
        for container in containers(made()):
            assert container["resources"]["requests"]["nvidia.com/gpu"] == "8"
            assert {"name": "shared-memory", "mountPath": "/dev/shm"} in container["volumeMounts"]

    def test_each_names_its_own_address_to_the_others(self) -> None:
        for container in containers(made()):
            env = {each["name"]: each for each in container["env"]}
            assert env["VLLM_HOST_IP"]["valueFrom"]["fieldRef"]["fieldPath"] == "status.podIP"

    def test_each_finds_the_model_in_the_same_folder(self) -> None:
        shared = VolumeSpec(size_gib=500, shared=True, storage_class="files")
        spec = replace(WIDE, model=ModelSpec(volume="models", folder="mixtral"))
        leader, worker = containers(made(spec, workspace=WorkspaceSpec(volumes={"models": shared})))
        [mount] = (each for each in leader["volumeMounts"] if each.get("subPath") == "mixtral")
        assert mount in worker["volumeMounts"]
        assert leader["args"][0] == worker["args"][0] == mount["mountPath"]

    def test_without_a_fabric_nccl_tries_no_device_of_one(self) -> None:
        for container in containers(made()):
            assert {"name": "NCCL_IB_DISABLE", "value": "1"} in container["env"]

    def test_a_group_prefers_one_zone(self) -> None:
        for role in ("leader", "worker"):
            affinity = group(made())[f"{role}Template"]["spec"]["affinity"]
            [term] = affinity["podAffinity"]["preferredDuringSchedulingIgnoredDuringExecution"]
            assert term["podAffinityTerm"]["topologyKey"] == "topology.kubernetes.io/zone"
            assert term["podAffinityTerm"]["matchLabelKeys"] == ["leaderworkerset.sigs.k8s.io/group-key"]

    def test_they_are_in_the_companion_where_the_fabric_needs_it(self) -> None:
        spec = replace(TestOnAFabric.ON, model=replace(MODEL, token_secret="hf"))
        workspace = WorkspaceSpec(fabric=FabricSpec(), secrets={"hf": SecretSpec(from_="config/hf")})
        recorded = made(spec, workspace=workspace, secrets={"modelyard:hf": "hidden"})
        for kind in ("LeaderWorkerSet", "Service", "PodDisruptionBudget"):
            assert of_the_service(recorded, kind).inputs["metadata"]["namespace"] == "chat-fabric"
        for container in containers(recorded):
            assert container["resources"]["requests"]["vpc.amazonaws.com/efa"] == "32"
            assert container["securityContext"]["capabilities"]["add"] == ["IPC_LOCK"]
            assert "NCCL_IB_DISABLE" not in [each["name"] for each in container["env"]]
            [token] = (each for each in container["env"] if each["name"] == "HF_TOKEN")
            assert token["valueFrom"]["secretKeyRef"]["name"] == f"chat-fabric-hf{AUTO_NAME_SUFFIX}"
        [outputs] = (each for urn, each in recorded.component_outputs.items() if "ModelService" in urn)
        assert outputs["url"] == "http://mixtral.chat-fabric.svc"


class TestWhatIsAroundThem:
    def test_the_service_leads_to_leaders_only(self) -> None:
        recorded = made()
        selector = recorded.one("Service").inputs["spec"]["selector"]
        assert selector[SERVER_INDEX] == "0"
        # The controller writes this label: a template that had it would make a leader of every pod.
        for role in ("leader", "worker"):
            assert SERVER_INDEX not in group(recorded)[f"{role}Template"]["metadata"]["labels"]

    def test_a_plain_service_leads_to_all_its_pods(self) -> None:
        recorded = made(replace(WIDE, gpus=8, runtime=vllm()))
        assert SERVER_INDEX not in recorded.one("Service").inputs["spec"]["selector"]

    def test_one_pod_of_all_groups_may_be_moved_at_a_time(self) -> None:
        """A second one would be of another group, and end that one too."""
        budget = of_the_service(made(), "PodDisruptionBudget").inputs["spec"]
        assert budget["maxUnavailable"] == 1
        assert SERVER_INDEX not in budget["selector"]["matchLabels"]

    def test_the_autoscaler_adds_groups(self) -> None:
        scaling = AutoscalingSpec(min_replicas=1, max_replicas=2, target=TargetSpec(cpu_percent=60))
        recorded = made(replace(WIDE, surge=0, autoscaling=scaling))
        target = recorded.one("HorizontalPodAutoscaler").inputs["spec"]["scaleTargetRef"]
        assert target == {
            "apiVersion": "leaderworkerset.x-k8s.io/v1",
            "kind": "LeaderWorkerSet",
            "name": f"chat-mixtral{AUTO_NAME_SUFFIX}",
        }
        assert recorded.one("LeaderWorkerSet").ignore_changes == ["spec.replicas"]
