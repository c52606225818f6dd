"""Services whose pods KServe makes: what is refused, and the InferenceService that a service becomes."""

import json
from dataclasses import replace
from typing import Any, ClassVar

import pytest

from modelyard.cluster.traits import ClusterTraits
from modelyard.errors import ConfigError
from modelyard.observability.monitoring import Monitoring
from modelyard.observability.spec import MetricsSpec
from modelyard.platform.kserve import KServe
from modelyard.serving.autoscaling_spec import AutoscalingSpec, TargetSpec
from modelyard.serving.model_service import ModelService
from modelyard.serving.release_spec import BlueGreenSpec, ReleaseSpec, VariantSpec
from modelyard.serving.spec import ModelServiceSpec
from modelyard.serving.verify_spec import VerifyRequestSpec, VerifySpec
from modelyard.stack.ml_stack import MLStack
from modelyard.stack.spec import load_stack
from modelyard.workspace.container_spec import InitContainerSpec, SidecarSpec
from modelyard.workspace.spec import WorkspaceSpec
from modelyard.workspace.workspace import Workspace
from tests.support.clusters import POOLS, bare_cluster
from tests.support.mocks import AUTO_NAME_SUFFIX, Recorded, refused, run
from tests.support.problems import problems_of
from tests.support.stacks import stack
from tests.unit.serving.test_groups import WIDE
from tests.unit.serving.test_spec import OWN, VLLM, own

TYPE = "modelyard:serving:ModelService"
KSERVED = replace(OWN, backend="kserve")
SCALED = replace(
    KSERVED, autoscaling=AutoscalingSpec(min_replicas=2, max_replicas=6, target=TargetSpec(cpu_percent=60))
)
BLUE_GREEN = ReleaseSpec(blue_green=BlueGreenSpec(live="blue", green=VariantSpec(image="a/b:2")))
VERIFY = VerifySpec(requests=[VerifyRequestSpec(path="/ok")])
SIMULATED = {name: replace(pool, runs_containers=False) for name, pool in POOLS.items()}


def problems(spec: ModelServiceSpec) -> list[str]:
    return [str(each) for each in problems_of(spec)]


@pytest.mark.parametrize(
    ("spec", "line", "near"),
    [
        (
            replace(WIDE, backend="kserve"),
            (
                "backend: KServe makes groups of pods for its own runtimes only, and a replica would be one; "
                "leave backend out, or use the GPUs of one node"
            ),
            replace(WIDE, backend="kserve", gpus=8, runtime=VLLM.runtime),
        ),
        (
            replace(KSERVED, release=replace(BLUE_GREEN, verify=VERIFY)),
            (
                "release.verify: would ask a version while KServe still replaces its pods, as an update does not wait "
                "for their end; verify a rolling update, or leave backend out"
            ),
            replace(KSERVED, release=ReleaseSpec(verify=VERIFY)),
        ),
        (
            replace(KSERVED, env={"PYTHONPATH": "/app"}),
            "env.PYTHONPATH: KServe refuses it in every container; use another name, or leave backend out",
            replace(KSERVED, env={"PYTHONHASHSEED": "0"}),
        ),
        (
            replace(KSERVED, sidecars=[SidecarSpec(image="a/b:1", env={"PYTHONPATH": "/app"})]),
            "sidecars[0].env.PYTHONPATH: KServe refuses it in every container; use another name, or leave backend out",
            # The variables that KServe reads are the server's.
            replace(KSERVED, sidecars=[SidecarSpec(image="a/b:1", env={"STORAGE_URI": "s3://a/b"})]),
        ),
        (
            replace(KSERVED, env_from_secrets={"STORAGE_URI": "where"}),
            (
                "env_from_secrets.STORAGE_URI: KServe would download a model from there, into a folder that the server "
                "does not read; use another name, or leave backend out"
            ),
            replace(KSERVED, env_from_secrets={"STORAGE_URL": "where"}),
        ),
        (
            replace(KSERVED, env={"PROTOCOL": "http"}),
            (
                "env.PROTOCOL: KServe takes it for the server's protocol, and refuses any but v1 and v2; "
                "use another name, or leave backend out"
            ),
            replace(KSERVED, env={"PROTOCOL": "v2"}),
        ),
        (
            replace(KSERVED, init_containers=[InitContainerSpec(image="a/b:1", name="kserve-container")]),
            (
                "init_containers[0].name: kserve-container is what KServe calls the container of the server; "
                "choose another"
            ),
            replace(KSERVED, init_containers=[InitContainerSpec(image="a/b:1", name="server-before")]),
        ),
        (
            replace(
                KSERVED,
                release=ReleaseSpec(blue_green=BlueGreenSpec(live="blue", green=VariantSpec(env={"PROTOCOL": "x"}))),
            ),
            (
                "release.blue_green.green.env.PROTOCOL: KServe takes it for the server's protocol, and refuses any but "
                "v1 and v2; use another name, or leave backend out"
            ),
            replace(KSERVED, release=BLUE_GREEN),
        ),
    ],
)
def test_what_kserve_cannot_have_is_refused(spec: ModelServiceSpec, line: str, near: ModelServiceSpec) -> None:
    assert problems(spec) == [line]
    assert problems(near) == []


