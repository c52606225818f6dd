"""What a cluster keeps of a node for its system and the kubelet, as the clouds publish it.

- GKE, by slices of CPU and memory: https://cloud.google.com/kubernetes-engine/docs/concepts/plan-node-sizes
- EKS, the same slices of CPU, and memory by pods, which on every machine is less than GKE's slices:
  https://github.com/awslabs/amazon-eks-ami/blob/main/nodeadm/internal/kubelet/config.go
- AKS, more of CPU, and more of small machines' memory: https://learn.microsoft.com/azure/aks/node-resource-reservations

A machine's kernel keeps a part of the memory that its cloud advertises, about 2 %, which no formula but GKE's has room
for. So the slices are kept everywhere, and on AKS what it keeps where that is more.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

_Slices = Sequence[tuple[float, float]]
"""A share of each slice, from the one before up to so many cores or GiB."""
_MEMORY: _Slices = ((4, 0.25), (8, 0.20), (16, 0.10), (128, 0.06), (float("inf"), 0.02))
_EVICTION_GIB = 0.1


@dataclass(frozen=True, kw_only=True)
class KubeReserved:
    """What is kept of a node.

    Attributes:
        cpu_slices: a share of each slice of its vCPUs, from the one before up to so many.
        small_memory: the share of memory, and the most GiB, that are kept where the slices of it are less.
    """

    cpu_slices: _Slices
    small_memory: tuple[float, float] = (0, 0)

    def allocatable_cpus(self, cpus: float) -> float:
        """vCPUs that pods can have, of a node with so many."""
        return round(cpus - _kept(cpus, self.cpu_slices), 3)

    def allocatable_memory_gib(self, memory_gib: float) -> float:
        """Memory that pods can have, GiB, of a node with so much."""
        share, most_gib = self.small_memory
        kept = max(_kept(memory_gib, _MEMORY), min(memory_gib * share, most_gib))
        return round(max(memory_gib - kept - _EVICTION_GIB, 0), 3)


USUAL = KubeReserved(cpu_slices=((1, 0.06), (2, 0.01), (4, 0.005), (float("inf"), 0.0025)))
"""On EKS, on GKE, and where nodes are simulated or exist already."""
# 60, 100 and 140 millicores of 1, 2 and 4 cores, then 10 a core. Memory: the lesser of a quarter, and 20 MB a pod with
# 50 MB, for the 110 pods that nodes of ours have.
_AKS = KubeReserved(
    cpu_slices=((1, 0.06), (2, 0.04), (4, 0.02), (float("inf"), 0.01)), small_memory=(0.25, (20 * 110 + 50) / 1024)
)
_OF_CLOUD: Mapping[str | None, KubeReserved] = {"azure": _AKS}


def kube_reserved(cloud: str | None) -> KubeReserved:
    """What is kept of a cloud's machine; without a cloud, of any node."""
    return _OF_CLOUD.get(cloud, USUAL)


def _kept(amount: float, slices: _Slices) -> float:
    kept, below = 0.0, 0.0
    for upper, part in slices:
        kept += max(min(amount, upper) - below, 0) * part
        below = upper
    return kept
