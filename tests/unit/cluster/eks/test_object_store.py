"""Stores and identities of workloads: what is in a bucket is private, and pods get at it without a key."""

import json
from collections.abc import Callable, Mapping
from typing import Any

import pulumi
import pytest

from modelyard.cluster.eks.cluster import EksCluster
from modelyard.cluster.eks.identity import Statement
from modelyard.cluster.existing.cluster import ExistingCluster
from modelyard.cluster.identities import BoundIdentity
from modelyard.cluster.object_store_spec import ObjectStoreSpec
from modelyard.cluster.object_stores import StoreAccess
from modelyard.cluster.spec import ExistingSpec
from modelyard.errors import ConfigError
from tests.support.mocks import Recorded, refused, run, value_of
from tests.unit.cluster.eks.clusters import POOLS, SPECS, statements
from tests.unit.cluster.registrations import named, waits_for

pytestmark = pytest.mark.filterwarnings("ignore:s3.Bucket:DeprecationWarning")

WORKLOAD: Mapping[str, Any] = {"namespace": "chat", "service_account": "workload"}


def with_cluster(then: Callable[[EksCluster], object]) -> Recorded:
    return run(lambda: then(EksCluster("main", SPECS["autoscaler"], POOLS)))


def store(**settings: Any) -> Recorded:
    return with_cluster(lambda cluster: cluster.object_store("models", ObjectStoreSpec(**settings)))


def test_bucket_is_private_encrypted_and_keeps_former_versions() -> None:
    recorded = store()
    assert recorded.one("BucketPublicAccessBlock").inputs == {
        "bucket": "models-id",
        "blockPublicAcls": True,
        "blockPublicPolicy": True,
        "ignorePublicAcls": True,
        "restrictPublicBuckets": True,
    }
    (rule,) = recorded.one("BucketServerSideEncryptionConfiguration").inputs["rules"]
    assert rule["applyServerSideEncryptionByDefault"] == {"sseAlgorithm": "AES256"}
    assert recorded.one("BucketVersioning").inputs["versioningConfiguration"] == {"status": "Enabled"}
    assert recorded.one("BucketOwnershipControls").inputs["rule"] == {"objectOwnership": "BucketOwnerEnforced"}
    assert "bucket" not in recorded.one("Bucket").inputs, "names of buckets are everybody's: it gets a random end"


def test_nothing_is_answered_without_tls() -> None:
    recorded = store()
    ((_, statement),) = (found for found in statements(recorded) if found[0] == "models")
    assert (statement["Effect"], statement["Principal"], statement["Action"]) == ("Deny", "*", "s3:*")
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    assert statement["Resource"] == ["arn:aws:s3:::models", "arn:aws:s3:::models/*"]
    assert "BucketPublicAccessBlock models" in waits_for(recorded, recorded.one("BucketPolicy"))


def test_objects_stay_and_former_versions_go() -> None:
    (rule,) = store().one("BucketLifecycleConfiguration").inputs["rules"]
    assert rule["noncurrentVersionExpiration"] == {"noncurrentDays": 30}
    assert rule["abortIncompleteMultipartUpload"] == {"daysAfterInitiation": 7}
    assert rule["expiration"] == {"expiredObjectDeleteMarker": True}, "marks of objects that are gone, and no object"
    assert store().one("Bucket").inputs["forceDestroy"] is False


def test_objects_go_where_that_is_asked_for() -> None:
    recorded = store(expire_after_days=90, keep_former_versions_days=1, force_destroy=True)
    former, objects = recorded.one("BucketLifecycleConfiguration").inputs["rules"]
    assert former["noncurrentVersionExpiration"] == {"noncurrentDays": 1}
    assert objects["expiration"] == {"days": 90}
    assert recorded.one("Bucket").inputs["forceDestroy"] is True


def test_store_says_its_address() -> None:
    found: list[str] = []
    with_cluster(lambda cluster: value_of(cluster.object_store("models", ObjectStoreSpec()).url, found))
    assert found == ["s3://models-id"]


