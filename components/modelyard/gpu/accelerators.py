"""The accelerators that a pool can have: memory, vendor, how a GPU can be divided, and how nodes are labelled for them.

The table is `accelerators.csv` beside this file. Sources: AWS instance types as documented by Karpenter
(https://karpenter.sh/docs/reference/instance-types/), Google's cluster-toolkit
(https://github.com/GoogleCloudPlatform/cluster-toolkit), Azure's size pages
(https://github.com/MicrosoftDocs/azure-compute-docs), the profiles of NVIDIA mig-parted
(https://github.com/NVIDIA/mig-parted/blob/main/deployments/systemd/config-default.yaml) and MIG user guide
(https://docs.nvidia.com/datacenter/tesla/mig-user-guide/supported-mig-profiles.html); for drivers, the EKS image of G7
(https://github.com/awslabs/amazon-eks-ami/blob/main/doc/usage/g7-ami.md) and NVIDIA's list of what new ones leave out
(https://www.nvidia.com/en-us/drivers/unix/legacy-gpu/). Memory is the marketed size; B300, GB300, TPU v5p to v7x and
Trainium2 sizes are the vendors' announcements. The profiles of B300 are preliminary, which `unsourced` says.
"""

import csv
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Literal, cast

Vendor = Literal["nvidia", "amd", "neuron", "tpu"]
NVIDIA = "nvidia.com/gpu"
AMD = "amd.com/gpu"
NEURON = "aws.amazon.com/neuron"
TPU = "google.com/tpu"
_RESOURCES: dict[Vendor, str] = {"nvidia": NVIDIA, "amd": AMD, "neuron": NEURON, "tpu": TPU}
# The labels by which a cloud's own tools mark nodes. AWS has none of its own; Karpenter's are set where it makes nodes.
# https://karpenter.sh/docs/concepts/scheduling/#well-known-labels
_AWS_LABELS: dict[Vendor, str] = {
    "nvidia": "karpenter.k8s.aws/instance-gpu-name",
    "neuron": "karpenter.k8s.aws/instance-accelerator-name",
}
# https://cloud.google.com/kubernetes-engine/docs/how-to/gpus and …/how-to/tpus
_GKE_LABELS: dict[Vendor, str] = {
    "nvidia": "cloud.google.com/gke-accelerator",
    "tpu": "cloud.google.com/gke-tpu-accelerator",
}


@dataclass(frozen=True, kw_only=True)
class MigProfile:
    """A size of slice that a GPU can be divided into.

    Attributes:
        name: NVIDIA's name: `1g.10gb`.
        most_per_gpu: how many of it one GPU can have.
    """

    name: str
    most_per_gpu: int

    @property
    def compute(self) -> int:
        """Its share of the GPU's compute slices, of which most GPUs have seven."""
        return int(self.name.split("g.")[0])

    @property
    def memory_gb(self) -> int:
        """Its memory, as its name says."""
        return int(re.findall(r"\.(\d+)gb", self.name)[0])


@dataclass(frozen=True, kw_only=True)
class Accelerator:
    """One kind of device.

    Attributes:
        name: our name for it, as pools give it: `l4`, `h100`, `a100-80gb`.
        vendor: whose driver and device plugin serve it.
        memory_gib: marketed memory of one device, GiB.
        resource: the extended resource that pods request: `nvidia.com/gpu`.
        mig_profiles: what it can be divided into, by name; empty where it cannot.
        driver_at_least: the oldest driver branch that drives it; None where every one in use does.
        driver_at_most: the newest driver branch that drives it; None where every one in use does.
        cloud_labels: labels by which clouds' own tools mark its nodes, with their value.
        unsourced: names of the fields above that no final source was read for.
    """

    name: str
    vendor: Vendor
    memory_gib: int
    resource: str
    mig_profiles: Mapping[str, MigProfile] = field(default_factory=dict[str, MigProfile])
    driver_at_least: int | None = None
    driver_at_most: int | None = None
    cloud_labels: Mapping[str, str] = field(default_factory=dict[str, str])
    unsourced: frozenset[str] = frozenset()


def _profiles(text: str) -> dict[str, MigProfile]:
    pairs = (each.split(":") for each in text.split())
    return {name: MigProfile(name=name, most_per_gpu=int(most)) for name, most in pairs}


def _accelerator(row: Mapping[str, str]) -> Accelerator:
    vendor = cast("Vendor", row["vendor"])
    labels = {_AWS_LABELS.get(vendor): row["aws_label"], _GKE_LABELS.get(vendor): row["gke_label"]}
    return Accelerator(
        name=row["accelerator"],
        vendor=vendor,
        memory_gib=int(row["memory_gib"]),
        resource=_RESOURCES[vendor],
        mig_profiles=_profiles(row["mig_profiles"]),
        driver_at_least=int(row["driver_at_least"]) if row["driver_at_least"] else None,
        driver_at_most=int(row["driver_at_most"]) if row["driver_at_most"] else None,
        cloud_labels={key: value for key, value in labels.items() if key and value},
        unsourced=frozenset(row["unsourced"].split()),
    )


def _read() -> dict[str, Accelerator]:
    text = files("modelyard.gpu").joinpath("accelerators.csv").read_text(encoding="utf-8")
    return {row["accelerator"]: _accelerator(row) for row in csv.DictReader(text.splitlines())}


ACCELERATORS: dict[str, Accelerator] = _read()
"""Every accelerator by its name."""
