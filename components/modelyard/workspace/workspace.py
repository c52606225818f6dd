"""The Workspace component: a team's namespace and the rules in it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import pulumi
import pulumi_kubernetes as k8s

from modelyard.cluster.base import Cluster
from modelyard.cluster.pools import Pool
from modelyard.component import checked
from modelyard.kube.labels import labels
from modelyard.kube.quantities import cpu_quantity, memory_quantity
from modelyard.workspace.network import network_policy_spec
from modelyard.workspace.roles import role_ref, subjects
from modelyard.workspace.secrets import make_secret, stack_keys
from modelyard.workspace.spec import (
    QuotaSpec,
    VolumeSpec,
    WorkspaceSpec,
    secret_problems,
    volume_problems,
    workspace_name_problems,
)
from modelyard.workspace.workload_spec import ArtifactSpec, Place, WorkloadSpec

SERVICE_ACCOUNT = "workload"
"""The ServiceAccount that a workspace's pods run as. It has no rights; clouds can give it an identity by this name."""

_POD_SECURITY = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "audit", "warn")}


@dataclass(frozen=True, kw_only=True)
class Artifact:
    """What a job leaves for others.

    Attributes:
        spec: where it lies.
        run: the name of the Kubernetes Job that wrote it; another run has another name. Known once an awaited one has
            succeeded.
        is_awaited: whether `run` is known only then.
    """

    spec: ArtifactSpec
    run: pulumi.Output[str]
    is_awaited: bool


