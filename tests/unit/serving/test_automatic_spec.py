"""What an automatic release may say, and what is refused."""

from dataclasses import replace
from typing import Any

import pytest

from modelyard.platform.gateway_spec import GatewaySpec
from modelyard.serving.automatic_checks import checks
from modelyard.serving.automatic_rules import (
    argo_rollouts_problems,
    automatic_stack_problems,
    counts_at_gateway,
    needs_argo_rollouts,
)
from modelyard.serving.automatic_spec import AnalysisSpec, AutomaticSpec, AutomaticStepSpec, PrometheusCheckSpec
from modelyard.serving.autoscaling_spec import AutoscalingSpec, TargetSpec
from modelyard.serving.release_spec import CanarySpec, ReleaseSpec
from modelyard.serving.route_spec import RouteSpec
from modelyard.serving.spec import ModelServiceSpec
from modelyard.serving.variants import variant_name_problems
from modelyard.workspace.container_spec import MountSpec
from modelyard.workspace.place import Place
from tests.support.clusters import POOLS
from tests.support.problems import said_of
from tests.unit.serving.test_spec import OWN, VLLM, on, vllm

STEPS = (
    AutomaticStepSpec(weight_percent=10, pause_seconds=300),
    AutomaticStepSpec(weight_percent=50, pause_seconds=60),
)
AUTOMATIC = AutomaticSpec(steps=STEPS)
QUERY = 'sum(rate(mine_total{namespace="{{args.namespace}}",pod=~"{{args.workload}}-{{args.hash}}-.+"}[2m]))'
OWN_CHECK = PrometheusCheckSpec(query=QUERY, at_least=1)
LATENCY = AnalysisSpec(latency_seconds=2)
ROUTED = replace(OWN, route=RouteSpec(), replicas=2)
SCALED = AutoscalingSpec(min_replicas=1, max_replicas=2, target=TargetSpec(cpu_percent=60))


def automatic(spec: ModelServiceSpec = ROUTED, **fields: Any) -> ModelServiceSpec:
    return replace(spec, release=ReleaseSpec(automatic=replace(AUTOMATIC, **fields)))


def steps(*shares: int) -> tuple[AutomaticStepSpec, ...]:
    return tuple(AutomaticStepSpec(weight_percent=share, pause_seconds=100) for share in shares)


def problems(spec: object) -> list[tuple[str, str]]:
    return said_of(spec)


class TestTheSpec:
    @pytest.mark.parametrize("shares", [(1,), (10, 50), (10, 50, 100)])
    def test_shares_rise(self, shares: tuple[int, ...]) -> None:
        assert problems(automatic(steps=steps(*shares))) == []

    @pytest.mark.parametrize(("shares", "last", "before"), [((10, 10), 1, 10), ((5, 50, 20), 2, 50)])
    def test_shares_that_do_not_rise_are_refused(self, shares: tuple[int, ...], last: int, before: int) -> None:
        [found] = problems(automatic(steps=steps(*shares)))
        assert found == (
            f"release.automatic.steps.{last}.weight_percent",
            f"is not above the {before} of the step before; write the shares in rising order",
        )

    @pytest.mark.parametrize("shares", [(), (0,), (101,)])
    def test_no_step_and_shares_that_are_none_are_refused(self, shares: tuple[int, ...]) -> None:
        [(path, _)] = problems(automatic(steps=steps(*shares)))
        assert path.startswith("release.automatic.steps")

    def test_it_is_one_kind_of_release(self) -> None:
        both = ReleaseSpec(automatic=AUTOMATIC, canary=CanarySpec(image="a/b:1"))
        [(path, text)] = problems(replace(ROUTED, release=both))
        assert path == "release.automatic"
        assert text == "is given beside canary; remove one of them: a service has one release at a time"


