from dataclasses import replace
from typing import Any, ClassVar

import pulumi
import pytest

from modelyard.cluster.traits import ClusterTraits
from modelyard.observability.monitoring import Monitoring
from modelyard.observability.spec import MetricsSpec
from modelyard.serving.autoscaling_spec import AutoscalingSpec, TargetSpec
from modelyard.serving.model_service import ModelService
from modelyard.serving.model_spec import ModelSpec
from modelyard.serving.runtimes.container import ContainerSpec
from modelyard.serving.runtimes.spec import RuntimeSpec
from modelyard.serving.spec import ModelServiceSpec
from modelyard.workspace.spec import QuotaSpec, SecretSpec, WorkspaceSpec
from modelyard.workspace.workspace import Workspace
from tests.support.clusters import POOLS, bare_cluster
from tests.support.mocks import AUTO_NAME_SUFFIX, Recorded, Registration, refused, run
from tests.unit.serving.test_spec import OWN, VLLM, own, vllm

TYPE = "modelyard:serving:ModelService"
SCALED = replace(OWN, autoscaling=AutoscalingSpec(min_replicas=2, max_replicas=6, target=TargetSpec(cpu_percent=60)))


def service(spec: ModelServiceSpec, *, traits: ClusterTraits | None = None, monitored: bool = False) -> Recorded:
    def program() -> None:
        cluster = bare_cluster(traits=traits)
        workspace = Workspace("chat", cluster, WorkspaceSpec(secrets={"hf": SecretSpec(from_="config/hf")}))
        monitoring = Monitoring("metrics", cluster, MetricsSpec()) if monitored else None
        ModelService("assistant", workspace, spec, monitoring=monitoring)

    return run(program, secrets={"modelyard:hf": "hidden"})


def deployment_of(spec: ModelServiceSpec) -> dict[str, Any]:
    return dict(service(spec).one("Deployment").inputs["spec"])


def pod_of(spec: ModelServiceSpec) -> dict[str, Any]:
    return deployment_of(spec)["template"]["spec"]


def container_of(spec: ModelServiceSpec) -> dict[str, Any]:
    (container,) = pod_of(spec)["containers"]
    return container


def read_at(recorded: Recorded) -> tuple[str | None, str | None]:
    """Port and path at which the service says that its metrics are."""
    metadata = recorded.one("Service").inputs["metadata"]
    annotations: dict[str, str] = metadata.get("annotations") or {}
    return metadata["labels"].get("modelyard.dev/metrics"), annotations.get("modelyard.dev/metrics-path")


def kinds(made: list[Registration]) -> list[str]:
    return sorted(each.type.rsplit(":", 1)[1] for each in made if each.type != TYPE)


