"""What GKE is told of a pool's accelerators, and what it does not have."""

from typing import Any

import pytest

from modelyard.gpu.accelerators import ACCELERATORS
from modelyard.gpu.cloud_settings import GkeSettings
from modelyard.gpu.contract import GpuContract, compile_pool
from modelyard.gpu.fabric import FabricClaim
from modelyard.gpu.gke_rules import ATTACHED
from modelyard.gpu.machine_types import machine_types
from modelyard.gpu.node_images import node_images
from modelyard.gpu.spec import GpuSliceSpec, ReservationSpec, SharingSpec
from tests.unit.gpu.requests import MPS, TIME_SLICING, refused, request

COS, UBUNTU, PROVISIONED = "gke/cos", "gke/ubuntu", "gke/node_auto_provisioning"
L4: dict[str, Any] = {"accelerator": "l4"}
H100: dict[str, Any] = {"accelerator": "h100", "gpus_per_node": 8}
H200: dict[str, Any] = {"accelerator": "h200", "gpus_per_node": 8}
SIZE: dict[str, Any] = {"cpus": 8, "memory_gib": 32, "gpus_per_node": 1}


def compiled(image: str, **fields: Any) -> GpuContract:
    contract = compile_pool(request("gcp", "1.35", **fields), node_images()[image])
    assert contract
    assert contract.gke
    assert contract.aks is None
    return contract


def told(image: str, **fields: Any) -> GkeSettings:
    settings = compiled(image, **fields).gke
    assert settings
    return settings


def reserved(name: str) -> dict[str, Any]:
    return {"capacity": ReservationSpec(reservation=name)}


def sliced(profile: str) -> dict[str, Any]:
    return {"sharing": SharingSpec(mig=profile)}


def test_whole_gpus_need_nothing_but_gkes_own() -> None:
    contract = compiled(COS, **L4)
    assert contract.gke == GkeSettings(accelerator_type="nvidia-l4", accelerator_count=1)
    assert contract.components == {"dcgm-exporter"}
    assert contract.node_labels == {"modelyard.dev/accelerator": "l4"}
    assert (contract.taint_key, contract.taint_added_by_cloud) == ("nvidia.com/gpu", True)
    assert contract.pod_node_labels == {}


def test_a_machine_says_what_gke_calls_its_gpus() -> None:
    assert told(COS, **H100).accelerator_type == "nvidia-h100-80gb"
    assert told(COS, machine_type="a3-megagpu-8g").accelerator_type == "nvidia-h100-mega-80gb"
    assert told(COS, accelerator="v100", gpus_per_node=2).accelerator_type == "nvidia-tesla-v100"
    inline = told(COS, machine_type="g9-standard-8", accelerator="l4", **SIZE)
    assert (inline.accelerator_type, inline.accelerator_count) == ("nvidia-l4", 1)


def test_every_accelerator_of_google_cloud_compiles() -> None:
    machines = [each for each in machine_types().values() if each.cloud == "gcp" and each.accelerator]
    for machine in machines:
        capacity = "spot" if machine.accelerator == "h100" else "on_demand"
        settings = told(COS, machine_type=machine.name, capacity=capacity)
        is_tpu = ACCELERATORS[str(machine.accelerator)].vendor == "tpu"
        assert (settings.accelerator_type or "") == machine.gke_accelerator
        assert settings.accelerator_count == (0 if is_tpu else machine.gpus)
    assert {machine.accelerator for machine in machines if machine.name.startswith("n1-")} == set(ATTACHED)


def test_time_slicing_and_mps_are_gkes_own() -> None:
    for sharing, strategy in ((TIME_SLICING, "time_sharing"), (MPS, "mps")):
        contract = compiled(COS, **L4, sharing=sharing)
        assert contract.gke
        assert (contract.gke.sharing_strategy, contract.gke.max_shared_clients_per_gpu) == (strategy, 4)
        assert contract.resources == {"nvidia.com/gpu": 4}
        assert contract.device_plugin_config is None
        assert "nvidia.com/mps.capable" not in contract.node_labels


