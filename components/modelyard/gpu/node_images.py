"""What the systems of nodes bring for accelerators, and who does the rest: the matrix that pools are compiled against.

The table is `node_images.csv` beside this file: a row for each image, vendor and feature, with who does it (`by`), or
`none` with the reason and the alternative. A row of vendor `any` stands for those that have none of their own. Sources:

- EKS images: https://github.com/awslabs/amazon-eks-ami (driver branch 580, no device plugin on AL2023).
- Bottlerocket's settings, and the device plugin that they configure:
  https://bottlerocket.dev/en/os/latest/api/settings/kubelet-device-plugins/ and
  https://github.com/bottlerocket-os/bottlerocket-core-kit/tree/develop/packages/nvidia-k8s-device-plugin. Which driver
  branch an image has is not documented by variant; 580, as on AL2023, is assumed.
- DRA on EKS: https://docs.aws.amazon.com/eks/latest/userguide/device-management-nvidia-dra-device-plugin.html. Not with
  Auto Mode; with Karpenter as an alpha feature, https://karpenter.sh/docs/tasks/dra/.
- EFA: https://docs.aws.amazon.com/eks/latest/userguide/device-management-efa.html. The image of Auto Mode has its
  device plugin, and the chart's keeps off such nodes: https://github.com/aws/eks-charts/pull/1359.
- MIG on AL2023: https://docs.aws.amazon.com/eks/latest/userguide/device-management-nvidia-mig.html. The MIG manager is
  reported to restart the kubelet of a node that is just booting, which may never become ready again
  (https://github.com/NVIDIA/gpu-operator/issues/2415, open); Bottlerocket divides GPUs by itself when it boots.
- The driver that the GPU operator brings (branch 595):
  https://github.com/NVIDIA/gpu-operator/blob/v26.7.0/deployments/gpu-operator/values.yaml
- GKE: its driver and device plugin, https://cloud.google.com/kubernetes-engine/docs/how-to/gpus, with MIG, time-sharing
  and MPS by node pool, …/how-to/gpus-multi, …/how-to/timesharing-gpus and …/how-to/nvidia-mps-gpus; the GPU operator,
  which has no driver for Container-Optimized OS, …/how-to/gpu-operator; claims, for which GKE installs neither driver
  nor device plugin, …/how-to/set-up-dra; the networks between GPUs, …/how-to/allocate-network-resources-dra and
  …/how-to/gpu-bandwidth-gpudirect-tcpx; TPUs, …/how-to/tpus.
- AKS: the driver without a device plugin, https://learn.microsoft.com/en-us/azure/aks/use-nvidia-gpu; slices,
  …/gpu-multi-instance; the GPU operator, …/nvidia-gpu-operator; AMD's GPUs, …/use-amd-gpus; InfiniBand,
  https://azure.github.io/aks-rdma-infiniband/. AKS has a stack of driver, plugin and metrics of its own too, as a
  preview that excludes the autoscaler: …/aks-managed-gpu-nodes.
"""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Literal, cast

Feature = Literal[
    "on_demand",
    "spot",
    "reservation",
    "capacity_block",
    "flex_start",
    "queued",
    "driver_image",
    "driver_operator",
    "device_plugin",
    "dra",
    "mig",
    "mig_mixed",
    "time_slicing",
    "mps",
    "rdma",
    "gpudirect_tcp",
    "metrics",
]
By = Literal["image", "settings", "chart", "operator", "cloud", "owner", "simulated", "none"]
"""Who does it: the image as it is, the image's settings, a chart, a GPU operator, the cloud, who owns the nodes; or
nobody, as nodes are simulated and only scheduling shows it; or nobody, and it is refused."""


_CLOUDS = {"eks": "aws", "gke": "gcp", "aks": "azure"}


@dataclass(frozen=True, kw_only=True)
class Cell:
    """Whether and by whom a feature is there.

    Attributes:
        image: the node image.
        vendor: of the accelerator, or `any`.
        feature: what it is about.
        by: who does it.
        detail: the driver's branch (`driver_image`, `driver_operator`); how slices are named (`mig`): `single` counts
            them as GPUs, `mixed` by the name of their profile.
        why: why it is refused.
        fix: what to do instead.
    """

    image: str
    vendor: str
    feature: Feature
    by: By
    detail: str
    why: str
    fix: str


