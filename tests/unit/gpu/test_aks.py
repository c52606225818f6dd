"""What AKS is told of a pool's accelerators, and what it does not have."""

from typing import Any

import pytest

from modelyard.gpu.accelerators import ACCELERATORS
from modelyard.gpu.aks_rules import instance_profiles
from modelyard.gpu.cloud_settings import AksSettings
from modelyard.gpu.contract import GpuContract, compile_pool
from modelyard.gpu.machine_types import machine_types
from modelyard.gpu.node_images import node_images
from modelyard.gpu.spec import GpuSliceSpec, ReservationSpec, SharingSpec
from tests.unit.gpu.requests import MPS, TIME_SLICING, refused, request

UBUNTU, AZURE_LINUX, PROVISIONED = "aks/ubuntu", "aks/azurelinux", "aks/node_auto_provisioning"
T4: dict[str, Any] = {"accelerator": "t4"}
A100: dict[str, Any] = {"accelerator": "a100-80gb"}
H100: dict[str, Any] = {"accelerator": "h100", "gpus_per_node": 8}
GB200: dict[str, Any] = {"accelerator": "gb200", "gpus_per_node": 4}
NEWER: dict[str, Any] = {"accelerator": "h100-nvl", "gpus_per_node": 1, "cpus": 40, "memory_gib": 320}
GROUP = (
    "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/g/providers/Microsoft.Compute/"
    "capacityReservationGroups/gpus"
)


def compiled(image: str, **fields: Any) -> GpuContract:
    contract = compile_pool(request("azure", "1.35", **fields), node_images()[image])
    assert contract
    assert contract.aks
    assert contract.gke is None
    return contract


def sliced(profile: str) -> dict[str, Any]:
    return {"sharing": SharingSpec(mig=profile)}


@pytest.mark.parametrize("image", [UBUNTU, AZURE_LINUX, PROVISIONED])
def test_whole_gpus_have_akss_driver_and_our_device_plugin(image: str) -> None:
    contract = compiled(image, **T4)
    assert contract.aks == AksSettings(driver="install")
    assert contract.components == {"nvidia-device-plugin", "dcgm-exporter"}
    assert (contract.taint_key, contract.taint_added_by_cloud) == ("nvidia.com/gpu", False)
    assert contract.node_labels == {"modelyard.dev/accelerator": "t4"}


def test_every_accelerator_of_azure_compiles() -> None:
    for machine in machine_types().values():
        if machine.cloud == "azure" and machine.accelerator:
            is_nvidia = ACCELERATORS[machine.accelerator].vendor == "nvidia"
            contract = compiled(UBUNTU, machine_type=machine.name)
            assert contract.aks == AksSettings(driver="install" if is_nvidia else "none")


def test_aks_divides_and_the_plugin_counts_slices_as_gpus() -> None:
    contract = compiled(UBUNTU, **A100, **sliced("1g.10gb"))
    assert contract.aks == AksSettings(gpu_instance_profile="MIG1g")
    assert contract.device_plugin_config == {"version": "v1", "flags": {"migStrategy": "single"}}
    assert contract.node_labels["nvidia.com/device-plugin.config"] == "pool"
    assert "nvidia.com/mig.config" not in contract.node_labels
    assert contract.resources == {"nvidia.com/gpu": 7}
    assert contract.requested(GpuSliceSpec(mig="1g.10gb", count=2)) == {"nvidia.com/gpu": 2}
    assert contract.components == {"nvidia-device-plugin", "dcgm-exporter"}


def test_a_size_of_slices_is_the_plain_one_with_the_least_memory() -> None:
    assert instance_profiles(ACCELERATORS["a100-40gb"]) == {
        "1g.5gb": "MIG1g",
        "2g.10gb": "MIG2g",
        "3g.20gb": "MIG3g",
        "4g.20gb": "MIG4g",
        "7g.40gb": "MIG7g",
    }
    assert instance_profiles(ACCELERATORS["h100-nvl"])["1g.12gb"] == "MIG1g"


def test_time_slicing_and_mps_are_the_plugins() -> None:
    shared = compiled(UBUNTU, **T4, sharing=TIME_SLICING)
    assert shared.device_plugin_config
    assert "timeSlicing" in shared.device_plugin_config["sharing"]
    assert shared.aks == AksSettings()
    assert compiled(AZURE_LINUX, **T4, sharing=MPS).node_labels["nvidia.com/mps.capable"] == "true"


def test_the_operator_brings_everything() -> None:
    contract = compiled(UBUNTU, **T4, driver="operator")
    assert contract.aks == AksSettings(driver="none")
    assert contract.components == {"gpu-operator", "dcgm-exporter"}
    shared = compiled(UBUNTU, **T4, driver="operator", sharing=TIME_SLICING)
    assert shared.node_labels["nvidia.com/device-plugin.config"] == "pool"