def test_slices_are_counted_as_gpus() -> None:
    contract = compiled(COS, **H100, **sliced("1g.10gb"))
    assert contract.gke
    assert (contract.gke.gpu_partition_size, contract.gke.sharing_strategy) == ("1g.10gb", None)
    assert contract.resources == {"nvidia.com/gpu": 56}
    assert contract.requested(GpuSliceSpec(mig="1g.10gb")) == {"nvidia.com/gpu": 1}
    assert contract.mig_config is None
    assert told(COS, **H100, sharing=SharingSpec(mig={"1g.10gb": 7})).gpu_partition_size == "1g.10gb"


@pytest.mark.parametrize(
    ("image", "fields", "version"),
    [
        (COS, L4, "default"),
        (COS, {"accelerator": "rtx-pro-6000"}, "latest"),
        (UBUNTU, {"accelerator": "rtx-pro-6000"}, "default"),
        (PROVISIONED, {"accelerator": "rtx-pro-6000"}, "latest"),
        (UBUNTU, {**L4, "driver": "operator"}, "disabled"),
        (COS, {**L4, "device_allocation": "dra"}, "disabled"),
    ],
)
def test_the_driver_is_gkes_unless_something_else_brings_it(image: str, fields: dict[str, Any], version: str) -> None:
    contract = compiled(image, **fields)
    assert contract.gke
    assert contract.gke.driver_version == version
    without_plugin = contract.node_labels.get("gke-no-default-nvidia-gpu-device-plugin") == "true"
    assert without_plugin == (version == "disabled")


def test_the_operator_brings_driver_and_device_plugin_on_ubuntu() -> None:
    assert compiled(UBUNTU, **L4, driver="operator").components == {"gpu-operator", "dcgm-exporter"}


def test_claims_bring_a_driver_of_their_own() -> None:
    contract = compiled(COS, **L4, device_allocation="dra")
    assert contract.components == {"nvidia-dra-driver", "gke-driver-installer", "dcgm-exporter"}
    assert (contract.device_class, contract.resources) == ("gpu.nvidia.com", {})
    # Without it, GKE's autoscaler starts none of an empty pool.
    assert contract.node_labels["cloud.google.com/gke-nvidia-gpu-dra-driver"] == "true"
    assert "cloud.google.com/gke-nvidia-gpu-dra-driver" not in compiled(COS, **L4).node_labels


def test_the_networks_between_gpus_are_claimed() -> None:
    contract = compiled(COS, **H200, fabric="rdma")
    assert contract.gke
    assert (contract.gke.accelerator_network_profile, contract.gke.needs_dataplane_v2) == ("auto", True)
    claim = contract.fabric_claim
    assert claim
    assert claim == FabricClaim(device_class="mrdma.google.com", count=8)
    assert claim.share(2, 8) == FabricClaim(device_class="mrdma.google.com", count=2)
    assert (contract.fabric_resources, contract.fabric_share(8), contract.huge_pages_mib) == ({}, {}, 0)
    assert contract.has_fabric
    assert contract.node_labels["cloud.google.com/gke-networking-dra-driver"] == "true"
    assert "gib-installer" in contract.components
    assert contract.pod_capabilities == ("IPC_LOCK",)
    assert contract.pod_host_paths == {
        "/usr/local/gib": "/home/kubernetes/bin/gib",
        "/usr/local/nvidia": "/home/kubernetes/bin/nvidia",
    }
    assert contract.pod_env["NCCL_NET"] == "gIB"
    assert contract.pod_env["NCCL_TUNER_CONFIG_PATH"] == "/usr/local/gib/configs/tuner_config_a3u.txtpb"
    b200 = compiled(COS, accelerator="b200", gpus_per_node=8, fabric="rdma")
    assert b200.pod_env["NCCL_TUNER_CONFIG_PATH"].endswith("a4.txtpb")
    without = compiled(COS, **H200)
    assert (without.has_fabric, without.pod_host_paths, without.pod_env) == (False, {}, {})
    assert "cloud.google.com/gke-networking-dra-driver" not in without.node_labels


