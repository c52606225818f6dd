"""The component of a cluster on GKE."""

from collections.abc import Mapping, Sequence

import pulumi
import pulumi_kubernetes as k8s
from pulumi_gcp import Provider, container

from modelyard.cluster.checks import check_in_cloud, checked_cluster
from modelyard.cluster.gke.account import Account
from modelyard.cluster.gke.apis import make_apis
from modelyard.cluster.gke.control_plane import make_control_plane
from modelyard.cluster.gke.foundation import Foundation
from modelyard.cluster.gke.identity import WorkloadIdentity, make_admins, make_node_identity
from modelyard.cluster.gke.keys import make_keys
from modelyard.cluster.gke.kubeconfig import kubeconfig_of
from modelyard.cluster.gke.load_balancers import GATEWAY_CLASSES, HEALTH_CHECK_RANGES, LOAD_BALANCER_ANNOTATIONS
from modelyard.cluster.gke.network import make_network
from modelyard.cluster.gke.pool_rules import gke_pool_problems
from modelyard.cluster.gke.pools import make_pools
from modelyard.cluster.gke.spec import GkeSpec
from modelyard.cluster.gke.storage import (
    SHARED_STORAGE_CLASS,
    STORAGE_CLASS,
    make_model_storage_classes,
    make_shared_storage_class,
    make_storage_class,
)
from modelyard.cluster.gke.words import cluster_name_problem, component_name_problem, label_value
from modelyard.cluster.identities import BoundIdentity
from modelyard.cluster.node_source import NodeSource
from modelyard.cluster.object_store_rules import store_name_problems
from modelyard.cluster.object_store_spec import ObjectStoreSpec
from modelyard.cluster.object_stores import ObjectStore, StoreAccess
from modelyard.cluster.pools import Pool, resolve_pools
from modelyard.cluster.spec import PoolSpec
from modelyard.cluster.traits import ClusterTraits
from modelyard.cluster.without_gateway import WithoutGateway
from modelyard.component import checked
from modelyard.kube.names import stack_label_value

STACK_LABEL = "modelyard-stack"
"""What `modelyard.dev/stack` is in Google Cloud, whose keys of labels have neither dot nor slash."""


