"""What pods get on pools of GKE and AKS: networks that are claimed or shared, slices of TPUs, nodes that queue."""

from typing import Any

import pytest

from modelyard.batch.spec import BatchJobSpec, TrainingJobSpec
from modelyard.batch.training_job import TrainingJob
from modelyard.cluster.pools import Pool, resolve_pool
from modelyard.cluster.spec import PoolSpec
from modelyard.gpu.fabric import FabricClaim
from modelyard.gpu.spec import ReservationSpec
from modelyard.spec import validate
from modelyard.workspace.place import Place
from modelyard.workspace.spec import FabricSpec, WorkspaceSpec
from modelyard.workspace.workspace import Workspace
from tests.support.clusters import bare_cluster
from tests.support.gpu_pools import AKS_POOLS, GKE_POOLS, gke_pool
from tests.support.mocks import Recorded, run

POOLS = {**GKE_POOLS, **AKS_POOLS}
QUEUED = gke_pool("queued", accelerator="l4", capacity="queued")


def training(**fields: Any) -> TrainingJobSpec:
    given: dict[str, Any] = {"nodes": 2, "gpus_per_node": 8, "image": "registry.example.org/train:1"}
    return TrainingJobSpec(**{**given, **fields})


def made(spec: TrainingJobSpec) -> Recorded:
    workspace = WorkspaceSpec(fabric=FabricSpec())
    return run(lambda: TrainingJob("pretrain", Workspace("lab", bare_cluster(POOLS), workspace), spec))


def pod_of(recorded: Recorded) -> dict[str, Any]:
    return recorded.one("Job").inputs["spec"]["template"]["spec"]


def said(spec: TrainingJobSpec | BatchJobSpec, pool: Pool) -> list[str]:
    return [str(problem) for problem in validate(spec).problems_on(Place(pools={pool.name: pool}))]


def test_networks_of_gke_are_claimed_beside_whole_gpus() -> None:
    recorded = made(training(pool="g-fabric"))
    template = recorded.one("ResourceClaimTemplate")
    (request,) = template.inputs["spec"]["spec"]["devices"]["requests"]
    exactly = {"deviceClassName": "mrdma.google.com", "allocationMode": "ExactCount", "count": 8}
    assert (request["name"], request["exactly"]) == ("fabric", exactly)
    assert template.inputs["metadata"]["namespace"] == "lab-fabric"
    pod = pod_of(recorded)
    (container,) = pod["containers"]
    assert container["resources"]["claims"] == [{"name": "fabric"}]
    assert container["resources"]["limits"]["nvidia.com/gpu"] == "8"
    assert [each["name"] for each in pod["resourceClaims"]] == ["fabric"]
    assert container["securityContext"]["capabilities"]["add"] == ["IPC_LOCK"]


def test_a_pod_on_gkes_networks_sees_the_nodes_libraries() -> None:
    pod = pod_of(made(training(pool="g-fabric")))
    (container,) = pod["containers"]
    mounts = {each["name"]: each for each in container["volumeMounts"]}
    folders = {mounts[each["name"]]["mountPath"]: each["hostPath"] for each in pod["volumes"] if each.get("hostPath")}
    assert folders == {
        "/usr/local/gib": {"path": "/home/kubernetes/bin/gib", "type": "Directory"},
        "/usr/local/nvidia": {"path": "/home/kubernetes/bin/nvidia", "type": "Directory"},
    }
    assert all(mounts[each["name"]]["readOnly"] for each in pod["volumes"] if each.get("hostPath"))
    env = {each["name"]: each.get("value") for each in container["env"]}
    assert env["NCCL_NET"] == "gIB"
    assert "NCCL_IB_DISABLE" not in env


def test_on_one_node_nothing_of_the_network_is_asked_for() -> None:
    recorded = made(training(pool="g-fabric", nodes=1))
    assert recorded.of("ResourceClaimTemplate") == []
    pod = pod_of(recorded)
    assert not [each for each in pod["volumes"] if each.get("hostPath")]
    assert recorded.one("Job").inputs["metadata"]["namespace"] == "lab"


def test_infiniband_is_one_resource_for_all_devices() -> None:
    recorded = made(training(pool="a-fabric", gpus_per_node=4))
    (container,) = pod_of(recorded)["containers"]
    assert container["resources"]["limits"]["rdma/ib"] == "1"
    assert recorded.of("ResourceClaimTemplate") == []
    assert container["securityContext"]["capabilities"]["add"] == ["IPC_LOCK"]