class TestObjects:
    def test_a_service_is_these_objects(self) -> None:
        assert kinds(service(OWN).under(TYPE)) == ["Deployment", "PodDisruptionBudget", "Service"]

    def test_with_autoscaling_there_is_one_more_and_with_monitoring_none(self) -> None:
        made = service(replace(SCALED, runtime=own(metrics_path="/metrics")), monitored=True).under(TYPE)
        assert kinds(made) == ["Deployment", "HorizontalPodAutoscaler", "PodDisruptionBudget", "Service"]

    def test_every_object_is_a_child_on_the_clusters_provider(self) -> None:
        made = service(replace(SCALED, runtime=own(metrics_path="/metrics")), monitored=True).under(TYPE)
        (component,) = (each for each in made if each.type == TYPE)
        for each in made:
            if each is not component:
                assert each.parent == component.urn
                assert each.provider.endswith("pulumi:providers:kubernetes::bare::bare-id")

    def test_only_the_service_has_a_name_of_its_own(self) -> None:
        made = service(SCALED).under(TYPE)
        named = {
            each.type: each.inputs["metadata"]["name"] for each in made if "name" in each.inputs.get("metadata", {})
        }
        assert named == {"kubernetes:core/v1:Service": "assistant"}

    def test_every_object_and_pod_carries_the_labels(self) -> None:
        made = service(replace(SCALED, runtime=own(metrics_path="/metrics")), monitored=True).under(TYPE)
        wanted = {
            "app.kubernetes.io/name": "assistant",
            "app.kubernetes.io/instance": "chat-assistant",
            "app.kubernetes.io/component": "model-service",
            "app.kubernetes.io/part-of": "chat",
            "app.kubernetes.io/managed-by": "pulumi",
            "modelyard.dev/stack": "project.test",
            "modelyard.dev/workspace": "chat",
        }
        objects = [each.inputs["metadata"] for each in made if each.type != TYPE]
        (deployment,) = (each for each in made if each.type.endswith(":Deployment"))
        for metadata in [*objects, deployment.inputs["spec"]["template"]["metadata"]]:
            assert wanted.items() <= metadata["labels"].items()

    def test_equal_names_in_two_workspaces_keep_apart(self) -> None:
        def program() -> None:
            cluster = bare_cluster()
            for name in ("chat", "search"):
                ModelService("assistant", Workspace(name, cluster, WorkspaceSpec()), SCALED)

        made = run(program).under(TYPE)
        assert len({each.urn for each in made}) == len(made) == 10
        assert {each.name for each in made if each.type == TYPE} == {"chat-assistant", "search-assistant"}

    def test_options_reach_the_component_alone(self) -> None:
        def program() -> None:
            workspace = Workspace("chat", bare_cluster(), WorkspaceSpec())
            outer = pulumi.ComponentResource("test:index:Outer", "outer")
            ModelService("assistant", workspace, OWN, pulumi.ResourceOptions(parent=outer))

        made = run(program).under(TYPE)
        assert {each.urn.split("::")[2].split("$")[0] for each in made} == {"test:index:Outer"}
        assert {each.parent.rsplit("::", 1)[1] for each in made if each.type != TYPE} == {"chat-assistant"}

    def test_outputs_are_registered(self) -> None:
        recorded = service(OWN)
        (component,) = recorded.of("ModelService")
        assert recorded.component_outputs[component.urn] == {
            "url": "http://assistant.chat.svc",
            "service_name": "assistant",
            "deployment_name": f"chat-assistant{AUTO_NAME_SUFFIX}",
        }


class TestSelectors:
    """The contract of docs/adr/0002-names-labels-selectors.md: a live Deployment's selector can never change."""

    POD: ClassVar = {
        "app.kubernetes.io/name": "assistant",
        "app.kubernetes.io/instance": "chat-assistant",
        "app.kubernetes.io/component": "model-service",
    }

    def test_the_deployment_selects_its_variant(self) -> None:
        spec = deployment_of(VLLM)
        assert spec["selector"] == {"matchLabels": {**self.POD, "modelyard.dev/variant": "main"}}
        assert spec["selector"]["matchLabels"].items() <= spec["template"]["metadata"]["labels"].items()

    def test_the_service_selects_the_live_variant_and_the_budget_every_one(self) -> None:
        recorded = service(VLLM)
        assert recorded.one("Service").inputs["spec"]["selector"] == {**self.POD, "modelyard.dev/variant": "main"}
        assert recorded.one("PodDisruptionBudget").inputs["spec"]["selector"] == {"matchLabels": self.POD}

    def test_no_setting_reaches_a_selector(self) -> None:
        changed = replace(
            VLLM,
            pool="h100",
            gpus=4,
            model=ModelSpec(huggingface="a/b", revision="1"),
            runtime=vllm(image="a/b:2"),
            env={"A": "1"},
            user_id=7,
            replicas=2,
        )
        assert deployment_of(changed)["selector"] == deployment_of(VLLM)["selector"]