@dataclass(frozen=True, kw_only=True)
class NodeImage:
    """The system of a pool's nodes.

    Attributes:
        name: `eks/al2023`, `existing`, `local`.
        cells: what is there, by vendor and feature.
    """

    name: str
    cells: Mapping[tuple[str, str], Cell]

    @property
    def kind(self) -> str:
        """The kind of cluster that it is of: `eks`, `gke`, `aks`, `existing`, `local`."""
        return self.name.split("/", maxsplit=1)[0]

    @property
    def short(self) -> str:
        """The last part of its name: `al2023`, `cos`, `node_auto_provisioning`."""
        return self.name.rpartition("/")[2]

    @property
    def cloud(self) -> str | None:
        """The cloud whose machines it runs on, None for any."""
        return _CLOUDS.get(self.kind)

    @property
    def is_chosen_by_cloud(self) -> bool:
        """Whether the cloud makes the nodes with a system of its choice."""
        return self.short in {"auto_mode", "node_auto_provisioning"}

    @property
    def is_simulated(self) -> bool:
        """Whether its nodes only exist for the scheduler."""
        return self.name == "local"

    @property
    def is_bottlerocket(self) -> bool:
        """Whether it is configured by settings."""
        return self.name.endswith("/bottlerocket")

    @property
    def reserves_huge_pages(self) -> bool:
        """Whether nodes keep huge pages for programs on the fabric.

        EKS Auto Mode lets nobody reserve them, and starts no node for a pod that asks for some. Whether nodes that
        exist keep some, their owner knows. EFA does without, at less speed.
        """
        return self.is_simulated or (self.cloud == "aws" and self.name != "eks/auto_mode")

    def cell(self, vendor: str, feature: str) -> Cell | None:
        """What the matrix says; None where it says nothing."""
        return self.cells.get((vendor, feature)) or self.cells.get(("any", feature))


@cache
def node_images() -> dict[str, NodeImage]:
    """Every node image by its name."""
    text = files("modelyard.gpu").joinpath("node_images.csv").read_text(encoding="utf-8")
    found: dict[str, dict[tuple[str, str], Cell]] = {}
    for row in csv.DictReader(text.splitlines()):
        feature, by = cast("Feature", row.pop("feature")), cast("By", row.pop("by"))
        cell = Cell(**row, feature=feature, by=by)
        found.setdefault(cell.image, {})[cell.vendor, cell.feature] = cell
    return {name: NodeImage(name=name, cells=cells) for name, cells in found.items()}


def eks_image(provisioner: str, node_image: str | None) -> NodeImage:
    """The image of a pool's nodes on EKS.

    Args:
        provisioner: `cluster_autoscaler`, `karpenter` or `auto_mode`, which brings an image of its own.
        node_image: the pool's `node_image`; left out, and for one that EKS does not have: `al2023`.
    """
    if provisioner == "auto_mode":
        return node_images()["eks/auto_mode"]
    return _image("eks/karpenter" if provisioner == "karpenter" else "eks", node_image, "al2023")


def gke_image(provisioner: str, node_image: str | None) -> NodeImage:
    """The image of a pool's nodes on GKE.

    Args:
        provisioner: `cluster_autoscaler` or `node_auto_provisioning`, which chooses the image itself.
        node_image: the pool's `node_image`; left out, and for one that GKE does not have: `cos`.
    """
    if provisioner != "cluster_autoscaler":
        return node_images()[f"gke/{provisioner}"]
    return _image("gke", node_image, "cos")


def aks_image(provisioner: str, node_image: str | None) -> NodeImage:
    """The image of a pool's nodes on AKS.

    Args:
        provisioner: `cluster_autoscaler` or `node_auto_provisioning`, which chooses the image itself.
        node_image: the pool's `node_image`; left out, and for one that AKS does not have: `ubuntu`.
    """
    if provisioner != "cluster_autoscaler":
        return node_images()[f"aks/{provisioner}"]
    return _image("aks", node_image, "ubuntu")


def _image(folder: str, node_image: str | None, usual: str) -> NodeImage:
    """The image of that name, or the usual one: that it is not the one asked for is said by `image_problems`."""
    return node_images().get(f"{folder}/{node_image}") or node_images()[f"{folder}/{usual}"]
