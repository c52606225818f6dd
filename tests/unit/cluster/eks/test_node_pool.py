from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from modelyard.cluster.eks.node_pool import (
    AUTO_MODE_NODE_CLASS,
    EC2_NODE_CLASS,
    Place,
    auto_mode_node_class,
    ec2_node_class,
    fixed_node_pool,
    node_overlay,
    node_pool,
    unknown_to_karpenter,
)
from modelyard.cluster.pools import Pool
from modelyard.cluster.spec import PoolSpec, TaintSpec
from tests.unit.cluster.eks.foundations import BLOCK, H100_RDMA, L4_SPOT, MIG, SHARES, SYSTEM, ZONES, pool_of
from tests.unit.cluster.eks.schemas import schema_problems

NEURON = PoolSpec(machine_type="trn1.32xlarge", max_nodes=2)
ON_DEMAND_RDMA = replace(H100_RDMA, capacity="on_demand")
KARPENTER_POOLS = [SYSTEM, L4_SPOT, H100_RDMA, ON_DEMAND_RDMA, BLOCK, MIG, SHARES, NEURON]


PLACE = Place(
    zones=ZONES[:1],
    subnet_ids=["subnet-0aaaaaaaa"],
    security_group_id="sg-0aaaaaaaa",
    identity="nodes",
    disk_key_arn=None,
    placement_group=None,
    tags={"team": "ml"},
)


def karpenter_pool(spec: PoolSpec) -> Pool:
    return pool_of(spec, "pool", "karpenter")


def grown(spec: PoolSpec) -> dict[str, Any]:
    return node_pool(karpenter_pool(spec), EC2_NODE_CLASS, PLACE, most=3)


def requirements(found: dict[str, Any]) -> dict[str, list[str]]:
    return {each["key"]: each["values"] for each in found["template"]["spec"]["requirements"]}


@pytest.mark.parametrize("spec", KARPENTER_POOLS)
def test_karpenter_knows_every_field(spec: PoolSpec, shared_folder: Path) -> None:
    pool = karpenter_pool(spec)
    where = replace(PLACE, placement_group="together", disk_key_arn="arn")
    overlay = node_overlay("pool", unknown_to_karpenter(pool))
    assert schema_problems(shared_folder, "nodepools", grown(spec)) == []
    assert schema_problems(shared_folder, "nodepools", fixed_node_pool(pool, EC2_NODE_CLASS, where, nodes=2)) == []
    assert schema_problems(shared_folder, "ec2nodeclasses", ec2_node_class(pool, where)) == []
    assert schema_problems(shared_folder, "nodeoverlays", overlay) == []


def test_a_field_that_karpenter_does_not_have_would_be_found(shared_folder: Path) -> None:
    wrong = ec2_node_class(karpenter_pool(SYSTEM), PLACE) | {"metadataOptions": {"httpToken": "required"}}
    assert schema_problems(shared_folder, "ec2nodeclasses", wrong) != []


@pytest.mark.parametrize(
    ("spec", "capacity"),
    [
        (SYSTEM, "on-demand"),
        (L4_SPOT, "spot"),
        (H100_RDMA, "reserved"),
        (BLOCK, "reserved"),
    ],
)
def test_nodes_are_of_the_pools_machines_capacity_and_zones(spec: PoolSpec, capacity: str) -> None:
    found = requirements(grown(spec))
    pool = karpenter_pool(spec)
    assert found["node.kubernetes.io/instance-type"] == [pool.machine_type, *spec.machine_types]
    assert found["karpenter.sh/capacity-type"] == [capacity]
    assert found["kubernetes.io/arch"] == ["amd64"]
    assert found["topology.kubernetes.io/zone"] == ["us-east-1a"]


def test_nodes_carry_labels_and_taints_from_the_start() -> None:
    template = grown(replace(L4_SPOT, node_labels={"team": "ml"}, taints=[TaintSpec(key="dedicated")]))["template"]
    assert template["metadata"]["labels"]["modelyard.dev/pool"] == "pool"
    assert template["metadata"]["labels"]["team"] == "ml"
    assert template["spec"]["taints"] == [
        {"key": "nvidia.com/gpu", "value": "present", "effect": "NoSchedule"},
        {"key": "dedicated", "effect": "NoSchedule"},
    ]


def test_nodes_with_accelerators_go_only_once_empty() -> None:
    busy, plain = grown(H100_RDMA), grown(SYSTEM)
    assert busy["disruption"]["consolidationPolicy"] == "WhenEmpty"
    assert busy["disruption"]["budgets"] == [
        {"nodes": "0", "reasons": ["Drifted", "Underutilized"]}, {"nodes": "100%", "reasons": ["Empty"]}
    ]  # fmt: skip
    assert busy["template"]["spec"]["expireAfter"] == "Never"
    assert plain["disruption"]["consolidationPolicy"] == "WhenEmptyOrUnderutilized"
    assert plain["disruption"]["budgets"] == [{"nodes": "10%"}]
    assert plain["template"]["spec"]["expireAfter"] == "720h"
    assert "terminationGracePeriod" not in plain["template"]["spec"]


@pytest.mark.parametrize(("spec", "age_hours"), [(SYSTEM, 336), (L4_SPOT, 480)])
def test_no_node_of_auto_mode_becomes_older_than_21_days(spec: PoolSpec, age_hours: int) -> None:
    pool = pool_of(spec, provisioner="auto_mode")
    for found in (
        node_pool(pool, AUTO_MODE_NODE_CLASS, PLACE, most=3),
        fixed_node_pool(pool, AUTO_MODE_NODE_CLASS, PLACE, nodes=2),
    ):
        template = found["template"]["spec"]
        assert (template["expireAfter"], template["terminationGracePeriod"]) == (f"{age_hours}h", "24h")
        assert age_hours + 24 <= 21 * 24