def test_a_secret_called_v2_is_no_protocol() -> None:
    [line] = problems(replace(KSERVED, env_from_secrets={"PROTOCOL": "v2"}))
    assert line.startswith("env_from_secrets.PROTOCOL: KServe takes it for the server's protocol")


def test_all_of_it_is_accepted_without_kserve() -> None:
    env = {"PYTHONPATH": "/app", "STORAGE_URI": "s3://a/b", "PROTOCOL": "http"}
    assert problems(replace(OWN, env=env, release=replace(BLUE_GREEN, verify=VERIFY))) == []


def program(
    spec: ModelServiceSpec,
    *,
    name: str = "fraud",
    workspace: str = "chat",
    charts: bool = True,
    simulated: bool = False,
    monitored: bool = False,
) -> Any:
    def make() -> None:
        cluster = bare_cluster(SIMULATED if simulated else POOLS, ClusterTraits(charts_installed=charts))
        kserve = KServe("kserve", cluster)
        monitoring = Monitoring("metrics", cluster, MetricsSpec()) if monitored else None
        ModelService(name, Workspace(workspace, cluster, WorkspaceSpec()), spec, kserve=kserve, monitoring=monitoring)

    return make


def made(spec: ModelServiceSpec = KSERVED, **settings: Any) -> Recorded:
    return run(program(spec, **settings))


def predictor(recorded: Recorded) -> dict[str, Any]:
    return dict(recorded.one("InferenceService").inputs["spec"]["predictor"])


