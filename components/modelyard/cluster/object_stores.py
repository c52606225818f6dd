"""Object stores as every cluster sees them: what one is, and who may use it."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import pulumi


@dataclass(frozen=True, kw_only=True)
class ObjectStore:
    """An object store that exists.

    Attributes:
        key: its Pulumi name, known at preview: what is made for it is named after it.
        name: its name in the cloud.
        url: how tools address it: `s3://…`.
        resource_id: the cloud's own id, for permissions.
        ready: what must exist before anything is put into it.
    """

    key: str
    name: pulumi.Output[str]
    url: pulumi.Output[str]
    resource_id: pulumi.Output[str]
    ready: Sequence[pulumi.Resource] = field(default_factory=tuple[pulumi.Resource])


@dataclass(frozen=True, kw_only=True)
class StoreAccess:
    """What pods may do with a store: read its objects, and with `write` also put and delete them."""

    store: ObjectStore
    write: bool = False
