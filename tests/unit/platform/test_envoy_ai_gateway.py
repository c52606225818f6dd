"""What Envoy Gateway and Envoy AI Gateway are told so that Envoy asks pickers, and InferencePool as it is made."""

from pathlib import Path
from typing import Any

import pulumi
import pytest

from modelyard.cluster.traits import ClusterTraits
from modelyard.operators.crds import crds_in
from modelyard.operators.namespaces import PLATFORM_NAMESPACES, kinds_namespace
from modelyard.operators.spec import ChartsSpec
from modelyard.platform.envoy_ai_gateway import DEFINITION, chart_values, extension_manager
from modelyard.platform.gateway import Gateway
from modelyard.platform.gateway_kinds import INFERENCE_POOL
from modelyard.platform.gateway_spec import GatewaySpec
from modelyard.platform.inference_pool_kind import inference_pool_crd
from tests.support.clusters import BareCluster
from tests.support.mocks import Recorded, Registration, run

PICKERS = GatewaySpec(pickers=True)
KIND = "inferencepools.inference.networking.k8s.io"
# The keys below `controller` of the chart's `values.yaml` at v1.1.0: of one that it does not know a chart says nothing.
KNOWN_KEYS = {
    *("logLevel", "logFormat", "nameOverride", "fullnameOverride", "serviceAccount", "leaderElection", "watch"),
    *("quotaRateLimitServiceAddr", "quotaRateLimitTimeout", "quotaRateLimitFailureModeDeny", "requestHeaderAttributes"),
    *("spanRequestHeaderAttributes", "metricsRequestHeaderAttributes", "logRequestHeaderAttributes", "image"),
    *("imagePullPolicy", "replicaCount", "imagePullSecrets", "podAnnotations", "podLabels", "podDisruptionBudget"),
    *("podSecurityContext", "securityContext", "podEnv", "extraEnvVars", "volumes", "service", "mutatingWebhook"),
    *("hostNetwork", "resources", "nodeSelector", "tolerations", "affinity", "topologySpreadConstraints"),
    *("maxRecvMsgSize", "mcp"),
}


def made(spec: GatewaySpec = PICKERS, *, pools_present: bool = False, **traits: Any) -> Recorded:
    mirror = ChartsSpec(mirror="oci://mirror.example.org/charts")

    def program() -> None:
        cluster = BareCluster(traits=ClusterTraits(**traits))
        Gateway("gateway", cluster, spec, charts=mirror, inference_pools_present=pools_present)

    return run(program)


def release(recorded: Recorded, name: str) -> Registration:
    (found,) = (each for each in recorded.of("Release") if each.inputs["name"] == name)
    return found


def envoy_gateway(recorded: Recorded) -> dict[str, Any]:
    return dict(release(recorded, "envoy-gateway").inputs["values"]["config"]["envoyGateway"])


def test_clients_cannot_say_which_pods_work_on_their_requests() -> None:
    policy = made().one("ClientTrafficPolicy").inputs["spec"]
    assert [each["name"] for each in policy["targetRefs"]] == ["gateway"]
    # What llm-d's proxy and Envoy's clusters of pickers read.
    # https://github.com/llm-d/llm-d-router/blob/v0.10.0/pkg/common/routing/common.go
    assert set(policy["headers"]["earlyRequestHeaders"]["remove"]) >= {
        "x-prefiller-host-port",
        "x-gateway-destination-endpoint",
    }
    assert not made(GatewaySpec()).of("ClientTrafficPolicy")


