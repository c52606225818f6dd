"""Pods that read prompts for those that answer: what is registered, and what their picker is told."""

import json
from collections import Counter
from dataclasses import replace
from typing import Any

from modelyard.cluster.traits import ClusterTraits
from modelyard.observability.monitoring import Monitoring
from modelyard.observability.spec import MetricsSpec
from modelyard.platform.gateway import Gateway
from modelyard.platform.gateway_spec import GatewaySpec
from modelyard.platform.priorities import Priorities
from modelyard.serving.autoscaling_spec import AutoscalingSpec, TargetSpec
from modelyard.serving.model_service import ModelService
from modelyard.serving.prefill_spec import PrefillSpec
from modelyard.serving.release_spec import ReleaseSpec
from modelyard.serving.spec import ModelServiceSpec
from modelyard.serving.verify_spec import VerifyRequestSpec, VerifySpec
from modelyard.versions import PREFILL_PROXY_IMAGE
from modelyard.workspace.spec import WorkspaceSpec
from modelyard.workspace.workspace import Workspace
from tests.support.clusters import bare_cluster
from tests.support.mocks import Recorded, Registration, run
from tests.unit.serving.test_prefill import APART, apart

TYPE = "modelyard:serving:ModelService"
GKE = GatewaySpec(hostname="models.example.org", class_="gke")
TRAITS = ClusterTraits(gateway_classes={"internal": "gke-l7-rilb"}, gateway_source_ranges=["10.8.16.0/23"])


def made(service: ModelServiceSpec = APART, *, monitored: bool = False) -> Recorded:
    def program() -> None:
        cluster = bare_cluster(traits=TRAITS)
        priorities = Priorities("priorities", cluster, {}, with_spare=True)
        ModelService(
            "assistant",
            Workspace("chat", cluster, WorkspaceSpec(), priorities=priorities),
            service,
            gateway=Gateway("gateway", cluster, GKE) if service.route else None,
            monitoring=Monitoring("metrics", cluster, MetricsSpec()) if monitored else None,
        )

    return run(program)


def named(recorded: Recorded, kind: str, name: str) -> Registration:
    (found,) = (each for each in recorded.of(kind) if each.name == name)
    return found


def pod_of(recorded: Recorded, name: str) -> dict[str, Any]:
    return named(recorded, "Deployment", name).inputs["spec"]["template"]["spec"]


def labels_of(recorded: Recorded, name: str) -> dict[str, str]:
    return named(recorded, "Deployment", name).inputs["spec"]["template"]["metadata"]["labels"]


