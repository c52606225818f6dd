"""The production stack through the real engine: made from an empty account, kept, changed, upgraded, removed."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engine.cloud_stack import Json, assert_before, changed
from tests.engine.gke_stack import PROD_GKE, GkeStack, gke_stacks

pytestmark = pytest.mark.engine

SERVICE, TRAINING = ("assistant", "l4"), ("finetune", "h200")
CLOUDS = ("pulumi_aws", "pulumi_gcp", "pulumi_azure_native")
IMPORTED = """
import sys

import pulumi

pulumi.log.info("imported: " + ",".join(sorted({name.partition(".")[0] for name in sys.modules})))
"""
WORKLOADS = "deployments,jobs,services,poddisruptionbudgets,networkpolicies,resourcequotas,serviceaccounts"


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[GkeStack]:
    """The stack, not made yet."""
    with gke_stacks(tmp_path) as make:
        yield make(PROD_GKE)


def test_production_lives(stack: GkeStack) -> None:
    _previews_before_anything_is_there(stack)
    stack.project.up()
    _has_the_nodes_that_its_pods_need(stack)
    _shows_no_secret(stack)
    _is_what_its_file_says(stack)
    _changes_what_it_is_told(stack)
    _replaces_a_pool_before_the_old_one_goes(stack)
    _upgrades_in_order(stack)
    _leaves_nothing(stack)


def _previews_before_anything_is_there(stack: GkeStack) -> None:
    """Neither an account with anything in it nor an API server is needed, and no other cloud's SDK."""
    main = stack.folder / "stacks" / "__main__.py"
    program = main.read_text(encoding="utf-8")
    main.write_text(program + IMPORTED, encoding="utf-8")
    preview = stack.project.preview()
    main.write_text(program, encoding="utf-8")
    assert set(preview.changes) == {"create"}
    assert stack.world.left() == []
    [line] = [each.message for each in preview.diagnostics if "imported: " in each.message]
    imported = set(line.partition("imported: ")[2].strip().split(","))
    assert imported & set(CLOUDS) == {"pulumi_gcp"}


def _has_the_nodes_that_its_pods_need(stack: GkeStack) -> None:
    """System nodes from the start, the others from zero because pods wait for them."""
    stack.wait_until_placed({SERVICE: 2, TRAINING: 2})
    nodes = stack.nodes()
    # GKE begins a pool with as many nodes in each zone: three for at least two.
    assert (len(nodes["system"]), len(nodes["l4"])) == (3, 2)
    assert len(nodes["h200"]) in {1, 2}, "pods of jobs end at once on simulated nodes: one node can have both in turn"
    first = {pool: each[0] for pool, each in nodes.items()}
    assert not _taints(first["system"])
    for pool, gpus in (("l4", "1"), ("h200", "8")):
        node = first[pool]
        assert node["status"]["allocatable"]["nvidia.com/gpu"] == gpus
        assert ("nvidia.com/gpu", "present", "NoSchedule") in _taints(node)
        assert node["metadata"]["labels"]["modelyard.dev/accelerator"] == pool
    assert {node["metadata"]["labels"]["topology.kubernetes.io/zone"] for node in nodes["h200"]} == {"us-central1-b"}
    # What GKE's driver for networks tells of nodes that have the label which it looks for.
    slices = {each["spec"]["nodeName"]: each["spec"] for each in stack.get("resourceslices")}
    assert slices.keys() == _names(nodes["h200"])
    assert {(each["driver"], len(each["devices"])) for each in slices.values()} == {("mrdma.google.com", 8)}
    [template] = stack.get("resourceclaimtemplates")
    [request] = template["spec"]["spec"]["devices"]["requests"]
    assert (request["exactly"]["deviceClassName"], request["exactly"]["count"]) == ("mrdma.google.com", 8)


def _taints(node: Json) -> set[tuple[str, str, str]]:
    return {(each["key"], each.get("value", ""), each["effect"]) for each in node["spec"].get("taints", [])}


def _shows_no_secret(stack: GkeStack) -> None:
    """The kubeconfig is a secret; what it is made of is nowhere in the state in clear text."""
    assert stack.project.outputs()["kubeconfig"] == "[secret]"
    kubeconfig: str = stack.project.outputs(show_secrets=True)["kubeconfig"]
    assert "gke-gcloud-auth-plugin" in kubeconfig
    assert kubeconfig not in json.dumps(stack.project.outputs())
    state = json.dumps(stack.project.export())
    assert "gke-gcloud-auth-plugin" not in state
    [provider] = [each for each in stack.project.resources() if each["type"] == "pulumi:providers:kubernetes"]
    assert "ciphertext" in json.dumps(provider["inputs"]["kubeconfig"])


def _is_what_its_file_says(stack: GkeStack) -> None:
    """Also after the autoscaler has changed the size of node groups behind Pulumi's back."""
    nodes = stack.nodes()
    assert stack.project.preview("--expect-no-changes").unchanged
    again = stack.project.up("--refresh")
    assert not changed(again), changed(again)
    assert {pool: _names(each) for pool, each in stack.nodes().items()} == {
        pool: _names(each) for pool, each in nodes.items()
    }


