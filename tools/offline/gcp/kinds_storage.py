"""The types of Cloud Storage.

What replaces them: the schemas of https://github.com/hashicorp/terraform-provider-google (google/services/storage). How
long they take: our estimate, as Google publishes no times.
"""

from tools.offline.gcp.kinds import Api, Kind, Name, Reference, Seconds
from tools.offline.gcp.kinds_identity import KEY

BUCKET = "gcp:storage/bucket:Bucket"
BUCKET_MEMBER = "gcp:storage/bucketIAMMember:BucketIAMMember"

_STORAGE = "storage.googleapis.com"

KINDS = (
    Kind(
        token=BUCKET,
        service="Bucket",
        enabled=_STORAGE,
        id_format="{name}",
        labels="labels",
        name=Name(most=63, lower=True),
        unique=("name",),
        replace=(
            *("name", "location", "project", "enableObjectRetention", "customPlacementConfig.dataLocations"),
            "hierarchicalNamespace",
        ),
        references=(Reference(path="encryption.defaultKmsKeyName", to=KEY),),
        api=Api(
            document="storage.v1",
            schema="Bucket",
            renamed={
                "lifecycleRules": "lifecycle.rule",
                "lifecycleRules.condition.age": "age",
                "requesterPays": "billing.requesterPays",
                "uniformBucketLevelAccess": "iamConfiguration.uniformBucketLevelAccess.enabled",
                "publicAccessPrevention": "iamConfiguration.publicAccessPrevention",
                "enableObjectRetention": "objectRetention.mode",
            },
            apart=("deletionPolicy", "forceDestroy", "project"),
        ),
        outputs=(
            *("projectNumber", "selfLink", "timeCreated", "updated", "url", "publicAccessPrevention", "rpo"),
            *("softDeletePolicy", "uniformBucketLevelAccess", "versioning", "website", "storageClass"),
            "hierarchicalNamespace",
        ),
        filled={"forceDestroy": False},
        seconds=Seconds(create=3, delete=3),
    ),
    Kind(
        token=BUCKET_MEMBER,
        service="Storage Bucket IAM Member",
        enabled=_STORAGE,
        id_format="b/{bucket}/{role}/{member}",
        unique=("bucket", "role", "member", "condition"),
        replace=("bucket", "role", "member", "condition"),
        references=(Reference(path="bucket", to=BUCKET),),
        outputs=("etag",),
        seconds=Seconds(create=5, delete=5),
    ),
)
