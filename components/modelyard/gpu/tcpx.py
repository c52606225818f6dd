"""What GPUDirect-TCPX and GPUDirect-TCPXO need beside the network itself: Google's own process and NCCL's settings.

A machine has several network cards, each in a network of its own, which write what they receive into the GPUs' memory.
A pod on them has all cards of its node, and beside its container a process of Google's, which programs the cards.

Sources: https://cloud.google.com/kubernetes-engine/docs/how-to/gpu-bandwidth-gpudirect-tcpx, and of images, variables
and paths https://github.com/GoogleCloudPlatform/container-engine-accelerators/tree/master/gpudirect-tcpx
(`nccl-test-latest.yaml`, `nccl-config.yaml`), …/gpudirect-tcpxo (`nccl-test-latest.yaml`, the release of 9 January 2026
in `README.md`, `best-practice.md`) and …/nri_device_injector. Nobody has run it with modelyard.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from modelyard.versions import TCPX_DAEMON_IMAGE, TCPX_PLUGIN_VERSION, TCPXO_DAEMON_IMAGE, TCPXO_PLUGIN_VERSION

_INTERFACES_ANNOTATION = "networking.gke.io/interfaces"
_DEFAULT_INTERFACE_ANNOTATION = "networking.gke.io/default-interface"
_DEVICES_ANNOTATION = "devices.gke.io/container"
_DRIVER = "/usr/local/nvidia/lib64"
_DRIVER_OF_NODE = "/home/kubernetes/bin/nvidia/lib64"
_TCPX, _TCPXO = "/usr/local/tcpx", "/usr/local/tcpxo"
_SOCKETS = "/run/tcpx"
_APERTURES = "/dev/aperture_devices"
_HEALTH_FILE = "/run/health-check"
_DAEMON_OF_TCPX = "/tcpgpudmarxd/build/app/tcpgpudmarxd"
_DAEMON_OF_TCPXO = "/fts/entrypoint_rxdm_container.sh"

TCPX_PLUGIN_FOLDER = f"/home/kubernetes/bin/tcpx-{TCPX_PLUGIN_VERSION}"
"""Where a node has Google's NCCL plugin for TCPX. It is there from one moment to the next, so that no pod starts before
all of it is, and by version, so that another one takes nothing away from pods that run."""
TCPXO_PLUGIN_FOLDER = f"/home/kubernetes/bin/tcpxo-{TCPXO_PLUGIN_VERSION}"
"""Where a node has the one for TCPXO."""


@dataclass(frozen=True, kw_only=True)
class Sidecar:
    """A process beside a container on the fabric, which starts before it and ends after it.

    Attributes:
        name: of its container.
        image: with a version.
        command: what runs.
        env: its variables.
        capabilities: of Linux, beside those that containers usually have.
        host_paths: folders of the node, by the path where it sees them; it writes to all of them.
        shared_path: a folder that the container sees too, at the same path; None for none.
        health_file: the file that is there once it can be used; None where nothing says so.
    """

    name: str
    image: str
    command: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict[str, str])
    capabilities: tuple[str, ...]
    host_paths: Mapping[str, str]
    shared_path: str | None = None
    health_file: str | None = None


_DAEMON_PATHS = {_DRIVER: _DRIVER_OF_NODE, "/hostsysfs": "/sys", "/hostprocsysfs": "/proc/sys"}
_DAEMON_ENV = {"LD_LIBRARY_PATH": _DRIVER}

TCPX_DAEMON = Sidecar(
    name="tcpx-daemon",
    image=TCPX_DAEMON_IMAGE,
    command=(
        *(_DAEMON_OF_TCPX, "--gpu_nic_preset", "a3vm", "--gpu_shmem_type", "fd"),
        *("--uds_path", _SOCKETS, "--setup_param", "--verbose 128 2 0"),
    ),
    env=_DAEMON_ENV,
    capabilities=("NET_ADMIN",),
    host_paths=_DAEMON_PATHS,
    shared_path=_SOCKETS,
)
"""Google's process for TCPX."""
TCPXO_DAEMON = Sidecar(
    name="tcpxo-daemon",
    image=TCPXO_DAEMON_IMAGE,
    command=("/bin/sh", "-c", f"chmod 755 {_DAEMON_OF_TCPXO} && exec {_DAEMON_OF_TCPXO} --num_hops=2"),
    env={**_DAEMON_ENV, "HEALTH_CHECK_LOG_FILE": _HEALTH_FILE},
    capabilities=("NET_ADMIN", "NET_BIND_SERVICE"),
    host_paths=_DAEMON_PATHS,
    health_file=_HEALTH_FILE,
)
"""Google's process for TCPXO."""

TCPX_HOST_PATHS = {_TCPX: TCPX_PLUGIN_FOLDER, _DRIVER: _DRIVER_OF_NODE}
"""Folders of a node that a container on TCPX sees, by the path where it does."""
TCPXO_HOST_PATHS = {_TCPXO: TCPXO_PLUGIN_FOLDER, _DRIVER: _DRIVER_OF_NODE, _APERTURES: _APERTURES}
"""Those that one on TCPXO does."""

