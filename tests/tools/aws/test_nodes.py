"""Nodes on a real API server: those of node groups, and what makes more of them for pods that wait."""

import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from modelyard.cluster.eks.node_pool import EC2_NODE_CLASS, NODE_OVERLAY
from modelyard.cluster.karpenter import NODE_POOL
from modelyard.operators.crds import permissive_crd
from tests.support.control_plane import ApiServer
from tests.support.processes import wait_until
from tests.tools.aws import things
from tests.tools.aws.account import Aws, Made
from tests.tools.aws.things import CLUSTER, NODE_GROUP, TEMPLATE
from tests.tools.kubernetes.cluster import Cluster
from tests.tools.waiting_pods import look_once, node_of, waiting_pod, without_nodes
from tools.offline.aws import karpenter
from tools.offline.aws.groups import GROUPS
from tools.offline.aws.node_labels import GROUP_LABEL
from tools.offline.cloud import autoscaler, machinery, node_groups, nodes
from tools.offline.cloud.plans import Plans
from tools.offline.cloud.session import Session

pytestmark = pytest.mark.engine

Json = dict[str, Any]

_GPU = {"key": "nvidia.com/gpu", "value": "present", "effect": "NO_SCHEDULE"}
_TOLERATION = {"key": "nvidia.com/gpu", "operator": "Exists"}


