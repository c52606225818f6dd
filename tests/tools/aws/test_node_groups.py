"""Managed node groups: what they must agree with, and what keeps nodes from joining."""

import base64
from collections.abc import Callable
from typing import Any

import pytest

from tests.tools.aws import things
from tests.tools.aws.account import Aws, Made
from tests.tools.aws.things import CLUSTER, ENTRY, GROUP, NODE_GROUP, PLACEMENT, TEMPLATE
from tools.offline.common.errors import PartialError, ProviderError

Json = dict[str, Any]

_MIME = (
    'MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary="b"\n'
    "\n--b\nContent-Type: application/node.eks.aws\n\nkind: NodeConfig\n\n--b--\n"
)
_BLOCK = {
    "instanceType": "p5.48xlarge",
    "instanceMarketOptions": {"marketType": "capacity-block"},
    "capacityReservationSpecification": {"capacityReservationTarget": {"capacityReservationId": "cr-1"}},
}


@pytest.fixture
def subnets(aws: Aws) -> list[Made]:
    """Subnets of two zones with a way out, and a cluster in them."""
    found = things.network(aws)[1]
    things.cluster(aws, found)
    return found


def _template(aws: Aws, data: Json, version: str = "1") -> Json:
    return {"launchTemplate": {"id": aws.create(TEMPLATE, "nodes", data).id, "version": version}}


def test_a_node_group_tells_its_scaling_group_and_lets_its_nodes_in(aws: Aws, subnets: list[Made]) -> None:
    made = aws.create(NODE_GROUP, "group", things.node_inputs(aws, subnets))
    assert made.id.startswith("small:group-")
    assert made["status"] == "ACTIVE"
    assert made["resources"][0]["autoscalingGroups"][0]["name"].startswith("eks-group-")
    assert made["version"] == "1.34"
    with pytest.raises(ProviderError, match="ResourceInUseException"):
        aws.create(ENTRY, "entry", {"clusterName": "small", "principalArn": made["nodeRoleArn"], "type": "EC2_LINUX"})


_REFUSED: list[tuple[str, Callable[[Aws], Json], Callable[[Aws], Json], str]] = [
    (
        "trust",
        lambda aws: {"nodeRoleArn": things.role(aws, "r", "eks.amazonaws.com")["arn"]},
        lambda aws: {},
        r"required service principals \[ec2.amazonaws.com\] were not found",
    ),
    (
        "policies",
        lambda aws: {"nodeRoleArn": things.role(aws, "r", "ec2.amazonaws.com", "AmazonEKSWorkerNodePolicy")["arn"]},
        lambda aws: {},
        "AmazonEC2ContainerRegistryReadOnly",
    ),
    ("newer", lambda aws: {"version": "1.35"}, lambda aws: {"version": "1.34"}, "must not be newer"),
    ("older", lambda aws: {"version": "1.30"}, lambda aws: {"version": "1.31"}, "more than 3 minor versions older"),
    (
        "type",
        lambda aws: {"instanceTypes": ["m7i.huge"]},
        lambda aws: {"instanceTypes": ["m7i.xlarge", "m7i.2xlarge"]},
        r"do not exist: \[m7i.huge\]",
    ),
    (
        "architecture",
        lambda aws: {"amiType": "AL2023_ARM_64_STANDARD"},
        lambda aws: {"amiType": "AL2023_ARM_64_STANDARD", "instanceTypes": ["m7g.large"]},
        "is not a valid instance type for requested amiType AL2023_ARM_64_STANDARD",
    ),
    (
        "gpu",
        lambda aws: {"amiType": "AL2023_x86_64_NVIDIA"},
        lambda aws: {"amiType": "AL2023_x86_64_NVIDIA", "instanceTypes": ["p5.48xlarge"]},
        "is not a valid instance type for requested amiType AL2023_x86_64_NVIDIA",
    ),
    (
        "template version",
        lambda aws: _template(aws, {"keyName": "k"}, "2"),
        lambda aws: _template(aws, {"keyName": "k"}, "1"),
        "Could not find the launch template version 2",
    ),
    (
        "two types",
        lambda aws: _template(aws, {"instanceType": "m7i.large"}),
        lambda aws: {**_template(aws, {"instanceType": "m7i.large"}), "instanceTypes": None},
        "Instance types must be specified either in the launch template or in the request",
    ),
    (
        "image",
        lambda aws: _template(aws, {"imageId": "ami-1"}),
        lambda aws: {**_template(aws, {"imageId": "ami-1"}), "amiType": "CUSTOM"},
        "You cannot specify an image id within the launch template",
    ),
    (
        "spot",
        lambda aws: _template(aws, {"instanceMarketOptions": {"marketType": "spot"}}),
        lambda aws: {**_template(aws, {"keyName": "k"}), "capacityType": "SPOT"},
        "Spot market options in the launch template are not supported",
    ),
    (
        "block without market",
        lambda aws: {
            **_template(aws, {"instanceType": "p5.48xlarge"}),
            "instanceTypes": None,
            "capacityType": "CAPACITY_BLOCK",
        },
        lambda aws: {
            **_template(aws, _BLOCK),
            "instanceTypes": None,
            "capacityType": "CAPACITY_BLOCK",
            "subnetIds": _one_subnet(aws),
        },
        "capacityType CAPACITY_BLOCK does not go with market type none",
    ),
    (
        "user data of Amazon Linux",
        lambda aws: _template(aws, _data("#!/bin/sh\n")),
        lambda aws: _template(aws, _data(_MIME)),
        "User data was not in the MIME multipart format",
    ),
    (
        "user data of Bottlerocket",
        lambda aws: {**_template(aws, _data(_MIME)), "amiType": "BOTTLEROCKET_x86_64"},
        lambda aws: {**_template(aws, _data("[settings]\na = 1\n")), "amiType": "BOTTLEROCKET_x86_64"},
        "User data was not in the TOML format",
    ),
    (
        "fabric",
        lambda aws: _fabric(aws, "m7i.large", 1),
        lambda aws: _fabric(aws, "p5.48xlarge", 32),
        "EFA interfaces are not supported on m7i.large",
    ),
    (
        "more fabric than there is",
        lambda aws: _fabric(aws, "p5.48xlarge", 33),
        lambda aws: _fabric(aws, "p5.48xlarge", 1),
        "33 EFA interfaces exceed the limit of p5.48xlarge: 32",
    ),
    (
        "block in two zones",
        lambda aws: {**_template(aws, _BLOCK), "instanceTypes": None, "capacityType": "CAPACITY_BLOCK"},
        lambda aws: {},
        "A Capacity Block is in one zone",
    ),
]


