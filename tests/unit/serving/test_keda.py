"""KEDA as a component, and what a service makes for it."""

from dataclasses import replace
from typing import Any

import pytest

from modelyard.cluster.traits import ClusterTraits
from modelyard.observability.monitoring import Monitoring
from modelyard.observability.spec import MetricsSpec
from modelyard.operators.namespaces import PLATFORM_NAMESPACES
from modelyard.operators.spec import ChartsSpec
from modelyard.platform.gateway import Gateway
from modelyard.platform.gateway_spec import GatewaySpec
from modelyard.serving.autoscaling_spec import AutoscalingSpec, TargetSpec
from modelyard.serving.keda import Keda
from modelyard.serving.keda_chart import KEDA_OPERATOR, MAY_FOLLOW, chart_values
from modelyard.serving.model_service import ModelService
from modelyard.serving.release_spec import CanarySpec, ReleaseSpec
from modelyard.serving.route_spec import RouteSpec
from modelyard.serving.spec import ModelServiceSpec
from modelyard.workspace.spec import WorkspaceSpec
from modelyard.workspace.workspace import Workspace
from tests.support.clusters import bare_cluster
from tests.support.mocks import AUTO_NAME_SUFFIX, Recorded, refused, run
from tests.unit.serving.test_spec import OWN, VLLM

TYPE = "modelyard:serving:Keda"
QUEUED = replace(
    VLLM, autoscaling=AutoscalingSpec(min_replicas=1, max_replicas=4, target=TargetSpec(queued_requests=4))
)
WOKEN = replace(
    VLLM,
    route=RouteSpec(),
    autoscaling=AutoscalingSpec(min_replicas=0, max_replicas=2, target=TargetSpec(requests_per_second=2)),
)
# The keys of the chart's `values.yaml` at 2.20.2 that ours may use: of one that it does not know a chart says nothing.
KNOWN_KEYS = {
    "operator": {"replicaCount"},
    "metricsServer": {"replicaCount"},
    "service": {"portHttpsTarget"},
    "webhooks": {"port"},
    "podDisruptionBudget": {"operator", "metricServer", "webhooks"},
    "prometheus": {"operator", "metricServer", "webhooks"},
}


def made(
    service: ModelServiceSpec = QUEUED,
    *,
    charts: bool = True,
    present: bool = False,
    gateway: GatewaySpec | None = None,
    traits: ClusterTraits | None = None,
) -> Recorded:
    def program() -> None:
        cluster = bare_cluster(traits=traits or ClusterTraits(charts_installed=charts))
        monitoring = Monitoring("monitoring", cluster, MetricsSpec())
        entrance = Gateway("gateway", cluster, gateway) if gateway else None
        mirror = ChartsSpec(mirror="oci://mirror.example.org/charts")
        keda = Keda("keda", cluster, is_present=present, charts=mirror, monitoring=monitoring, gateway=entrance)
        workspace = Workspace("chat", cluster, WorkspaceSpec())
        ModelService("assistant", workspace, service, monitoring=monitoring, gateway=entrance, keda=keda)

    return run(program)


def test_it_is_a_release_of_its_own_from_the_mirror() -> None:
    (release,) = (each for each in made().of("Release") if each.inputs["name"] == "keda")
    assert (release.inputs["chart"], release.inputs["version"]) == ("oci://mirror.example.org/charts/keda", "2.20.2")
    assert release.inputs["namespace"] in PLATFORM_NAMESPACES


@pytest.mark.parametrize("monitored", [True, False])
def test_the_chart_knows_its_values(monitored: bool) -> None:
    values = chart_values(monitored=monitored)
    for key, part in values.items():
        assert part.keys() <= KNOWN_KEYS[key]
    assert ("prometheus" in values) is monitored


def test_the_api_server_calls_it_where_every_control_plane_reaches_it() -> None:
    values = chart_values(monitored=False)
    assert (values["service"], values["webhooks"]) == ({"portHttpsTarget": 10250}, {"port": 10250})


def test_where_there_is_one_none_is_installed() -> None:
    recorded = made(present=True, gateway=GatewaySpec())
    assert [each.inputs["name"] for each in recorded.of("Release") if each.inputs["name"] == "keda"] == []
    assert recorded.of("ScaledObject")
    assert recorded.of("PodMonitor")


