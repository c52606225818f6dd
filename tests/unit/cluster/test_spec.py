"""A cluster and its pools: what is refused, and the near case that is not."""

from typing import Any

import pytest

from modelyard.cluster.spec import ClusterSpec, ExistingSpec, ImageBuildSpec, LocalSpec, PoolSpec, TaintSpec
from modelyard.errors import ConfigError
from modelyard.spec import load_json, validate


def refused(value: Any) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        validate(value)
    return [str(problem) for problem in caught.value.problems]


def test_a_cluster_is_exactly_one_block() -> None:
    assert validate(ClusterSpec(local=LocalSpec()))
    fix = "give exactly one of local, existing, eks, gke, aks"
    assert refused(ClusterSpec()) == [f"nothing is chosen; {fix}"]
    both = ClusterSpec(local=LocalSpec(), existing=ExistingSpec(context="a"))
    assert refused(both) == [f"local and existing exclude each other; {fix}"]


def test_an_existing_cluster_names_its_context() -> None:
    assert load_json(ClusterSpec, '{"existing": {"context": "on-prem"}}').existing == ExistingSpec(context="on-prem")
    with pytest.raises(ConfigError, match=r"existing\.context: is missing"):
        load_json(ClusterSpec, '{"existing": {}}')


def test_a_version_without_quotes_is_told_apart() -> None:
    assert load_json(LocalSpec, '{"kubernetes_version": "1.35"}')
    with pytest.raises(ConfigError, match=r'kubernetes_version: 1\.35 is not text; put it in quotes: "1\.35"'):
        load_json(LocalSpec, '{"kubernetes_version": 1.35}')
    assert refused(LocalSpec(kubernetes_version="1.2"))[0].startswith(
        "kubernetes_version: '1.2' is not a supported Kubernetes version; use one of"
    )


@pytest.mark.parametrize(
    "pool",
    [
        PoolSpec(accelerator="l4"),
        PoolSpec(accelerator="h100", gpus_per_node=8, max_nodes=4),
        PoolSpec(machine_type="m7i.4xlarge"),
        PoolSpec(machine_type="g6.12xlarge", accelerator="l4", gpus_per_node=4),
        PoolSpec(machine_type="brand.new", cpus=4, memory_gib=16),
        PoolSpec(machine_type="brand.new", cpus=4, memory_gib=16, accelerator="h200", gpus_per_node=3),
        PoolSpec(machine_type="brand.new", cpus=4, memory_gib=16, architecture="arm64", rdma_devices=2),
        PoolSpec(machine_type="m7g.large", architecture="arm64"),
        PoolSpec(machine_type="g6.8xlarge", rdma_devices=1),
        PoolSpec(accelerator="h100", cpus=20),
        PoolSpec(cpus=0.5, memory_gib=1),
        PoolSpec(cpus=4, memory_gib=16, min_nodes=3, max_nodes=3, taints=[TaintSpec(key="dedicated")]),
        PoolSpec(cpus=4, memory_gib=16, taints=[TaintSpec(key="a"), TaintSpec(key="a", effect="NoExecute")]),
    ],
)
def test_pools_that_can_be(pool: PoolSpec) -> None:
    assert validate(pool) == pool


@pytest.mark.parametrize(
    ("pool", "problem"),
    [
        (PoolSpec(), "has no size; give accelerator, machine_type, or cpus and memory_gib"),
        (PoolSpec(cpus=4), "has no size; give accelerator, machine_type, or cpus and memory_gib"),
        (PoolSpec(cpus=0, memory_gib=16), "cpus: 0 must be above 0; use a number above 0"),
        (PoolSpec(cpus=4, memory_gib=-1), "memory_gib: -1 must be above 0; use a number above 0"),
        (PoolSpec(cpus=4, memory_gib=16, max_nodes=0), "max_nodes: 0 is below 1; use 1 or more"),
        (PoolSpec(cpus=4, memory_gib=16, min_nodes=-1), "min_nodes: -1 is below 0; use 0 or more"),
        (PoolSpec(cpus=4, memory_gib=16, min_nodes=2), "min_nodes: 2 is above max_nodes 1; raise max_nodes"),
        (PoolSpec(cpus=4, memory_gib=16, taints=[TaintSpec(key="a", value="b"), TaintSpec(key="a", value="c")]),
         ("taints[1]: a with effect NoSchedule stands there twice, and a node has one of a key and effect; "
         "leave it out, or use another key")),
        (PoolSpec(cpus=4, memory_gib=16, gpus_per_node=1),
         "gpus_per_node: is given without an accelerator; add accelerator, or remove it"),
        (PoolSpec(machine_type="g6.xlarge", accelerator="h100"),
         "machine_type: g6.xlarge has l4, not h100; change machine_type or accelerator"),
        (PoolSpec(machine_type="m7i.4xlarge", accelerator="l4"),
         "machine_type: m7i.4xlarge has no accelerator, not l4; change machine_type or accelerator"),
        (PoolSpec(machine_type="g6.12xlarge", accelerator="l4", gpus_per_node=2),
         "gpus_per_node: g6.12xlarge has 4, not 2; leave it out or choose another machine_type"),
        (PoolSpec(machine_type="m7g.large", architecture="amd64"),
         "architecture: m7g.large is arm64, not amd64; leave it out or choose another machine_type"),
        (PoolSpec(machine_type="g6.8xlarge", rdma_devices=2),
         "rdma_devices: g6.8xlarge has 1, not 2; leave it out"),
        (PoolSpec(cpus=4, memory_gib=16, rdma_devices=2),
         ("rdma_devices: is for a machine type that is not in our table; "
         "add machine_type, or leave it out")),
        (PoolSpec(accelerator="h100", cpus=4000), ("no machine with 1 of h100 is as large, or of that architecture; "
         "ask for less, or describe one by machine_type, cpus and memory_gib")),
        (PoolSpec(machine_type="brand.new"), ("machine_type: 'brand.new' is not in our table; "
         "give its cpus and memory_gib (and accelerator, gpus_per_node) beside it")),
        (PoolSpec(accelerator="l4", gpus_per_node=3),
         "gpus_per_node: no machine has 3 of l4; use 1, 2, 4, 8, or give cpus and memory_gib"),
    ],
)  # fmt: skip
def test_pools_that_cannot_be(pool: PoolSpec, problem: str) -> None:
    assert refused(pool) == [problem]


