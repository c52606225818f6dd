"""Where a model can come from: what is refused, by itself and at its place, and how its folder is called."""

from dataclasses import replace

import pytest

from modelyard.cluster.node_source import NodeSource
from modelyard.cluster.pools import resolve_pool
from modelyard.cluster.spec import LocalSpec, PoolSpec
from modelyard.serving.model_files import (
    CACHE_FOLDER,
    cached_folder,
    fetch_seconds,
    files_folder,
    fill_seconds,
    fill_spec,
)
from modelyard.serving.model_source_spec import MlflowModelSpec, ModelCacheSpec
from modelyard.serving.model_spec import ModelSpec
from modelyard.serving.spec import ModelServiceSpec
from modelyard.workspace.place import Place
from tests.support.clusters import POOLS
from tests.support.problems import said_of
from tests.unit.serving.test_spec import OWN, VLLM

CACHE = ModelCacheSpec(volume="kept")
HUB = ModelSpec(huggingface="Qwen/Qwen3-8B", revision="9c925d64")
CACHED = replace(HUB, cache=CACHE)
REGISTRY = MlflowModelSpec(tracking_uri="https://mlflow.example.org", model="fraud", version=3)
STORE = ModelSpec(object_store="weights", folder="fraud/3")
ALL_POOLS = {
    **POOLS,
    "one": resolve_pool("one", PoolSpec(cpus=16, memory_gib=64, max_nodes=1)),
    "small": resolve_pool("small", PoolSpec(cpus=1, memory_gib=4, max_nodes=2)),
    "old": resolve_pool(
        "old",
        PoolSpec(cpus=16, memory_gib=64),
        source=NodeSource(kind="eks", kubernetes_version="1.34", provisioner="karpenter"),
    ),
    "new": resolve_pool(
        "new",
        PoolSpec(cpus=16, memory_gib=64),
        source=NodeSource(kind="eks", kubernetes_version="1.35", provisioner="karpenter"),
    ),
}
PLACE = Place(
    pools=ALL_POOLS,
    secrets=["token"],
    volumes=["kept", "single"],
    object_stores=["weights"],
    unshared_volumes=["single"],
    volume_sizes_gib={"kept": 100, "single": 100},
)


def service(model: ModelSpec, pool: str = "system") -> ModelServiceSpec:
    return replace(OWN, model=model, pool=pool)


def problems(spec: ModelServiceSpec) -> list[tuple[str, str]]:
    return said_of(spec, PLACE)


@pytest.mark.parametrize(
    "near",
    [
        service(HUB),
        service(ModelSpec(object_store="weights")),
        service(STORE),
        service(ModelSpec(uri="s3://models/qwen/7b")),
        service(ModelSpec(uri="gs://models.example.org/a")),
        service(ModelSpec(uri="https://models.blob.core.windows.net/objects/qwen/7b")),
        service(ModelSpec(mlflow=REGISTRY, token_secret="token")),
        service(ModelSpec(mlflow=replace(REGISTRY, version=None, alias="champion"))),
        service(ModelSpec(mlflow=replace(REGISTRY, tracking_uri="http://mlflow.mlops.svc:5000"))),
        service(ModelSpec(oci_image="registry.example.org/models/fraud:3", folder="a"), "new"),
        service(CACHED),
        service(replace(CACHED, revision="0" * 40, size_gib=100)),
        service(replace(STORE, cache=CACHE)),
        service(ModelSpec(mlflow=REGISTRY, cache=CACHE)),
        service(replace(HUB, cache=ModelCacheSpec(volume="single")), "one"),
        service(replace(HUB, cache=ModelCacheSpec(volume="kept", pool="one"))),
        replace(VLLM, model=CACHED),
        replace(VLLM, model=replace(HUB, cache=ModelCacheSpec(volume="kept", pool="l4"))),
    ],
)
def test_what_can_be_had_is_accepted(near: ModelServiceSpec) -> None:
    assert problems(near) == []


