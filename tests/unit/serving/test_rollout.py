"""What a service with an automatic release registers, and in which order."""

from dataclasses import replace
from typing import Any

from modelyard.cluster.traits import ClusterTraits
from modelyard.observability.monitoring import Monitoring
from modelyard.observability.spec import MetricsSpec
from modelyard.platform.gateway import Gateway
from modelyard.platform.gateway_spec import GatewaySpec
from modelyard.serving.argo_rollouts import ArgoRollouts
from modelyard.serving.automatic_spec import AnalysisSpec
from modelyard.serving.model_service import ModelService
from modelyard.serving.release_spec import ReleaseSpec
from modelyard.serving.route_spec import RouteSpec
from modelyard.serving.spec import ModelServiceSpec
from modelyard.workspace.spec import WorkspaceSpec
from modelyard.workspace.workspace import Workspace
from tests.support.clusters import bare_cluster
from tests.support.mocks import Recorded, Registration, refused, run
from tests.unit.serving.test_automatic_spec import AUTOMATIC, LATENCY, SCALED
from tests.unit.serving.test_release_spec import VERIFY
from tests.unit.serving.test_spec import OWN, VLLM, own

TYPE = "modelyard:serving:ModelService"
PLAIN = replace(OWN, runtime=own(metrics_path="/metrics"), route=RouteSpec(path="/fraud"), replicas=2)
SPEC = replace(PLAIN, release=ReleaseSpec(automatic=AUTOMATIC))
ANALYSED = replace(AUTOMATIC, analysis=AnalysisSpec(success_percent=99))
SUCCESS = replace(SPEC, release=ReleaseSpec(automatic=ANALYSED))
SERVICE = "kubernetes:core/v1:Service"
SELECTOR = {
    "app.kubernetes.io/name": "fraud",
    "app.kubernetes.io/instance": "chat-fraud",
    "app.kubernetes.io/component": "model-service",
}


def made(
    spec: ModelServiceSpec = SPEC, gateway: GatewaySpec | None = None, traits: ClusterTraits | None = None
) -> Recorded:
    def program() -> None:
        cluster = bare_cluster(traits=traits)
        ModelService(
            "fraud",
            Workspace("chat", cluster, WorkspaceSpec()),
            spec,
            gateway=Gateway("gateway", cluster, gateway or GatewaySpec()),
            monitoring=Monitoring("metrics", cluster, MetricsSpec()),
            argo_rollouts=ArgoRollouts("argo-rollouts", cluster),
        )

    return run(program)


def named(recorded: Recorded, name: str, kind: str) -> Registration:
    [found] = (each for each in recorded.of(kind) if each.name == name)
    return found


def canary(recorded: Recorded) -> dict[str, Any]:
    return recorded.one("Rollout").inputs["spec"]["strategy"]["canary"]


def backends(recorded: Recorded) -> list[dict[str, Any]]:
    [rule] = recorded.one("HTTPRoute").inputs["spec"]["rules"]
    return rule["backendRefs"]