@pytest.fixture
def kube(api_server: ApiServer) -> Iterator[Cluster]:
    """The API server, without nodes and with Karpenter's kinds."""
    head = {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition"}
    kinds = [NODE_POOL, EC2_NODE_CLASS, NODE_OVERLAY]
    with without_nodes(api_server) as found:
        found.apply(*({**head, **permissive_crd(kind)} for kind in kinds))
        found.run("wait", "--for=condition=Established", *(f"crd/{kind.crd_name}" for kind in kinds))
        yield found
        found.run("delete", "crd", "--ignore-not-found", *(kind.crd_name for kind in kinds))


@pytest.fixture
def aws(kube: Cluster, tmp_path: Path) -> Aws:
    """An account whose clusters lead to the API server."""
    return Aws(tmp_path / "world", kubeconfig=kube.kubeconfig)


@pytest.fixture(autouse=True)
def _environment(api_server: ApiServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODELYARD_AWS_KUBECONFIG", str(api_server.kubeconfig))


@pytest.fixture
def subnets(aws: Aws) -> list[Made]:
    """Subnets of two zones, and a cluster in them."""
    found = things.network(aws)[1]
    things.cluster(aws, found)
    return found


def _scale(session: Session, plans: Plans) -> None:
    autoscaler.serve(session, plans, GROUPS)


def test_a_node_group_has_its_nodes_and_takes_them_with_it(aws: Aws, kube: Cluster, subnets: list[Made]) -> None:
    more = {"labels": {"modelyard.dev/pool": "system"}, "scalingConfig": {"minSize": 0, "maxSize": 3, "desiredSize": 2}}
    group = aws.create(NODE_GROUP, "group", things.node_inputs(aws, subnets, **more))
    names = kube.names("node")
    assert len(names) == 2
    node = kube.get("node", names[0])
    labels = node["metadata"]["labels"]
    assert labels["node.kubernetes.io/instance-type"] == "m7i.large"
    assert labels["modelyard.dev/pool"] == "system"
    assert labels[GROUP_LABEL] == group["nodeGroupName"]
    assert node["status"]["capacity"]["cpu"] == "2"
    zones = {kube.get("node", name)["metadata"]["labels"]["topology.kubernetes.io/zone"] for name in names}
    assert zones == {"us-east-1a", "us-east-1b"}

    smaller = {"minSize": 0, "maxSize": 3, "desiredSize": 1}
    aws.update(group, {**group.given, "scalingConfig": smaller})
    assert len(kube.names("node")) == 1
    relabelled = {**group.given, "scalingConfig": smaller, "labels": {"modelyard.dev/pool": "other"}}
    aws.update(group, relabelled)
    [name] = kube.names("node")
    assert kube.get("node", name)["metadata"]["labels"]["modelyard.dev/pool"] == "other"
    aws.delete(group)
    assert kube.names("node") == []


def test_a_waiting_pod_makes_a_node_of_the_group_that_would_take_it(
    aws: Aws, kube: Cluster, subnets: list[Made]
) -> None:
    sizes = {"scalingConfig": {"minSize": 0, "maxSize": 1, "desiredSize": 0}}
    plain = things.node_inputs(aws, subnets, **sizes)
    aws.create(NODE_GROUP, "plain", plain)
    gpus = {
        "instanceTypes": ["g6.xlarge"],
        "amiType": "AL2023_x86_64_NVIDIA",
        "taints": [_GPU],
        "labels": {"pool": "l4"},
    }
    group = aws.create(NODE_GROUP, "gpus", {**plain, **gpus})

    waiting_pod(kube, {"pool": "l4"}, gpus=1)
    look_once(_scale, aws)
    assert kube.names("node") == [], "without a toleration no group takes it"
    pod = waiting_pod(kube, {"pool": "l4"}, gpus=1, tolerations=[_TOLERATION])
    look_once(_scale, aws)
    wait_until(lambda: bool(node_of(kube, pod)), "a node for the pod")
    node = kube.get("node", node_of(kube, pod))
    assert node["status"]["capacity"]["nvidia.com/gpu"] == "1"
    assert node["metadata"]["labels"][GROUP_LABEL] == group["nodeGroupName"]
    seen = aws.read(group)
    assert seen is not None
    assert seen["scalingConfig"]["desiredSize"] == 1

    waiting_pod(kube, {"pool": "l4"}, gpus=1, tolerations=[_TOLERATION])
    look_once(_scale, aws)
    assert len(kube.names("node")) == 1, "the group is as large as it may be"


def test_a_node_whose_process_ends_while_it_is_on_its_way_comes_all_the_same(
    aws: Aws, kube: Cluster, subnets: list[Made], monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes = {"scalingConfig": {"minSize": 0, "maxSize": 1, "desiredSize": 0}}
    aws.create(NODE_GROUP, "plain", things.node_inputs(aws, subnets, **sizes))
    pod = waiting_pod(kube, {})

    def ends(*_: object) -> None:
        """Nothing is made."""

    with monkeypatch.context() as ended:
        ended.setattr(autoscaler, "reconcile", ends)
        look_once(_scale, aws)
    assert kube.names("node") == []
    look_once(_scale, aws)
    wait_until(lambda: bool(node_of(kube, pod)), "a node for the pod")
    assert len(kube.names("node")) == 1


def test_two_processes_do_not_both_make_the_nodes_that_a_group_lacks(
    aws: Aws, kube: Cluster, subnets: list[Made]
) -> None:
    group = aws.create(NODE_GROUP, "plain", things.node_inputs(aws, subnets))
    names = kube.names("node")
    kube.run("delete", "node", *names)
    world = aws.session.world
    with world.locked(node_groups.LOCK):  # as another process has it
        us = threading.Thread(target=node_groups.reconcile, args=(aws.session, GROUPS, group.id))
        us.start()
        us.join(0.5)
        assert kube.names("node") == []
        [record] = world.look().of(NODE_GROUP)
        for index in range(len(names)):
            nodes.make(aws.session, GROUPS.node_of(aws.session, world.look(), record, index))
    us.join()
    assert len(kube.names("node")) == len(names) > 0


def test_who_looks_after_nodes_hands_over_once_those_on_their_way_are_there(aws: Aws, subnets: list[Made]) -> None:
    begun, may_end = threading.Event(), threading.Event()

    def make() -> None:
        begun.set()
        may_end.wait(60)

    def part(session: Session, plans: Plans) -> None:
        if not begun.is_set():
            [record] = session.world.look().of(NODE_GROUP)
            plans.start(session, "group", GROUPS.node_of(session, session.world.look(), record, 0), make)
            begun.wait(60)

    aws.create(NODE_GROUP, "plain", things.node_inputs(aws, subnets))
    machinery.start(aws.session, [part])
    assert begun.wait(60)
    aws.session.cancelled.set()
    time.sleep(1)

    def is_free() -> bool:
        with aws.session.world.alone(machinery.LOCK) as is_ours:
            return is_ours

    assert not is_free()
    may_end.set()
    wait_until(is_free, "the end of its work")


def test_pods_share_nodes_on_their_way_and_others_come_beside_them(
    aws: Aws, kube: Cluster, subnets: list[Made]
) -> None:
    sizes = {"scalingConfig": {"minSize": 0, "maxSize": 5, "desiredSize": 0}}
    aws.create(NODE_GROUP, "plain", things.node_inputs(aws, subnets, **sizes, instanceTypes=["m7i.xlarge"]))
    plans = Plans()
    waiting = [waiting_pod(kube, {}) for _ in range(5)]
    _scale(aws.session, plans)
    _scale(aws.session, plans)
    plans.settle()
    wait_until(lambda: all(node_of(kube, pod) for pod in waiting), "a node for each pod")
    assert len(kube.names("node")) == 2, "three pods of a CPU each fit on a node with 4"


def test_a_groups_tags_and_the_test_say_what_its_nodes_have(aws: Aws, kube: Cluster, subnets: list[Made]) -> None:
    prefix = "k8s.io/cluster-autoscaler/node-template/resources"
    told = {f"{prefix}/nvidia.com/gpu": "0", f"{prefix}/nvidia.com/mig-1g.10gb": "56"}
    more: Json = {"instanceTypes": ["p5.48xlarge"], "amiType": "AL2023_x86_64_NVIDIA", "tags": told}
    inputs = things.node_inputs(aws, subnets, **more, labels={nodes.POOL_LABEL: "h100"})
    made = aws.create(NODE_GROUP, "mig", inputs)
    [name] = kube.names("node")
    capacity = kube.get("node", name)["status"]["capacity"]
    assert capacity["nvidia.com/mig-1g.10gb"] == "56"
    assert "nvidia.com/gpu" not in capacity
    aws.delete(made)
    aws.world.give_devices({"h100": {"nvidia.com/gpu": 32}})
    aws.create(NODE_GROUP, "shared", inputs)
    [name] = kube.names("node")
    assert kube.get("node", name)["status"]["capacity"]["nvidia.com/gpu"] == "32"


def _karpenter(aws: Aws, kube: Cluster, subnets: list[Made], **spec: Any) -> None:
    """A NodePool of L4 machines, its class and what the class names."""
    role = things.role(aws, "karpenter-node", "ec2.amazonaws.com")
    aws.create("aws:iam/instanceProfile:InstanceProfile", "nodes", {"name": "nodes", "role": role.id})
    group = aws.world.one("Cluster").get("vpcConfig.clusterSecurityGroupId")
    node_class = {
        "instanceProfile": "nodes",
        "subnetSelectorTerms": [{"id": each.id} for each in subnets],
        "securityGroupSelectorTerms": [{"id": group}],
    }
    requirements = [
        {"key": "node.kubernetes.io/instance-type", "operator": "In", "values": ["g6.xlarge", "g6.4xlarge"]},
        {"key": "topology.kubernetes.io/zone", "operator": "In", "values": ["us-east-1b"]},
        {"key": "karpenter.sh/capacity-type", "operator": "In", "values": ["spot"]},
    ]
    reference = {"group": "karpenter.k8s.aws", "kind": "EC2NodeClass", "name": "l4"}
    template = {
        "metadata": {"labels": {"pool": "l4"}},
        "spec": {"nodeClassRef": reference, "requirements": requirements},
    }
    pool = {"template": template, "limits": {"nodes": "1"}, **spec}
    head = {"metadata": {"name": "l4"}}
    kube.apply(
        {"apiVersion": "karpenter.k8s.aws/v1", "kind": "EC2NodeClass", **head, "spec": node_class},
        {"apiVersion": "karpenter.sh/v1", "kind": "NodePool", **head, "spec": pool},
    )


def test_karpenter_makes_the_smallest_machine_that_does_and_takes_it_away(
    aws: Aws, kube: Cluster, subnets: list[Made]
) -> None:
    _karpenter(aws, kube, subnets)
    look_once(karpenter.serve, aws)
    assert kube.names("node") == [], "nobody waits"
    pod = waiting_pod(kube, {"pool": "l4"}, gpus=1)
    look_once(karpenter.serve, aws)
    wait_until(lambda: bool(node_of(kube, pod)), "a node for the pod")
    labels = kube.get("node", node_of(kube, pod))["metadata"]["labels"]
    assert labels["node.kubernetes.io/instance-type"] == "g6.xlarge"
    assert labels["topology.kubernetes.io/zone"] == "us-east-1b"
    assert labels["karpenter.sh/capacity-type"] == "spot"
    assert aws.world.one("Instance").inputs["subnetId"] == subnets[1].id

    waiting_pod(kube, {"pool": "l4"}, gpus=1)
    look_once(karpenter.serve, aws)
    assert len(kube.names("node")) == 1, "the NodePool's limit is one"
    kube.delete("nodepool", "l4")
    look_once(karpenter.serve, aws)
    assert kube.names("node") == []
    assert aws.world.resources("Instance") == []


def test_karpenter_makes_nothing_without_what_its_class_names(aws: Aws, kube: Cluster, subnets: list[Made]) -> None:
    _karpenter(aws, kube, subnets)
    waiting_pod(kube, {"pool": "l4"}, gpus=1)
    aws.world.forget("InstanceProfile", "nodes")
    look_once(karpenter.serve, aws)
    assert kube.names("node") == []


def test_a_node_pool_of_fixed_size_has_its_nodes_and_an_overlay_says_what_they_have(
    aws: Aws, kube: Cluster, subnets: list[Made]
) -> None:
    requirement = {"key": "karpenter.sh/nodepool", "operator": "In", "values": ["l4"]}
    overlay = {"requirements": [requirement], "capacity": {"nvidia.com/gpu": "4"}}
    head = {"apiVersion": "karpenter.sh/v1alpha1", "kind": "NodeOverlay", "metadata": {"name": "l4"}}
    kube.apply({**head, "spec": overlay})
    _karpenter(aws, kube, subnets, replicas=2)
    for _ in range(3):
        look_once(karpenter.serve, aws)
    names = kube.names("node")
    assert len(names) == 2
    assert kube.get("node", names[0])["status"]["capacity"]["nvidia.com/gpu"] == "4"


def _let_become(kube: Cluster, pool: str, **ages: str) -> None:
    patch = json.dumps({"spec": {"template": {"spec": ages}}})
    kube.run("patch", "nodepool", pool, "--type=merge", f"--patch={patch}")


def test_auto_mode_brings_its_kinds_and_takes_everything_with_it(aws: Aws, kube: Cluster) -> None:
    kube.run("delete", "crd", NODE_POOL.crd_name)
    policies = ["Cluster", "Compute", "BlockStorage", "LoadBalancing", "Networking"]
    names = [f"AmazonEKS{each}Policy" for each in policies]
    role = things.role(aws, "auto", "eks.amazonaws.com", *names, actions=("sts:AssumeRole", "sts:TagSession"))
    node_role = things.role(aws, "nodes", "ec2.amazonaws.com")
    found = things.network(aws)[1]
    auto = {
        "computeConfig": {"enabled": True, "nodePools": ["general-purpose"], "nodeRoleArn": node_role["arn"]},
        "kubernetesNetworkConfig": {"elasticLoadBalancing": {"enabled": True}},
        "storageConfig": {"blockStorage": {"enabled": True}},
    }
    inputs = {**things.cluster_inputs(aws, found, **auto), "roleArn": role["arn"]}
    made = aws.create(CLUSTER, "small", inputs)
    assert kube.names("nodepool") == ["general-purpose"]
    _let_become(kube, "general-purpose", expireAfter="480h1s")
    pod = waiting_pod(kube, {})
    look_once(karpenter.serve, aws)
    assert kube.names("node") == [], "EKS refuses nodes that may become older than 21 days"
    _let_become(kube, "general-purpose", expireAfter="Never", terminationGracePeriod="1h")
    look_once(karpenter.serve, aws)
    assert kube.names("node") == []
    _let_become(kube, "general-purpose", expireAfter="480h", terminationGracePeriod="24h")
    look_once(karpenter.serve, aws)
    wait_until(lambda: bool(node_of(kube, pod)), "a node for the pod")
    aws.delete(made)
    assert kube.names("node") == []
    assert aws.world.resources("Instance") == []
    wait_until(lambda: NODE_POOL.crd_name not in kube.names("crd"), "the end of Auto Mode's kinds")


def test_a_new_template_version_makes_new_nodes(aws: Aws, kube: Cluster, subnets: list[Made]) -> None:
    template = aws.create(TEMPLATE, "nodes", {"keyName": "a"})
    more = {"launchTemplate": {"id": template.id, "version": "1"}}
    group = aws.create(NODE_GROUP, "group", things.node_inputs(aws, subnets, **more))
    [before] = kube.names("node")
    aws.update(template, {"keyName": "b"})
    aws.update(group, {**group.given, "launchTemplate": {"id": template.id, "version": "2"}})
    [after] = kube.names("node")
    assert after != before
