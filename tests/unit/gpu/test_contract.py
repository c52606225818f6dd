"""What a pool is compiled into, on each kind of nodes."""

from typing import Any

import pytest

from modelyard.errors import ConfigError
from modelyard.gpu.contract import GpuContract, compile_pool
from modelyard.gpu.node_images import node_images
from modelyard.gpu.spec import GpuSliceSpec, SharingSpec
from tests.unit.gpu.requests import MIXED, MPS, SLICES, TIME_SLICING, request

H100: dict[str, Any] = {"accelerator": "h100", "gpus_per_node": 8}


def compiled(image: str, **fields: Any) -> GpuContract:
    place = node_images()[image]
    contract = compile_pool(request(place.cloud, "1.35", **fields), place)
    assert contract
    return contract


def test_a_pool_without_accelerators_has_no_contract() -> None:
    assert compile_pool(request(cpus=4, memory_gib=16), node_images()["local"]) is None


def test_whole_gpus() -> None:
    contract = compiled("eks/al2023", **H100)
    assert contract.resources == {"nvidia.com/gpu": 8}
    assert contract.components == {"nvidia-device-plugin", "dcgm-exporter"}
    assert contract.node_labels == {"modelyard.dev/accelerator": "h100"}
    assert (contract.taint_key, contract.sharing_kind, contract.shares_per_gpu) == ("nvidia.com/gpu", "whole", 1)
    assert contract.device_plugin_config is None
    assert contract.requested(2) == {"nvidia.com/gpu": 2}
    assert contract.part_of_node(2) == 0.25


def test_slices_of_one_profile() -> None:
    contract = compiled("eks/al2023", **H100, sharing=SLICES)
    assert contract.resources == {"nvidia.com/mig-1g.10gb": 56}
    assert contract.components == {"gpu-operator", "dcgm-exporter"}
    assert contract.mig_config == {"pool": [{"devices": "all", "mig-enabled": True, "mig-devices": {"1g.10gb": 7}}]}
    assert contract.device_plugin_config == {"version": "v1", "flags": {"migStrategy": "mixed"}}
    assert contract.node_labels["nvidia.com/mig.config"] == "pool"
    assert contract.node_labels["nvidia.com/device-plugin.config"] == "pool"
    assert contract.requested(GpuSliceSpec(mig="1g.10gb", count=2)) == {"nvidia.com/mig-1g.10gb": 2}
    assert contract.part_of_node(GpuSliceSpec(mig="1g.10gb", count=2)) == pytest.approx(2 / 56)


def test_as_many_as_fit_are_the_same_as_the_profile() -> None:
    assert compiled("eks/al2023", **H100, sharing=SharingSpec(mig={"1g.10gb": 7})) == compiled(
        "eks/al2023", **H100, sharing=SLICES
    )
    assert compiled("local", **H100, sharing=SharingSpec(mig={"1g.10gb": 6})).sharing_kind == "mig_mixed"


def test_slices_of_several_profiles() -> None:
    contract = compiled("eks/karpenter/al2023", **H100, sharing=MIXED)
    assert contract.resources == {"nvidia.com/mig-3g.40gb": 8, "nvidia.com/mig-1g.10gb": 32}
    assert (contract.sharing_kind, contract.shares_per_gpu) == ("mig_mixed", 5)
    # Half of the memory of one of eight GPUs, and an eighth.
    assert contract.part_of_node(GpuSliceSpec(mig="3g.40gb")) == pytest.approx(1 / 16)
    assert contract.part_of_node(GpuSliceSpec(mig="1g.10gb")) == pytest.approx(1 / 64)
    # Slices that there are not here are refused by the pool, but not by its contract.
    assert contract.part_of_node(GpuSliceSpec(mig="7g.80gb")) == pytest.approx(1 / 8)
    assert contract.requested(GpuSliceSpec(mig="7g.80gb")) == {"nvidia.com/gpu": 1}


def test_a_profile_with_media_engines() -> None:
    contract = compiled("local", **H100, sharing=SharingSpec(mig={"1g.10gb+me": 1, "1g.10gb": 6}))
    assert contract.resources == {"nvidia.com/mig-1g.10gb.me": 8, "nvidia.com/mig-1g.10gb": 48}