class TestPods:
    def test_those_that_read_are_a_deployment_of_their_own(self) -> None:
        recorded = made()
        found = named(recorded, "Deployment", "chat-assistant-prefill")
        (server,) = pod_of(recorded, "chat-assistant-prefill")["containers"]
        (answers,) = pod_of(recorded, "chat-assistant")["containers"]
        assert found.inputs["spec"]["replicas"] == 3
        assert server["image"] == answers["image"]
        assert server["resources"]["limits"]["nvidia.com/gpu"] == "1"
        assert "--tensor-parallel-size=1" in server["args"]
        assert "--port=8000" in server["args"]
        assert "initContainers" not in pod_of(recorded, "chat-assistant-prefill")
        assert labels_of(recorded, "chat-assistant-prefill")["llm-d.ai/role"] == "prefill"

    def test_those_that_answer_stay_what_they_are(self) -> None:
        alone, beside = made(replace(APART, prefill=None)), made()
        name = "chat-assistant"
        for path in ("selector", "replicas"):
            before, after = (named(each, "Deployment", name).inputs["spec"][path] for each in (alone, beside))
            assert before == after
        before, after = (
            named(each, "kubernetes:core/v1:Service", "chat-assistant-service").inputs["spec"]
            for each in (alone, beside)
        )
        assert before == after
        assert labels_of(beside, name).items() >= after["selector"].items()
        assert not labels_of(beside, "chat-assistant-prefill").items() >= after["selector"].items()

    def test_a_proxy_has_the_port_of_those_that_answer(self) -> None:
        pod = pod_of(made(), "chat-assistant")
        (server,), (proxy,) = pod["containers"], pod["initContainers"]
        assert proxy["name"] == "prefill-proxy"
        assert proxy["image"] == PREFILL_PROXY_IMAGE
        assert proxy["restartPolicy"] == "Always"
        assert proxy["args"] == [
            "--port=8000", "--model-server-port=8200", "--kv-connector=nixlv2", "--secure-proxy=false"
        ]  # fmt: skip
        assert proxy["startupProbe"]["httpGet"] == {"path": "/health", "port": 8000}
        assert proxy["readinessProbe"]["httpGet"] == {"path": "/health", "port": 8000}
        assert "ports" not in proxy, "the API server would warn of the same port in two containers"
        assert "--port=8200" in server["args"]
        assert {each["name"]: each["containerPort"] for each in server["ports"]} == {
            "http": 8000, "server": 8200, "peers": 5600
        }  # fmt: skip
        for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
            assert server[probe]["httpGet"] == {"path": "/health", "port": "server"}, "the proxy's says nothing of it"

    def test_both_kinds_move_caches_by_their_own_address(self) -> None:
        recorded = made()
        for name in ("chat-assistant", "chat-assistant-prefill"):
            (server,) = pod_of(recorded, name)["containers"]
            (config,) = (each for each in server["args"] if each.startswith("--kv-transfer-config="))
            assert json.loads(config.partition("=")[2]) == {
                "kv_connector": "NixlConnector",
                "kv_role": "kv_both",
                "kv_load_failure_policy": "recompute",
            }
            (address,) = (each for each in server["env"] if each["name"] == "VLLM_NIXL_SIDE_CHANNEL_HOST")
            assert address["valueFrom"]["fieldRef"]["fieldPath"] == "status.podIP"
        (server,) = pod_of(made(replace(APART, prefill=None)), "chat-assistant")["containers"]
        assert not [each for each in server["args"] if each.startswith("--kv-transfer-config")]
        assert not [each for each in server["env"] if each["name"].startswith("VLLM_NIXL")]

    def test_the_proxys_share_comes_out_of_the_pods_own(self) -> None:
        def cpus(pod: dict[str, Any]) -> int:
            containers = [*pod["containers"], *pod.get("initContainers", [])]
            return sum(int(each["resources"]["requests"]["cpu"].removesuffix("m")) for each in containers)

        before, after = (pod_of(made(each), "chat-assistant") for each in (replace(APART, prefill=None), APART))
        assert cpus(before) == cpus(after)

    def test_what_they_ask_for_is_theirs_where_their_gpus_differ(self) -> None:
        own = apart(cpus=40, memory_gib=400, memory_limit_gib=500)
        (server,) = pod_of(made(own), "chat-assistant-prefill")["containers"]
        assert server["resources"]["requests"]["cpu"] != "40"
        (server,) = pod_of(made(replace(own, prefill=PrefillSpec())), "chat-assistant-prefill")["containers"]
        assert server["resources"]["requests"]["cpu"] == "40"
        assert server["resources"]["limits"]["memory"] == "500Gi"
        (server,) = pod_of(made(replace(own, prefill=PrefillSpec(cpus=8))), "chat-assistant-prefill")["containers"]
        assert server["resources"]["requests"]["cpu"] == "8"

    def test_room_for_another_that_answers_is_for_its_proxy_too(self) -> None:
        recorded = made(apart(cpus=40, memory_gib=400, spare_replicas=1))
        (container,) = pod_of(recorded, "chat-assistant-spare")["containers"]
        assert container["resources"]["requests"]["cpu"] == "40500m"
        assert container["resources"]["requests"]["memory"] == "401Gi"

    def test_a_new_version_is_verified_behind_its_proxy(self) -> None:
        asked = ReleaseSpec(verify=VerifySpec(requests=[VerifyRequestSpec(path="/v1/models")]))
        recorded = made(apart(release=asked))
        pod = recorded.one("Job").inputs["spec"]["template"]["spec"]
        assert [each["name"] for each in pod["initContainers"]] == ["prefill-proxy", "server"]
        assert "http://localhost:8000" in pod["containers"][0]["args"]
        assert recorded.one("Job").urn in named(recorded, "Deployment", "chat-assistant").depends_on

    def test_one_of_either_kind_at_a_time_is_moved(self) -> None:
        recorded = made()
        selector = recorded.one("PodDisruptionBudget").inputs["spec"]["selector"]["matchLabels"]
        for name in ("chat-assistant", "chat-assistant-prefill"):
            assert labels_of(recorded, name).items() >= selector.items()

    def test_an_autoscaler_sizes_those_that_answer(self) -> None:
        target = TargetSpec(cpu_percent=60)
        recorded = made(apart(autoscaling=AutoscalingSpec(min_replicas=1, max_replicas=2, target=target)))
        scaled = recorded.one("HorizontalPodAutoscaler").inputs["spec"]["scaleTargetRef"]["name"]
        assert scaled.startswith("chat-assistant-")
        assert "prefill" not in scaled
        assert named(recorded, "Deployment", "chat-assistant-prefill").inputs["spec"]["replicas"] == 3

    def test_prometheus_finds_them_by_a_service(self) -> None:
        service = named(made(monitored=True), "kubernetes:core/v1:Service", "chat-assistant-prefill-service")
        assert service.inputs["metadata"]["name"] == "assistant-prefill"
        assert service.inputs["metadata"]["labels"]["modelyard.dev/variant"] == "prefill"
        assert service.inputs["spec"]["selector"]["modelyard.dev/variant"] == "prefill"
        services = made().of("kubernetes:core/v1:Service")
        assert not [each for each in services if "prefill" in each.name], "nobody else has a use for it"

    def test_they_are_one_resource_more_and_with_metrics_two(self) -> None:
        def kinds(recorded: Recorded) -> Counter[str]:
            return Counter(each.type.rsplit(":", 1)[1] for each in recorded.under(TYPE))

        alone = replace(APART, prefill=None)
        assert kinds(made()) - kinds(made(alone)) == Counter(["Deployment"])
        monitored = kinds(made(monitored=True)) - kinds(made(alone, monitored=True))
        assert monitored == Counter(["Deployment", "Service"])