class TestPods:
    def test_pods_are_restricted(self) -> None:
        for spec in (VLLM, OWN):
            pod = pod_of(spec)
            assert pod["securityContext"]["runAsNonRoot"] is True
            assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
            assert pod["automountServiceAccountToken"] is False
            assert pod["enableServiceLinks"] is False
            assert pod["containers"][0]["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "privileged": False,
                "readOnlyRootFilesystem": True,
                "runAsNonRoot": True,
                "capabilities": {"drop": ["ALL"]},
            }

    def test_vllm_runs_as_the_user_of_its_image_unless_told_otherwise(self) -> None:
        assert pod_of(VLLM)["securityContext"]["runAsUser"] == 2000
        assert pod_of(OWN)["securityContext"]["runAsUser"] == 10001
        assert pod_of(replace(VLLM, user_id=7))["securityContext"]["runAsUser"] == 7
        assert pod_of(replace(OWN, user_id=7))["securityContext"]["fsGroup"] == 7

    def test_selector_tolerations_and_gpus_follow_from_the_pool(self) -> None:
        pod = pod_of(replace(VLLM, pool="h100", gpus=2))
        assert pod["nodeSelector"] == {"modelyard.dev/pool": "h100"}
        assert pod["tolerations"] == [
            {"key": "nvidia.com/gpu", "operator": "Equal", "value": "present", "effect": "NoSchedule"},
            {"key": "dedicated", "operator": "Equal", "value": "ml", "effect": "NoSchedule"},
        ]
        resources = pod["containers"][0]["resources"]
        assert resources["requests"]["nvidia.com/gpu"] == resources["limits"]["nvidia.com/gpu"] == "2"

    def test_a_pool_without_gpus_needs_none_of_it(self) -> None:
        pod = pod_of(OWN)
        assert "tolerations" not in pod
        assert pod["containers"][0]["resources"] == {
            "requests": {"cpu": "1", "memory": "2Gi"},
            "limits": {"memory": "2Gi"},
        }

    def test_resources_are_as_given(self) -> None:
        given = replace(OWN, cpus=1.5, cpu_limit=3, memory_gib=4, memory_limit_gib=4.5)
        assert container_of(given)["resources"] == {
            "requests": {"cpu": "1500m", "memory": "4Gi"},
            "limits": {"cpu": "3", "memory": "4608Mi"},
        }

    def test_pods_are_spread_over_zones_and_nodes_while_there_is_room(self) -> None:
        spec = deployment_of(OWN)
        spread = spec["template"]["spec"]["topologySpreadConstraints"]
        assert [each["topologyKey"] for each in spread] == ["topology.kubernetes.io/zone", "kubernetes.io/hostname"]
        assert {each["whenUnsatisfiable"] for each in spread} == {"ScheduleAnyway"}
        assert all(each["labelSelector"] == spec["selector"] for each in spread)
        (preferred,) = spec["template"]["spec"]["affinity"]["podAntiAffinity"][
            "preferredDuringSchedulingIgnoredDuringExecution"
        ]
        assert preferred["podAffinityTerm"]["topologyKey"] == "kubernetes.io/hostname"

    def test_a_secret_arrives_under_its_generated_name(self) -> None:
        env = container_of(replace(OWN, env_from_secrets={"TOKEN": "hf"}))["env"]
        assert env[-1] == {
            "name": "TOKEN",
            "valueFrom": {"secretKeyRef": {"name": f"chat-hf{AUTO_NAME_SUFFIX}", "key": "value"}},
        }