class TestTheObject:
    def test_it_takes_the_place_of_the_deployment(self) -> None:
        under = made().under(TYPE)
        kinds = sorted(each.type.rsplit(":", 1)[1] for each in under if each.type != TYPE)
        assert kinds == ["InferenceService", "PodDisruptionBudget", "Service"]

    def test_its_pods_are_those_of_a_deployment(self) -> None:
        """But for the container's name and its limit of CPUs."""
        plain = run(lambda: ModelService("fraud", Workspace("chat", bare_cluster(), WorkspaceSpec()), OWN))
        template = plain.one("Deployment").inputs["spec"]["template"]
        has = predictor(made())
        [container], [expected] = has["containers"], template["spec"]["containers"]
        assert container["name"] == has["annotations"]["kubectl.kubernetes.io/default-container"] == "kserve-container"
        assert container["resources"]["limits"].pop("cpu") == "15890m"
        assert {**container, "name": "server"} == expected
        assert {**has, "containers": template["spec"]["containers"]}.items() >= template["spec"].items()
        assert has["labels"] == template["metadata"]["labels"]
        assert has.keys() - template["spec"].keys() == {"labels", "annotations", "deploymentStrategy", "minReplicas"}

    def test_kserve_writes_no_limit_of_one_cpu(self) -> None:
        """It does where there is none, and a pod that asks for more could not be made."""
        limited = replace(KSERVED, cpus=2, cpu_limit=4)
        [container] = predictor(made(limited))["containers"]
        assert container["resources"]["limits"]["cpu"] == "4"
        [container] = predictor(made(replace(VLLM, backend="kserve")))["containers"]
        limit = float(container["resources"]["limits"]["cpu"].removesuffix("m")) / 1000
        assert limit == pytest.approx(POOLS["l4"].allocatable_cpus, abs=0.001)

    def test_it_is_plain_kubernetes_and_open_to_nobody_outside(self) -> None:
        metadata = made().one("InferenceService").inputs["metadata"]
        assert metadata["annotations"]["serving.kserve.io/deploymentMode"] == "Standard"
        assert metadata["labels"]["networking.kserve.io/visibility"] == "cluster-local"
        assert metadata["labels"]["app.kubernetes.io/instance"] == "chat-fraud"

    @pytest.mark.parametrize(("surge", "expected"), [(2, (2, 0)), (0, (0, 1))])
    def test_an_update_misses_no_replica_where_there_is_room(self, surge: int, expected: tuple[int, int]) -> None:
        strategy = predictor(made(replace(KSERVED, surge=surge)))["deploymentStrategy"]
        assert strategy["type"] == "RollingUpdate"
        assert (strategy["rollingUpdate"]["maxSurge"], strategy["rollingUpdate"]["maxUnavailable"]) == expected

    def test_it_waits_where_kserve_runs_and_nowhere_else(self) -> None:
        def waits(**settings: Any) -> str | None:
            annotations = made(**settings).one("InferenceService").inputs["metadata"]["annotations"]
            return annotations.get("pulumi.com/waitFor")

        assert waits() == "condition=Ready"
        assert waits(simulated=True) is None
        assert waits(simulated=True, charts=False) is None

    def test_it_has_the_time_of_a_deployment(self) -> None:
        plain = run(lambda: ModelService("fraud", Workspace("chat", bare_cluster(), WorkspaceSpec()), OWN))
        assert made().one("InferenceService").timeouts == plain.one("Deployment").timeouts

    def test_each_version_is_one(self) -> None:
        recorded = made(replace(KSERVED, release=BLUE_GREEN))
        labels = {
            each.name: each.inputs["spec"]["predictor"]["labels"]["modelyard.dev/variant"]
            for each in recorded.of("InferenceService")
        }
        assert labels == {"chat-fraud": "main", "chat-fraud-green": "green"}
        [live] = (each for each in recorded.of("Service") if each.inputs["metadata"]["name"] == "fraud")
        assert live.inputs["spec"]["selector"]["modelyard.dev/variant"] == "main"


class TestTheNumber:
    def test_a_fixed_one_is_the_inference_services(self) -> None:
        recorded = made(replace(KSERVED, replicas=3))
        assert predictor(recorded)["minReplicas"] == 3
        annotations = recorded.one("InferenceService").inputs["metadata"]["annotations"]
        assert annotations["serving.kserve.io/autoscalerClass"] == "none"

    def test_an_autoscaler_of_ours_scales_what_kserve_makes(self) -> None:
        recorded = made(SCALED)
        assert not {"minReplicas", "maxReplicas", "scaleTarget", "scaleMetric"} & predictor(recorded).keys()
        annotations = recorded.one("InferenceService").inputs["metadata"]["annotations"]
        assert annotations["serving.kserve.io/autoscalerClass"] == "external"
        scaler = recorded.one("HorizontalPodAutoscaler").inputs["spec"]
        assert scaler["scaleTargetRef"] == {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "name": f"chat-fraud{AUTO_NAME_SUFFIX}-predictor",
        }
        assert recorded.one("InferenceService").ignore_changes == []

    def test_the_output_is_the_deployment_that_kserve_makes(self) -> None:
        [outputs] = (each for urn, each in made().component_outputs.items() if TYPE in urn)
        assert outputs["deployment_name"] == f"chat-fraud{AUTO_NAME_SUFFIX}-predictor"


class TestMetrics:
    def test_kserves_own_service_is_not_read_too(self) -> None:
        """It carries the labels of the InferenceService, and every value would be there twice."""
        recorded = made(replace(KSERVED, runtime=own(metrics_path="/metrics")), monitored=True)
        assert "modelyard.dev/metrics" not in recorded.one("InferenceService").inputs["metadata"]["labels"]
        service = recorded.one("kubernetes:core/v1:Service").inputs["metadata"]
        assert service["labels"]["modelyard.dev/metrics"] == "http"