def test_a_slice_of_tpus_over_several_nodes() -> None:
    fields: dict[str, Any] = {"accelerator": "tpu-v5e", "gpus_per_node": 4, "max_nodes": 4, "tpu_topology": "4x4"}
    contract = compiled(COS, **fields)
    assert contract.gke == GkeSettings(tpu_topology="4x4")
    assert (contract.slice_nodes, contract.resources, contract.taint_key) == (
        4,
        {"google.com/tpu": 4},
        "google.com/tpu",
    )
    assert contract.pod_node_labels == {
        "cloud.google.com/gke-tpu-accelerator": "tpu-v5-lite-podslice",
        "cloud.google.com/gke-tpu-topology": "4x4",
    }
    assert contract.components == frozenset()


def test_a_slice_of_one_machine_has_its_topology_without_being_asked() -> None:
    for name, chips, topology in (("tpu-v6e", 1, "1x1"), ("tpu-v6e", 8, "2x4"), ("tpu-v5p", 4, "2x2x1")):
        contract = compiled(COS, accelerator=name, gpus_per_node=chips)
        assert contract.gke == GkeSettings()
        assert contract.slice_nodes == 1
        assert contract.pod_node_labels["cloud.google.com/gke-tpu-topology"] == topology


REFUSED: list[tuple[str, dict[str, Any], dict[str, Any], str]] = [
    # image, fields, what makes them pass, what is said of them
    (
        COS,
        {**H100, **sliced("4g.40gb")},
        {**H100, **sliced("3g.40gb")},
        "sharing.mig: GKE does not divide h100 into 4g.40gb; use 1g.10gb, 1g.20gb, 2g.20gb, 3g.40gb, 7g.80gb",
    ),
    (
        COS,
        {"accelerator": "a100-40gb", **sliced("4g.20gb")},
        {"accelerator": "a100-40gb", **sliced("3g.20gb")},
        "sharing.mig: GKE does not divide a100-40gb into 4g.20gb; use 1g.5gb, 2g.10gb, 3g.20gb, 7g.40gb",
    ),
    (
        COS,
        {**H200, **sliced("1g.18gb+me")},
        {**H200, **sliced("4g.71gb")},
        (
            "sharing.mig: GKE does not divide h200 into 1g.18gb+me; use 1g.18gb, 1g.35gb, 2g.35gb, 3g.71gb, 4g.71gb, "
            "7g.141gb"
        ),
    ),
    (
        COS,
        {"machine_type": "c9-standard-8", "accelerator": "t4", **SIZE},
        {"machine_type": "n1-custom-8-32768", "accelerator": "t4", **SIZE},
        "machine_type: t4 is attached to machines of the family N1 only; use an n1-… machine",
    ),
    (
        COS,
        {"machine_type": "n1-custom-8-32768", "accelerator": "l4", **SIZE},
        {"machine_type": "n1-custom-8-32768", "accelerator": "v100", **SIZE},
        "machine_type: l4 comes with its machine, and is not attached to N1; leave it out, or use p100, t4, v100",
    ),
    (
        COS,
        {"machine_type": "g9-standard-8", "accelerator": "l40s", **SIZE},
        {"machine_type": "g9-standard-8", "accelerator": "l4", **SIZE},
        "accelerator: GKE is not known to have l40s; use one that it has, for example l4 or h100",
    ),
    (
        COS,
        {"accelerator": "h100", "gpus_per_node": 2},
        {"accelerator": "h100", "gpus_per_node": 2, "capacity": "flex_start"},
        (
            "capacity: Google Cloud sells a3-highgpu-2g as spot, flex_start or by reservation only; use one of them, "
            "or gpus_per_node 8"
        ),
    ),
    (
        COS,
        {**L4, "capacity": "flex_start", "min_nodes": 1},
        {**L4, "capacity": "flex_start"},
        "min_nodes: 1 cannot be had at once: flex_start nodes come when there are some; leave it out",
    ),
    (
        COS,
        {**L4, "capacity": "queued", "min_nodes": 1},
        {**L4, "capacity": "queued"},
        "min_nodes: 1 cannot be had at once: queued nodes come when there are some; leave it out",
    ),
    (
        COS,
        {**H100, "capacity": "flex_start", "placement": "compact"},
        {**H200, "capacity": "flex_start", "placement": "compact"},
        (
            "placement: flex_start nodes of this machine type do not stand close together; leave it out, or use "
            "{reservation: NAME}"
        ),
    ),
    (
        COS,
        {**H200, "capacity": "queued", "fabric": "rdma"},
        {**H200, "capacity": "flex_start", "fabric": "rdma"},
        (
            "fabric: queued nodes of this machine type do not stand close together; leave it out, or use "
            "{reservation: NAME}"
        ),
    ),
    (
        COS,
        {**H100, "capacity": "flex_start", "fabric": "tcpxo", "placement": "compact"},
        {**H100, "capacity": "flex_start", "fabric": "tcpxo"},
        (
            "placement: flex_start nodes of this machine type do not stand close together; leave it out, or use "
            "{reservation: NAME}"
        ),
    ),
    (
        COS,
        {**H100, "fabric": "tcpx", "device_allocation": "dra"},
        {**H100, "device_allocation": "dra"},
        (
            "device_allocation: the process beside pods on GPUDirect-TCPX needs GKE's own driver, which dra does "
            "without; use device_plugin"
        ),
    ),
    (
        COS,
        {**H100, **reserved("cr_1")},
        {**H100, **reserved("projects/other-project/reservations/h100s")},
        (
            "capacity.reservation: 'cr_1' is no reservation of Compute Engine; write its name, or "
            "projects/PROJECT/reservations/NAME, with /reservationBlocks/BLOCK for one block"
        ),
    ),
    (
        COS,
        {**H100, **reserved("h100s"), "zones": ["a", "b"]},
        {**H100, **reserved("h100s"), "zones": ["a"]},
        "zones: a reservation is of one zone, not 2; keep the reservation's",
    ),
    (
        COS,
        {**H100, **reserved("h100s/reservationBlocks/b-1")},
        {**H100, **reserved("h100s/reservationBlocks/b-1"), "zones": ["a"]},
        "zones: a block of a reservation is of one zone, and the pool names none; name the reservation's",
    ),
    (
        COS,
        {**L4, "capacity": "spot", "machine_types": ["g2-standard-8"]},
        {**L4, "capacity": "spot"},
        (
            "machine_types: a node pool of GKE has one machine type; leave them out, make a pool for each, or use "
            "provisioner: node_auto_provisioning"
        ),
    ),
    (
        UBUNTU,
        {**L4, "driver": "operator", "sharing": TIME_SLICING},
        {**L4, "driver": "operator"},
        (
            "driver: GKE divides and shares GPUs by its own device plugin, in whose place the operator's works; leave "
            "it out, or use sharing: whole"
        ),
    ),
]


