from dataclasses import replace
from typing import Any

from modelyard.cluster.spec import PoolSpec
from tests.support.mocks import Recorded
from tests.unit.cluster.eks.foundations import H100_RDMA, L4_SPOT, SYSTEM, pool_of, pools_made
from tests.unit.cluster.registrations import named


def recorded(**pools: PoolSpec) -> Recorded:
    return pools_made({"system": SYSTEM, **pools}, "auto_mode")


def node_pools(made: Recorded) -> dict[str, dict[str, Any]]:
    return {each.inputs["metadata"]["name"]: each.inputs["spec"] for each in made.of("NodePool")}


def test_aws_makes_the_nodes_and_nothing_is_installed() -> None:
    made = recorded(l4=L4_SPOT)
    assert not made.of("Release")
    assert not made.of("NodeGroup")
    assert not made.of("LaunchTemplate")
    assert {each.type for each in made.of("NodeClass")} == {"kubernetes:eks.amazonaws.com/v1:NodeClass"}


def test_a_pool_that_begins_with_nodes_has_a_constant_part() -> None:
    found = node_pools(recorded())
    assert set(found) == {"system", "system-fixed"}
    assert found["system-fixed"]["replicas"] == 2
    assert found["system"]["limits"]["nodes"] == "2"
    references = [spec["template"]["spec"]["nodeClassRef"]["name"] for spec in found.values()]
    assert references == ["system", "system"]


def test_a_pool_of_constant_size_has_nothing_else() -> None:
    assert set(node_pools(recorded(h100=replace(H100_RDMA, min_nodes=2)))) == {"system", "system-fixed", "h100-fixed"}


def test_a_pool_from_zero_only_grows() -> None:
    assert {"l4"} == set(node_pools(recorded(l4=L4_SPOT))) - {"system", "system-fixed"}


def test_node_pools_go_before_their_class_and_that_before_the_nodes_rights() -> None:
    made = recorded(l4=L4_SPOT)
    node_class = named(made, "NodeClass", "main-l4")
    assert node_class.urn in named(made, "NodePool", "main-l4").depends_on
    assert {made.one("Addon").urn, made.one("aws:eks/cluster:Cluster").urn} <= node_class.depends_on


def test_machines_have_no_tags_that_auto_mode_may_not_set() -> None:
    assert "tags" not in named(recorded(), "NodeClass", "main-system").inputs["spec"]


def test_fabric_on_demand_has_a_placement_group() -> None:
    made = recorded(close=replace(H100_RDMA, capacity="on_demand"))
    assert made.one("PlacementGroup").urn in named(made, "NodeClass", "main-close").depends_on
    assert not recorded(h100=H100_RDMA).of("PlacementGroup")


def test_pods_on_fabric_ask_for_no_huge_pages_that_nobody_can_reserve() -> None:
    contract = pool_of(H100_RDMA, provisioner="auto_mode").gpu
    assert contract
    assert contract.fabric_share(8) == {"vpc.amazonaws.com/efa": "32"}
    elsewhere = pool_of(H100_RDMA, provisioner="karpenter").gpu
    assert elsewhere
    assert elsewhere.fabric_share(8)["hugepages-2Mi"] == "10240Mi"
