"""Object stores in Cloud Storage."""

import pulumi
from pulumi_gcp import storage

from modelyard.cluster.gke.account import Account
from modelyard.cluster.gke.keys import Keys
from modelyard.cluster.object_store_spec import ObjectStoreSpec
from modelyard.cluster.object_stores import ObjectStore

_UNFINISHED_UPLOAD_DAYS = 7
"""What an upload that broke off leaves is charged, and shown nowhere."""


class GcsStore(pulumi.ComponentResource):
    """A bucket in the cluster's region: encrypted, versioned, never public, with rights for all of it alone.

    Requests with credentials are answered over TLS only. Its name has a random end, as bucket names are everybody's. It
    is not replicated to another region. What is deleted is kept as a former version and not, beside that, as softly
    deleted, which would be charged once more.
    """

    store: ObjectStore
    """The bucket as every cluster sees its stores."""

    def __init__(
        self,
        name: str,
        account: Account,
        spec: ObjectStoreSpec,
        keys: Keys,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Make the bucket.

        Args:
            name: the Pulumi name, with which the bucket's begins.
            account: where.
            spec: a valid spec.
            keys: the cluster's key, if it has one.
            opts: Pulumi's options of the component.
        """
        super().__init__("modelyard:cluster:GcsStore", name, {}, opts)
        bucket = storage.Bucket(
            name,
            # As Google writes it, or each refresh would show a change.
            location=account.region.upper(),
            uniform_bucket_level_access=True,
            public_access_prevention="enforced",
            versioning=storage.BucketVersioningArgs(enabled=True),
            soft_delete_policy=storage.BucketSoftDeletePolicyArgs(retention_duration_seconds=0),
            lifecycle_rules=_lifecycle(spec),
            encryption=storage.BucketEncryptionArgs(default_kms_key_name=keys.key) if keys.key else None,
            force_destroy=spec.force_destroy,
            opts=pulumi.ResourceOptions(
                parent=self,
                provider=account.provider,
                depends_on=[account.apis["storage"], *keys.usable["storage"]],
            ),
        )
        self.store = ObjectStore(key=name, name=bucket.name, url=bucket.url, resource_id=bucket.id, ready=[bucket])
        self.register_outputs({"url": self.store.url})


def _lifecycle(spec: ObjectStoreSpec) -> list[storage.BucketLifecycleRuleArgs]:
    """When objects end. https://cloud.google.com/storage/docs/lifecycle"""
    delete = storage.BucketLifecycleRuleActionArgs(type="Delete")
    rules = [
        storage.BucketLifecycleRuleArgs(
            action=delete,
            condition=storage.BucketLifecycleRuleConditionArgs(
                days_since_noncurrent_time=spec.keep_former_versions_days, with_state="ARCHIVED"
            ),
        ),
        storage.BucketLifecycleRuleArgs(
            action=storage.BucketLifecycleRuleActionArgs(type="AbortIncompleteMultipartUpload"),
            condition=storage.BucketLifecycleRuleConditionArgs(age=_UNFINISHED_UPLOAD_DAYS),
        ),
    ]
    if spec.expire_after_days:
        rules.append(
            storage.BucketLifecycleRuleArgs(
                action=delete,
                condition=storage.BucketLifecycleRuleConditionArgs(age=spec.expire_after_days, with_state="LIVE"),
            )
        )
    return rules
