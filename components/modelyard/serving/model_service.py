"""The ModelService component: a model behind an HTTP endpoint inside of the cluster."""

import math
from dataclasses import replace

import pulumi
import pulumi_kubernetes as k8s

from modelyard.component import shown
from modelyard.kube.labels import MAIN_VARIANT, VARIANT, labels, selector
from modelyard.kube.names import logical_name
from modelyard.kube.placement import prefer_other_nodes, spread
from modelyard.kube.pods import Pod, pod_template
from modelyard.observability.monitoring import Monitoring
from modelyard.observability.monitors import service_monitor
from modelyard.platform.gateway import Gateway
from modelyard.serving.autoscaling import autoscaler_spec
from modelyard.serving.containers import GRPC_PORT, grace_seconds, server_container, server_metrics
from modelyard.serving.route import Backend, make_route
from modelyard.serving.route_spec import RouteSpec, route_problems
from modelyard.serving.runtimes.runtime import Server
from modelyard.serving.spec import ModelServiceSpec
from modelyard.workspace.checks import check_workload
from modelyard.workspace.claims import device_claims
from modelyard.workspace.network import HTTP_PORT, METRICS_PORT
from modelyard.workspace.pods import workload_pod
from modelyard.workspace.workspace import Workspace

COMPONENT = "model-service"
"""The value of `app.kubernetes.io/component`."""
NODE_READY_SECONDS = 900
"""For a node that an autoscaler adds, its GPU driver, and an image of 10 GiB. None of it counts as start-up."""

_SERVICE_PORT = 80
_FORCED = {"pulumi.com/patchForce": "true"}
"""Takes a fixed number of replicas back from an autoscaler that had it before, or from `kubectl scale`."""
_DELETE_SECONDS = 600
"""Pulumi's default, for what comes on top of the pods' own time to end."""