class TestVllm:
    def test_the_command_is_explicit_and_every_value_is_set(self) -> None:
        spec = replace(
            VLLM,
            pool="h100",
            gpus=8,
            drain_seconds=90,
            model=ModelSpec(huggingface="Qwen/Qwen2.5-7B-Instruct", revision="a09a354"),
            runtime=vllm(
                max_model_len=8192, pipeline_parallel=2, served_model_name="qwen", extra_args=["--kv-cache-dtype=fp8"]
            ),
        )
        container = container_of(spec)
        assert container["command"] == ["vllm", "serve"]
        assert container["args"] == [
            "Qwen/Qwen2.5-7B-Instruct",
            "--revision=a09a354",
            "--served-model-name=qwen",
            "--port=8000",
            "--tensor-parallel-size=4",
            "--pipeline-parallel-size=2",
            "--max-model-len=8192",
            "--shutdown-timeout=90",
            "--kv-cache-dtype=fp8",
        ]

    def test_left_out_the_context_is_what_fits(self) -> None:
        args = container_of(VLLM)["args"]
        assert "--max-model-len=auto" in args
        assert not [each for each in args if each.startswith(("--revision", "--served-model-name"))]

    def test_everything_it_writes_is_on_volumes(self) -> None:
        container = container_of(VLLM)
        env = {each["name"]: each.get("value") for each in container["env"]}
        mounts = {each["mountPath"] for each in container["volumeMounts"]}
        assert mounts == {"/tmp", "/cache", "/dev/shm"}
        assert {env["HOME"], env["HF_HOME"], env["VLLM_CACHE_ROOT"]} == {
            "/cache",
            "/cache/huggingface",
            "/cache/vllm",
        }
        assert env["USER"] == "vllm"
        assert env["VLLM_NO_USAGE_STATS"] == "1"

    def test_shared_memory_is_memory(self) -> None:
        volumes = {each["name"]: each["emptyDir"] for each in pod_of(replace(VLLM, pool="h100", gpus=8))["volumes"]}
        assert volumes["shared-memory"] == {"medium": "Memory", "sizeLimit": "16Gi"}

    def test_the_probes_ask_health(self) -> None:
        container = container_of(VLLM)
        for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
            assert container[probe]["httpGet"] == {"path": "/health", "port": "http"}

    def test_the_budget_reaches_the_probe_vllm_itself_and_the_deployment(self) -> None:
        spec = deployment_of(replace(VLLM, startup_timeout_seconds=1200))
        (container,) = spec["template"]["spec"]["containers"]
        env = {each["name"]: each.get("value") for each in container["env"]}
        assert container["startupProbe"]["failureThreshold"] * container["startupProbe"]["periodSeconds"] == 1200
        assert env["VLLM_ENGINE_READY_TIMEOUT_S"] == "1200"
        assert spec["progressDeadlineSeconds"] > 1200

    def test_it_drains_before_it_is_killed(self) -> None:
        pod = pod_of(replace(VLLM, drain_seconds=120))
        pre_stop = pod["containers"][0]["lifecycle"]["preStop"]["sleep"]["seconds"]
        assert pre_stop >= 5
        assert pod["terminationGracePeriodSeconds"] >= pre_stop + 120 + 15

    def test_a_token_is_a_secret_variable(self) -> None:
        spec = replace(VLLM, model=ModelSpec(huggingface="a/b", token_secret="hf"))
        (token,) = (each for each in container_of(spec)["env"] if each["name"] == "HF_TOKEN")
        assert token["valueFrom"]["secretKeyRef"] == {"name": f"chat-hf{AUTO_NAME_SUFFIX}", "key": "value"}

    def test_variables_of_the_spec_win(self) -> None:
        env = container_of(replace(VLLM, env={"HF_HOME": "/elsewhere"}))["env"]
        assert [each["value"] for each in env if each["name"] == "HF_HOME"] == ["/elsewhere"]


class TestContainer:
    def test_ports_probes_and_arguments(self) -> None:
        container = container_of(
            replace(OWN, runtime=own(live_path="/live", command=["serve"], args=["--fast"], metrics_path="/m"))
        )
        assert container["ports"] == [{"name": "http", "containerPort": 8080}]
        assert container["readinessProbe"]["httpGet"] == {"path": "/ok", "port": "http"}
        assert container["livenessProbe"]["httpGet"] == {"path": "/live", "port": "http"}
        assert (container["command"], container["args"]) == (["serve"], ["--fast"])

    def test_without_a_path_liveness_is_an_open_port(self) -> None:
        assert container_of(OWN)["livenessProbe"]["tcpSocket"] == {"port": "http"}

    def test_a_metrics_port_of_its_own_is_named_and_served(self) -> None:
        recorded = service(replace(OWN, runtime=own(metrics_path="/m", metrics_port=9090)), monitored=True)
        assert recorded.one("Service").inputs["spec"]["ports"] == [
            {"name": "http", "port": 80, "targetPort": "http", "appProtocol": "http"},
            {"name": "metrics", "port": 9090, "targetPort": "metrics", "appProtocol": "http"},
        ]
        assert read_at(recorded) == ("metrics", "/m")

    def test_without_metrics_nothing_is_monitored(self) -> None:
        assert read_at(service(OWN, monitored=True)) == (None, None)