class TestTheAnalysis:
    @pytest.mark.parametrize(
        "near",
        [
            AnalysisSpec(success_percent=99),
            AnalysisSpec(prometheus=OWN_CHECK),
            AnalysisSpec(success_percent=99, prometheus=replace(OWN_CHECK, at_most=1)),
        ],
    )
    def test_one_condition_is_enough(self, near: AnalysisSpec) -> None:
        assert problems(automatic(analysis=near)) == []

    @pytest.mark.parametrize(
        ("refused", "path", "text"),
        [
            (AnalysisSpec(), "", "checks nothing; give success_percent, latency_seconds or prometheus"),
            (
                AnalysisSpec(success_percent=99, latency_percentile=50),
                ".latency_percentile",
                "is given without latency_seconds; add it, or remove this",
            ),
            (
                AnalysisSpec(prometheus=PrometheusCheckSpec(query=QUERY)),
                ".prometheus",
                "says of no value that it passes; give at_least, at_most or both",
            ),
            (
                AnalysisSpec(prometheus=PrometheusCheckSpec(query=QUERY, at_least=2, at_most=1)),
                ".prometheus.at_least",
                "no value is at least 2 and at most 1; lower it, or raise at_most",
            ),
            (
                AnalysisSpec(prometheus=PrometheusCheckSpec(query='up{pod="{{args.pod}}"}', at_least=1)),
                ".prometheus.query",
                "{{args.pod}} stands for nothing; use one of {{args.namespace}}, {{args.workload}}, {{args.hash}}",
            ),
        ],
    )
    def test_what_checks_nothing_is_refused(self, refused: AnalysisSpec, path: str, text: str) -> None:
        assert problems(automatic(analysis=refused)) == [(f"release.automatic.analysis{path}", text)]

    def test_the_steps_last_until_the_first_check(self) -> None:
        analysis = AnalysisSpec(success_percent=99)
        [(path, text)] = problems(automatic(steps=steps(10), analysis=analysis))
        assert path == "release.automatic.analysis"
        assert "the steps last 100 seconds in all, and the first check comes after 120" in text
        assert problems(automatic(steps=steps(10, 20), analysis=analysis)) == []
        assert problems(automatic(steps=steps(10))) == []

    def test_latency_takes_a_server_that_tells_it(self) -> None:
        [(path, text)] = problems(automatic(analysis=LATENCY))
        assert path == "release.automatic.analysis.latency_seconds"
        assert "runtime container has no metric of it" in text
        assert problems(automatic(replace(VLLM, route=RouteSpec()), analysis=LATENCY)) == []


class TestTheService:
    def test_it_has_a_route(self) -> None:
        [(path, text)] = problems(automatic(OWN))
        assert path == "release.automatic"
        assert text == (
            "moves shares of the requests at a gateway, and no route leads from one; add route: {}, or use blue_green"
        )

    def test_its_replicas_are_pods(self) -> None:
        runtime = vllm(tensor_parallel=8, pipeline_parallel=2)
        wide = replace(VLLM, pool="h100", gpus=8, route=RouteSpec(), runtime=runtime)
        [(path, text)] = problems(automatic(wide))
        assert path == "release.automatic"
        assert "the service's replicas are groups of pods" in text
        assert problems(automatic(replace(wide, runtime=vllm(tensor_parallel=8)))) == []

    def test_its_pods_are_kubernetes_own(self) -> None:
        [(path, text)] = problems(automatic(replace(ROUTED, backend="kserve")))
        assert path == "release.automatic"
        assert text.startswith("replaces pods that it makes by itself, and KServe makes those of backend kserve; ")
        assert problems(automatic(replace(ROUTED, backend="kubernetes"))) == []

    def test_it_has_a_pod_at_all_times(self) -> None:
        target = TargetSpec(requests_per_second=1)
        zero = AutoscalingSpec(min_replicas=0, max_replicas=2, target=target)
        routed = replace(ROUTED, replicas=None)
        [(path, text)] = problems(automatic(replace(routed, autoscaling=zero)))
        assert path == "release.automatic"
        assert "of a service without a pod there would be nothing to try" in text
        assert problems(automatic(replace(routed, autoscaling=replace(zero, min_replicas=1)))) == []

    def test_both_versions_find_room_at_full_size(self) -> None:
        spec = replace(VLLM, route=RouteSpec(), replicas=3)
        [(path, text)] = on(automatic(spec))
        assert path == "release.automatic"
        assert text.startswith(
            "both versions run at full size at the end, 6 replicas, and pool l4 has room for 4 at its max_nodes of 4; "
        )
        assert on(automatic(replace(spec, replicas=2))) == []
        assert on(spec) == []

    def test_both_versions_mount_its_volumes_at_once(self) -> None:
        spec = replace(OWN, route=RouteSpec(), replicas=1, surge=0, mounts=[MountSpec(path="/data", volume="files")])
        place = Place(pools=POOLS, volumes=["files"], unshared_volumes=["files"])
        [found] = automatic(spec).problems_on(place)
        assert found.why == "pods of two versions mount volume files at once, which can be on one node at a time"
        assert found.fix == "set shared: true on volume files"
        assert not list(spec.problems_on(place))
        assert not list(automatic(spec).problems_on(replace(place, unshared_volumes=[])))

    def test_the_names_of_its_services_fit(self) -> None:
        assert not list(variant_name_problems("chat", "a" * 31, automatic()))
        [found] = variant_name_problems("chat", "a" * 32, automatic())
        assert found.path == "release.automatic"