class TestPicker:
    @staticmethod
    def config(service: ModelServiceSpec) -> dict[str, Any]:
        (container,) = pod_of(made(service), "chat-assistant-picker")["containers"]
        (config,) = (each for each in container["args"] if each.startswith("--config-text="))
        return json.loads(config.partition("=")[2])

    def test_it_chooses_among_pods_of_both_kinds(self) -> None:
        recorded = made()
        spec = recorded.one("InferencePool").inputs["spec"]
        for name in ("chat-assistant", "chat-assistant-prefill"):
            assert labels_of(recorded, name).items() >= spec["selector"]["matchLabels"].items()
        assert spec["targetPorts"] == [{"number": 8000}]

    def test_it_sends_prompts_that_are_long_enough_to_be_read_first(self) -> None:
        config = self.config(apart(PrefillSpec(gpus=1, min_uncached_tokens=2048)))
        plugins = {each["type"]: each.get("parameters") for each in config["plugins"]}
        assert plugins["prefix-based-pd-decider"] == {"nonCachedTokens": 2048}
        assert plugins["disagg-profile-handler"] == {"deciders": {"prefill": "prefix-based-pd-decider"}}
        profiles = {
            each["name"]: [one["pluginRef"] for one in each["plugins"]] for each in config["schedulingProfiles"]
        }
        assert profiles.keys() == {"prefill", "decode"}
        for role, chosen_by in profiles.items():
            assert chosen_by[0] == f"{role}-filter"
            assert "prefix-cache-scorer" in chosen_by, "the decider asks what it has found out"
            assert set(chosen_by) <= plugins.keys()

    def test_without_prefill_pods_it_has_one_profile(self) -> None:
        config = self.config(replace(APART, prefill=None))
        assert [each["name"] for each in config["schedulingProfiles"]] == ["default"]
        assert not [each for each in config["plugins"] if "prefill" in each["type"] or "pd" in each["type"]]
