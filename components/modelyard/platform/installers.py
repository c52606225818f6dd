"""What installs something on nodes by itself, without a chart: which there are, and what each does. No Pulumi package.

Each is a DaemonSet whose pods do their work in a first container, with all rights on the node, and then do nothing.
Nobody has run them with modelyard.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from modelyard.gpu.components import Component
from modelyard.operators import namespaces
from modelyard.versions import AMD_DRIVER, GIB_IMAGE, INSTALLER_IMAGE

_GKE_LIBRARIES = "/home/kubernetes/bin/nvidia"
_GIB = "/home/kubernetes/bin/gib"


@dataclass(frozen=True, kw_only=True)
class Installer:
    """One of them.

    Attributes:
        namespace: where it runs; nothing else does.
        image: of the container that does the work.
        is_on_node: whether nodes have the image already, and no registry does.
        script: what it does, for `bash`.
        env: its variables.
        host_paths: folders of the node, by the path where the container sees them.
    """

    namespace: str
    image: str
    is_on_node: bool = False
    script: str
    env: Mapping[str, str] = field(default_factory=dict[str, str])
    host_paths: Mapping[str, str]


_GIB_SCRIPT = """set -ex
/scripts/container_entry.sh install
cp -r /var/lib/gib/lib64/. /host/nvidia/lib64
cp -r /var/lib/gib/. /host/gib
"""
_GKE_DRIVER_SCRIPT = """set -e
grep -q '^nvidia ' /proc/modules || /cos-gpu-installer install
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
