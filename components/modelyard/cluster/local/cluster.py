"""The component of a cluster on this machine."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import pulumi
import pulumi_kubernetes as k8s

from modelyard.cluster.checks import checked_cluster
from modelyard.cluster.local.dynamic import (
    LocalClusterResource,
    LocalImageResource,
    LocalNodesResource,
    LocalProgramResource,
)
from modelyard.cluster.local.engines.base import FAKE_NODE, FAKE_NODE_ANNOTATION, STORAGE_CLASS
from modelyard.cluster.local.engines.choice import choose
from modelyard.cluster.local.engines.host.kubelet import node_size
from modelyard.cluster.local.folder import Engine, cluster_name, stack_identity
from modelyard.cluster.local.gateway import TRAEFIK, run_traefik
from modelyard.cluster.local.images.program import reference_of
from modelyard.cluster.local.images.sources import ImageSource, find_sources
from modelyard.cluster.local.nodes import SHARED_NODE_LABEL, PoolNodes
from modelyard.cluster.node_source import NodeSource
from modelyard.cluster.object_store_rules import WITHOUT_CLOUD
from modelyard.cluster.pools import Pool, resolve_pools
from modelyard.cluster.spec import LocalSpec, PoolSpec, TaintSpec
from modelyard.cluster.traits import ClusterTraits
from modelyard.cluster.without_cloud import WithoutCloud

_NO_LOAD_BALANCER = "nothing on this machine gives Services of type LoadBalancer an address"


class LocalCluster(WithoutCloud, pulumi.ComponentResource):
    """A cluster on this machine, with the nodes of its pools.

    Makes a control plane and the nodes of each pool at its largest size, the images that the stack builds itself, and
    the provider for what is to run on it. Which engine it is decides what exists, so it is settled before anything is
    registered: with `engine: auto` that reads the user's state folder and may ask Docker for its version or try a
    container. The sources of images are read for their tags, and the size of this machine where its own node is one.
    Nothing else here reads or does anything.

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
    images: list[pulumi.Resource]
    """The images that the stack builds itself; none where no container runs."""
    control_plane: pulumi.Resource
    """The cluster on this machine."""

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
        choice = choose(identity, spec.engine, spec.kubernetes_version)
        self.cluster_name = cluster_name(identity, choice.engine, spec.kubernetes_version)
        images = find_sources(spec.images, "cluster.local.images")
        references = {repository: source.reference for repository, source in images.items()}
        chosen = replace(spec, engine=choice.engine)
        self.traits = replace(_traits(choice.engine, chosen), images=references)
        self.pools = dict(_resolve_pools(choice.engine, NodeSource.of(chosen), pools))
        super().__init__("modelyard:cluster:LocalCluster", name, {"clusterName": self.cluster_name}, opts)
        pulumi.log.info(choice.why, self)
        if choice.engine == "host":
            for warning in _larger_than_this_machine(self.pools):
                pulumi.log.warn(warning, self)
        cluster = LocalClusterResource(
            name,
            cluster=self.cluster_name,
            engine=choice.engine,
            kubernetes_version=spec.kubernetes_version,
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.control_plane = cluster
        self.kubeconfig = pulumi.Output.secret(cluster.kubeconfig)
        self.ready = [self._nodes(name, cluster, pool, pools[pool.name]) for pool in self.pools.values()]
        loaded = images.items() if choice.engine != "kwok" else ()
        self.images = [self._image(name, cluster, *image) for image in loaded]
        self.kubernetes_provider = self._kubernetes(name)
        self.register_outputs({"clusterName": self.cluster_name, "kubeconfig": self.kubeconfig})

    def pool_ready(self, pool: str) -> list[pulumi.Resource]:
        """Nothing: `ready` are the nodes of all pools, which take no time."""
        del pool
        return []

    def run_gateway(
        self, name: str, *, namespace: pulumi.Input[str], opts: pulumi.ResourceOptions | None = None
    ) -> Sequence[pulumi.Resource]:
        """Traefik, on the real node."""
        if self.traits.gateway_in_place is None:
            return ()
        reference = reference_of(TRAEFIK)
        after = pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=[self.control_plane]))
        after.provider = None
        image = LocalProgramResource(
            f"{name}-image", cluster=self.cluster_name, program=TRAEFIK, reference=reference, opts=after
        )
        return run_traefik(name, image=image, reference=reference, namespace=namespace, opts=opts)

    def _nodes(self, name: str, cluster: LocalClusterResource, pool: Pool, spec: PoolSpec) -> LocalNodesResource:
        return LocalNodesResource(
            f"{name}-{pool.name}",
            cluster=self.cluster_name,
            pool=PoolNodes.of(pool, spec.node_labels),
            opts=pulumi.ResourceOptions(parent=self, depends_on=[cluster]),
        )

    def _image(
        self, name: str, cluster: LocalClusterResource, repository: str, source: ImageSource
    ) -> LocalImageResource:
        return LocalImageResource(
            f"{name}-{repository}",
            cluster=self.cluster_name,
            repository=repository,
            source=source,
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
    return ClusterTraits(
        storage_class=STORAGE_CLASS,
        # One file system holds all volumes of host, and kwok's are never mounted.
        shared_storage_class=STORAGE_CLASS if engine != "kind" else None,
        load_balancer_available=False,
        gateway_in_place=TRAEFIK if engine == "host" and not spec.installs_charts else None,
        # kind's own network plugin enforces policies: https://github.com/kubernetes-sigs/kind/releases/tag/v0.24.0
        network_policy_enforced=engine == "kind",
        metrics_api_available=engine == "host",
        charts_installed=spec.installs_charts,
        crds=spec.crds,
        unsupported={"load_balancer": _NO_LOAD_BALANCER, **WITHOUT_CLOUD},
    )


def _resolve_pools(engine: Engine, source: NodeSource, pools: Mapping[str, PoolSpec]) -> Iterator[tuple[str, Pool]]:
    """Which pools have the one real node: on host all without accelerators, on kind the first of them, on kwok none."""
    resolved = resolve_pools(source, pools)
    plain = [name for name, pool in resolved.items() if not pool.accelerator]
    real = {"host": plain, "kind": plain[:1], "kwok": []}[engine]
    # Keeps what really runs off the simulated nodes.
    apart = (TaintSpec(key=FAKE_NODE_ANNOTATION, value=FAKE_NODE),) if engine != "kwok" else ()
    for name, pool in resolved.items():
        if name not in real:
            yield name, replace(pool, runs_containers=False, taints=(*pool.taints, *apart))
        else:
            yield name, _on_this_machine(pool) if engine == "host" else pool


def _on_this_machine(pool: Pool) -> Pool:
    """The pool on this machine's one node, which it shares with every other such pool.

    It keeps the size that the stack gives it, as on kind: what does not fit there is refused before anything is made,
    and what merely does not fit on this machine waits, as Pending.
    """
    return replace(pool, machine_type=None, node_selector={f"{SHARED_NODE_LABEL}/{pool.name}": "true"}, taints=())


def _larger_than_this_machine(pools: Mapping[str, Pool]) -> Iterator[str]:
    size = node_size()
    for name, pool in pools.items():
        if pool.runs_containers and (pool.cpus > size.cpus or pool.memory_gib > size.memory_gib):
            yield (
                f"a node of pool {name} is to have {pool.cpus:g} vCPUs and {pool.memory_gib:g} GiB; this machine has "
                f"{size.cpus:g} and {size.memory_gib:g}: pods that ask for more stay Pending"
            )
