"""The component of a cluster that exists already."""

from collections.abc import Mapping
from pathlib import Path

import pulumi
import pulumi_kubernetes as k8s

from modelyard.cluster.checks import checked_cluster
from modelyard.cluster.node_source import NodeSource
from modelyard.cluster.object_store_rules import WITHOUT_CLOUD
from modelyard.cluster.pools import Pool, resolve_pool
from modelyard.cluster.spec import ExistingSpec, PoolSpec
from modelyard.cluster.traits import ClusterTraits
from modelyard.cluster.without_cloud import WithoutCloud


class ExistingCluster(WithoutCloud, pulumi.ComponentResource):
    """A cluster that exists, by kubeconfig file and context.

    Makes the provider for what is to run on it, and nothing on it. Its pools are described, not made: each is found by
    its `node_labels`, or by the label `modelyard.dev/pool` where it has none. The file is not read here: its path is
    in the state, its contents are not.

    Raises:
        ConfigError: the spec or a pool is refused.
    """

    cluster_name: str
    """The context of the kubeconfig, known at preview."""
    kubernetes_provider: k8s.Provider
    """The provider of all objects on it."""
    kubeconfig: pulumi.Output[str]
    """The path of the kubeconfig file; a secret like every cluster's."""
    traits: ClusterTraits
    """What it can do, as the spec says."""
    pools: Mapping[str, Pool]
    """Its pools by name."""
    ready: list[pulumi.Resource]
    """Empty: its nodes are not ours."""
    images: list[pulumi.Resource]
    """Empty: its nodes pull their images."""
    control_plane: None = None
    """None: it stays when the stack goes."""

    def __init__(
        self,
        name: str,
        spec: ExistingSpec,
        pools: Mapping[str, PoolSpec],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Register the provider.

        Args:
            name: name of the component.
            spec: where the cluster is and what it can do.
            pools: its pools by name.
            opts: options of the component.
        """
        spec, pools = checked_cluster(spec, "cluster.existing", pools)
        self.cluster_name = spec.context
        self.traits = ClusterTraits(
            storage_class=spec.storage_class,
            shared_storage_class=spec.shared_storage_class,
            load_balancer_available=spec.load_balancer,
            network_policy_enforced=spec.network_policy,
            metrics_api_available=spec.metrics_api,
            unsupported=WITHOUT_CLOUD,
        )
        source = NodeSource.of(spec)
        self.pools = {
            each: resolve_pool(each, pool, source=source, node_selector=pool.node_labels or None)
            for each, pool in pools.items()
        }
        self.ready = []
        self.images = []
        super().__init__("modelyard:cluster:ExistingCluster", name, {"clusterName": self.cluster_name}, opts)
        path = str(Path(spec.kubeconfig).expanduser())
        self.kubeconfig = pulumi.Output.secret(path)
        self.kubernetes_provider = k8s.Provider(
            f"{name}-kubernetes",
            kubeconfig=path,
            context=spec.context,
            # The file may move or get new credentials: it is the same cluster as long as its context is.
            cluster_identifier=spec.context,
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.register_outputs({"clusterName": self.cluster_name, "kubeconfig": self.kubeconfig})

    def pool_ready(self, pool: str) -> list[pulumi.Resource]:
        """Nothing: its nodes are not ours."""
        del pool
        return []
