"""Dependencies are no coarser than the truth: making and deleting takes hardly longer than what cannot be avoided.

The measure is tests/bench/schedule.py.
"""

import copy
import json
from collections.abc import Callable
from functools import cache
from typing import Any

import pytest
import yaml

from modelyard.stack.ml_stack import MLStack
from tests.bench.schedule import CHART_SECONDS, GCP, GPU_NODE_SECONDS, Step, down, steps_of, up
from tests.support.mocks import run
from tests.support.paths import ROOT

Json = dict[str, Any]

MOST = 1.10
"""The schedule over the chain that cannot be avoided."""
PROD: Json = yaml.safe_load((ROOT / "stacks" / "Pulumi.prod-gke.yaml").read_text())["config"]["modelyard:stack"]
KEY = "projects/ml-prod-4711/locations/us-central1/keyRings/ring/cryptoKeys/disks"


def _own(_: Json) -> None:
    """As the file has it: a network of its own, an endpoint by name."""


def _existing(stack: Json) -> None:
    network = {"network": "shared", "subnetwork": "nodes", "pods_range": "pods", "services_range": "services"}
    stack["cluster"]["gke"]["network"] = network


def _encrypted(stack: Json) -> None:
    stack["cluster"]["gke"] |= {"encryption": {"key": KEY}, "shared_storage": True}


VARIANTS: dict[str, Callable[[Json], None]] = {
    "own": _own,
    "existing": _existing,
    "encrypted": _encrypted,
}


@cache
def steps(provisioner: str, variant: str) -> dict[str, Step]:
    """The graph of production with this provisioner."""
    spec = copy.deepcopy(PROD)
    spec["cluster"]["gke"]["provisioner"] = provisioner
    if provisioner == "node_auto_provisioning":
        # It makes no networks between GPUs.
        del spec["pools"]["h200"]["fabric"], spec["workspaces"]["research"]["fabric"]
    VARIANTS[variant](spec)
    return steps_of(run(MLStack.from_config, config={"modelyard:stack": json.dumps(spec)}), GCP)


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("provisioner", ["cluster_autoscaler", "node_auto_provisioning"])
def test_production_is_ready_when_its_longest_chain_is(provisioner: str, variant: str) -> None:
    found = up(steps(provisioner, variant))
    assert found.seconds <= MOST * GCP.unavoidable(has_network=variant != "existing"), found.chain


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("provisioner", ["cluster_autoscaler", "node_auto_provisioning"])
def test_production_is_gone_when_its_longest_chain_is(provisioner: str, variant: str) -> None:
    found = down(steps(provisioner, variant))
    assert found.seconds <= MOST * GCP.unavoidable(deleting=True, has_network=variant != "existing"), found.chain


def test_the_chain_that_cannot_be_avoided_is_made_of_googles_own_times() -> None:
    assert GCP.unavoidable() == 30 + 20 + 360 + 120 + GPU_NODE_SECONDS
    assert GCP.unavoidable(has_network=False) == 360 + 120 + GPU_NODE_SECONDS
    assert GCP.unavoidable(deleting=True) == CHART_SECONDS + 150 + 240 + 20 + 30
