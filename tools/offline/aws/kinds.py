"""What is said of a type of AWS's beside what is said of any cloud's."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from tools.offline.cloud import kinds
from tools.offline.cloud.kinds import Name, Reference, Seconds

__all__ = ["Call", "Kind", "Name", "Reference", "Seconds"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Call:
    """The API call that makes a resource, whose model its properties are checked against.

    Attributes:
        service: botocore's name of the service.
        operation: the operation.
        within: the member of the request that the properties belong to, such as `LaunchTemplateData`.
        renamed: a property's path to the member's name, where both differ by more than spelling.
        apart: paths that other calls send.
    """

    service: str
    operation: str
    within: str = ""
    renamed: Mapping[str, str] = field(default_factory=dict[str, str])
    apart: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Kind(kinds.Kind):
    """A resource type of AWS's.

    Attributes:
        id_prefix: ids are `<prefix>-<17 hex digits>`.
        arn: the form of its ARN; `{id}`, `{region}`, `{account}` and properties may stand in it.
        call: the API call that its properties are checked against.
    """

    id_prefix: str = ""
    arn: str = ""
    call: Call | None = None
