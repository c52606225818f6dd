"""The ModelService component: a model behind an HTTP endpoint inside of the cluster."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi

from modelyard.component import shown
from modelyard.kube.disruptions import make_disruption_budget
from modelyard.kube.names import logical_name
from modelyard.kube.pods import pod_template
from modelyard.observability.monitoring import Monitoring
from modelyard.platform.gateway import Gateway
from modelyard.platform.kserve import KServe
from modelyard.platform.kserve_kind import KSERVE
from modelyard.platform.leader_worker_sets import LeaderWorkerSets
from modelyard.serving.argo_rollouts import ArgoRollouts
from modelyard.serving.automatic import make_automatic
from modelyard.serving.automatic_rules import argo_rollouts_problems, automatic_of, automatic_stack_problems
from modelyard.serving.autoscaling import make_autoscaler
from modelyard.serving.autoscaling_rules import keda_problems, spare_problems, stack_problems
from modelyard.serving.cluster_service import (
    SERVICE_PORT,
    make_cluster_service,
    make_variant_service,
    service_ports,
)
from modelyard.serving.deployment import make_deployment, server_pod
from modelyard.serving.endpoint_picker import make_inference_pool
from modelyard.serving.groups import controller_problems
from modelyard.serving.inference_service import make_inference_service
from modelyard.serving.keda import Keda
from modelyard.serving.kserve_rules import cluster_kserve_problems
from modelyard.serving.leader_worker_set import leader_pod, make_leader_worker_set
from modelyard.serving.model_fetch import fill_caches
from modelyard.serving.prefill_pods import make_prefill_pods
from modelyard.serving.release_rules import release_problems
from modelyard.serving.route import Backend, Route, Share, Sticky, make_route
from modelyard.serving.route_rules import make_route_rules
from modelyard.serving.route_spec import route_problems
from modelyard.serving.runtimes.runtime import Server
from modelyard.serving.scope import ServiceScope
from modelyard.serving.spare import make_spare
from modelyard.serving.spec import ModelServiceSpec
from modelyard.serving.variants import Variant, variant_name_problems
from modelyard.serving.verify import NotRunning, Running, make_verification, verify_beside, version_of
from modelyard.serving.workload import Workload
from modelyard.workspace.checks import check_workload
from modelyard.workspace.workspace import Workspace


class ModelService(pulumi.ComponentResource):
    """Serve one model over HTTP on the nodes of one pool.

    Creates a Deployment, or where a replica needs several nodes a LeaderWorkerSet, or with KServe as its `backend`
    an InferenceService, or with an automatic release a Rollout with two Services and an AnalysisTemplate, a Service
    of the service's name, a PodDisruptionBudget, a HorizontalPodAutoscaler where `autoscaling` is given and an
    HTTPRoute where the spec has a `route`, with two policies for a load balancer of GKE, and a second Deployment with
    `prefill`. It is reached from its own workspace, and through the gateway by its route; it creates no DNS name.

    An update ends when all new replicas are ready. The wait allows for nodes that have to be added first.

    Raises:
        ConfigError: the spec has problems, by itself, on the workspace's cluster or at the gateway. Nothing is
            registered then.
    """

    url: pulumi.Output[str]
    """Base URL inside of the cluster, without a slash at the end."""
    service_name: pulumi.Output[str]
    """The Service's name in the workspace's namespace."""
    ports: Mapping[str, int]
    """The Service's ports by their names: `http`, and where it has them `grpc` and `metrics`."""
    deployment_name: pulumi.Output[str]
    """The generated name of the live Deployment, whoever makes it, or of what stands in its place."""
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
        keda: Keda | None = None,
        leader_worker_sets: LeaderWorkerSets | None = None,
        kserve: KServe | None = None,
        argo_rollouts: ArgoRollouts | None = None,
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
            keda: what scales it where its autoscaling needs more than Kubernetes has; None where it does not.
            leader_worker_sets: what runs its replicas where these are groups of pods; None where they are pods.
            kserve: what makes its pods where that is its backend; None where it is not.
            argo_rollouts: what takes the steps of its automatic release; None where it has none.
        """
        spec = check_workload(name, workspace, spec)
        features = gateway.features if gateway else None
        refused = [*route_problems(spec.route, gateway.spec if gateway else None, features)]
        refused += release_problems(spec.release, features)
        refused += variant_name_problems(workspace.workspace_name, name, spec)
        for rule in (stack_problems, automatic_stack_problems):
            refused += rule(spec, has_metrics=monitoring is not None, gateway=gateway.spec if gateway else None)
        refused += argo_rollouts_problems(spec, has_argo_rollouts=argo_rollouts is not None)
        refused += keda_problems(spec, has_keda=keda is not None)
        refused += controller_problems(spec.variants, has_controller=leader_worker_sets is not None)
        pools, is_acted_on = workspace.cluster.pools, kserve.is_acted_on if kserve else None
        refused += cluster_kserve_problems(spec, workspace.workspace_name, pools, is_acted_on=is_acted_on)
        refused += spare_problems(spec, has_priority=workspace.has_spare_priority)
        if refused:
            raise shown(refused, name)
        super().__init__("modelyard:serving:ModelService", logical_name(workspace.workspace_name, name), None, opts)
        self._spec, self._keda, self._sets = spec, keda, leader_worker_sets
        self._kserve = kserve
        self._rollouts, self._gateway, self._route = argo_rollouts, gateway, None
        self._scope = scope = ServiceScope(
            name=name,
            workspace=workspace,
            parent=self,
            home=workspace.namespace_for(spec),
            is_monitored=monitoring is not None,
        )
        known_as = spec.model_name(name)
        self._filled = fill_caches(scope, spec.variants)
        made = [self._create_variant(variant, known_as) for variant in spec.variants]
        make_prefill_pods(scope, spec, after=self._filled.values())
        verified = verify_beside(scope, spec.release, [each.running for each in made if each.running])
        live = next(each for each in made if each.variant.is_live)
        service = make_cluster_service(
            f"{scope.logical}-service",
            scope,
            live.server,
            name=name,
            selector=scope.server_selector_of(live.variant),
            # The name of one version alone is read for metrics, and that of whichever is live is not: once is enough.
            labels=scope.labels if live.variant.service_suffix else scope.labels_of(live.variant),
            after=[live.workload.resource, *(job for label, job in verified.items() if label == live.variant.label)],
        )
        make_disruption_budget(f"{scope.logical}-disruptions", scope.metadata(), scope.selector, scope.options())
        if spec.spare_replicas:
            make_spare(scope, live.variant.spec if spec.prefill else spec)
        self.ports = service_ports(live.server)
        self.deployment_name = live.workload.name
        self.service_name = service.metadata.name
        if spec.route and gateway and not self._route:
            self._route = self._create_route(made, gateway, [*dict.fromkeys(verified.values())])
        self.route_url = self._route.url if self._route else None
        self.url = scope.url_of(self.service_name)
        self.register_outputs(
            {"url": self.url, "service_name": self.service_name, "deployment_name": self.deployment_name}
        )

    def _create_variant(self, variant: Variant, known_as: str) -> "_Made":
        scope, spec = self._scope, variant.spec
        verify = self._spec.release.verify if self._spec.release else None
        server = spec.server(scope.name, known_as if spec.model_name(scope.name) != known_as else None, variant.role)
        before: list[pulumi.Resource] = [job for label, job in self._filled.items() if label == variant.label]
        pod = server_pod(scope, variant, server)
        if spec.spans_nodes:
            pod = leader_pod(scope, variant, pod)
        template = pod_template(pod, scope.labels_of(variant))
        if verify and self._spec.is_replaced_in_place:
            # Nothing of the new version runs beside the old one, and so the Job runs it.
            unknown = NotRunning(variant=variant, pod=pod, port=server.port, after=[*before])
            before.append(make_verification(scope, verify, unknown))
        automatic = automatic_of(self._spec)
        if spec.spans_nodes and self._sets:
            workload = make_leader_worker_set(scope, variant, server, pod, self._sets, after=before)
        elif spec.backend == KSERVE and self._kserve:
            workload = make_inference_service(scope, variant, pod, self._kserve, after=before)
        elif automatic and self._rollouts:
            workload, self._route = make_automatic(
                scope, variant, server, pod, automatic, self._rollouts, self._lead, after=before
            )
        else:
            workload = make_deployment(scope, variant, template, after=before)
        make_autoscaler(scope, variant, workload, keda=self._keda)
        service_name: pulumi.Input[str] = ""
        running = None
        if variant.service_suffix:
            service = make_variant_service(scope, variant, server, workload)
            service_name = service.metadata.name
            if verify:
                running = Running(
                    variant=variant,
                    url=scope.url_of(service_name),
                    version=version_of(template),
                    after=[workload.resource, service],
                )
        return _Made(variant=variant, server=server, workload=workload, service_name=service_name, running=running)

    def _create_route(self, made: Sequence["_Made"], gateway: Gateway, verified: Sequence[pulumi.Resource]) -> Route:
        assert self._spec.route, "only a service with a route has one"
        before = [*verified]
        pool = None
        if self._spec.route.balance == "kv_cache":
            (live,) = made
            pool = make_inference_pool(self._scope, live.variant, live.server, gateway)
            before += pool.ready
        shares = [
            Share(
                variant=each.variant,
                backend=Backend(
                    namespace=self._scope.namespace,
                    service=self.service_name if each.variant.is_live else each.service_name,
                    port=SERVICE_PORT,
                    ready_path=each.server.ready_path,
                    drain_seconds=each.variant.spec.drain_seconds,
                    pool=pool.name if pool else None,
                ),
            )
            for each in made
        ]
        return self._lead(shares, before)

    def _lead(self, shares: Sequence[Share], before: Sequence[pulumi.Resource] = ()) -> Route:
        route, gateway, scope = self._spec.route, self._gateway, self._scope
        assert route, "only a service with a route has one"
        assert gateway, "a route without a gateway is refused"
        ab_test = self._spec.release.ab_test if self._spec.release else None
        sticky_seconds = ab_test.sticky_seconds if ab_test else None
        https_only = gateway.spec.scheme == "https"
        name = scope.logical_route
        rules = make_route_rules(name, gateway, route, scope, is_waking=self._spec.is_woken_by_gateway)
        return make_route(
            name,
            gateway,
            route,
            shares,
            sticky=Sticky(cookie=f"{scope.name}-variant", seconds=sticky_seconds, https_only=https_only)
            if sticky_seconds
            else None,
            labels=scope.labels,
            parent=self,
            after=[*before, *rules],
        )


@dataclass(frozen=True, kw_only=True)
class _Made:
    """One version as it was made. `service_name` is empty where the service's own Service leads to it; `running` is how
    it is asked before requests come to it, where it is."""

    variant: Variant
    server: Server
    workload: Workload
    service_name: pulumi.Input[str]
    running: Running | None