class TestTheStack:
    SUCCESS = automatic(analysis=AnalysisSpec(success_percent=99))

    def found(self, spec: ModelServiceSpec, gateway: GatewaySpec, *, has_metrics: bool = True) -> list[tuple[str, str]]:
        asked = automatic_stack_problems(spec, has_metrics=has_metrics, gateway=gateway)
        return [(each.path, f"{each.why}; {each.fix}") for each in asked]

    def test_an_analysis_needs_metrics(self) -> None:
        [(path, text)] = self.found(self.SUCCESS, GatewaySpec(), has_metrics=False)
        assert path == "release.automatic.analysis"
        why = "asks Prometheus, which the stack does not have"
        assert text == f"{why}; add observability: {{metrics: {{}}}}, or leave analysis out"
        assert self.found(self.SUCCESS, GatewaySpec()) == []
        assert self.found(automatic(), GatewaySpec(), has_metrics=False) == []

    def test_answers_are_counted_by_envoy(self) -> None:
        other = GatewaySpec(class_="traefik")
        [(path, text)] = self.found(self.SUCCESS, other)
        assert path == "release.automatic.analysis.success_percent"
        assert "gateways of class traefik tell the stack's Prometheus nothing" in text
        assert self.found(automatic(analysis=AnalysisSpec(prometheus=OWN_CHECK)), other) == []

    def test_argo_rollouts_is_given(self) -> None:
        [found] = argo_rollouts_problems(automatic(), has_argo_rollouts=False)
        assert found.path == "release.automatic"
        assert found.why == "is moved on by Argo Rollouts, and nothing is given that runs it"
        assert not list(argo_rollouts_problems(automatic(), has_argo_rollouts=True))
        assert not list(argo_rollouts_problems(ROUTED, has_argo_rollouts=False))

    def test_it_is_installed_for_automatic_releases_alone(self) -> None:
        canary = replace(ROUTED, release=ReleaseSpec(canary=CanarySpec(image="a/b:1")))
        assert not needs_argo_rollouts([ROUTED, canary])
        assert needs_argo_rollouts([ROUTED, automatic()])

    def test_the_gateway_is_read_where_its_answers_are_asked_for(self) -> None:
        assert counts_at_gateway([ROUTED, self.SUCCESS])
        assert not counts_at_gateway([automatic(), automatic(analysis=AnalysisSpec(prometheus=OWN_CHECK))])


class TestTheChecks:
    def asked(self, analysis: AnalysisSpec) -> dict[str, dict[str, Any]]:
        found = checks(analysis, VLLM.load_metrics, route="chat-fraud-route", prometheus_url="http://prometheus")
        return {each["name"]: each for each in found}

    def test_each_is_asked_again_and_again(self) -> None:
        analysis = AnalysisSpec(success_percent=99, latency_seconds=2, prometheus=OWN_CHECK, failures_allowed=3)
        found = self.asked(replace(analysis, interval_seconds=30))
        assert list(found) == ["success-percent", "latency-seconds", "prometheus"]
        for each in found.values():
            assert (each["initialDelay"], each["interval"], each["failureLimit"]) == ("120s", "30s", 3)
            assert each["provider"]["prometheus"]["address"] == "http://prometheus"

    def test_latency_is_that_of_the_new_pods_alone(self) -> None:
        check = self.asked(replace(LATENCY, latency_percentile=50))["latency-seconds"]
        query = check["provider"]["prometheus"]["query"]
        assert query.startswith("histogram_quantile(0.5, ")
        assert 'namespace="{{args.namespace}}",pod=~"{{args.workload}}-{{args.hash}}-.+"' in query
        assert check["successCondition"] == "len(result) == 0 || result[0] <= 2"

    def test_success_is_that_of_the_second_service_of_the_route(self) -> None:
        check = self.asked(AnalysisSpec(success_percent=99))["success-percent"]
        query = check["provider"]["prometheus"]["query"]
        assert "httproute/{{args.namespace}}/chat-fraud-route(-[0-9a-z]+)?/rule/0/backend/1" in query
        assert check["successCondition"] == "len(result) == 0 || result[0] >= 99"

    @pytest.mark.parametrize(
        ("bounds", "condition"),
        [
            ({"at_least": 1}, "len(result) > 0 && result[0] >= 1"),
            ({"at_least": None, "at_most": 0.5}, "len(result) > 0 && result[0] <= 0.5"),
            ({"at_least": 1, "at_most": 2}, "len(result) > 0 && result[0] >= 1 && result[0] <= 2"),
        ],
    )
    def test_a_query_of_ones_own_has_a_value_within_its_bounds(self, bounds: dict[str, Any], condition: str) -> None:
        check = self.asked(AnalysisSpec(prometheus=replace(OWN_CHECK, **bounds)))["prometheus"]
        assert check["successCondition"] == condition
        assert check["provider"]["prometheus"]["query"] == QUERY
