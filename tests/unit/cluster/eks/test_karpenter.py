import json
from dataclasses import replace
from typing import Any

from modelyard.cluster.eks.identity import Statement
from modelyard.cluster.eks.karpenter import DEFINITION
from modelyard.cluster.eks.karpenter_policy import karpenter_statements
from tests.support.mocks import Recorded
from tests.unit.cluster.eks.foundations import H100_RDMA, L4_SPOT, MIG, SYSTEM, pools_made
from tests.unit.cluster.registrations import named

POOLS = {"system": SYSTEM, "l4": L4_SPOT, "h100": H100_RDMA}
READ_ONLY = ("Describe", "Get", "List")


def recorded(**further: Any) -> Recorded:
    return pools_made({**POOLS, **further}, "karpenter")


def statements(partition: str = "aws") -> list[Statement]:
    return karpenter_statements(
        partition=partition,
        region="us-east-1",
        cluster_name="prod",
        cluster_arn="cluster",
        node_role_arn="role",
        queue_arn="queue",
    )


def values(made: Recorded) -> dict[str, Any]:
    return named(made, "Release", "main-karpenter").inputs["values"]


def test_it_runs_on_nodes_that_it_did_not_make() -> None:
    made = recorded()
    release = named(made, "Release", "main-karpenter")
    (group,) = made.of("NodeGroup")
    assert group.name == "main-system"
    assert group.inputs["scalingConfig"]["maxSize"] == 2
    assert group.urn in release.depends_on
    assert release.inputs["values"]["replicas"] == 2


def test_one_node_has_room_for_one_controller() -> None:
    made = pools_made({"system": replace(SYSTEM, min_nodes=1)}, "karpenter")
    assert values(made)["replicas"] == 1


def test_its_kinds_are_a_chart_of_their_own() -> None:
    kinds, operator = (named(recorded(), "Release", name).inputs for name in ("main-karpenter-crds", "main-karpenter"))
    assert kinds["chart"] == "oci://public.ecr.aws/karpenter/karpenter-crd"
    assert operator["chart"] == "oci://public.ecr.aws/karpenter/karpenter"
    assert kinds["version"] == operator["version"]
    assert DEFINITION.pod_security == "restricted"


def test_it_asks_no_metadata_that_pods_do_not_reach() -> None:
    assert values(recorded())["dnsPolicy"] == "Default", "on destroy it outlives the cluster's own names"
    assert values(recorded())["controller"]["env"] == [{"name": "AWS_REGION", "value": "us-east-1"}]


def test_every_pool_that_can_grow_has_a_node_pool_for_the_rest() -> None:
    made = recorded()
    found = {each.inputs["metadata"]["name"]: each.inputs["spec"]["limits"]["nodes"] for each in made.of("NodePool")}
    assert found == {"system": "2", "l4": "8", "h100": "2"}
    assert {each.inputs["metadata"]["name"] for each in made.of("EC2NodeClass")} == set(found)


def test_a_pool_of_constant_size_has_none() -> None:
    made = recorded(fixed=replace(L4_SPOT, min_nodes=2, max_nodes=2))
    assert "fixed" not in {each.inputs["metadata"]["name"] for each in made.of("NodePool")}
    assert named(made, "NodeGroup", "main-fixed").inputs["scalingConfig"]["minSize"] == 2


def test_overlays_are_on_only_where_a_pool_needs_one() -> None:
    plain = pools_made({"system": SYSTEM, "l4": L4_SPOT}, "karpenter")
    shared = recorded(mig=MIG)
    assert not plain.of("NodeOverlay")
    assert values(plain)["settings"]["featureGates"] == {"nodeOverlay": False}
    assert values(shared)["settings"]["featureGates"] == {"nodeOverlay": True}
    assert {each.inputs["metadata"]["name"] for each in shared.of("NodeOverlay")} == {"h100", "mig"}


def test_destroy_goes_from_node_pools_over_the_controller_to_its_nodes() -> None:
    made = recorded()
    controller, group = named(made, "Release", "main-karpenter"), made.one("NodeGroup")
    for pool in made.of("NodePool"):
        node_class = named(made, "EC2NodeClass", pool.name)
        assert {controller.urn, group.urn, node_class.urn} <= pool.depends_on
        assert controller.urn in node_class.depends_on
        assert pool.timeouts == {"delete": "30m"}
    overlay = made.one("NodeOverlay")
    assert overlay.urn in named(made, "NodePool", overlay.name).depends_on


