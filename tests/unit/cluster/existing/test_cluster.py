"""A cluster that exists: a provider for its named context, and nothing on it."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from modelyard.cluster.base import Cluster
from modelyard.cluster.existing.cluster import ExistingCluster
from modelyard.cluster.spec import ExistingSpec, PoolSpec
from tests.support.mocks import Recorded, refused, run

SPEC = ExistingSpec(context="on-prem", storage_class="ceph-rbd", shared_storage_class="cephfs", metrics_api=False)
POOLS: Mapping[str, PoolSpec] = {
    "l4": PoolSpec(accelerator="l4", node_labels={"gpu": "l4"}),
    "system": PoolSpec(cpus=4, memory_gib=16),
}


def make(spec: ExistingSpec = SPEC, pools: Mapping[str, PoolSpec] = POOLS) -> tuple[Cluster, Recorded]:
    clusters: list[Cluster] = []
    recorded = run(lambda: clusters.append(ExistingCluster("main", spec, pools)))
    return clusters[0], recorded


def test_only_a_provider_is_made() -> None:
    _, recorded = make()
    assert [each.type for each in recorded.registrations] == [
        "modelyard:cluster:ExistingCluster",
        "pulumi:providers:kubernetes",
    ]


def test_the_provider_takes_the_named_context_of_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ada")
    _, recorded = make()
    provider = recorded.one("pulumi:providers:kubernetes")
    assert provider.inputs["context"] == provider.inputs["clusterIdentifier"] == "on-prem"
    assert provider.inputs["kubeconfig"] == "/home/ada/.kube/config"
    assert "deleteUnreachable" not in provider.inputs, "what cannot be reached is not forgotten"


def test_credentials_stay_in_the_file(tmp_path: Path) -> None:
    file = tmp_path / "config"
    file.write_text("token: horse battery", encoding="utf-8")
    cluster, recorded = make(ExistingSpec(context="c", kubeconfig=str(file)))
    assert "horse battery" not in repr(recorded)
    assert cluster.kubeconfig


def test_traits_are_what_the_spec_says() -> None:
    traits = make()[0].traits
    assert (traits.storage_class, traits.shared_storage_class) == ("ceph-rbd", "cephfs")
    assert not traits.metrics_api_available
    assert traits.load_balancer_available
    assert traits.charts_installed


def test_pools_are_found_by_their_labels_or_by_ours() -> None:
    pools = make()[0].pools
    assert pools["l4"].node_selector == {"gpu": "l4"}
    assert pools["system"].node_selector == {"modelyard.dev/pool": "system"}
    assert all(pool.runs_containers for pool in pools.values())


def test_an_empty_context_is_refused() -> None:
    error = refused(lambda: ExistingCluster("main", ExistingSpec(context=" "), {}), "modelyard:cluster:ExistingCluster")
    assert [problem.path for problem in error.problems] == ["cluster.existing.context"]


def test_a_bad_pool_is_refused() -> None:
    error = refused(lambda: ExistingCluster("main", SPEC, {"x": PoolSpec()}), "modelyard:cluster:ExistingCluster")
    assert [problem.path for problem in error.problems] == ["pools.x"]


def test_a_pool_that_cannot_be_on_nodes_that_exist_is_refused() -> None:
    pools = {"l4": PoolSpec(accelerator="l4", node_image="bottlerocket"), "fine": PoolSpec(accelerator="l4")}
    error = refused(lambda: ExistingCluster("main", SPEC, pools), "modelyard:cluster:ExistingCluster")
    assert [str(problem) for problem in error.problems] == [
        "pools.l4.node_image: 'bottlerocket' cannot be had: nodes that exist have their system; leave it out"
    ]
