"""The typed stack as one component: it composes the rooms and adds nothing of its own."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TypeVar

import pulumi

from modelyard.batch.batch_job import BatchJob
from modelyard.batch.scheduled_job import ScheduledJob
from modelyard.batch.spec import ScheduledJobSpec, TrainingJobSpec
from modelyard.batch.training_job import TrainingJob
from modelyard.cluster.base import Cluster
from modelyard.cluster.spec import CloudSpec
from modelyard.component import checked, shown
from modelyard.errors import ConfigError
from modelyard.observability.monitoring import Monitoring
from modelyard.platform.accelerators import Accelerators, needed_agents
from modelyard.platform.gateway import Gateway
from modelyard.platform.gateway_spec import ENVOY, GatewaySpec
from modelyard.platform.kserve import KServe
from modelyard.platform.leader_worker_sets import LeaderWorkerSets
from modelyard.platform.priorities import Priorities
from modelyard.platform.queues import Queues
from modelyard.serving.argo_rollouts import ArgoRollouts
from modelyard.serving.automatic_rules import counts_at_gateway, needs_argo_rollouts
from modelyard.serving.autoscaling_rules import needs_keda
from modelyard.serving.keda import Keda
from modelyard.serving.kserve_rules import needs_kserve
from modelyard.serving.model_service import ModelService
from modelyard.serving.route_service_rules import needs_pickers
from modelyard.serving.spec import ModelServiceSpec
from modelyard.stack.config import stack_from_config
from modelyard.stack.outputs import StackOutputs
from modelyard.stack.spec import StackSpec, WorkspaceStackSpec
from modelyard.workspace.spec import volume_problems
from modelyard.workspace.workspace import Workspace

_Cloud = TypeVar("_Cloud", bound=CloudSpec)


class MLStack(pulumi.ComponentResource):
    """A cluster with its pools, monitoring, what its accelerators need, workspaces and everything that runs in them.

    Each part is a component of its own, made from one block of the spec, and can be used without this one. It creates
    the cluster only where the spec says so (`local`, `eks`, `gke`, `aks`); an `existing` one is used as it is.
    """

    cluster: Cluster
    """Where it all runs."""
    monitoring: Monitoring | None
    """Metrics and alerts; None where the spec has none."""
    accelerators: Accelerators | None
    """What makes the pools' accelerators usable; None where nothing has to be installed for that."""
    queues: Queues | None
    """The queues that jobs wait in; None where the spec has none."""
    priorities: Priorities | None
    """The priorities that workloads name; None where the spec has none."""
    gateway: Gateway | None
    """The entrance for clients from outside; None where the spec has none."""
    keda: Keda | None
    """What scales services beyond what Kubernetes does alone; None where none needs it."""
    argo_rollouts: ArgoRollouts | None
    """What takes the steps of automatic releases; None where there are none."""
    leader_worker_sets: LeaderWorkerSets | None
    """What runs services over several nodes; None where there are none."""
    kserve: KServe | None
    """The cluster's KServe; None where no service has it as its backend."""
    workspaces: Mapping[str, Workspace]
    """Workspaces by name."""
    outputs: StackOutputs
    """What other stacks can use."""

    def __init__(self, name: str, spec: StackSpec, opts: pulumi.ResourceOptions | None = None) -> None:
        """Compose the stack.

        Args:
            name: the Pulumi name, of the cluster within it too.
            spec: the whole stack.
            opts: Pulumi's options of the component.

        Raises:
            ConfigError: with every problem of the spec; nothing is registered then.
        """
        spec = checked(spec, "")
        super().__init__("modelyard:stack:MLStack", name, {}, opts)
        child = pulumi.ResourceOptions(parent=self)
        self.cluster = _cluster(name, spec, child)
        metrics, charts = spec.observability.metrics, spec.platform.charts
        self.monitoring = (
            Monitoring("monitoring", self.cluster, metrics, charts=charts, opts=child) if metrics else None
        )
        monitored = self.monitoring.monitors_known if self.monitoring else ()
        self.accelerators = (
            Accelerators("accelerators", self.cluster, charts=charts, monitoring_ready=monitored, opts=child)
            if needed_agents(self.cluster)
            else None
        )
        gateway = spec.platform.gateway
        services = spec.services.values()
        self.gateway = (
            Gateway(
                "gateway",
                self.cluster,
                _with_pickers(gateway, services),
                charts=charts,
                inference_pools_present=spec.platform.inference_pools_present,
                opts=child,
            )
            if gateway
            else None
        )
        queues = spec.platform.queues
        self.queues = (
            Queues("queues", self.cluster, queues, charts=charts, monitoring_ready=monitored, opts=child)
            if queues
            else None
        )
        self.keda = self._keda(spec, child)
        self.argo_rollouts = self._argo_rollouts(spec, child)
        self.leader_worker_sets = (
            LeaderWorkerSets(
                "leader-worker-sets",
                self.cluster,
                is_present=spec.platform.leader_worker_sets_present,
                charts=charts,
                opts=child,
            )
            if spec.has_groups
            else None
        )
        self.kserve = KServe("kserve", self.cluster, opts=child) if needs_kserve(services) else None
        priorities = spec.platform.priorities
        with_spare = any(service.spare_replicas for service in services)
        self.priorities = (
            Priorities("priorities", self.cluster, priorities, with_spare=with_spare, opts=child)
            if priorities or with_spare
            else None
        )
        after = self.accelerators.before_workloads if self.accelerators else ()
        self.workspaces = {
            key: Workspace(key, self.cluster, each, child, after=after, queues=self.queues, priorities=self.priorities)
            for key, each in spec.workspaces.items()
        }
        serving: dict[str, ModelService] = {}
        for key, each in spec.workspaces.items():
            made = self._run(self.workspaces[key], each, child)
            serving |= {f"{key}/{name}": service for name, service in made.items()}
        self.outputs = StackOutputs(
            cluster_name=pulumi.Output.from_input(self.cluster.cluster_name),
            kubeconfig=self.cluster.kubeconfig,
            services=_by_name({key: each.url for key, each in serving.items()}),
            service_ports=pulumi.Output.from_input({key: each.ports for key, each in serving.items()}),
            routes=_by_name({key: each.route_url for key, each in serving.items() if each.route_url}),
            gateway_address=self.gateway.address if self.gateway else pulumi.Output.from_input(""),
            object_stores=_by_name(
                {
                    f"{key}/{name}": store.url
                    for key, workspace in self.workspaces.items()
                    for name, store in workspace.object_stores.items()
                }
            ),
        )
        self.register_outputs({"cluster_name": self.outputs.cluster_name, "services": self.outputs.services})

    def _keda(self, spec: StackSpec, child: pulumi.ResourceOptions) -> Keda | None:
        if not needs_keda(spec.services.values()):
            return None
        return Keda(
            "keda",
            self.cluster,
            is_present=spec.platform.keda_present,
            charts=spec.platform.charts,
            monitoring=self.monitoring,
            gateway=self.gateway,
            opts=child,
        )

    def _argo_rollouts(self, spec: StackSpec, child: pulumi.ResourceOptions) -> ArgoRollouts | None:
        services = spec.services.values()
        if not needs_argo_rollouts(services):
            return None
        return ArgoRollouts(
            "argo-rollouts",
            self.cluster,
            is_present=spec.platform.argo_rollouts_present,
            charts=spec.platform.charts,
            monitoring=self.monitoring,
            # With KEDA the gateway is read already: twice would count its requests twice.
            gateway=self.gateway if counts_at_gateway(services) and not self.keda else None,
            opts=child,
        )

    def _run(
        self, workspace: Workspace, spec: WorkspaceStackSpec, child: pulumi.ResourceOptions
    ) -> dict[str, ModelService]:
        """Everything that runs in one workspace; returns its services."""
        for key in spec.in_order():
            task = spec.jobs[key] if key in spec.jobs else spec.training[key]
            if isinstance(task, TrainingJobSpec):
                TrainingJob(key, workspace, task, child)
            elif isinstance(task, ScheduledJobSpec):
                ScheduledJob(key, workspace, task, child)
            else:
                BatchJob(key, workspace, task, child)
        return {
            key: ModelService(
                key,
                workspace,
                service,
                child,
                monitoring=self.monitoring,
                gateway=self.gateway,
                keda=self.keda,
                leader_worker_sets=self.leader_worker_sets,
                kserve=self.kserve,
                argo_rollouts=self.argo_rollouts,
            )
            for key, service in spec.services.items()
        }

    @classmethod
    def from_config(cls) -> "MLStack":
        """The stack that the present Pulumi stack's file describes, under the key `modelyard:stack`.

        Raises:
            ConfigError: with every problem found, as `modelyard check` reports them.
        """
        try:
            spec = stack_from_config()
        except ConfigError as error:
            raise shown(error.problems) from None
        return cls(pulumi.get_stack(), spec)


