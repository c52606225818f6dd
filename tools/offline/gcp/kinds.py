"""What is said of a type of Google's beside what is said of any cloud's."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from tools.offline.cloud import kinds
from tools.offline.cloud.kinds import Name, Reference, Seconds

__all__ = ["Api", "Kind", "Name", "Reference", "Seconds"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Api:
    """The part of Google's API model that a resource's properties are checked against.

    Attributes:
        document: the discovery document: `container.v1`.
        schema: the schema in it: `NodePool`.
        renamed: a property's path to where the schema has it, where both differ by more than the plural: `a.b`.
        apart: properties at the top that are the provider's own or that other calls send.
    """

    document: str
    schema: str
    renamed: Mapping[str, str] = field(default_factory=dict[str, str])
    apart: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Kind(kinds.Kind):
    """A resource type of Google's.

    Attributes:
        enabled: the API that has to be enabled in the project: `container.googleapis.com`.
        api: what its properties are checked against.
        place: whether it is in a `region`, a `location` (either of them), or in none.
        labels: the property that holds its labels.
    """

    enabled: str = ""
    api: Api | None = None
    place: str = ""
    labels: str = ""
