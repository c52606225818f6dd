"""Object stores in S3."""

import pulumi
import pulumi_aws as aws

from modelyard.cluster.eks.account import Account
from modelyard.cluster.eks.identity import Statement
from modelyard.cluster.object_store_spec import ObjectStoreSpec
from modelyard.cluster.object_stores import ObjectStore, StoreAccess

_UNFINISHED_UPLOAD_DAYS = 7
"""What an upload that broke off leaves is charged, and shown nowhere."""


class S3Store(pulumi.ComponentResource):
    """A bucket: encrypted, versioned, without public access or lists of access of single objects, over TLS only.

    Its name in AWS has a random end, as bucket names are everybody's. It is not replicated, and its requests are not
    logged.
    """

    store: ObjectStore
    """The bucket as every cluster sees its stores."""

    def __init__(
        self, name: str, account: Account, spec: ObjectStoreSpec, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        """Make the bucket.

        Args:
            name: the Pulumi name, with which the bucket's begins.
            account: where.
            spec: a valid spec.
            opts: Pulumi's options of the component.
        """
        super().__init__("modelyard:cluster:S3Store", name, {}, opts)
        options = pulumi.ResourceOptions(parent=self, provider=account.provider)
        bucket = aws.s3.Bucket(name, force_destroy=spec.force_destroy, opts=options)
        private = aws.s3.BucketPublicAccessBlock(
            name,
            bucket=bucket.id,
            block_public_acls=True,
            block_public_policy=True,
            ignore_public_acls=True,
            restrict_public_buckets=True,
            opts=options,
        )
        ready = [private, *_settings(name, bucket, spec, options), _tls_only(name, bucket, private, options)]
        self.store = ObjectStore(
            key=name, name=bucket.id, url=pulumi.Output.concat("s3://", bucket.id), resource_id=bucket.arn, ready=ready
        )
        self.register_outputs({"url": self.store.url})


def store_statements(access: StoreAccess) -> list[Statement]:
    """What a role needs to use a store. It may not change the store itself, nor remove former versions."""
    store = access.store
    objects = ["s3:GetObject", "s3:GetObjectVersion"]
    if access.write:
        objects += ["s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"]
    listing = ["s3:ListBucket", "s3:GetBucketLocation", *(["s3:ListBucketMultipartUploads"] if access.write else [])]
    return [
        Statement(actions=listing, resources=[store.resource_id]),
        Statement(actions=objects, resources=[pulumi.Output.concat(store.resource_id, "/*")]),
    ]


def _settings(
    name: str, bucket: aws.s3.Bucket, spec: ObjectStoreSpec, options: pulumi.ResourceOptions
) -> list[pulumi.Resource]:
    by_default = aws.s3.BucketServerSideEncryptionConfigurationRuleApplyServerSideEncryptionByDefaultArgs(
        sse_algorithm="AES256"
    )
    versions = aws.s3.BucketVersioning(
        name,
        bucket=bucket.id,
        versioning_configuration=aws.s3.BucketVersioningVersioningConfigurationArgs(status="Enabled"),
        opts=options,
    )
    return [
        versions,
        aws.s3.BucketOwnershipControls(
            name,
            bucket=bucket.id,
            rule=aws.s3.BucketOwnershipControlsRuleArgs(object_ownership="BucketOwnerEnforced"),
            opts=options,
        ),
        aws.s3.BucketServerSideEncryptionConfiguration(
            name,
            bucket=bucket.id,
            rules=[
                aws.s3.BucketServerSideEncryptionConfigurationRuleArgs(
                    apply_server_side_encryption_by_default=by_default
                )
            ],
            opts=options,
        ),
        aws.s3.BucketLifecycleConfiguration(
            name,
            bucket=bucket.id,
            rules=_lifecycle(spec),
            # Rules on former versions need versions: https://registry.terraform.io/providers/hashicorp/aws/latest/docs/resources/s3_bucket_lifecycle_configuration
            opts=pulumi.ResourceOptions.merge(options, pulumi.ResourceOptions(depends_on=[versions])),
        ),
    ]


def _lifecycle(spec: ObjectStoreSpec) -> list[aws.s3.BucketLifecycleConfigurationRuleArgs]:
    everything = aws.s3.BucketLifecycleConfigurationRuleFilterArgs(prefix="")
    former = aws.s3.BucketLifecycleConfigurationRuleNoncurrentVersionExpirationArgs(
        noncurrent_days=spec.keep_former_versions_days
    )
    unfinished = aws.s3.BucketLifecycleConfigurationRuleAbortIncompleteMultipartUploadArgs(
        days_after_initiation=_UNFINISHED_UPLOAD_DAYS
    )
    # What marks an object as deleted, once it has no former version left.
    marker = aws.s3.BucketLifecycleConfigurationRuleExpirationArgs(expired_object_delete_marker=True)
    rules = [
        aws.s3.BucketLifecycleConfigurationRuleArgs(
            id="former-versions",
            status="Enabled",
            filter=everything,
            expiration=marker,
            noncurrent_version_expiration=former,
            abort_incomplete_multipart_upload=unfinished,
        )
    ]
    if spec.expire_after_days:
        expiration = aws.s3.BucketLifecycleConfigurationRuleExpirationArgs(days=spec.expire_after_days)
        rules.append(
            aws.s3.BucketLifecycleConfigurationRuleArgs(
                id="objects", status="Enabled", filter=everything, expiration=expiration
            )
        )
    return rules


def _tls_only(
    name: str, bucket: aws.s3.Bucket, private: pulumi.Resource, options: pulumi.ResourceOptions
) -> pulumi.Resource:
    policy = pulumi.Output.json_dumps(
        {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Deny",
                    "Principal": "*",
                    "Action": "s3:*",
                    "Resource": [bucket.arn, pulumi.Output.concat(bucket.arn, "/*")],
                    "Condition": {"Bool": {"aws:SecureTransport": "false"}},
                }
            ],
        }
    )
    return aws.s3.BucketPolicy(
        name,
        bucket=bucket.id,
        policy=policy,
        # S3 refuses two changes of a bucket's access at once.
        opts=pulumi.ResourceOptions.merge(options, pulumi.ResourceOptions(depends_on=[private])),
    )