def test_bottlerocket_counts_slices_as_gpus() -> None:
    contract = compiled("eks/bottlerocket", **H100, sharing=SLICES)
    assert contract.resources == {"nvidia.com/gpu": 56}
    assert contract.slice_resources == {"1g.10gb": "nvidia.com/gpu"}
    assert contract.requested(GpuSliceSpec(mig="1g.10gb")) == {"nvidia.com/gpu": 1}
    assert contract.image_settings == {
        "kubelet-device-plugins": {
            "nvidia": {"device-partitioning-strategy": "mig", "mig": {"profile": {"h100.80gb": "1g.10gb"}}}
        }
    }
    assert contract.components == {"dcgm-exporter"}


@pytest.mark.parametrize(
    ("sharing", "image", "config", "settings"),
    [
        (
            TIME_SLICING,
            "eks/al2023",
            {
                "version": "v1",
                "sharing": {
                    "timeSlicing": {
                        "renameByDefault": False,
                        "failRequestsGreaterThanOne": True,
                        "resources": [{"name": "nvidia.com/gpu", "replicas": 4}],
                    }
                },
            },
            {},
        ),
        (
            MPS,
            "eks/al2023",
            {
                "version": "v1",
                "sharing": {
                    "mps": {"renameByDefault": False, "resources": [{"name": "nvidia.com/gpu", "replicas": 4}]}
                },
            },
            {},
        ),
        (
            TIME_SLICING,
            "eks/bottlerocket",
            None,
            {
                "device-sharing-strategy": "time-slicing",
                "time-slicing": {"replicas": 4, "rename-by-default": False, "fail-requests-greater-than-one": True},
            },
        ),
    ],
)
def test_shares(sharing: SharingSpec, image: str, config: object, settings: dict[str, Any]) -> None:
    contract = compiled(image, accelerator="l4", sharing=sharing)
    assert contract.resources == {"nvidia.com/gpu": 4}
    assert (contract.shares_per_gpu, contract.part_of_node(1)) == (4, 0.25)
    assert contract.device_plugin_config == config
    assert contract.image_settings.get("kubelet-device-plugins", {}).get("nvidia", {}) == settings
    is_labelled = sharing == MPS and image == "eks/al2023"
    assert (contract.node_labels.get("nvidia.com/mps.capable") == "true") == is_labelled


def test_claims_in_place_of_resources() -> None:
    contract = compiled("eks/al2023", **H100, device_allocation="dra")
    assert contract.device_class == "gpu.nvidia.com"
    assert contract.resources == contract.requested(2) == {}
    assert contract.components == {"nvidia-dra-driver", "dcgm-exporter"}
    assert compiled("eks/bottlerocket", **H100, device_allocation="dra").image_settings == {
        "kubelet-device-plugins": {"nvidia": {"enabled": False}}
    }


def test_simulated_nodes_have_resources_also_for_claims() -> None:
    contract = compiled("local", **H100, device_allocation="dra")
    assert (contract.device_class, contract.resources) == (None, {"nvidia.com/gpu": 8})
    assert contract.components == frozenset()


def test_a_fast_network() -> None:
    contract = compiled("eks/al2023", **H100, fabric="rdma")
    assert contract.fabric_resources == {"vpc.amazonaws.com/efa": 32}
    assert contract.fabric_capacity == {"hugepages-2Mi": "10240Mi"}
    assert contract.components == {"nvidia-device-plugin", "dcgm-exporter", "efa-device-plugin"}
    assert contract.pod_env == {"FI_PROVIDER": "efa"}
    assert contract.fabric_share(8) == {"vpc.amazonaws.com/efa": "32", "hugepages-2Mi": "10240Mi"}
    assert contract.fabric_share(1) == {"vpc.amazonaws.com/efa": "4", "hugepages-2Mi": "1280Mi"}
    assert contract.pod_capabilities == ("IPC_LOCK",)
    without = compiled("eks/al2023", **H100)
    assert (without.fabric_resources, without.fabric_capacity, without.pod_env) == ({}, {}, {})
    assert without.pod_capabilities == ()


def test_auto_mode_has_no_huge_pages() -> None:
    contract = compiled("eks/auto_mode", **H100, fabric="rdma")
    assert contract.fabric_resources == {"vpc.amazonaws.com/efa": 32}
    assert contract.fabric_capacity == {}
    assert contract.fabric_share(8) == {"vpc.amazonaws.com/efa": "32"}
    assert contract.pod_capabilities == ("IPC_LOCK",)


