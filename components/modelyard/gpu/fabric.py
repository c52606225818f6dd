"""The fast networks between GPUs of several nodes that modelyard sets up, and what containers get of each.

Sources: EFA, https://docs.aws.amazon.com/eks/latest/userguide/node-efa.html and
https://github.com/aws/eks-charts/tree/master/stable/aws-efa-k8s-device-plugin. GKE's RDMA over Ethernet, with networks
that GKE makes and hands out itself, https://cloud.google.com/kubernetes-engine/docs/how-to/allocate-network-resources-dra
and https://github.com/GoogleCloudPlatform/container-engine-accelerators/tree/master/gpudirect-rdma; GPUDirect-TCPX and
-TCPXO, `tcpx.py`. Azure's InfiniBand, https://azure.github.io/aks-rdma-infiniband/. Nobody has run those of GKE and
Azure with modelyard.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from modelyard.gpu.tcpx import (
    TCPX_DAEMON,
    TCPX_ENV,
    TCPX_HOST_PATHS,
    TCPXO_DAEMON,
    TCPXO_ENV,
    TCPXO_HOST_PATHS,
    Sidecar,
)

FabricWord = Literal["none", "rdma", "tcpx", "tcpxo"]
"""What a pool says of its network."""
EFA = "vpc.amazonaws.com/efa"
"""The resource that its device plugin serves."""
HUGE_PAGES = "hugepages-2Mi"
"""The resource that huge pages are."""
HUGE_PAGES_2MIB = 5128
"""Huge pages of 2 MiB on nodes with EFA: as many as AWS reserves where it installs EFA's software itself."""
HUGE_PAGES_MIB = HUGE_PAGES_2MIB * 2 // 1024 * 1024
"""What of them the pods of a node can have together, MiB: whole GiB."""
INFINIBAND = "rdma/ib"
"""The resource that the device plugin of NVIDIA's network operator serves: one of it shows all devices of a node.
Without an underscore, which AKS' autoscaler takes for a slash where it reads what an empty pool's nodes will have."""
INFINIBAND_SHARES = 63
"""How many pods of a node may have it."""
MRDMA = "mrdma.google.com"
"""The device class of GKE's RDMA interfaces."""
_GIB = "/usr/local/gib"
_GKE_LIBRARIES = "/usr/local/nvidia"
# Google's settings for its NCCL plugin on these machines, as its `set_nccl_env.sh` makes them.
_GIB_ENV = {
    "LD_LIBRARY_PATH": f"{_GIB}/lib64:{_GKE_LIBRARIES}/lib64:/usr/local/cuda/lib64",
    "NCCL_NET": "gIB",
    "NCCL_CROSS_NIC": "0",
    "NCCL_NET_GDR_LEVEL": "PIX",
    "NCCL_P2P_NET_CHUNKSIZE": "131072",
    "NCCL_NVLS_CHUNKSIZE": "524288",
    "NCCL_IB_ADAPTIVE_ROUTING": "1",
    "NCCL_IB_QPS_PER_CONNECTION": "4",
    "NCCL_IB_TC": "52",
    "NCCL_IB_FIFO_TC": "84",
}
# Virtual machines do not show which devices stand close to which GPU, so that NCCL would go past the GPUs' memory.
# https://github.com/Azure/aks-rdma-infiniband/blob/main/tests/scenarios/k8s/values.yaml
_INFINIBAND_ENV = {"NCCL_NET_GDR_LEVEL": "SYS"}
_GIB_TUNERS = {"h200": "tuner_config_a3u.txtpb", "b200": "tuner_config_a4.txtpb"}


