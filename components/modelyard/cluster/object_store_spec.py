"""What a user writes of an object store."""

from modelyard.spec import Count, spec


@spec
class ObjectStoreSpec:
    """A store of objects in the cluster's cloud: data sets, models, checkpoints.

    It is encrypted, keeps former versions, has no public objects and answers over TLS only.
    """

    expire_after_days: Count | None = None
    """Objects are deleted so many days after they were written. Left out: never."""
    keep_former_versions_days: Count = 30
    """How long a version is kept after it was overwritten or deleted. 30 days leave time to notice a mistake; each
    version is charged."""
    force_destroy: bool = False
    """Delete the objects with the store. False: a store with objects in it stops `pulumi destroy`."""
