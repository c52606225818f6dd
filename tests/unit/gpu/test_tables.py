"""The tables agree with each other."""

import pytest

from modelyard.gpu.accelerators import ACCELERATORS
from modelyard.gpu.fabric import FABRIC_OF_CLOUD, REFUSED_FABRICS, TCP_FABRICS
from modelyard.gpu.machine_types import machine_types, offered, sizes, smallest


def test_every_machine_has_a_known_accelerator_or_none() -> None:
    for machine in machine_types().values():
        assert (machine.accelerator is None) == (machine.gpus == 0), machine.name
        assert machine.accelerator is None or machine.accelerator in ACCELERATORS, machine.name
        assert machine.vcpus > 0, machine.name
        assert machine.memory_gib > 0, machine.name
        assert machine.architecture in {"amd64", "arm64"}, machine.name


def test_the_smallest_machine_has_exactly_the_devices() -> None:
    machine = smallest("l4", 4)
    assert machine
    assert (machine.accelerator, machine.gpus) == ("l4", 4)
    others = [each for each in machine_types().values() if (each.accelerator, each.gpus) == ("l4", 4)]
    assert machine.vcpus == min(each.vcpus for each in others)
    assert smallest("l4", 3) is None


def test_sizes_are_ascending_and_whole() -> None:
    assert sizes("l4") == [1, 2, 4, 8]
    assert sizes("no-such") == []


@pytest.mark.parametrize(
    ("accelerator", "vendor", "resource", "labels"),
    [
        (
            "l4",
            "nvidia",
            "nvidia.com/gpu",
            {"karpenter.k8s.aws/instance-gpu-name": "l4", "cloud.google.com/gke-accelerator": "nvidia-l4"},
        ),
        ("mi300x", "amd", "amd.com/gpu", {}),
        (
            "trainium1",
            "neuron",
            "aws.amazon.com/neuron",
            {"karpenter.k8s.aws/instance-accelerator-name": "trainium"},
        ),
        ("tpu-v5e", "tpu", "google.com/tpu", {"cloud.google.com/gke-tpu-accelerator": "tpu-v5-lite-podslice"}),
    ],
)
def test_each_vendor_has_resource_and_labels(
    accelerator: str, vendor: str, resource: str, labels: dict[str, str]
) -> None:
    found = ACCELERATORS[accelerator]
    assert (found.vendor, found.resource, found.cloud_labels) == (vendor, resource, labels)


def test_some_devices_need_a_driver_that_is_new_or_old_enough() -> None:
    bounds = {name: (each.driver_at_least, each.driver_at_most) for name, each in ACCELERATORS.items()}
    assert {name: pair for name, pair in bounds.items() if any(pair)} == {
        "p100": (None, 580),
        "rtx-pro-4500": (595, None),
        "v100": (None, 580),
        "v100-32gb": (None, 580),
    }


def test_what_no_final_source_was_read_for_is_said() -> None:
    assert {name: each.unsourced for name, each in ACCELERATORS.items() if each.unsourced} == {"b300": {"mig_profiles"}}


def test_profiles_have_their_sizes() -> None:
    profiles = ACCELERATORS["h100"].mig_profiles
    assert {name: (each.compute, each.memory_gb, each.most_per_gpu) for name, each in profiles.items()} == {
        "1g.10gb": (1, 10, 7),
        "1g.10gb+me": (1, 10, 1),
        "1g.20gb": (1, 20, 4),
        "2g.20gb": (2, 20, 3),
        "3g.40gb": (3, 40, 2),
        "4g.40gb": (4, 40, 1),
        "7g.80gb": (7, 80, 1),
    }
    for accelerator in ACCELERATORS.values():
        assert accelerator.vendor == "nvidia" or not accelerator.mig_profiles
        for profile in accelerator.mig_profiles.values():
            assert profile.memory_gb <= accelerator.memory_gib, (accelerator.name, profile.name)


def test_a_machine_has_its_network_and_quota() -> None:
    machine = machine_types()["p5.48xlarge"]
    assert (machine.rdma_devices, machine.network_gbps, machine.local_nvme_gib) == (32, 3200, 28312)
    assert (machine.quota, machine.quota_unit) == ("L-417A185B Running On-Demand P instances", "vCPU")
    assert machine_types()["g6.xlarge"].rdma_devices == 0
    assert machine_types()["a3-highgpu-8g"].quota_unit == "GPU"


