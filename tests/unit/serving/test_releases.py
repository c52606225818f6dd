"""What a service with a release registers, and what has to be there before requests move."""

from dataclasses import replace
from typing import Any, ClassVar

import pytest

from modelyard.cluster.traits import ClusterTraits
from modelyard.observability.monitoring import Monitoring
from modelyard.observability.spec import MetricsSpec
from modelyard.platform.gateway import Gateway
from modelyard.platform.gateway_spec import GatewaySpec, GatewayTlsSpec
from modelyard.serving.model_service import ModelService
from modelyard.serving.release_spec import (
    AbTestSpec,
    AbVariantSpec,
    BlueGreenSpec,
    CanarySpec,
    PreviewSpec,
    ReleaseSpec,
    ShadowSpec,
    VariantSpec,
)
from modelyard.serving.route_spec import RouteSpec
from modelyard.serving.spec import ModelServiceSpec
from modelyard.workspace.spec import WorkspaceSpec
from modelyard.workspace.workspace import Workspace
from tests.support.clusters import bare_cluster
from tests.support.mocks import Recorded, Registration, run
from tests.unit.serving.test_release_spec import NEXT, VERIFY
from tests.unit.serving.test_spec import OWN, own

TYPE = "modelyard:serving:ModelService"
ROUTED = replace(OWN, runtime=own(metrics_path="/metrics"), route=RouteSpec(path="/fraud"), replicas=4)
CANARY = CanarySpec(image=NEXT, weight_percent=25)
GREEN = BlueGreenSpec(green=VariantSpec(image=NEXT))


def made(spec: ModelServiceSpec, gateway: GatewaySpec | None = None) -> Recorded:
    def program() -> None:
        cluster = bare_cluster()
        ModelService(
            "fraud",
            Workspace("chat", cluster, WorkspaceSpec()),
            spec,
            gateway=Gateway("gateway", cluster, gateway or GatewaySpec()) if spec.route else None,
            monitoring=Monitoring("metrics", cluster, MetricsSpec()),
        )

    return run(program)


def released(release: ReleaseSpec, gateway: GatewaySpec | None = None) -> Recorded:
    return made(replace(ROUTED, release=release), gateway)


def named(recorded: Recorded, name: str, kind: str) -> Registration:
    (found,) = (each for each in recorded.of(kind) if each.name == name)
    return found


def rules(recorded: Recorded) -> list[dict[str, Any]]:
    return list(named(recorded, "chat-fraud-route", "HTTPRoute").inputs["spec"]["rules"])


def backends(rule: dict[str, Any]) -> dict[str, int]:
    return {each["name"]: each["weight"] for each in rule["backendRefs"]}


def variant_of(service: Registration) -> str | None:
    return service.inputs["spec"]["selector"].get("modelyard.dev/variant")


def read_by_prometheus(recorded: Recorded) -> dict[str, str]:
    """The Services whose pods are read for metrics, with their version."""
    found = [each.inputs["metadata"] for each in recorded.of("kubernetes:core/v1:Service")]
    return {
        each["name"]: each["labels"]["modelyard.dev/variant"]
        for each in found
        if "modelyard.dev/metrics" in each["labels"]
    }


