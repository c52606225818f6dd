"""Accelerators that the cluster's region does not have are refused, with the regions that have them."""

import subprocess
import sys
from dataclasses import replace

import pytest

from modelyard.cluster.region_rules import region_problems
from modelyard.cluster.spec import PoolSpec
from modelyard.gpu.spec import ReservationSpec

L4 = PoolSpec(accelerator="l4", max_nodes=4)
H200 = PoolSpec(accelerator="h200", gpus_per_node=8)


def problems(cloud: str, region: str, pool: PoolSpec) -> list[str]:
    return [str(each) for each in region_problems(cloud, region, pool)]


@pytest.mark.parametrize(
    ("cloud", "region", "pool", "lacks", "near"),
    [
        (
            "aws",
            "eu-west-1",
            L4,
            "accelerator: eu-west-1 has no g6.xlarge (1 l4)",
            "eu-west-2, eu-west-3, eu-central-1, eu-central-2, eu-north-1",
        ),
        (
            "gcp",
            "us-west2",
            replace(L4, capacity="spot"),
            "accelerator: us-west2 has no g2-standard-4 (1 l4)",
            "us-west1, us-west4, us-central1, us-east1, us-east4",
        ),
        (
            "gcp",
            "us-west2",
            PoolSpec(accelerator="tpu-v5e"),
            "accelerator: us-west2 has no ct5lp-hightpu-1t (1 tpu-v5e)",
            "us-west1, us-west4, us-central1, us-east1, us-east4",
        ),
        (
            "gcp",
            "us-west2",
            replace(H200, capacity=ReservationSpec(reservation="h200"), zones=["us-west2-a"]),
            "accelerator: us-west2 has no a3-ultragpu-8g (8 h200)",
            "us-west1, us-central1, us-east4, us-east5, us-south1",
        ),
        (
            "azure",
            "germanynorth",
            PoolSpec(machine_type="Standard_ND96isr_H100_v5"),
            "machine_type: germanynorth has no Standard_ND96isr_H100_v5 (8 h100)",
            "polandcentral, spaincentral, swedencentral, switzerlandnorth, uksouth",
        ),
    ],
)
def test_what_a_region_lacks_is_refused_with_the_nearest_that_have_it(
    cloud: str, region: str, pool: PoolSpec, lacks: str, near: str
) -> None:
    way_out = f"if {region} has it by now, describe it by machine_type, cpus and memory_gib"
    assert problems(cloud, region, pool) == [f"{lacks}; use a region like {near}; {way_out}"]


@pytest.mark.parametrize(
    ("cloud", "region", "pool"),
    [
        ("aws", "eu-west-2", L4),
        ("aws", "us-east-1", replace(L4, machine_types=["g6.2xlarge", "g6.4xlarge"])),
        ("gcp", "us-west1", replace(L4, capacity="spot")),
        ("gcp", "us-west1", PoolSpec(accelerator="tpu-v5e")),
        ("gcp", "us-west1", replace(H200, capacity=ReservationSpec(reservation="h200"), zones=["us-west1-a"])),
        ("azure", "polandcentral", PoolSpec(machine_type="Standard_ND96isr_H100_v5")),
    ],
)
def test_what_a_region_has_passes(cloud: str, region: str, pool: PoolSpec) -> None:
    assert problems(cloud, region, pool) == []


def test_another_machine_with_as_many_of_the_same_is_named_first() -> None:
    (found,) = problems("aws", "us-east-1", H200)
    assert "us-east-1 has no p5e.48xlarge (8 h200); use p5en.48xlarge, which it has, or a region like us-e" in found
    assert problems("aws", "us-east-1", replace(H200, machine_type="p5en.48xlarge")) == []


def test_every_further_machine_type_has_to_be_there() -> None:
    (found,) = problems("aws", "eu-west-1", PoolSpec(machine_type="g4dn.xlarge", machine_types=["g6.xlarge"]))
    assert found.startswith("machine_types[0]: eu-west-1 has no g6.xlarge (1 l4); use a region like eu-west-2")


def test_a_region_that_the_table_does_not_know_passes() -> None:
    assert problems("aws", "eu-west-7", L4) == []
    assert problems("azure", "newlandcentral", PoolSpec(accelerator="t4")) == []


def test_a_machine_that_is_described_by_the_pool_passes() -> None:
    named = PoolSpec(machine_type="g6.xlarge")
    (found,) = problems("aws", "eu-west-1", named)
    assert "describe it by machine_type, cpus and memory_gib" in found
    assert problems("aws", "eu-west-1", replace(named, cpus=4, memory_gib=16)) == []
    # Half of a description is none.
    assert problems("aws", "eu-west-1", replace(named, cpus=4)) == [found]


def test_machines_without_accelerators_are_not_looked_up() -> None:
    assert problems("aws", "eu-west-1", PoolSpec(machine_type="m7i.2xlarge")) == []


def test_the_table_is_read_for_accelerators_in_a_cloud_only() -> None:
    program = """
from modelyard.cluster.region_rules import region_problems
from modelyard.cluster.spec import PoolSpec
from modelyard.gpu.regions import regions_of

list(region_problems("aws", "eu-west-1", PoolSpec(machine_type="m7i.2xlarge")))
assert not regions_of.cache_info().currsize
list(region_problems("aws", "eu-west-1", PoolSpec(accelerator="l4")))
assert regions_of.cache_info().currsize == 1
"""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
