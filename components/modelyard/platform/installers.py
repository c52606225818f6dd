"""What works on nodes by itself, without a chart: which there are, and what each does. No Pulumi package.

Each is a DaemonSet whose pods have all rights on the node. Most do their work in a first container and then nothing.
Nobody has run them with modelyard.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from modelyard.gpu.components import Component
from modelyard.gpu.tcpx import TCPX_PLUGIN_FOLDER, TCPXO_PLUGIN_FOLDER
from modelyard.operators import namespaces
from modelyard.versions import (
    AMD_DRIVER,
    DEVICE_INJECTOR_IMAGE,
    GIB_IMAGE,
    INSTALLER_IMAGE,
    TCPX_PLUGIN_IMAGE,
    TCPXO_PLUGIN_IMAGE,
)

_PROGRAMS = "/home/kubernetes/bin"
_GKE_LIBRARIES = "/home/kubernetes/bin/nvidia"
_GIB = "/home/kubernetes/bin/gib"


@dataclass(frozen=True, kw_only=True)
class Installer:
    """One of them.

    Attributes:
        namespace: where it runs; nothing else does.
        image: of the container that does the work.
        is_on_node: whether nodes have the image already, and no registry does.
        host_script: what is done before, for the node's own `sh`.
        script: what it does, for `bash`; empty for what the image does, for as long as the node is there.
        env: its variables.
        host_paths: folders of the node, by the path where the container sees them.
    """

    namespace: str
    image: str
    is_on_node: bool = False
    host_script: str = ""
    script: str = ""
    env: Mapping[str, str] = field(default_factory=dict[str, str])
    host_paths: Mapping[str, str]


_GIB_SCRIPT = """set -ex
/scripts/container_entry.sh install
cp -r /var/lib/gib/lib64/. /host/nvidia/lib64
cp -r /var/lib/gib/. /host/gib
"""
# Each card that TCPXO uses, where pods that have no rights on the node find it.
_TCPXO_HOST_SCRIPT = """set -e
modprobe import-helper
iptables -C INPUT -p tcp -m tcp -j ACCEPT || iptables -I INPUT -p tcp -m tcp -j ACCEPT
lspci -nn -D | grep 1ae0:0084 | while read -r card rest; do
  shown=/dev/aperture_devices/$card
  mkdir -p "$shown"
  mountpoint -q "$shown" || mount --bind "$(readlink -f "/sys/bus/pci/devices/$card")" "$shown"
  chmod -R a+r "$shown"
  chmod a+rw "$shown"/resource*
done
"""
_GKE_DRIVER_SCRIPT = """set -e
grep -q '^nvidia ' /proc/modules || /cos-gpu-installer install
"""


def _plugin_script(installed: str, folder: str) -> str:
    """Installs Google's NCCL plugin for TCP, and puts it where pods look for it at one moment."""
    name = folder.rpartition("/")[2]
    return f"""set -ex
bash /scripts/container_entry.sh install --install-nccl
[ -d /host/{name} ] && exit 0
rm -rf /host/{name}.new
mkdir /host/{name}.new
cp -r /var/lib/{installed}/lib64 /host/{name}.new
mv /host/{name}.new /host/{name}
"""


# Packages of AMD for the node's release of Ubuntu; nothing is done where the driver is there.
_AMD_SCRIPT = f"""set -e
chroot /host bash -s <<'END'
set -e
modinfo amdgpu 2>/dev/null | grep -q '{AMD_DRIVER}' && modprobe amdgpu && exit 0
. /etc/os-release
export DEBIAN_FRONTEND=noninteractive
mkdir -p /etc/apt/keyrings
curl -fsSL https://repo.radeon.com/rocm/rocm.gpg.key | gpg --batch --yes --dearmor -o /etc/apt/keyrings/rocm.gpg
source='deb [arch=amd64 signed-by=/etc/apt/keyrings/rocm.gpg] https://repo.radeon.com/amdgpu/{AMD_DRIVER}/ubuntu'
echo "$source $VERSION_CODENAME main" > /etc/apt/sources.list.d/amdgpu.list
apt-get update
apt-get install -y amdgpu-dkms
modprobe amdgpu
END
"""