@dataclass(frozen=True, kw_only=True)
class FabricClaim:
    """Devices of a fast network that pods claim (dynamic resource allocation).

    Attributes:
        device_class: their class.
        count: how many a node has.
    """

    device_class: str
    count: int

    def share(self, gpus: int, of: int) -> "FabricClaim":
        """What of them goes with so many of a node's GPUs."""
        return FabricClaim(device_class=self.device_class, count=self.count * gpus // of)


@dataclass(frozen=True, kw_only=True)
class Fabric:
    """One kind of fast network.

    Attributes:
        word: what a pool asks for it by.
        resource: the extended resource that its devices are; None where they are claimed, or networks.
        most_pods: how many pods of a node share the resource, each of which asks for one; None where a pod asks for
            devices, its share of them.
        device_class: the class that its devices are claimed of; None where they are not.
        has_huge_pages: whether programs on it want huge pages.
        env: variables of a container.
        capabilities: Linux capabilities of a container: every one of these networks locks memory.
        host_paths: folders of a node that a container sees, by the path where it does.
        sidecar: what runs beside a container; then its devices are network cards, all of which a pod has.
    """

    word: FabricWord = "rdma"
    resource: str | None = None
    most_pods: int | None = None
    device_class: str | None = None
    has_huge_pages: bool = False
    env: Mapping[str, str] = field(default_factory=dict[str, str])
    capabilities: tuple[str, ...] = ("IPC_LOCK",)
    host_paths: Mapping[str, str] = field(default_factory=dict[str, str])
    sidecar: Sidecar | None = None

    def container_env(self, accelerator: str) -> dict[str, str]:
        """Variables of a container, for GPUs of that kind."""
        tuner = _GIB_TUNERS.get(accelerator) if self.device_class == MRDMA else None
        return {**self.env, **({"NCCL_TUNER_CONFIG_PATH": f"{_GIB}/configs/{tuner}"} if tuner else {})}


FABRICS: Mapping[str, Fabric] = {
    "efa": Fabric(resource=EFA, has_huge_pages=True, env={"FI_PROVIDER": "efa"}),
    "gib": Fabric(
        device_class=MRDMA,
        env=_GIB_ENV,
        host_paths={_GIB: "/home/kubernetes/bin/gib", _GKE_LIBRARIES: "/home/kubernetes/bin/nvidia"},
    ),
    "tcpx": Fabric(word="tcpx", env=TCPX_ENV, host_paths=TCPX_HOST_PATHS, sidecar=TCPX_DAEMON),
    "tcpxo": Fabric(word="tcpxo", env=TCPXO_ENV, host_paths=TCPXO_HOST_PATHS, sidecar=TCPXO_DAEMON),
    "infiniband": Fabric(resource=INFINIBAND, most_pods=INFINIBAND_SHARES, env=_INFINIBAND_ENV),
}
"""Those that modelyard sets up, by the name that the table of machine types has for them."""
FABRIC_OF_CLOUD = {"aws": "efa", "gcp": "gib", "azure": "infiniband"}
"""Which of them `rdma` is on each cloud."""
TCP_FABRICS: Mapping[str, str] = {"tcpx": "GPUDirect-TCPX", "tcpxo": "GPUDirect-TCPXO"}
"""The words of those that are no RDMA, with their names: TCP that network cards write into the GPUs' memory. They are
Google Cloud's."""
SIMULATED_FABRIC = "efa"
"""Which of them simulated nodes have."""
REFUSED_FABRICS = {
    "gib-nvlink": "RDMA and NVLink between nodes, which need NVIDIA's compute domains; modelyard has none",
    "infiniband-nvlink": "InfiniBand and NVLink between nodes, which need NVIDIA's compute domains; modelyard has none",
    "infiniband-amd": "InfiniBand, which modelyard sets up for NVIDIA's GPUs only",
}
"""Those that it does not set up, and why."""


def huge_pages(mib: int, gpus: int, of: int) -> dict[str, str]:
    """The huge pages that go with so many of a node's GPUs, as a quantity: their share, in whole pages.

    Args:
        mib: huge pages of the node, MiB; nothing is asked for where there are none.
        gpus: GPUs of a pod.
        of: GPUs of the node.
    """
    share = mib * gpus // of // 2 * 2
    return {HUGE_PAGES: f"{share}Mi"} if share else {}