class GkeCluster(WithoutGateway, pulumi.ComponentResource):
    """A cluster on GKE with its network and the nodes of its pools, from an empty project with billing.

    Enables the APIs that it needs, makes the network unless it exists, the control plane, the nodes' service account,
    storage classes, and what each pool's nodes need. Names and load balancers are GKE's own. Everything in Google Cloud
    is made through a provider of its own for the spec's project, with the credentials that Pulumi's Google provider
    finds, and carries the spec's labels where it can have some.

    It asks Google for nothing while the program runs: a preview works before the project has anything in it, also of
    what runs on the cluster.

    Raises:
        ConfigError: the spec or a pool is refused.
    """

    cluster_name: str
    """The cluster's name in GKE, known at preview."""
    kubernetes_provider: k8s.Provider
    """The provider of all objects on it."""
    kubeconfig: pulumi.Output[str]
    """A kubeconfig for whoever has access in Google Cloud; it needs the `gke-gcloud-auth-plugin` program. A secret like
    every cluster's."""
    traits: ClusterTraits
    """What it can do."""
    pools: Mapping[str, Pool]
    """Its pools by name."""
    ready: list[pulumi.Resource]
    """The nodes that operators run on, with volumes."""
    images: list[pulumi.Resource]
    """Empty: its nodes pull their images."""
    control_plane: container.Cluster
    """The cluster in Google Cloud."""
    load_balancers_ready: Sequence[pulumi.Resource]
    """The subnetwork of load balancers for HTTP, if there is one. What makes them belongs to the control plane, which
    every object on the cluster depends on."""

    def __init__(
        self,
        name: str,
        spec: GkeSpec,
        pools: Mapping[str, PoolSpec],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Make the cluster.

        Args:
            name: name of the component; of the cluster too, after the project's, unless the spec gives it one.
            spec: the cluster.
            pools: the pools by name.
            opts: options of the component.
        """
        spec, pools = checked_cluster(spec, "cluster.gke", pools)
        self.cluster_name = spec.name or f"{pulumi.get_project()}-{name}"
        check_in_cloud(
            name,
            self.cluster_name,
            spec,
            own_name=component_name_problem,
            cloud_name=cluster_name_problem,
            pool_problems=gke_pool_problems(spec, pools),
        )
        self.pools = resolve_pools(NodeSource.of(spec), pools)
        self.traits = _traits(spec)
        super().__init__("modelyard:cluster:GkeCluster", name, {"clusterName": self.cluster_name}, opts)
        stack = label_value(stack_label_value(pulumi.get_project(), pulumi.get_stack()))
        tags = {**spec.labels, STACK_LABEL: stack}
        account = self._account = _account(name, self.cluster_name, spec, tags, self)
        network = make_network(account, spec.network)
        nodes, keys = make_node_identity(account), make_keys(account, spec)
        self._keys = keys
        cluster = self.control_plane = make_control_plane(account, spec, self.pools, network, nodes, keys)
        self.kubeconfig = kubeconfig_of(cluster, cluster_name=self.cluster_name, endpoint=spec.api_endpoint)
        provider = self.kubernetes_provider = self._kubernetes(name, spec)
        foundation = Foundation(
            name=name,
            project=spec.project,
            region=spec.region,
            location=spec.location,
            zones=spec.zone_names,
            cluster=cluster,
            cluster_name=self.cluster_name,
            kubernetes_version=spec.kubernetes_version,
            network=network.network,
            subnetwork=network.subnetwork,
            apis=account.apis,
            node_service_account=nodes.email,
            provider=account.provider,
            labels=tags,
            disk_key=keys.key,
            before_nodes=[*network.way_out, *nodes.complete, *keys.usable["compute"]],
            kubernetes_provider=provider,
        )
        self._nodes = make_pools(self, foundation, self.pools, spec)
        make_admins(account, spec.admins, cluster, provider, location=spec.location)
        # On destroy volumes go before their class and its driver.
        classes = [make_storage_class(account, provider, keys)]
        if spec.shared_storage:
            classes.append(make_shared_storage_class(account, provider, keys, network))
        if spec.model_disks:
            classes.extend(make_model_storage_classes(account, provider, keys, spec.zone_names))
        self.ready = [*self._nodes.system_ready, *classes]
        self.images = []
        self.load_balancers_ready = network.proxies
        self.register_outputs({"clusterName": self.cluster_name, "kubeconfig": self.kubeconfig})

    def pool_ready(self, pool: str) -> list[pulumi.Resource]:
        """What must exist, beside `ready`, before what runs on that pool and outlive it: what makes its nodes."""
        return list(self._nodes.by_pool[pool])

    def object_store(self, name: str, spec: ObjectStoreSpec, opts: pulumi.ResourceOptions | None = None) -> ObjectStore:
        """Make a bucket of Cloud Storage in the cluster's region.

        Args:
            name: the Pulumi name, with which the bucket's name begins.
            spec: how long what is in it is kept.
            opts: Pulumi's options of the component.

        Raises:
            ConfigError: the spec is refused.
        """
        # Loaded here: a cluster without stores is spared that part of the SDK.
        from modelyard.cluster.gke.object_store import GcsStore

        spec = checked(spec, name, lambda _: store_name_problems(name))
        return GcsStore(name, self._account, spec, self._keys, opts or pulumi.ResourceOptions(parent=self)).store

    def workload_identity(
        self,
        name: str,
        *,
        namespace: str,
        service_account: str,
        permissions: Sequence[StoreAccess],
        opts: pulumi.ResourceOptions | None = None,
    ) -> BoundIdentity:
        """Let the pods of a service account use stores, by Workload Identity Federation: with tokens that end soon.

        Args:
            name: the Pulumi name.
            namespace: of the service account, which need not exist yet.
            service_account: whose pods.
            permissions: the stores that they may use.
            opts: Pulumi's options of the component.

        Returns:
            What the pods depend on, as until then they are refused, and where their metadata server is. They and their
            service account carry nothing: Google knows them by its name.
        """
        return WorkloadIdentity(
            name,
            self._account,
            cluster=self.control_plane,
            project_number=self._keys.project_number,
            namespace=namespace,
            service_account=service_account,
            permissions=permissions,
            opts=opts or pulumi.ResourceOptions(parent=self),
        ).bound

    def _kubernetes(self, name: str, spec: GkeSpec) -> k8s.Provider:
        return k8s.Provider(
            f"{name}-kubernetes",
            kubeconfig=self.kubeconfig,
            # A known value: while the kubeconfig is unknown, nothing on the cluster is taken for replaced. No cluster
            # is replaced by one of the same name, so what is on it is made again exactly where the cluster is.
            cluster_identifier=f"{spec.project}/{spec.location}/{self.cluster_name}",
            opts=pulumi.ResourceOptions(parent=self),
        )


def _account(
    name: str, cluster_name: str, spec: GkeSpec, labels: Mapping[str, str], parent: pulumi.Resource
) -> Account:
    provider = Provider(
        f"{name}-gcp",
        project=spec.project,
        region=spec.region,
        default_labels=labels,
        # Labels are the user's and ours.
        add_pulumi_attribution_label=False,
        opts=pulumi.ResourceOptions(parent=parent),
    )
    return Account(
        name=name,
        cluster_name=cluster_name,
        project=spec.project,
        region=spec.region,
        apis=make_apis(name, spec, provider, parent),
        parent=parent,
        provider=provider,
    )


def _traits(spec: GkeSpec) -> ClusterTraits:
    return ClusterTraits(
        storage_class=STORAGE_CLASS,
        shared_storage_class=SHARED_STORAGE_CLASS if spec.shared_storage else None,
        shared_volume_gib_max=spec.shared_volume_gib_max,
        load_balancer_annotations=LOAD_BALANCER_ANNOTATIONS,
        gateway_classes=GATEWAY_CLASSES if spec.network.proxies_cidr else {},
        gateway_source_ranges=((spec.network.proxies_cidr, *HEALTH_CHECK_RANGES) if spec.network.proxies_cidr else ()),
        # Since 1.34: https://docs.cloud.google.com/kubernetes-engine/docs/how-to/deploy-gke-inference-gateway
        inference_pools_present=True,
    )
