"""Each rule of pools refuses a case, with the reason and the alternative, and lets a near one pass."""

from typing import Any

import pytest

from modelyard.gpu.spec import CapacityBlockSpec, ReservationSpec, SharingSpec
from tests.unit.gpu.requests import MIXED, MPS, SLICES, TIME_SLICING, nowhere, refused

H100 = {"accelerator": "h100", "gpus_per_node": 8}
L4 = {"accelerator": "l4"}
CPU = {"cpus": 4, "memory_gib": 16}
NEWER = {"machine_type": "new.large", "accelerator": "h100", "gpus_per_node": 8, "cpus": 96, "memory_gib": 1850}
BLOCK = CapacityBlockSpec(capacity_block="cr-0123456789abcdef0")
RESERVED = ReservationSpec(reservation="cr-0123456789abcdef0")

EVERYWHERE: list[tuple[dict[str, Any], dict[str, Any], str]] = [
    # fields, what makes them pass, what is said of them
    (
        {**CPU, "sharing": TIME_SLICING},
        {**L4, "sharing": TIME_SLICING},
        "sharing: is for pools with an accelerator; add accelerator, or leave it out",
    ),
    (
        {**CPU, "driver": "image"},
        {**L4, "driver": "image"},
        "driver: is for pools with an accelerator; add accelerator, or leave it out",
    ),
    (
        {**CPU, "device_allocation": "dra"},
        {**L4, "device_allocation": "dra"},
        "device_allocation: is for pools with an accelerator; add accelerator, or leave it out",
    ),
    (
        {**CPU, "capacity": BLOCK},
        {**CPU, "capacity": RESERVED},
        "capacity: is for pools with an accelerator; add accelerator, or leave it out",
    ),
    (
        {"accelerator": "trainium1", "sharing": MPS},
        {**L4, "sharing": MPS},
        "sharing: trainium1 cannot be shared: only NVIDIA's GPUs can; leave it out, and use smaller machines",
    ),
    (
        {**L4, "sharing": SharingSpec(mig="1g.10gb")},
        {**H100, "sharing": SharingSpec(mig="1g.10gb")},
        (
            "sharing.mig: l4 cannot be divided by MIG; use time_slicing or mps, or one of a100-40gb, a100-80gb, b200, "
            "b300, gb200, gb300, h100, h100-nvl, h200, rtx-pro-4500, rtx-pro-6000"
        ),
    ),
    (
        {**H100, "sharing": SLICES, "device_allocation": "dra"},
        {**H100, "device_allocation": "dra"},
        (
            "device_allocation: dra hands out whole GPUs: NVIDIA's driver divides and shares them as an experiment "
            "only; use device_plugin, or sharing: whole"
        ),
    ),
    (
        {"machine_type": "g6.xlarge", "fabric": "rdma"},
        {"machine_type": "g6.8xlarge", "fabric": "rdma"},
        (
            "fabric: g6.xlarge has no RDMA devices; use machine_type g6.8xlarge or gr6.8xlarge or g6.16xlarge, or "
            "leave it out"
        ),
    ),
    (
        {"accelerator": "mi300x", "gpus_per_node": 8, "fabric": "rdma"},
        {**H100, "fabric": "rdma"},
        (
            "fabric: no machine with 8 of mi300x is known to have RDMA devices of a kind that modelyard sets up; use "
            "an accelerator whose machines have some, or leave it out"
        ),
    ),
    (
        {"accelerator": "h100", "gpus_per_node": 4, "fabric": "rdma"},
        {"accelerator": "h100", "gpus_per_node": 1, "fabric": "rdma"},
        (
            "fabric: no machine with 4 of h100 is known to have RDMA devices of a kind that modelyard sets up; use "
            "gpus_per_node 1 or 8, or leave it out"
        ),
    ),
    (
        {"machine_type": "a3-highgpu-8g", "fabric": "rdma"},
        {"machine_type": "p5.48xlarge", "fabric": "rdma"},
        "fabric: a3-highgpu-8g has GPUDirect-TCPX, which is no RDMA; use tcpx, or leave it out",
    ),
    (
        {"machine_type": "a4x-highgpu-4g", "fabric": "rdma"},
        {"machine_type": "a4-highgpu-8g", "fabric": "rdma"},
        (
            "fabric: a4x-highgpu-4g has RDMA and NVLink between nodes, which need NVIDIA's compute domains; modelyard "
            "has none; use an accelerator whose machines have some: b200, h200, or leave it out"
        ),
    ),
    (
        {"machine_type": "a3-highgpu-8g", "fabric": "tcpxo"},
        {"machine_type": "a3-megagpu-8g", "fabric": "tcpxo"},
        (
            "fabric: GPUDirect-TCPXO is there on Google Cloud's a3-megagpu-8g only, and not on a3-highgpu-8g; use "
            "tcpx, or leave it out"
        ),
    ),
    (
        {"accelerator": "h100", "gpus_per_node": 4, "fabric": "tcpx"},
        {"accelerator": "h100", "gpus_per_node": 8, "fabric": "tcpx"},
        (
            "fabric: GPUDirect-TCPX is there on Google Cloud's a3-highgpu-8g only, and not on a machine with 4 of "
            "h100; use accelerator h100 with gpus_per_node 8, or leave it out"
        ),
    ),
    (
        {"accelerator": "h100", "gpus_per_node": 8, "fabric": "tcpx", "sharing": TIME_SLICING},
        {"accelerator": "h100", "gpus_per_node": 8, "sharing": TIME_SLICING},
        (
            "fabric: tcpx is for whole GPUs, and time_slicing for pods that need less than one; leave fabric out, or "
            "use sharing: whole"
        ),
    ),
    (
        {"accelerator": "h100", "gpus_per_node": 8, "fabric": "tcpxo", "zones": ["a", "b"]},
        {"accelerator": "h100", "gpus_per_node": 8, "fabric": "tcpxo", "zones": ["a"]},
        "zones: tcpxo reaches within one zone, not 2; keep one, for example a",
    ),
    (
        {"machine_type": "Standard_ND96isr_MI300X_v5", "fabric": "rdma"},
        {"machine_type": "Standard_ND96isr_H200_v5", "fabric": "rdma"},
        (
            "fabric: Standard_ND96isr_MI300X_v5 has InfiniBand, which modelyard sets up for NVIDIA's GPUs only; use an "
            "accelerator whose machines have some: a100-40gb, a100-80gb, h100, h200, or leave it out"
        ),
    ),
    (
        {**CPU, "placement": "compact", "zones": ["a", "b"]},
        {**CPU, "placement": "compact", "zones": ["a"]},
        (
            "zones: nodes that stand close together are in one zone, not 2; keep one, for example a, or use "
            "placement: any"
        ),
    ),
    (
        {**L4, "tpu_topology": "2x4"},
        {"accelerator": "tpu-v5e", "gpus_per_node": 8, "tpu_topology": "2x4"},
        "tpu_topology: is for TPUs; leave it out, or use an accelerator tpu-…",
    ),
    (
        {"accelerator": "tpu-v6e", "gpus_per_node": 4, "max_nodes": 4, "tpu_topology": "2x8"},
        {"accelerator": "tpu-v6e", "gpus_per_node": 4, "max_nodes": 4, "tpu_topology": "4x4"},
        (
            "tpu_topology: tpu-v6e has no slices of 2x8; use 2x2 for slices of one machine, or 2x4, 4x4, 4x8, 8x8, "
            "8x16, 16x16"
        ),
    ),
    (
        {"accelerator": "tpu-v5p", "gpus_per_node": 4, "max_nodes": 2, "tpu_topology": "4x2x1"},
        {"accelerator": "tpu-v5p", "gpus_per_node": 4, "max_nodes": 2, "tpu_topology": "2x2x2"},
        (
            "tpu_topology: tpu-v5p has no slices of 4x2x1; use 2x2x1 for slices of one machine, or 2x2x2, 2x2x4, "
            "2x4x4, 4x4x4 and so on"
        ),
    ),
    (
        {"accelerator": "tpu-v6e", "gpus_per_node": 8, "max_nodes": 2, "tpu_topology": "4x4"},
        {"accelerator": "tpu-v6e", "gpus_per_node": 8, "max_nodes": 2, "tpu_topology": "2x4"},
        ("gpus_per_node: slices of 4x4 are of machines with 4 chips, not 8; use 4, or leave tpu_topology out"),
    ),
    (
        {"accelerator": "tpu-v5e", "gpus_per_node": 4, "max_nodes": 3, "tpu_topology": "4x4"},
        {"accelerator": "tpu-v5e", "gpus_per_node": 4, "max_nodes": 4, "tpu_topology": "4x4"},
        "max_nodes: a slice of 4x4 has 4 nodes, which come all together, not 3; use 4",
    ),
    (
        {"accelerator": "tpu-v5e", "gpus_per_node": 4, "min_nodes": 2, "max_nodes": 4, "tpu_topology": "4x4"},
        {"accelerator": "tpu-v5e", "gpus_per_node": 4, "min_nodes": 4, "max_nodes": 4, "tpu_topology": "4x4"},
        "min_nodes: a slice of 4x4 has all its 4 nodes or none, not 2; use 0 or 4",
    ),
    (
        {"accelerator": "tpu-v7x", "gpus_per_node": 4, "max_nodes": 2, "tpu_topology": "2x2x2"},
        {"accelerator": "tpu-v7x", "gpus_per_node": 4, "max_nodes": 2, "tpu_topology": "2x2x1"},
        (
            "tpu_topology: slices of tpu-v7x over several nodes need a workload policy, which modelyard does not make; "
            "use 2x2x1, or tpu-v5p"
        ),
    ),
    (
        {**CPU, "fabric": "rdma"},
        {**L4, "fabric": "rdma"},
        (
            "fabric: no machine of that size is known to have RDMA devices of a kind that modelyard sets up; use an "
            "accelerator whose machines have some, or leave it out"
        ),
    ),
    (
        {**H100, "fabric": "rdma", "sharing": MIXED},
        {**H100, "fabric": "rdma"},
        (
            "fabric: rdma is for whole GPUs, and mig for pods that need less than one; leave fabric out, or use "
            "sharing: whole"
        ),
    ),
    (
        {**H100, "fabric": "rdma", "zones": ["a", "b"]},
        {**H100, "fabric": "rdma", "zones": ["a"]},
        "zones: rdma reaches within one zone, not 2; keep one, for example a",
    ),
    (
        {**L4, "zones": ["a", "a"]},
        {**L4, "zones": ["a", "b"]},
        "zones[1]: a is named twice; remove one of them",
    ),
    (
        {**L4, "machine_types": ["g6.2xlarge"]},
        {**L4, "machine_types": ["g6.2xlarge"], "capacity": "spot"},
        "machine_types: are for spot, and this pool is on_demand; use capacity: spot, or leave them out",
    ),
    (
        {**L4, "capacity": "spot", "machine_types": ["g9.xlarge"]},
        {**L4, "capacity": "spot", "machine_types": ["g6.xlarge"]},
        "machine_types[0]: 'g9.xlarge' is not in our table; use one that is, or leave it out",
    ),
    (
        {"machine_type": "g6.xlarge", "capacity": "spot", "machine_types": ["g6.2xlarge", "g6.2xlarge"]},
        {"machine_type": "g6.xlarge", "capacity": "spot", "machine_types": ["g6.2xlarge", "g6.4xlarge"]},
        "machine_types[1]: g6.2xlarge is named twice; remove one of them",
    ),
    (
        {"machine_type": "g6.xlarge", "capacity": "spot", "machine_types": ["g6.12xlarge"]},
        {"machine_type": "g6.12xlarge", "capacity": "spot", "machine_types": ["g6.24xlarge"]},
        "machine_types[0]: g6.12xlarge has 4 of l4; use machines with 1 of l4",
    ),
    (
        {"machine_type": "g6.xlarge", "capacity": "spot", "machine_types": ["m7i.xlarge"]},
        {"machine_type": "m7i.large", "capacity": "spot", "machine_types": ["m7i.xlarge"]},
        "machine_types[0]: m7i.xlarge has no accelerator; use machines with 1 of l4",
    ),
    (
        {"machine_type": "m7i.large", "capacity": "spot", "machine_types": ["g6.xlarge"]},
        {"machine_type": "g6.xlarge", "capacity": "spot", "machine_types": ["g6.2xlarge"]},
        "machine_types[0]: g6.xlarge has 1 of l4; use machines with no accelerator",
    ),
    (
        {"machine_type": "m7i.large", "capacity": "spot", "machine_types": ["m7g.large"]},
        {"machine_type": "m7g.large", "capacity": "spot", "machine_types": ["m7g.xlarge"]},
        (
            "machine_types[0]: m7g.large is arm64, and the pool's other machines are amd64; use amd64 machines, or a "
            "pool of its own"
        ),
    ),
    (
        {"machine_type": "g6.2xlarge", "capacity": "spot", "machine_types": ["g6.xlarge"]},
        {"machine_type": "g6.2xlarge", "cpus": 4, "memory_gib": 16, "capacity": "spot", "machine_types": ["g6.xlarge"]},
        (
            "machine_types[0]: g6.xlarge has 4 vCPUs and 16 GiB, less than the pool's nodes; use machines with 8 "
            "vCPUs and 32 GiB, or more"
        ),
    ),
]