@pytest.mark.parametrize(
    ("model", "path", "message"),
    [
        (
            ModelSpec(),
            "model",
            "nothing is chosen; give exactly one of huggingface, object_store, uri, mlflow, artifact",
        ),
        (replace(HUB, uri="s3://models/a"), "model", "huggingface and uri exclude each other"),
        (ModelSpec(uri="s3://models"), "model.uri", "is no folder of an object store; write s3://BUCKET/FOLDER"),
        (ModelSpec(uri="s3://models/a/../b"), "model.uri", "is no folder of an object store"),
        (ModelSpec(uri="https://example.org/a/b"), "model.uri", "is no folder of an object store"),
        (ModelSpec(mlflow=replace(REGISTRY, version=None)), "model.mlflow", "give exactly one of version, alias"),
        (ModelSpec(mlflow=replace(REGISTRY, alias="a")), "model.mlflow", "version and alias exclude each other"),
        (ModelSpec(mlflow=replace(REGISTRY, model="a/b")), "model.mlflow.model", "is no name in a model registry"),
        (ModelSpec(mlflow=replace(REGISTRY, tracking_uri="mlflow")), "model.mlflow.tracking_uri", "https://mlflow"),
        (ModelSpec(oci_image="models/fraud"), "model.oci_image", "has no tag, which means latest"),
        (
            ModelSpec(uri="s3://models/a", token_secret="token"),
            "model.token_secret",
            "has a meaning with huggingface and mlflow only; leave it out",
        ),
        (replace(HUB, folder="a"), "model.folder", "has a meaning with volume, object_store and oci_image only"),
        (
            ModelSpec(volume="kept", cache=CACHE),
            "model.cache",
            "has a meaning with huggingface, object_store, uri and mlflow only",
        ),
        (
            replace(CACHED, revision=None),
            "model.revision",
            "is missing, and a cache keeps the files that it has; name a",
        ),
        (replace(CACHED, revision="main"), "model.revision", "'main' can become another commit, and a cache keeps"),
        (replace(CACHED, revision="a09a35"), "model.revision", "can become another commit"),
        (
            ModelSpec(mlflow=replace(REGISTRY, version=None, alias="champion"), cache=CACHE),
            "model.mlflow.alias",
            "'champion' can become another version, and a cache keeps the files that it has; name a version",
        ),
        (replace(CACHED, cache=ModelCacheSpec(volume="kept", timeout_seconds=0)), "model.cache.timeout_seconds", "1"),
        (
            ModelSpec(object_store="lost"),
            "model.object_store",
            "'lost' is no object store of this workspace; use one of",
        ),
        (replace(HUB, token_secret="lost"), "model.token_secret", "'lost' is no secret of this workspace"),
        (replace(HUB, cache=ModelCacheSpec(volume="lost")), "model.cache.volume", "'lost' is no volume of this"),
        (replace(HUB, cache=ModelCacheSpec(volume="kept", pool="lost")), "model.cache.pool", "'lost' is not a pool"),
        (
            replace(HUB, cache=ModelCacheSpec(volume="kept", pool="l4")),
            "model.cache.pool",
            "pool l4 has accelerators, is",
        ),
        (
            replace(HUB, cache=ModelCacheSpec(volume="kept", pool="small")),
            "model.cache.pool",
            "too little room on a node",
        ),
        (
            replace(CACHED, size_gib=101),
            "model.cache.volume",
            "volume kept has 100 GiB, and the model 101; raise the volume's size_gib, or name a larger one",
        ),
    ],
)
def test_what_cannot_be_had_is_refused(model: ModelSpec, path: str, message: str) -> None:
    found = problems(service(model))
    assert [where for where, _ in found] == [path]
    assert message in found[0][1]


class TestVolumesOfOneNode:
    """The Job that fills such a volume waits for ever on another node than pods that read it."""

    @pytest.mark.parametrize(
        "spec",
        [
            service(replace(HUB, cache=ModelCacheSpec(volume="single"))),
            service(replace(HUB, cache=ModelCacheSpec(volume="single", pool="system")), "one"),
        ],
    )
    def test_another_node_is_refused(self, spec: ModelServiceSpec) -> None:
        (path, message) = problems(replace(spec, surge=0))[0]
        assert path == "model.cache.volume"
        assert "volume single can be on one node at a time, and the Job that fills it" in message
        assert "set shared: true on volume single" in message


class TestImageVolumes:
    IMAGE = ModelSpec(oci_image="registry.example.org/models/fraud:3")

    def test_before_kubernetes_has_them_switched_on_they_are_refused(self) -> None:
        ((path, message),) = problems(service(self.IMAGE, "old"))
        assert path == "model.oci_image"
        assert "Kubernetes 1.34 has image volumes switched off; they are on since 1.35; download the model" in message

    def test_nobody_knows_the_version_of_a_cluster_that_exists(self) -> None:
        assert NodeSource(kind="existing").image_volumes_missing(has_accelerators=False) is None

    def test_on_this_machine_itself_they_are_refused(self) -> None:
        host, kind = (NodeSource.of(LocalSpec(engine=engine)) for engine in ("host", "kind"))
        pools = {
            "machine": resolve_pool("machine", PoolSpec(cpus=8, memory_gib=32), source=host),
            "node": resolve_pool("node", PoolSpec(cpus=8, memory_gib=32), source=kind),
            "l4": resolve_pool("l4", PoolSpec(accelerator="l4", max_nodes=2), source=host),
        }
        specs = {name: replace(service(self.IMAGE, name), gpus=int(name == "l4")) for name in pools}
        found = {name: list(spec.problems_on(Place(pools=pools))) for name, spec in specs.items()}
        (refused,) = found.pop("machine")
        assert refused.path == "model.oci_image"
        assert refused.why == "engine host runs the distribution's containerd, and image volumes need version 2.1"
        assert found == {"node": [], "l4": []}, "and not where nodes are a container's, or simulated"