def test_infiniband_comes_with_both_operators() -> None:
    contract = compiled(UBUNTU, **H100, fabric="rdma")
    assert contract.aks == AksSettings(driver="none")
    assert contract.components == {"gpu-operator", "network-operator", "dcgm-exporter"}
    assert contract.fabric_resources == {"rdma/ib": 63}
    # One shows a pod all devices, however many GPUs it has.
    assert contract.fabric_share(8) == contract.fabric_share(1) == {"rdma/ib": "1"}
    assert (contract.fabric_capacity, contract.fabric_claim, contract.device_plugin_config) == ({}, None, None)
    assert contract.pod_capabilities == ("IPC_LOCK",)
    assert contract.pod_env == {"NCCL_NET_GDR_LEVEL": "SYS"}


def test_amds_gpus_have_amds_operator_and_driver() -> None:
    contract = compiled(UBUNTU, accelerator="mi300x", gpus_per_node=8)
    assert contract.aks == AksSettings(driver="none")
    assert contract.components == {"amd-gpu-operator", "amd-driver-installer"}
    assert (contract.resources, contract.taint_key) == ({"amd.com/gpu": 8}, "amd.com/gpu")


REFUSED: list[tuple[str, dict[str, Any], dict[str, Any], str]] = [
    # image, fields, what makes them pass, what is said of them
    (
        UBUNTU,
        {**GB200, **sliced("1g.23gb")},
        {**H100, **sliced("1g.10gb")},
        (
            "sharing.mig: AKS does not divide gb200; use one of a100-40gb, a100-80gb, h100, h100-nvl, h200, or "
            "time_slicing or mps"
        ),
    ),
    (
        UBUNTU,
        {**A100, **sliced("1g.20gb")},
        {**A100, **sliced("4g.40gb")},
        "sharing.mig: AKS does not divide a100-80gb into 1g.20gb; use 1g.10gb, 2g.20gb, 3g.40gb, 4g.40gb, 7g.80gb",
    ),
    (
        AZURE_LINUX,
        GB200,
        H100,
        ("accelerator: AKS has the driver of gb200 on Ubuntu only; use node_image: ubuntu, or another accelerator"),
    ),
    (
        UBUNTU,
        {"machine_type": "Standard_NCC40ads_H100_v5", **NEWER},
        {"machine_type": "Standard_NCC40ads_H100_v5", **NEWER, "driver": "operator"},
        (
            "machine_type: AKS is not known to have a driver for Standard_NCC40ads_H100_v5; use driver: operator on "
            "Ubuntu, or a machine type of our table"
        ),
    ),
    (
        UBUNTU,
        {"accelerator": "a10", "driver": "operator"},
        {**T4, "driver": "operator"},
        "driver: machines with a10 need NVIDIA's driver for virtual machines, which AKS installs; leave it out",
    ),
    (
        UBUNTU,
        {**A100, **sliced("1g.10gb"), "driver": "operator"},
        {**A100, **sliced("1g.10gb"), "driver": "image"},
        (
            "driver: AKS divides GPUs when a node starts, by the driver that it installs; leave it out, or use "
            "sharing: whole"
        ),
    ),
    (
        UBUNTU,
        {**H100, "fabric": "rdma", "driver": "image"},
        {**H100, "fabric": "rdma", "driver": "operator"},
        (
            "driver: with InfiniBand the GPU operator brings the driver: AKS's does not let the network reach GPUs' "
            "memory; leave it out, or use driver: operator"
        ),
    ),
    (
        UBUNTU,
        {**T4, "capacity": ReservationSpec(reservation="gpus")},
        {**T4, "capacity": ReservationSpec(reservation=GROUP)},
        (
            "capacity.reservation: 'gpus' is no capacity reservation group of Azure; write its resource id, "
            "/subscriptions/…/Microsoft.Compute/capacityReservationGroups/NAME"
        ),
    ),
    (
        UBUNTU,
        {**T4, "capacity": "spot", "machine_types": ["Standard_NC8as_T4_v3"]},
        {**T4, "capacity": "spot"},
        (
            "machine_types: a node pool of AKS has one machine type; leave them out, make a pool for each, or use "
            "provisioner: node_auto_provisioning"
        ),
    ),
]


@pytest.mark.parametrize(("image", "fields", "near", "line"), REFUSED, ids=[line.split(";")[0] for *_, line in REFUSED])
def test_what_aks_does_not_have(image: str, fields: dict[str, Any], near: dict[str, Any], line: str) -> None:
    assert refused(image, **fields) == [line]
    assert refused(image, **near) == []
    assert refused("local", **fields) == []


def test_several_machine_types_are_for_what_chooses_among_them() -> None:
    assert refused(PROVISIONED, **T4, capacity="spot", machine_types=["Standard_NC8as_T4_v3"]) == []


def test_a_machine_that_azure_has_ended_is_not_offered() -> None:
    assert "Standard_NC6s_v3" not in machine_types()
    (problem,) = refused(UBUNTU, accelerator="v100")
    assert problem.startswith("accelerator: azure has no machines with v100; use one of a10, ")