class TestCanary:
    def test_it_is_beside_the_service_which_stays_as_it_is(self) -> None:
        before, after = made(ROUTED), released(ReleaseSpec(canary=CANARY))
        for kind, name in (
            ("Deployment", "chat-fraud"),
            ("kubernetes:core/v1:Service", "chat-fraud-service"),
            ("PodDisruptionBudget", "chat-fraud-disruptions"),
        ):
            assert named(before, name, kind).inputs == named(after, name, kind).inputs
        assert variant_of(named(after, "chat-fraud-service", "kubernetes:core/v1:Service")) == "main"

    def test_it_has_pods_and_a_name_of_its_own(self) -> None:
        recorded = released(ReleaseSpec(canary=CANARY))
        spec = named(recorded, "chat-fraud-canary", "Deployment").inputs["spec"]
        assert spec["replicas"] == 1
        assert spec["selector"]["matchLabels"]["modelyard.dev/variant"] == "canary"
        assert spec["template"]["spec"]["containers"][0]["image"] == NEXT
        service = named(recorded, "chat-fraud-canary-service", "kubernetes:core/v1:Service")
        assert service.inputs["metadata"]["name"] == "fraud-canary"
        assert variant_of(service) == "canary"

    def test_requests_are_shared_out(self) -> None:
        (rule,) = rules(released(ReleaseSpec(canary=CANARY)))
        assert backends(rule) == {"fraud": 75, "fraud-canary": 25}
        (rule,) = rules(released(ReleaseSpec(canary=replace(CANARY, weight_percent=0))))
        assert backends(rule) == {"fraud": 1}
        (rule,) = rules(released(ReleaseSpec(canary=replace(CANARY, weight_percent=100))))
        assert backends(rule) == {"fraud-canary": 1}

    def test_headers_and_cookies_choose_it(self) -> None:
        own_rule, shared = rules(released(ReleaseSpec(canary=replace(CANARY, header={"x-next": "1"}))))
        assert own_rule["matches"] == [
            {"path": {"type": "PathPrefix", "value": "/fraud"},
             "headers": [{"type": "Exact", "name": "x-next", "value": "1"}]}
        ]  # fmt: skip
        assert backends(own_rule) == {"fraud-canary": 1}
        assert own_rule["filters"] == shared["filters"], "the server sees the same path"
        assert own_rule["timeouts"] == shared["timeouts"] == {"request": "600s"}
        (by_cookie, _) = rules(released(ReleaseSpec(canary=replace(CANARY, cookie={"beta": "a.b"}))))
        (header,) = by_cookie["matches"][0]["headers"]
        assert header == {"type": "RegularExpression", "name": "cookie", "value": r"^(.*; ?)?beta=a\.b(;.*)?$"}

    def test_requests_come_once_its_pods_are_ready(self) -> None:
        recorded = released(ReleaseSpec(canary=CANARY))
        services = [named(recorded, f"chat-fraud{each}-service", "kubernetes:core/v1:Service") for each in
                    ("", "-canary")]  # fmt: skip
        assert {each.urn for each in services} <= set(recorded.one("HTTPRoute").depends_on)
        for service, deployment in zip(services, ("chat-fraud", "chat-fraud-canary"), strict=True):
            assert named(recorded, deployment, "Deployment").urn in service.depends_on

    def test_promoted_there_is_one_version_again(self) -> None:
        recorded = released(ReleaseSpec(canary=replace(CANARY, promote=True)))
        assert recorded.one("Deployment").inputs["spec"]["template"]["spec"]["containers"][0]["image"] == NEXT
        (rule,) = rules(recorded)
        assert backends(rule) == {"fraud": 1}


class TestBlueGreen:
    def test_the_switch_is_the_services_selector(self) -> None:
        blue, green = (released(ReleaseSpec(blue_green=replace(GREEN, live=live))) for live in ("blue", "green"))
        for recorded, live in ((blue, "main"), (green, "green")):
            service = named(recorded, "chat-fraud-service", "kubernetes:core/v1:Service")
            assert variant_of(service) == live
            (rule,) = rules(recorded)
            assert backends(rule) == {"fraud": 1}
        same = {each.name for each in blue.of("Deployment")}
        assert same == {each.name for each in green.of("Deployment")} == {"chat-fraud", "chat-fraud-green"}
        for name in same:
            assert named(blue, name, "Deployment").inputs == named(green, name, "Deployment").inputs

    def test_both_are_reached_by_name(self) -> None:
        recorded = released(ReleaseSpec(blue_green=GREEN))
        names = {
            each.inputs["metadata"]["name"]: variant_of(each)
            for each in recorded.of("kubernetes:core/v1:Service")
            if each.name.startswith("chat-fraud")
        }
        assert names == {"fraud": "main", "fraud-blue": "main", "fraud-green": "green"}

    def test_metrics_of_each_pod_are_read_once(self) -> None:
        recorded = released(ReleaseSpec(blue_green=GREEN))
        assert read_by_prometheus(recorded) == {"fraud-blue": "main", "fraud-green": "green"}

    def test_the_other_is_seen_under_a_path_of_its_own(self) -> None:
        preview = replace(GREEN, preview=PreviewSpec(path="/next"))
        own_rule, _ = rules(released(ReleaseSpec(blue_green=preview)))
        assert own_rule["matches"] == [{"path": {"type": "PathPrefix", "value": "/next"}}]
        assert backends(own_rule) == {"fraud-green": 1}
        assert own_rule["filters"][0]["urlRewrite"]["path"]["replacePrefixMatch"] == "/"
        own_rule, _ = rules(released(ReleaseSpec(blue_green=replace(preview, live="green"))))
        assert backends(own_rule) == {"fraud-blue": 1}
        whole = replace(ROUTED, route=RouteSpec(path="/fraud", strip_prefix=False),
                        release=ReleaseSpec(blue_green=preview))  # fmt: skip
        own_rule, shared = rules(made(whole))
        assert own_rule["filters"][0]["urlRewrite"]["path"]["replacePrefixMatch"] == "/fraud"
        assert "filters" not in shared

    def test_it_needs_no_gateway(self) -> None:
        recorded = made(replace(ROUTED, route=None, release=ReleaseSpec(blue_green=GREEN)))
        assert not recorded.of("HTTPRoute")
        assert len(recorded.of("Deployment")) == 2


