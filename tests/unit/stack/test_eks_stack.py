"""A stack on EKS: what the stack asks of the cluster, and what waits for what across its parts."""

from typing import Any

import pytest

from modelyard.errors import ConfigError
from modelyard.stack.spec import load_stack
from tests.unit.cluster.registrations import named, waits_for
from tests.unit.stack.production import add_volume, made, prod


def test_production_waits_for_no_more_than_it_needs() -> None:
    recorded = made("eks")
    service = waits_for(recorded, named(recorded, "Deployment", "chat-assistant"))
    assert {"NodeGroup l4", "Addon coredns", "NodeGroup system"} <= service
    assert "NodeGroup h100" not in service
    assert not any("monitoring" in each for each in service)
    monitoring = waits_for(recorded, named(recorded, "Release", "monitoring"))
    assert "NodeGroup system" in monitoring
    assert not {"NodeGroup l4", "NodeGroup h100"} & monitoring
    (training,) = (each for each in recorded.of("batch/v1:Job") if "finetune" in each.name)
    assert "NodeGroup h100" in waits_for(recorded, training)
    assert "NodeGroup l4" not in waits_for(recorded, training)


def test_shared_volume_brings_a_file_system() -> None:
    assert not made("eks").of("FileSystem")
    recorded = made("eks", add_volume)
    assert recorded.one("FileSystem")
    volume = recorded.one("PersistentVolumeClaim")
    assert volume.inputs["spec"]["storageClassName"] == "efs"
    assert "StorageClass efs" in waits_for(recorded, volume)


def test_shared_volume_of_another_class_brings_none() -> None:
    def change(stack: dict[str, Any]) -> None:
        add_volume(stack)
        stack["workspaces"]["chat"]["volumes"]["models"]["storage_class"] = "lustre"

    assert not made("eks", change).of("FileSystem")


def test_charts_of_the_cluster_come_from_the_stacks_mirror() -> None:
    def change(stack: dict[str, Any]) -> None:
        stack["platform"] = {"charts": {"mirror": "oci://registry.example.org/charts"}}

    release = named(made("eks", change), "Release", "main-load-balancers")
    assert release.inputs["chart"] == "oci://registry.example.org/charts/aws-load-balancer-controller"


@pytest.mark.parametrize("block", ["local", "existing"])
def test_one_cluster_only(block: str) -> None:
    def change(stack: dict[str, Any]) -> None:
        stack["cluster"][block] = {"context": "a"} if block == "existing" else {}

    with pytest.raises(ConfigError, match=f"cluster: {block} and eks exclude each other; give exactly one of local"):
        load_stack(prod("eks", change))