@pytest.mark.parametrize("accelerator", [H100, {"accelerator": "trainium1", "gpus_per_node": 16}])
def test_the_image_of_auto_mode_has_the_fabrics_plugin(accelerator: dict[str, Any]) -> None:
    assert "efa-device-plugin" not in compiled("eks/auto_mode", **accelerator, fabric="rdma").components
    assert "efa-device-plugin" in compiled("eks/karpenter/al2023", **accelerator, fabric="rdma").components


def test_nodes_that_exist_are_asked_for_no_huge_pages() -> None:
    contract = compiled("existing", machine_type="p5.48xlarge", fabric="rdma")
    assert contract.fabric_share(8) == {"vpc.amazonaws.com/efa": "32"}
    assert contract.fabric_capacity == {}
    assert contract.components == frozenset()


@pytest.mark.parametrize(
    ("image", "fields", "configured"),
    [
        ("eks/al2023", {"fabric": "rdma"}, True),
        ("eks/karpenter/al2023", {"fabric": "rdma"}, True),
        ("eks/al2023", {}, False),
        # Their plugin is the image's, and there is none where pods claim devices.
        ("eks/bottlerocket", {"fabric": "rdma"}, False),
        ("eks/auto_mode", {"fabric": "rdma"}, False),
        ("eks/al2023", {"fabric": "rdma", "device_allocation": "dra"}, False),
    ],
)
def test_gpus_on_a_fabric_have_gdrcopy(image: str, fields: dict[str, Any], configured: bool) -> None:
    contract = compiled(image, **H100, **fields)
    config = {"version": "v1", "flags": {"gdrcopyEnabled": True}} if configured else None
    assert contract.device_plugin_config == config
    assert contract.node_labels.get("nvidia.com/device-plugin.config") == ("pool" if configured else None)


def test_neuron_devices_on_a_fabric_have_no_configuration_of_nvidias_plugin() -> None:
    contract = compiled("eks/al2023", accelerator="trainium1", gpus_per_node=16, fabric="rdma")
    assert contract.device_plugin_config is None


def test_a_machine_that_is_newer_than_the_table() -> None:
    contract = compiled(
        "eks/al2023",
        machine_type="p9.48xlarge",
        accelerator="b300",
        gpus_per_node=8,
        cpus=192,
        memory_gib=4096,
        rdma_devices=17,
        fabric="rdma",
    )
    assert contract.resources == {"nvidia.com/gpu": 8}
    assert contract.fabric_resources == {"vpc.amazonaws.com/efa": 17}


@pytest.mark.parametrize(
    ("image", "accelerator", "resources", "components"),
    [
        ("eks/al2023", "trainium1", {"aws.amazon.com/neuron": 1}, {"neuron-device-plugin"}),
        ("eks/auto_mode", "inferentia2", {"aws.amazon.com/neuron": 1}, set[str]()),
        ("existing", "mi300x", {"amd.com/gpu": 8}, set[str]()),
        ("existing", "tpu-v5e", {"google.com/tpu": 1}, set[str]()),
        ("existing", "l4", {"nvidia.com/gpu": 1}, set[str]()),
        ("local", "mi300x", {"amd.com/gpu": 8}, set[str]()),
    ],
)
def test_each_vendor(image: str, accelerator: str, resources: dict[str, int], components: set[str]) -> None:
    count = {"gpus_per_node": 8} if accelerator == "mi300x" else {}
    contract = compiled(image, accelerator=accelerator, **count)
    assert contract.resources == resources
    assert contract.components == components
    assert contract.taint_key in resources
    assert contract.node_labels == {"modelyard.dev/accelerator": accelerator}


def test_nodes_that_exist_get_their_driver_from_the_operator_when_asked() -> None:
    assert compiled("existing", **H100, driver="operator").components == {"gpu-operator"}
    assert compiled("existing", **H100, driver="image").components == frozenset()


def test_all_that_is_wrong_is_said_at_once() -> None:
    image = node_images()["eks/auto_mode"]
    with pytest.raises(ConfigError) as caught:
        compile_pool(
            request(
                "aws", "1.35", **H100, capacity="flex_start", driver="operator", sharing=SLICES, node_image="al2023"
            ),
            image,
        )
    assert [problem.path for problem in caught.value.problems] == ["node_image", "capacity", "driver", "sharing.mig"]