@pytest.mark.parametrize(
    ("write", "may"),
    [
        (False, {"s3:GetObject", "s3:GetObjectVersion"}),
        (
            True,
            {
                "s3:GetObject", "s3:GetObjectVersion", "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload",
                "s3:ListMultipartUploadParts",
            },
        ),
    ],
)  # fmt: skip
def test_pods_get_what_they_ask_for_and_no_more(write: bool, may: set[str]) -> None:
    def program(cluster: EksCluster) -> None:
        models = cluster.object_store("models", ObjectStoreSpec())
        access = StoreAccess(store=models, write=write)
        cluster.workload_identity("chat", permissions=[access], **WORKLOAD)

    recorded = with_cluster(program)
    listing, objects = (each for name, each in statements(recorded) if name == "chat-identity")
    assert set(objects["Action"]) == may
    assert objects["Resource"] == ["arn:aws:s3:::models/*"]
    assert listing["Resource"] == ["arn:aws:s3:::models"]
    assert ("s3:ListBucketMultipartUploads" in listing["Action"]) is write
    association = named(recorded, "PodIdentityAssociation", "chat-identity")
    assert (association.inputs["namespace"], association.inputs["serviceAccount"]) == ("chat", "workload")
    assert {"RolePolicy chat-identity", "Cluster cluster"} <= waits_for(recorded, association)
    trust = json.loads(named(recorded, "iam/role:Role", "chat-identity").inputs["assumeRolePolicy"])
    assert trust["Statement"][0]["Condition"]["StringEquals"]["aws:RequestTag/kubernetes-namespace"] == "chat"


def test_pods_carry_nothing_and_reach_the_agent() -> None:
    def program(cluster: EksCluster) -> None:
        bound.append(cluster.workload_identity("chat", permissions=[], **WORKLOAD))
        value_of(pulumi.Output.all(*(each.urn for each in bound[0].ready)), ready)

    bound: list[BoundIdentity] = []
    ready: list[list[str]] = []
    recorded = with_cluster(program)
    assert (bound[0].pod_labels, bound[0].service_account_annotations) == ({}, {})
    assert bound[0].token_endpoints == {"169.254.170.23/32": (80,)}
    assert ready == [[named(recorded, "PodIdentityAssociation", "chat-identity").urn]]


def test_pods_may_do_what_else_is_stated() -> None:
    topic = Statement(actions=["sns:Publish"], resources=["arn:aws:sns:us-east-1:111122223333:done"])
    recorded = with_cluster(
        lambda cluster: cluster.workload_identity("chat", permissions=[], statements=[topic], **WORKLOAD)
    )
    ((_, statement),) = (found for found in statements(recorded) if found[0] == "chat-identity")
    assert statement == {
        "Effect": "Allow", "Action": ["sns:Publish"], "Resource": ["arn:aws:sns:us-east-1:111122223333:done"]
    }  # fmt: skip


@pytest.mark.parametrize(("name", "passes"), [("google-models", "goggle-models"), ("sthree-models", "three-models")])
def test_a_name_that_no_bucket_can_have_is_refused(name: str, passes: str) -> None:
    def program(name: str) -> Callable[[], object]:
        return lambda: EksCluster("main", SPECS["autoscaler"], POOLS).object_store(name, ObjectStoreSpec())

    assert "which no bucket's name may; choose another name" in str(refused(program(name), "modelyard:cluster:S3Store"))
    assert run(program(passes)).of("Bucket")


def test_bad_store_is_refused() -> None:
    def program() -> None:
        EksCluster("main", SPECS["autoscaler"], POOLS).object_store("models", ObjectStoreSpec(expire_after_days=0))

    error = refused(program, "modelyard:cluster:S3Store")
    assert str(error) == "models.expire_after_days: 0 is below 1; use 1 or more"


def test_clusters_without_a_cloud_say_so() -> None:
    def program() -> None:
        cluster = ExistingCluster("main", ExistingSpec(context="on-prem"), {})
        assert {"object_store", "workload_identity"} <= cluster.traits.unsupported.keys()
        with pytest.raises(ConfigError, match="no cloud is behind the cluster that could make a store; use a cluster"):
            cluster.object_store("models", ObjectStoreSpec())
        with pytest.raises(ConfigError, match="no cloud is behind the cluster whose services pods could use"):
            cluster.workload_identity("chat", permissions=[], **WORKLOAD)

    run(program)