def test_its_nodes_have_an_instance_profile_that_goes_after_them() -> None:
    made = recorded()
    profile = made.one("InstanceProfile")
    assert all(profile.urn in each.depends_on for each in made.of("EC2NodeClass"))


def test_all_nodes_with_fabric_on_demand_are_in_one_placement_group() -> None:
    made = recorded(close=replace(H100_RDMA, capacity="on_demand", zones=[], min_nodes=1))
    group = made.one("PlacementGroup").urn
    assert group in named(made, "EC2NodeClass", "main-close-more").depends_on
    assert group in named(made, "LaunchTemplate", "main-close").depends_on


def test_the_queue_is_encrypted_and_filled_by_its_rule_only() -> None:
    made = recorded()
    assert made.one("Queue").inputs["sqsManagedSseEnabled"] is True
    allowed, denied = json.loads(made.one("QueuePolicy").inputs["policy"])["Statement"]
    assert (allowed["Action"], allowed["Principal"]) == ("sqs:SendMessage", {"Service": "events.amazonaws.com"})
    assert "aws:SourceArn" in allowed["Condition"]["ArnEquals"]
    assert (denied["Effect"], denied["Condition"]) == ("Deny", {"Bool": {"aws:SecureTransport": "false"}})


def test_it_hears_of_every_kind_of_interruption() -> None:
    pattern = json.loads(recorded().one("EventRule").inputs["eventPattern"])
    assert set(pattern["source"]) == {"aws.ec2", "aws.health"}
    assert len(pattern["detail-type"]) == 5
    assert "EC2 Spot Instance Interruption Warning" in pattern["detail-type"]


def test_it_changes_only_machines_that_carry_the_clusters_name() -> None:
    for each in statements():
        changes = [action for action in each.actions if not action.split(":")[1].startswith(READ_ONLY)]
        if changes and changes[0].startswith("ec2:") and "ec2:RunInstances" not in changes:
            tags = each.conditions["StringEquals"]
            assert any("kubernetes.io/cluster/prod" in key for key in tags), changes


def test_it_makes_machines_only_with_the_clusters_name() -> None:
    making = next(each for each in statements() if "ec2:CreateLaunchTemplate" in each.actions)
    assert making.conditions["StringEquals"]["aws:RequestTag/kubernetes.io/cluster/prod"] == "owned"
    assert any(resource.endswith(":instance/*") for resource in map(str, making.resources))


def test_a_star_alone_stands_only_for_reading() -> None:
    for each in statements():
        if "*" in each.resources:
            assert all(action.split(":")[1].startswith(READ_ONLY) for action in each.actions)


def test_it_passes_the_nodes_role_to_machines_only_and_makes_no_profiles() -> None:
    (passing,) = (each for each in statements() if "iam:PassRole" in each.actions)
    assert list(passing.resources) == ["role"]
    assert passing.conditions == {"StringEquals": {"iam:PassedToService": "ec2.amazonaws.com"}}
    others = {action for each in statements() for action in each.actions if action.startswith("iam:")}
    linked = "iam:CreateServiceLinkedRole"
    assert others == {"iam:PassRole", "iam:GetInstanceProfile", "iam:ListInstanceProfiles", linked}


def test_it_may_make_the_accounts_own_role_for_spot_and_no_other() -> None:
    (making,) = (each for each in statements() if "iam:CreateServiceLinkedRole" in each.actions)
    assert list(making.resources) == ["arn:aws:iam::*:role/aws-service-role/spot.amazonaws.com/*"]
    assert making.conditions == {"StringEquals": {"iam:AWSServiceName": "spot.amazonaws.com"}}


def test_in_china_names_are_others() -> None:
    text = json.dumps([[*map(str, each.resources), dict(each.conditions)] for each in statements("aws-cn")])
    assert "arn:aws-cn:ec2" in text
    assert "arn:aws:" not in text
    assert "ec2.amazonaws.com.cn" in text
