"""The component of a cluster on EKS."""

from collections.abc import Mapping, Sequence

import pulumi
import pulumi_aws as aws
import pulumi_kubernetes as k8s

from modelyard.cluster.checks import check_in_cloud, checked_cluster
from modelyard.cluster.eks.account import Account
from modelyard.cluster.eks.addons import (
    make_addons_after_nodes,
    make_addons_before_nodes,
    make_network_policy_switch,
    make_node_monitoring,
)
from modelyard.cluster.eks.control_plane import ControlPlane, make_control_plane
from modelyard.cluster.eks.foundation import Foundation
from modelyard.cluster.eks.identity import Statement, WorkloadIdentity
from modelyard.cluster.eks.kubeconfig import kubeconfig_of
from modelyard.cluster.eks.load_balancers import (
    AUTO_MODE_LOAD_BALANCER_CLASS,
    CLIENT_ADDRESSES_SEEN,
    LOAD_BALANCER_ANNOTATIONS,
    LOAD_BALANCER_CLASS,
    LOAD_BALANCER_SCHEME,
    make_load_balancer_controller,
)
from modelyard.cluster.eks.network import Network, make_network
from modelyard.cluster.eks.pool_rules import eks_pool_problems
from modelyard.cluster.eks.pools import make_pools
from modelyard.cluster.eks.spec import EksSpec
from modelyard.cluster.eks.storage import (
    SHARED_STORAGE_CLASS,
    STORAGE_CLASS,
    make_shared_storage,
    make_shared_storage_class,
    make_storage_class,
)
from modelyard.cluster.eks.words import cluster_name_problem, component_name_problem
from modelyard.cluster.identities import BoundIdentity
from modelyard.cluster.node_source import NodeSource
from modelyard.cluster.object_store_rules import store_name_problems
from modelyard.cluster.object_store_spec import ObjectStoreSpec
from modelyard.cluster.object_stores import ObjectStore, StoreAccess
from modelyard.cluster.pools import Pool, resolve_pools
from modelyard.cluster.pools_made import PoolsMade
from modelyard.cluster.spec import PoolSpec
from modelyard.cluster.traits import ClusterTraits
from modelyard.cluster.without_gateway import WithoutGateway
from modelyard.component import checked
from modelyard.kube.labels import STACK
from modelyard.kube.names import stack_label_value
from modelyard.operators.spec import ChartsSpec


