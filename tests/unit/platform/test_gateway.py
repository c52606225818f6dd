"""What a gateway registers, and in which order it comes and goes."""

from typing import Any

import pulumi
import pulumi_kubernetes as k8s
import pytest

from modelyard.cluster.traits import ClusterTraits
from modelyard.platform.gateway import Gateway
from modelyard.platform.gateway_spec import GatewaySpec, GatewayTlsSpec
from tests.support.clusters import BareCluster
from tests.support.mocks import Recorded, Registration, refused, run, value_of

TYPE = "modelyard:platform:Gateway"
OBJECT = "kubernetes:gateway.networking.k8s.io/v1:Gateway"
HOST = "models.example.org"
LETS_ENCRYPT = GatewaySpec(
    hostname=HOST, exposure="internet", tls=GatewayTlsSpec(issuer="letsencrypt", email="ops@example.org")
)
COMPANY = GatewaySpec(hostname=HOST, tls=GatewayTlsSpec(cluster_issuer="company"))
SECRET = GatewaySpec(hostname=HOST, tls=GatewayTlsSpec(secret="ours"))
GKE_TRAITS = ClusterTraits(gateway_classes={"internal": "gke-l7-rilb", "internet": "gke-l7-regional-external-managed"})
KINDS_ONLY = ClusterTraits(charts_installed=False)


def gateway(spec: GatewaySpec, traits: ClusterTraits | None = None) -> Recorded:
    return run(lambda: Gateway("gateway", BareCluster(traits=traits or ClusterTraits()), spec))


def kinds(recorded: Recorded) -> list[str]:
    return sorted(each.type.rsplit(":", 1)[1] for each in recorded.under(TYPE) if each.type != TYPE)


def spec_of(recorded: Recorded, kind: str) -> dict[str, Any]:
    return dict(recorded.one(kind).inputs["spec"])


def values_of(recorded: Recorded, chart: str) -> dict[str, Any]:
    (release,) = (each for each in recorded.of("Release") if chart in each.inputs["chart"])
    return dict(release.inputs["values"])


def waits_for(recorded: Recorded, what: Registration) -> set[str]:
    """All that it waits for, over others too, by the last part of the type and the name."""
    by_urn = {each.urn: each for each in recorded.registrations}
    found: set[str] = set()
    todo = [what]
    while todo:
        for urn in todo.pop().depends_on:
            each = by_urn[urn]
            key = f"{each.type.rsplit(':', 1)[1]} {each.name}"
            if key not in found:
                found.add(key)
                todo.append(each)
    return found