def _changes_what_it_is_told(stack: GkeStack) -> None:
    """A larger pool, one replica more, and larger disks for a pool, each in place and nothing else."""
    before = stack.nodes()

    def change(spec: Json) -> None:
        spec["pools"]["l4"]["max_nodes"] = 9
        spec["pools"]["h200"]["disk_gib"] = 300
        spec["workspaces"]["chat"]["services"]["assistant"]["replicas"] = 3

    stack.configure(change)
    assert changed(stack.project.up("--refresh")) == {
        "NodePool test-l4": {"update"},
        "NodePool test-h200": {"update"},
        "Deployment chat-assistant": {"update"},
    }
    # The training had ended, as pods of jobs do at once on simulated nodes, and went with its nodes.
    stack.wait_until_placed({SERVICE: 3})
    after = stack.nodes()
    assert len(after["l4"]) == 3
    assert _names(before["system"]) == _names(after["system"])
    assert _names(before["l4"]) < _names(after["l4"])
    assert not _names(before["h200"]) & _names(after["h200"]), "another disk is another node"


def _names(nodes: list[Json]) -> set[str]:
    return {node["metadata"]["name"] for node in nodes}


def _replaces_a_pool_before_the_old_one_goes(stack: GkeStack) -> None:
    """The kind of capacity cannot change in place, the machine type can; a pool comes and one goes at the same time."""

    def change(spec: Json) -> None:
        spec["pools"]["system"]["machine_type"] = "n2-standard-16"
        spec["pools"]["l4"]["capacity"] = "on_demand"
        spec["pools"]["cpu"] = {"machine_type": "n2-standard-4", "max_nodes": 2}
        del spec["pools"]["h200"], spec["workspaces"]["research"]["training"]

    stack.configure(change)
    result = stack.project.up()
    done = changed(result)
    replaced = "create-replacement"
    assert done["NodePool test-l4"] == {replaced, "replace", "delete-replaced"}
    order = [step.op for step in result.steps if step.name == "test-l4" and step.type.endswith("NodePool")]
    assert order.index(replaced) < order.index("delete-replaced")
    assert done["NodePool test-system"] == {"update"}
    assert done["NodePool test-cpu"] == {"create"}
    assert done["NodePool test-h200"] == {"delete"}
    assert_before(result, "Job ", "NodePool test-h200")
    assert {key for key, ops in done.items() if replaced in ops} == {"NodePool test-l4"}
    assert {node["metadata"]["labels"]["node.kubernetes.io/instance-type"] for node in stack.nodes()["system"]} == {
        "n2-standard-16"
    }
    stack.wait_until_placed({SERVICE: 3})
    assert "h200" not in stack.nodes()
    assert stack.project.preview("--expect-no-changes").unchanged


def _upgrades_in_order(stack: GkeStack) -> None:
    """The next minor version: control plane, then pools, all in place; no workload is touched."""
    objects = _versions(stack)
    stack.configure(lambda spec: spec["cluster"]["gke"].update(kubernetes_version="1.36"))
    preview = changed(stack.project.preview())
    result = stack.project.up()
    done = changed(result)
    assert done.keys() == {"Cluster test-cluster", *(f"NodePool test-{pool}" for pool in ("system", "l4", "cpu"))}
    assert set().union(*done.values()) == {"update"}
    assert preview == done
    assert_before(result, "Cluster test-cluster", "NodePool ")
    assert all(each.outputs["version"].startswith("1.36.") for each in stack.world.resources("NodePool"))
    assert _versions(stack) == objects
    stack.wait_until_placed({SERVICE: 3})


def _versions(stack: GkeStack) -> dict[str, int]:
    objects = stack.get(WORKLOADS, "--selector=modelyard.dev/workspace")
    assert objects
    return {f"{each['kind']} {each['metadata']['name']}": each["metadata"]["generation"]
            for each in objects if "generation" in each["metadata"]}  # fmt: skip


def _leaves_nothing(stack: GkeStack) -> None:
    """Workloads before nodes, nodes before the cluster, the cluster before its network."""
    result = stack.project.destroy()
    assert stack.world.left() == []
    assert stack.get("namespaces", "--selector=modelyard.dev/stack") == []
    assert stack.get("nodes") == []
    for namespace in ("chat", "research", "monitoring"):
        assert not [each for each in stack.get("namespaces") if each["metadata"]["name"] == namespace]
    assert_before(result, "Deployment chat-assistant", "NodePool test-l4")
    assert_before(result, "Release ", "NodePool ")
    assert_before(result, "NodePool ", "Cluster test-cluster")
    assert_before(result, "Cluster test-cluster", "Subnetwork ")
    assert_before(result, "RouterNat ", "Router ")
    assert_before(result, "Subnetwork ", "Network ")
