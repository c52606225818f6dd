from dataclasses import replace
from typing import Any

import pytest

from modelyard.cluster.spec import PoolSpec, TaintSpec
from tests.support.mocks import Registration
from tests.unit.cluster.eks.foundations import (
    BLOCK,
    H100_RDMA,
    L4_SPOT,
    MIG,
    SHARES,
    SUBNETS,
    SYSTEM,
    ZONES,
    pools_made,
)
from tests.unit.cluster.registrations import named

RESOURCES = "k8s.io/cluster-autoscaler/node-template/resources/"
ACCELERATOR = "k8s.amazonaws.com/accelerator"


def registered(spec: PoolSpec, name: str = "pool", provisioner: str = "cluster_autoscaler") -> Registration:
    return named(pools_made({"system": SYSTEM, name: spec}, provisioner), "NodeGroup", f"main-{name}")


def group(spec: PoolSpec) -> dict[str, Any]:
    return dict(registered(spec).inputs)


@pytest.mark.parametrize(
    ("spec", "kind", "types"),
    [
        (SYSTEM, "ON_DEMAND", ["m7i.xlarge"]),
        (L4_SPOT, "SPOT", ["g6.xlarge", "g6.2xlarge"]),
        (H100_RDMA, "ON_DEMAND", ["p5.48xlarge"]),
        (BLOCK, "CAPACITY_BLOCK", None),
    ],
)
def test_capacity_and_machines(spec: PoolSpec, kind: str, types: list[str] | None) -> None:
    found = group(spec)
    assert found["capacityType"] == kind
    assert found.get("instanceTypes") == types


def test_the_autoscaler_owns_the_size() -> None:
    found = registered(L4_SPOT)
    assert found.inputs["scalingConfig"] == {"minSize": 0, "desiredSize": 0, "maxSize": 8}
    assert found.ignore_changes == ["scalingConfig.desiredSize"]


def test_where_it_can_choose_none_the_size_is_ours() -> None:
    """Otherwise raising both limits would be refused for the size that AWS has."""
    found = registered(replace(L4_SPOT, min_nodes=2, max_nodes=2))
    assert found.inputs["scalingConfig"] == {"minSize": 2, "desiredSize": 2, "maxSize": 2}
    assert found.ignore_changes == []
    assert found.inputs["tags"], "what the autoscaler reads of an empty group stays"


def test_a_pool_begins_at_its_least() -> None:
    assert group(replace(SYSTEM, min_nodes=3))["scalingConfig"] == {"minSize": 3, "desiredSize": 3, "maxSize": 4}


def test_a_constant_size_is_ours() -> None:
    found = registered(replace(SYSTEM, min_nodes=3), provisioner="karpenter")
    assert found.inputs["scalingConfig"] == {"minSize": 3, "desiredSize": 3, "maxSize": 3}
    assert found.ignore_changes == []
    assert "tags" not in found.inputs


def test_eks_chooses_the_release_of_the_clusters_version() -> None:
    found = group(SYSTEM)
    assert found["version"] == "1.35"
    assert "releaseVersion" not in found
    assert not found.get("forceUpdateVersion")


def test_unhealthy_nodes_are_replaced() -> None:
    assert group(SYSTEM)["nodeRepairConfig"] == {"enabled": True}


@pytest.mark.parametrize(
    ("spec", "strategy", "at_once"),
    [(SYSTEM, "DEFAULT", 1), (replace(SYSTEM, max_nodes=40), "DEFAULT", 4), (H100_RDMA, "MINIMAL", 1)],
)
def test_updates_do_not_ask_for_accelerators_that_are_not_there(spec: PoolSpec, strategy: str, at_once: int) -> None:
    assert group(spec)["updateConfig"] == {"maxUnavailable": at_once, "updateStrategy": strategy}


def test_a_replacement_finds_its_name_free() -> None:
    found = registered(SYSTEM, "a" * 40).inputs
    assert "nodeGroupName" not in found
    assert found["nodeGroupNamePrefix"] == f"{'a' * 36}-"


@pytest.mark.parametrize(("spec", "zones"), [(SYSTEM, ZONES), (H100_RDMA, ["us-east-1b"]), (BLOCK, ["us-east-1c"])])
def test_nodes_are_where_their_capacity_is(spec: PoolSpec, zones: list[str]) -> None:
    assert group(spec)["subnetIds"] == [SUBNETS[zone] for zone in zones]


def test_taints_are_in_the_words_of_eks() -> None:
    taints = [
        TaintSpec(key="a", value="1"),
        TaintSpec(key="b", effect="NoExecute"),
        TaintSpec(key="c", effect="PreferNoSchedule"),
    ]
    found = group(replace(L4_SPOT, taints=taints))["taints"]
    assert found == [
        {"key": "nvidia.com/gpu", "value": "present", "effect": "NO_SCHEDULE"},
        {"key": "a", "value": "1", "effect": "NO_SCHEDULE"},
        {"key": "b", "value": "", "effect": "NO_EXECUTE"},
        {"key": "c", "value": "", "effect": "PREFER_NO_SCHEDULE"},
    ]


@pytest.mark.parametrize(
    ("spec", "label"),
    [
        (SYSTEM, None),
        (L4_SPOT, "l4"),
        (SHARES, "l4"),
        (MIG, None),
        (replace(L4_SPOT, device_allocation="dra", min_nodes=1), None),
    ],
)
def test_a_node_is_held_for_unfinished_only_where_it_will_have_gpus(spec: PoolSpec, label: str | None) -> None:
    assert group(spec)["labels"].get(ACCELERATOR) == label


def test_the_autoscaler_reads_resources_from_tags() -> None:
    tags = group(MIG)["tags"]
    assert tags[f"{RESOURCES}nvidia.com/mig-1g.10gb"] == "56"
    assert tags[f"{RESOURCES}nvidia.com/gpu"] == "0"
    assert tags[f"{RESOURCES}ephemeral-storage"].endswith("Gi")
    # https://docs.aws.amazon.com/general/latest/gr/aws_tagging.html
    assert all(len(key) <= 128 for key in tags)


def test_fabric_and_huge_pages_are_among_them() -> None:
    tags = group(H100_RDMA)["tags"]
    assert (tags[f"{RESOURCES}vpc.amazonaws.com/efa"], tags[f"{RESOURCES}hugepages-2Mi"]) == ("32", "10240Mi")


def test_it_follows_its_launch_template_and_what_nodes_need() -> None:
    recorded = pools_made({"system": SYSTEM})
    found = recorded.one("NodeGroup")
    assert {recorded.one("LaunchTemplate").urn, recorded.one("Addon").urn} <= found.depends_on
    assert "$modelyard:cluster:EksNodeGroup$" in found.urn
    assert recorded.one("aws").urn in found.provider
