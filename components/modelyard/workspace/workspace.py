"""The Workspace component: a team's namespace and the rules in it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar, cast

import pulumi

from modelyard.cluster.base import Cluster
from modelyard.cluster.object_stores import ObjectStore
from modelyard.component import checked
from modelyard.platform.priorities import Priorities
from modelyard.platform.queues import Queues
from modelyard.platform.queues_rules import unknown_queues
from modelyard.workspace.namespace import SERVICE_ACCOUNT, NamespaceRules, WorkspaceNamespace
from modelyard.workspace.object_store_rules import object_store_problems
from modelyard.workspace.object_stores import bind_to_stores, make_stores
from modelyard.workspace.place import Place, WrittenArtifact
from modelyard.workspace.secrets import secret_size_problems, stack_keys
from modelyard.workspace.spec import (
    FabricSpec,
    WorkspaceSpec,
    fabric_namespace,
    secret_problems,
    volume_problems,
    workspace_name_problems,
)
from modelyard.workspace.workload_spec import ArtifactSpec, WorkloadSpec

T = TypeVar("T")


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

    Creates a Namespace of the workspace's name, a ServiceAccount without rights on the cluster for its pods, a
    NetworkPolicy, one Secret for each secret, one ConfigMap for each configuration, one PersistentVolumeClaim for each
    volume under the volume's name, a ResourceQuota where a quota is set and a RoleBinding for each role that has
    members; where the spec has object stores, these in the cluster's cloud, and an identity with rights on them alone,
    which its pods have; and, where the spec has `fabric`, a companion namespace with the same, which enforces pod
    security `privileged` and whose pods have an identity like it. What runs in it is made by ModelService, BatchJob and
    their like.

    Raises:
        ConfigError: a secret is missing from the stack's configuration or is there in clear text; a name is taken or
            malformed; a volume is to be shared where the cluster has no storage for that; the cluster has no object
            stores; the spec has problems. Nothing is registered then.
    """

    namespace: pulumi.Output[str]
    """The namespace's name, known once it exists."""
    secret_names: Mapping[str, pulumi.Output[str]]
    """The Kubernetes names of its Secrets by the names in the spec. A changed value changes the name."""
    config_names: Mapping[str, pulumi.Output[str]]
    """The names of its ConfigMaps, likewise."""
    volume_names: Mapping[str, pulumi.Output[str]]
    """The names of its PersistentVolumeClaims by the names in the spec."""
    object_stores: Mapping[str, ObjectStore]
    """Its object stores by the names in the spec."""
    artifacts: dict[str, Artifact]
    """What the jobs made so far leave for those made after them, by the job's name."""

    def __init__(
        self,
        name: str,
        cluster: Cluster,
        spec: WorkspaceSpec,
        opts: pulumi.ResourceOptions | None = None,
        *,
        after: Sequence[pulumi.Resource] = (),
        queues: Queues | None = None,
        priorities: Priorities | None = None,
    ) -> None:
        """
        Make a workspace.

        Args:
            name: the namespace's name.
            cluster: where it is made.
            spec: its rules.
            opts: Pulumi's options of the component; its objects get the cluster's provider in any case.
            after: what must exist before its pods and outlive them, beside the cluster's nodes.
            queues: the cluster's, which the spec names some of; None where it has none.
            priorities: those that its workloads may name; None where there are none.
        """
        spec = checked(
            spec,
            name,
            lambda _: workspace_name_problems(name),
            lambda valid: unknown_queues(valid.queues, queues.by_name if queues else {}),
            lambda valid: secret_problems(valid.secrets, stack_keys(valid.secrets.values())),
            lambda valid: secret_size_problems(valid.secrets),
            lambda valid: volume_problems(
                valid,
                shared_available=cluster.traits.shared_storage_class is not None,
                shared_gib_max=cluster.traits.shared_volume_gib_max,
            ),
            lambda valid: object_store_problems(
                name,
                valid,
                unsupported=cluster.traits.unsupported,
                former_versions_days_max=cluster.traits.former_versions_days_max,
            ),
        )
        super().__init__("modelyard:workspace:Workspace", name, None, opts)
        self.workspace_name = name
        self.cluster = cluster
        self.spec = spec
        self._queues = queues
        self._priorities = priorities
        before = [*cluster.ready, *after]
        roles = {"edit": list(spec.members.edit), "view": list(spec.members.view)}
        rules = NamespaceRules(
            pod_security="restricted",
            quota=spec.quota,
            volumes=spec.volumes,
            roles=roles,
            servers=[fabric_namespace(name)] if spec.fabric else [],
        )
        stores = self.object_stores = make_stores(name, cluster, spec.object_stores, self)
        before.extend(each for store in stores.values() for each in store.ready)
        identity = bind_to_stores(name, SERVICE_ACCOUNT, cluster, spec.object_stores, stores, self)
        self._own = WorkspaceNamespace(name, name, cluster, spec, rules, identity, self, before, queues)
        self._companion = (
            _Companion(name, cluster, spec, spec.fabric, stores, self, before, queues) if spec.fabric else None
        )
        self.namespace = self._own.namespace
        self.secret_names = self._own.secret_names
        self.config_names = self._own.config_names
        self.volume_names = self._own.volume_names
        self.artifacts = {}
        self._shared: dict[str, object] = {}
        self.register_outputs({"namespace": self.namespace, "secret_names": dict(self.secret_names)})

    @property
    def place(self) -> Place:
        """What its workloads find around them."""
        return self.spec.place(
            self.cluster.pools,
            {
                name: WrittenArtifact(volume=artifact.spec.volume, is_awaited=artifact.is_awaited)
                for name, artifact in self.artifacts.items()
            },
            self._queues.by_name if self._queues else {},
            self._priorities.names if self._priorities else (),
        )

    @property
    def has_spare_priority(self) -> bool:
        """Whether there is a priority for pods that keep room for others."""
        return bool(self._priorities and self._priorities.spare)

    @property
    def spare_priority_class(self) -> pulumi.Output[str] | None:
        """The PriorityClass of pods that keep room for others; None where there is none."""
        return self._priorities.spare if self._priorities else None

    def priority_class(self, spec: WorkloadSpec) -> pulumi.Output[str] | None:
        """The name of the PriorityClass of this workload's pods; None for the cluster's default."""
        return self._priorities.names[spec.priority] if spec.priority and self._priorities else None

    def namespace_for(self, spec: WorkloadSpec) -> WorkspaceNamespace:
        """The namespace that this workload runs in: the companion where its pods lock memory, otherwise its own."""
        if spec.needs_companion(self.cluster.pools[spec.pool]):
            assert self._companion, "a workload without problems in this workspace has the namespace that it needs"
            return self._companion.home
        return self._own

    def before_pods(self, spec: WorkloadSpec) -> list[pulumi.Resource]:
        """What must exist before this workload's pods and outlive them: its namespace's rules, its pool's nodes, and
        the queue that it waits in."""
        home = self.namespace_for(spec)
        queue = [home.local_queues[spec.queue_name]] if spec.queue_name else []
        return [*home.ready, *self.cluster.pool_ready(spec.pool), *queue]

    def once(self, key: str, make: Callable[[], T]) -> T:
        """What several workloads share: made for the first that asks for it by this key."""
        if key not in self._shared:
            self._shared[key] = make()
        return cast("T", self._shared[key])

    def offer_artifact(self, name: str, spec: WorkloadSpec, run: pulumi.Output[str]) -> None:
        """Let what is made after this job read its artifact, if it has one."""
        if spec.artifact_written:
            self.artifacts[name] = Artifact(spec=spec.artifact_written, run=run, is_awaited=spec.is_awaited)


class _Companion(pulumi.ComponentResource):
    """The namespace for jobs that lock memory. A component of its own, so that no name in it meets the workspace's."""

    home: WorkspaceNamespace

    def __init__(
        self,
        workspace: str,
        cluster: Cluster,
        spec: WorkspaceSpec,
        fabric: FabricSpec,
        stores: Mapping[str, ObjectStore],
        parent: pulumi.Resource,
        before: list[pulumi.Resource],
        queues: Queues | None,
    ) -> None:
        name = fabric_namespace(workspace)
        super().__init__("modelyard:workspace:Companion", name, None, pulumi.ResourceOptions(parent=parent))
        # Who may make pods where `privileged` is enforced is root on the nodes: members only look.
        members = list(dict.fromkeys([*spec.members.edit, *spec.members.view]))
        rules = NamespaceRules(
            pod_security="privileged",
            quota=fabric.quota,
            volumes=fabric.volumes,
            roles={"view": members},
            clients=[workspace],
        )
        identity = bind_to_stores(name, SERVICE_ACCOUNT, cluster, spec.object_stores, stores, self)
        self.home = WorkspaceNamespace(name, workspace, cluster, spec, rules, identity, self, before, queues)
        self.register_outputs({"namespace": self.home.namespace})
