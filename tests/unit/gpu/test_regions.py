"""What regions have: the table agrees with itself and with the machine types."""

import pytest

from modelyard.gpu.machine_types import machine_types
from modelyard.gpu.regions import regions_of

CLOUDS = ("aws", "azure", "gcp")


@pytest.mark.parametrize("cloud", CLOUDS)
def test_every_region_of_a_machine_is_one_that_is_known(cloud: str) -> None:
    regions = regions_of(cloud)
    known = set[str]().union(*regions.parts)
    assert sum(map(len, regions.parts)) == len(known)
    for name, of_machine in regions.of_machine.items():
        assert of_machine <= known, name
        assert of_machine, name


@pytest.mark.parametrize("cloud", CLOUDS)
def test_the_table_has_every_machine_with_accelerators_that_can_be_had_somewhere(cloud: str) -> None:
    asked = {each.name for each in machine_types().values() if each.cloud == cloud and each.accelerator}
    missing = asked - set(regions_of(cloud).of_machine)
    assert missing == ({"p3.2xlarge", "p3.8xlarge", "p3.16xlarge"} if cloud == "aws" else set())
    assert not set(regions_of(cloud).of_machine) - asked


def test_a_known_region_lacks_what_is_not_listed() -> None:
    assert regions_of("aws").lacks("eu-west-1", "g6.xlarge")
    assert not regions_of("aws").lacks("eu-west-2", "g6.xlarge")


def test_nothing_is_known_of_new_regions_and_machines() -> None:
    aws = regions_of("aws")
    assert not aws.lacks("eu-west-9", "g6.xlarge")
    assert not aws.lacks("us-gov-west-1", "g6.xlarge")
    assert not aws.lacks("eu-west-1", "g9.xlarge")
    assert not aws.lacks("eu-west-1", "p3.2xlarge")


def test_regions_of_the_same_part_of_the_world_come_first() -> None:
    assert regions_of("aws").nearest("us-east-1", "p5e.48xlarge") == [
        "us-east-2",
        "us-west-2",
        "sa-east-1",
        "ap-southeast-2",
        "ap-southeast-3",
        "eu-north-1",
        "eu-west-2",
    ]
    nearest = regions_of("azure").nearest("germanynorth", "Standard_ND96asr_v4")
    assert nearest == ["italynorth", "westeurope", "eastus", "southcentralus", "westus2"]
