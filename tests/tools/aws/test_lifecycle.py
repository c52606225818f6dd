"""Names, tags, state, replacement, refresh and faults, for any type."""

import json
import threading
from pathlib import Path

import pytest

from tests.support.processes import wait_until
from tests.tools.aws import things
from tests.tools.aws.account import Aws, Made, Refused
from tests.tools.aws.things import ADDON, CLUSTER, KEY, LOG_GROUP, NODE_GROUP, ROLE, ROLE_POLICY, SUBNET, TEMPLATE, VPC
from tools.offline.common.errors import PartialError, ProviderError
from tools.offline.common.values import UNKNOWN

_TRUST = {"assumeRolePolicy": things.trust("ec2.amazonaws.com")}


def test_a_name_is_made_of_the_resources_and_stays(aws: Aws) -> None:
    made = aws.create(ROLE, "worker", _TRUST)
    assert made.id.startswith("worker-")
    assert len(made.id) == len("worker-") + 7
    assert made["arn"] == f"arn:aws:iam::123456789012:role/{made.id}"
    assert aws.diff(made, _TRUST)[0] == []
    named = aws.create(ROLE, "other", {**_TRUST, "name": "mine"})
    assert named.id == "mine"
    prefixed = aws.create(ROLE, "third", {**_TRUST, "namePrefix": "p-"})
    assert prefixed["name"].startswith("p-")
    assert prefixed.id == prefixed["name"]


def test_a_name_that_would_be_too_long_is_refused(aws: Aws) -> None:
    with pytest.raises(ProviderError, match="max length constraint of 64"):
        aws.create(ROLE, "w" * 57, _TRUST)
    assert len(aws.create(ROLE, "w" * 56, _TRUST).id) == 64


def test_the_providers_tags_are_on_everything_and_the_resources_own_win(tmp_path: Path) -> None:
    aws = Aws(tmp_path, arguments={"defaultTags": {"tags": {"owner": "us", "tier": "test"}}})
    made = aws.create(VPC, "vpc", {"cidrBlock": "10.0.0.0/16", "tags": {"tier": "prod"}})
    assert made["tagsAll"] == {"owner": "us", "tier": "prod"}
    assert "tags" not in aws.create(things.ATTACHMENT, "a", _attachment(aws)).inputs


def _attachment(aws: Aws) -> dict[str, str]:
    return {
        "role": things.role(aws, "r", "ec2.amazonaws.com").id,
        "policyArn": "arn:aws:iam::aws:policy/AmazonEKSClusterPolicy",
    }


def test_a_preview_knows_what_the_program_says_and_nothing_that_aws_adds(aws: Aws) -> None:
    shown = aws.preview(CLUSTER, things.cluster_inputs(aws, things.network(aws)[1]))
    assert shown["name"] == "small"
    assert shown["endpoint"] is UNKNOWN
    assert shown["certificateAuthority"] is UNKNOWN
    assert shown["vpcConfig"]["clusterSecurityGroupId"] is UNKNOWN
    assert shown["vpcConfig"]["endpointPrivateAccess"] is True
    assert aws.world.resources("Cluster") == []


def test_unknown_references_pass_a_preview_and_wrong_ones_fail_the_creation(aws: Aws) -> None:
    inputs = {"vpcId": UNKNOWN, "cidrBlock": "10.0.0.0/24"}
    assert aws.preview(SUBNET, inputs)["vpcId"] is UNKNOWN
    with pytest.raises(ProviderError, match=r"InvalidVpcID\.NotFound: The vpc ID 'vpc-0' does not exist"):
        aws.create(SUBNET, "subnet", {**inputs, "vpcId": "vpc-0"})
    assert aws.create(SUBNET, "subnet", {**inputs, "vpcId": things.vpc(aws).id})["availabilityZone"] == "us-east-1a"


def test_two_of_one_name_are_refused(aws: Aws) -> None:
    aws.create(LOG_GROUP, "a", {"name": "logs"})
    with pytest.raises(ProviderError, match="ResourceAlreadyExistsException"):
        aws.create(LOG_GROUP, "b", {"name": "logs"})
    aws.create(LOG_GROUP, "c", {"name": "others"})


