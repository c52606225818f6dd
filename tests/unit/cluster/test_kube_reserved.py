"""What clusters keep of a node, by the figures that the clouds publish."""

import pytest

from modelyard.cluster.kube_reserved import USUAL, kube_reserved
from modelyard.cluster.node_source import NodeSource
from modelyard.cluster.pools import resolve_pool
from modelyard.cluster.spec import PoolSpec

AKS = kube_reserved("azure")


@pytest.mark.parametrize(
    ("cores", "kept_millicores"), [(1, 60), (2, 100), (4, 140), (8, 180), (16, 260), (32, 420), (64, 740)]
)
def test_aks_keeps_as_many_cpus_as_its_page_says(cores: int, kept_millicores: int) -> None:
    assert cores - AKS.allocatable_cpus(cores) == pytest.approx(kept_millicores / 1000)


@pytest.mark.parametrize("cloud", ["aws", "gcp", None])
@pytest.mark.parametrize(("cores", "kept_millicores"), [(1, 60), (2, 70), (4, 80), (8, 90), (16, 110), (96, 310)])
def test_the_others_keep_less(cloud: str | None, cores: int, kept_millicores: int) -> None:
    assert cores - kube_reserved(cloud).allocatable_cpus(cores) == pytest.approx(kept_millicores / 1000)


@pytest.mark.parametrize(
    ("memory_gib", "usual", "aks"),
    [
        (4, 4 * 0.75 - 0.1, 4 * 0.75 - 0.1),
        (8, 8 - 1.8 - 0.1, 8 - 2 - 0.1),
        (10, 10 - 2.0 - 0.1, 10 - 2250 / 1024 - 0.1),
        (16, 16 - 2.6 - 0.1, 16 - 2.6 - 0.1),
        (440, 440 - 9.32 - 6.24 - 0.1, 440 - 9.32 - 6.24 - 0.1),
    ],
)
def test_aks_keeps_more_of_small_machines_memory(memory_gib: float, usual: float, aks: float) -> None:
    assert USUAL.allocatable_memory_gib(memory_gib) == pytest.approx(usual, abs=0.001)
    assert AKS.allocatable_memory_gib(memory_gib) == pytest.approx(aks, abs=0.001)


def test_what_fits_a_node_is_what_its_own_cluster_leaves() -> None:
    pool = PoolSpec(cpus=8, memory_gib=32)
    aks = resolve_pool("cpu", pool, source=NodeSource(kind="aks", provisioner="cluster_autoscaler"))
    gke = resolve_pool("cpu", pool, source=NodeSource(kind="gke", provisioner="cluster_autoscaler"))
    assert list(gke.problems(gpus=0, cpus=7.9, memory_gib=None)) == []
    (found,) = aks.problems(gpus=0, cpus=7.9, memory_gib=None)
    assert str(found) == (
        "cpus: 7.9 does not fit on a node of pool cpu, which has 7.82 for pods; "
        "use at most 7.82, or a pool of larger nodes"
    )
    assert list(aks.problems(gpus=0, cpus=7.82, memory_gib=None)) == []
