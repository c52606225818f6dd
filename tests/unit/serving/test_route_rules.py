"""What a route registers beside itself: policies of Envoy, their Secret, and what chooses replicas."""

import json
from dataclasses import replace
from typing import Any

import pytest

from modelyard.cluster.traits import ClusterTraits
from modelyard.errors import ConfigError
from modelyard.platform.gateway import Gateway
from modelyard.platform.gateway_features import TRAEFIK
from modelyard.platform.gateway_spec import GatewaySpec
from modelyard.serving.model_service import ModelService
from modelyard.serving.release_spec import AbTestSpec, AbVariantSpec, CanarySpec, ReleaseSpec
from modelyard.serving.route_access_spec import ApiKeysSpec
from modelyard.serving.route_service_rules import route_secret_problems
from modelyard.serving.route_spec import RouteSpec
from modelyard.serving.route_traffic_spec import RetrySpec
from modelyard.serving.runtimes.container import ContainerSpec
from modelyard.serving.runtimes.runtime import Runtime
from modelyard.serving.runtimes.spec import RuntimeSpec
from modelyard.serving.runtimes.triton import TritonSpec
from modelyard.serving.spec import ModelServiceSpec
from modelyard.spec import validate
from modelyard.versions import ENDPOINT_PICKER_IMAGE
from modelyard.workspace.spec import SecretSpec, WorkspaceSpec
from modelyard.workspace.workspace import Workspace
from tests.support.clusters import bare_cluster
from tests.support.mocks import AUTO_NAME_SUFFIX, Recorded, refused, run
from tests.unit.serving.test_spec import OWN, VLLM

TYPE = "modelyard:serving:ModelService"
ENVOY = GatewaySpec(hostname="models.example.org")
GKE = replace(ENVOY, class_="gke")
GKE_TRAITS = ClusterTraits(gateway_classes={"internal": "gke-l7-rilb"}, gateway_source_ranges=["10.8.16.0/23"])
KEYS = RouteSpec(api_keys=ApiKeysSpec(clients={"search": "search-key", "ads": "ads-key"}), max_parallel_requests=4096)
SECRETS = {name: SecretSpec(from_=f"config/{name}") for name in ("search-key", "ads-key")}
LABELS = {"app.kubernetes.io/instance": "chat-assistant"}
SELECTOR = {
    "group": "gateway.networking.k8s.io",
    "kind": "HTTPRoute",
    "matchLabels": LABELS,
}
PICKED = replace(VLLM, route=RouteSpec(path="/assistant", balance="kv_cache"))


def _program(*specs: ModelServiceSpec, gateway: GatewaySpec, traits: ClusterTraits) -> None:
    cluster = bare_cluster(traits=traits)
    has_keys = any(spec.route and spec.route.secrets for spec in specs)
    workspace = Workspace("chat", cluster, WorkspaceSpec(secrets=SECRETS if has_keys else {}))
    made = Gateway("gateway", cluster, gateway)
    for name, spec in zip(("assistant", "other"), specs, strict=False):
        ModelService(name, workspace, spec, gateway=made)


def served(*specs: ModelServiceSpec, gateway: GatewaySpec = ENVOY, traits: ClusterTraits | None = None) -> Recorded:
    return run(
        lambda: _program(*specs, gateway=gateway, traits=traits or ClusterTraits()),
        secrets={f"modelyard:{name}": f"hidden {name}" for name in SECRETS},
    )