class ModelService(pulumi.ComponentResource):
    """Serve one model over HTTP on the nodes of one pool.

    Creates a Deployment, a Service of the service's name, a PodDisruptionBudget, a HorizontalPodAutoscaler where
    `autoscaling` is given, a ServiceMonitor where `monitoring` is and an HTTPRoute where the spec has a `route`, with
    two policies for a load balancer of GKE. It is reached from its own workspace, and through the gateway by its route;
    it creates no DNS name.

    An update ends when all new replicas are ready. The wait allows for nodes that have to be added first.

    Raises:
        ConfigError: the spec has problems, by itself, on the workspace's cluster or at the gateway. Nothing is
            registered then.
    """

    url: pulumi.Output[str]
    """Base URL inside of the cluster, without a slash at the end."""
    service_name: pulumi.Output[str]
    """The Service's name in the workspace's namespace."""
    deployment_name: pulumi.Output[str]
    """The Deployment's generated name."""
    route_url: pulumi.Output[str] | None
    """Base URL for clients of the gateway, without a slash at the end; empty where nothing gives the gateway an
    address. None without a route."""

    def __init__(
        self,
        name: str,
        workspace: Workspace,
        spec: ModelServiceSpec,
        opts: pulumi.ResourceOptions | None = None,
        *,
        monitoring: Monitoring | None = None,
        gateway: Gateway | None = None,
    ) -> None:
        """
        Make a model service.

        Args:
            name: the Service's name, unique among the workloads of the workspace.
            workspace: where it runs.
            spec: what it is.
            opts: Pulumi's options of the component; its objects get the cluster's provider in any case.
            monitoring: whose Prometheus reads its metrics; None for none.
            gateway: what its route leads from; None where it has no route.
        """
        spec = check_workload(name, workspace, spec)
        refused = list(route_problems(spec.route, gateway.spec if gateway else None))
        if refused:
            raise shown(refused, name)
        logical = logical_name(workspace.workspace_name, name)
        super().__init__("modelyard:serving:ModelService", logical, None, opts)
        self._logical = logical
        self._workspace = workspace
        self._spec = spec
        self._labels = labels(name, instance=logical, component=COMPONENT, workspace=workspace.workspace_name)
        self._selector = selector(name, instance=logical, component=COMPONENT)
        self._child = pulumi.ResourceOptions(parent=self, provider=workspace.cluster.kubernetes_provider)
        server = spec.server(name)
        deployment = self._create_deployment(server)
        service = self._create_service(name, server)
        self._create_disruption_budget()
        self._create_autoscaler(deployment)
        self._create_monitor(server, monitoring)
        self.deployment_name = deployment.metadata.name
        self.service_name = service.metadata.name
        self.route_url = self._create_route(spec.route, server, gateway) if spec.route and gateway else None
        self.url = pulumi.Output.concat("http://", self.service_name, ".", workspace.namespace, ".svc")
        self.register_outputs(
            {"url": self.url, "service_name": self.service_name, "deployment_name": self.deployment_name}
        )

    def _metadata(
        self, name: str | None = None, *, annotations: dict[str, str] | None = None, **more_labels: str
    ) -> k8s.meta.v1.ObjectMetaArgs:
        return k8s.meta.v1.ObjectMetaArgs(
            name=name,
            namespace=self._workspace.namespace,
            labels={**self._labels, **more_labels},
            annotations=annotations,
        )

    def _create_deployment(self, server: Server) -> k8s.apps.v1.Deployment:
        variant = {VARIANT: MAIN_VARIANT}
        own = {**self._selector, **variant}
        return k8s.apps.v1.Deployment(
            self._logical,
            metadata=self._metadata(annotations=None if self._spec.autoscaling else _FORCED, **variant),
            spec=k8s.apps.v1.DeploymentSpecArgs(
                # An autoscaler owns the number; a value here would take it back with every update.
                replicas=None if self._spec.autoscaling else self._spec.min_replicas,
                selector=k8s.meta.v1.LabelSelectorArgs(match_labels=own),
                strategy=_strategy(self._spec.surge),
                progress_deadline_seconds=NODE_READY_SECONDS + self._spec.startup_seconds,
                template=pod_template(self._pod(server, own), {**self._labels, **variant}),
            ),
            opts=self._deployment_options(),
        )

    def _pod(self, server: Server, own: dict[str, str]) -> Pod:
        claims = device_claims(self._logical, self._workspace, self._spec, self._labels, self)
        pod = workload_pod(
            self._workspace, self._spec, server_container(self._workspace, self._spec, server), claims=claims
        )
        return replace(
            pod,
            grace_seconds=grace_seconds(self._spec),
            spread=spread(own),
            affinity=prefer_other_nodes(own),
        )

    def _deployment_options(self) -> pulumi.ResourceOptions:
        seconds = f"{update_seconds(self._spec)}s"
        delete_seconds = f"{_DELETE_SECONDS + grace_seconds(self._spec)}s"
        return pulumi.ResourceOptions(
            parent=self,
            provider=self._workspace.cluster.kubernetes_provider,
            depends_on=self._workspace.before_pods(self._spec),
            custom_timeouts=pulumi.CustomTimeouts(create=seconds, update=seconds, delete=delete_seconds),
            # A fixed number that is merely taken out becomes 1, Kubernetes' default, until the autoscaler has seen it.
            ignore_changes=["spec.replicas"] if self._spec.autoscaling else None,
        )

    def _create_service(self, name: str, server: Server) -> k8s.core.v1.Service:
        numbers = {HTTP_PORT: _SERVICE_PORT, GRPC_PORT: server.grpc_port, METRICS_PORT: server.metrics_port}
        # gRPC is HTTP/2 from the first byte, which proxies have to know.
        # https://kubernetes.io/docs/concepts/services-networking/service/#application-protocol
        grpc = {HTTP_PORT} if server.is_grpc else {GRPC_PORT}
        return k8s.core.v1.Service(
            f"{self._logical}-service",
            metadata=self._metadata(name),
            spec=k8s.core.v1.ServiceSpecArgs(
                type="ClusterIP",
                selector=self._selector,
                ports=[
                    k8s.core.v1.ServicePortArgs(
                        name=port,
                        port=number,
                        target_port=port,
                        app_protocol="kubernetes.io/h2c" if port in grpc else "http",
                    )
                    for port, number in numbers.items()
                    if number
                ],
            ),
            opts=self._child,
        )

    def _create_route(self, route: RouteSpec, server: Server, gateway: Gateway) -> pulumi.Output[str]:
        return make_route(
            f"{self._logical}-route",
            gateway,
            route,
            Backend(
                namespace=self._workspace.namespace,
                service=self.service_name,
                port=_SERVICE_PORT,
                ready_path=server.ready_path,
                drain_seconds=self._spec.drain_seconds,
            ),
            labels=self._labels,
            parent=self,
        )

    def _create_disruption_budget(self) -> k8s.policy.v1.PodDisruptionBudget:
        # One at a time. Not "at least one": with a single replica that would stop every drain of its node for ever.
        return k8s.policy.v1.PodDisruptionBudget(
            f"{self._logical}-disruptions",
            metadata=self._metadata(),
            spec=k8s.policy.v1.PodDisruptionBudgetSpecArgs(
                max_unavailable=1,
                selector=k8s.meta.v1.LabelSelectorArgs(match_labels=self._selector),
                unhealthy_pod_eviction_policy="AlwaysAllow",
            ),
            opts=self._child,
        )

    def _create_autoscaler(self, deployment: k8s.apps.v1.Deployment) -> None:
        if not self._spec.autoscaling:
            return
        cluster = self._workspace.cluster
        if cluster.pools[self._spec.pool].runs_containers and not cluster.traits.metrics_api_available:
            pulumi.log.warn("autoscaling has no effect: the cluster does not serve metrics.k8s.io", self)
        k8s.autoscaling.v2.HorizontalPodAutoscaler(
            f"{self._logical}-autoscaler",
            metadata=self._metadata(),
            spec=autoscaler_spec(
                self._spec.autoscaling,
                deployment=deployment.metadata.name,
                startup_seconds=self._spec.startup_seconds,
            ),
            opts=self._child,
        )

    def _create_monitor(self, server: Server, monitoring: Monitoring | None) -> None:
        metrics = server_metrics(server)
        if monitoring and metrics:
            service_monitor(
                f"{self._logical}-metrics",
                monitoring,
                namespace=self._workspace.namespace,
                labels=self._labels,
                selector=self._selector,
                port=metrics.port,
                path=metrics.path,
                parent=self,
            )


def update_seconds(spec: ModelServiceSpec) -> int:
    """The longest that an update may take, seconds: nodes once, then a start for each group of replicas in turn."""
    return NODE_READY_SECONDS + spec.startup_seconds * math.ceil(spec.max_replicas / max(spec.surge, 1))


def _strategy(surge: int) -> k8s.apps.v1.DeploymentStrategyArgs:
    return k8s.apps.v1.DeploymentStrategyArgs(
        type="RollingUpdate",
        rolling_update=k8s.apps.v1.RollingUpdateDeploymentArgs(max_surge=surge, max_unavailable=0 if surge else 1),
    )
