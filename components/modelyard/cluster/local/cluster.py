"""The component of a cluster on this machine."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

import pulumi
import pulumi_kubernetes as k8s

from modelyard.cluster.checks import checked_cluster
from modelyard.cluster.local.dynamic import LocalClusterResource, LocalNodesResource
from modelyard.cluster.local.engines.base import FAKE_NODE, FAKE_NODE_ANNOTATION, STORAGE_CLASS
from modelyard.cluster.local.engines.choice import choose
from modelyard.cluster.local.folder import Engine, cluster_name, stack_identity
from modelyard.cluster.local.nodes import PoolNodes
from modelyard.cluster.pools import Pool, resolve_pool
from modelyard.cluster.spec import LocalSpec, PoolSpec, TaintSpec
from modelyard.cluster.traits import ClusterTraits

_NO_LOAD_BALANCER = "nothing on this machine gives Services of type LoadBalancer an address"


class LocalCluster(pulumi.ComponentResource):
    """A cluster on this machine, with the nodes of its pools.

    Makes a control plane on 127.0.0.1 by kind or kwok, the nodes of each pool at its largest size, and the provider for
    what is to run on it. Which engine it is decides what exists, so it is settled before anything is registered: with
    `engine: auto` that reads the user's state folder and may ask Docker for its version, and nothing else here does.

    Raises:
        ConfigError: the spec or a pool is refused.
    """

    cluster_name: str
    """The cluster's name on this machine, known at preview."""
    kubernetes_provider: k8s.Provider
    """The provider of all objects on it."""
    kubeconfig: pulumi.Output[str]
    """An administrator's kubeconfig; a secret."""
    traits: ClusterTraits
    """What it can do."""
    pools: Mapping[str, Pool]
    """Its pools by name."""
    ready: list[pulumi.Resource]
    """Its nodes."""

    def __init__(
        self,
        name: str,
        spec: LocalSpec,
        pools: Mapping[str, PoolSpec],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Register the cluster.

        Args:
            name: name of the component.
            spec: engine and version.
            pools: the pools by name.
            opts: options of the component.
        """
        spec, pools = checked_cluster(spec, "cluster.local", pools)
        identity = stack_identity(
            pulumi.get_organization(), pulumi.get_project(), pulumi.get_stack(), pulumi.runtime.get_root_directory()
        )
        choice = choose(identity, spec.engine)
        self.cluster_name = cluster_name(identity, choice.engine, spec.kubernetes_version)
        self.traits = _traits(choice.engine, spec)
        self.pools = dict(_resolve_pools(choice.engine, pools))
        super().__init__("modelyard:cluster:LocalCluster", name, {"clusterName": self.cluster_name}, opts)
        pulumi.log.info(choice.why, self)
        cluster = LocalClusterResource(
            name,
            cluster=self.cluster_name,
            engine=choice.engine,
            kubernetes_version=spec.kubernetes_version,
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.kubeconfig = pulumi.Output.secret(cluster.kubeconfig)
        self.ready = [self._nodes(name, cluster, pool, pools[pool.name]) for pool in self.pools.values()]
        self.kubernetes_provider = self._kubernetes(name)
        self.register_outputs({"clusterName": self.cluster_name, "kubeconfig": self.kubeconfig})

    def _nodes(self, name: str, cluster: LocalClusterResource, pool: Pool, spec: PoolSpec) -> LocalNodesResource:
        return LocalNodesResource(
            f"{name}-{pool.name}",
            cluster=self.cluster_name,
            pool=PoolNodes.of(pool, spec.node_labels),
            opts=pulumi.ResourceOptions(parent=self, depends_on=[cluster]),
        )

    def _kubernetes(self, name: str) -> k8s.Provider:
        return k8s.Provider(
            f"{name}-kubernetes",
            kubeconfig=self.kubeconfig,
            # A known value: while the kubeconfig is unknown, nothing on the cluster is taken for replaced.
            cluster_identifier=self.cluster_name,
            # What ran on a cluster that is no longer on this machine is forgotten with it.
            delete_unreachable=True,
            opts=pulumi.ResourceOptions(parent=self),
        )


def _traits(engine: Engine, spec: LocalSpec) -> ClusterTraits:
    simulated = engine == "kwok"
    charts = spec.charts if spec.charts is not None else not simulated
    return ClusterTraits(
        storage_class=STORAGE_CLASS,
        # kwok's volumes are never mounted, so any number of nodes may share one.
        shared_storage_class=STORAGE_CLASS if simulated else None,
        load_balancer_available=False,
        # kind's own network plugin enforces policies: https://github.com/kubernetes-sigs/kind/releases/tag/v0.24.0
        network_policy_enforced=not simulated,
        metrics_api_available=False,
        charts_installed=charts,
        crds=spec.crds,
        unsupported={"load_balancer": _NO_LOAD_BALANCER},
    )


def _resolve_pools(engine: Engine, pools: Mapping[str, PoolSpec]) -> Iterator[tuple[str, Pool]]:
    """kind's one real node stands for the first pool without accelerators; all other nodes are simulated."""
    resolved = {name: resolve_pool(name, spec) for name, spec in pools.items()}
    real = next((name for name, pool in resolved.items() if not pool.accelerator), None) if engine == "kind" else None
    # Keeps what really runs off the simulated nodes.
    apart = (TaintSpec(key=FAKE_NODE_ANNOTATION, value=FAKE_NODE),) if engine == "kind" else ()
    for name, pool in resolved.items():
        if name == real:
            yield name, pool
        else:
            yield name, replace(pool, runs_containers=False, taints=(*pool.taints, *apart))
