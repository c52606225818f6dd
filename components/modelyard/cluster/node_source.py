"""Where the nodes of a cluster's pools come from, which decides what their pools can be."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from modelyard.cluster.eks.spec import EksSpec
from modelyard.cluster.spec import ClusterSpec, ExistingSpec, LocalSpec, PoolSpec
from modelyard.errors import Problem
from modelyard.gpu.contract import contract_problems
from modelyard.gpu.node_images import NodeImage, eks_image, node_images


@dataclass(frozen=True, kw_only=True)
class NodeSource:
    """Where nodes come from.

    Attributes:
        kind: the kind of cluster.
        provisioner: what starts its nodes, on EKS.
        kubernetes_version: of the cluster; None where not known.
    """

    kind: Literal["local", "existing", "eks"]
    provisioner: str | None = None
    kubernetes_version: str | None = None

    @classmethod
    def of(cls, cluster: LocalSpec | ExistingSpec | EksSpec) -> "NodeSource":
        """The source of a cluster's nodes."""
        match cluster:
            case LocalSpec():
                return cls(kind="local", kubernetes_version=cluster.kubernetes_version)
            case ExistingSpec():
                return cls(kind="existing")
            case EksSpec():
                return cls(kind="eks", provisioner=cluster.provisioner, kubernetes_version=cluster.kubernetes_version)

    @classmethod
    def of_stack(cls, cluster: ClusterSpec) -> "NodeSource":
        """The source of the nodes of the cluster that is given; as for a local one where none is."""
        return cls.of(next((each for each in (cluster.local, cluster.existing, cluster.eks) if each), LocalSpec()))

    def image(self, spec: PoolSpec) -> NodeImage:
        """The system of a pool's nodes."""
        if self.kind == "eks":
            return eks_image(str(self.provisioner), spec.node_image)
        return node_images()[self.kind]

    def pool_problems(self, pools: Mapping[str, PoolSpec]) -> Iterator[Problem]:
        """Why pools, each of them valid by itself, cannot be had here; paths begin with the pool's name."""
        for name, spec in pools.items():
            image = self.image(spec)
            for problem in contract_problems(spec.request(name, image.cloud, self.kubernetes_version), image):
                yield problem.under(name)


SIMULATED = NodeSource(kind="local")
"""Nodes that only exist for the scheduler."""