class TestEnvoy:
    def test_it_is_these_objects(self) -> None:
        assert kinds(gateway(GatewaySpec())) == [
            "EnvoyProxy", "Gateway", "GatewayClass", "Namespace", "Namespace", "Operator", "Release",
        ]  # fmt: skip

    def test_every_object_goes_through_the_clusters_provider_and_carries_the_stacks_label(self) -> None:
        for each in gateway(LETS_ENCRYPT).under(TYPE):
            if each.type.startswith("kubernetes:"):
                assert "::bare::" in each.provider, each.urn
            if "metadata" in each.inputs:
                assert each.inputs["metadata"]["labels"]["modelyard.dev/stack"] == "project.test", each.urn

    def test_its_namespace_enforces_restricted_pods_and_may_open_connections_to_workspaces(self) -> None:
        recorded = gateway(GatewaySpec())
        (found,) = (each for each in recorded.of("Namespace") if each.name == "gateway")
        labels = found.inputs["metadata"]["labels"]
        assert labels["modelyard.dev/gateway"] == "true"
        assert labels["pod-security.kubernetes.io/enforce"] == "restricted"
        assert found.inputs["metadata"]["name"] == "gateway"

    def test_envoy_runs_in_the_gateways_namespace_which_so_ends_after_its_load_balancer(self) -> None:
        recorded = gateway(GatewaySpec())
        provider = values_of(recorded, "gateway-helm")["config"]["envoyGateway"]["provider"]
        assert provider == {"type": "Kubernetes", "kubernetes": {"deploy": {"type": "GatewayNamespace"}}}
        assert spec_of(recorded, OBJECT)["infrastructure"] == {
            "parametersRef": {"group": "gateway.envoyproxy.io", "kind": "EnvoyProxy", "name": "gateway"}
        }
        assert recorded.one("EnvoyProxy").inputs["metadata"]["namespace"] == "gateway"

    def test_nothing_of_a_hook_outlives_it(self) -> None:
        assert values_of(gateway(GatewaySpec()), "gateway-helm")["topologyInjector"] == {"enabled": False}

    def test_as_many_pods_run_as_the_load_asks_for(self) -> None:
        made = spec_of(gateway(GatewaySpec(max_replicas=9)), "EnvoyProxy")["provider"]["kubernetes"]
        assert (made["envoyHpa"]["minReplicas"], made["envoyHpa"]["maxReplicas"]) == (2, 9)
        assert made["envoyPDB"] == {"maxUnavailable": 1}
        assert "replicas" not in made["envoyDeployment"], "the autoscaler owns the number"
        assert made["envoyDeployment"]["container"]["resources"]["requests"]["cpu"], "it scales on what is asked for"
        zone, host = made["envoyDeployment"]["pod"]["topologySpreadConstraints"]
        assert (zone["topologyKey"], host["topologyKey"]) == ("topology.kubernetes.io/zone", "kubernetes.io/hostname")
        assert zone["labelSelector"]["matchLabels"] == {
            "app.kubernetes.io/name": "envoy", "app.kubernetes.io/component": "proxy"
        }  # fmt: skip

    def test_where_nothing_measures_the_number_is_fixed(self) -> None:
        made = spec_of(gateway(GatewaySpec(), ClusterTraits(metrics_api_available=False)), "EnvoyProxy")
        kubernetes = made["provider"]["kubernetes"]
        assert kubernetes["envoyDeployment"]["replicas"] == 2
        assert "envoyHpa" not in kubernetes

    def test_one_pod_may_be_evicted(self) -> None:
        made = spec_of(gateway(GatewaySpec(min_replicas=1, max_replicas=1)), "EnvoyProxy")["provider"]["kubernetes"]
        assert "envoyPDB" not in made

    @pytest.mark.parametrize(("exposure", "scheme"), [("internal", "internal"), ("internet", "public")])
    def test_its_service_is_what_the_cluster_says_for_who_reaches_it(self, exposure: Any, scheme: str) -> None:
        traits = ClusterTraits(
            load_balancer_class="example.org/nlb",
            load_balancer_annotations={"scheme": "internal"},
            public_load_balancer_annotations={"scheme": "public"},
        )
        made = spec_of(gateway(GatewaySpec(exposure=exposure), traits), "EnvoyProxy")
        assert made["provider"]["kubernetes"]["envoyService"] == {
            "type": "LoadBalancer", "loadBalancerClass": "example.org/nlb", "annotations": {"scheme": scheme}
        }  # fmt: skip

    def test_ranges_are_the_services_own(self) -> None:
        spec = GatewaySpec(exposure="internet", source_cidrs=["203.0.114.0/24"])
        made = spec_of(gateway(spec), "EnvoyProxy")["provider"]["kubernetes"]["envoyService"]
        assert made == {"type": "LoadBalancer", "loadBalancerSourceRanges": ["203.0.114.0/24"]}

    def test_without_load_balancers_it_is_reached_inside_of_the_cluster(self) -> None:
        made = spec_of(gateway(GatewaySpec(), ClusterTraits(load_balancer_available=False)), "EnvoyProxy")
        assert made["provider"]["kubernetes"]["envoyService"] == {"type": "ClusterIP"}