class TestUpdates:
    def test_none_is_missing_during_an_update(self) -> None:
        assert deployment_of(OWN)["strategy"] == {
            "type": "RollingUpdate",
            "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0},
        }

    def test_without_surge_one_ends_before_its_successor(self) -> None:
        update = deployment_of(replace(OWN, surge=0))["strategy"]["rollingUpdate"]
        assert update == {"maxSurge": 0, "maxUnavailable": 1}

    @pytest.mark.parametrize(("replicas", "surge", "starts"), [(1, 1, 1), (3, 1, 3), (3, 2, 2), (2, 0, 2)])
    def test_pulumi_waits_for_as_many_starts_as_an_update_has(self, replicas: int, surge: int, starts: int) -> None:
        spec = replace(OWN, replicas=replicas, surge=surge, startup_timeout_seconds=600)
        timeouts = service(spec).one("Deployment").timeouts
        assert (timeouts["create"], timeouts["update"]) == (f"{900 + starts * 600}s", f"{900 + starts * 600}s")

    def test_pulumi_waits_for_pods_that_drain_before_it_gives_a_delete_up(self) -> None:
        recorded = service(replace(OWN, drain_seconds=3600))
        assert int(recorded.one("Deployment").timeouts["delete"].removesuffix("s")) > 3600 + 600

    def test_a_disruption_takes_one_at_a_time_and_never_blocks_a_drain(self) -> None:
        spec = service(OWN).one("PodDisruptionBudget").inputs["spec"]
        assert spec["maxUnavailable"] == 1
        assert spec["unhealthyPodEvictionPolicy"] == "AlwaysAllow"
        assert "minAvailable" not in spec

    def test_pods_start_inside_of_the_rules(self) -> None:
        def program() -> None:
            workspace = Workspace("chat", bare_cluster(), WorkspaceSpec(quota=QuotaSpec(cpus=9)))
            ModelService("assistant", workspace, OWN)

        recorded = run(program)
        waits_for = recorded.one("Deployment").depends_on
        assert {recorded.one("NetworkPolicy").urn, recorded.one("ResourceQuota").urn} <= waits_for


class TestAutoscaling:
    def test_the_autoscaler_owns_the_replicas(self) -> None:
        assert "replicas" not in deployment_of(SCALED)
        assert deployment_of(replace(OWN, replicas=3))["replicas"] == 3
        assert deployment_of(OWN)["replicas"] == 1

    def test_a_number_from_before_the_autoscaler_is_left_alone(self) -> None:
        assert service(SCALED).one("Deployment").ignore_changes == ["spec.replicas"]
        assert service(OWN).one("Deployment").ignore_changes == []

    def test_it_scales_the_deployment_by_its_generated_name(self) -> None:
        spec = service(SCALED).one("HorizontalPodAutoscaler").inputs["spec"]
        assert spec["scaleTargetRef"] == {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "name": f"chat-assistant{AUTO_NAME_SUFFIX}",
        }
        assert (spec["minReplicas"], spec["maxReplicas"]) == (2, 6)
        (metric,) = spec["metrics"]
        assert metric["resource"] == {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 60}}

    def test_both_targets_are_two_metrics(self) -> None:
        target = TargetSpec(cpu_percent=60, memory_percent=80)
        spec = replace(OWN, autoscaling=AutoscalingSpec(max_replicas=2, target=target))
        metrics = service(spec).one("HorizontalPodAutoscaler").inputs["spec"]["metrics"]
        assert [each["resource"]["name"] for each in metrics] == ["cpu", "memory"]

    @pytest.mark.parametrize(("startup_seconds", "window"), [(60, 300), (1800, 1800), (7200, 3600)])
    def test_replicas_are_kept_at_least_as_long_as_a_start_takes(self, startup_seconds: int, window: int) -> None:
        spec = service(replace(SCALED, startup_timeout_seconds=startup_seconds))
        behavior = spec.one("HorizontalPodAutoscaler").inputs["spec"]["behavior"]
        assert behavior["scaleDown"]["stabilizationWindowSeconds"] == window
        assert behavior["scaleUp"]["stabilizationWindowSeconds"] == 0

    def test_where_nothing_measures_it_says_so(self) -> None:
        messages = service(SCALED, traits=ClusterTraits(metrics_api_available=False)).messages
        assert messages == ["autoscaling has no effect: the cluster does not serve metrics.k8s.io"]

    def test_where_it_is_measured_or_simulated_it_says_nothing(self) -> None:
        def program() -> None:
            simulated = {name: replace(pool, runs_containers=False) for name, pool in POOLS.items()}
            cluster = bare_cluster(simulated, ClusterTraits(metrics_api_available=False))
            ModelService("assistant", Workspace("chat", cluster, WorkspaceSpec()), SCALED)

        assert service(SCALED).messages == []
        assert run(program).messages == []


