"""The types of projects, service accounts and keys.

What replaces them: the schemas of https://github.com/hashicorp/terraform-provider-google
(google/services/resourcemanager and kms). How long they take: our estimate, as Google publishes no times.
"""

from tools.offline.gcp.kinds import Api, Kind, Name, Reference, Seconds

SERVICE = "gcp:projects/service:Service"
SERVICE_IDENTITY = "gcp:projects/serviceIdentity:ServiceIdentity"
ACCOUNT = "gcp:serviceaccount/account:Account"
PROJECT_MEMBER = "gcp:projects/iAMMember:IAMMember"
KEY_MEMBER = "gcp:kms/cryptoKeyIAMMember:CryptoKeyIAMMember"
KEY = "internal:kms/cryptoKey:CryptoKey"

_CONDITION = "condition"

KINDS = (
    Kind(
        token=SERVICE,
        service="Project Service",
        id_format="{project}/{service}",
        unique=("project", "service"),
        replace=("service", "project"),
        filled={"disableOnDestroy": False, "disableDependentServices": False},
        # It is only forgotten, as the library leaves APIs enabled.
        seconds=Seconds(create=20),
    ),
    Kind(
        token=SERVICE_IDENTITY,
        service="Service Identity",
        enabled="serviceusage.googleapis.com",
        id_format="projects/{project}/services/{service}",
        unique=("project", "service"),
        replace=("service", "project"),
        outputs=("email", "member"),
        seconds=Seconds(create=5),
    ),
    Kind(
        token=ACCOUNT,
        service="Service Account",
        enabled="iam.googleapis.com",
        id_format="projects/{project}/serviceAccounts/{email}",
        name=Name(property="accountId", most=30, lower=True),
        unique=("project", "accountId"),
        replace=("accountId", "project"),
        api=Api(
            document="iam.v1",
            schema="ServiceAccount",
            apart=("accountId", "createIgnoreAlreadyExists", "deletionPolicy", "project"),
        ),
        outputs=("email", "member", "name", "uniqueId"),
        filled={"disabled": False},
        seconds=Seconds(create=5),
    ),
    Kind(
        token=PROJECT_MEMBER,
        service="Project IAM Member",
        enabled="cloudresourcemanager.googleapis.com",
        id_format="{project}/{role}/{member}",
        unique=("project", "role", "member", "condition"),
        replace=("project", "role", "member", _CONDITION),
        outputs=("etag",),
        seconds=Seconds(create=8, delete=8),
    ),
    Kind(
        token=KEY_MEMBER,
        service="KMS CryptoKey IAM Member",
        enabled="cloudkms.googleapis.com",
        id_format="{cryptoKeyId}/{role}/{member}",
        unique=("cryptoKeyId", "role", "member", "condition"),
        replace=("cryptoKeyId", "role", "member", _CONDITION),
        references=(Reference(path="cryptoKeyId", to=KEY),),
        outputs=("etag",),
        seconds=Seconds(create=5, delete=5),
    ),
    Kind(token=KEY, service="CryptoKey", internal=True),
)
