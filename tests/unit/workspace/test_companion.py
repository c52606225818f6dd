"""The companion namespace for training over a fabric: what is in it, who may do what there, and what is refused."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from modelyard.batch.spec import TrainingJobSpec
from modelyard.batch.training_job import TrainingJob
from modelyard.cluster.pools import Pool
from modelyard.cluster.traits import ClusterTraits
from modelyard.spec import load_json
from modelyard.workspace.container_spec import MountSpec
from modelyard.workspace.spec import (
    ConfigSpec,
    FabricSpec,
    MembersSpec,
    QuotaSpec,
    SecretSpec,
    VolumeSpec,
    WorkspaceSpec,
)
from modelyard.workspace.workload_spec import ArtifactSpec, ReadArtifactSpec
from modelyard.workspace.workspace import Workspace
from tests.support.clusters import bare_cluster
from tests.support.gpu_pools import GPU_POOLS
from tests.support.mocks import AUTO_NAME_SUFFIX, Recorded, refused, run

TYPE = "modelyard:workspace:Companion"
WITH = WorkspaceSpec(fabric=FabricSpec())


def training(**fields: Any) -> TrainingJobSpec:
    given: dict[str, Any] = {"pool": "fabric", "nodes": 2, "gpus_per_node": 8, "image": "registry.example.org/train:1"}
    return TrainingJobSpec(**{**given, **fields})


def program(spec: TrainingJobSpec, workspace: WorkspaceSpec = WITH, pool: Pool | None = None) -> Any:
    pools = {**GPU_POOLS, **({"fabric": pool} if pool else {})}
    return lambda: TrainingJob("pretrain", Workspace("lab", bare_cluster(pools), workspace), spec)


def made(spec: TrainingJobSpec, workspace: WorkspaceSpec = WITH, **settings: Any) -> Recorded:
    return run(program(spec, workspace), **settings)


def pod_of(recorded: Recorded) -> dict[str, Any]:
    return recorded.one("Job").inputs["spec"]["template"]["spec"]


def said(spec: TrainingJobSpec, workspace: WorkspaceSpec = WITH) -> list[str]:
    error = refused(program(spec, workspace), "modelyard:batch:TrainingJob")
    return [str(problem) for problem in error.problems]


def without_locks() -> Pool:
    """Nodes whose image lets pods lock as much memory as they like."""
    pool = GPU_POOLS["fabric"]
    assert pool.gpu
    return replace(pool, gpu=replace(pool.gpu, pod_capabilities=()))


def test_a_workspace_has_no_companion_unless_it_asks_for_one() -> None:
    def names(spec: WorkspaceSpec) -> set[str]:
        recorded = run(lambda: Workspace("lab", bare_cluster(GPU_POOLS), spec))
        return {each.inputs["metadata"]["name"] for each in recorded.of("Namespace")}

    assert names(WorkspaceSpec()) == {"lab"}
    assert names(WITH) == {"lab", "lab-fabric"}
    assert names(load_json(WorkspaceSpec, '{"fabric": {}}')) == {"lab", "lab-fabric"}


def test_only_the_companion_enforces_less() -> None:
    recorded = run(lambda: Workspace("lab", bare_cluster(GPU_POOLS), WITH))
    levels = {
        each.inputs["metadata"]["name"]: {
            value for key, value in each.inputs["metadata"]["labels"].items() if key.startswith("pod-security")
        }
        for each in recorded.of("Namespace")
    }
    assert levels == {"lab": {"restricted"}, "lab-fabric": {"privileged"}}


def test_it_has_the_workspaces_rules_with_its_own_quota_and_volumes() -> None:
    spec = WorkspaceSpec(
        quota=QuotaSpec(cpus=4),
        secrets={"hf": SecretSpec(from_="config/hf")},
        config={"settings": ConfigSpec(values={"a": "b"})},
        volumes={"data": VolumeSpec(size_gib=1)},
        fabric=FabricSpec(quota=QuotaSpec(cpus=400), volumes={"checkpoints": VolumeSpec(size_gib=1000)}),
    )
    recorded = run(lambda: Workspace("lab", bare_cluster(GPU_POOLS), spec), secrets={"modelyard:hf": "hidden"})
    inside = [each for each in recorded.under(TYPE) if each.type != TYPE]
    assert sorted(each.type.rsplit(":", 1)[1] for each in inside) == [
        "ConfigMap",
        "Namespace",
        "NetworkPolicy",
        "PersistentVolumeClaim",
        "ResourceQuota",
        "Secret",
        "ServiceAccount",
    ]
    for each in inside:
        if not each.type.endswith(":Namespace"):
            assert each.inputs["metadata"]["namespace"] == "lab-fabric", each.urn
        assert each.inputs["metadata"]["labels"]["modelyard.dev/workspace"] == "lab"
    (quota,) = (each for each in inside if each.type.endswith("ResourceQuota"))
    assert quota.inputs["spec"]["hard"] == {"requests.cpu": "400"}
    (claim,) = (each for each in inside if each.type.endswith("PersistentVolumeClaim"))
    assert claim.inputs["metadata"]["name"] == "checkpoints"


def test_nobody_may_make_pods_in_it() -> None:
    spec = replace(WITH, members=MembersSpec(edit=["group:ml"], view=["group:audit"]))
    recorded = run(lambda: Workspace("lab", bare_cluster(GPU_POOLS), spec))
    roles = [
        (each.inputs["roleRef"]["name"], [subject["name"] for subject in each.inputs["subjects"]])
        for each in recorded.under(TYPE)
        if each.type.endswith("RoleBinding")
    ]
    assert roles == [("view", ["ml", "audit"])]


def test_a_training_over_the_fabric_is_wholly_in_the_companion() -> None:
    workspace = replace(
        WITH,
        secrets={"hf": SecretSpec(from_="config/hf")},
        fabric=FabricSpec(volumes={"checkpoints": VolumeSpec(size_gib=1000, shared=True, storage_class="efs")}),
    )
    spec = training(env_from_secrets={"TOKEN": "hf"}, mounts=[MountSpec(path="/checkpoints", volume="checkpoints")])
    recorded = made(spec, workspace, secrets={"modelyard:hf": "hidden"})
    assert recorded.one("Job").inputs["metadata"]["namespace"] == "lab-fabric"
    assert recorded.one("Service").inputs["metadata"]["namespace"] == "lab-fabric"
    pod = pod_of(recorded)
    (token,) = (each for each in pod["containers"][0]["env"] if each["name"] == "TOKEN")
    assert token["valueFrom"]["secretKeyRef"]["name"] == f"lab-fabric-hf{AUTO_NAME_SUFFIX}"
    claims = [each["persistentVolumeClaim"] for each in pod["volumes"] if "persistentVolumeClaim" in each]
    assert [each["claimName"] for each in claims] == ["checkpoints"]


def test_its_pods_have_one_capability_that_they_can_use_and_no_other() -> None:
    pod = pod_of(made(training()))
    assert pod["containers"][0]["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "privileged": False,
        "readOnlyRootFilesystem": True,
        "runAsNonRoot": False,
        "capabilities": {"drop": ["ALL"], "add": ["IPC_LOCK"]},
    }
    assert pod["securityContext"]["runAsUser"] == 0
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["automountServiceAccountToken"] is False


@pytest.mark.parametrize(("gpus", "devices", "pages"), [(8, 32, "10240Mi"), (4, 16, "5120Mi"), (1, 4, "1280Mi")])
def test_pods_get_the_share_of_the_fabric_that_goes_with_their_gpus(gpus: int, devices: int, pages: str) -> None:
    container = pod_of(made(training(gpus_per_node=gpus)))["containers"][0]
    for kind in ("requests", "limits"):
        asked = container["resources"][kind]
        assert asked["vpc.amazonaws.com/efa"] == str(devices)
        assert asked["nvidia.com/gpu"] == str(gpus)
        assert asked["hugepages-2Mi"] == pages
    env = {each["name"]: each.get("value") for each in container["env"]}
    assert env["FI_PROVIDER"] == "efa"
    assert "NCCL_IB_DISABLE" not in env


def test_the_specs_own_variables_win() -> None:
    env = pod_of(made(training(env={"FI_PROVIDER": "tcp"})))["containers"][0]["env"]
    assert [each["value"] for each in env if each["name"] == "FI_PROVIDER"] == ["tcp"]


@pytest.mark.parametrize("fields", [{"nodes": 1}, {"pool": "whole", "gpus_per_node": 1}])
def test_a_training_that_needs_no_fabric_stays_restricted(fields: dict[str, Any]) -> None:
    recorded = made(training(**fields))
    assert recorded.one("Job").inputs["metadata"]["namespace"] == "lab"
    container = pod_of(recorded)["containers"][0]
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert "vpc.amazonaws.com/efa" not in container["resources"]["requests"]
    assert {"name": "NCCL_IB_DISABLE", "value": "1"} in container["env"]


def test_where_memory_may_be_locked_the_fabric_needs_no_companion() -> None:
    recorded = run(program(training(), WorkspaceSpec(), without_locks()))
    assert recorded.one("Job").inputs["metadata"]["namespace"] == "lab"
    container = pod_of(recorded)["containers"][0]
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert container["resources"]["requests"]["vpc.amazonaws.com/efa"] == "32"


def test_without_a_companion_the_fabric_is_refused() -> None:
    message = (
        "pretrain.nodes: over several nodes of pool fabric, whose network locks memory, pods need IPC_LOCK, which pod "
        "security restricted refuses; give the workspace fabric: {}, which makes a companion namespace for such jobs, "
        "or use nodes: 1 or a pool without fabric"
    )
    assert said(training(), WorkspaceSpec()) == [message]


APART = "jobs on the fabric run in a namespace of their own, whose volumes nothing else mounts"


@pytest.mark.parametrize(
    ("fields", "messages"),
    [
        (
            {"user_id": 1000},
            [
                "pretrain.user_id: IPC_LOCK has an effect for root only, as whom pods on the fabric run; leave it out",
            ],
        ),
        (
            {"mounts": [MountSpec(path="/data", volume="data")]},
            ["pretrain.mounts[0].volume: 'data' is no volume of this workspace; add it under fabric.volumes"],
        ),
        (
            {"artifact": ArtifactSpec(volume="data", folder="a")},
            [f"pretrain.artifact: {APART}; write to an object store, or to a volume under fabric.volumes with mounts"],
        ),
        (
            {"model": ReadArtifactSpec(artifact="base")},
            [
                (
                    f"pretrain.model: {APART}; read it from an object store, or from a volume under fabric.volumes "
                    "that it is copied to"
                )
            ],
        ),
    ],
)
def test_what_cannot_work_in_the_companion_is_refused(fields: dict[str, Any], messages: list[str]) -> None:
    workspace = replace(WITH, volumes={"data": VolumeSpec(size_gib=1)})
    assert said(training(**fields), workspace) == messages


def test_what_is_refused_in_the_companion_is_not_elsewhere() -> None:
    workspace = replace(WITH, volumes={"data": VolumeSpec(size_gib=1)})
    near = training(nodes=1, user_id=1000, artifact=ArtifactSpec(volume="data", folder="a"))
    assert made(near, workspace).one("Job").inputs["metadata"]["namespace"] == "lab"


def test_a_share_of_the_fabric_must_be_whole() -> None:
    pool = GPU_POOLS["fabric"]
    assert pool.gpu
    four = replace(pool, gpu=replace(pool.gpu, fabric_resources={"vpc.amazonaws.com/efa": 4}))
    error = refused(program(training(gpus_per_node=1), WITH, four), "modelyard:batch:TrainingJob")
    why = "no whole number of the node's 4 vpc.amazonaws.com/efa goes with 1 of 8 GPUs"
    assert [str(each) for each in error.problems] == [f"pretrain.gpus_per_node: {why}; use 2, 4 or 8"]
    assert run(program(training(gpus_per_node=2), WITH, four)).one("Job")


def test_shared_volumes_of_the_companion_need_storage_for_that() -> None:
    spec = WorkspaceSpec(fabric=FabricSpec(volumes={"checkpoints": VolumeSpec(size_gib=1, shared=True)}))
    error = refused(lambda: Workspace("lab", bare_cluster(GPU_POOLS), spec), "modelyard:workspace:Workspace")
    assert str(error).startswith("lab.fabric.volumes.checkpoints.shared: the cluster has no shared storage class")


def test_shared_volumes_are_as_large_as_the_cluster_has_them() -> None:
    traits = ClusterTraits(shared_storage_class="filestore", shared_volume_gib_max=1024)

    def of(size_gib: float) -> Callable[[], Workspace]:
        volumes = {"checkpoints": VolumeSpec(size_gib=size_gib, shared=True)}
        spec = WorkspaceSpec(fabric=FabricSpec(volumes=volumes))
        return lambda: Workspace("lab", bare_cluster(GPU_POOLS, traits=traits), spec)

    error = refused(of(1025), "modelyard:workspace:Workspace")
    assert str(error).startswith("lab.fabric.volumes.checkpoints.size_gib: 1025 GiB are more than the 1024 of a shared")
    assert run(of(1024)).one("PersistentVolumeClaim")


def policies(spec: WorkspaceSpec) -> dict[str, Any]:
    recorded = run(lambda: Workspace("lab", bare_cluster(GPU_POOLS), spec))
    return {each.inputs["metadata"]["namespace"]: each.inputs["spec"] for each in recorded.of("NetworkPolicy")}


def from_namespace(name: str, *ports: str) -> dict[str, Any]:
    peer = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": name}}}
    return {"from": [peer], "ports": [{"port": port, "protocol": "TCP"} for port in ports]}


def test_pods_of_the_workspace_reach_its_services_alone() -> None:
    found = policies(WITH)
    assert from_namespace("lab", "http") in found["lab-fabric"]["ingress"]
    [way] = (each for each in found["lab"]["egress"] if "lab-fabric" in str(each))
    assert way == {"to": from_namespace("lab-fabric")["from"]}


def test_its_pods_do_not_reach_those_of_the_workspace() -> None:
    found = policies(WITH)
    assert "lab-fabric" not in str(found["lab"]["ingress"])
    assert "'lab'" not in str(found["lab-fabric"]["egress"])


def test_without_a_companion_there_is_no_way_to_one() -> None:
    assert "fabric" not in str(policies(WorkspaceSpec()))