A_GROUP = ReservationSpec(reservation="arn:aws:resource-groups:us-east-1:111122223333:group/x")
ON_AN_IMAGE: list[tuple[str, dict[str, Any], dict[str, Any], str]] = [
    (
        "eks/auto_mode",
        {**L4, "node_image": "bottlerocket"},
        L4,
        "node_image: 'bottlerocket' cannot be had: AWS chooses the system of these nodes; leave it out",
    ),
    (
        "existing",
        {**L4, "node_image": "al2023"},
        L4,
        "node_image: 'al2023' cannot be had: nodes that exist have their system; leave it out",
    ),
    (
        "eks/al2023",
        {"machine_type": "g2-standard-4"},
        {"machine_type": "g6.xlarge"},
        "machine_type: g2-standard-4 is a machine of gcp; use one of aws, or leave it out",
    ),
    (
        "eks/al2023",
        {"accelerator": "mi300x", "gpus_per_node": 8},
        H100,
        (
            "accelerator: aws has no machines with mi300x; use one of a100-40gb, a100-80gb, a10g, b200, b300, h100, "
            "h200, inferentia2, l4, l40s, rtx-pro-4500, rtx-pro-6000, t4, t4g, trainium1, trainium2, v100, v100-32gb"
        ),
    ),
    (
        "eks/al2023",
        {"accelerator": "h100", "gpus_per_node": 2},
        {"accelerator": "h100", "gpus_per_node": 1},
        "gpus_per_node: no machine of aws has 2 of h100; use 1 or 8",
    ),
    (
        "eks/al2023",
        {"accelerator": "l4", "cpus": 100, "memory_gib": 16},
        {"accelerator": "l4", "cpus": 60, "memory_gib": 16},
        (
            "cpus: no machine of aws in our table with 1 of l4 is that large; ask for less, or give machine_type "
            "beside it"
        ),
    ),
    (
        "eks/al2023",
        {"cpus": 512, "memory_gib": 16},
        {"cpus": 32, "memory_gib": 16},
        ("cpus: no machine of aws in our table has 512 vCPUs and 16 GiB; ask for less, or give machine_type beside it"),
    ),
    (
        "eks/al2023",
        {**L4, "capacity": "spot", "machine_types": ["g2-standard-8"]},
        {**L4, "capacity": "spot", "machine_types": ["g6.2xlarge"]},
        "machine_types[0]: g2-standard-8 is a machine of gcp; use one of aws",
    ),
    (
        "eks/al2023",
        {"accelerator": "rtx-pro-4500"},
        {"accelerator": "rtx-pro-6000"},
        (
            "accelerator: rtx-pro-4500 needs driver 595 or newer, and eks/al2023 brings 580; use another one, for "
            "example l40s or rtx-pro-6000"
        ),
    ),
    (
        "eks/auto_mode",
        {"accelerator": "rtx-pro-4500"},
        {"accelerator": "l40s"},
        (
            "accelerator: rtx-pro-4500 needs driver 595 or newer, and eks/auto_mode may bring an older one; use "
            "another one, for example l40s or rtx-pro-6000"
        ),
    ),
    (
        "eks/al2023",
        {**H100, "capacity": ReservationSpec(reservation="mine")},
        {**H100, "capacity": RESERVED},
        (
            "capacity.reservation: 'mine' is no reservation of EC2; write its id, like cr-0123456789abcdef0, or the "
            "ARN of a resource group of reservations"
        ),
    ),
    *(
        (
            "eks/al2023",
            {**H100, "capacity": ReservationSpec(reservation=given)},
            {**H100, "capacity": RESERVED},
            (
                f"capacity.reservation: '{given}' is no reservation of EC2; write its id, like cr-0123456789abcdef0, "
                "or the ARN of a resource group of reservations"
            ),
        )
        for given in ("cr-xyz", "cr-0123456789abcdef", "arn:aws:s3:::x")
    ),
    (
        "eks/al2023",
        {**H100, "capacity": RESERVED, "zones": ["a", "b"]},
        {**H100, "capacity": A_GROUP, "zones": ["a", "b"]},
        ("zones: a reservation is of one zone, not 2; keep the reservation's, or use a resource group of reservations"),
    ),
    (
        "eks/al2023",
        {**H100, "capacity": BLOCK},
        {**H100, "capacity": BLOCK, "zones": ["a"]},
        "zones: a capacity block is of one zone, and the pool names none; name the block's zone",
    ),
    (
        "eks/al2023",
        {**H100, "capacity": BLOCK, "zones": ["a", "b"]},
        {**H100, "capacity": BLOCK, "zones": ["a"], "fabric": "rdma"},
        "zones: a capacity block is of one zone, and the pool names 2; name the block's zone",
    ),
    (
        "eks/al2023",
        {**H100, "capacity": CapacityBlockSpec(capacity_block="mine"), "zones": ["a"]},
        {**H100, "capacity": BLOCK, "zones": ["a"]},
        "capacity.capacity_block: 'mine' is no capacity block of EC2; write its id, like cr-0123456789abcdef0",
    ),
    (
        "eks/al2023",
        {**H100, "capacity": BLOCK, "zones": ["a"], "min_nodes": 1},
        {**H100, "capacity": RESERVED, "zones": ["a"], "min_nodes": 1},
        (
            "min_nodes: 1 cannot be had before the block begins and after it ends; leave it out, and give max_nodes "
            "the number of its machines"
        ),
    ),
    (
        "eks/al2023",
        {
            "machine_type": "trn9.large",
            "accelerator": "trainium1",
            "cpus": 8,
            "memory_gib": 32,
            "gpus_per_node": 1,
            "architecture": "arm64",
        },
        {"machine_type": "trn9.large", "accelerator": "trainium1", "cpus": 8, "memory_gib": 32, "gpus_per_node": 1},
        "architecture: the image with the driver of Neuron devices is for amd64; use amd64 machines",
    ),
    (
        "eks/bottlerocket",
        {"accelerator": "rtx-pro-6000", "sharing": SharingSpec(mig="1g.24gb")},
        {"accelerator": "b200", "gpus_per_node": 8, "sharing": SharingSpec(mig="1g.23gb")},
        (
            "sharing.mig: Bottlerocket does not divide rtx-pro-6000; use one of a100-40gb, a100-80gb, b200, h100, "
            "h200, or node_image: al2023"
        ),
    ),
    (
        "eks/bottlerocket",
        {**H100, "sharing": SharingSpec(mig="4g.40gb")},
        {**H100, "sharing": SharingSpec(mig={"3g.40gb": 2})},
        (
            "sharing.mig: Bottlerocket does not know 4g.40gb; use 1g.10gb, 1g.20gb, 2g.20gb, 3g.40gb, 7g.80gb, or "
            "node_image: al2023"
        ),
    ),
    (
        "existing",
        {**L4, "driver": "operator", "sharing": TIME_SLICING},
        {**L4, "driver": "operator"},
        (
            "driver: the operator shares GPUs by labels of nodes, and nodes that exist are labelled by their owner; "
            "leave it out where GPUs are shared already, or use sharing: whole"
        ),
    ),
    (
        "existing",
        {**H100, "fabric": "rdma"},
        {"machine_type": "p5.48xlarge", "fabric": "rdma"},
        (
            "fabric: modelyard knows AWS's EFA only, and nodes that exist can have another fast network; leave it out, "
            "or name the machine_type of AWS that the nodes are"
        ),
    ),
    (
        "existing",
        {**NEWER, "fabric": "rdma", "rdma_devices": 8},
        NEWER,
        (
            "fabric: modelyard knows AWS's EFA only, and nodes that exist can have another fast network; leave it out, "
            "or name the machine_type of AWS that the nodes are"
        ),
    ),
    (
        "existing",
        {"accelerator": "v100", "driver": "operator"},
        {"accelerator": "v100"},
        (
            "driver: v100 needs driver 580 or older, and NVIDIA's GPU operator brings 595; leave it out, on nodes that "
            "have the driver already"
        ),
    ),
    (
        "existing",
        {"accelerator": "v100-32gb", "gpus_per_node": 8, "driver": "operator"},
        {"accelerator": "rtx-pro-4500", "driver": "operator"},
        (
            "driver: v100-32gb needs driver 580 or older, and NVIDIA's GPU operator brings 595; leave it out, on nodes "
            "that have the driver already"
        ),
    ),
]


