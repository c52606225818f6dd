import json
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pulumi
import pytest

from modelyard.kube.containers import Container
from modelyard.kube.pods import Pod, pod_template
from modelyard.serving.deployment import server_pod
from modelyard.serving.scope import ServiceScope
from modelyard.serving.spec import ModelServiceSpec
from modelyard.serving.verify import NotRunning, Running, make_verification, version_of
from modelyard.serving.verify_spec import VerifyRequestSpec, VerifySpec
from modelyard.workspace.container_spec import SidecarSpec
from modelyard.workspace.spec import SecretSpec, WorkspaceSpec
from modelyard.workspace.workspace import Workspace
from tests.support.clusters import bare_cluster
from tests.support.mocks import Recorded, Registration, run, value_of
from tests.unit.serving.test_spec import OWN, VLLM

VERIFY = VerifySpec(requests=[VerifyRequestSpec(path="/predict")])
KEYED = VerifySpec(
    requests=[VerifyRequestSpec(path="/predict", headers={"authorization": "Bearer $(KEY)"})],
    env_from_secrets={"KEY": "hf"},
)


def made(
    verify: VerifySpec = VERIFY, spec: ModelServiceSpec = OWN, *, runs: bool = True, version: str = "1"
) -> Recorded:
    def program() -> None:
        workspace = Workspace("chat", bare_cluster(), WorkspaceSpec(secrets={"hf": SecretSpec(from_="config/hf")}))
        parent = pulumi.ComponentResource("test:index:Service", "service")
        scope = ServiceScope(name="assistant", workspace=workspace, parent=parent)
        (variant,) = spec.variants
        server = spec.server("assistant")
        how = (
            [Running(variant=variant, url="http://assistant.chat.svc", version=version)]
            if runs
            else NotRunning(variant=variant, pod=server_pod(scope, variant, server), port=server.port)
        )
        make_verification(scope, verify, how)

    return run(program, secrets={"modelyard:hf": "hidden"})


def job(verify: VerifySpec = VERIFY, spec: ModelServiceSpec = OWN, **how: Any) -> Registration:
    return made(verify, spec, **how).one("Job")


def pod_of(registered: Registration) -> dict[str, Any]:
    return registered.inputs["spec"]["template"]["spec"]


class TestJob:
    def test_it_runs_once_and_says_why_it_failed(self) -> None:
        spec = job().inputs["spec"]
        assert (spec["completions"], spec["parallelism"], spec["backoffLimit"]) == (1, 1, 0)
        assert pod_of(job())["restartPolicy"] == "Never"
        (container,) = pod_of(job())["containers"]
        assert container["terminationMessagePolicy"] == "FallbackToLogsOnError"

    def test_a_lost_node_is_no_failure_and_a_wrong_answer_is(self) -> None:
        (rule,) = job().inputs["spec"]["podFailurePolicy"]["rules"]
        assert rule["action"] == "Ignore"
        assert rule["onPodConditions"] == [{"type": "DisruptionTarget", "status": "True"}]

    def test_it_stays_when_it_has_succeeded_and_runs_again_when_it_has_failed(self) -> None:
        assert "ttlSecondsAfterFinished" not in job().inputs["spec"]
        assert job().inputs["metadata"]["annotations"] == {"pulumi.com/replaceUnready": "true"}

    def test_its_successor_is_made_before_it_goes(self) -> None:
        assert "name" not in job().inputs["metadata"]
        assert job().deleted_first is None

    def test_its_pod_is_not_one_of_the_services(self) -> None:
        labels = job().inputs["spec"]["template"]["metadata"]["labels"]
        assert labels["app.kubernetes.io/component"] == "verification"
        assert labels["app.kubernetes.io/name"] == "assistant"
        assert labels["modelyard.dev/variant"] == "main"

    def test_the_update_waits_as_long_as_it_may_take(self) -> None:
        assert job().inputs["spec"]["activeDeadlineSeconds"] == 900 + 300
        assert job().timeouts == {"create": "1320s"}
        with_server = job(runs=False)
        assert with_server.inputs["spec"]["activeDeadlineSeconds"] == 900 + 300 + OWN.startup_seconds
        assert with_server.timeouts == {"create": f"{1320 + OWN.startup_seconds}s"}
        slow = replace(OWN, sidecars=[SidecarSpec(image="a:1", port=6565, ready_path="/")])
        more = job(spec=slow, runs=False).inputs["spec"]["activeDeadlineSeconds"]
        assert more == 900 + 300 + slow.startup_seconds + slow.sidecar_startup_seconds
        assert slow.sidecar_startup_seconds > 0

    def test_another_version_or_verification_is_another_pod(self) -> None:
        first = job().inputs["spec"]["template"]
        assert job().inputs["spec"]["template"] == first
        other = replace(VERIFY, timeout_seconds=10)
        assert job(version="2").inputs["spec"]["template"] != first
        assert job(other).inputs["spec"]["template"] != first