def test_without_charts_its_kind_is_registered() -> None:
    recorded = made(charts=False)
    names = {each.inputs["metadata"]["name"] for each in recorded.of("CustomResourceDefinition")}
    assert {kind.crd_name for kind in KEDA_OPERATOR.kinds} <= names


def test_a_scaled_object_waits_for_what_has_to_let_go_of_it() -> None:
    recorded = made()
    (release,) = (each for each in recorded.of("Release") if each.inputs["name"] == "keda")
    assert release.urn in recorded.one("ScaledObject").depends_on


def test_prometheus_reads_envoy_only_where_it_is_the_gateway() -> None:
    monitor = made(gateway=GatewaySpec()).one("PodMonitor")
    assert monitor.inputs["metadata"]["namespace"] == "gateway"
    (endpoint,) = monitor.inputs["spec"]["podMetricsEndpoints"]
    assert (endpoint["port"], endpoint["path"]) == ("metrics", "/stats/prometheus")
    assert not made().of("PodMonitor")


def trigger_of(recorded: Recorded) -> dict[str, Any]:
    (trigger,) = recorded.one("ScaledObject").inputs["spec"]["triggers"]
    return trigger


def test_a_service_is_scaled_by_its_own_pods_and_by_nothing_else() -> None:
    recorded = made()
    assert not recorded.of("HorizontalPodAutoscaler")
    spec = recorded.one("ScaledObject").inputs["spec"]
    name = f"chat-assistant{AUTO_NAME_SUFFIX}"
    assert spec["scaleTargetRef"] == {"apiVersion": "apps/v1", "kind": "Deployment", "name": name}
    assert trigger_of(recorded)["metadata"]["query"] == (
        f'sum(vllm:num_requests_waiting{{namespace="chat",pod=~"{name}-.+"}})'
    )
    assert trigger_of(recorded)["metadata"]["serverAddress"] == "http://monitoring-prometheus.monitoring.svc:9090"
    deployment = recorded.one("Deployment")
    assert "replicas" not in deployment.inputs["spec"]
    assert deployment.ignore_changes == ["spec.replicas"]


def test_a_version_has_its_share_of_the_requests() -> None:
    service = replace(WOKEN, release=ReleaseSpec(canary=CanarySpec(weight_percent=10, image="a/vllm:2")))
    recorded = made(service, gateway=GatewaySpec())
    queries = {
        each.name: each.inputs["spec"]["triggers"][0]["metadata"]["query"] for each in recorded.of("ScaledObject")
    }
    assert queries["chat-assistant-autoscaler"].endswith(") * 0.9")
    assert queries["chat-assistant-canary-autoscaler"].endswith(") * 0.1")


def test_requests_wake_through_the_services_own_address() -> None:
    """Of pods that are not there Envoy Gateway would tell Envoy nothing, and nothing would count."""
    policy = made(WOKEN, gateway=GatewaySpec()).one("BackendTrafficPolicy").inputs["spec"]
    assert policy["routingType"] == "Service"
    assert policy["circuitBreaker"]["maxRequestsPerConnection"] == 1
    assert WOKEN.autoscaling
    awake = replace(WOKEN, autoscaling=replace(WOKEN.autoscaling, min_replicas=1))
    assert not made(awake, gateway=GatewaySpec()).of("BackendTrafficPolicy")


def test_kubernetes_own_autoscaler_lets_keda_follow_it() -> None:
    cpu = replace(OWN, autoscaling=AutoscalingSpec(max_replicas=4, target=TargetSpec(cpu_percent=60)))
    recorded = made(cpu)
    assert recorded.one("HorizontalPodAutoscaler").inputs["metadata"]["annotations"] == MAY_FOLLOW
    assert not recorded.of("ScaledObject")


def test_where_nothing_scales_it_says_so() -> None:
    said = "autoscaling has no effect: the cluster installs no charts, and so not KEDA"
    assert made(charts=False).messages == [said]
    assert made().messages == []


def test_a_service_by_itself_is_told_what_it_lacks() -> None:
    def program() -> None:
        cluster = bare_cluster()
        monitoring = Monitoring("monitoring", cluster, MetricsSpec())
        ModelService("assistant", Workspace("chat", cluster, WorkspaceSpec()), QUEUED, monitoring=monitoring)

    said = str(refused(program, "modelyard:serving:ModelService"))
    assert "assistant.autoscaling: needs KEDA" in said
    assert "pass keda=Keda(NAME, CLUSTER)" in said
