"""The production stack through the real engine: made from an empty account, kept, changed, upgraded, removed."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engine.cloud_stack import Json, assert_before, changed
from tests.engine.eks_stack import PROD_EKS, EksStack, eks_stacks
from tests.support.update import Result

pytestmark = pytest.mark.engine

SERVICE, TRAINING = ("assistant", "l4"), ("finetune", "h100")
CLOUDS = ("pulumi_aws", "pulumi_gcp", "pulumi_azure_native")
IMPORTED = """
import sys

import pulumi

pulumi.log.info("imported: " + ",".join(sorted({name.partition(".")[0] for name in sys.modules})))
"""
WORKLOADS = "deployments,jobs,services,poddisruptionbudgets,networkpolicies,resourcequotas,serviceaccounts"


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[EksStack]:
    """The stack, not made yet."""
    with eks_stacks(tmp_path) as make:
        yield make(PROD_EKS)


def test_production_lives(stack: EksStack) -> None:
    _previews_before_anything_is_there(stack)
    stack.project.up()
    _has_the_nodes_that_its_pods_need(stack)
    _shows_no_secret(stack)
    _is_what_its_file_says(stack)
    _changes_what_it_is_told(stack)
    _replaces_a_pool_before_the_old_one_goes(stack)
    _upgrades_in_order(stack)
    _leaves_nothing(stack)


def _previews_before_anything_is_there(stack: EksStack) -> None:
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
    assert imported & set(CLOUDS) == {"pulumi_aws"}


def _has_the_nodes_that_its_pods_need(stack: EksStack) -> None:
    """System nodes from the start, the others from zero because pods wait for them."""
    stack.wait_until_placed({SERVICE: 2, TRAINING: 2})
    nodes = stack.nodes()
    assert (len(nodes["system"]), len(nodes["l4"])) == (2, 2)
    assert len(nodes["h100"]) in {1, 2}, "pods of jobs end at once on simulated nodes: one node can have both in turn"
    first = {pool: each[0] for pool, each in nodes.items()}
    assert not _taints(first["system"])
    for pool, gpus in (("l4", "1"), ("h100", "8")):
        node = first[pool]
        assert node["status"]["allocatable"]["nvidia.com/gpu"] == gpus
        assert ("nvidia.com/gpu", "present", "NoSchedule") in _taints(node)
        assert node["metadata"]["labels"]["modelyard.dev/accelerator"] == pool
    fabric = {"vpc.amazonaws.com/efa": "32", "hugepages-2Mi": "10Gi"}
    assert fabric.items() <= first["h100"]["status"]["allocatable"].items()
    assert {node["metadata"]["labels"]["topology.kubernetes.io/zone"] for node in nodes["h100"]} == {"us-east-1a"}
    [pod] = stack.get("pods", "--selector=app.kubernetes.io/name=finetune,batch.kubernetes.io/job-completion-index=0")
    assert pod["spec"]["containers"][0]["resources"]["limits"]["vpc.amazonaws.com/efa"] == "32"


def _taints(node: Json) -> set[tuple[str, str, str]]:
    return {(each["key"], each.get("value", ""), each["effect"]) for each in node["spec"].get("taints", [])}


def _shows_no_secret(stack: EksStack) -> None:
    """The kubeconfig is a secret; what it is made of is nowhere in the state in clear text."""
    assert stack.project.outputs()["kubeconfig"] == "[secret]"
    kubeconfig: str = stack.project.outputs(show_secrets=True)["kubeconfig"]
    assert "get-token" in kubeconfig
    assert kubeconfig not in json.dumps(stack.project.outputs())
    state = json.dumps(stack.project.export())
    assert "get-token" not in state
    [provider] = [each for each in stack.project.resources() if each["type"] == "pulumi:providers:kubernetes"]
    assert "ciphertext" in json.dumps(provider["inputs"]["kubeconfig"])


def _is_what_its_file_says(stack: EksStack) -> None:
    """Also after the autoscaler has changed the size of node groups behind Pulumi's back."""
    nodes = stack.nodes()
    assert stack.project.preview("--expect-no-changes").unchanged
    again = stack.project.up("--refresh")
    assert not changed(again), changed(again)
    assert {pool: _names(each) for pool, each in stack.nodes().items()} == {
        pool: _names(each) for pool, each in nodes.items()
    }