def test_what_cannot_change_replaces_and_the_rest_is_changed_in_place(aws: Aws) -> None:
    made = aws.create(VPC, "vpc", {"cidrBlock": "10.0.0.0/16"})
    assert aws.diff(made, {"cidrBlock": "10.1.0.0/16"}) == (["cidrBlock"], ["cidrBlock"], False)
    assert aws.diff(made, {"cidrBlock": "10.0.0.0/16", "enableDnsHostnames": True}) == (
        ["enableDnsHostnames"],
        [],
        False,
    )
    assert aws.update(made, {"cidrBlock": "10.0.0.0/16", "enableDnsHostnames": True})["enableDnsHostnames"] is True


def test_a_named_resource_goes_before_its_successor_comes(aws: Aws) -> None:
    named = aws.create(LOG_GROUP, "a", {"name": "logs", "logGroupClass": "STANDARD"})
    changed = aws.diff(named, {"name": "logs", "logGroupClass": "INFREQUENT_ACCESS"})
    assert changed == (["logGroupClass"], ["logGroupClass"], True)
    unnamed = aws.create(LOG_GROUP, "b", {"logGroupClass": "STANDARD"})
    assert aws.diff(unnamed, {"logGroupClass": "INFREQUENT_ACCESS"})[2] is False


def test_order_of_a_set_and_form_of_a_document_are_no_change(aws: Aws) -> None:
    inline = {"role": things.role(aws, "r", "ec2.amazonaws.com").id, "policy": things.policy()}
    made = aws.create(ROLE_POLICY, "p", inline)
    assert aws.diff(made, {**inline, "policy": json.dumps(json.loads(things.policy()), indent=2)})[0] == []
    assert aws.diff(made, {**inline, "policy": things.policy("s3:PutObject")})[0] == ["policy"]
    _, subnets = things.network(aws)
    inputs = things.cluster_inputs(aws, subnets)
    cluster = aws.create(CLUSTER, "small", inputs)
    turned = {**inputs, "vpcConfig": {**inputs["vpcConfig"], "subnetIds": inputs["vpcConfig"]["subnetIds"][::-1]}}
    assert aws.diff(cluster, turned)[0] == []


def test_a_refresh_sees_what_somebody_changed_or_deleted(aws: Aws) -> None:
    made = aws.create(VPC, "vpc", {"cidrBlock": "10.0.0.0/16", "tags": {"a": "b"}})
    aws.world.change("Vpc", "tags", {"a": "c"})
    seen = aws.read(made)
    assert seen is not None
    assert seen.inputs["tags"] == {"a": "c"}
    assert aws.diff(seen, made.inputs)[0] == ["tags.a"]
    aws.world.forget("Vpc", made.id)
    assert aws.read(made) is None
    aws.delete(made)


def test_a_launch_template_has_a_version_for_each_change_of_its_data(aws: Aws) -> None:
    made = aws.create(TEMPLATE, "t", {"instanceType": "m7i.large"})
    assert (made["latestVersion"], made["defaultVersion"]) == (1, 1)
    tagged = aws.update(made, {"instanceType": "m7i.large", "tags": {"a": "b"}})
    assert tagged["latestVersion"] == 1
    changed = aws.update(made, {"instanceType": "m7i.xlarge"})
    assert (changed["latestVersion"], changed["defaultVersion"]) == (2, 1)
    newest = aws.update(changed, {"instanceType": "m7i.2xlarge", "updateDefaultVersion": True})
    assert (newest["latestVersion"], newest["defaultVersion"]) == (3, 3)


def test_a_call_can_be_made_to_fail_before_anything_is_made(aws: Aws) -> None:
    aws.world.go_wrong("Vpc.create", code="RequestLimitExceeded", message="Request limit exceeded.")
    with pytest.raises(ProviderError, match="RequestLimitExceeded: Request limit exceeded"):
        things.vpc(aws)
    assert aws.world.left() == []
    aws.world.go_right()
    things.vpc(aws)
    errors = [bool(call["error"]) for call in aws.world.calls("Vpc.create")]
    assert errors == [True, False]