class TestListeners:
    def test_without_tls_workspaces_have_routes_by_http(self) -> None:
        (listener,) = spec_of(gateway(GatewaySpec()), OBJECT)["listeners"]
        assert (listener["name"], listener["port"], listener["protocol"]) == ("http", 80, "HTTP")
        assert listener["allowedRoutes"] == {
            "namespaces": {
                "from": "Selector",
                "selector": {
                    "matchLabels": {"modelyard.dev/stack": "project.test"},
                    "matchExpressions": [{"key": "modelyard.dev/workspace", "operator": "Exists"}],
                },
            }
        }

    def test_with_tls_they_have_them_by_https_alone(self) -> None:
        http, https = spec_of(gateway(SECRET), OBJECT)["listeners"]
        assert http["allowedRoutes"] == {"namespaces": {"from": "Same"}}
        assert (https["name"], https["port"], https["protocol"]) == ("https", 443, "HTTPS")
        assert https["allowedRoutes"]["namespaces"]["from"] == "Selector"
        assert https["tls"] == {
            "mode": "Terminate", "certificateRefs": [{"group": "", "kind": "Secret", "name": "ours"}]
        }  # fmt: skip

    def test_http_is_sent_on_to_https(self) -> None:
        route = spec_of(gateway(SECRET), "HTTPRoute")
        assert route["parentRefs"][0]["sectionName"] == "http"
        assert route["rules"] == [
            {"matches": [{"path": {"type": "PathPrefix", "value": "/"}}], "filters": [
                {"type": "RequestRedirect", "requestRedirect": {"scheme": "https", "statusCode": 301}}
            ]}
        ]  # fmt: skip
        assert not gateway(GatewaySpec()).of("HTTPRoute")


class TestTls:
    def test_lets_encrypt_is_answered_through_the_gateway(self) -> None:
        recorded = gateway(LETS_ENCRYPT)
        acme = spec_of(recorded, "Issuer")["acme"]
        assert acme["email"] == "ops@example.org"
        (parent,) = acme["solvers"][0]["http01"]["gatewayHTTPRoute"]["parentRefs"]
        assert (parent["namespace"], parent["name"], parent["sectionName"]) == ("gateway", "gateway", "http")
        assert values_of(recorded, "cert-manager")["config"]["enableGatewayAPI"] is True

    def test_the_certificate_has_all_names_and_is_where_the_gateway_looks(self) -> None:
        spec = GatewaySpec(hostname=HOST, more_hostnames=["*.ml.example.org"], tls=COMPANY.tls)
        recorded = gateway(spec)
        certificate = recorded.one("Certificate").inputs
        assert certificate["spec"]["dnsNames"] == [HOST, "*.ml.example.org"]
        assert certificate["spec"]["issuerRef"] == {
            "group": "cert-manager.io", "kind": "ClusterIssuer", "name": "company"
        }  # fmt: skip
        https = spec_of(recorded, OBJECT)["listeners"][1]
        assert https["tls"]["certificateRefs"][0]["name"] == certificate["spec"]["secretName"]
        assert certificate["metadata"]["annotations"] == {"cert-manager.io/issue-temporary-certificate": "true"}

    def test_cert_manager_is_installed_for_lets_encrypt_only(self) -> None:
        assert len(gateway(LETS_ENCRYPT).of("Release")) == 2
        assert len(gateway(COMPANY).of("Release")) == 1
        assert "Certificate" not in kinds(gateway(SECRET))


class TestGke:
    @pytest.mark.parametrize("exposure", ["internal", "internet"])
    def test_it_is_a_gateway_of_the_clusters_own_class(self, exposure: Any) -> None:
        recorded = gateway(GatewaySpec(class_="gke", exposure=exposure), GKE_TRAITS)
        assert kinds(recorded) == ["Gateway", "Namespace"]
        assert spec_of(recorded, OBJECT)["gatewayClassName"] == GKE_TRAITS.gateway_classes[exposure]
        assert "infrastructure" not in spec_of(recorded, OBJECT)

    def test_elsewhere_it_is_refused(self) -> None:
        error = refused(lambda: Gateway("gateway", BareCluster(), GatewaySpec(class_="gke")), TYPE)
        assert str(error).startswith("gateway.class: the cluster has no load balancers of GKE for gateways; ")


