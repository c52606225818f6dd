from collections.abc import Callable
from typing import Any

import pulumi
import pytest

from modelyard.cluster.traits import ClusterTraits
from modelyard.kube.labels import CAPACITY, NAME, VARIANT, WORKSPACE
from modelyard.kube.labels import COMPONENT as ROLE
from modelyard.observability.monitoring import Monitoring
from modelyard.observability.monitors import PORTS
from modelyard.observability.rules import EXPORTED_LABELS, MODEL_SERVICE, rule_groups
from modelyard.observability.spec import MetricsSpec
from modelyard.observability.values import chart_values
from modelyard.operators.spec import ChartsSpec
from modelyard.platform.leader_worker_sets_chart import WORKER_INDEX
from modelyard.serving.scope import COMPONENT
from modelyard.serving.spare import COMPONENT as SPARE
from modelyard.workspace.network import HTTP_PORT, METRICS_PORT
from tests.support.clusters import bare_cluster
from tests.support.mocks import Recorded, refused, run

TYPE = "modelyard:observability:Monitoring"
KINDS_ONLY = ClusterTraits(charts_installed=False)


def program(
    spec: MetricsSpec | None = None, *, traits: ClusterTraits | None = None, charts: ChartsSpec | None = None
) -> Callable[[], object]:
    def make() -> None:
        monitoring = Monitoring("monitoring", bare_cluster(traits=traits), spec or MetricsSpec(), charts=charts)
        pulumi.export("url", monitoring.prometheus_url)

    return make


def made(spec: MetricsSpec | None = None, **settings: Any) -> Recorded:
    return run(program(spec, **settings))


def values(**settings: int) -> dict[str, Any]:
    return chart_values(MetricsSpec(**settings), "fast")


def test_it_is_the_operator_with_its_namespaces_and_the_alerts() -> None:
    made_types = [each.type.rsplit(":", 1)[1] for each in made().registrations if each.name != "bare"]
    assert sorted(made_types) == [
        *("Monitoring", "Namespace", "Namespace", "Namespace", "Operator", "PrometheusRule", "Release", "Release"),
        "ServiceMonitor",
    ]


def test_where_no_charts_are_installed_its_kinds_stand_in() -> None:
    recorded = made(traits=KINDS_ONLY)
    assert not recorded.of("Release")
    names = {each.inputs["metadata"]["name"] for each in recorded.of("CustomResourceDefinition")}
    assert {"servicemonitors.monitoring.coreos.com", "prometheusrules.monitoring.coreos.com"} <= names
    assert len(names) == 6


@pytest.mark.parametrize("traits", [ClusterTraits(), KINDS_ONLY])
def test_monitors_and_rules_wait_for_their_kinds(traits: ClusterTraits) -> None:
    recorded = made(traits=traits)
    if traits.charts_installed:
        ready = {each.urn for each in recorded.of("Release") if each.name == "monitoring"}
    else:
        ready = {each.urn for each in recorded.of("CustomResourceDefinition")}
    assert ready
    assert ready <= recorded.one("PrometheusRule").depends_on
    assert ready <= recorded.one("ServiceMonitor").depends_on


def test_the_rules_are_in_prometheus_namespace_under_a_generated_name() -> None:
    rule = made().one("PrometheusRule").inputs
    assert rule["metadata"]["namespace"] == "monitoring"
    assert "name" not in rule["metadata"]
    assert rule["metadata"]["labels"]["modelyard.dev/stack"] == "project.test"
    assert rule["spec"] == {"groups": rule_groups()}


def test_one_monitor_is_for_the_services_of_all_namespaces_that_say_so() -> None:
    monitor = made().one("ServiceMonitor").inputs
    assert monitor["metadata"]["namespace"] == "monitoring"
    assert monitor["spec"]["namespaceSelector"] == {"any": True}
    assert monitor["spec"]["selector"] == {
        "matchLabels": {"app.kubernetes.io/component": "model-service"},
        "matchExpressions": [{"key": "modelyard.dev/metrics", "operator": "Exists"}],
    }