class TestAbTest:
    VARIANTS: ClassVar = {
        "challenger": AbVariantSpec(image=NEXT, weight_percent=20),
        "internal": AbVariantSpec(env={"A": "1"}, header={"x-ranker": "next"}),
    }

    def test_every_variant_has_its_requests(self) -> None:
        by_header, shared = rules(released(ReleaseSpec(ab_test=AbTestSpec(variants=self.VARIANTS))))
        assert backends(by_header) == {"fraud-internal": 1}
        assert backends(shared) == {"fraud": 80, "fraud-challenger": 20}

    def test_metrics_tell_them_apart(self) -> None:
        recorded = released(ReleaseSpec(ab_test=AbTestSpec(variants=self.VARIANTS)))
        read = read_by_prometheus(recorded)
        assert read == {"fraud": "main", "fraud-challenger": "challenger", "fraud-internal": "internal"}
        pods = [each.inputs["spec"]["template"]["metadata"]["labels"] for each in recorded.of("Deployment")]
        assert {each["modelyard.dev/variant"] for each in pods} == {"main", "challenger", "internal"}

    @pytest.mark.parametrize(("gateway", "more"), [
        (GatewaySpec(), ""), (GatewaySpec(hostname="a.example.org", tls=GatewayTlsSpec(secret="ours")), "; Secure"),
    ])  # fmt: skip
    def test_clients_stay_by_a_cookie(self, gateway: GatewaySpec, more: str) -> None:
        sticky = AbTestSpec(variants=self.VARIANTS, sticky_seconds=3600)
        _, *by_cookie, shared = rules(released(ReleaseSpec(ab_test=sticky), gateway))
        cookies = {}
        for ref in shared["backendRefs"]:
            (only,) = ref["filters"]
            (added,) = only["responseHeaderModifier"]["add"]
            cookies[ref["name"]] = added["value"]
        rest = "Path=/fraud; Max-Age=3600; HttpOnly; SameSite=Lax" + more
        assert cookies == {
            "fraud": f"fraud-variant=main; {rest}", "fraud-challenger": f"fraud-variant=challenger; {rest}"
        }  # fmt: skip
        assert [backends(each) for each in by_cookie] == [{"fraud": 1}, {"fraud-challenger": 1}]


class TestShadow:
    def test_requests_are_copied(self) -> None:
        (rule,) = rules(released(ReleaseSpec(shadow=ShadowSpec(image=NEXT))))
        assert backends(rule) == {"fraud": 1}
        (copy,) = (each for each in rule["filters"] if each["type"] == "RequestMirror")
        assert copy["requestMirror"] == {
            "backendRef": {"group": "", "kind": "Service", "name": "fraud-shadow", "port": 80}
        }
        (rule,) = rules(released(ReleaseSpec(shadow=ShadowSpec(image=NEXT, percent=5))))
        (copy,) = (each for each in rule["filters"] if each["type"] == "RequestMirror")
        assert copy["requestMirror"]["percent"] == 5