class TestFolders:
    def test_it_is_readable_and_a_hash_tells_sources_and_revisions_apart(self) -> None:
        models = [
            HUB,
            replace(HUB, revision="9c925d65"),
            replace(HUB, huggingface="other/Qwen3-8B"),
            ModelSpec(uri="s3://a-b/Qwen3-8B"),
            ModelSpec(uri="gs://a-b/Qwen3-8B"),
            STORE,
            replace(STORE, folder="fraud/4"),
            replace(STORE, object_store="others"),
            ModelSpec(mlflow=REGISTRY),
            ModelSpec(mlflow=replace(REGISTRY, version=4)),
            ModelSpec(mlflow=replace(REGISTRY, tracking_uri="https://other.example.org")),
        ]
        folders = [files_folder(model) for model in models]
        assert len({*folders}) == len(models)
        assert [each.rpartition("-")[0] for each in folders] == [*["qwen3-8b"] * 5, "3", "4", "3", *["fraud"] * 3]

    def test_what_changes_nothing_of_the_files_is_not_in_it(self) -> None:
        same = replace(CACHED, size_gib=3, token_secret="token", cache=ModelCacheSpec(volume="single"))
        assert files_folder(same) == files_folder(HUB)

    def test_a_cache_may_be_named_by_its_volume_alone(self) -> None:
        short = replace(HUB, cache="kept")
        assert short.cached == CACHE
        assert service(short).volume_read == service(CACHED).volume_read
        assert not problems(service(short))
        assert [path for path, _ in problems(service(replace(HUB, cache="lost")))] == ["model.cache.volume"]

    def test_a_cached_model_lies_below_one_folder_of_the_volume(self) -> None:
        assert cached_folder(CACHED) == f"{CACHE_FOLDER}/{files_folder(HUB)}"
        assert service(CACHED).volume_read == ("kept", cached_folder(CACHED))


class TestWhoDownloads:
    @pytest.mark.parametrize(
        ("spec", "is_fetched"),
        [
            (replace(VLLM, model=HUB), False),
            (replace(VLLM, model=CACHED), True),
            (replace(VLLM, model=ModelSpec(uri="s3://models/a")), True),
            (service(HUB), True),
            (service(ModelSpec(volume="kept")), False),
            (service(ModelSpec(oci_image="a/b:1")), False),
            (OWN, False),
        ],
    )
    def test_servers_that_read_hugging_face_do_unless_there_is_a_cache(
        self, spec: ModelServiceSpec, is_fetched: bool
    ) -> None:
        assert spec.is_fetched is is_fetched

    def test_a_pod_has_time_for_what_it_downloads_itself(self) -> None:
        assert service(replace(HUB, size_gib=15)).fetch_seconds == 660
        assert service(HUB).fetch_seconds == 8100
        assert service(CACHED).fetch_seconds == 0
        assert replace(VLLM, model=HUB).fetch_seconds == 0

    def test_a_job_has_time_for_a_node_too(self) -> None:
        assert fill_seconds(CACHED) == 9000
        assert fill_seconds(replace(CACHED, size_gib=140)) == 900 + fetch_seconds(140) == 900 + 3180
        assert fill_seconds(replace(HUB, cache=ModelCacheSpec(volume="kept", timeout_seconds=77))) == 77


class TestPoolOfTheJob:
    def pool(self, spec: ModelServiceSpec, place: Place = PLACE) -> str:
        assert spec.model
        return fill_spec(spec, spec.model, place).pool

    def test_it_is_the_services_own_without_gpus(self) -> None:
        assert self.pool(service(CACHED, "one")) == "one"

    def test_it_is_the_first_with_room_and_without_gpus(self) -> None:
        assert self.pool(replace(VLLM, model=CACHED)) == "system"
        ordered = {name: ALL_POOLS[name] for name in ("l4", "small", "one", "system")}
        assert self.pool(replace(VLLM, model=CACHED), replace(PLACE, pools=ordered)) == "one"

    def test_it_is_the_services_own_where_there_is_no_other(self) -> None:
        only = replace(PLACE, pools={"l4": ALL_POOLS["l4"]})
        assert self.pool(replace(VLLM, model=CACHED), only) == "l4"
        assert fill_spec(replace(VLLM, model=CACHED), CACHED, only).gpus == 0

    def test_it_is_the_services_own_for_a_volume_of_one_node(self) -> None:
        single = replace(HUB, cache=ModelCacheSpec(volume="single"))
        assert self.pool(replace(VLLM, model=single)) == "l4"

    def test_simulated_nodes_are_served_by_simulated_nodes(self) -> None:
        pools = {**ALL_POOLS, "l4": replace(ALL_POOLS["l4"], runs_containers=False)}
        assert self.pool(replace(VLLM, model=CACHED), replace(PLACE, pools=pools)) == "l4"

    def test_it_can_be_named(self) -> None:
        named = replace(HUB, cache=ModelCacheSpec(volume="kept", pool="one"))
        assert self.pool(replace(VLLM, model=named)) == "one"
