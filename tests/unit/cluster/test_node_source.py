"""What pools can be depends on where nodes come from."""

import pytest

from modelyard.cluster.eks.spec import EksSpec
from modelyard.cluster.node_source import NodeSource
from modelyard.cluster.spec import ClusterSpec, ExistingSpec, LocalSpec, PoolSpec

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
