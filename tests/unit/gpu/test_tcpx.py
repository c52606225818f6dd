"""GPUDirect-TCPX and -TCPXO on GKE: what nodes and pods get, and where they cannot be had."""

import json
from typing import Any

import pytest

from modelyard.gpu.contract import GpuContract, compile_pool
from modelyard.gpu.node_images import node_images
from modelyard.gpu.tcpx import TCPX_PLUGIN_FOLDER, TCPXO_PLUGIN_FOLDER
from modelyard.versions import TCPX_DAEMON_IMAGE, TCPXO_DAEMON_IMAGE
from tests.unit.gpu.requests import refused, request

H100: dict[str, Any] = {"accelerator": "h100", "gpus_per_node": 8}
DRIVER = {"/usr/local/nvidia/lib64": "/home/kubernetes/bin/nvidia/lib64"}


def compiled(fabric: str, image: str = "gke/cos") -> GpuContract:
    place = node_images()[image]
    contract = compile_pool(request(place.cloud, "1.35", **H100, fabric=fabric), place)
    assert contract
    return contract


@pytest.mark.parametrize(
    ("fabric", "networks", "accelerator", "installer"),
    [
        ("tcpx", 4, "nvidia-h100-80gb", "tcpx-installer"),
        ("tcpxo", 8, "nvidia-h100-mega-80gb", "tcpxo-installer"),
    ],
)
def test_nodes_are_in_further_networks(fabric: str, networks: int, accelerator: str, installer: str) -> None:
    contract = compiled(fabric)
    assert contract.gke
    assert (contract.fabric_networks, contract.has_fabric) == (networks, True)
    assert contract.gke.accelerator_type == accelerator
    # GKE would make networks of its own for this one.
    assert (contract.gke.accelerator_network_profile, contract.gke.driver_version) == (None, "default")
    assert contract.components == {installer, "device-injector", "dcgm-exporter"}
    assert (contract.fabric_resources, contract.fabric_claim, contract.fabric_share(8)) == ({}, None, {})
    assert "cloud.google.com/gke-networking-dra-driver" not in contract.node_labels
    assert compiled("none").fabric_networks == 0


@pytest.mark.parametrize(("fabric", "networks"), [("tcpx", 4), ("tcpxo", 8)])
def test_a_pod_has_all_cards_and_its_neighbour_the_gpus(fabric: str, networks: int) -> None:
    contract = compiled(fabric)
    sidecar = contract.pod_sidecar
    assert sidecar
    annotations = contract.pod_annotations
    assert json.loads(annotations["networking.gke.io/interfaces"]) == [
        {"interfaceName": "eth0", "network": "default"},
        *({"interfaceName": f"eth{index}", "network": f"gpu-{index}"} for index in range(1, networks + 1)),
    ]
    assert annotations["networking.gke.io/default-interface"] == "eth0"
    devices = annotations[f"devices.gke.io/container.{sidecar.name}"].splitlines()
    own = ["- path: /dev/dmabuf_import_helper"] if fabric == "tcpxo" else []
    assert devices[:8] == [f"- path: /dev/nvidia{index}" for index in range(8)]
    assert devices[8:] == ["- path: /dev/nvidiactl", "- path: /dev/nvidia-uvm", *own]
    assert contract.pod_capabilities == ("IPC_LOCK",)
    assert sidecar.host_paths == {**DRIVER, "/hostsysfs": "/sys", "/hostprocsysfs": "/proc/sys"}


def test_tcpx_and_its_process_find_each_other_by_a_folder() -> None:
    contract = compiled("tcpx")
    sidecar = contract.pod_sidecar
    assert sidecar
    assert (sidecar.image, sidecar.capabilities) == (TCPX_DAEMON_IMAGE, ("NET_ADMIN",))
    assert sidecar.shared_path == "/run/tcpx" == contract.pod_env["NCCL_GPUDIRECTTCPX_UNIX_CLIENT_PREFIX"]
    assert sidecar.shared_path in sidecar.command
    assert contract.pod_host_paths == {"/usr/local/tcpx": TCPX_PLUGIN_FOLDER, **DRIVER}
    assert contract.pod_env["LD_LIBRARY_PATH"] == "/usr/local/tcpx/lib64:/usr/local/nvidia/lib64"
    assert contract.pod_env["NCCL_GPUDIRECTTCPX_SOCKET_IFNAME"] == "eth1,eth2,eth3,eth4"


def test_tcpxo_waits_for_its_process_and_sees_the_cards() -> None:
    contract = compiled("tcpxo")
    sidecar = contract.pod_sidecar
    assert sidecar
    assert (sidecar.image, sidecar.capabilities) == (TCPXO_DAEMON_IMAGE, ("NET_ADMIN", "NET_BIND_SERVICE"))
    # A file with an underscore is never written.
    assert sidecar.health_file == sidecar.env["HEALTH_CHECK_LOG_FILE"] == "/run/health-check"
    assert contract.pod_host_paths == {
        "/usr/local/tcpxo": TCPXO_PLUGIN_FOLDER,
        **DRIVER,
        "/dev/aperture_devices": "/dev/aperture_devices",
    }
    assert contract.pod_env["NCCL_FASTRAK_LLCM_DEVICE_DIRECTORY"] == "/dev/aperture_devices"
    assert contract.pod_env["NCCL_TUNER_CONFIG_PATH"] == "/usr/local/tcpxo/lib64/a3plus_tuner_config.textproto"


def test_simulated_nodes_have_what_the_scheduler_counts() -> None:
    contract = compiled("tcpxo", "local")
    assert contract.fabric_resources == {"vpc.amazonaws.com/efa": 8}
    assert (contract.fabric_networks, contract.pod_annotations, contract.pod_sidecar) == (0, {}, None)
    assert contract.components == frozenset()


@pytest.mark.parametrize(
    ("image", "what", "fix"),
    [
        ("eks/al2023", "a machine of aws with 8 of h100", "use rdma"),
        ("aks/ubuntu", "a machine of azure with 8 of h100", "use rdma"),
    ],
)
def test_other_clouds_do_not_have_it(image: str, what: str, fix: str) -> None:
    assert refused(image, **H100, fabric="tcpx") == [
        (
            f"fabric: GPUDirect-TCPX is there on Google Cloud's a3-highgpu-8g only, and not on {what}; {fix}, or leave "
            "it out"
        )
    ]
    assert refused(image, **H100, fabric="rdma") == []


def test_nodes_that_exist_are_not_known_to_have_it() -> None:
    assert refused("existing", machine_type="a3-megagpu-8g", fabric="tcpxo") == [
        (
            "fabric: modelyard knows AWS's EFA only, and nodes that exist can have another fast network; leave it out, "
            "or name the machine_type of AWS that the nodes are"
        )
    ]
    assert refused("existing", machine_type="p5.48xlarge", fabric="rdma") == []