class TestInstalled:
    def test_both_charts_are_releases_of_their_own_from_the_mirror(self) -> None:
        recorded = made()
        found = {
            each.inputs["name"]: (each.inputs["namespace"], each.inputs["chart"], each.inputs["version"])
            for each in recorded.of("Release")
        }
        assert {name: found[name] for name in found if "ai" in name} == {
            "envoy-ai-gateway": ("envoy-ai-gateway", "oci://mirror.example.org/charts/ai-gateway-helm", "v1.1.0"),
            "envoy-ai-gateway-crds": (
                "envoy-ai-gateway-kinds", "oci://mirror.example.org/charts/ai-gateway-crds-helm", "v1.1.0"
            ),
        }  # fmt: skip
        assert {DEFINITION.name, kinds_namespace(DEFINITION.name)} <= set(PLATFORM_NAMESPACES)

    def test_it_comes_after_envoy_gateway_whose_kinds_it_watches_and_before_the_gateway(self) -> None:
        recorded = made()
        own, its_kinds = release(recorded, "envoy-ai-gateway"), release(recorded, "envoy-ai-gateway-crds")
        assert {release(recorded, "envoy-gateway").urn, its_kinds.urn} <= own.depends_on
        (namespace,) = (each for each in recorded.of("Namespace") if each.name == "gateway")
        assert own.urn in namespace.depends_on

    def test_envoy_gateway_can_read_pools_before_it_starts(self) -> None:
        recorded = made()
        kind, binding = recorded.one("CustomResourceDefinition"), recorded.one("ClusterRoleBinding")
        assert {kind.urn, binding.urn} <= release(recorded, "envoy-gateway").depends_on
        assert kind.inputs["metadata"]["name"] == KIND
        assert binding.inputs["subjects"] == [
            {"kind": "ServiceAccount", "name": "envoy-gateway", "namespace": "envoy-gateway"}
        ]
        (rule,) = recorded.one("ClusterRole").inputs["rules"]
        assert rule == {
            "apiGroups": ["inference.networking.k8s.io"], "resources": ["inferencepools"],
            "verbs": ["get", "list", "watch"],
        }  # fmt: skip

    @pytest.mark.parametrize("present", [{"pools_present": True}, {"inference_pools_present": True}])
    def test_a_kind_that_the_cluster_has_is_left_alone(self, present: dict[str, Any]) -> None:
        recorded = made(PICKERS, **present)
        assert not recorded.of("CustomResourceDefinition")
        assert recorded.one("ClusterRoleBinding").urn in release(recorded, "envoy-gateway").depends_on

    @pytest.mark.parametrize("spec", [GatewaySpec(), GatewaySpec(pickers=False), GatewaySpec(class_="istio")])
    def test_where_nothing_asks_for_it_nothing_of_it_is_there(self, spec: GatewaySpec) -> None:
        recorded = made(spec)
        assert not recorded.of("CustomResourceDefinition")
        assert not recorded.of("ClusterRole")
        assert [each.inputs["name"] for each in recorded.of("Release")] == (
            ["envoy-gateway"] if spec.class_ == "envoy" else []
        )

    def test_without_charts_there_is_the_kind_alone(self) -> None:
        recorded = made(charts_installed=False)
        assert KIND in {each.inputs["metadata"]["name"] for each in recorded.of("CustomResourceDefinition")}
        assert not recorded.of("Release")
        assert not recorded.of("ClusterRole")
        others = made(GatewaySpec(), charts_installed=False).of("CustomResourceDefinition")
        assert KIND not in {each.inputs["metadata"]["name"] for each in others}

    def test_what_is_left_out_is_false(self) -> None:
        seen: list[bool | None] = []
        run(lambda: seen.append(Gateway("gateway", BareCluster(), GatewaySpec()).spec.pickers))
        assert seen == [False]


class TestEnvoyGateway:
    def test_it_asks_where_the_other_answers(self) -> None:
        recorded = made()
        service = envoy_gateway(recorded)["extensionManager"]["service"]
        own = release(recorded, "envoy-ai-gateway").inputs
        name = own["values"]["controller"]["fullnameOverride"]
        assert service == {"fqdn": {"hostname": f"{name}.{own['namespace']}.svc.cluster.local", "port": 1063}}
        assert own["values"]["envoyGateway"] == {"namespace": release(recorded, "envoy-gateway").inputs["namespace"]}

    def test_its_routes_may_lead_to_pools(self) -> None:
        assert extension_manager()["backendResources"] == [
            {"group": "inference.networking.k8s.io", "version": "v1", "kind": "InferencePool"}
        ]

    def test_it_shows_all_but_secrets(self) -> None:
        hooks = extension_manager()["hooks"]["xdsTranslator"]
        assert hooks["post"] == ["Translation", "Cluster", "Route"]
        shown = {name: each["includeAll"] for name, each in hooks["translation"].items()}
        assert shown == {"listener": True, "route": True, "cluster": True, "secret": False}

    def test_other_pods_of_it_come_with_the_change_as_helm_waits_for_those_alone(self) -> None:
        asking, plain = (release(made(spec), "envoy-gateway").inputs["values"] for spec in (PICKERS, GatewaySpec()))
        assert asking["deployment"] == {
            **plain["deployment"], "pod": {"annotations": {"modelyard.dev/asks-pickers": "true"}}
        }  # fmt: skip

    def test_everything_else_of_it_stays(self) -> None:
        asking, plain = envoy_gateway(made()), envoy_gateway(made(GatewaySpec()))
        assert "extensionManager" not in plain
        assert {key: asking[key] for key in plain} == plain