def test_another_class_is_there_already() -> None:
    recorded = gateway(GatewaySpec(class_="istio"))
    assert kinds(recorded) == ["Gateway", "Namespace"]
    assert spec_of(recorded, OBJECT)["gatewayClassName"] == "istio"


class TestWithoutCharts:
    def test_kinds_are_registered_and_nothing_is_waited_for(self) -> None:
        recorded = gateway(LETS_ENCRYPT, KINDS_ONLY)
        registered = {each.inputs["metadata"]["name"] for each in recorded.of("CustomResourceDefinition")}
        assert registered == {
            "gatewayclasses.gateway.networking.k8s.io", "gateways.gateway.networking.k8s.io",
            "httproutes.gateway.networking.k8s.io", "issuers.cert-manager.io", "certificates.cert-manager.io",
        }  # fmt: skip
        assert not recorded.of("Release")
        assert "annotations" not in recorded.one(OBJECT).inputs["metadata"]

    def test_what_only_a_chart_knows_is_not_made(self) -> None:
        recorded = gateway(GatewaySpec(), KINDS_ONLY)
        assert not recorded.of("EnvoyProxy")
        assert "infrastructure" not in spec_of(recorded, OBJECT)

    @pytest.mark.parametrize("spec", [GatewaySpec(class_="istio"), COMPANY])
    def test_kinds_of_what_would_be_there_are_registered_too(self, spec: GatewaySpec) -> None:
        recorded = gateway(spec, KINDS_ONLY)
        registered = {each.inputs["metadata"]["name"] for each in recorded.of("CustomResourceDefinition")}
        assert "gateways.gateway.networking.k8s.io" in registered
        assert ("certificates.cert-manager.io" in registered) == (spec is COMPANY)
        assert "issuers.cert-manager.io" not in registered, "no object of it is made"

    def test_there_is_no_address(self) -> None:
        seen: list[Any] = []

        def program() -> None:
            value_of(Gateway("gateway", BareCluster(traits=KINDS_ONLY), GatewaySpec()).address, seen)

        run(program)
        assert seen == [""]


IN_PLACE = ClusterTraits(charts_installed=False, gateway_in_place="traefik")


class _WithItsOwn(BareCluster):
    """A cluster that brings who acts on Gateways."""

    def run_gateway(
        self, name: str, *, namespace: pulumi.Input[str], opts: pulumi.ResourceOptions | None = None
    ) -> list[pulumi.Resource]:
        metadata = k8s.meta.v1.ObjectMetaArgs(namespace=namespace)
        return [k8s.core.v1.ConfigMap(name, metadata=metadata, opts=opts)]


def in_place(spec: GatewaySpec) -> Recorded:
    return run(lambda: Gateway("gateway", _WithItsOwn(traits=IN_PLACE), spec))


class TestInPlaceOfEnvoy:
    def test_the_clusters_own_runs_in_the_gateways_namespace_for_as_long_as_the_gateway(self) -> None:
        recorded = in_place(GatewaySpec())
        own = recorded.one("ConfigMap")
        assert own.inputs["metadata"]["namespace"] == "gateway"
        assert "Namespace gateway" in waits_for(recorded, own)
        waited = waits_for(recorded, recorded.one(OBJECT))
        assert {"ConfigMap gateway-controller", "GatewayClass gateway-class"} <= waited
        assert any(each.startswith("CustomResourceDefinition ") for each in waits_for(recorded, own))

    def test_it_acts_on_the_class_and_the_address_is_waited_for(self) -> None:
        recorded = in_place(GatewaySpec())
        assert spec_of(recorded, "GatewayClass") == {"controllerName": "traefik.io/gateway-controller"}
        annotations = recorded.one(OBJECT).inputs["metadata"]["annotations"]
        assert annotations == {"pulumi.com/waitFor": "condition=Programmed"}
        assert not recorded.of("EnvoyProxy")

    def test_with_tls_nothing_waits_as_its_certificate_may_come_later(self) -> None:
        assert "annotations" not in in_place(SECRET).one(OBJECT).inputs["metadata"]

    def test_all_kinds_that_it_watches_are_there_and_it_can_write_their_status(self) -> None:
        registered = {
            each.inputs["spec"]["names"]["kind"]: each.inputs["spec"]["versions"][0]
            for each in in_place(GatewaySpec()).of("CustomResourceDefinition")
        }
        assert set(registered) == {"GatewayClass", "Gateway", "HTTPRoute", "GRPCRoute", "ReferenceGrant"}
        assert {kind for kind, version in registered.items() if "subresources" not in version} == {"ReferenceGrant"}
        assert registered["ReferenceGrant"]["name"] == "v1beta1"

    def test_another_class_is_not_its_affair(self) -> None:
        recorded = in_place(GatewaySpec(class_="istio"))
        assert not recorded.of("ConfigMap")
        assert not recorded.of("GatewayClass")
        assert "annotations" not in recorded.one(OBJECT).inputs["metadata"]


