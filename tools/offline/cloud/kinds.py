"""What is said of a resource type: its identity, names, references, and what replaces it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, kw_only=True, slots=True)
class Name:
    """A property that the provider fills in where the program does not: `<resource name>-<hex digits>`.

    Attributes:
        property: the property.
        most: how long it may be.
        prefix: what it begins with.
        lower: whether it is in lower case.
        separator: what stands before the digits.
        digits: how many hex digits there are.
    """

    property: str = "name"
    most: int = 255
    prefix: str = ""
    lower: bool = False
    separator: str = "-"
    digits: int = 7


@dataclass(frozen=True, kw_only=True, slots=True)
class Reference:
    """A property that names another resource.

    Attributes:
        path: where it stands; lists on the way are followed.
        to: the type's token; a resource of any type where it is empty.
        by: what of the other it holds: its `id`, or an output such as `arn`.
        holds: whether the cloud refuses to delete the other one while this one exists.
    """

    path: str
    to: str
    by: str = "id"
    holds: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Seconds:
    """How long the cloud takes, in real seconds; an update of other properties than `slow` ones takes a tenth."""

    create: float = 0
    update: float = 0
    delete: float = 0
    slow: tuple[str, ...] = ()

    def of_update(self, changed: set[str]) -> float:
        """How long an update of these properties takes."""
        return self.update if not self.slow or changed & set(self.slow) else self.update / 10


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A resource type; a cloud adds what only it has.

    Attributes:
        token: Pulumi's name of it.
        service: the API that an error message names.
        id_format: ids are made of properties: `{clusterName}:{addonName}`.
        name: the name that the provider makes.
        unique: properties that no two resources share, as one.
        replace: paths that cannot change in place.
        added_in_place: whether a path of `replace` may be given later where it was not given before.
        references: what it refers to.
        in_use: the cloud's code and message where others hold it; `{id}` is its id.
        outputs: what the cloud adds, beside what it adds to all types; also arguments that it fills in.
        refreshed: outputs that any update changes.
        filled: values of properties that the program leaves out.
        always_told: properties that go with every update, also those that the program did not change.
        seconds: how long it takes.
        delete_first: whether a successor is made only after it is gone.
        is_waited_for: whether nobody can refer to it before it is active.
        is_lost_when_failed: whether one whose creation failed can only be deleted.
        internal: whether only the cloud itself makes it, and never a program.
    """

    token: str
    service: str
    id_format: str = ""
    name: Name | None = None
    unique: tuple[str, ...] = ()
    replace: tuple[str, ...] = ()
    added_in_place: bool = False
    references: tuple[Reference, ...] = ()
    in_use: tuple[str, str] = ("", "")
    outputs: tuple[str, ...] = ()
    refreshed: tuple[str, ...] = ()
    filled: Mapping[str, Any] = field(default_factory=dict[str, Any])
    always_told: tuple[str, ...] = ()
    seconds: Seconds = Seconds()
    delete_first: bool = False
    is_waited_for: bool = False
    is_lost_when_failed: bool = False
    internal: bool = False

    @property
    def label(self) -> str:
        """Its name without the module: `NodeGroup`."""
        return self.token.rpartition(":")[2]
