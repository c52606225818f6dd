"""A stack on GKE: what the stack asks of the cluster, and what waits for what across its parts."""

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
from tests.unit.cluster.gke.clusters import named, waits_for

PROD = ROOT / "stacks" / "Pulumi.prod-gke.yaml"


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
    assert {"NodePool l4", "NodePool system", "Cluster cluster"} <= service
    assert "NodePool h200" not in service
    assert not any("monitoring" in each for each in service - {"Service monitoring"})
    monitoring = waits_for(recorded, named(recorded, "Release", "monitoring"))
    assert "NodePool system" in monitoring
    assert not {"NodePool l4", "NodePool h200"} & monitoring
    (training,) = (each for each in recorded.of("batch/v1:Job") if "finetune" in each.name)
    assert "NodePool h200" in waits_for(recorded, training)
    assert "NodePool l4" not in waits_for(recorded, training)


def test_shared_volume_brings_a_class_that_several_nodes_mount() -> None:
    def driver(recorded: Recorded) -> object:
        addons = recorded.one("gcp:container/cluster:Cluster").inputs["addonsConfig"]
        return addons["gcpFilestoreCsiDriverConfig"]["enabled"]

    assert driver(made()) is False
    recorded = made(add_volume)
    assert driver(recorded) is True
    volume = recorded.one("PersistentVolumeClaim")
    assert volume.inputs["spec"]["storageClassName"] == "filestore"
    assert "StorageClass filestore" in waits_for(recorded, volume)


def test_shared_volume_without_shared_storage_is_refused() -> None:
    def change(stack: dict[str, Any]) -> None:
        add_volume(stack)
        stack["cluster"]["gke"]["shared_storage"] = False

    with pytest.raises(ConfigError, match=r"volumes\.models\.shared: the cluster has no shared storage class; name"):
        load_stack(prod(change))


def test_pools_are_checked_against_the_cluster_before_anything_runs() -> None:
    def change(stack: dict[str, Any]) -> None:
        stack["pools"]["system"]["min_nodes"] = 0

    with pytest.raises(ConfigError, match="no pool has a node for what the cluster itself runs"):
        load_stack(prod(change))
