"""What a user writes of a workspace's object stores."""

from typing import Literal

from modelyard.cluster.object_store_spec import ObjectStoreSpec
from modelyard.spec import spec


@spec
class WorkspaceObjectStoreSpec(ObjectStoreSpec):
    """A store of objects in the cluster's cloud that a workspace's pods use without a key."""

    access: Literal["read", "write"] = "read"
    """What all pods of the workspace may do with it: `read` its objects, or `write`, which is to read, put and delete
    them; former versions too on GKE, whose rights do not tell them apart. Never to change the store itself. `read`, as
    it is the least; a workspace that leaves its results there needs `write`."""