def test_every_machine_of_aws_counts_against_a_quota() -> None:
    for machine in machine_types().values():
        assert machine.quota or machine.cloud != "aws", machine.name
        assert machine.unsourced <= {"vcpus", "memory_gib", "gpus", "architecture"}, machine.name
        fabric = FABRIC_OF_CLOUD[machine.cloud]
        assert machine.fabric_kind in {"", fabric, *TCP_FABRICS, *REFUSED_FABRICS}, machine.name
        assert machine.cloud == "gcp" or machine.fabric_kind not in TCP_FABRICS, machine.name
        assert bool(machine.rdma_devices) == (machine.fabric_kind == fabric), machine.name


def test_gke_has_a_name_for_every_gpu_of_its_machines() -> None:
    for machine in machine_types().values():
        vendor = ACCELERATORS[machine.accelerator].vendor if machine.accelerator else None
        assert bool(machine.gke_accelerator) == (machine.cloud == "gcp" and vendor == "nvidia"), machine.name
        if machine.gke_accelerator and machine.name != "a3-megagpu-8g":
            labels = ACCELERATORS[str(machine.accelerator)].cloud_labels
            assert labels["cloud.google.com/gke-accelerator"] == machine.gke_accelerator
    # The one GPU that goes by two names.
    assert machine_types()["a3-megagpu-8g"].gke_accelerator == "nvidia-h100-mega-80gb"


@pytest.mark.parametrize("cloud", ["aws", "gcp", "azure"])
@pytest.mark.parametrize(("cpus", "memory_gib"), [(2, 8), (4, 16), (16, 64), (32, 128)])
def test_a_neutral_size_is_a_machine_on_every_cloud(cloud: str, cpus: float, memory_gib: float) -> None:
    found = smallest(None, 0, cloud, cpus=cpus, memory_gib=memory_gib)
    assert found
    assert (found.cloud, found.vcpus, found.architecture) == (cloud, cpus, "amd64")


def test_a_machine_of_any_cloud_has_the_fabric_of_simulated_nodes_first() -> None:
    found = smallest("h200", 8, fabric="rdma")
    assert found
    assert (found.cloud, found.fabric_kind) == ("aws", "efa")
    azure = smallest("h200", 8, "azure", fabric="rdma")
    assert azure
    assert (azure.name, azure.fabric_kind, azure.rdma_devices) == ("Standard_ND96isr_H200_v5", "infiniband", 8)
    assert smallest("h100", 8, "gcp", fabric="rdma") is None


def test_a_machine_is_found_by_its_kind_of_fast_network() -> None:
    tcpx, tcpxo = smallest("h100", 8, fabric="tcpx"), smallest("h100", 8, "gcp", fabric="tcpxo")
    assert tcpx
    assert tcpxo
    assert (tcpx.name, tcpx.fabric, tcpx.devices_of("tcpx"), tcpx.rdma_devices) == ("a3-highgpu-8g", "tcpx", 4, 0)
    assert (tcpxo.name, tcpxo.devices_of("tcpxo"), tcpxo.devices_of("tcpx")) == ("a3-megagpu-8g", 8, 0)
    assert smallest("h200", 8, "gcp", fabric="tcpx") is None
    # There, but of a kind that nothing sets up.
    assert machine_types()["a4x-highgpu-4g"].fabric_kind == "gib-nvlink"
    assert machine_types()["a4x-highgpu-4g"].fabric == "none"


def test_a_machine_is_of_the_cloud_that_is_asked_for() -> None:
    assert {cloud: found.name for cloud in ("aws", "gcp", "azure") if (found := smallest("h100", 8, cloud))} == {
        "aws": "p5.48xlarge",
        "gcp": "a3-highgpu-8g",
        "azure": "Standard_ND96isr_H100_v5",
    }
    assert smallest("mi300x", 8, "aws") is None
    assert smallest("mi300x", 8)
    assert sizes("h100", "aws") == [1, 8]
    assert "mi300x" in offered("azure")
    assert "mi300x" not in offered("aws")


def test_a_machine_is_as_large_as_is_asked_for() -> None:
    def name(**asked: object) -> str | None:
        found = smallest(None, 0, "aws", **asked)  # pyright: ignore[reportArgumentType]
        return found.name if found else None

    assert name(cpus=4, memory_gib=16) == "m7i.xlarge"
    assert name(cpus=4, memory_gib=17) == "m7i.2xlarge"
    assert name(cpus=4, memory_gib=16, architecture="arm64") == "m7g.xlarge"
    assert name(cpus=1000) is None
    with_fabric = smallest("l4", 1, "aws", fabric="rdma")
    assert with_fabric
    assert (with_fabric.name, with_fabric.rdma_devices) == ("g6.8xlarge", 1)