class TestVerification:
    def test_requests_move_after_it(self) -> None:
        recorded = released(ReleaseSpec(canary=CANARY, verify=VERIFY))
        job = recorded.one("Job")
        assert job.name == "chat-fraud-canary-verify"
        assert named(recorded, "chat-fraud-canary", "Deployment").urn in job.depends_on
        assert job.urn in recorded.one("HTTPRoute").depends_on
        arguments = job.inputs["spec"]["template"]["spec"]["containers"][0]["args"]
        assert arguments[1:] == ["http://fraud-canary.chat.svc"]

    def test_the_switch_waits_for_it(self) -> None:
        for live in ("blue", "green"):
            recorded = released(ReleaseSpec(blue_green=replace(GREEN, live=live), verify=VERIFY))
            jobs = {each.name: each.urn for each in recorded.of("Job")}
            assert jobs.keys() == {"chat-fraud-verify", "chat-fraud-green-verify"}
            service = named(recorded, "chat-fraud-service", "kubernetes:core/v1:Service")
            its = {"blue": "chat-fraud-verify", "green": "chat-fraud-green-verify"}[live]
            assert jobs[its] in service.depends_on

    def test_a_switch_verifies_nothing_anew(self) -> None:
        inputs = [
            {each.name: each.inputs for each in released(
                ReleaseSpec(blue_green=replace(GREEN, live=live), verify=VERIFY)).of("Job")}
            for live in ("blue", "green")
        ]  # fmt: skip
        assert inputs[0] == inputs[1]

    def test_another_version_is_verified_anew(self) -> None:
        first, second, same = (
            released(ReleaseSpec(canary=replace(CANARY, **change), verify=VERIFY)).one("Job").inputs
            for change in ({}, {"env": {"A": "1"}}, {"weight_percent": 50})
        )
        assert first != second
        assert first == same

    def test_variants_that_move_together_are_asked_by_one_job(self) -> None:
        recorded = released(ReleaseSpec(ab_test=AbTestSpec(variants=TestAbTest.VARIANTS), verify=VERIFY))
        job = recorded.one("Job")
        assert job.name == "chat-fraud-verify"
        urls = job.inputs["spec"]["template"]["spec"]["containers"][0]["args"][1:]
        assert urls == ["http://fraud-challenger.chat.svc", "http://fraud-internal.chat.svc"]
        for variant in TestAbTest.VARIANTS:
            assert named(recorded, f"chat-fraud-{variant}", "Deployment").urn in job.depends_on
        assert job.urn in recorded.one("HTTPRoute").depends_on
        main = named(recorded, "chat-fraud-service", "kubernetes:core/v1:Service")
        assert job.urn not in main.depends_on, "nothing moves to the service itself"

    def test_each_of_them_that_changes_is_asked_anew_and_each_has_its_time(self) -> None:
        def job(variants: dict[str, AbVariantSpec]) -> Registration:
            return released(ReleaseSpec(ab_test=AbTestSpec(variants=variants), verify=VERIFY)).one("Job")

        first = job(TestAbTest.VARIANTS)
        for name, variant in TestAbTest.VARIANTS.items():
            other = {**TestAbTest.VARIANTS, name: replace(variant, env={"B": "2"})}
            assert job(other).inputs["spec"]["template"] != first.inputs["spec"]["template"]
        alone = job({"challenger": TestAbTest.VARIANTS["challenger"]})
        seconds = (each.inputs["spec"]["activeDeadlineSeconds"] for each in (first, alone))
        assert next(seconds) - next(seconds) == VERIFY.timeout_seconds

    def test_a_colour_that_fails_keeps_nobody_from_the_other(self) -> None:
        recorded = released(ReleaseSpec(blue_green=replace(GREEN, live="green"), verify=VERIFY))
        jobs = {each.name: each for each in recorded.of("Job")}
        service = named(recorded, "chat-fraud-service", "kubernetes:core/v1:Service")
        assert jobs["chat-fraud-green-verify"].urn in service.depends_on
        assert jobs["chat-fraud-verify"].urn not in service.depends_on
        urls = [each.inputs["spec"]["template"]["spec"]["containers"][0]["args"][1:] for each in jobs.values()]
        assert sorted(urls) == [["http://fraud-blue.chat.svc"], ["http://fraud-green.chat.svc"]]

    def test_without_a_second_version_the_job_runs_it(self) -> None:
        recorded = released(ReleaseSpec(verify=VERIFY))
        job = recorded.one("Job")
        assert job.urn in recorded.one("Deployment").depends_on
        (server,) = job.inputs["spec"]["template"]["spec"]["initContainers"]
        assert (server["name"], server["restartPolicy"]) == ("server", "Always")


def test_on_gke_each_service_has_its_policies() -> None:
    def program() -> None:
        cluster = bare_cluster(traits=ClusterTraits(gateway_classes={"internal": "gke-l7-rilb"}))
        gateway = Gateway("gateway", cluster, GatewaySpec(class_="gke"))
        spec = replace(ROUTED, release=ReleaseSpec(canary=CANARY))
        ModelService("fraud", Workspace("chat", cluster, WorkspaceSpec()), spec, gateway=gateway)

    recorded = run(program)
    for kind in ("GCPBackendPolicy", "HealthCheckPolicy"):
        targets = {each.inputs["spec"]["targetRef"]["name"] for each in recorded.of(kind)}
        assert targets == {"fraud", "fraud-canary"}