class EksCluster(WithoutGateway, pulumi.ComponentResource):
    """A cluster on EKS with its network and the nodes of its pools, from an empty account.

    Makes the VPC unless it exists, the control plane with key, roles and logs, the add-ons, storage classes and the
    load balancer controller, and what each pool's nodes need. Everything in AWS is made through a provider of its own
    for the spec's region, with the credentials that Pulumi's AWS provider finds, and carries the spec's tags.

    It asks AWS for nothing while the program runs: a preview works before the account has anything in it, also of what
    runs on the cluster.

    Raises:
        ConfigError: the spec or a pool is refused.
    """

    cluster_name: str
    """The cluster's name in AWS, known at preview."""
    kubernetes_provider: k8s.Provider
    """The provider of all objects on it."""
    kubeconfig: pulumi.Output[str]
    """A kubeconfig for whoever has access in AWS; it needs the `aws` program. A secret like every cluster's."""
    traits: ClusterTraits
    """What it can do."""
    pools: Mapping[str, Pool]
    """Its pools by name."""
    ready: list[pulumi.Resource]
    """The nodes that operators run on, with names and volumes."""
    images: list[pulumi.Resource]
    """Empty: its nodes pull their images."""
    control_plane: aws.eks.Cluster
    """The cluster in AWS."""
    load_balancers_ready: Sequence[pulumi.Resource]
    """What Services and Ingresses with a load balancer depend on, so that on destroy it goes before the network."""

    def __init__(
        self,
        name: str,
        spec: EksSpec,
        pools: Mapping[str, PoolSpec],
        opts: pulumi.ResourceOptions | None = None,
        *,
        charts: ChartsSpec | None = None,
    ) -> None:
        """Make the cluster.

        Args:
            name: name of the component; of the cluster too, after the project's, unless the spec gives it one.
            spec: the cluster.
            pools: the pools by name.
            opts: options of the component.
            charts: where its operators' charts come from.
        """
        spec, pools = checked_cluster(spec, "cluster.eks", pools)
        self.cluster_name = spec.name or f"{pulumi.get_project()}-{name}"
        check_in_cloud(
            name,
            self.cluster_name,
            spec,
            own_name=component_name_problem,
            cloud_name=cluster_name_problem,
            pool_problems=eks_pool_problems(spec, pools),
        )
        self.pools = resolve_pools(NodeSource.of(spec), pools)
        self.traits = _traits(spec)
        super().__init__("modelyard:cluster:EksCluster", name, {"clusterName": self.cluster_name}, opts)
        tags = {**spec.tags, STACK: stack_label_value(pulumi.get_project(), pulumi.get_stack())}
        self._account = Account(
            name=name,
            cluster_name=self.cluster_name,
            region=spec.region,
            parent=self,
            provider=aws.Provider(
                f"{name}-aws",
                region=spec.region,
                default_tags=aws.ProviderDefaultTagsArgs(tags=tags),
                allowed_account_ids=[spec.account_id] if spec.account_id else None,
                opts=pulumi.ResourceOptions(parent=self),
            ),
        )
        network = make_network(self._account, spec.network, log_retention_days=spec.log_retention_days)
        plane = self._plane = make_control_plane(self._account, spec, network)
        self.control_plane = plane.cluster
        self.kubeconfig = kubeconfig_of(plane.cluster, cluster_name=self.cluster_name, region=spec.region)
        self.kubernetes_provider = self._kubernetes(name, spec)
        foundation = Foundation(
            name=name,
            region=spec.region,
            cluster=plane.cluster,
            cluster_name=self.cluster_name,
            kubernetes_version=spec.kubernetes_version,
            private_subnets=network.private_subnets,
            node_security_group_id=plane.security_group_id,
            node_role=plane.node_role.role,
            provider=self._account.provider,
            tags=tags,
            disk_key_arn=None,
            before_nodes=self._make_before_nodes(spec, network, plane),
            kubernetes_provider=self.kubernetes_provider,
        )
        self._nodes = make_pools(self, foundation, self.pools, spec, charts)
        self.ready = self._make_after_nodes(spec, network, plane, self._nodes)
        self.images = []
        self.load_balancers_ready = self._make_load_balancers(spec, network, charts)
        self.register_outputs({"clusterName": self.cluster_name, "kubeconfig": self.kubeconfig})

    def pool_ready(self, pool: str) -> list[pulumi.Resource]:
        """What must exist, beside `ready`, before what runs on that pool and outlive it: what makes its nodes."""
        return list(self._nodes.by_pool[pool])

    def object_store(self, name: str, spec: ObjectStoreSpec, opts: pulumi.ResourceOptions | None = None) -> ObjectStore:
        """Make an S3 bucket in the cluster's region.

        Args:
            name: the Pulumi name, with which the bucket's name begins.
            spec: how long what is in it is kept.
            opts: Pulumi's options of the component.

        Raises:
            ConfigError: the spec is refused.
        """
        # Loaded here: a cluster without stores is spared a large part of the AWS SDK.
        from modelyard.cluster.eks.object_store import S3Store

        spec = checked(spec, name, lambda _: store_name_problems(name))
        return S3Store(name, self._account, spec, opts or pulumi.ResourceOptions(parent=self)).store

    def workload_identity(
        self,
        name: str,
        *,
        namespace: str,
        service_account: str,
        permissions: Sequence[StoreAccess],
        statements: Sequence[Statement] = (),
        opts: pulumi.ResourceOptions | None = None,
    ) -> BoundIdentity:
        """Let the pods of a service account use AWS, by Pod Identity: with credentials that end within hours.

        Args:
            name: the Pulumi name.
            namespace: of the service account, which need not exist yet.
            service_account: whose pods.
            permissions: the stores that they may use.
            statements: what else they may do.
            opts: Pulumi's options of the component.

        Returns:
            What the pods depend on, as pods that started earlier get no credentials, and where their agent is. They and
            their service account carry nothing: EKS knows them by its name.
        """
        from modelyard.cluster.eks.object_store import store_statements

        return WorkloadIdentity(
            name,
            self._account,
            cluster=self.control_plane,
            namespace=namespace,
            service_account=service_account,
            statements=[*(each for access in permissions for each in store_statements(access)), *statements],
            opts=opts or pulumi.ResourceOptions(parent=self),
        ).bound

    def _kubernetes(self, name: str, spec: EksSpec) -> k8s.Provider:
        return k8s.Provider(
            f"{name}-kubernetes",
            kubeconfig=self.kubeconfig,
            # A known value: while the kubeconfig is unknown, nothing on the cluster is taken for replaced. No cluster
            # is replaced by one of the same name, so what is on it is made again exactly where the cluster is.
            cluster_identifier=f"{spec.region}/{self.cluster_name}",
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _make_before_nodes(self, spec: EksSpec, network: Network, plane: ControlPlane) -> list[pulumi.Resource]:
        before = [*network.way_out, *plane.node_role.complete, *plane.node_access]
        if spec.provisioner == "auto_mode":
            return [*before, make_network_policy_switch(self._account, self.kubernetes_provider)]
        return [*before, *make_addons_before_nodes(self._account, plane.cluster, spec.kubernetes_version)]

    def _make_after_nodes(
        self, spec: EksSpec, network: Network, plane: ControlPlane, nodes: PoolsMade
    ) -> list[pulumi.Resource]:
        auto_mode, shared = spec.provisioner == "auto_mode", bool(spec.shared_storage)
        addons = make_addons_after_nodes(
            self._account,
            plane.cluster,
            spec.kubernetes_version,
            auto_mode=auto_mode,
            shared_storage=shared,
            nodes=nodes.system_ready,
        )
        if not auto_mode:
            make_node_monitoring(self._account, plane.cluster, spec.kubernetes_version, nodes.system_ready)
        provider = self.kubernetes_provider
        # On destroy volumes go before their class and its driver. Between those two there is no order: a class alone
        # does nothing.
        classes = [make_storage_class(self._account, provider, auto_mode=auto_mode)]
        if shared:
            system = make_shared_storage(self._account, network, plane)
            classes.append(make_shared_storage_class(self._account, provider, system))
        return [*nodes.system_ready, *addons, *classes]

    def _make_load_balancers(
        self, spec: EksSpec, network: Network, charts: ChartsSpec | None
    ) -> Sequence[pulumi.Resource]:
        if spec.provisioner == "auto_mode":
            return self.ready
        return make_load_balancer_controller(
            self._account,
            self._plane.cluster,
            self.kubernetes_provider,
            vpc_id=network.vpc_id,
            charts=charts,
            before=self.ready,
        )


def _traits(spec: EksSpec) -> ClusterTraits:
    auto_mode = spec.provisioner == "auto_mode"
    return ClusterTraits(
        storage_class=STORAGE_CLASS,
        shared_storage_class=SHARED_STORAGE_CLASS if spec.shared_storage else None,
        shared_volume_gib_max=spec.shared_volume_gib_max,
        load_balancer_class=AUTO_MODE_LOAD_BALANCER_CLASS if auto_mode else LOAD_BALANCER_CLASS,
        client_addresses_seen=CLIENT_ADDRESSES_SEEN,
        load_balancer_annotations={**LOAD_BALANCER_ANNOTATIONS, LOAD_BALANCER_SCHEME: "internal"},
        public_load_balancer_annotations={**LOAD_BALANCER_ANNOTATIONS, LOAD_BALANCER_SCHEME: "internet-facing"},
    )
