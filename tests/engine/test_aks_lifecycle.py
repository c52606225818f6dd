"""The production stack through the real engine: made from an empty subscription, kept, changed, upgraded, removed."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engine.aks_stack import PROD_AKS, AksStack, aks_stacks
from tests.engine.cloud_stack import Json, assert_before, changed
from tests.support.update import Result

pytestmark = [pytest.mark.engine, pytest.mark.timeout(900)]

SERVICE, TRAINING = ("assistant", "a10"), ("finetune", "h100")
CLOUDS = ("pulumi_aws", "pulumi_gcp", "pulumi_azure_native")
IMPORTED = """
import sys

import pulumi

pulumi.log.info("imported: " + ",".join(sorted({name.partition(".")[0] for name in sys.modules})))
"""
WORKLOADS = "deployments,jobs,services,poddisruptionbudgets,networkpolicies,resourcequotas,serviceaccounts"


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[AksStack]:
    """The stack, not made yet."""
    with aks_stacks(tmp_path) as make:
        yield make(PROD_AKS)


def test_production_lives(stack: AksStack) -> None:
    _previews_before_anything_is_there(stack)
    stack.project.up()
    _has_the_nodes_that_its_pods_need(stack)
    _shows_no_secret(stack)
    _is_what_its_file_says(stack)
    _changes_what_it_is_told(stack)
    _replaces_a_pool_before_the_old_one_goes(stack)
    _upgrades_in_order(stack)
    _leaves_nothing(stack)


def _previews_before_anything_is_there(stack: AksStack) -> None:
    """Neither a subscription with anything in it nor an API server is needed, and no other cloud's SDK."""
    main = stack.folder / "stacks" / "__main__.py"
    program = main.read_text(encoding="utf-8")
    main.write_text(program + IMPORTED, encoding="utf-8")
    preview = stack.project.preview()
    main.write_text(program, encoding="utf-8")
    assert set(preview.changes) == {"create"}
    assert stack.world.left() == []
    [line] = [each.message for each in preview.diagnostics if "imported: " in each.message]
    imported = set(line.partition("imported: ")[2].strip().split(","))
    assert imported & set(CLOUDS) == {"pulumi_azure_native"}


def _has_the_nodes_that_its_pods_need(stack: AksStack) -> None:
    """System nodes and the cluster's own from the start, the others from zero because pods wait for them."""
    stack.wait_until_placed({SERVICE: 2, TRAINING: 2})
    nodes = stack.nodes()
    assert (len(nodes[""]), len(nodes["system"]), len(nodes["a10"])) == (1, 2, 2)
    assert len(nodes["h100"]) in {1, 2}, "pods of jobs end at once on simulated nodes: one node can have both in turn"
    first = {pool: each[0] for pool, each in nodes.items()}
    assert ("CriticalAddonsOnly", "true", "NoSchedule") in _taints(first[""])
    assert not _taints(first["system"])
    for pool, gpus in (("a10", "1"), ("h100", "8")):
        node = first[pool]
        assert node["status"]["allocatable"]["nvidia.com/gpu"] == gpus
        assert ("nvidia.com/gpu", "present", "NoSchedule") in _taints(node)
        assert node["metadata"]["labels"]["modelyard.dev/accelerator"] == pool
    assert ("kubernetes.azure.com/scalesetpriority", "spot", "NoSchedule") in _taints(first["a10"])
    assert int(first["h100"]["status"]["allocatable"]["rdma/ib"]) > 0
    assert {node["metadata"]["labels"]["topology.kubernetes.io/zone"] for node in nodes["h100"]} == {"eastus2-1"}
    [pod] = stack.get("pods", "--selector=app.kubernetes.io/name=finetune,batch.kubernetes.io/job-completion-index=0")
    assert pod["spec"]["containers"][0]["resources"]["limits"]["rdma/ib"] == "1"


def _taints(node: Json) -> set[tuple[str, str, str]]:
    return {(each["key"], each.get("value", ""), each["effect"]) for each in node["spec"].get("taints", [])}


def _shows_no_secret(stack: AksStack) -> None:
    """The kubeconfig is a secret; what it is made of is nowhere in the state in clear text."""
    assert stack.project.outputs()["kubeconfig"] == "[secret]"
    kubeconfig: str = stack.project.outputs(show_secrets=True)["kubeconfig"]
    assert "kubelogin" in kubeconfig
    assert "get-token" in kubeconfig
    state = json.dumps(stack.project.export())
    assert "get-token" not in state
    [provider] = [each for each in stack.project.resources() if each["type"] == "pulumi:providers:kubernetes"]
    assert "ciphertext" in json.dumps(provider["inputs"]["kubeconfig"])


def _is_what_its_file_says(stack: AksStack) -> None:
    """Also after the autoscaler has changed the size of agent pools behind Pulumi's back."""
    nodes = stack.nodes()
    assert stack.project.preview("--expect-no-changes").unchanged
    again = stack.project.up("--refresh")
    assert not changed(again), changed(again)
    assert {pool: _names(each) for pool, each in stack.nodes().items()} == {
        pool: _names(each) for pool, each in nodes.items()
    }


