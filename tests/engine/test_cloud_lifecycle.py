"""Each cloud's production stack through the real engine: made from nothing, kept, changed, upgraded, removed."""

import json
import sys
from collections import Counter
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import cast

import pytest

from modelyard.foresight.registered import registered
from modelyard.stack.file import check_file
from tests.engine.cloud_servers import CloudServers
from tests.engine.cloud_stack import Json, cloud_stacks, names, taints
from tests.engine.lifecycles import LIFECYCLES, AnyCloudStack, Lifecycle
from tests.engine.steps import assert_before, changed
from tests.support.engine import STACK
from tests.support.paths import ROOT
from tests.support.update import Result

pytestmark = [pytest.mark.engine, pytest.mark.timeout(900)]

SERVICE, TRAINING = "assistant", "finetune"
SDKS = {each.sdk for each in LIFECYCLES.values()}
IMPORTED = """
import sys

import pulumi

pulumi.log.info("imported: " + ",".join(sorted({name.partition(".")[0] for name in sys.modules})))
"""
WORKLOADS = "deployments,jobs,services,poddisruptionbudgets,networkpolicies,resourcequotas,serviceaccounts"
NAMESPACES = {"chat", "research", "monitoring"}
ANEW = ["create-replacement", "replace", "delete-replaced"]


@pytest.fixture(params=LIFECYCLES)
def life(request: pytest.FixtureRequest) -> Lifecycle:
    """What is to happen."""
    return LIFECYCLES[request.param]


@pytest.fixture
def stack(life: Lifecycle, tmp_path: Path, cloud_servers: CloudServers) -> Iterator[AnyCloudStack]:
    """The stack, not made yet."""
    with cloud_stacks(life.cloud, tmp_path, cloud_servers) as make:
        yield make(life.cloud.prod())


def test_production_lives(life: Lifecycle, stack: AnyCloudStack, monkeypatch: pytest.MonkeyPatch) -> None:
    _previews_before_anything_is_there(life, stack, monkeypatch)
    stack.project.up()
    _has_the_nodes_that_its_pods_need(life, stack)
    _shows_no_secret(life, stack)
    _changes_what_it_is_told(life, stack)
    _replaces_a_pool_before_the_old_one_goes(life, stack)
    _upgrades_in_order(life, stack)
    _leaves_nothing(life, stack)


def _previews_before_anything_is_there(life: Lifecycle, stack: AnyCloudStack, patch: pytest.MonkeyPatch) -> None:
    """Neither an account with anything in it nor an API server is needed, and no other cloud's SDK.

    It is what `modelyard plan --resources` says.
    """
    main = stack.folder / "stacks" / "__main__.py"
    program = main.read_text(encoding="utf-8")
    main.write_text(program + IMPORTED, encoding="utf-8")
    with _new_processes(stack):
        preview = stack.project.preview()
    main.write_text(program, encoding="utf-8")
    assert stack.world.left() == []
    [line] = [each.message for each in preview.diagnostics if "imported: " in each.message]
    imported = set(line.partition("imported: ")[2].strip().split(","))
    assert imported & SDKS == {life.sdk}
    with patch.context() as here:
        # It works in the folder of the stack's program, and what follows is to find its own.
        here.chdir(ROOT)
        said = registered(check_file(life.cloud.prod_file), STACK, ROOT / "stacks")
    assert preview.changes == {"create": len(said) + 1}
    types = Counter(step.type for step in preview.steps)
    assert types == Counter(["pulumi:pulumi:Stack", *(each["type"] for each in said)])


@contextmanager
def _new_processes(stack: AnyCloudStack) -> Generator[None]:
    """Programs start anew in the block, with no modules but those that they import."""
    link = stack.folder / ".venv"
    warm = link.readlink()
    link.unlink()
    link.symlink_to(sys.prefix)
    yield
    link.unlink()
    link.symlink_to(warm)


def _has_the_nodes_that_its_pods_need(life: Lifecycle, stack: AnyCloudStack) -> None:
    """System nodes from the start, the others from zero because pods wait for them."""
    stack.wait_until_placed({(SERVICE, life.serving): 2, (TRAINING, life.training): 2})
    nodes = stack.nodes()
    assert {pool: len(nodes[pool]) for pool in life.nodes} == life.nodes
    trained = len(nodes[life.training])
    assert trained in {1, 2}, "pods of jobs end at once on simulated nodes: one node can have both in turn"
    first = {pool: each[0] for pool, each in nodes.items()}
    assert not taints(first["system"])
    for pool, gpus in ((life.serving, "1"), (life.training, "8")):
        node = first[pool]
        assert node["status"]["allocatable"]["nvidia.com/gpu"] == gpus
        assert ("nvidia.com/gpu", "present", "NoSchedule") in taints(node)
        assert node["metadata"]["labels"]["modelyard.dev/accelerator"] == pool
    life.has_its_own(stack)