def test_only_the_nth_call_can_be_made_to_fail(aws: Aws) -> None:
    aws.world.go_wrong("Key.create", nth=2)
    aws.create(KEY, "a", {})
    with pytest.raises(ProviderError, match="InternalError"):
        aws.create(KEY, "b", {})
    aws.create(KEY, "c", {})


def test_a_resource_that_fails_after_it_was_made_is_kept_by_the_engine(aws: Aws) -> None:
    aws.world.go_wrong("Cluster.create", then="fail_after", code="ResourceLimitExceeded", message="no capacity")
    with pytest.raises(
        PartialError, match="unexpected state 'CREATE_FAILED': ResourceLimitExceeded: no capacity"
    ) as failure:
        things.cluster(aws, things.network(aws)[1])
    assert failure.value.object_id == "small"
    assert aws.world.one("Cluster").status == "CREATE_FAILED"
    with pytest.raises(ProviderError, match="Cluster small is not in ACTIVE status"):
        aws.create(NODE_GROUP, "g", things.node_inputs(aws, []) | {"subnetIds": []})


def test_what_failed_to_be_made_stays_failed_until_it_is_replaced(aws: Aws) -> None:
    """Pulumi tries it again as an update without a change, of which AWS hears nothing."""
    aws.world.go_wrong("Cluster.create", then="fail_after")
    inputs = things.cluster_inputs(aws, things.network(aws)[1])
    with pytest.raises(PartialError) as failure:
        aws.create(CLUSTER, "it", inputs)
    aws.world.go_right()
    urn = f"urn:pulumi:test::proj::{CLUSTER}::it"
    failed = Made(urn=urn, id=failure.value.object_id, inputs=inputs, state=failure.value.state)
    assert aws.update(failed, inputs)["status"] == "CREATE_FAILED"
    assert aws.world.one("Cluster").status == "CREATE_FAILED"
    with pytest.raises(ProviderError, match="cannot be updated in status CREATE_FAILED"):
        aws.update(failed, {**inputs, "version": "1.35"})


def test_an_addon_that_failed_gets_well_with_what_it_lacked(aws: Aws) -> None:
    _, subnets = things.network(aws)
    things.cluster(aws, subnets)
    dns = {"clusterName": "small", "addonName": "coredns"}
    with pytest.raises(PartialError) as failure:
        aws.create(ADDON, "dns", dns)
    waiting = aws.kept(ADDON, "dns", failure.value)
    with pytest.raises(PartialError, match="InsufficientNumberOfReplicas"):
        aws.update(waiting, dns)
    aws.create(NODE_GROUP, "group", things.node_inputs(aws, subnets))
    aws.update(waiting, dns)
    assert {each.status for each in aws.world.resources("Addon")} == {"ACTIVE"}


def test_aws_goes_on_with_what_was_cancelled(tmp_path: Path) -> None:
    aws = Aws(tmp_path, latency=1)
    aws.session.cancelled.set()
    with pytest.raises(PartialError, match="the update was cancelled"):
        aws.create(things.QUEUE, "queue", {"name": "queue"})
    assert aws.world.one("Queue").status == "ACTIVE"


def test_a_call_can_be_made_to_stall(aws: Aws) -> None:
    aws.world.go_wrong("Vpc.create", then="stall")
    thread = threading.Thread(target=lambda: things.vpc(aws))
    thread.start()
    assert aws.world.resources("Vpc") == []
    aws.world.go_right()
    wait_until(lambda: bool(aws.world.resources("Vpc")), "the VPC that stalled")
    thread.join()


def test_aws_takes_its_time_at_a_scale(tmp_path: Path) -> None:
    aws = Aws(tmp_path, latency=0.001)
    _, subnets = things.network(aws)
    aws.create(CLUSTER, "small", things.cluster_inputs(aws, subnets))
    [call] = aws.world.calls("Cluster.create")
    assert 0.54 <= call["end"] - call["start"] < 5


def test_check_refuses_before_a_name_is_made(aws: Aws) -> None:
    with pytest.raises(Refused, match="assumeRolePolicy: is required"):
        aws.create(ROLE, "r", {})