def test_each_service_says_which_port_is_read_and_where() -> None:
    endpoints = {each["port"]: each for each in made().one("ServiceMonitor").inputs["spec"]["endpoints"]}
    assert tuple(endpoints) == PORTS == (HTTP_PORT, METRICS_PORT)
    for port, endpoint in endpoints.items():
        assert endpoint["interval"] == "30s"
        kept, path, *_ = endpoint["relabelings"]
        label = "__meta_kubernetes_service_label_modelyard_dev_metrics"
        assert kept == {"action": "keep", "sourceLabels": [label], "regex": port}
        annotation = "__meta_kubernetes_service_annotation_modelyard_dev_metrics_path"
        assert path == {"sourceLabels": [annotation], "targetLabel": "__metrics_path__"}


def test_what_is_read_says_which_version_it_is_of_and_each_pod_is_read_once() -> None:
    pod, service = (f"__meta_kubernetes_{kind}_label_modelyard_dev_variant" for kind in ("pod", "service"))
    for endpoint in made().one("ServiceMonitor").inputs["spec"]["endpoints"]:
        assert endpoint["relabelings"][2:] == [
            {"action": "keepequal", "sourceLabels": [service], "targetLabel": pod},
            {"sourceLabels": [pod], "targetLabel": "variant"},
        ]


def test_charts_come_from_the_mirror() -> None:
    for release in made(charts=ChartsSpec(mirror="oci://mirror.example.org/charts")).of("Release"):
        assert str(release.inputs["chart"]).startswith("oci://mirror.example.org/charts/")


def test_prometheus_keeps_what_the_spec_says_on_a_volume_that_it_cannot_fill() -> None:
    prometheus = values(retention_days=30, storage_gib=200)["prometheus"]["prometheusSpec"]
    assert prometheus["retention"] == "30d"
    assert prometheus["retentionSize"] == "163840MiB"
    claim = prometheus["storageSpec"]["volumeClaimTemplate"]["spec"]
    assert claim["resources"]["requests"]["storage"] == "200Gi"
    assert claim["storageClassName"] == "fast"


def test_without_a_storage_class_the_clusters_default_is_used() -> None:
    storage = chart_values(MetricsSpec(), None)["prometheus"]["prometheusSpec"]["storageSpec"]
    assert "storageClassName" not in storage["volumeClaimTemplate"]["spec"]


def test_the_storage_class_is_the_clusters() -> None:
    release = next(
        each for each in made(traits=ClusterTraits(storage_class="ssd")).of("Release") if each.name == "monitoring"
    )
    assert "ssd" in str(release.inputs["values"]["alertmanager"])
    assert "ssd" in str(release.inputs["values"]["prometheus"])


def test_monitors_of_every_namespace_count() -> None:
    prometheus = values()["prometheus"]["prometheusSpec"]
    open_selectors = {key for key, value in prometheus.items() if key.endswith("NilUsesHelmValues") and value is False}
    assert len(open_selectors) == 5


def test_targets_that_managed_control_planes_hide_are_not_read() -> None:
    chart = values()
    for hidden in ("kubeControllerManager", "kubeScheduler", "kubeEtcd", "kubeProxy", "coreDns"):
        assert chart[hidden] == {"enabled": False}
    assert not any(chart["defaultRules"]["rules"].values())


def test_the_alerts_watch_the_role_that_model_services_have() -> None:
    assert MODEL_SERVICE == COMPONENT
    waiting = next(each for each in rule_groups()[0]["rules"] if each.get("alert") == "PodsUnschedulable")
    assert f'!="{SPARE}"' in waiting["expr"]


def test_the_labels_that_alerts_read_are_exported_of_all_that_has_them() -> None:
    assert {NAME, ROLE, WORKSPACE, VARIANT, CAPACITY, WORKER_INDEX} < set(EXPORTED_LABELS)
    allowed = values()["kube-state-metrics"]["metricLabelsAllowlist"]
    assert allowed == [f"{kind}=[{','.join(EXPORTED_LABELS)}]" for kind in ("deployments", "jobs", "pods")]


def test_a_bad_spec_is_refused_before_anything_is_registered() -> None:
    error = refused(program(MetricsSpec(retention_days=0)), TYPE)
    assert str(error) == "monitoring.retention_days: 0 is below 1; use 1 or more"
    assert made(MetricsSpec(retention_days=1)).one("PrometheusRule")