class TestOnEnvoy:
    def test_a_plain_route_needs_nothing_else(self) -> None:
        recorded = served(replace(OWN, route=RouteSpec(header={"x-team": "search"})))
        assert not recorded.of("SecurityPolicy")
        assert not recorded.of("BackendTrafficPolicy")
        (route,) = (each for each in recorded.of("HTTPRoute") if "chat" in each.name)
        (rule,) = route.inputs["spec"]["rules"]
        (match,) = rule["matches"]
        assert match["headers"] == [{"type": "Exact", "name": "x-team", "value": "search"}]

    def test_nobody_is_let_in_before_he_is_asked(self) -> None:
        recorded = served(replace(OWN, route=KEYS))
        access, traffic = recorded.one("SecurityPolicy"), recorded.one("BackendTrafficPolicy")
        (route,) = (each for each in recorded.of("HTTPRoute") if "chat" in each.name)
        assert {access.urn, traffic.urn} <= route.depends_on
        for policy in (access, traffic):
            assert policy.inputs["spec"]["targetSelectors"] == [SELECTOR]
            assert policy.inputs["metadata"]["namespace"] == "chat"
        labels = route.inputs["metadata"]["labels"]
        assert labels.items() >= LABELS.items()

    def test_keys_are_a_secret_of_their_own_by_client(self) -> None:
        recorded = served(replace(OWN, route=KEYS))
        (secret,) = (each for each in recorded.of("Secret") if each.name == "chat-assistant-route-keys")
        assert secret.inputs["stringData"] == {"search": "hidden search-key", "ads": "hidden ads-key"}
        assert secret.secrets >= {"stringData"}
        assert secret.inputs["immutable"]
        told = recorded.one("SecurityPolicy").inputs["spec"]["apiKeyAuth"]
        assert told["credentialRefs"][0]["name"] == f"chat-assistant-route-keys{AUTO_NAME_SUFFIX}"

    def test_where_no_chart_is_installed_there_are_no_policies(self) -> None:
        recorded = served(replace(OWN, route=KEYS), traits=ClusterTraits(charts_installed=False))
        assert not recorded.of("SecurityPolicy")
        assert not [each for each in recorded.of("Secret") if "route" in each.name]

    @pytest.mark.parametrize("traits", [
        ClusterTraits(charts_installed=False, gateway_in_place=TRAEFIK), ClusterTraits(client_addresses_seen=False),
    ])  # fmt: skip
    def test_the_clusters_own_ways_are_asked(self, traits: ClusterTraits) -> None:
        spec = replace(OWN, route=RouteSpec(balance="client_ip"))
        error = refused(lambda: _program(spec, gateway=ENVOY, traits=traits), TYPE)
        assert str(error).startswith("assistant.route.balance: ")
        assert "does not tell clients apart by their address" in str(error)


class TestOnGke:
    def test_a_client_stays_with_a_replica(self) -> None:
        recorded = served(replace(OWN, route=RouteSpec(balance="client_ip")), gateway=GKE, traits=GKE_TRAITS)
        policy = recorded.one("GCPBackendPolicy").inputs["spec"]["default"]
        assert policy["sessionAffinity"] == {"type": "CLIENT_IP"}
        assert not recorded.of("BackendTrafficPolicy")


