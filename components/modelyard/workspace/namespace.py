"""One namespace of a workspace, with its rules and with what pods find in it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import pulumi
import pulumi_kubernetes as k8s

from modelyard.cluster.base import Cluster
from modelyard.cluster.identities import BoundIdentity
from modelyard.kube.labels import labels
from modelyard.kube.pod_security import pod_security_labels
from modelyard.kube.quantities import memory_quantity
from modelyard.operators.definition import PodSecurity
from modelyard.platform.queues import Queues
from modelyard.platform.queues_kueue import HAS_QUEUES
from modelyard.workspace.network import network_policy_spec
from modelyard.workspace.quota import hard_limits
from modelyard.workspace.roles import role_ref, subjects
from modelyard.workspace.secrets import SECRET_KEY, make_secret
from modelyard.workspace.spec import QuotaSpec, VolumeSpec, WorkspaceSpec

SERVICE_ACCOUNT = "workload"
"""The ServiceAccount that a workspace's pods run as. It has no rights on the cluster; a cloud knows it by this name."""


@dataclass(frozen=True, kw_only=True)
class NamespaceRules:
    """What differs between a workspace's namespaces.

    Attributes:
        pod_security: the level that it enforces.
        quota: what its pods may ask for together.
        volumes: its volumes by name.
        roles: the cluster's roles that members get in it, each with who gets it.
        clients: the workspace's other namespaces, whose pods may open connections to the services in it.
        servers: those to whose services its pods may open connections.
    """

    pod_security: PodSecurity
    quota: QuotaSpec
    volumes: Mapping[str, VolumeSpec]
    roles: Mapping[str, list[str]]
    clients: Sequence[str] = ()
    servers: Sequence[str] = ()


