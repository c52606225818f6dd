"""What the component registers: a cluster apart from its nodes, and a provider with a known identity."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from modelyard.cluster.base import Cluster
from modelyard.cluster.local.cluster import LocalCluster
from modelyard.cluster.local.engines.host.kubelet import node_size
from modelyard.cluster.spec import ImageBuildSpec, LocalSpec, PoolSpec
from tests.support.mocks import Recorded, refused, run

POOLS: Mapping[str, PoolSpec] = {
    "l4": PoolSpec(accelerator="l4", max_nodes=3, node_labels={"zone": "a"}),
    "system": PoolSpec(cpus=4, memory_gib=16, max_nodes=2),
    "batch": PoolSpec(cpus=8, memory_gib=32),
}


def make(spec: LocalSpec, pools: Mapping[str, PoolSpec] = POOLS, into: list[Cluster] | None = None) -> Recorded:
    def program() -> None:
        cluster = LocalCluster("local", spec, pools)
        if into is not None:
            into.append(cluster)

    return run(program)


def made(spec: LocalSpec, pools: Mapping[str, PoolSpec] = POOLS) -> Cluster:
    clusters: list[Cluster] = []
    make(spec, pools, clusters)
    return clusters[0]


def test_the_cluster_knows_name_engine_and_version_only() -> None:
    cluster = make(LocalSpec(engine="kwok")).one("dynamic/modelyard:LocalCluster")
    given = {key: value for key, value in cluster.inputs.items() if value is not None and key != "__provider"}
    assert sorted(given) == ["engine", "kubernetes_version", "name"]
    assert (given["engine"], given["kubernetes_version"]) == ("kwok", "1.35")


def test_a_change_of_pools_leaves_cluster_and_provider_alone() -> None:
    grown = {"system": PoolSpec(cpus=4, memory_gib=16, max_nodes=9)}
    before, after = make(LocalSpec(engine="kwok")), make(LocalSpec(engine="kwok"), grown)
    for type_ in ("dynamic/modelyard:LocalCluster", "pulumi:providers:kubernetes"):
        assert before.one(type_).inputs == after.one(type_).inputs


def test_each_pool_is_a_resource_of_its_own_after_the_cluster() -> None:
    recorded = make(LocalSpec(engine="kwok"))
    nodes = {each.name: each for each in recorded.of("dynamic/modelyard:LocalNodes")}
    assert sorted(nodes) == ["local-batch", "local-l4", "local-system"]
    cluster = recorded.one("dynamic/modelyard:LocalCluster")
    l4 = nodes["local-l4"]
    assert cluster.urn in l4.depends_on
    assert (l4.inputs["count"], l4.inputs["simulated"], l4.inputs["labels"]["zone"]) == (3, True, "a")
    assert l4.inputs["cluster"] == cluster.inputs["name"]
    assert "kubeconfig" not in l4.inputs


def test_the_provider_has_a_known_identity_and_forgets_what_a_lost_cluster_held() -> None:
    recorded = make(LocalSpec(engine="kwok"))
    provider = recorded.one("pulumi:providers:kubernetes")
    assert provider.inputs["clusterIdentifier"] == recorded.one("dynamic/modelyard:LocalCluster").inputs["name"]
    assert provider.inputs["deleteUnreachable"] in {True, "true"}
    assert "kubeconfig" in provider.secrets


def test_kwok_runs_no_container_and_says_what_it_lacks() -> None:
    cluster = made(LocalSpec(engine="kwok"))
    assert not any(pool.runs_containers for pool in cluster.pools.values())
    traits = cluster.traits
    assert (traits.charts_installed, traits.network_policy_enforced, traits.metrics_api_available) == (False,) * 3
    assert (traits.storage_class, traits.shared_storage_class) == ("standard", "standard")
    assert not traits.load_balancer_available
    assert [taint.key for taint in cluster.pools["system"].taints] == []


def test_kinds_real_node_is_the_first_pool_without_accelerators() -> None:
    clusters: list[Cluster] = []
    recorded = make(LocalSpec(engine="kind"), into=clusters)
    pools = clusters[0].pools
    assert {name: pool.runs_containers for name, pool in pools.items()} == {"l4": False, "system": True, "batch": False}
    assert list(pools) == list(POOLS), "in the order in which they are written"
    nodes = {each.name: each.inputs for each in recorded.of("dynamic/modelyard:LocalNodes")}
    assert (nodes["local-system"]["simulated"], nodes["local-system"]["count"]) == (False, 1)
    assert nodes["local-batch"]["simulated"]


def test_on_kind_real_pods_are_kept_off_simulated_nodes() -> None:
    pools = made(LocalSpec(engine="kind")).pools
    assert not any(pool.image_volumes_missing for pool in pools.values())
    assert [taint.key for taint in pools["batch"].taints] == ["kwok.x-k8s.io/node"]
    assert [taint.key for taint in pools["l4"].taints] == ["nvidia.com/gpu", "kwok.x-k8s.io/node"]
    assert pools["system"].taints == ()


def test_on_host_every_pool_without_accelerators_is_this_machine() -> None:
    clusters: list[Cluster] = []
    recorded = make(LocalSpec(engine="host"), into=clusters)
    pools = clusters[0].pools
    assert {name: pool.runs_containers for name, pool in pools.items()} == {"l4": False, "system": True, "batch": True}
    system = pools["system"]
    assert (system.cpus, system.memory_gib) == (POOLS["system"].cpus, POOLS["system"].memory_gib)
    assert system.node_selector == {"pool.modelyard.dev/system": "true"}
    assert (system.machine_type, system.taints) == (None, ())
    assert [taint.key for taint in pools["l4"].taints] == ["nvidia.com/gpu", "kwok.x-k8s.io/node"]
    nodes = {each.name: each.inputs for each in recorded.of("dynamic/modelyard:LocalNodes")}
    assert (nodes["local-batch"]["simulated"], nodes["local-batch"]["count"]) == (False, 1)
    assert nodes["local-batch"]["labels"] == {"pool.modelyard.dev/batch": "true"}
    assert [name for name, pool in pools.items() if pool.image_volumes_missing] == ["system", "batch"]


@pytest.mark.parametrize(("more_cpus", "warned"), [(0, False), (1, True)])
def test_on_host_a_pool_larger_than_this_machine_is_told(more_cpus: int, warned: bool) -> None:
    size = node_size()
    pool = PoolSpec(cpus=size.cpus + more_cpus, memory_gib=size.memory_gib)
    recorded = make(LocalSpec(engine="host"), {"system": pool})
    assert any("a node of pool system is to have" in message for message in recorded.messages) == warned


def test_host_says_what_holds_on_a_real_node() -> None:
    traits = made(LocalSpec(engine="host")).traits
    assert traits.metrics_api_available
    assert (traits.storage_class, traits.shared_storage_class) == ("standard", "standard")
    assert (traits.network_policy_enforced, traits.load_balancer_available, traits.charts_installed) == (False,) * 3


def test_kind_without_a_pool_for_its_node() -> None:
    pools = made(LocalSpec(engine="kind"), {"l4": PoolSpec(accelerator="l4")}).pools
    assert not pools["l4"].runs_containers


@pytest.mark.parametrize(
    ("spec", "installed"),
    [
        (LocalSpec(engine="kind"), True),
        (LocalSpec(engine="kwok", charts=True), True),
        (LocalSpec(engine="kind", charts=False), False),
    ],
)
def test_charts_as_the_spec_says(spec: LocalSpec, installed: bool) -> None:
    assert made(spec).traits.charts_installed is installed


def test_another_engine_is_another_cluster() -> None:
    assert made(LocalSpec(engine="kind")).cluster_name != made(LocalSpec(engine="kwok")).cluster_name


def test_the_choice_of_auto_is_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    recorded = make(LocalSpec())
    assert recorded.one("dynamic/modelyard:LocalCluster").inputs["engine"] == "kwok"
    assert any("engine kwok, as kind is not on PATH" in message for message in recorded.messages)


def test_a_bad_pool_is_refused_before_anything_is_registered() -> None:
    bad = {"l4": PoolSpec(accelerator="l4", min_nodes=3, max_nodes=1)}
    error = refused(lambda: LocalCluster("local", LocalSpec(engine="kwok"), bad), "modelyard:cluster:LocalCluster")
    assert str(error) == "pools.l4.min_nodes: 3 is above max_nodes 1; raise max_nodes"


def test_every_bad_pool_is_reported_at_once() -> None:
    bad = {name: PoolSpec(accelerator="l4", min_nodes=3, max_nodes=1) for name in ("a", "b")}
    error = refused(lambda: LocalCluster("local", LocalSpec(engine="kwok"), bad), "modelyard:cluster:LocalCluster")
    assert [problem.path for problem in error.problems] == ["pools.a.min_nodes", "pools.b.min_nodes"]


REPOSITORY = "registry.example.org/digits"


@pytest.fixture
def with_image(tmp_path: Path) -> Mapping[str, ImageBuildSpec]:
    """What builds an image."""
    (tmp_path / "Dockerfile").write_text("FROM debian:bookworm-slim\n", encoding="utf-8")
    return {REPOSITORY: ImageBuildSpec(context=str(tmp_path))}


def test_an_image_is_a_resource_after_the_cluster_and_before_what_runs_it(
    with_image: Mapping[str, ImageBuildSpec],
) -> None:
    clusters: list[Cluster] = []
    recorded = make(LocalSpec(engine="kind", images=with_image), into=clusters)
    image = recorded.one("dynamic/modelyard:LocalImage")
    assert image.name == f"local-{REPOSITORY}"
    assert recorded.one("dynamic/modelyard:LocalCluster").urn in image.depends_on
    assert clusters[0].traits.images == {REPOSITORY: image.inputs["reference"]}
    assert (len(clusters[0].ready), len(clusters[0].images)) == (len(POOLS), 1)


def test_simulated_nodes_need_no_image_and_the_reference_is_the_same(
    with_image: Mapping[str, ImageBuildSpec],
) -> None:
    clusters: list[Cluster] = []
    recorded = make(LocalSpec(engine="kwok", images=with_image), into=clusters)
    assert recorded.of("dynamic/modelyard:LocalImage") == []
    assert clusters[0].traits.images == made(LocalSpec(engine="kind", images=with_image)).traits.images


def test_an_image_without_its_context_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    spec = LocalSpec(engine="kwok", images={REPOSITORY: ImageBuildSpec(context=str(tmp_path / "gone"))})
    error = refused(lambda: LocalCluster("local", spec, POOLS), "modelyard:cluster:LocalCluster")
    assert [problem.path for problem in error.problems] == [f"cluster.local.images.{REPOSITORY}.context"]
