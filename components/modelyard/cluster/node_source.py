"""Where the nodes of a cluster's pools come from, which decides what their pools can be."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from modelyard.cluster.gke.provisioned import added_taints, class_selector, is_provisioned
from modelyard.cluster.spec import CloudSpec, ClusterSpec, ExistingSpec, LocalSpec, PoolSpec, TaintSpec
from modelyard.errors import Problem
from modelyard.gpu.contract import GpuContract, compile_pool, contract_problems
from modelyard.gpu.node_images import NodeImage, aks_image, eks_image, gke_image, node_images

_IMAGE_VOLUMES_MINOR = 35
_OUR_DOMAIN = "modelyard.dev"
"""Of the labels by which workloads find a pool's nodes."""
AKS_SPOT_TAINT = TaintSpec(key="kubernetes.azure.com/scalesetpriority", value="spot")
"""What AKS taints spot machines with, and labels them. https://learn.microsoft.com/azure/aks/spot-node-pool"""


@dataclass(frozen=True, kw_only=True)
class NodeSource:
    """Where nodes come from.

    Attributes:
        kind: the kind of cluster.
        provisioner: what starts its nodes, in a cloud.
        kubernetes_version: of the cluster; None where not known.
        is_this_machine: whether all nodes without accelerators are one, this machine itself (engine `host`).
    """

    kind: Literal["local", "existing", "eks", "gke", "aks"]
    provisioner: str | None = None
    kubernetes_version: str | None = None
    is_this_machine: bool = False

    @classmethod
    def of(cls, cluster: LocalSpec | ExistingSpec | CloudSpec) -> "NodeSource":
        """The source of a cluster's nodes."""
        match cluster:
            case LocalSpec():
                is_host, version = cluster.engine == "host", cluster.kubernetes_version
                return cls(kind="local", kubernetes_version=version, is_this_machine=is_host)
            case ExistingSpec():
                return cls(kind="existing")
            case _:
                version = cluster.kubernetes_version
                return cls(kind=cluster.kind, provisioner=cluster.provisioner, kubernetes_version=version)

    @classmethod
    def of_stack(cls, cluster: ClusterSpec) -> "NodeSource":
        """The source of the nodes of the cluster that is given; as for a local one where none is."""
        return cls.of(cluster.cloud or cluster.existing or cluster.local or LocalSpec())

    def image(self, spec: PoolSpec) -> NodeImage:
        """The system of a pool's nodes."""
        provisioner = str(self.provisioner)
        match self.kind:
            case "eks":
                return eks_image(provisioner, spec.node_image)
            case "gke":
                # What GKE does not make for pods that wait is a node pool like any other.
                makes_it = is_provisioned(spec, provisioner)
                return gke_image(provisioner if makes_it else "cluster_autoscaler", spec.node_image)
            case "aks":
                return aks_image(provisioner, spec.node_image)
            case _:
                return node_images()[self.kind]

    def image_volumes_missing(self, *, has_accelerators: bool) -> str | None:
        """Why pods of a pool cannot mount images as volumes there; None where they can, or where nobody knows.
        https://kubernetes.io/docs/tasks/configure-pod-container/image-volumes,
        https://github.com/containerd/containerd/releases/tag/v2.1.0"""
        if self.kubernetes_version and _minor(self.kubernetes_version) < _IMAGE_VOLUMES_MINOR:
            return f"Kubernetes {self.kubernetes_version} has image volumes switched off; they are on since 1.35"
        if self.is_this_machine and not has_accelerators:
            return "engine host runs the distribution's containerd, and image volumes need version 2.1"
        return None

    def node_selector(self, name: str, spec: PoolSpec) -> dict[str, str] | None:
        """What pods of a pool choose its nodes by, where it is not our own pool label."""
        return class_selector(name) if self.kind == "gke" and is_provisioned(spec, self.provisioner) else None

    def taints(self, name: str, spec: PoolSpec) -> tuple[TaintSpec, ...]:
        """Taints that a pool's nodes have without anybody asking for them, accelerators' apart."""
        if self.kind == "gke":
            return added_taints(name, spec, self.provisioner)
        return (AKS_SPOT_TAINT,) if self.kind == "aks" and spec.capacity == "spot" else ()

    def pool_problems(self, pools: Mapping[str, PoolSpec]) -> Iterator[Problem]:
        """Why pools, each of them valid by itself, cannot be had here; paths begin with the pool's name."""
        for name, spec in pools.items():
            image = self.image(spec)
            asked = spec.request(name, image.cloud, self.kubernetes_version)
            found = contract_problems(asked, image)
            # On nodes that are there already, both are what others gave them.
            if not found and self.kind != "existing":
                contract = compile_pool(asked, image)
                found = [*_label_problems(spec, contract), *_taint_problems(spec, contract)]
            for problem in found:
                yield problem.under(name)


def _label_problems(spec: PoolSpec, contract: GpuContract | None) -> Iterator[Problem]:
    """Labels that the pool's nodes have from us, whatever the user wrote."""
    for key in spec.node_labels:
        domain = key.rpartition("/")[0]
        is_ours = domain == _OUR_DOMAIN or domain.endswith(f".{_OUR_DOMAIN}")
        if is_ours or (contract and key in contract.node_labels):
            why = f"labels of {_OUR_DOMAIN} are" if is_ours else f"{key} is"
            fix = "leave it out, or use a domain of yours"
            yield Problem(path=f"node_labels.{key}", why=f"{why} for modelyard to set on nodes of this pool", fix=fix)


def _taint_problems(spec: PoolSpec, contract: GpuContract | None) -> Iterator[Problem]:
    for index, taint in enumerate(spec.taints):
        if contract and (taint.key, taint.effect) == (contract.taint_key, "NoSchedule"):
            why = f"{taint.key} with effect {taint.effect} is the taint that the pool's accelerators bring"
            yield Problem(path=f"taints[{index}]", why=why, fix="leave it out: the pool's workloads tolerate it")


def _minor(version: str) -> int:
    return int(version.split(".")[1])


SIMULATED = NodeSource(kind="local")
"""Nodes that only exist for the scheduler."""