class TestValues:
    def test_the_chart_is_told_nothing_that_it_does_not_know(self) -> None:
        values = chart_values()
        assert values.keys() <= {"global", "endpointConfig", "extProc", "controller", "envoyGateway"}
        assert values["controller"].keys() <= KNOWN_KEYS

    def test_one_of_two_may_go_with_its_node(self) -> None:
        controller = chart_values()["controller"]
        assert controller["replicaCount"] == 2
        assert controller["podDisruptionBudget"] == {"enabled": True, "minAvailable": 1}
        (spread,) = controller["topologySpreadConstraints"]
        # The chart labels its pods with the release's name.
        assert spread["labelSelector"] == {"matchLabels": {"app.kubernetes.io/instance": DEFINITION.name}}
        assert spread["topologyKey"] == "kubernetes.io/hostname"

    def test_its_webhook_sees_no_pod(self) -> None:
        selector = chart_values()["controller"]["mutatingWebhook"]["namespaceSelector"]
        assert selector == {"matchExpressions": [{"key": "kubernetes.io/metadata.name", "operator": "DoesNotExist"}]}

    def test_its_pods_pass_pod_security_restricted(self) -> None:
        (namespace,) = (each for each in made().of("Namespace") if each.inputs["metadata"]["name"] == DEFINITION.name)
        assert namespace.inputs["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
        # The chart's own pods keep it: nothing of it is changed.
        assert not {"securityContext", "podSecurityContext", "hostNetwork"} & chart_values()["controller"].keys()


class TestKind:
    SPEC = inference_pool_crd()["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]

    def test_it_says_who_approved_it_and_lets_its_status_be_written(self) -> None:
        crd = inference_pool_crd()
        assert crd["metadata"]["name"] == KIND
        assert crd["metadata"]["annotations"]["api-approved.kubernetes.io"].startswith("https://github.com/")
        (version,) = crd["spec"]["versions"]
        assert (version["name"], version["subresources"]) == ("v1", {"status": {}})

    def test_its_fields_are_those_of_the_api(self, shared_folder: Path) -> None:
        [theirs] = crds_in(str(shared_folder / "crds"), [INFERENCE_POOL])
        assert _spec_of(inference_pool_crd()) == _spec_of(theirs)

    def test_its_defaults_are_those_of_the_api(self) -> None:
        picker = self.SPEC["properties"]["endpointPickerRef"]["properties"]
        assert {name: each["default"] for name, each in picker.items() if "default" in each} == {
            "group": "", "kind": "Service", "failureMode": "FailClose"
        }  # fmt: skip
        assert self.SPEC["properties"]["appProtocol"]["default"] == "http"

    def test_it_ends_with_a_cluster_of_the_stacks_own(self) -> None:
        def program() -> None:
            plane = pulumi.ComponentResource("test:plane:Plane", "plane")
            Gateway("gateway", BareCluster(control_plane=plane), PICKERS)

        recorded = run(program)
        assert recorded.one("CustomResourceDefinition").ends_with == recorded.one("test:plane:Plane").urn
        assert made().one("CustomResourceDefinition").ends_with == ""


def _spec_of(crd: Any) -> Any:
    """The schema of `spec`, without what means nothing or says it in words."""
    [version] = crd["spec"]["versions"]
    return _plain(version["schema"]["openAPIV3Schema"]["properties"]["spec"])


def _plain(value: Any) -> Any:
    match value:
        case {"rule": str(rule), "message": _}:
            return rule.replace(" ", "")
        case dict():
            return {key: _plain(each) for key, each in value.items() if (key, each) != ("minLength", 0)}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
        case list():
            return [_plain(each) for each in value]  # pyright: ignore[reportUnknownVariableType]
        case _:
            return value