@pytest.mark.parametrize(("fields", "near", "line"), EVERYWHERE, ids=[line.split(";")[0] for *_, line in EVERYWHERE])
def test_what_works_nowhere(fields: dict[str, Any], near: dict[str, Any], line: str) -> None:
    assert nowhere(**fields) == [line]
    assert nowhere(**near) == []
    assert refused("local", **fields) == [line]


@pytest.mark.parametrize(
    ("image", "fields", "near", "line"), ON_AN_IMAGE, ids=[line.split(";")[0] for *_, line in ON_AN_IMAGE]
)
def test_what_does_not_work_on_an_image(image: str, fields: dict[str, Any], near: dict[str, Any], line: str) -> None:
    assert nowhere(**fields) == []
    assert refused(image, **fields) == [line]
    assert refused(image, **near) == []
    # A local cluster stands for any other, so that only the block of the cluster differs.
    assert refused("local", **fields) == []


def test_the_driver_of_an_image_is_neither_too_old_nor_too_new() -> None:
    for image in ("eks/al2023", "eks/bottlerocket", "eks/auto_mode"):
        assert refused(image, accelerator="v100") == []


def test_claims_need_a_cluster_that_serves_them() -> None:
    asked = {**L4, "device_allocation": "dra"}
    assert refused("eks/al2023", "1.33", **asked) == [
        (
            "device_allocation: dra needs Kubernetes 1.34 or newer, and the cluster has 1.33; use device_plugin, or "
            "kubernetes_version 1.34"
        )
    ]
    assert refused("eks/al2023", "1.34", **asked) == []
    assert refused("existing", None, **asked) == []
    assert refused("local", "1.33", **asked) == []


def test_nodes_that_exist_stand_where_they_stand() -> None:
    for image in ("existing", "local"):
        assert refused(image, None, **L4, placement="compact") == []
        assert refused(image, None, **L4, capacity="queued") == []
