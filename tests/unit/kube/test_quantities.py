import pytest

from modelyard.kube.quantities import cpu_quantity, memory_quantity


@pytest.mark.parametrize(
    ("cpus", "quantity"), [(1, "1"), (1.5, "1500m"), (0.1, "100m"), (7.19, "7190m"), (96.0, "96"), (0.00001, "1m")]
)
def test_cpus_are_whole_or_thousandths(cpus: float, quantity: str) -> None:
    assert cpu_quantity(cpus) == quantity


@pytest.mark.parametrize(
    ("gib", "quantity"), [(1, "1Gi"), (0.5, "512Mi"), (2.25, "2304Mi"), (1024.0, "1024Gi"), (0.00001, "1Mi")]
)
def test_memory_is_whole_gib_or_mib(gib: float, quantity: str) -> None:
    assert memory_quantity(gib) == quantity
