"""The component of a cluster on AKS."""

from collections.abc import Iterator, Mapping, Sequence

import pulumi
import pulumi_azure_native as azure
import pulumi_kubernetes as k8s

from modelyard.cluster.aks.account import Account
from modelyard.cluster.aks.control_plane import make_control_plane, make_logs, make_maintenance
from modelyard.cluster.aks.foundation import Foundation
from modelyard.cluster.aks.identity import WorkloadIdentity, make_cluster_identities
from modelyard.cluster.aks.kubeconfig import kubeconfig_of
from modelyard.cluster.aks.load_balancers import LOAD_BALANCER_ANNOTATIONS
from modelyard.cluster.aks.network import make_network
from modelyard.cluster.aks.pool_rules import aks_pool_problems
from modelyard.cluster.aks.pools import make_pools
from modelyard.cluster.aks.spec import AksSpec
from modelyard.cluster.aks.storage import (
    SHARED_STORAGE_CLASSES,
    STORAGE_CLASS,
    make_shared_storage_class,
    make_storage_class,
)
from modelyard.cluster.aks.words import cluster_name_problem, component_name_problem
from modelyard.cluster.checks import check_in_cloud, checked_cluster
from modelyard.cluster.identities import BoundIdentity
from modelyard.cluster.node_source import NodeSource
from modelyard.cluster.object_store_rules import (
    AZURE_FORMER_VERSIONS_DAYS_MAX,
    store_name_problems,
    store_problems,
)
from modelyard.cluster.object_store_spec import ObjectStoreSpec
from modelyard.cluster.object_stores import ObjectStore, StoreAccess
from modelyard.cluster.pools import Pool, resolve_pools
from modelyard.cluster.spec import PoolSpec
from modelyard.cluster.traits import ClusterTraits
from modelyard.cluster.without_gateway import WithoutGateway
from modelyard.component import checked
from modelyard.errors import Problem
from modelyard.kube.names import stack_label_value

_STACK_TAG = "modelyard-stack"
"""As the label, without what Azure allows in no tag's name: a slash."""