class TestPicker:
    @staticmethod
    def made(*specs: ModelServiceSpec) -> Recorded:
        return served(*(specs or [PICKED]), gateway=GKE, traits=GKE_TRAITS)

    def test_the_route_leads_to_a_pool_of_the_versions_pods(self) -> None:
        recorded = self.made()
        pool = recorded.one("InferencePool")
        deployment = next(each for each in recorded.of("Deployment") if each.name == "chat-assistant")
        assert pool.inputs["spec"]["selector"]["matchLabels"] == deployment.inputs["spec"]["selector"]["matchLabels"]
        (container,) = deployment.inputs["spec"]["template"]["spec"]["containers"]
        ports = {each["name"]: each["containerPort"] for each in container["ports"]}
        assert pool.inputs["spec"]["targetPorts"] == [{"number": ports["http"]}]
        (route,) = (each for each in recorded.of("HTTPRoute") if "chat" in each.name)
        (rule,) = route.inputs["spec"]["rules"]
        target = {"group": "inference.networking.k8s.io", "kind": "InferencePool", "name": "assistant"}
        assert pool.inputs["metadata"]["name"] == "assistant"
        assert rule["backendRefs"] == [{**target, "weight": 1}]
        assert recorded.one("GCPBackendPolicy").inputs["spec"]["targetRef"] == target
        assert recorded.one("HealthCheckPolicy").inputs["spec"]["targetRef"] == target
        picker = next(each for each in recorded.of("Deployment") if each.name == "chat-assistant-picker")
        assert {pool.urn, picker.urn} <= route.depends_on

    def test_its_service_leads_to_the_picker(self) -> None:
        recorded = self.made()
        picker = next(each for each in recorded.of("Deployment") if each.name == "chat-assistant-picker")
        service = next(each for each in recorded.of("kubernetes:core/v1:Service") if "picker" in each.name)
        assert recorded.one("InferencePool").inputs["spec"]["endpointPickerRef"] == {
            "group": "",
            "kind": "Service",
            "name": f"chat-assistant-picker{AUTO_NAME_SUFFIX}",
            "port": {"number": 9002},
            "failureMode": "FailOpen",
        }
        labels = picker.inputs["spec"]["template"]["metadata"]["labels"]
        assert labels.items() >= service.inputs["spec"]["selector"].items()
        own = next(each for each in recorded.of("kubernetes:core/v1:Service") if each.name == "chat-assistant-service")
        assert not labels.items() >= own.inputs["spec"]["selector"].items(), "the model's clients would come to it"

    def test_it_is_told_its_pool_and_reads_the_servers_metrics(self) -> None:
        picker = next(each for each in self.made().of("Deployment") if each.name == "chat-assistant-picker")
        pod = picker.inputs["spec"]["template"]["spec"]
        (container,) = pod["containers"]
        assert container["image"] == ENDPOINT_PICKER_IMAGE
        args: list[str] = container["args"]
        assert "--pool-name=assistant" in args
        (config,) = (json.loads(each.partition("=")[2]) for each in args if each.startswith("--config-text="))
        plugins = {each["type"]: each.get("parameters") for each in config["plugins"]}
        assert plugins["metrics-data-source"] == {"scheme": "http", "path": "/metrics"}
        assert plugins["core-metrics-extractor"] == {"defaultEngine": "vllm"}
        (profile,) = config["schedulingProfiles"]
        assert {each["pluginRef"] for each in profile["plugins"]} <= plugins.keys()
        parsers = [each["pluginRef"] for each in config["requestHandler"]["parsers"]]
        assert set(parsers) <= plugins.keys()
        assert parsers[-1] == "passthrough-parser", "what no other reads would be answered 400"

    def test_pickers_of_a_workspace_share_an_account(self) -> None:
        other = replace(PICKED, route=RouteSpec(path="/other", balance="kv_cache"))
        recorded = self.made(PICKED, other)
        assert len(recorded.of("InferencePool")) == 2
        name = "chat-endpoint-picker"
        (account,) = (each for each in recorded.of("ServiceAccount") if each.name == name)
        assert account.parent.endswith("::chat"), "it is the workspace's"
        (policy,) = (each for each in recorded.of("NetworkPolicy") if each.name == name)
        (ingress,) = policy.inputs["spec"]["ingress"]
        assert [each["port"] for each in ingress["ports"]] == [9002, 9003]
        assert {"ipBlock": {"cidr": "10.8.16.0/23"}} in ingress["from"]
        for each in recorded.of("Deployment"):
            if each.name.endswith("-picker"):
                spec = each.inputs["spec"]["template"]["spec"]
                assert spec["serviceAccountName"] == f"{name}{AUTO_NAME_SUFFIX}"

    def test_a_service_has_three_objects_more(self) -> None:
        plain = self.made(replace(PICKED, route=RouteSpec(path="/assistant"))).under(TYPE)
        kinds = sorted(each.type.rsplit(":", 1)[1] for each in self.made().under(TYPE))
        for each in plain:
            kinds.remove(each.type.rsplit(":", 1)[1])
        assert kinds == ["Deployment", "InferencePool", "Service"]

    def test_envoy_asks_them_where_it_is_told_to(self) -> None:
        error = refused(lambda: _program(PICKED, gateway=ENVOY, traits=ClusterTraits()), TYPE)
        assert str(error) == (
            "assistant.route.balance: Envoy Gateway does not ask pickers of replicas; set pickers: true in the "
            "gateway, or use balance: header"
        )
        recorded = served(PICKED, gateway=replace(ENVOY, pickers=True))
        (route,) = (each for each in recorded.of("HTTPRoute") if "chat" in each.name)
        ((ref,),) = (rule["backendRefs"] for rule in route.inputs["spec"]["rules"])
        assert (ref["kind"], ref["name"]) == ("InferencePool", "assistant")
        assert not recorded.of("BackendTrafficPolicy")

    def test_another_class_that_says_so_asks_them_too(self) -> None:
        own = replace(ENVOY, class_="istio", class_features=["kv_cache"])
        assert served(PICKED, gateway=own).one("InferencePool")
        error = refused(lambda: _program(PICKED, gateway=replace(own, class_features=()), traits=ClusterTraits()), TYPE)
        assert "class istio does not ask pickers of replicas" in str(error)

    @pytest.mark.parametrize(("gateway", "replicas"), [
        (replace(ENVOY, pickers=True), 2), (replace(ENVOY, class_="istio", class_features=["kv_cache"]), 1),
    ])  # fmt: skip
    def test_there_are_two_where_requests_fail_without_one(self, gateway: GatewaySpec, replicas: int) -> None:
        recorded = served(PICKED, gateway=gateway)
        picker = next(each for each in recorded.of("Deployment") if each.name == "chat-assistant-picker")
        spec = picker.inputs["spec"]
        assert spec["replicas"] == replicas
        assert "strategy" not in spec, "the next one is ready before the last one goes"
        (zone, host) = spec["template"]["spec"]["topologySpreadConstraints"]
        assert (zone["topologyKey"], host["topologyKey"]) == ("topology.kubernetes.io/zone", "kubernetes.io/hostname")
        assert host["labelSelector"]["matchLabels"] == spec["selector"]["matchLabels"]
        budgets = [each for each in recorded.of("PodDisruptionBudget") if each.name == "chat-assistant-picker"]
        assert len(budgets) == replicas - 1, "a single one stops no drain"
        for budget in budgets:
            assert budget.inputs["spec"]["selector"]["matchLabels"] == spec["selector"]["matchLabels"]
            assert budget.inputs["spec"]["maxUnavailable"] == 1


