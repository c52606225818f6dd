"""Stores and identities of workloads: what is in a bucket is private, and pods get at it without a key."""

from collections.abc import Callable, Mapping
from typing import Any

from modelyard.cluster.gke.cluster import GkeCluster
from modelyard.cluster.identities import BoundIdentity
from modelyard.cluster.object_store_spec import ObjectStoreSpec
from modelyard.cluster.object_stores import ObjectStore, StoreAccess
from tests.support.gcp import PROJECT_NUMBER
from tests.support.mocks import Recorded, refused, run, value_of
from tests.unit.cluster.gke.clusters import CLOUD_PROJECT, KEY, POOLS, SPECS
from tests.unit.cluster.registrations import named, waits_for

WORKLOAD: Mapping[str, Any] = {"namespace": "chat", "service_account": "workload"}


def with_cluster(then: Callable[[GkeCluster], object], variant: str = "autoscaler") -> Recorded:
    return run(lambda: then(GkeCluster("main", SPECS[variant], POOLS)))


def bucket(variant: str = "autoscaler", **settings: Any) -> Mapping[str, Any]:
    recorded = with_cluster(lambda cluster: cluster.object_store("models", ObjectStoreSpec(**settings)), variant)
    return recorded.one("gcp:storage/bucket:Bucket").inputs


def test_bucket_is_private_and_keeps_former_versions() -> None:
    found = bucket()
    assert found["uniformBucketLevelAccess"] is True
    assert found["publicAccessPrevention"] == "enforced"
    assert found["versioning"] == {"enabled": True}
    assert found["softDeletePolicy"] == {"retentionDurationSeconds": 0}, "what is deleted is a former version already"
    assert found["location"] == "US-CENTRAL1"
    assert found["forceDestroy"] is False
    assert "name" not in found, "names of buckets are everybody's: it gets a random end"


def test_objects_stay_and_former_versions_go() -> None:
    rules = bucket()["lifecycleRules"]
    assert rules == [
        {"action": {"type": "Delete"}, "condition": {"daysSinceNoncurrentTime": 30, "withState": "ARCHIVED"}},
        {"action": {"type": "AbortIncompleteMultipartUpload"}, "condition": {"age": 7}},
    ]


def test_objects_go_on_request() -> None:
    *_, rule = bucket(expire_after_days=90, keep_former_versions_days=7)["lifecycleRules"]
    assert rule == {"action": {"type": "Delete"}, "condition": {"age": 90, "withState": "LIVE"}}
    assert bucket(force_destroy=True)["forceDestroy"] is True


def test_bucket_is_encrypted_with_the_users_key_once_it_may_be_used() -> None:
    recorded = with_cluster(lambda cluster: cluster.object_store("models", ObjectStoreSpec()), "everything")
    made = recorded.one("gcp:storage/bucket:Bucket")
    assert made.inputs["encryption"] == {"defaultKmsKeyName": KEY}
    assert "CryptoKeyIAMMember storage-key" in waits_for(recorded, made)
    assert "encryption" not in bucket()


def test_bucket_waits_for_no_cluster() -> None:
    recorded = with_cluster(lambda cluster: cluster.object_store("models", ObjectStoreSpec()))
    before = waits_for(recorded, recorded.one("gcp:storage/bucket:Bucket"))
    assert "Service storage" in before
    assert "Cluster cluster" not in before


def test_bad_name_of_a_store_is_refused() -> None:
    def program() -> None:
        GkeCluster("main", SPECS["autoscaler"], POOLS).object_store("My_Models", ObjectStoreSpec())

    assert "is not a name" in str(refused(program, "modelyard:cluster:GcsStore"))


def granted(*writes: bool) -> Recorded:
    def program(cluster: GkeCluster) -> None:
        stores = [cluster.object_store(f"store-{index}", ObjectStoreSpec()) for index in range(len(writes))]
        permissions = [StoreAccess(store=store, write=write) for store, write in zip(stores, writes, strict=True)]
        cluster.workload_identity("chat", **WORKLOAD, permissions=permissions)

    return with_cluster(program)


def test_pods_of_one_service_account_may_use_the_stores_and_nothing_else() -> None:
    recorded = granted(False, True)
    found = {each.name: each.inputs for each in recorded.of("BucketIAMMember")}
    pool = f"{CLOUD_PROJECT}.svc.id.goog"
    principal = (
        f"principal://iam.googleapis.com/projects/{PROJECT_NUMBER}/locations/global/workloadIdentityPools/{pool}"
        "/subject/ns/chat/sa/workload"
    )
    assert found == {
        "chat-store-0": {
            "bucket": "store-0-0a1b2c3", "role": "roles/storage.objectViewer", "member": principal
        },
        "chat-store-1": {
            "bucket": "store-1-0a1b2c3", "role": "roles/storage.objectUser", "member": principal
        },
    }  # fmt: skip


def test_rights_are_named_after_their_store_so_that_one_that_goes_takes_no_other_along() -> None:
    assert [each.name for each in granted(False, True).of("BucketIAMMember")] == ["chat-store-0", "chat-store-1"]
    keys: list[str] = []

    def keep(store: ObjectStore) -> None:
        keys.append(store.key)

    with_cluster(lambda cluster: keep(cluster.object_store("models", ObjectStoreSpec())))
    assert keys == ["models"]


def test_pods_can_wait_for_their_rights_and_reach_the_metadata_server() -> None:
    found: list[str] = []

    def program(cluster: GkeCluster) -> None:
        store = cluster.object_store("models", ObjectStoreSpec())
        bound.append(cluster.workload_identity("chat", **WORKLOAD, permissions=[StoreAccess(store=store)]))
        (ready,) = bound[0].ready
        value_of(ready.urn, found)

    bound: list[BoundIdentity] = []
    recorded = with_cluster(program)
    assert found == [named(recorded, "BucketIAMMember", "chat-models").urn]
    assert (bound[0].pod_labels, bound[0].service_account_annotations) == ({}, {})
    assert bound[0].token_endpoints == {"169.254.169.254/32": (80,)}


def test_store_says_how_tools_address_it() -> None:
    urls: list[str] = []
    with_cluster(lambda cluster: value_of(cluster.object_store("models", ObjectStoreSpec()).url, urls))
    assert urls == ["gs://models-0a1b2c3"]
