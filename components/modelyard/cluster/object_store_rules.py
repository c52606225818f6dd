"""What clusters can do of object stores, as plain values and rules that need no cluster."""

from collections.abc import Iterator, Mapping

from modelyard.cluster.object_store_spec import ObjectStoreSpec
from modelyard.errors import Problem, show
from modelyard.kube.names import plain_name_problems

WITHOUT_CLOUD: Mapping[str, str] = {
    "object_store": "no cloud is behind the cluster that could make a store",
    "workload_identity": "no cloud is behind the cluster whose services pods could use",
}
"""For the trait `unsupported` of clusters that no cloud is behind."""
WITHOUT_CLOUD_FIX = "use a cluster of a cloud, or a store that you run with its key as a secret of the workspace"

AZURE_FORMER_VERSIONS_DAYS_MAX = 365
"""https://learn.microsoft.com/azure/storage/blobs/soft-delete-blob-overview#retention-period"""

# https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
# https://cloud.google.com/storage/docs/buckets#naming
_REFUSED_BEGINNINGS = ("amzn-s3-demo-", "goog", "sthree-", "xn--")
_REFUSED_WITHIN = "google"


def store_name_problems(name: str) -> Iterator[Problem]:
    """Why no store can have this Pulumi name, with which its name in the cloud begins; on one cloud as on the others,
    so that a stack can move. The path is empty: it is the store's."""
    yield from plain_name_problems(name)
    if name.startswith(_REFUSED_BEGINNINGS) or _REFUSED_WITHIN in name:
        refused = next((each for each in _REFUSED_BEGINNINGS if name.startswith(each)), None)
        what = f"begins with {refused}" if refused else f"has {_REFUSED_WITHIN} in it"
        yield Problem(why=f"{show(name)} {what}, which no bucket's name may", fix="choose another name")


def store_problems(spec: ObjectStoreSpec, *, former_versions_days_max: int | None) -> Iterator[Problem]:
    """What a cloud cannot do of a valid store.

    Args:
        spec: the store.
        former_versions_days_max: the trait of this name.
    """
    days = spec.keep_former_versions_days
    if former_versions_days_max is not None and days > former_versions_days_max:
        why = f"{days} days are more than the {former_versions_days_max} for which the cluster's cloud keeps them"
        yield Problem(path="keep_former_versions_days", why=why, fix=f"use {former_versions_days_max} or less")