@pytest.mark.parametrize(("image", "fields", "near", "line"), REFUSED, ids=[line.split(";")[0] for *_, line in REFUSED])
def test_what_gke_does_not_have(image: str, fields: dict[str, Any], near: dict[str, Any], line: str) -> None:
    assert refused(image, **fields) == [line]
    assert refused(image, **near) == []
    assert refused("local", **fields) == []


def test_networks_of_gpus_need_a_cluster_that_makes_them() -> None:
    assert refused(COS, "1.33", **H200, fabric="rdma") == [
        (
            "fabric: GKE hands out the networks between GPUs from 1.34 on, and the cluster has 1.33; use "
            'kubernetes_version "1.34" or newer, or leave fabric out'
        )
    ]
    assert refused(COS, "1.34", **H200, fabric="rdma") == []


def test_gpus_without_rdma_are_refused_with_those_that_have_it() -> None:
    assert refused(COS, **H100, fabric="rdma") == [
        (
            "fabric: no machine of gcp with 8 of h100 is known to have RDMA devices of a kind that modelyard sets up; "
            "use tcpx or tcpxo, or an accelerator whose machines have some: b200, h200, or leave it out"
        )
    ]


def test_several_machine_types_are_for_what_makes_node_pools_itself() -> None:
    assert refused(PROVISIONED, **L4, capacity="spot", machine_types=["g2-standard-8"]) == []