def _data(text: str) -> Json:
    """A launch template with user data."""
    return {"userData": base64.b64encode(text.encode()).decode()}


def _fabric(aws: Aws, machine: str, count: int) -> Json:
    """A node group of machines with so many EFA interfaces."""
    first = {"networkCardIndex": 0, "deviceIndex": 0, "interfaceType": "interface"}
    more = [{"networkCardIndex": card, "deviceIndex": 1, "interfaceType": "efa-only"} for card in range(count)]
    return {**_template(aws, {"networkInterfaces": [first, *more]}), "instanceTypes": [machine]}


def _one_subnet(aws: Aws) -> list[str]:
    return [aws.world.resources("Subnet")[0].id]


@pytest.mark.parametrize(
    ("bad", "good", "message"), [case[1:] for case in _REFUSED], ids=[case[0] for case in _REFUSED]
)
def test_a_node_group_is_refused_and_the_near_one_is_made(
    aws: Aws,
    subnets: list[Made],
    bad: Callable[[Aws], Json],
    good: Callable[[Aws], Json],
    message: str,
) -> None:
    inputs = things.node_inputs(aws, subnets)

    def with_(more: Json) -> Json:
        return {key: value for key, value in {**inputs, **more}.items() if value is not None}

    with pytest.raises(ProviderError, match=message):
        aws.create(NODE_GROUP, "bad", with_(bad(aws)))
    assert aws.world.resources("NodeGroup") == []
    aws.create(NODE_GROUP, "good", with_(good(aws)))


def test_nodes_join_only_with_a_way_out(aws: Aws) -> None:
    vpc = things.vpc(aws)
    lost = [things.subnet(aws, vpc, index, zone) for index, zone in enumerate("ab")]
    things.cluster(aws, lost)
    with pytest.raises(PartialError, match=r"NodeCreationFailure: Instances failed to join .* leads nowhere"):
        aws.create(NODE_GROUP, "group", things.node_inputs(aws, lost))
    idle = things.node_inputs(aws, lost, scalingConfig={"minSize": 0, "maxSize": 3, "desiredSize": 0})
    aws.create(NODE_GROUP, "idle", idle)


def test_nodes_join_only_with_a_network_plugin(aws: Aws) -> None:
    subnets = things.network(aws)[1]
    aws.create(CLUSTER, "small", things.cluster_inputs(aws, subnets))
    inputs = things.node_inputs(aws, subnets)
    with pytest.raises(PartialError, match="container runtime network not ready: the add-on vpc-cni is missing"):
        aws.create(NODE_GROUP, "group", inputs)
    for name in ("vpc-cni", "kube-proxy"):
        aws.create(things.ADDON, name, {"clusterName": "small", "addonName": name})
    aws.create(NODE_GROUP, "second", inputs)