class Workspace(pulumi.ComponentResource):
    """A team's namespace: pod security `restricted`, quota, roles, secrets, volumes; its network denies by default.

    Creates a Namespace of the workspace's name, a ServiceAccount without rights for its pods, a NetworkPolicy, one
    Secret for each secret, one ConfigMap for each configuration, one PersistentVolumeClaim for each volume under the
    volume's name, a ResourceQuota where a quota is set and a RoleBinding for each role that has members. What runs in
    it is made by ModelService, BatchJob and their like.

    Raises:
        ConfigError: a secret is missing from the stack's configuration or is there in clear text; a name is taken or
            malformed; a volume is to be shared where the cluster has no storage for that; the spec has problems.
            Nothing is registered then.
    """

    namespace: pulumi.Output[str]
    """The namespace's name, known once it exists."""
    secret_names: Mapping[str, pulumi.Output[str]]
    """The Kubernetes names of its Secrets by the names in the spec. A changed value changes the name."""
    config_names: Mapping[str, pulumi.Output[str]]
    """The names of its ConfigMaps, likewise."""
    volume_names: Mapping[str, pulumi.Output[str]]
    """The names of its PersistentVolumeClaims by the names in the spec."""
    artifacts: dict[str, Artifact]
    """What the jobs made so far leave for those made after them, by the job's name."""

    def __init__(
        self, name: str, cluster: Cluster, spec: WorkspaceSpec, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        """
        Make a workspace.

        Args:
            name: the namespace's name.
            cluster: where it is made.
            spec: its rules.
            opts: Pulumi's options of the component; its objects get the cluster's provider in any case.
        """
        spec = checked(
            spec,
            name,
            lambda _: workspace_name_problems(name),
            lambda valid: secret_problems(valid.secrets, stack_keys(valid.secrets.values())),
            lambda valid: volume_problems(
                valid.volumes, shared_available=cluster.traits.shared_storage_class is not None
            ),
        )
        super().__init__("modelyard:workspace:Workspace", name, None, opts)
        self.workspace_name = name
        self.cluster = cluster
        self.spec = spec
        self._child = pulumi.ResourceOptions(parent=self, provider=cluster.kubernetes_provider)
        self.namespace = self._create_namespace().metadata.name
        self.service_account_name = self._create_service_account().metadata.name
        self.ready: list[pulumi.Resource] = [self._create_network_policy(), *self._create_quota(), *cluster.images]
        """What must exist before its pods: they start with the network's rules, inside of the quota, and find images
        that no registry has."""
        self._create_roles()
        self.secret_names = {key: secret.metadata.name for key, secret in self._create_secrets().items()}
        self.config_names = {key: config.metadata.name for key, config in self._create_config().items()}
        self.volume_names = {key: claim.metadata.name for key, claim in self._create_volumes().items()}
        self.artifacts = {}
        self.register_outputs({"namespace": self.namespace, "secret_names": dict(self.secret_names)})

    @property
    def place(self) -> Place:
        """What its workloads find around them."""
        return self.spec.place(
            self.cluster.pools, {name: artifact.is_awaited for name, artifact in self.artifacts.items()}
        )

    def offer_artifact(self, name: str, spec: WorkloadSpec, run: pulumi.Output[str]) -> None:
        """Let what is made after this job read its artifact, if it has one."""
        if spec.artifact_written:
            self.artifacts[name] = Artifact(spec=spec.artifact_written, run=run, is_awaited=spec.is_awaited)

    def _metadata(self, name: str | None = None) -> k8s.meta.v1.ObjectMetaArgs:
        return k8s.meta.v1.ObjectMetaArgs(name=name, namespace=self.namespace, labels=self._labels())

    def _labels(self) -> dict[str, str]:
        name = self.workspace_name
        return labels(name, instance=name, component="workspace", workspace=name)

    def _create_namespace(self) -> k8s.core.v1.Namespace:
        # Nodes exist before the namespace and outlive it, so that its pods can start, and end in peace at destroy.
        return k8s.core.v1.Namespace(
            self.workspace_name,
            metadata=k8s.meta.v1.ObjectMetaArgs(name=self.workspace_name, labels={**self._labels(), **_POD_SECURITY}),
            opts=pulumi.ResourceOptions(
                parent=self, provider=self.cluster.kubernetes_provider, depends_on=self.cluster.ready
            ),
        )

    def _create_service_account(self) -> k8s.core.v1.ServiceAccount:
        return k8s.core.v1.ServiceAccount(
            f"{self.workspace_name}-{SERVICE_ACCOUNT}",
            metadata=self._metadata(SERVICE_ACCOUNT),
            automount_service_account_token=False,
            opts=self._child,
        )

    def _create_network_policy(self) -> k8s.networking.v1.NetworkPolicy:
        return k8s.networking.v1.NetworkPolicy(
            f"{self.workspace_name}-network",
            metadata=self._metadata(),
            spec=network_policy_spec(self.spec.network),
            opts=self._child,
        )

    def _create_quota(self) -> Iterator[k8s.core.v1.ResourceQuota]:
        hard = _hard_limits(self.spec.quota, self.cluster.pools)
        if hard:
            yield k8s.core.v1.ResourceQuota(
                f"{self.workspace_name}-quota",
                metadata=self._metadata(),
                spec=k8s.core.v1.ResourceQuotaSpecArgs(hard=hard),
                opts=self._child,
            )

    def _create_roles(self) -> None:
        members = self.spec.members
        for role, names in (("edit", members.edit), ("view", members.view)):
            if names:
                k8s.rbac.v1.RoleBinding(
                    f"{self.workspace_name}-{role}",
                    metadata=self._metadata(),
                    role_ref=role_ref(role),
                    subjects=subjects(names),
                    opts=self._child,
                )

    def _create_secrets(self) -> dict[str, k8s.core.v1.Secret]:
        return {
            key: make_secret(f"{self.workspace_name}-{key}", secret, self._metadata(), self._child)
            for key, secret in self.spec.secrets.items()
        }

    def _create_config(self) -> dict[str, k8s.core.v1.ConfigMap]:
        """Immutable ConfigMaps under generated names: a new value makes a new one, and so rolls exactly its users."""
        return {
            key: k8s.core.v1.ConfigMap(
                f"{self.workspace_name}-{key}-config",
                metadata=self._metadata(),
                immutable=True,
                data=dict(config.values),
                opts=self._child,
            )
            for key, config in self.spec.config.items()
        }

    def _create_volumes(self) -> dict[str, k8s.core.v1.PersistentVolumeClaim]:
        return {
            key: k8s.core.v1.PersistentVolumeClaim(
                f"{self.workspace_name}-{key}-volume",
                metadata=self._metadata(key),
                spec=self._claim(volume),
                opts=self._child,
            )
            for key, volume in self.spec.volumes.items()
        }

    def _claim(self, volume: VolumeSpec) -> k8s.core.v1.PersistentVolumeClaimSpecArgs:
        traits = self.cluster.traits
        own = traits.shared_storage_class if volume.shared else traits.storage_class
        return k8s.core.v1.PersistentVolumeClaimSpecArgs(
            access_modes=["ReadWriteMany" if volume.shared else "ReadWriteOnce"],
            storage_class_name=volume.storage_class or own,
            resources=k8s.core.v1.VolumeResourceRequirementsArgs(
                requests={"storage": memory_quantity(volume.size_gib)}
            ),
        )


def _hard_limits(quota: QuotaSpec, pools: Mapping[str, Pool]) -> dict[str, str]:
    hard: dict[str, str] = {}
    if quota.cpus is not None:
        hard["requests.cpu"] = cpu_quantity(quota.cpus)
    if quota.memory_gib is not None:
        hard["requests.memory"] = memory_quantity(quota.memory_gib)
    if quota.gpus is not None:
        resources = sorted({pool.accelerator.resource for pool in pools.values() if pool.accelerator})
        hard.update({f"requests.{resource}": str(quota.gpus) for resource in resources})
    return hard
