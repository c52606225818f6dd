"""Argo Rollouts: what its chart is told, what is read of the gateway, and what there is without charts."""

import pulumi
import pulumi_kubernetes as k8s

from modelyard.cluster.traits import ClusterTraits
from modelyard.observability.monitoring import Monitoring
from modelyard.observability.spec import MetricsSpec
from modelyard.operators.namespaces import PLATFORM_NAMESPACES
from modelyard.operators.spec import ChartsSpec
from modelyard.platform.gateway import Gateway
from modelyard.platform.gateway_spec import GatewaySpec
from modelyard.serving.argo_rollouts import ArgoRollouts
from modelyard.serving.argo_rollouts_chart import DEFINITION, PLUGIN, chart_values
from tests.support.clusters import BareCluster
from tests.support.mocks import Recorded, run

# Keys of the chart's `values.yaml`: of one that it does not know a chart says nothing.
KNOWN_KEYS = {
    "replicas",
    "pdb",
    "initContainers",
    "volumes",
    "volumeMounts",
    "trafficRouterPlugins",
    "resources",
    "metrics",
}
KNOWN_PROVIDERS = {
    *("istio", "smi", "ambassador", "awsLoadBalancerController", "awsAppMesh", "traefik", "apisix", "contour"),
    *("glooPlatform", "gatewayAPI"),
}


def made(
    *, charts: bool = True, is_present: bool = False, monitored: bool = False, gateway: GatewaySpec | None = None
) -> tuple[Recorded, ArgoRollouts]:
    found: list[ArgoRollouts] = []

    def program() -> None:
        provider = k8s.Provider("p", kubeconfig="k")
        node = k8s.core.v1.Node("node", opts=pulumi.ResourceOptions(provider=provider))
        cluster = BareCluster(traits=ClusterTraits(charts_installed=charts), ready=[node], kubernetes_provider=provider)
        found.append(
            ArgoRollouts(
                "argo-rollouts",
                cluster,
                is_present=is_present,
                charts=ChartsSpec(mirror="oci://mirror.example.org/charts"),
                monitoring=Monitoring("metrics", cluster, MetricsSpec()) if monitored else None,
                gateway=Gateway("gateway", cluster, gateway) if gateway else None,
            )
        )

    return run(program), found[0]


def own(recorded: Recorded) -> list[str]:
    return [
        each.type for each in recorded.under("modelyard:serving:ArgoRollouts") if each.type.startswith("kubernetes:")
    ]


def test_it_is_a_release_of_its_own_from_the_mirror() -> None:
    recorded, rollouts = made()
    release = recorded.one("Release")
    assert recorded.charts() == {
        "argo-rollouts": ("argo-rollouts", "oci://mirror.example.org/charts/argo-rollouts", "2.41.0")
    }
    assert recorded.one("Node").urn in release.depends_on
    assert rollouts.are_acted_on
    assert DEFINITION.name in PLATFORM_NAMESPACES


def test_the_plugin_is_copied_where_the_controller_looks_for_it() -> None:
    controller = chart_values(monitored=False)["controller"]
    [copies], [plugin], [volume], [mount] = (
        controller[key] for key in ("initContainers", "trafficRouterPlugins", "volumes", "volumeMounts")
    )
    assert plugin["name"] == PLUGIN
    folder = copies["command"][-1]
    binary = copies["command"][1].rsplit("/", 1)[1]
    assert plugin["location"] == f"file://{folder}/{binary}"
    assert copies["volumeMounts"] == [mount] == [{"name": volume["name"], "mountPath": folder}]
    assert copies["image"].endswith(":v0.15.0")


def test_its_own_container_passes_pod_security_restricted() -> None:
    recorded, _ = made()
    labels = recorded.one("Namespace").inputs["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"
    [copies] = chart_values(monitored=False)["controller"]["initContainers"]
    # That the pod runs as no root the chart says for all of its containers.
    assert copies["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": True,
        "seccompProfile": {"type": "RuntimeDefault"},
    }


def test_of_what_shares_requests_out_it_may_change_the_gateway_api_alone() -> None:
    providers = chart_values(monitored=False)["providerRBAC"]["providers"]
    assert [name for name, given in providers.items() if given] == ["gatewayAPI"]
    assert providers.keys() == KNOWN_PROVIDERS


def test_the_chart_is_told_nothing_that_it_does_not_know() -> None:
    values = chart_values(monitored=True)
    assert values.keys() == {"controller", "providerRBAC"}
    assert values["controller"].keys() == KNOWN_KEYS


def test_it_tells_prometheus_how_it_is_where_there_is_one() -> None:
    recorded, _ = made(monitored=True)
    [release] = (each for each in recorded.of("Release") if each.name == "argo-rollouts")
    assert release.inputs["values"]["controller"]["metrics"] == {"enabled": True, "serviceMonitor": {"enabled": True}}
    assert "metrics" not in made()[0].one("Release").inputs["values"]["controller"]


def test_the_gateway_is_read_where_it_is_envoy() -> None:
    recorded, _ = made(monitored=True, gateway=GatewaySpec())
    assert recorded.one("PodMonitor").name == "argo-rollouts-gateway"
    assert not made(monitored=True)[0].of("PodMonitor")
    assert not made(gateway=GatewaySpec())[0].of("PodMonitor")
    assert not made(monitored=True, gateway=GatewaySpec(class_="other"))[0].of("PodMonitor")


def test_without_charts_there_are_the_kinds_alone_and_nothing_acts_on_them() -> None:
    recorded, rollouts = made(charts=False)
    assert not recorded.of("Release")
    names = [each.inputs["metadata"]["name"] for each in recorded.of("CustomResourceDefinition")]
    assert names == ["rollouts.argoproj.io", "analysistemplates.argoproj.io"]
    assert not rollouts.are_acted_on


def test_one_that_the_cluster_has_is_left_alone() -> None:
    for charts in (True, False):
        recorded, rollouts = made(charts=charts, is_present=True)
        assert own(recorded) == []
        assert rollouts.ready == []
        assert rollouts.are_acted_on