def test_there_are_never_more_than_the_pool_allows() -> None:
    # Three nodes; the larger of the two machine types has 8 vCPUs.
    assert grown(L4_SPOT)["limits"] == {"nodes": "3", "cpu": "24"}


def test_a_constant_size_has_no_limit_and_no_disruption() -> None:
    found = fixed_node_pool(karpenter_pool(SYSTEM), AUTO_MODE_NODE_CLASS, PLACE, nodes=2)
    assert found["replicas"] == 2
    assert not {"limits", "weight", "disruption"} & found.keys()
    assert found["template"]["spec"]["nodeClassRef"] == {
        "group": "eks.amazonaws.com", "kind": "NodeClass", "name": "pool"
    }  # fmt: skip


@pytest.mark.parametrize(("spec", "family"), [(L4_SPOT, "al2023"), (SHARES, "bottlerocket")])
def test_the_image_is_pinned(spec: PoolSpec, family: str) -> None:
    (term,) = ec2_node_class(karpenter_pool(spec), PLACE)["amiSelectorTerms"]
    assert term["alias"].startswith(f"{family}@v")
    assert "latest" not in term["alias"]


def test_metadata_does_not_reach_pods() -> None:
    options = ec2_node_class(karpenter_pool(SYSTEM), PLACE)["metadataOptions"]
    assert (options["httpTokens"], options["httpPutResponseHopLimit"]) == ("required", 1)


def test_disks_are_encrypted() -> None:
    for spec in (SYSTEM, SHARES):
        disks = ec2_node_class(karpenter_pool(spec), replace(PLACE, disk_key_arn="arn"))["blockDeviceMappings"]
        assert {(disk["ebs"]["encrypted"], disk["ebs"]["kmsKeyID"]) for disk in disks} == {(True, "arn")}


def test_reservations_are_chosen_by_their_id() -> None:
    for spec, identifier in ((H100_RDMA, "cr-0123456789abcdef0"), (BLOCK, "cr-0fedcba9876543210")):
        found = ec2_node_class(karpenter_pool(spec), PLACE)
        assert found["capacityReservationSelectorTerms"] == [{"id": identifier}]
    assert "capacityReservationSelectorTerms" not in ec2_node_class(karpenter_pool(SYSTEM), PLACE)


def test_fabric_interfaces_are_given() -> None:
    interfaces = ec2_node_class(karpenter_pool(H100_RDMA), PLACE)["networkInterfaces"]
    assert len(interfaces) == 33
    assert interfaces[:2] == [
        {"networkCardIndex": 0, "deviceIndex": 0, "interfaceType": "interface"},
        {"networkCardIndex": 0, "deviceIndex": 1, "interfaceType": "efa-only"},
    ]


def test_karpenter_makes_the_array_of_local_disks_itself() -> None:
    found = ec2_node_class(karpenter_pool(H100_RDMA), PLACE)
    assert found["instanceStorePolicy"] == "RAID0"
    assert "RAID0" not in found["userData"]
    assert "nr_hugepages" in found["userData"]
    assert "instanceStorePolicy" not in ec2_node_class(karpenter_pool(SYSTEM), PLACE)


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        (SYSTEM, {}),
        (L4_SPOT, {}),
        (BLOCK, {}),
        (NEURON, {}),
        (H100_RDMA, {"hugepages-2Mi": "10240Mi"}),
        (SHARES, {"nvidia.com/gpu": "4"}),
        (MIG, {"nvidia.com/gpu": "0", "nvidia.com/mig-1g.10gb": "56"}),
    ],
)
def test_an_overlay_says_what_the_machine_type_does_not(spec: PoolSpec, expected: dict[str, str]) -> None:
    assert unknown_to_karpenter(karpenter_pool(spec)) == expected


def test_an_overlay_is_of_one_pool_only() -> None:
    assert node_overlay("pool", {"a": "1"}) == {
        "requirements": [{"key": "karpenter.sh/nodepool", "operator": "In", "values": ["pool"]}],
        "capacity": {"a": "1"},
    }


def test_auto_modes_node_class_has_only_what_aws_leaves_to_users() -> None:
    found = auto_mode_node_class(pool_of(L4_SPOT, provisioner="auto_mode"), replace(PLACE, disk_key_arn="arn", tags={}))
    assert found == {
        "role": "nodes",
        "subnetSelectorTerms": [{"id": "subnet-0aaaaaaaa"}],
        "securityGroupSelectorTerms": [{"id": "sg-0aaaaaaaa"}],
        "ephemeralStorage": {"size": "100Gi", "kmsKeyID": "arn"},
        "networkPolicy": "DefaultAllow",
    }


def test_auto_mode_gives_a_machine_with_fabric_its_addresses_at_once() -> None:
    pool = pool_of(ON_DEMAND_RDMA, provisioner="auto_mode")
    found = auto_mode_node_class(pool, replace(PLACE, placement_group="together"))
    primary, *others = found["advancedNetworking"]["networkInterfaces"]
    assert primary["secondaryIPv4PrefixCount"] == 2
    assert not any("secondaryIPv4PrefixCount" in each for each in others)
    assert found["placementGroupSelector"] == {"name": "together"}