class TestWithTheService:
    @staticmethod
    def problem(spec: ModelServiceSpec) -> str:
        with pytest.raises(ConfigError) as caught:
            validate(spec)
        return str(caught.value)

    @pytest.mark.parametrize(("runtime", "name"), [
        (RuntimeSpec(triton=TritonSpec()), "triton"), (OWN.runtime, "container"),
    ])  # fmt: skip
    def test_pickers_read_the_metrics_of_some(self, runtime: Any, name: str) -> None:
        assert isinstance(runtime.chosen, Runtime)
        spec = replace(PICKED, runtime=runtime, model=None if name == "container" else PICKED.model)
        assert (
            f"route.balance: pickers read the metrics of vllm and sglang, and not those of {name}; "
            "leave it out, or use balance: header"
        ) in self.problem(spec)
        assert validate(PICKED)

    def test_a_picker_knows_one_version(self) -> None:
        canary = ReleaseSpec(canary=CanarySpec(weight_percent=10))
        assert self.problem(replace(PICKED, release=canary)) == (
            "route.balance: a picker knows the pods of one version, and canary has several; "
            "leave it out while there is a canary"
        )
        assert validate(replace(PICKED, release=ReleaseSpec()))

    def test_a_picker_is_asked_once(self) -> None:
        with pytest.raises(ConfigError) as caught:
            validate(RouteSpec(balance="kv_cache", retry=RetrySpec()))
        assert str(caught.value) == (
            "retry: would send a request to the same replica again, as its picker is asked once; "
            "remove it, or use balance: header"
        )
        assert validate(RouteSpec(balance="header", balance_header="x-session-id", retry=RetrySpec()))
        assert validate(RouteSpec(balance="kv_cache", max_parallel_requests=64, max_request_mib=1))

    def test_streams_have_no_end_to_wait_for(self) -> None:
        grpc = RuntimeSpec(container=ContainerSpec(image="registry.example.org/a:1.0.0", port=9000, protocol="grpc"))
        spec = replace(OWN, runtime=grpc, route=RouteSpec(max_request_mib=1))
        assert self.problem(spec) == (
            "route.max_request_mib: has the gateway wait for the end of each request, which streams of gRPC have not; "
            "leave it out, and limit it in the server"
        )
        assert validate(replace(OWN, route=RouteSpec(max_request_mib=1)))

    def test_keys_are_the_workspaces_secrets(self) -> None:
        (problem,) = route_secret_problems(replace(OWN, route=KEYS), ["search-key"])
        assert str(problem) == (
            "route.api_keys.clients.ads: 'ads-key' is no secret of this workspace; use one of search-key, or add it "
            "under secrets"
        )
        assert not list(route_secret_problems(replace(OWN, route=KEYS), list(SECRETS)))


class TestMatches:
    @staticmethod
    def problem(variant: AbVariantSpec, route: RouteSpec) -> str:
        spec = replace(OWN, route=route, release=ReleaseSpec(ab_test=AbTestSpec(variants={"b": variant})))
        with pytest.raises(ConfigError) as caught:
            validate(spec)
        return str(caught.value)

    def test_a_header_is_named_once(self) -> None:
        path = "release.ab_test.variants.b"
        twice = AbVariantSpec(header={"X-A": "1", "x-a": "2"})
        assert self.problem(twice, RouteSpec()) == (
            f"{path}.header.x-a: is the header X-A once more; remove one of them"
        )
        routes = AbVariantSpec(header={"X-Team": "1"})
        assert self.problem(routes, RouteSpec(header={"x-team": "2"})) == (
            f"{path}.header.X-Team: is asked for by the route itself; choose by another header, or leave it out of the "
            "route"
        )
        cookies = AbVariantSpec(cookie={"a": "1", "b": "2"})
        assert self.problem(cookies, RouteSpec()) == (
            f"{path}.cookie: a and b come in one header, in any order; choose by one of them"
        )
        both = AbVariantSpec(header={"Cookie": "1"}, cookie={"a": "1"})
        assert self.problem(both, RouteSpec()) == (
            f"{path}.header.Cookie: is given beside cookie, which is the same; use cookie"
        )
        near = AbVariantSpec(header={"x-a": "1", "x-b": "2"}, cookie={"a": "1"})
        release = ReleaseSpec(ab_test=AbTestSpec(variants={"b": near}))
        assert validate(replace(OWN, route=RouteSpec(header={"x-team": "2"}), release=release))

    def test_also_by_the_route(self) -> None:
        with pytest.raises(ConfigError) as caught:
            validate(RouteSpec(header={"X-A": "1", "x-a": "2"}))
        assert str(caught.value) == "header.x-a: is the header X-A once more; remove one of them"