class TestTheRollout:
    def test_it_is_in_place_of_the_deployment_with_the_same_pods(self) -> None:
        plain, recorded = made(PLAIN), made()
        rollout = recorded.one("Rollout")
        assert not recorded.of("Deployment")
        assert rollout.name == "chat-fraud"
        spec = rollout.inputs["spec"]
        assert spec["replicas"] == 2
        before, after = (each["template"]["spec"] for each in (plain.one("Deployment").inputs["spec"], spec))
        apart = {"topologySpreadConstraints", "affinity"}
        assert {key: value for key, value in before.items() if key not in apart} == {
            key: value for key, value in after.items() if key not in apart
        }

    def test_the_controller_says_which_version_a_pod_is_of(self) -> None:
        recorded = made()
        spec = recorded.one("Rollout").inputs["spec"]
        assert spec["selector"]["matchLabels"] == SELECTOR
        assert "modelyard.dev/variant" not in spec["template"]["metadata"]["labels"]
        assert canary(recorded)["stableMetadata"] == {"labels": {"modelyard.dev/variant": "main"}}
        assert canary(recorded)["canaryMetadata"] == {"labels": {"modelyard.dev/variant": "next"}}
        spread = spec["template"]["spec"]["topologySpreadConstraints"]
        assert [each["matchLabelKeys"] for each in spread] == [["rollouts-pod-template-hash"]] * 2
        assert [each["labelSelector"]["matchLabels"] for each in spread] == [SELECTOR] * 2

    def test_inside_of_the_cluster_the_service_is_its_present_version(self) -> None:
        service = named(made(), "chat-fraud-service", SERVICE)
        assert service.inputs["spec"]["selector"] == {**SELECTOR, "modelyard.dev/variant": "main"}
        assert service.inputs == named(made(PLAIN), "chat-fraud-service", SERVICE).inputs

    def test_each_share_stays_for_its_time(self) -> None:
        assert canary(made())["steps"] == [
            {"setWeight": 10},
            {"pause": {"duration": "300s"}},
            {"setWeight": 50},
            {"pause": {"duration": "60s"}},
        ]

    def test_a_version_that_does_not_become_ready_is_taken_back(self) -> None:
        spec = made().one("Rollout").inputs["spec"]
        assert spec["progressDeadlineAbort"] is True
        # A node that is added first, and the server's start.
        assert spec["progressDeadlineSeconds"] == 900 + OWN.startup_seconds

    def test_the_first_update_waits_for_pods_where_there_will_be_any(self) -> None:
        annotations = made().one("Rollout").inputs["metadata"]["annotations"]
        assert annotations["pulumi.com/waitFor"] == "condition=Available"
        nothing_acts = made(traits=ClusterTraits(charts_installed=False)).one("Rollout")
        assert "pulumi.com/waitFor" not in nothing_acts.inputs["metadata"]["annotations"]

    def test_an_autoscaler_owns_the_number_and_scales_the_rollout(self) -> None:
        recorded = made(replace(SPEC, replicas=None, autoscaling=SCALED))
        rollout = recorded.one("Rollout")
        assert rollout.inputs["spec"]["replicas"] == 1
        assert rollout.ignore_changes == ["spec.replicas"]
        assert "pulumi.com/patchForce" not in rollout.inputs["metadata"]["annotations"]
        target = recorded.one("HorizontalPodAutoscaler").inputs["spec"]["scaleTargetRef"]
        assert target == {"apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "name": "chat-fraud-0a1b2c3d"}

    def test_a_verification_comes_before_it(self) -> None:
        recorded = made(replace(SPEC, release=ReleaseSpec(automatic=AUTOMATIC, verify=VERIFY)))
        assert recorded.one("Job").urn in recorded.one("Rollout").depends_on


class TestRequests:
    def test_they_are_shared_among_two_services_of_its_own(self) -> None:
        recorded = made()
        assert [(each["name"], each["weight"]) for each in backends(recorded)] == [
            ("fraud-stable", 100),
            ("fraud-next", 0),
        ]
        assert canary(recorded)["stableService"] == "fraud-stable"
        assert canary(recorded)["canaryService"] == "fraud-next"

    def test_until_there_is_a_version_both_lead_to_pods_of_any_kind(self) -> None:
        recorded = made()
        for suffix in ("stable", "next"):
            service = named(recorded, f"chat-fraud-rollout-{suffix}", SERVICE)
            assert service.inputs["spec"]["selector"] == SELECTOR
            # The controller adds a label to it.
            assert service.ignore_changes == ["spec.selector"]
            # Pulumi would wait for pods, which come after it.
            assert service.inputs["metadata"]["annotations"]["pulumi.com/skipAwait"] == "true"

    def test_the_controller_finds_the_route_which_is_there_before(self) -> None:
        recorded = made()
        settings = canary(recorded)["trafficRouting"]["plugins"]["argoproj-labs/gatewayAPI"]
        assert settings["namespace"] == "chat"
        route, rollout = recorded.one("HTTPRoute"), recorded.one("Rollout")
        found = settings["httpRouteSelector"]["matchLabels"]
        assert found.items() <= route.inputs["metadata"]["labels"].items()
        assert route.urn in rollout.depends_on
        assert rollout.urn not in route.depends_on

    def test_shares_that_it_has_moved_are_taken_back_where_the_release_ends(self) -> None:
        for spec in (PLAIN, SPEC):
            assert made(spec).one("HTTPRoute").inputs["metadata"]["annotations"] == {"pulumi.com/patchForce": "true"}

    def test_a_load_balancer_of_gke_has_its_policies_for_both(self) -> None:
        recorded = made(
            gateway=GatewaySpec(class_="gke"), traits=ClusterTraits(gateway_classes={"internal": "gke-l7-rilb"})
        )
        targets = [each.inputs["spec"]["targetRef"]["name"] for each in recorded.of("GCPBackendPolicy")]
        assert sorted(targets) == ["fraud-next", "fraud-stable"]


class TestTheAnalysis:
    def test_without_one_there_is_none(self) -> None:
        recorded = made()
        assert not recorded.of("AnalysisTemplate")
        assert "analysis" not in canary(recorded)

    def test_it_begins_with_the_first_requests(self) -> None:
        recorded = made(SUCCESS)
        analysis, template = canary(recorded)["analysis"], recorded.one("AnalysisTemplate")
        assert analysis["startingStep"] == 1
        assert analysis["templates"] == [{"templateName": template.inputs["metadata"]["name"]}]
        assert template.urn in recorded.one("Rollout").depends_on
        assert [each["name"] for each in analysis["args"]] == [each["name"] for each in template.inputs["spec"]["args"]]

    def test_answers_are_counted_apart_where_they_are_asked_for(self) -> None:
        marks = [each["filters"][0]["responseHeaderModifier"]["set"][0]["value"] for each in backends(made(SUCCESS))]
        assert marks == ["main", "next"]
        assert not any("filters" in each for each in backends(made()))

    def test_the_servers_own_metrics_are_asked_of_prometheus(self) -> None:
        spec = replace(VLLM, route=RouteSpec(), release=ReleaseSpec(automatic=replace(AUTOMATIC, analysis=LATENCY)))
        [metric] = made(spec).one("AnalysisTemplate").inputs["spec"]["metrics"]
        assert metric["name"] == "latency-seconds"
        assert "vllm:e2e_request_latency_seconds" in metric["provider"]["prometheus"]["query"]

    def test_each_pod_is_read_once_whatever_services_lead_to_it(self) -> None:
        recorded = made()
        labels = [each.inputs["metadata"]["labels"].get("modelyard.dev/variant") for each in recorded.of(SERVICE)]
        assert sorted(each or "" for each in labels) == ["", "main", "next"]
        read = ["modelyard.dev/metrics" in each.inputs["metadata"]["labels"] for each in recorded.of(SERVICE)]
        assert sorted(read) == [False, True, True]


def test_a_service_by_itself_is_given_the_controller() -> None:
    def program() -> None:
        cluster = bare_cluster()
        gateway = Gateway("gateway", cluster, GatewaySpec())
        ModelService("fraud", Workspace("chat", cluster, WorkspaceSpec()), SPEC, gateway=gateway)

    error = refused(program, TYPE)
    [problem] = error.problems
    assert problem.path == "fraud.release.automatic"
    assert problem.fix == "pass argo_rollouts=ArgoRollouts(NAME, CLUSTER), made once for the cluster"
