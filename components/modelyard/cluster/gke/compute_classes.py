"""A pool as a ComputeClass, for which GKE makes node pools by itself."""

import pulumi
import pulumi_kubernetes as k8s

from modelyard.cluster.gke.foundation import Foundation
from modelyard.cluster.gke.provisioning import COMPUTE_CLASS, compute_class
from modelyard.cluster.gke.spec import GkeSpec
from modelyard.cluster.pools import Pool
from modelyard.kube.labels import labels


class GkeComputeClass(pulumi.ComponentResource):
    """A pool whose nodes GKE makes when pods of it wait: its ComputeClass.

    A change holds for nodes that come from then on; those that run stay as they are, and nodes that come have the
    control plane's version. Node pools that GKE made go once they are empty, or with the cluster.

    GKE brings the kind with the cluster. It is said that this can take a while after the control plane is ready: where
    it is not there yet, a second `pulumi up` goes on.
    """

    compute_class: k8s.apiextensions.CustomResource
    """The ComputeClass, by the pool's name."""

    def __init__(
        self,
        name: str,
        foundation: Foundation,
        pool: Pool,
        spec: GkeSpec,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Make the ComputeClass.

        Args:
            name: the Pulumi name.
            foundation: what it is made on.
            pool: whose nodes; one with no least number of them.
            spec: of the cluster.
            opts: Pulumi's options of the component.
        """
        super().__init__("modelyard:cluster:GkeComputeClass", name, {"pool": pool.name}, opts)
        self.compute_class = k8s.apiextensions.CustomResource(
            name,
            api_version=COMPUTE_CLASS.api_version,
            kind=COMPUTE_CLASS.kind,
            metadata=k8s.meta.v1.ObjectMetaArgs(
                name=pool.name, labels=labels(pool.name, instance=name, component="node-pool")
            ),
            spec=compute_class(
                pool,
                zones=foundation.zones,
                project=foundation.project,
                service_account=foundation.node_service_account,
                disk_key=foundation.disk_key,
                image_streaming=spec.image_streaming,
                boot_disks=spec.secondary_boot_disks.get(pool.name, ()),
            ),
            opts=pulumi.ResourceOptions(
                parent=self, provider=foundation.kubernetes_provider, depends_on=list(foundation.before_nodes)
            ),
        )
        self.register_outputs({})