class AksCluster(WithoutGateway, pulumi.ComponentResource):
    """A cluster on AKS with its network and the nodes of its pools, from an empty subscription.

    Makes the resource group and the network unless they exist, the control plane with its identities, logs and times of
    maintenance, storage classes, and what each pool's nodes need. Storage drivers, DNS, metrics and the autoscaler are
    AKS' own. Everything in Azure is made through a provider of its own for the spec's subscription, with the
    credentials that Pulumi's Azure provider finds, and carries the spec's tags.

    It asks Azure for nothing while the program runs, except a cluster that exists for the certificate of its authority:
    a preview works before the subscription has anything in it, also of what runs on the cluster.

    Raises:
        ConfigError: the spec or a pool is refused.
    """

    cluster_name: str
    """The cluster's name in Azure, known at preview."""
    kubernetes_provider: k8s.Provider
    """The provider of all objects on it."""
    kubeconfig: pulumi.Output[str]
    """A kubeconfig for whoever has access; it needs the programs `kubelogin` and `az`. A secret like all of them."""
    traits: ClusterTraits
    """What it can do."""
    pools: Mapping[str, Pool]
    """Its pools by name."""
    ready: list[pulumi.Resource]
    """The nodes that operators run on, and volumes."""
    images: list[pulumi.Resource]
    """Empty: its nodes pull their images."""
    control_plane: azure.containerservice.ManagedCluster
    """The cluster in Azure."""
    load_balancers_ready: Sequence[pulumi.Resource]
    """What Services with a load balancer depend on, so that on destroy it goes before the cluster that made it."""

    def __init__(
        self,
        name: str,
        spec: AksSpec,
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
        spec, pools = checked_cluster(spec, "cluster.aks", pools)
        self.cluster_name = spec.name or f"{pulumi.get_project()}-{name}"
        check_in_cloud(
            name,
            self.cluster_name,
            spec,
            own_name=component_name_problem,
            cloud_name=cluster_name_problem,
            pool_problems=aks_pool_problems(spec, pools),
        )
        self.pools = resolve_pools(NodeSource.of(spec), pools)
        self.traits = _traits(spec)
        super().__init__("modelyard:cluster:AksCluster", name, {"clusterName": self.cluster_name}, opts)
        account = self._account = self._make_account(name, spec)
        network = make_network(account, spec.network)
        self._node_subnet_id = network.node_subnet_id
        identities = make_cluster_identities(account, spec, network)
        cluster = self.control_plane = make_control_plane(account, spec, network, identities)
        make_maintenance(account, spec, cluster)
        make_logs(account, spec, cluster)
        self.kubeconfig = kubeconfig_of(account, cluster, tenant_id=spec.tenant_id)
        self.kubernetes_provider = self._kubernetes(name, spec)
        foundation = Foundation(
            name=name,
            region=spec.region,
            zones=spec.zone_names(),
            resource_group=account.resource_group,
            subscription_id=spec.subscription_id,
            cluster=cluster,
            cluster_name=self.cluster_name,
            kubernetes_version=spec.kubernetes_version,
            node_subnet_id=network.node_subnet_id,
            identity=identities.control_plane,
            provider=account.provider,
            tags=account.tags,
            disk_encryption_set_id=spec.encryption.disk_encryption_set_id,
            before_nodes=[cluster],
            kubernetes_provider=self.kubernetes_provider,
        )
        self._nodes = make_pools(self, foundation, self.pools, spec)
        self.ready = [*self._nodes.system_ready, *self._make_storage_classes(spec)]
        self.images = []
        self.load_balancers_ready = self.ready
        self.register_outputs({"clusterName": self.cluster_name, "kubeconfig": self.kubeconfig})

    def pool_ready(self, pool: str) -> list[pulumi.Resource]:
        """What must exist, beside `ready`, before what runs on that pool and outlive it: what makes its nodes."""
        return list(self._nodes.by_pool[pool])

    def object_store(self, name: str, spec: ObjectStoreSpec, opts: pulumi.ResourceOptions | None = None) -> ObjectStore:
        """Make a container in a storage account of its own, in the cluster's region, that only its nodes reach.

        Args:
            name: the Pulumi name, with which the account's name begins.
            spec: how long what is in it is kept.
            opts: Pulumi's options of the component.

        Raises:
            ConfigError: the spec is refused.
        """
        # Loaded here: a cluster without stores is spared a large part of the Azure SDK.
        from modelyard.cluster.aks.object_store import BlobStore

        def problems(valid: ObjectStoreSpec) -> Iterator[Problem]:
            yield from store_name_problems(name)
            yield from store_problems(valid, former_versions_days_max=self.traits.former_versions_days_max)

        spec = checked(spec, name, problems)
        options = opts or pulumi.ResourceOptions(parent=self)
        return BlobStore(name, self._account, spec, node_subnet_id=self._node_subnet_id, opts=options).store

    def workload_identity(
        self,
        name: str,
        *,
        namespace: str,
        service_account: str,
        permissions: Sequence[StoreAccess],
        opts: pulumi.ResourceOptions | None = None,
    ) -> BoundIdentity:
        """Let the pods of a service account use stores, by an identity that trusts the cluster's tokens.

        Args:
            name: the Pulumi name.
            namespace: of the service account, which need not exist yet.
            service_account: whose pods.
            permissions: the stores that they may use.
            opts: Pulumi's options of the component.

        Returns:
            What the pods depend on, and the label of the pods and the annotation of their service account by which AKS
            hands the identity to them.
        """
        return WorkloadIdentity(
            name,
            self._account,
            issuer=self.control_plane.oidc_issuer_profile.apply(lambda each: each.issuer_url if each else ""),
            namespace=namespace,
            service_account=service_account,
            permissions=permissions,
            opts=opts or pulumi.ResourceOptions(parent=self),
        ).bound

    def _make_account(self, name: str, spec: AksSpec) -> Account:
        tags = {**spec.tags, _STACK_TAG: stack_label_value(pulumi.get_project(), pulumi.get_stack())}
        provider = azure.Provider(
            f"{name}-azure",
            subscription_id=spec.subscription_id,
            location=spec.region,
            opts=pulumi.ResourceOptions(parent=self),
        )
        group: pulumi.Input[str] | None = spec.resource_group
        if group is None:
            group = azure.resources.ResourceGroup(
                f"{name}-group",
                location=spec.region,
                tags=tags,
                opts=pulumi.ResourceOptions(parent=self, provider=provider),
            ).name
        return Account(
            name=name,
            cluster_name=self.cluster_name,
            region=spec.region,
            subscription_id=spec.subscription_id,
            resource_group=group,
            tags=tags,
            parent=self,
            provider=provider,
        )

    def _kubernetes(self, name: str, spec: AksSpec) -> k8s.Provider:
        return k8s.Provider(
            f"{name}-kubernetes",
            kubeconfig=self.kubeconfig,
            # A known value: while the kubeconfig is unknown, nothing on the cluster is taken for replaced. No cluster
            # is replaced by one of the same name, so what is on it is made again exactly where the cluster is.
            cluster_identifier=f"{spec.subscription_id}/{spec.region}/{self.cluster_name}",
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _make_storage_classes(self, spec: AksSpec) -> list[pulumi.Resource]:
        provider, disks = self.kubernetes_provider, spec.encryption.disk_encryption_set_id
        classes = [make_storage_class(self._account, provider, disk_encryption_set_id=disks)]
        if spec.shared_storage:
            service, subnet = spec.shared_storage_service, self._node_subnet_id
            classes.append(make_shared_storage_class(self._account, provider, service, node_subnet_id=subnet))
        return classes


def _traits(spec: AksSpec) -> ClusterTraits:
    return ClusterTraits(
        storage_class=STORAGE_CLASS,
        shared_storage_class=SHARED_STORAGE_CLASSES[spec.shared_storage_service] if spec.shared_storage else None,
        shared_volume_gib_max=spec.shared_volume_gib_max,
        load_balancer_annotations=LOAD_BALANCER_ANNOTATIONS,
        former_versions_days_max=AZURE_FORMER_VERSIONS_DAYS_MAX,
    )
