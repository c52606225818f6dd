"""What pools can be depends on where nodes come from."""

from typing import Any

import pytest

from modelyard.cluster.eks.spec import EksSpec
from modelyard.cluster.node_source import NodeSource
from modelyard.cluster.spec import ClusterSpec, ExistingSpec, LocalSpec, PoolSpec, TaintSpec
from modelyard.gpu.spec import ReplicasSpec, SharingSpec

EKS = EksSpec(region="us-east-1", provisioner="karpenter", kubernetes_version="1.35")
EXISTING = ExistingSpec(context="on-prem")


def test_each_cluster_has_its_nodes() -> None:
    assert NodeSource.of(LocalSpec()) == NodeSource(kind="local", kubernetes_version="1.35")
    on_host = NodeSource(kind="local", kubernetes_version="1.35", is_this_machine=True)
    assert NodeSource.of(LocalSpec(engine="host")) == on_host
    assert NodeSource.of(EXISTING) == NodeSource(kind="existing")
    assert NodeSource.of(EKS) == NodeSource(kind="eks", provisioner="karpenter", kubernetes_version="1.35")


@pytest.mark.parametrize(
    ("cluster", "kind"),
    [
        (ClusterSpec(eks=EKS), "eks"),
        (ClusterSpec(existing=EXISTING), "existing"),
        (ClusterSpec(local=LocalSpec()), "local"),
        # It is refused elsewhere; what is wrong with its pools by themselves can be said all the same.
        (ClusterSpec(), "local"),
    ],
)
def test_a_stack_has_the_nodes_of_its_cluster(cluster: ClusterSpec, kind: str) -> None:
    assert NodeSource.of_stack(cluster).kind == kind


def test_the_image_follows_from_the_pool() -> None:
    source = NodeSource.of(EKS)
    assert source.image(PoolSpec(accelerator="l4")).name == "eks/karpenter/al2023"
    assert source.image(PoolSpec(accelerator="l4", node_image="bottlerocket")).name == "eks/karpenter/bottlerocket"
    assert NodeSource.of(EXISTING).image(PoolSpec(accelerator="l4")).name == "existing"


def test_problems_begin_with_the_name_of_the_pool() -> None:
    pools = {
        "claimed": PoolSpec(accelerator="l4", device_allocation="dra"),
        "fine": PoolSpec(accelerator="l4"),
        "flexible": PoolSpec(accelerator="l4", capacity="flex_start"),
    }
    assert [str(problem) for problem in NodeSource.of(EKS).pool_problems(pools)] == [
        (
            "claimed.device_allocation: Karpenter starts nodes for claims as an experiment only; leave "
            "device_allocation out, or use provisioner: cluster_autoscaler"
        ),
        (
            "flexible.capacity: EKS has no machines that queue until there is capacity; use {capacity_block: ID} or "
            "{reservation: ID}"
        ),
    ]
    assert list(NodeSource.of(LocalSpec()).pool_problems(pools)) == []
    assert list(NodeSource.of(EXISTING).pool_problems(pools)) == []


def on(cluster: LocalSpec | ExistingSpec | EksSpec, **settings: Any) -> list[str]:
    pools = {"l4": PoolSpec(accelerator="l4", **settings)}
    return [str(problem) for problem in NodeSource.of(cluster).pool_problems(pools)]


@pytest.mark.parametrize("cluster", [LocalSpec(), EKS])
def test_the_taint_that_accelerators_bring_is_not_written_again(cluster: LocalSpec | EksSpec) -> None:
    (problem,) = on(cluster, taints=[TaintSpec(key="team"), TaintSpec(key="nvidia.com/gpu", value="true")])
    assert problem.startswith("l4.taints[1]: nvidia.com/gpu with effect NoSchedule is the taint that the pool's acc")
    assert on(cluster, taints=[TaintSpec(key="nvidia.com/gpu", effect="NoExecute")]) == []


@pytest.mark.parametrize("cluster", [LocalSpec(), EKS])
@pytest.mark.parametrize("key", ["modelyard.dev/pool", "modelyard.dev/accelerator", "pool.modelyard.dev/l4"])
def test_our_labels_are_ours(cluster: LocalSpec | EksSpec, key: str) -> None:
    (problem,) = on(cluster, node_labels={"team": "ml", key: "x"})
    assert problem == (
        f"l4.node_labels.{key}: labels of modelyard.dev are for modelyard to set on nodes of this pool; leave it out, "
        "or use a domain of yours"
    )
    assert on(cluster, node_labels={"notmodelyard.dev/pool": "x"}) == []


def test_labels_that_a_pools_sharing_sets_are_not_written_again() -> None:
    labels = {"nvidia.com/device-plugin.config": "mine"}
    (problem,) = on(EKS, node_labels=labels, sharing=SharingSpec(time_slicing=ReplicasSpec(replicas=4)))
    assert problem.startswith("l4.node_labels.nvidia.com/device-plugin.config: nvidia.com/device-plugin.config is for")
    assert on(EKS, node_labels=labels) == [], "whole GPUs have no such label from us"


def test_nodes_that_exist_are_described_as_they_are() -> None:
    labels = {"modelyard.dev/pool": "gpus", "nvidia.com/device-plugin.config": "mine"}
    assert on(EXISTING, node_labels=labels, taints=[TaintSpec(key="nvidia.com/gpu", value="true")]) == []
