"""The types of S3, EFS, logs, events and queues.

What replaces them: the schemas of https://github.com/hashicorp/terraform-provider-aws (internal/service/s3, efs, logs,
events and sqs).
"""

from tools.offline.aws.kinds import Call, Kind, Name, Reference, Seconds
from tools.offline.aws.kinds_identity import KEY, ROLE
from tools.offline.aws.kinds_network import SECURITY_GROUP, SUBNET

BUCKET = "aws:s3/bucket:Bucket"
BUCKET_POLICY = "aws:s3/bucketPolicy:BucketPolicy"
FILE_SYSTEM = "aws:efs/fileSystem:FileSystem"
MOUNT_TARGET = "aws:efs/mountTarget:MountTarget"
LOG_GROUP = "aws:cloudwatch/logGroup:LogGroup"
EVENT_RULE = "aws:cloudwatch/eventRule:EventRule"
EVENT_TARGET = "aws:cloudwatch/eventTarget:EventTarget"
QUEUE = "aws:sqs/queue:Queue"
QUEUE_POLICY = "aws:sqs/queuePolicy:QueuePolicy"

_APART = ("region", "expectedBucketOwner", "skipDestroy", "mfa", "timeouts")


def _bucket_part(token: str, operation: str, within: str, *, renamed: dict[str, str] | None = None) -> Kind:
    """What S3 keeps beside a bucket, one of each. What is within something names the bucket in the request's path."""
    call = Call(
        service="s3",
        operation=operation,
        within=within,
        renamed=renamed or {},
        apart=(*_APART, *(["bucket"] if within else []), "transitionDefaultMinimumObjectSize"),
    )
    return Kind(
        token=token,
        service="S3",
        id_format="{bucket}",
        unique=("bucket",),
        replace=("bucket",),
        references=(Reference(path="bucket", to=BUCKET),),
        call=call,
    )


