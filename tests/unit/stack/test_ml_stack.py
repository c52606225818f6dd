"""The typed stack as one component: what it composes, what it gives out, and what it refuses from Python."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pulumi
import pytest

from modelyard import (
    ClusterSpec,
    ContainerSpec,
    ExistingSpec,
    LocalSpec,
    MLStack,
    ModelServiceSpec,
    PoolSpec,
    RuntimeSpec,
    StackOutputs,
    StackSpec,
    WorkspaceStackSpec,
)
from modelyard.component import ProgramConfigError
from modelyard.errors import ConfigError
from modelyard.stack.spec import load_stack
from tests.support.mocks import STACK, refused, run
from tests.support.stacks import stack

CONTAINER = ContainerSpec(image="registry.example.org/fraud:4.2.0", port=8080, ready_path="/ok")
OUTPUTS = ["cluster_name", "kubeconfig", "services", "service_ports", "routes", "gateway_address", "object_stores"]


@pytest.fixture(autouse=True)
def _no_cluster_of_this_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The local cluster looks for one that it made before."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))


Fields = dict[str, Any]


def built(*, pool: Fields | None = None, service: Fields | None = None, **stack_fields: Any) -> StackSpec:
    """A stack as a program without a type checker would build it."""
    pool_fields: Fields = {"cpus": 8, "memory_gib": 32, "max_nodes": 3, **(pool or {})}
    service_fields: Fields = {"runtime": RuntimeSpec(container=CONTAINER), "pool": "system", **(service or {})}
    fields: Fields = {
        "cluster": ClusterSpec(existing=ExistingSpec(context="on-prem")),
        "pools": {"system": PoolSpec(**pool_fields)},
        "workspaces": {"chat": WorkspaceStackSpec(services={"fraud": ModelServiceSpec(**service_fields)})},
    }
    return StackSpec(**(fields | stack_fields))


@pytest.mark.parametrize(
    ("spec", "line"),
    [
        (built(pool={"max_nodes": "2"}), "pools.system.max_nodes: '2' is not a whole number; write 2 without quotes"),
        (built(pool={"max_nodes": True}), "pools.system.max_nodes: True is not a whole number; write a whole number"),
        (built(pool={"max_nodes": 0}), "pools.system.max_nodes: 0 is below 1; use 1 or more"),
        (built(service={"replicas": 1.0}), ("workspaces.chat.services.fraud.replicas: 1.0 is not a whole number; "
         "write a whole number")),
        (built(service={"pool": "cpu"}), ("workspaces.chat.services.fraud.pool: 'cpu' is not a pool of this stack; "
         "use one of system")),
        (built(service={"runtime": {"container": CONTAINER}}), ("workspaces.chat.services.fraud.runtime: "
         f"{str({'container': CONTAINER})[:79]}… is not a RuntimeSpec; write RuntimeSpec(...)")),
        (built(cluster=ClusterSpec()), ("cluster: nothing is chosen; "
         "give exactly one of local, existing, eks, gke, aks")),
        (built(workspaces=[]), ("workspaces: [] is not a mapping of names to values; "
         "write a mapping of names to values")),
    ],
)  # fmt: skip
def test_python_is_refused_with_path_value_and_fix(spec: StackSpec, line: str) -> None:
    error = refused(lambda: MLStack("test", spec), "modelyard:stack:MLStack")
    assert str(error) == line
    # Pulumi shows a RunError as its message alone.
    assert isinstance(error, pulumi.RunError)


def test_the_same_in_python_passes() -> None:
    assert run(lambda: MLStack("test", built())).one("modelyard:stack:MLStack").name == "test"


def test_a_misspelt_keyword_is_a_type_error() -> None:
    with pytest.raises(TypeError, match="max_node"):
        built(pool={"max_node": 2})


def from_config(written: dict[str, Any]) -> Any:
    """A run of the program with this stack."""
    config = {"modelyard:stack": json.dumps(written)}
    return run(MLStack.from_config, config=config, secrets={"modelyard:hf-token": "clear"})


def test_every_block_becomes_a_component_below_the_stack() -> None:
    recorded = from_config(stack())
    (top,) = recorded.of("MLStack")
    assert top.name == STACK
    below = Counter(each.type.rsplit(":", 1)[1] for each in recorded.registrations if each.parent == top.urn)
    assert below == {"LocalCluster": 1, "Monitoring": 1, "Workspace": 1, "ModelService": 2, "BatchJob": 2,
                     "ScheduledJob": 1, "TrainingJob": 1}  # fmt: skip


def test_an_existing_cluster_takes_the_place_of_a_local_one() -> None:
    recorded = from_config(stack({"cluster": {"existing": {"context": "on-prem"}}}))
    assert (len(recorded.of("ExistingCluster")), len(recorded.of("LocalCluster"))) == (1, 0)
    assert recorded.one("pulumi:providers:kubernetes").inputs["context"] == "on-prem"


def test_every_object_goes_through_the_clusters_own_provider() -> None:
    recorded = from_config(stack())
    provider = recorded.one("pulumi:providers:kubernetes")
    objects = [each for each in recorded.registrations if each.type.startswith("kubernetes:")]
    assert len(objects) > 20
    assert {each.provider.rsplit("::", 1)[0] for each in objects} == {provider.urn}


def test_without_metrics_there_is_no_monitoring() -> None:
    recorded = from_config(stack({"observability": {}}))
    assert (recorded.of("Monitoring"), recorded.of("ServiceMonitor")) == ([], [])


def test_outputs_are_typed_and_the_kubeconfig_is_a_secret() -> None:
    seen: dict[str, Any] = {}
    secret: list[Any] = []

    async def is_secret(output: pulumi.Output[str]) -> bool:
        return await output.is_secret()

    def program() -> None:
        outputs = MLStack("test", built()).outputs
        outputs.cluster_name.apply(lambda name: seen.update(name=name))
        outputs.services.apply(lambda services: seen.update(services=services))
        secret.append(pulumi.Output.from_input(is_secret(outputs.kubeconfig)).apply(lambda it: seen.update(secret=it)))

    run(program)
    assert seen == {"name": "on-prem", "services": {"chat/fraud": "http://fraud.chat.svc"}, "secret": True}


def test_outputs_are_exported_under_their_own_names() -> None:
    exported: list[str] = []

    def program() -> None:
        MLStack("test", built()).outputs.export()
        root: Any = pulumi.runtime.get_root_resource()
        exported.extend(root.outputs)

    run(program)
    assert exported == OUTPUTS


def test_outputs_of_another_stack_are_found_by_the_same_names() -> None:
    asked: list[str] = []

    class Reference(pulumi.StackReference):
        def __init__(self) -> None:
            """Stand for another stack."""

        def require_output(self, name: pulumi.Input[str]) -> pulumi.Output[Any]:
            asked.append(str(name))
            return pulumi.Output.from_input(f"its {name}")

    names: list[str] = []
    run(lambda: StackOutputs.of(Reference()).cluster_name.apply(names.append))
    assert asked == OUTPUTS
    assert names == ["its cluster_name"]


def test_the_specs_of_the_two_doors_are_equal() -> None:
    text = json.dumps({
        "cluster": {"local": {}},
        "pools": {"system": {"cpus": 8, "memory_gib": 32}},
        "workspaces": {"chat": {"services": {"fraud": {"pool": "system", "runtime": {"container": {
            "image": "registry.example.org/fraud:4.2.0", "port": 8080, "ready_path": "/ok"}}}}}},
    })  # fmt: skip
    in_python = StackSpec(
        cluster=ClusterSpec(local=LocalSpec()),
        pools={"system": PoolSpec(cpus=8, memory_gib=32)},
        workspaces={
            "chat": WorkspaceStackSpec(
                services={"fraud": ModelServiceSpec(pool="system", runtime=RuntimeSpec(container=CONTAINER), surge=1)}
            )
        },
    )
    try:
        assert load_stack(text) == in_python
    except ConfigError as error:  # pragma: no cover - shows the lines
        pytest.fail(str(error))


def test_the_error_is_one_of_ours_and_pulumis() -> None:
    assert issubclass(ProgramConfigError, ConfigError)


def test_accelerators_get_what_their_pools_need() -> None:
    driven = {"accelerator": "l4", "max_nodes": 2, "driver": "operator"}
    changes = {"cluster": {"existing": {"context": "on-prem"}}, "pools.l4": driven}
    recorded = from_config(stack(changes))
    namespaces = {each.inputs["namespace"] for each in recorded.of("Release")}
    assert "gpu-operator" in namespaces
    assert recorded.one("Accelerators").parent == recorded.one("MLStack").urn


def test_where_nothing_is_needed_for_accelerators_nothing_is_made() -> None:
    assert from_config(stack({"cluster": {"existing": {"context": "on-prem"}}})).of("Accelerators") == []


def test_the_controller_of_groups_is_there_where_a_service_needs_it() -> None:
    wide = {
        "model": {"huggingface": "mistralai/Mixtral-8x22B-Instruct-v0.1"},
        "runtime": {"vllm": {"tensor_parallel": 8, "pipeline_parallel": 2}},
        "pool": "h100",
        "surge": 0,
    }

    def controllers(changes: dict[str, Any]) -> list[str]:
        spec = load_stack(json.dumps(stack(changes)))
        recorded = run(lambda: MLStack("test", spec), secrets={"modelyard:hf-token": "clear"})
        return [each.name for each in recorded.of("Operator") if "leader-worker-set" in each.name]

    assert controllers({}) == []
    assert controllers({"workspaces.chat.services.wide": wide}) == ["leader-worker-sets"]
    here = {"workspaces.chat.services.wide": wide, "platform.leader_worker_sets_present": True}
    assert controllers(here) == []


def test_argo_rollouts_is_there_where_a_release_is_automatic() -> None:
    automatic = {"steps": [{"weight_percent": 10, "pause_seconds": 300}], "analysis": {"success_percent": 99}}
    routed = {
        "platform.gateway": {},
        "workspaces.chat.services.fraud.route": {"path": "/fraud"},
    }
    released = {**routed, "workspaces.chat.services.fraud.release": {"automatic": automatic}}

    def made(changes: dict[str, Any], kind: str) -> list[str]:
        spec = load_stack(json.dumps(stack(changes)))
        recorded = run(lambda: MLStack("test", spec), secrets={"modelyard:hf-token": "clear"})
        return [each.name for each in recorded.of(kind) if "argo-rollouts" in each.name or kind != "Operator"]

    assert made(routed, "Operator") == []
    assert made(released, "Operator") == ["argo-rollouts"]
    assert made({**released, "platform.argo_rollouts_present": True}, "Operator") == []
    # The gateway is read once, whoever asks for what it counts.
    assert made(released, "PodMonitor") == ["argo-rollouts-gateway"]
    counted = {"min_replicas": 1, "max_replicas": 2, "target": {"requests_per_second": 2}}
    woken = {"workspaces.chat.services.assistant.autoscaling": counted, "workspaces.chat.services.assistant.route": {}}
    assert made({**released, **woken}, "PodMonitor") == ["keda-gateway"]