_ENV = {
    "NCCL_SOCKET_IFNAME": "eth0",
    "NCCL_CROSS_NIC": "0",
    "NCCL_NET_GDR_LEVEL": "PIX",
    "NCCL_P2P_NET_CHUNKSIZE": "524288",
    "NCCL_P2P_PCI_CHUNKSIZE": "524288",
    "NCCL_P2P_NVL_CHUNKSIZE": "1048576",
}
TCPX_ENV = {
    **_ENV,
    "LD_LIBRARY_PATH": f"{_TCPX}/lib64:{_DRIVER}",
    "NCCL_ALGO": "Ring,Tree",
    "NCCL_PROTO": "Simple",
    "NCCL_P2P_PXN_LEVEL": "0",
    "NCCL_DYNAMIC_CHUNK_SIZE": "524288",
    "NCCL_BUFFSIZE": "4194304",
    "NCCL_NSOCKS_PERTHREAD": "4",
    "NCCL_SOCKET_NTHREADS": "1",
    "NCCL_GPUDIRECTTCPX_CTRL_DEV": "eth0",
    "NCCL_GPUDIRECTTCPX_SOCKET_IFNAME": "eth1,eth2,eth3,eth4",
    # Processors of the half of the machine that the card is on.
    "NCCL_GPUDIRECTTCPX_TX_BINDINGS": "eth1:8-21,112-125;eth2:8-21,112-125;eth3:60-73,164-177;eth4:60-73,164-177",
    "NCCL_GPUDIRECTTCPX_RX_BINDINGS": "eth1:22-35,126-139;eth2:22-35,126-139;eth3:74-87,178-191;eth4:74-87,178-191",
    "NCCL_GPUDIRECTTCPX_PROGRAM_FLOW_STEERING_WAIT_MICROS": "500000",
    # https://github.com/GoogleCloudPlatform/cluster-toolkit/tree/main/examples/machine-learning/a3-highgpu-8g
    "NCCL_GPUDIRECTTCPX_UNIX_CLIENT_PREFIX": _SOCKETS,
}
"""Google's settings of NCCL over TCPX."""
TCPXO_ENV = {
    **_ENV,
    "LD_LIBRARY_PATH": f"{_TCPXO}/lib64:{_DRIVER}",
    "NCCL_PROTO": "Simple,LL128",
    "NCCL_MIN_NCHANNELS": "4",
    "NCCL_BUFFSIZE": "8388608",
    "NCCL_NVLS_ENABLE": "1",
    "NCCL_NVLSTREE_MAX_CHUNKSIZE": "131072",
    "NCCL_TUNER_PLUGIN": "libnccl-tuner.so",
    "NCCL_TUNER_CONFIG_PATH": f"{_TCPXO}/lib64/a3plus_tuner_config.textproto",
    "NCCL_SHIMNET_GUEST_CONFIG_CHECKER_CONFIG_FILE": f"{_TCPXO}/lib64/a3plus_guest_config.textproto",
    "NCCL_FASTRAK_CTRL_DEV": "eth0",
    "NCCL_FASTRAK_IFNAME": "eth1,eth2,eth3,eth4,eth5,eth6,eth7,eth8",
    "NCCL_FASTRAK_NUM_FLOWS": "2",
    "NCCL_FASTRAK_USE_SNAP": "1",
    "NCCL_FASTRAK_USE_LLCM": "1",
    "NCCL_FASTRAK_LLCM_DEVICE_DIRECTORY": _APERTURES,
    "NCCL_FASTRAK_ENABLE_CONTROL_CHANNEL": "0",
    "NCCL_FASTRAK_ENABLE_HOTPATH_LOGGING": "0",
    "NCCL_FASTRAK_PLUGIN_ACCEPT_TIMEOUT_MS": "600000",
}
"""Google's settings of NCCL over TCPXO, as its `nccl-env-profile.sh` makes them."""
_DEVICES = (*(f"nvidia{index}" for index in range(8)), "nvidiactl", "nvidia-uvm")
_TCPXO_DEVICES = (*_DEVICES, "dmabuf_import_helper")


def network_name(index: int) -> str:
    """What the network of a node's card is called on the cluster, by its place: 1 for the first beside the node's
    own."""
    return f"gpu-{index}"


def pod_annotations(networks: int, sidecar: Sidecar) -> dict[str, str]:
    """Annotations by which a pod has the cards of its node and the process beside it the GPUs, which that asks for as
    devices: as a resource, they would be another container's.

    Args:
        networks: cards of the node beside its own.
        sidecar: the process.
    """
    interfaces = [("eth0", "default"), *((f"eth{index}", network_name(index)) for index in range(1, networks + 1))]
    devices = _TCPXO_DEVICES if sidecar is TCPXO_DAEMON else _DEVICES
    return {
        _DEFAULT_INTERFACE_ANNOTATION: "eth0",
        _INTERFACES_ANNOTATION: json.dumps([{"interfaceName": own, "network": name} for own, name in interfaces]),
        f"{_DEVICES_ANNOTATION}.{sidecar.name}": "".join(f"- path: /dev/{name}\n" for name in devices),
    }