class WorkspaceNamespace:
    """A namespace of a workspace: its objects, made as children of a component.

    Creates the Namespace, a ServiceAccount without rights on the cluster for its pods, a NetworkPolicy, one Secret for
    each secret of the workspace, one ConfigMap for each configuration, one PersistentVolumeClaim for each volume under
    the volume's name, a ResourceQuota where a quota is set, a RoleBinding for each role that has members and a
    LocalQueue for each queue.
    """

    namespace: pulumi.Output[str]
    """Its name, known once it exists."""
    service_account_name: pulumi.Output[str]
    """The ServiceAccount of its pods."""
    ready: list[pulumi.Resource]
    """What must exist before its pods: they start with the network's rules, inside of the quota, and find images that
    no registry has."""
    local_queues: Mapping[str, pulumi.Resource]
    """The ways of its jobs into queues, by the queue's name."""
    pod_labels: Mapping[str, str]
    """What its pods carry, beside their workload's labels, for their identity in a cloud."""
    secret_names: Mapping[str, pulumi.Output[str]]
    """The Kubernetes names of its Secrets by the names in the spec. A changed value changes the name."""
    config_names: Mapping[str, pulumi.Output[str]]
    """The names of its ConfigMaps, likewise."""
    volume_names: Mapping[str, pulumi.Output[str]]
    """The names of its PersistentVolumeClaims by the names in the spec."""

    def __init__(
        self,
        name: str,
        workspace_name: str,
        cluster: Cluster,
        spec: WorkspaceSpec,
        rules: NamespaceRules,
        identity: BoundIdentity,
        parent: pulumi.Resource,
        before: list[pulumi.Resource],
        queues: Queues | None,
    ) -> None:
        """Make the namespace.

        Args:
            name: its name, with which the Pulumi names of its objects begin.
            workspace_name: the workspace's.
            cluster: where it is made.
            spec: the workspace.
            rules: what holds in this namespace.
            identity: who its pods are in a cloud.
            parent: the component that its objects belong to.
            before: what must exist before it and outlive it.
            queues: the cluster's, which the workspace names some of.
        """
        self._name, self._workspace_name = name, workspace_name
        self._cluster, self._spec, self._rules = cluster, spec, rules
        self._child = pulumi.ResourceOptions(parent=parent, provider=cluster.kubernetes_provider)
        self._parent, self._identity = parent, identity
        self.pod_labels = identity.pod_labels
        self.namespace = self._create_namespace([*before, *identity.ready]).metadata.name
        self.service_account_name = self._create_service_account().metadata.name
        self.ready = [self._create_network_policy(), *self._create_quota(), *cluster.images]
        self._create_roles()
        self.local_queues = self._open_queues(queues) if queues else {}
        self.secret_names = {key: secret.metadata.name for key, secret in self._create_secrets().items()}
        self.config_names = {key: config.metadata.name for key, config in self._create_config().items()}
        self.volume_names = {key: claim.metadata.name for key, claim in self._create_volumes().items()}

    def _metadata(
        self, name: str | None = None, *, annotations: Mapping[str, pulumi.Input[str]] | None = None
    ) -> k8s.meta.v1.ObjectMetaArgs:
        return k8s.meta.v1.ObjectMetaArgs(
            name=name,
            namespace=self.namespace,
            labels=self._labels(),
            annotations=dict(annotations) if annotations else None,
        )

    def _labels(self) -> dict[str, str]:
        name = self._workspace_name
        return labels(name, instance=name, component="workspace", workspace=name)

    def _create_namespace(self, before: list[pulumi.Resource]) -> k8s.core.v1.Namespace:
        # What its pods need exists before the namespace and outlives it, so that they start, and end in peace.
        own = {**pod_security_labels(self._rules.pod_security), **({HAS_QUEUES: "true"} if self._spec.queues else {})}
        return k8s.core.v1.Namespace(
            self._name,
            metadata=k8s.meta.v1.ObjectMetaArgs(name=self._name, labels={**self._labels(), **own}),
            opts=pulumi.ResourceOptions.merge(self._child, pulumi.ResourceOptions(depends_on=before)),
        )

    def _create_service_account(self) -> k8s.core.v1.ServiceAccount:
        return k8s.core.v1.ServiceAccount(
            f"{self._name}-{SERVICE_ACCOUNT}",
            metadata=self._metadata(SERVICE_ACCOUNT, annotations=self._identity.service_account_annotations),
            automount_service_account_token=False,
            opts=self._child,
        )

    def _create_network_policy(self) -> k8s.networking.v1.NetworkPolicy:
        return k8s.networking.v1.NetworkPolicy(
            f"{self._name}-network",
            metadata=self._metadata(),
            spec=network_policy_spec(
                self._spec.network,
                self._identity.token_endpoints,
                self._cluster.traits.gateway_source_ranges,
                clients=self._rules.clients,
                servers=self._rules.servers,
            ),
            opts=self._child,
        )

    def _create_quota(self) -> Iterator[k8s.core.v1.ResourceQuota]:
        hard = hard_limits(self._rules.quota, self._cluster.pools)
        if hard:
            yield k8s.core.v1.ResourceQuota(
                f"{self._name}-quota",
                metadata=self._metadata(),
                spec=k8s.core.v1.ResourceQuotaSpecArgs(hard=hard),
                opts=self._child,
            )

    def _create_roles(self) -> None:
        for role, names in self._rules.roles.items():
            if names:
                k8s.rbac.v1.RoleBinding(
                    f"{self._name}-{role}",
                    metadata=self._metadata(),
                    role_ref=role_ref(role),
                    subjects=subjects(names),
                    opts=self._child,
                )

    def _open_queues(self, queues: Queues) -> dict[str, pulumi.Resource]:
        return {
            queue: queues.open_to(
                queue,
                logical_name=f"{self._name}-{queue}",
                namespace=self.namespace,
                object_labels=self._labels(),
                parent=self._parent,
            )
            for queue in self._spec.queues
        }

    def _create_secrets(self) -> dict[str, k8s.core.v1.Secret]:
        return {
            key: make_secret(f"{self._name}-{key}", {SECRET_KEY: secret}, self._metadata(), self._child)
            for key, secret in self._spec.secrets.items()
        }

    def _create_config(self) -> dict[str, k8s.core.v1.ConfigMap]:
        """Immutable ConfigMaps under generated names: a new value makes a new one, and so rolls exactly its users."""
        return {
            key: k8s.core.v1.ConfigMap(
                f"{self._name}-{key}-config",
                metadata=self._metadata(),
                immutable=True,
                data=dict(config.values),
                opts=self._child,
            )
            for key, config in self._spec.config.items()
        }

    def _create_volumes(self) -> dict[str, k8s.core.v1.PersistentVolumeClaim]:
        return {
            key: k8s.core.v1.PersistentVolumeClaim(
                f"{self._name}-{key}-volume",
                metadata=self._metadata(key),
                spec=self._claim(volume),
                opts=self._child,
            )
            for key, volume in self._rules.volumes.items()
        }

    def _claim(self, volume: VolumeSpec) -> k8s.core.v1.PersistentVolumeClaimSpecArgs:
        traits = self._cluster.traits
        own = traits.shared_storage_class if volume.shared else traits.storage_class
        return k8s.core.v1.PersistentVolumeClaimSpecArgs(
            access_modes=["ReadWriteMany" if volume.shared else "ReadWriteOnce"],
            storage_class_name=volume.storage_class or own,
            resources=k8s.core.v1.VolumeResourceRequirementsArgs(
                requests={"storage": memory_quantity(volume.size_gib)}
            ),
        )