def test_a_newer_machine_says_how_many_accelerators_it_has() -> None:
    described: dict[str, Any] = {"machine_type": "brand.new", "cpus": 4, "memory_gib": 16}
    assert refused(PoolSpec(**described, accelerator="h200")) == [
        "gpus_per_node: is missing, and 'brand.new' is not in our table; say how many of it the machine has"
    ]
    assert validate(PoolSpec(**described, accelerator="h200", gpus_per_node=1))


@pytest.mark.parametrize(
    ("written", "meant"), [("H100", "h100"), ("A100", "a100-40gb or a100-80gb"), ("trn1-trainium1", "trainium1")]
)
def test_an_accelerator_that_is_nearly_known_is_suggested(written: str, meant: str) -> None:
    (problem,) = refused(PoolSpec(accelerator=written))
    assert problem == f"accelerator: {written!r} is unknown; did you mean {meant}?"


def test_an_unknown_accelerator_lists_the_known() -> None:
    (problem,) = refused(PoolSpec(accelerator="l5"))
    assert problem.startswith("accelerator: 'l5' is unknown; use one of a10, a100-40gb")


@pytest.mark.parametrize(
    "labels",
    [{"team": "ml"}, {"example.org/team": ""}, {"a": "B_c.d-1"}, {"k" * 63: "v" * 63}],
)
def test_labels_that_kubernetes_accepts(labels: dict[str, str]) -> None:
    pool = PoolSpec(cpus=4, memory_gib=16, node_labels=labels)
    assert validate(pool) == pool


@pytest.mark.parametrize(
    ("labels", "problem"),
    [
        ({"my team": "ml"}, ("node_labels.my team: 'my team' is no key of a label; "
         "write one like team or example.org/team")),
        ({"/team": "ml"}, "node_labels./team: '/team' is no key of a label; write one like team or example.org/team"),
        ({"team": "-ml"}, ("node_labels.team: '-ml' is no value of a label; "
         "use up to 63 letters, digits, dots, dashes and underscores")),
        ({"team": "v" * 64}, (f"node_labels.team: '{'v' * 64}' is no value of a label; "
         "use up to 63 letters, digits, dots, dashes and underscores")),
    ],
)  # fmt: skip
def test_labels_that_it_refuses(labels: dict[str, str], problem: str) -> None:
    assert refused(PoolSpec(cpus=4, memory_gib=16, node_labels=labels)) == [problem]


def test_a_taint_keeps_to_the_same_syntax() -> None:
    assert validate(TaintSpec(key="example.org/dedicated", value="training"))
    assert refused(TaintSpec(key="dedi cated"))[0].startswith("key: 'dedi cated' is no key of a label")


@pytest.mark.parametrize("repository", ["registry.example.org/digits:1.0.0", "digits"])
def test_an_image_is_named_by_its_repository(repository: str) -> None:
    [problem] = refused(LocalSpec(images={repository: ImageBuildSpec(context=".")}))
    assert f"{repository!r} is no repository with its registry" in problem


@pytest.mark.parametrize("dockerfile", ["../Dockerfile", "/etc/Dockerfile", "a/../../b", ""])
def test_a_dockerfile_is_inside_its_context(dockerfile: str) -> None:
    assert validate(ImageBuildSpec(context=".", dockerfile="docker/Dockerfile"))
    assert "inside context" in refused(ImageBuildSpec(context=".", dockerfile=dockerfile))[0]