class TestNames:
    def test_they_leave_room_for_what_kserve_makes_of_them(self) -> None:
        workspace, service = "w" * 20, "s" * 20
        recorded = made(name=service, workspace=workspace)
        name = recorded.one("InferenceService").name + AUTO_NAME_SUFFIX
        assert name.startswith("wwwww")
        assert len(f"{name}-predictor-{workspace}") == 63
        assert len(f"isvc.{name}-predictor") <= 63

    def test_a_short_one_stays_as_it_is(self) -> None:
        assert made().one("InferenceService").name == "chat-fraud"

    def test_a_workspace_that_leaves_no_room_is_refused(self) -> None:
        error = refused(program(KSERVED, workspace="w" * 32), TYPE)
        assert [str(each) for each in error.problems] == [
            (
                f"fraud.backend: KServe makes a host name of '{'w' * 32}' and a name, for which 11 characters are "
                "left; shorten the workspace's name, or leave backend out"
            ),
        ]
        assert made(workspace="w" * 31).one("InferenceService")


class TestWhereKserveIs:
    def test_the_kind_is_known_before_its_objects(self) -> None:
        recorded = made(charts=False, simulated=True)
        assert recorded.one("CustomResourceDefinition").urn in recorded.one("InferenceService").depends_on

    def test_containers_that_nobody_would_run_are_refused(self) -> None:
        error = refused(program(KSERVED, charts=False), TYPE)
        assert [str(each) for each in error.problems] == [
            (
                "fraud.backend: the cluster installs no charts and has no KServe, so that nothing would make the "
                "service's pods; leave backend out on this cluster, or use a pool of simulated nodes"
            ),
        ]

    def test_it_is_refused_where_nobody_says_that_there_is_one(self) -> None:
        def alone() -> None:
            ModelService("fraud", Workspace("chat", bare_cluster(), WorkspaceSpec()), KSERVED)

        assert [str(each) for each in refused(alone, TYPE).problems] == [
            (
                "fraud.backend: needs KServe, and nothing is given that says that the cluster has it; "
                "pass kserve=KServe(NAME, CLUSTER), made once for the cluster"
            ),
        ]


FRAUD = "workspaces.chat.services.fraud"


class TestInAStack:
    ASKED: ClassVar[dict[str, Any]] = {f"{FRAUD}.backend": "kserve"}

    def said(self, changes: dict[str, Any]) -> list[str]:
        try:
            load_stack(json.dumps(stack(changes)))
        except ConfigError as error:
            return [str(each) for each in error.problems]
        return []

    def test_the_stack_says_that_the_cluster_has_it(self) -> None:
        assert self.said(self.ASKED) == [
            (
                f"{FRAUD}.backend: needs KServe on the cluster, which is not installed here; install it yourself and "
                "say platform: {kserve_present: true}, or leave backend out"
            ),
        ]
        assert self.said({**self.ASKED, "platform.kserve_present": True}) == []

    def test_a_workspaces_name_is_told_before_anything_is_made(self) -> None:
        long = {"services": {"fraud": stack()["workspaces"]["chat"]["services"]["fraud"] | {"backend": "kserve"}}}
        long["services"]["fraud"] |= {"env_from_secrets": {}, "mounts": []}
        changes = {f"workspaces.{'w' * 32}": long, "platform.kserve_present": True}
        [line] = self.said(changes)
        assert line.startswith(f"workspaces.{'w' * 32}.services.fraud.backend: KServe makes a host name of")

    def test_it_is_there_once_a_service_needs_it(self) -> None:
        def kinds(changes: dict[str, Any]) -> list[str]:
            spec = load_stack(json.dumps(stack({"platform.kserve_present": True, **changes})))
            recorded = run(lambda: MLStack("test", spec), secrets={"modelyard:hf-token": "clear"})
            return [each.name for each in recorded.of("CustomResourceDefinition") if "inference" in each.name]

        assert kinds({}) == []
        assert kinds(self.ASKED) == ["kserve-inferenceservices"]