class TestMonitoring:
    def test_prometheus_reads_the_service_and_no_other(self) -> None:
        recorded = service(VLLM, monitored=True)
        selector = recorded.one("ServiceMonitor").inputs["spec"]["selector"]
        labels = recorded.one("Service").inputs["metadata"]["labels"]
        assert selector["matchLabels"].items() <= labels.items()
        assert {each["key"] for each in selector["matchExpressions"]} <= labels.keys()
        assert read_at(recorded) == ("http", "/metrics")

    def test_without_a_prometheus_nothing_says_that_it_is_read(self) -> None:
        assert read_at(service(VLLM)) == (None, None)


class TestRefused:
    @pytest.mark.parametrize(
        ("name", "spec", "path"),
        [
            ("assistant", replace(VLLM, gpus=3, pool="h100"), "assistant.gpus"),
            ("assistant", replace(OWN, pool="a100"), "assistant.pool"),
            ("assistant", replace(OWN, env_from_secrets={"A": "none"}), "assistant.env_from_secrets.A"),
            ("assistant", replace(OWN, replicas=0), "assistant.replicas"),
            ("a" * 39, OWN, "a" * 39),
            ("Assistant", OWN, "Assistant"),
        ],
    )
    def test_what_cannot_work_registers_nothing(self, name: str, spec: ModelServiceSpec, path: str) -> None:
        def program() -> None:
            ModelService(name, Workspace("chat", bare_cluster(), WorkspaceSpec()), spec)

        assert [problem.path for problem in refused(program, TYPE).problems] == [path]

    def test_every_problem_is_reported_at_once(self) -> None:
        broken = replace(VLLM, gpus=3, pool="h100", env_from_secrets={"A": "none"})

        def program() -> None:
            ModelService("a" * 40, Workspace("chat", bare_cluster(), WorkspaceSpec()), broken)

        assert len(refused(program, TYPE).problems) == 3

    def test_the_longest_name_is_accepted(self) -> None:
        def program() -> None:
            ModelService("a" * 38, Workspace("chat", bare_cluster(), WorkspaceSpec()), OWN)

        assert len(run(program).of("Deployment")) == 1

    def test_a_secret_in_an_image_reference_is_no_reason_to_fail(self) -> None:
        def program() -> None:
            image = pulumi.Output.secret("registry.example.org/built:1")
            runtime = RuntimeSpec(container=ContainerSpec(image=image, port=8080, ready_path="/ok"))
            ModelService("a", Workspace("chat", bare_cluster(), WorkspaceSpec()), replace(OWN, runtime=runtime))

        (container,) = run(program).one("Deployment").inputs["spec"]["template"]["spec"]["containers"]
        assert container["image"] == "registry.example.org/built:1"
