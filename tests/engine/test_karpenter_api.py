"""A real API server accepts the objects of pools on Karpenter, against Karpenter's own schemas and rules."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from modelyard.cluster.eks.karpenter import DEFINITION
from tests.support.control_plane import ApiServer
from tests.support.kinds import real_kinds
from tests.support.manifests import apply, manifests
from tests.unit.cluster.eks.foundations import BLOCK, H100_RDMA, L4_SPOT, MIG, SHARES, SYSTEM, pools_made

pytestmark = pytest.mark.engine
POOLS = {
    "system": SYSTEM,
    "l4": L4_SPOT,
    "h100": H100_RDMA,
    "close": replace(H100_RDMA, capacity="on_demand", zones=[]),
    "block": BLOCK,
    "mig": MIG,
    "shares": SHARES,
}
KINDS = ("NodePool", "EC2NodeClass", "NodeOverlay")


def objects_of(pools: dict[str, Any]) -> list[dict[str, Any]]:
    found = [each for each in manifests(pools_made(pools, "karpenter")) if each.get("kind") in KINDS]
    # What only AWS knows: names that it gives.
    for each in found:
        if each["kind"] == "EC2NodeClass":
            each["spec"]["instanceProfile"] = "nodes"
            if "placementGroupSelector" in each["spec"]:
                each["spec"]["placementGroupSelector"] = {"name": "close"}
    return found


@pytest.fixture(scope="module")
def server(api_server: ApiServer, shared_folder: Path) -> Iterator[ApiServer]:
    """A server that has Karpenter's kinds for as long as this lasts."""
    with real_kinds(api_server, shared_folder / "crds" / "karpenter-provider-aws", DEFINITION.kinds):
        yield api_server


def test_every_kind_of_pool_keeps_karpenters_rules(server: ApiServer) -> None:
    found = objects_of(POOLS)
    assert {each["kind"] for each in found} == set(KINDS)
    assert apply(server, found, dry_run=True) == ""


def test_what_breaks_a_rule_would_be_refused(server: ApiServer) -> None:
    (node_class,) = (each for each in objects_of({"system": SYSTEM}) if each["kind"] == "EC2NodeClass")
    node_class["spec"]["role"] = "nodes"
    assert "must specify exactly one of" in apply(server, [node_class], dry_run=True)