def _by_name(values: Mapping[str, pulumi.Output[str]]) -> pulumi.Output[Mapping[str, str]]:
    """The values together; of none, `Output.all` would make a list."""
    nothing: Mapping[str, str] = {}
    return pulumi.Output.all(**values) if values else pulumi.Output.from_input(nothing)


def _cluster(name: str, spec: StackSpec, child: pulumi.ResourceOptions) -> Cluster:
    # Loaded where they are needed: no stack needs the SDK of another cloud, nor what makes a local cluster.
    if spec.cluster.existing:
        from modelyard.cluster.existing.cluster import ExistingCluster

        return ExistingCluster(name, spec.cluster.existing, spec.pools, child)
    if spec.cluster.local:
        from modelyard.cluster.local.cluster import LocalCluster

        return LocalCluster(name, spec.cluster.local, spec.pools, child)
    charts, eks, gke, aks = spec.platform.charts, spec.cluster.eks, spec.cluster.gke, spec.cluster.aks
    if eks:
        from modelyard.cluster.eks.cluster import EksCluster

        return EksCluster(name, _with_storage(eks, spec), spec.pools, child, charts=charts)
    if gke:
        from modelyard.cluster.gke.cluster import GkeCluster

        return GkeCluster(name, _with_storage(gke, spec), spec.pools, child)
    if aks:
        from modelyard.cluster.aks.cluster import AksCluster

        return AksCluster(name, _with_storage(aks, spec), spec.pools, child)
    raise AssertionError("a checked spec has exactly one cluster")


def _with_pickers(gateway: GatewaySpec, services: Iterable[ModelServiceSpec]) -> GatewaySpec:
    """With what asks pickers where a route needs it and the gateway does not say."""
    if gateway.class_ != ENVOY or gateway.pickers is not None:
        return gateway
    return replace(gateway, pickers=needs_pickers(services))


def _with_storage(cloud: _Cloud, spec: StackSpec) -> _Cloud:
    """With a file system where the stack needs one and does not say."""
    if cloud.shared_storage is not None:
        return cloud
    return replace(cloud, shared_storage=any(_shares_volumes(each) for each in spec.workspaces.values()))


def _shares_volumes(workspace: WorkspaceStackSpec) -> bool:
    return any(volume_problems(workspace, shared_available=False))