INSTALLERS: Mapping[Component, Installer] = {
    # https://github.com/GoogleCloudPlatform/container-engine-accelerators/blob/master/gpudirect-rdma/nccl-rdma-installer.yaml
    "gib-installer": Installer(
        namespace=namespaces.GIB,
        image=GIB_IMAGE,
        script=_GIB_SCRIPT,
        host_paths={"/host/nvidia/lib64": f"{_GKE_LIBRARIES}/lib64", "/host/gib": _GIB},
    ),
    # https://github.com/GoogleCloudPlatform/container-engine-accelerators/blob/master/gpudirect-tcpx/nccl-tcpx-installer.yaml
    "tcpx-installer": Installer(
        namespace=namespaces.TCPX,
        image=TCPX_PLUGIN_IMAGE,
        script=_plugin_script("tcpx", TCPX_PLUGIN_FOLDER),
        host_paths={"/var/lib": "/var/lib", "/host": _PROGRAMS},
    ),
    # https://github.com/GoogleCloudPlatform/container-engine-accelerators/blob/master/gpudirect-tcpxo/nccl-tcpxo-installer.yaml
    "tcpxo-installer": Installer(
        namespace=namespaces.TCPXO,
        image=TCPXO_PLUGIN_IMAGE,
        host_script=_TCPXO_HOST_SCRIPT,
        script=_plugin_script("tcpxo", TCPXO_PLUGIN_FOLDER),
        host_paths={"/var/lib": "/var/lib", "/host": _PROGRAMS},
    ),
    # https://github.com/GoogleCloudPlatform/container-engine-accelerators/tree/master/nri_device_injector
    "device-injector": Installer(
        namespace=namespaces.DEVICE_INJECTOR,
        image=DEVICE_INJECTOR_IMAGE,
        host_paths={"/dev": "/dev", "/var/run/nri": "/var/run/nri"},
    ),
    # https://github.com/GoogleCloudPlatform/container-engine-accelerators/blob/master/nvidia-driver-installer/cos/daemonset-preloaded.yaml
    "gke-driver-installer": Installer(
        namespace=namespaces.GKE_DRIVER,
        image="cos-nvidia-installer:fixed",
        is_on_node=True,
        script=_GKE_DRIVER_SCRIPT,
        env={
            "NVIDIA_INSTALL_DIR_HOST": _GKE_LIBRARIES,
            "NVIDIA_INSTALL_DIR_CONTAINER": "/usr/local/nvidia",
            "VULKAN_ICD_DIR_HOST": f"{_GKE_LIBRARIES}/vulkan/icd.d",
            "VULKAN_ICD_DIR_CONTAINER": "/etc/vulkan/icd.d",
            "ROOT_MOUNT_DIR": "/root",
            "COS_TOOLS_DIR_HOST": "/var/lib/cos-tools",
            "COS_TOOLS_DIR_CONTAINER": "/build/cos-tools",
        },
        host_paths={
            "/usr/local/nvidia": _GKE_LIBRARIES,
            "/etc/vulkan/icd.d": f"{_GKE_LIBRARIES}/vulkan/icd.d",
            "/dev": "/dev",
            "/root": "/",
            "/build/cos-tools": "/var/lib/cos-tools",
        },
    ),
    # https://github.com/Azure/aks-rdma-infiniband/tree/main/configs/amd-driver-installer
    "amd-driver-installer": Installer(
        namespace=namespaces.AMD_DRIVER, image=INSTALLER_IMAGE, script=_AMD_SCRIPT, host_paths={"/host": "/"}
    ),
}
"""Every installer, by the name that contracts give it."""