def test_a_share_of_the_gpus_claims_its_share_of_the_network() -> None:
    needs = training(pool="g-fabric", gpus_per_node=4).resources_on(POOLS["g-fabric"])
    assert needs.fabric_claim == FabricClaim(device_class="mrdma.google.com", count=4)
    assert (needs.fabric, needs.is_on_fabric, needs.has_claims) == ({}, True, True)
    alone = BatchJobSpec(pool="g-fabric", gpus=4, image="i:1").resources_on(POOLS["g-fabric"])
    assert (alone.fabric_claim, alone.is_on_fabric, alone.has_claims) == (None, False, False)


def test_pods_of_a_slice_are_found_by_gke() -> None:
    recorded = made(training(pool="g-tpu", nodes=4, gpus_per_node=4))
    job = recorded.one("Job").inputs["spec"]
    assert (job["completionMode"], job["completions"], job["parallelism"]) == ("Indexed", 4, 4)
    pod = pod_of(recorded)
    assert pod["subdomain"] == "pretrain"
    assert pod["nodeSelector"] == {
        "modelyard.dev/pool": "g-tpu",
        "cloud.google.com/gke-tpu-accelerator": "tpu-v6e-slice",
        "cloud.google.com/gke-tpu-topology": "4x4",
    }
    assert [each["key"] for each in pod["tolerations"]] == ["google.com/tpu"]
    (container,) = pod["containers"]
    assert container["resources"]["limits"]["google.com/tpu"] == "4"
    assert "NCCL_IB_DISABLE" not in {each["name"] for each in container["env"]}


@pytest.mark.parametrize(
    ("spec", "near", "line"),
    [
        (
            training(pool="g-tpu", nodes=2, gpus_per_node=4),
            training(pool="g-tpu", nodes=4, gpus_per_node=4),
            "nodes: 2 are not the 4 nodes of a slice of pool g-tpu; use 4",
        ),
        (
            BatchJobSpec(pool="g-tpu", gpus=4, image="i:1"),
            training(pool="g-tpu", nodes=4, gpus_per_node=4),
            (
                "pool: a slice of pool g-tpu has 4 nodes, all of which have to be used together; use a training job "
                "over all of them, or a pool of smaller slices"
            ),
        ),
        (
            training(pool="g-tpu", nodes=4, gpus_per_node=2),
            training(pool="g-tpu", nodes=4, gpus_per_node=4),
            (
                "gpus_per_node: pods have all TPU chips of a node, and nodes of pool g-tpu have 4; use 4, or a pool of "
                "smaller machines"
            ),
        ),
    ],
)
def test_a_slice_is_used_as_a_whole(spec: TrainingJobSpec | BatchJobSpec, near: TrainingJobSpec, line: str) -> None:
    assert said(spec, POOLS["g-tpu"]) == [line]
    assert said(near, POOLS["g-tpu"]) == []


def test_a_slice_of_one_machine_is_for_any_workload() -> None:
    one = gke_pool("one", accelerator="tpu-v6e", gpus_per_node=8)
    assert said(BatchJobSpec(pool="one", gpus=8, image="i:1"), one) == []


def test_nodes_that_queue_are_not_for_pods_that_wait() -> None:
    job = BatchJobSpec(pool="queued", gpus=1, image="i:1")
    assert said(job, QUEUED) == [
        (
            "pool: nodes of pool queued come for a ProvisioningRequest only, which is made for jobs in a queue; "
            "use a job with a queue that has this pool, or a pool with capacity: flex_start"
        )
    ]
    assert said(job, gke_pool("queued", accelerator="l4", capacity="flex_start")) == []
    # Simulated nodes are there, whatever the capacity.
    assert said(job, resolve_pool("queued", PoolSpec(accelerator="l4", capacity="queued"))) == []


@pytest.mark.parametrize(("capacity", "label"), [("flex_start", "flex-start"), ("spot", None), ("on_demand", None)])
def test_pods_whose_machines_come_when_there_are_some_say_so(capacity: str, label: str | None) -> None:
    pool = gke_pool("late", accelerator="l4", capacity=capacity)
    spec = training(pool="late", nodes=1, gpus_per_node=1)
    recorded = run(lambda: TrainingJob("tune", Workspace("lab", bare_cluster({"late": pool}), WorkspaceSpec()), spec))
    labels = recorded.one("Job").inputs["spec"]["template"]["metadata"]["labels"]
    assert labels.get("modelyard.dev/capacity") == label


def test_only_what_has_no_place_yet_is_put_close_together() -> None:
    assert gke_pool("close", accelerator="l4", placement="compact").needs_placement
    assert POOLS["g-fabric"].needs_placement
    assert not POOLS["g-whole"].needs_placement
    # GKE puts the nodes of a slice together by its topology.
    assert not POOLS["g-tpu"].needs_placement
    held = ReservationSpec(reservation="l4s")
    assert not gke_pool("held", accelerator="l4", placement="compact", capacity=held).needs_placement