class TestProgram:
    def test_it_gets_the_url_and_the_plan(self) -> None:
        (container,) = pod_of(job())["containers"]
        assert container["command"][:3] == ["python3", "-I", "-c"]
        assert "def main(" in container["command"][3]
        plan, url = container["args"]
        assert url == "http://assistant.chat.svc"
        assert json.loads(plan)["requests"][0]["path"] == "/predict"

    def test_kubernetes_replaces_nothing_in_it(self) -> None:
        (container,) = pod_of(job(KEYED))["containers"]
        assert not [text for text in (*container["command"], *container["args"]) if re.search(r"\$\(|\$\$", text)]

    def test_a_secret_is_a_variable_and_no_argument(self) -> None:
        (container,) = pod_of(job(KEYED))["containers"]
        (variable,) = (each for each in container["env"] if each["name"] == "KEY")
        assert variable["valueFrom"]["secretKeyRef"]["key"] == "value"
        assert "hidden" not in json.dumps(container)

    def test_it_takes_no_gpu_and_little_else(self) -> None:
        (container,) = pod_of(job(spec=VLLM))["containers"]
        assert container["resources"] == {"requests": {"cpu": "100m", "memory": "128Mi"}, "limits": {"memory": "128Mi"}}

    def test_it_is_sent_from_the_services_pool_or_another(self) -> None:
        assert pod_of(job(spec=VLLM))["nodeSelector"] == {"modelyard.dev/pool": "l4"}
        elsewhere = replace(VERIFY, pool="system")
        assert pod_of(job(elsewhere, VLLM))["nodeSelector"] == {"modelyard.dev/pool": "system"}
        assert pod_of(job(elsewhere, VLLM, runs=False))["nodeSelector"] == {"modelyard.dev/pool": "l4"}


class TestBesideTheServer:
    def test_the_server_starts_first_and_is_asked_at_its_port(self) -> None:
        pod = pod_of(job(spec=VLLM, runs=False))
        (server,) = pod["initContainers"]
        assert (server["name"], server["restartPolicy"]) == ("server", "Always")
        assert server["startupProbe"]["httpGet"]["path"] == "/health"
        assert server["resources"]["requests"]["nvidia.com/gpu"] == "1"
        (checker,) = pod["containers"]
        assert checker["name"] == "verify-requests"
        assert checker["args"][1:] == ["http://localhost:8000"]
        assert "nvidia.com/gpu" not in checker["resources"]["requests"]

    def test_the_job_does_not_wait_for_clients_that_the_server_has_not(self) -> None:
        (server,) = pod_of(job(spec=VLLM, runs=False))["initContainers"]
        assert "lifecycle" not in server

    def test_every_folder_that_a_container_sees_is_there(self) -> None:
        pod = pod_of(job(spec=VLLM, runs=False))
        volumes = {each["name"] for each in pod["volumes"]}
        seen = {
            mount["name"] for each in (*pod["initContainers"], *pod["containers"]) for mount in each["volumeMounts"]
        }
        assert seen <= volumes

    def test_it_keeps_what_the_server_needs_of_its_pod(self) -> None:
        pod = pod_of(job(spec=VLLM, runs=False))
        assert pod["nodeSelector"] == {"modelyard.dev/pool": "l4"}
        assert pod["terminationGracePeriodSeconds"] > 60

    def test_a_claim_to_devices_is_the_servers_too(self) -> None:
        server = Container(name="server", image="a:1", claims_devices=True)
        plain = replace(server, name="other", claims_devices=False)
        pod = Pod(
            container=Container(name="verify", image="b:1"),
            service_account="workload",
            claims={"gpus": "template"},
            sidecars=[server, plain],
        )
        spec: Any = pod_template(pod, {}).spec
        first, second = spec.init_containers
        assert [each.name for each in first.resources.claims] == ["gpus"]
        assert second.resources.claims is None


class TestVersion:
    def of(self, make: Callable[[], Pod]) -> str:
        versions: list[str] = []

        def program() -> None:
            value_of(version_of(pod_template(make(), {"a": "b"})), versions)

        run(program)
        (version,) = versions
        return version

    def test_it_is_the_same_for_the_same_pods(self) -> None:
        def pod() -> Pod:
            container = Container(name="server", image="a:1", env={"NAME": pulumi.Output.from_input("x")})
            return Pod(container=container, service_account=pulumi.Output.from_input("workload"))

        assert re.fullmatch("[0-9a-f]{16}", self.of(pod))
        assert self.of(pod) == self.of(pod)

    @pytest.mark.parametrize(
        "change",
        [
            {"image": "a:2"},
            {"image": pulumi.Output.from_input("a:2")},
            {"env": {"NAME": "y"}},
            {"args": ["--more"]},
            {"limits": {"memory": "2Gi"}},
        ],
    )
    def test_it_is_another_for_other_pods(self, change: dict[str, Any]) -> None:
        first = Container(name="server", image="a:1")
        other = replace(first, **change)
        assert self.of(lambda: Pod(container=first, service_account="workload")) != self.of(
            lambda: Pod(container=other, service_account="workload")
        )