def _changes_what_it_is_told(stack: EksStack) -> None:
    """A larger pool, one replica more, and larger disks for a pool, each in place and nothing else."""
    before = stack.nodes()

    def change(spec: Json) -> None:
        spec["pools"]["l4"]["max_nodes"] = 9
        spec["pools"]["h100"]["disk_gib"] = 300
        spec["workspaces"]["chat"]["services"]["assistant"]["replicas"] = 3

    stack.configure(change)
    assert changed(stack.project.up("--refresh")) == {
        "NodeGroup test-l4": {"update"},
        "LaunchTemplate test-h100": {"update"},
        "NodeGroup test-h100": {"update"},
        "Deployment chat-assistant": {"update"},
    }
    # The training had ended, as pods of jobs do at once on simulated nodes, and went with its nodes.
    stack.wait_until_placed({SERVICE: 3})
    after = stack.nodes()
    assert len(after["l4"]) == 3
    assert _names(before["system"]) == _names(after["system"])
    assert _names(before["l4"]) < _names(after["l4"])
    assert not _names(before["h100"]) & _names(after["h100"]), "another disk is another node"


def _names(nodes: list[Json]) -> set[str]:
    return {node["metadata"]["name"] for node in nodes}


def _replaces_a_pool_before_the_old_one_goes(stack: EksStack) -> None:
    """Machine type and kind of capacity cannot change in place; a pool comes and one goes at the same time."""

    def change(spec: Json) -> None:
        spec["pools"]["system"]["machine_type"] = "m7i.4xlarge"
        spec["pools"]["l4"] |= {"capacity": "on_demand", "machine_types": []}
        spec["pools"]["cpu"] = {"machine_type": "m7i.xlarge", "max_nodes": 2}
        del spec["pools"]["h100"], spec["workspaces"]["research"]["training"]

    stack.configure(change)
    result = stack.project.up()
    done = changed(result)
    for pool in ("system", "l4"):
        assert done[f"NodeGroup test-{pool}"] == {"create-replacement", "replace", "delete-replaced"}
        order = [step.op for step in result.steps if step.name == f"test-{pool}" and step.type.endswith("NodeGroup")]
        assert order.index("create-replacement") < order.index("delete-replaced")
    assert done["NodeGroup test-cpu"] == {"create"}
    assert done["NodeGroup test-h100"] == {"delete"}
    assert_before(result, "Job ", "NodeGroup test-h100")
    replaced = "create-replacement"
    assert {key for key, ops in done.items() if replaced in ops} == {"NodeGroup test-system", "NodeGroup test-l4"}
    assert {node["metadata"]["labels"]["node.kubernetes.io/instance-type"] for node in stack.nodes()["system"]} == {
        "m7i.4xlarge"
    }
    stack.wait_until_placed({SERVICE: 3})
    assert "h100" not in stack.nodes()
    assert stack.project.preview("--expect-no-changes").unchanged


def _upgrades_in_order(stack: EksStack) -> None:
    """The next minor version: control plane, then add-ons, then pools, all in place; no workload is touched."""
    objects = _versions(stack)
    stack.configure(lambda spec: spec["cluster"]["eks"].update(kubernetes_version="1.36"))
    preview = changed(stack.project.preview())
    result = stack.project.up()
    done = changed(result)
    groups = {f"NodeGroup test-{pool}" for pool in ("system", "l4", "cpu")}
    addons = {f"Addon test-{name}" for name in ("coredns", "kube-proxy")}
    assert done.keys() == {"Cluster test-cluster", "Release test-autoscaler", *addons, *groups}
    assert set().union(*done.values()) == {"update"}
    assert preview == done
    assert_before(result, "Cluster test-cluster", "Addon ")
    assert_before(result, "Addon test-kube-proxy", "NodeGroup ")
    assert_before(result, "Cluster test-cluster", "NodeGroup ")
    assert {each.inputs["version"] for each in stack.world.resources("NodeGroup")} == {"1.36"}
    assert _versions(stack) == objects
    stack.wait_until_placed({SERVICE: 3})


def _versions(stack: EksStack) -> dict[str, int]:
    objects = stack.get(WORKLOADS, "--selector=modelyard.dev/workspace")
    assert objects
    return {f"{each['kind']} {each['metadata']['name']}": each["metadata"]["generation"]
            for each in objects if "generation" in each["metadata"]}  # fmt: skip


def _leaves_nothing(stack: EksStack) -> None:
    """Workloads before nodes, what makes load balancers before the network, everything before the VPC."""
    result = stack.project.destroy()
    assert stack.world.left() == []
    assert stack.get("namespaces", "--selector=modelyard.dev/stack") == []
    assert stack.get("nodes") == []
    for namespace in ("chat", "research", "monitoring"):
        assert not [each for each in stack.get("namespaces") if each["metadata"]["name"] == namespace]
    _assert_destroyed_in_order(result)


def _assert_destroyed_in_order(result: Result) -> None:
    assert_before(result, "Deployment chat-assistant", "NodeGroup test-l4")
    assert_before(result, "Release test-load-balancers", "NodeGroup ")
    assert_before(result, "NodeGroup ", "Cluster test-cluster")
    assert_before(result, "Cluster test-cluster", "Subnet ")
    assert_before(result, "Release test-load-balancers", "Vpc ")
    assert_before(result, "Subnet ", "Vpc ")