def _shows_no_secret(life: Lifecycle, stack: AnyCloudStack) -> None:
    """The kubeconfig is a secret; what it is made of is nowhere in the state in clear text."""
    outputs = stack.project.outputs()
    assert outputs["kubeconfig"] == "[secret]"
    kubeconfig: str = stack.project.outputs(show_secrets=True)["kubeconfig"]
    assert life.credentials in kubeconfig
    assert kubeconfig not in json.dumps(outputs)
    state = stack.project.export()
    assert life.credentials not in json.dumps(state)
    resources = state["deployment"]["resources"]
    [provider] = [each for each in resources if each["type"] == "pulumi:providers:kubernetes"]
    assert "ciphertext" in json.dumps(provider["inputs"]["kubeconfig"])


def _changes_what_it_is_told(life: Lifecycle, stack: AnyCloudStack) -> None:
    """In place and nothing else, also after the autoscaler has changed the size of pools behind Pulumi's back."""
    before = stack.nodes()

    def change(spec: Json) -> None:
        _merge(spec, life.change)
        spec["workspaces"]["chat"]["services"][SERVICE]["replicas"] = 3

    stack.configure(change)
    expected = {name: {"update"} for name in (*life.updated, f"Deployment chat-{SERVICE}")}
    assert changed(stack.project.up("--refresh")) == expected
    # Where nodes of the training are others by now, it went with them: it had ended, as jobs do there at once.
    trains = {(TRAINING, life.training): life.trains_on} if life.trains_on else {}
    stack.wait_until_placed({(SERVICE, life.serving): 3, **trains})
    after = stack.nodes()
    assert len(after[life.serving]) == 3
    assert names(before["system"]) == names(after["system"])
    assert names(before[life.serving]) < names(after[life.serving])
    life.has_changed(before, after)


def _merge(spec: Json, change: Json) -> None:
    for key, value in change.items():
        if isinstance(value, dict):
            _merge(spec.setdefault(key, {}), cast("Json", value))
        else:
            spec[key] = value


def _replaces_a_pool_before_the_old_one_goes(life: Lifecycle, stack: AnyCloudStack) -> None:
    """What cannot change in place is made anew; a pool comes and one goes at the same time."""

    def change(spec: Json) -> None:
        _merge(spec, life.remake)
        spec["pools"]["cpu"] = {"machine_type": life.cpu_machine, "max_nodes": 2}
        del spec["pools"][life.training], spec["workspaces"]["research"]["training"]

    stack.configure(change)
    result = stack.project.up()
    done = changed(result)
    for pool in ("system", life.serving):
        steps = [step for step in result.steps if step.name == f"test-{pool}" and step.type.endswith(f":{life.pool}")]
        assert [step.op for step in steps] == (ANEW if pool in life.remade else ["update"])
    assert done[f"{life.pool} test-cpu"] == {"create"}
    assert done[f"{life.pool} test-{life.training}"] == {"delete"}
    assert_before(result, "Job ", f"{life.pool} test-{life.training}")
    assert {key for key, ops in done.items() if ANEW[0] in ops} == {f"{life.pool} test-{pool}" for pool in life.remade}
    nodes = stack.nodes()
    machines = {node["metadata"]["labels"]["node.kubernetes.io/instance-type"] for node in nodes["system"]}
    assert machines == {life.system_machine}
    stack.wait_until_placed({(SERVICE, life.serving): 3})
    assert life.training not in stack.nodes()


def _upgrades_in_order(life: Lifecycle, stack: AnyCloudStack) -> None:
    """The next minor version: control plane, then add-ons, then pools, all in place; no workload is touched."""
    objects = _versions(stack)
    stack.configure(lambda spec: spec["cluster"][life.cloud.key].update(kubernetes_version="1.36"))
    preview = changed(stack.project.preview(*life.upgrade_arguments))
    result = stack.project.up(*life.upgrade_arguments)
    pools = [f"{life.pool} test-{pool}" for pool in ("system", life.serving, "cpu")]
    expected = {name: {"update"} for name in (f"{life.cluster} test-cluster", *life.upgraded, *pools)}
    assert changed(result) == preview == expected
    for first, second in life.upgrade_order:
        assert_before(result, first, second)
    # A cluster's own pool may be asked for without one.
    asked = [each.inputs[life.version] for each in stack.world.resources(life.pool) if life.version in each.inputs]
    assert len(asked) >= len(pools)
    assert {each[: len("1.36")] for each in asked} == {"1.36"}
    assert _versions(stack) == objects
    stack.wait_until_placed({(SERVICE, life.serving): 3})


def _versions(stack: AnyCloudStack) -> dict[str, int]:
    objects = stack.get(WORKLOADS, "--selector=modelyard.dev/workspace")
    assert objects
    return {
        f"{each['kind']} {each['metadata']['name']}": each["metadata"]["generation"]
        for each in objects
        if "generation" in each["metadata"]
    }


def _leaves_nothing(life: Lifecycle, stack: AnyCloudStack) -> None:
    """Workloads before nodes, nodes before the cluster, the cluster before its network."""
    result: Result = stack.project.destroy()
    assert stack.world.left() == []
    assert stack.get("namespaces", "--selector=modelyard.dev/stack") == []
    assert stack.get("nodes") == []
    assert not NAMESPACES & names(stack.get("namespaces"))
    assert_before(result, f"Deployment chat-{SERVICE}", f"{life.pool} test-{life.serving}")
    assert_before(result, f"{life.pool} ", f"{life.cluster} test-cluster")
    for first, second in life.destroy_order:
        assert_before(result, first, second)