def test_the_network_plugin_needs_permission(aws: Aws) -> None:
    subnets = things.network(aws)[1]
    aws.create(CLUSTER, "small", things.cluster_inputs(aws, subnets))
    role = things.role(
        aws, "poor", "ec2.amazonaws.com", "AmazonEKSWorkerNodePolicy", "AmazonEC2ContainerRegistryPullOnly"
    )
    aws.create(things.ADDON, "proxy", {"clusterName": "small", "addonName": "kube-proxy"})
    cni = aws.create(things.ADDON, "cni", {"clusterName": "small", "addonName": "vpc-cni"})
    inputs = things.node_inputs(aws, subnets, nodeRoleArn=role["arn"])
    with pytest.raises(PartialError, match="AmazonEKS_CNI_Policy is on no role that it has"):
        aws.create(NODE_GROUP, "group", inputs)
    association = {"serviceAccount": "aws-node", "roleArn": things.pod_role(aws)["arn"]}
    aws.update(cni, {**cni.given, "podIdentityAssociations": [association]})
    aws.create(NODE_GROUP, "second", inputs)


def test_nodes_find_the_private_endpoint_by_name(aws: Aws) -> None:
    vpc, subnets = things.network(aws)
    things.cluster(aws, subnets)
    aws.update(vpc, {"cidrBlock": "10.0.0.0/16"})
    with pytest.raises(PartialError, match="has no DNS hostnames"):
        aws.create(NODE_GROUP, "group", things.node_inputs(aws, subnets))


def test_a_version_goes_up_after_the_cluster_and_never_further(aws: Aws, subnets: list[Made]) -> None:
    group = aws.create(NODE_GROUP, "group", things.node_inputs(aws, subnets, version="1.34"))
    newer = {**group.given, "version": "1.35"}
    assert aws.diff(group, newer)[:2] == (["version"], [])
    with pytest.raises(ProviderError, match=r"not compatible with the cluster's 1\.34"):
        aws.update(group, newer)
    [cluster] = aws.world.resources("Cluster")
    state = Made(urn=f"urn:pulumi:test::proj::{CLUSTER}::small", id="small", inputs=cluster.inputs, state={})
    aws.update(state, {**cluster.inputs, "version": "1.35"})
    assert aws.update(group, newer)["version"] == "1.35"


def test_machines_replace_a_group_and_its_template_version_does_not(aws: Aws, subnets: list[Made]) -> None:
    template = _template(aws, {"keyName": "k"})
    group = aws.create(NODE_GROUP, "group", things.node_inputs(aws, subnets, **template))
    changed = {**group.given, "instanceTypes": ["m7i.xlarge"]}
    assert aws.diff(group, changed) == (["instanceTypes[0]"], ["instanceTypes[0]"], False)
    next_version = {**template["launchTemplate"], "version": "2"}
    assert aws.diff(group, {**group.given, "launchTemplate": next_version})[1] == []
    other = {"id": "lt-0", "version": "1"}
    assert aws.diff(group, {**group.given, "launchTemplate": other})[1] == ["launchTemplate.id"]


def test_a_security_group_of_nodes_stays_while_they_do(aws: Aws, subnets: list[Made]) -> None:
    guard = aws.create(GROUP, "guard", {"vpcId": subnets[0]["vpcId"]})
    template = _template(aws, {"vpcSecurityGroupIds": [guard.id]})
    group = aws.create(NODE_GROUP, "group", things.node_inputs(aws, subnets, **template))
    with pytest.raises(ProviderError, match=f"DependencyViolation: resource {guard.id} has a dependent object"):
        aws.delete(guard)
    aws.delete(group)
    aws.delete(guard)


def test_a_placement_group_must_exist_and_stays_while_nodes_are_in_it(aws: Aws, subnets: list[Made]) -> None:
    with pytest.raises(ProviderError, match="The placement group 'close' is unknown"):
        _template(aws, {"placement": {"groupName": "close"}})
    close = aws.create(PLACEMENT, "close", {"name": "close", "strategy": "cluster"})
    template = _template(aws, {"placement": {"groupName": "close"}})
    inputs = things.node_inputs(aws, subnets, **template)
    with pytest.raises(ProviderError, match="Placement group close is in one zone"):
        aws.create(NODE_GROUP, "group", inputs)
    group = aws.create(NODE_GROUP, "group", {**inputs, "subnetIds": [subnets[0].id]})
    with pytest.raises(ProviderError, match=r"InvalidPlacementGroup\.InUse"):
        aws.delete(close)
    aws.delete(group)
    aws.delete(close)


def test_the_size_that_an_autoscaler_chose_stays_until_the_limits_change(aws: Aws, subnets: list[Made]) -> None:
    group = aws.create(NODE_GROUP, "group", things.node_inputs(aws, subnets))
    sizes = {"minSize": 1, "maxSize": 3, "desiredSize": 1}
    aws.world.change("NodeGroup", "scalingConfig.desiredSize", 3)
    relabelled = aws.update(group, {**group.given, "labels": {"a": "b"}})
    assert relabelled["scalingConfig"] == {**sizes, "desiredSize": 3}
    wider = aws.update(relabelled, {**relabelled.given, "scalingConfig": {**sizes, "maxSize": 5}})
    assert wider["scalingConfig"] == {**sizes, "maxSize": 5}, "AWS is told all of the sizes"
    assert (
        "labels" not in aws.update(wider, {key: value for key, value in wider.given.items() if key != "labels"}).state
    )