class _Balanced(BareCluster):
    """A cluster that makes its load balancers by something on it."""

    @property
    def load_balancers_ready(self) -> list[pulumi.Resource]:  # pyright: ignore[reportIncompatibleVariableOverride]
        return [self.ready[1]]


def test_on_destroy_routes_go_first_and_what_makes_load_balancers_last() -> None:
    def program() -> None:
        provider = k8s.Provider("bare", kubeconfig="kubeconfig", cluster_identifier="bare")
        options = pulumi.ResourceOptions(provider=provider)
        nodes, balancers = (k8s.core.v1.ConfigMap(name, opts=options) for name in ("nodes", "balancers"))
        cluster = _Balanced(kubernetes_provider=provider, ready=[nodes, balancers])
        made = Gateway("gateway", cluster, LETS_ENCRYPT)
        k8s.core.v1.ConfigMap("route", opts=pulumi.ResourceOptions(provider=provider, depends_on=list(made.ready)))

    recorded = run(program)
    (route,) = (each for each in recorded.of("ConfigMap") if each.name == "route")
    assert "Gateway gateway-gateway" in waits_for(recorded, route)
    before_gateway = waits_for(recorded, recorded.one(OBJECT))
    assert before_gateway >= {
        "Namespace gateway", "GatewayClass gateway-class", "EnvoyProxy gateway-proxy", "ConfigMap balancers",
        "Certificate gateway-certificate", "Release gateway-controller", "Release gateway-certificates",
        "ConfigMap nodes",
    }  # fmt: skip
    (namespace,) = (each for each in recorded.of("Namespace") if each.name == "gateway")
    assert waits_for(recorded, namespace) >= {"Release gateway-controller", "ConfigMap balancers", "ConfigMap nodes"}
    (certificates,) = (each for each in recorded.of("Release") if each.name == "gateway-certificates")
    assert "Release gateway-controller" in waits_for(recorded, certificates), "cert-manager looks for its kinds"


def test_an_update_waits_for_the_address_where_a_controller_is() -> None:
    made = gateway(GatewaySpec()).one(OBJECT)
    assert made.inputs["metadata"]["annotations"] == {"pulumi.com/waitFor": "condition=Programmed"}
    assert made.timeouts["create"] == "900s"


def test_another_class_or_exposure_is_another_gateway() -> None:
    triggers = {
        str(gateway(GatewaySpec(class_=class_, exposure=exposure), GKE_TRAITS).one(OBJECT).replacement_trigger)
        for class_ in ("envoy", "gke")
        for exposure in ("internal", "internet")
    }
    assert len(triggers) == 4
    assert gateway(GatewaySpec()).one(OBJECT).deleted_first, "two cannot have one name"
    with_tls = gateway(SECRET).one(OBJECT).replacement_trigger
    assert with_tls == gateway(GatewaySpec(hostname=HOST)).one(OBJECT).replacement_trigger, "that changes in place"
