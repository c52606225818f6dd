from dataclasses import replace
from typing import Any

import pytest

from modelyard.cluster.eks.nodes import (
    NetworkInterface,
    advertised_resources,
    ami_type,
    disk_gib,
    instance_types,
    needs_placement_group,
    network_interfaces,
    node_labels,
    scratch_gib,
    zones_of_pool,
)
from modelyard.cluster.spec import PoolSpec
from modelyard.gpu.spec import ReplicasSpec, SharingSpec
from tests.unit.cluster.eks.foundations import BLOCK, H100_RDMA, L4_SPOT, MIG, SHARES, SYSTEM, ZONES, pool_of

NEW_MACHINE = PoolSpec(machine_type="g9.xlarge", cpus=4, memory_gib=16, accelerator="l4")
"""One that is not in the table."""


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        (SYSTEM, "AL2023_x86_64_STANDARD"),
        (PoolSpec(machine_type="m7g.xlarge"), "AL2023_ARM_64_STANDARD"),
        (L4_SPOT, "AL2023_x86_64_NVIDIA"),
        (PoolSpec(machine_type="g5g.xlarge"), "AL2023_ARM_64_NVIDIA"),
        (PoolSpec(machine_type="inf2.xlarge"), "AL2023_x86_64_NEURON"),
        (PoolSpec(machine_type="m7i.xlarge", node_image="bottlerocket"), "BOTTLEROCKET_x86_64"),
        (PoolSpec(machine_type="m7g.xlarge", node_image="bottlerocket"), "BOTTLEROCKET_ARM_64"),
        (SHARES, "BOTTLEROCKET_x86_64_NVIDIA"),
        (NEW_MACHINE, "AL2023_x86_64_NVIDIA"),
        (PoolSpec(machine_type="g5g.xlarge", node_image="bottlerocket"), "BOTTLEROCKET_ARM_64_NVIDIA"),
    ],
)
def test_the_image_follows_from_processor_accelerator_and_system(spec: PoolSpec, expected: str) -> None:
    assert ami_type(pool_of(spec)) == expected


def test_the_first_machine_type_stands_for_all() -> None:
    assert instance_types(pool_of(L4_SPOT)) == ["g6.xlarge", "g6.2xlarge"]


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        (SYSTEM, list(ZONES)),
        (replace(SYSTEM, zones=["us-east-1c"]), ["us-east-1c"]),
        (replace(H100_RDMA, capacity="on_demand", zones=[]), ["us-east-1a"]),
        (H100_RDMA, ["us-east-1b"]),
    ],
)
def test_nodes_are_in_all_zones_unless_fabric_keeps_them_in_one(spec: PoolSpec, expected: list[str]) -> None:
    assert zones_of_pool(pool_of(spec), ZONES) == expected


def fabric(machine_type: str) -> list[NetworkInterface]:
    return network_interfaces(pool_of(PoolSpec(machine_type=machine_type, fabric="rdma")))


@pytest.mark.parametrize(
    ("machine_type", "devices"),
    [("p5.48xlarge", 32), ("p5en.48xlarge", 16), ("p4d.24xlarge", 4), ("g6.8xlarge", 1), ("p6-b300.48xlarge", 16)],
)
def test_every_device_of_the_fabric_has_an_interface_without_addresses(machine_type: str, devices: int) -> None:
    primary, *others = fabric(machine_type)
    assert primary == NetworkInterface(card=0, device=0, kind="interface")
    assert [each.kind for each in others] == ["efa-only"] * devices
    assert len({(each.card, each.device) for each in (primary, *others)}) == devices + 1
    assert len({each.card for each in others}) == devices


def test_the_first_card_has_fabric_beside_its_usual_interface() -> None:
    assert [(each.card, each.device) for each in fabric("p4d.24xlarge")] == [(0, 0), (0, 1), (1, 0), (2, 0), (3, 0)]


def test_but_not_on_the_machine_whose_first_card_has_none() -> None:
    assert [(each.card, each.device) for each in fabric("p6-b300.48xlarge")][:3] == [(0, 0), (1, 0), (2, 0)]


def test_nodes_that_stand_close_together_are_in_one_zone() -> None:
    assert zones_of_pool(pool_of(replace(SYSTEM, placement="compact")), ["a", "b"]) == ["a"]
    assert zones_of_pool(pool_of(SYSTEM), ["a", "b"]) == ["a", "b"]


def test_without_fabric_machines_keep_their_usual_interface() -> None:
    assert network_interfaces(pool_of(BLOCK)) == []


@pytest.mark.parametrize(
    ("spec", "needed"),
    [
        (replace(H100_RDMA, capacity="on_demand"), True),
        (replace(H100_RDMA, capacity="spot"), True),
        (H100_RDMA, False),
        (replace(BLOCK, fabric="rdma"), False),
        (SYSTEM, False),
        (replace(SYSTEM, placement="compact"), True),
    ],
)
def test_a_placement_group_is_for_machines_that_have_no_place_yet(spec: PoolSpec, needed: bool) -> None:
    assert needs_placement_group(pool_of(spec)) is needed


@pytest.mark.parametrize(
    ("spec", "disk", "scratch"),
    [
        (SYSTEM, 100, 80),
        (PoolSpec(machine_type="g5g.xlarge"), 200, 160),
        (replace(SYSTEM, disk_gib=50), 50, 40),
        (NEW_MACHINE, 200, 160),
        # The NVMe disk of g6.xlarge has 232 GiB.
        (L4_SPOT, 100, 185),
    ],
)
def test_images_and_scratch_files_share_the_disk_or_the_local_ones(spec: PoolSpec, disk: int, scratch: int) -> None:
    pool = pool_of(spec)
    assert (disk_gib(pool), scratch_gib(pool)) == (disk, scratch)


def test_nodes_carry_our_labels_over_the_users() -> None:
    spec = replace(L4_SPOT, node_labels={"team": "ml", "modelyard.dev/pool": "other"})
    labels = node_labels(pool_of(spec, "l4"))
    assert labels["team"] == "ml"
    assert labels["modelyard.dev/pool"] == "l4"
    assert labels["modelyard.dev/accelerator"] == "l4"


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        (SYSTEM, {}),
        (L4_SPOT, {"nvidia.com/gpu": "1"}),
        (MIG, {"nvidia.com/gpu": "0", "nvidia.com/mig-1g.10gb": "56"}),
        (
            replace(MIG, sharing=SharingSpec(mig={"3g.40gb": 1, "1g.10gb": 4})),
            {"nvidia.com/gpu": "0", "nvidia.com/mig-3g.40gb": "8", "nvidia.com/mig-1g.10gb": "32"},
        ),
        (SHARES, {"nvidia.com/gpu": "4"}),
        (replace(SHARES, node_image=None, sharing=SharingSpec(mps=ReplicasSpec(replicas=8))), {"nvidia.com/gpu": "8"}),
        (H100_RDMA, {"nvidia.com/gpu": "8", "vpc.amazonaws.com/efa": "32", "hugepages-2Mi": "10240Mi"}),
        (PoolSpec(machine_type="inf2.xlarge"), {"aws.amazon.com/neuron": "1"}),
        (replace(L4_SPOT, device_allocation="dra", min_nodes=1), {"nvidia.com/gpu": "0"}),
    ],
)
def test_an_autoscaler_is_told_what_the_machine_type_does_not_say(spec: PoolSpec, expected: dict[str, Any]) -> None:
    assert advertised_resources(pool_of(spec)) == expected
