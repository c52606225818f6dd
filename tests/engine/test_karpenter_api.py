"""A real API server accepts the objects of pools on Karpenter, against Karpenter's own schemas and rules."""

import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from modelyard.cluster.eks.karpenter import DEFINITION
from modelyard.operators.crds import crds_in
from tests.support.control_plane import ApiServer
from tests.support.manifests import apply, manifests
from tests.support.processes import wait_until
from tests.support.toolchain import require_tool
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
    folder = str(shared_folder / "crds" / "karpenter-provider-aws")
    head = {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition"}
    crds = [{**head, **crd} for crd in crds_in(folder, DEFINITION.kinds)]
    assert apply(api_server, crds, dry_run=False) == ""
    found = objects_of({"system": SYSTEM, "mig": MIG})
    wait_until(lambda: "no matches for kind" not in apply(api_server, found, dry_run=True), "the kinds to be served")
    yield api_server
    for kind in DEFINITION.kinds:
        subprocess.run(
            [
                *(str(require_tool("kubectl")), "--kubeconfig", str(api_server.kubeconfig)),
                *("delete", "customresourcedefinition", kind.crd_name),
            ],
            check=True,
            capture_output=True,
        )


def test_every_kind_of_pool_keeps_karpenters_rules(server: ApiServer) -> None:
    found = objects_of(POOLS)
    assert {each["kind"] for each in found} == set(KINDS)
    assert apply(server, found, dry_run=True) == ""


def test_what_breaks_a_rule_would_be_refused(server: ApiServer) -> None:
    (node_class,) = (each for each in objects_of({"system": SYSTEM}) if each["kind"] == "EC2NodeClass")
    node_class["spec"]["role"] = "nodes"
    assert "must specify exactly one of" in apply(server, [node_class], dry_run=True)