def _changes_what_it_is_told(stack: AksStack) -> None:
    """A larger pool, a label on nodes, one replica more, and logs that are kept longer, in place and nothing else."""
    before = stack.nodes()

    def change(spec: Json) -> None:
        spec["pools"]["a10"]["max_nodes"] = 9
        spec["pools"]["system"]["node_labels"] = {"example.org/kept": "yes"}
        spec["cluster"]["aks"]["log_retention_days"] = 180
        spec["workspaces"]["chat"]["services"]["assistant"]["replicas"] = 3

    stack.configure(change)
    assert changed(stack.project.up("--refresh")) == {
        "AgentPool test-a10": {"update"},
        "AgentPool test-system": {"update"},
        "Workspace test-control-plane": {"update"},
        "Deployment chat-assistant": {"update"},
    }
    stack.wait_until_placed({SERVICE: 3, TRAINING: 2})
    after = stack.nodes()
    assert len(after["a10"]) == 3
    assert _names(before["a10"]) < _names(after["a10"])
    assert _names(before["system"]) == _names(after["system"])
    assert {node["metadata"]["labels"].get("example.org/kept") for node in after["system"]} == {"yes"}


def _names(nodes: list[Json]) -> set[str]:
    return {node["metadata"]["name"] for node in nodes}


def _replaces_a_pool_before_the_old_one_goes(stack: AksStack) -> None:
    """Machine type and kind of capacity cannot change in place; a pool comes and one goes at the same time."""

    def change(spec: Json) -> None:
        spec["pools"]["system"] |= {"machine_type": "Standard_D16s_v5", "disk_gib": 300}
        spec["pools"]["a10"]["capacity"] = "on_demand"
        spec["pools"]["cpu"] = {"machine_type": "Standard_D4s_v5", "max_nodes": 2}
        del spec["pools"]["h100"], spec["workspaces"]["research"]["training"]

    stack.configure(change)
    result = stack.project.up("--refresh")
    done = changed(result)
    for pool in ("system", "a10"):
        assert done[f"AgentPool test-{pool}"] == {"create-replacement", "replace", "delete-replaced"}
        order = [step.op for step in result.steps if step.name == f"test-{pool}" and step.type.endswith("AgentPool")]
        assert order.index("create-replacement") < order.index("delete-replaced")
    assert done["AgentPool test-cpu"] == {"create"}
    assert done["AgentPool test-h100"] == {"delete"}
    assert_before(result, "Job ", "AgentPool test-h100")
    replaced = {key for key, ops in done.items() if "create-replacement" in ops}
    assert replaced == {"AgentPool test-system", "AgentPool test-a10"}
    assert {node["metadata"]["labels"]["node.kubernetes.io/instance-type"] for node in stack.nodes()["system"]} == {
        "Standard_D16s_v5"
    }
    stack.wait_until_placed({SERVICE: 3})
    assert "h100" not in stack.nodes()
    assert stack.project.preview("--expect-no-changes").unchanged


def _upgrades_in_order(stack: AksStack) -> None:
    """The next minor version: control plane, then pools, all in place; no workload is touched."""
    objects = _versions(stack)
    stack.configure(lambda spec: spec["cluster"]["aks"].update(kubernetes_version="1.36"))
    preview = changed(stack.project.preview("--refresh"))
    result = stack.project.up("--refresh")
    done = changed(result)
    pools = {f"AgentPool test-{pool}" for pool in ("system", "a10", "cpu")}
    assert done.keys() == {"ManagedCluster test-cluster", *pools}
    assert set().union(*done.values()) == {"update"}
    assert preview == done
    assert_before(result, "ManagedCluster test-cluster", "AgentPool ")
    made = [each for each in stack.world.resources("AgentPool") if "orchestratorVersion" in each.inputs]
    assert {each.inputs["orchestratorVersion"] for each in made} == {"1.36"}
    assert len(made) >= len(pools)
    assert _versions(stack) == objects
    stack.wait_until_placed({SERVICE: 3})


def _versions(stack: AksStack) -> dict[str, int]:
    objects = stack.get(WORKLOADS, "--selector=modelyard.dev/workspace")
    assert objects
    return {f"{each['kind']} {each['metadata']['name']}": each["metadata"]["generation"]
            for each in objects if "generation" in each["metadata"]}  # fmt: skip


def _leaves_nothing(stack: AksStack) -> None:
    """Workloads before nodes, the cluster with its nodes before the network, everything before the resource group."""
    result = stack.project.destroy()
    assert stack.world.left() == []
    assert stack.get("namespaces", "--selector=modelyard.dev/stack") == []
    assert stack.get("nodes") == []
    for namespace in ("chat", "research", "monitoring"):
        assert not [each for each in stack.get("namespaces") if each["metadata"]["name"] == namespace]
    _assert_destroyed_in_order(result)


def _assert_destroyed_in_order(result: Result) -> None:
    assert_before(result, "Deployment chat-assistant", "AgentPool test-a10")
    assert_before(result, "Release ", "AgentPool test-system")
    assert_before(result, "AgentPool ", "ManagedCluster test-cluster")
    assert_before(result, "ManagedCluster test-cluster", "Subnet ")
    assert_before(result, "Subnet ", "VirtualNetwork ")
    assert_before(result, "VirtualNetwork ", "ResourceGroup ")