KINDS = (
    Kind(
        token=BUCKET,
        service="S3",
        id_format="{bucket}",
        arn="arn:aws:s3:::{id}",
        name=Name(property="bucket", most=63, lower=True),
        unique=("bucket",),
        replace=("bucket", "bucketPrefix", "objectLockEnabled"),
        outputs=("bucketDomainName", "bucketRegionalDomainName", "bucketRegion", "hostedZoneId"),
        filled={"forceDestroy": False, "objectLockEnabled": False},
    ),
    _bucket_part(
        "aws:s3/bucketVersioning:BucketVersioning",
        "PutBucketVersioning",
        "VersioningConfiguration",
        renamed={"versioningConfiguration": ".", "versioningConfiguration.mfaDelete": "MFADelete"},
    ),
    _bucket_part(
        "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
        "PutBucketEncryption",
        "ServerSideEncryptionConfiguration",
        renamed={"rules.applyServerSideEncryptionByDefault.kmsMasterKeyId": "KMSMasterKeyID"},
    ),
    _bucket_part(
        "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock",
        "PutPublicAccessBlock",
        "PublicAccessBlockConfiguration",
    ),
    _bucket_part(BUCKET_POLICY, "PutBucketPolicy", ""),
    _bucket_part(
        "aws:s3/bucketOwnershipControls:BucketOwnershipControls",
        "PutBucketOwnershipControls",
        "OwnershipControls",
        renamed={"rule": "Rules"},
    ),
    _bucket_part(
        "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration",
        "PutBucketLifecycleConfiguration",
        "LifecycleConfiguration",
    ),
    Kind(
        token=FILE_SYSTEM,
        service="EFS",
        id_prefix="fs",
        arn="arn:aws:elasticfilesystem:{region}:{account}:file-system/{id}",
        unique=("creationToken",),
        replace=("creationToken", "availabilityZoneName", "encrypted", "kmsKeyId", "performanceMode"),
        references=(Reference(path="kmsKeyId", to=KEY, by="arn"),),
        in_use=("FileSystemInUse", "FileSystem {id} is in use: it has mount targets"),
        call=Call(
            service="efs", operation="CreateFileSystem", apart=("lifecyclePolicies", "protection", "region", "tags")
        ),
        outputs=("dnsName", "numberOfMountTargets", "ownerId", "creationToken", "kmsKeyId", "performanceMode"),
        filled={"throughputMode": "bursting"},
        seconds=Seconds(create=10, delete=10),
    ),
    Kind(
        token=MOUNT_TARGET,
        service="EFS",
        id_prefix="fsmt",
        unique=("fileSystemId", "subnetId"),
        replace=("fileSystemId", "subnetId", "ipAddress", "ipAddressType"),
        references=(
            Reference(path="fileSystemId", to=FILE_SYSTEM, holds=True),
            Reference(path="subnetId", to=SUBNET, holds=True),
            Reference(path="securityGroups", to=SECURITY_GROUP, holds=True),
        ),
        call=Call(service="efs", operation="CreateMountTarget", apart=("region",)),
        outputs=(
            *("availabilityZoneId", "availabilityZoneName", "dnsName", "fileSystemArn", "mountTargetDnsName"),
            *("networkInterfaceId", "ownerId", "ipAddress", "securityGroups"),
        ),
        seconds=Seconds(create=90, delete=30),
    ),
    Kind(
        token=LOG_GROUP,
        service="CloudWatch Logs",
        id_format="{name}",
        arn="arn:aws:logs:{region}:{account}:log-group:{id}",
        name=Name(most=512),
        unique=("name",),
        replace=("name", "namePrefix", "logGroupClass"),
        references=(Reference(path="kmsKeyId", to=KEY, by="arn"),),
        call=Call(
            service="logs",
            operation="CreateLogGroup",
            renamed={"name": "logGroupName"},
            apart=("retentionInDays", "namePrefix", "skipDestroy", "region"),
        ),
        filled={"logGroupClass": "STANDARD", "retentionInDays": 0, "skipDestroy": False},
    ),
    Kind(
        token=EVENT_RULE,
        service="EventBridge",
        id_format="{name}",
        arn="arn:aws:events:{region}:{account}:rule/{id}",
        name=Name(most=64),
        unique=("eventBusName", "name"),
        replace=("name", "namePrefix", "eventBusName"),
        references=(Reference(path="roleArn", to=ROLE, by="arn"),),
        in_use=("ValidationException", "Rule can't be deleted since it has targets."),
        call=Call(service="events", operation="PutRule", apart=("namePrefix", "forceDestroy", "isEnabled", "region")),
        filled={"eventBusName": "default", "state": "ENABLED", "forceDestroy": False},
    ),
    Kind(
        token=EVENT_TARGET,
        service="EventBridge",
        id_format="{rule}",
        unique=("rule", "targetId"),
        replace=("rule", "eventBusName", "targetId"),
        references=(Reference(path="rule", to=EVENT_RULE, holds=True), Reference(path="arn", to="", by="arn")),
        outputs=("targetId",),
        filled={"eventBusName": "default"},
    ),
    Kind(
        token=QUEUE,
        service="SQS",
        id_format="https://sqs.{region}.amazonaws.com/{account}/{name}",
        arn="arn:aws:sqs:{region}:{account}:{name}",
        name=Name(most=80),
        unique=("name",),
        replace=("name", "namePrefix", "fifoQueue"),
        references=(Reference(path="kmsMasterKeyId", to=KEY, by="arn"),),
        outputs=("url", "policy"),
        filled={
            "delaySeconds": 0,
            "maxMessageSize": 262144,
            "messageRetentionSeconds": 345600,
            "fifoQueue": False,
            "receiveWaitTimeSeconds": 0,
            "visibilityTimeoutSeconds": 30,
        },
        seconds=Seconds(create=25, delete=3),
    ),
    Kind(
        token=QUEUE_POLICY,
        service="SQS",
        id_format="{queueUrl}",
        unique=("queueUrl",),
        replace=("queueUrl",),
        references=(Reference(path="queueUrl", to=QUEUE),),
        seconds=Seconds(create=25, delete=25),
    ),
)
