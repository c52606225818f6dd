"""A stack on EKS: what the stack asks of the cluster, and what waits for what across its parts."""

import json
from collections.abc import Callable
from typing import Any

import pytest
import yaml

from modelyard.errors import ConfigError
from modelyard.stack.ml_stack import MLStack
from modelyard.stack.spec import load_stack
from tests.support.mocks import Recorded, run
from tests.support.paths import ROOT
from tests.unit.cluster.eks.clusters import named, waits_for

PROD = ROOT / "stacks" / "Pulumi.prod-eks.yaml"


def prod(change: Callable[[dict[str, Any]], object] = lambda _: None) -> str:
    stack = yaml.safe_load(PROD.read_text(encoding="utf-8"))["config"]["modelyard:stack"]
    change(stack)
    return json.dumps(stack)


def made(change: Callable[[dict[str, Any]], object] = lambda _: None) -> Recorded:
    spec = load_stack(prod(change))
    return run(lambda: MLStack("main", spec))


def add_volume(stack: dict[str, Any]) -> None:
    stack["workspaces"]["chat"]["volumes"] = {"models": {"size_gib": 100, "shared": True}}


def test_production_waits_for_no_more_than_it_needs() -> None:
    recorded = made()
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
    assert not made().of("FileSystem")
    recorded = made(add_volume)
    assert recorded.one("FileSystem")
    volume = recorded.one("PersistentVolumeClaim")
    assert volume.inputs["spec"]["storageClassName"] == "efs"
    assert "StorageClass efs" in waits_for(recorded, volume)


def test_shared_volume_of_another_class_brings_none() -> None:
    def change(stack: dict[str, Any]) -> None:
        add_volume(stack)
        stack["workspaces"]["chat"]["volumes"]["models"]["storage_class"] = "lustre"

    assert not made(change).of("FileSystem")


def test_shared_volume_without_shared_storage_is_refused() -> None:
    def change(stack: dict[str, Any]) -> None:
        add_volume(stack)
        stack["cluster"]["eks"]["shared_storage"] = False

    with pytest.raises(ConfigError, match=r"volumes\.models\.shared: the cluster has no shared storage class; name"):
        load_stack(prod(change))


def test_pools_are_checked_against_the_cluster_before_anything_runs() -> None:
    def change(stack: dict[str, Any]) -> None:
        stack["pools"]["system"]["min_nodes"] = 0

    with pytest.raises(ConfigError, match="no pool has a node for what the cluster itself runs"):
        load_stack(prod(change))


def test_charts_of_the_cluster_come_from_the_stacks_mirror() -> None:
    def change(stack: dict[str, Any]) -> None:
        stack["platform"] = {"charts": {"mirror": "oci://registry.example.org/charts"}}

    release = named(made(change), "Release", "main-load-balancers")
    assert release.inputs["chart"] == "oci://registry.example.org/charts/aws-load-balancer-controller"


@pytest.mark.parametrize("block", ["local", "existing"])
def test_one_cluster_only(block: str) -> None:
    def change(stack: dict[str, Any]) -> None:
        stack["cluster"][block] = {"context": "a"} if block == "existing" else {}

    with pytest.raises(ConfigError, match=f"cluster: {block} and eks exclude each other; give exactly one of local"):
        load_stack(prod(change))
