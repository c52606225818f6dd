"""What is said of a resource type: its identity, names, references, what replaces it, how AWS's API calls it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, kw_only=True, slots=True)
class Name:
    """A property that the provider fills in where the program does not: `<resource name>-<7 hex digits>`.

    Attributes:
        property: the property.
        most: how long it may be.
        prefix: what it begins with.
        lower: whether it is in lower case.
    """

    property: str = "name"
    most: int = 255
    prefix: str = ""
    lower: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Reference:
    """A property that names another resource.

    Attributes:
        path: where it stands; lists on the way are followed.
        to: the type's token; a resource of any type where it is empty.
        by: what of the other it holds: its `id`, or an output such as `arn`.
        holds: whether AWS refuses to delete the other one while this one exists.
    """

    path: str
    to: str
    by: str = "id"
    holds: bool = False


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


@dataclass(frozen=True, kw_only=True, slots=True)
class Seconds:
    """How long AWS takes, in real seconds; an update of other properties than `slow` ones takes a tenth."""

    create: float = 0
    update: float = 0
    delete: float = 0
    slow: tuple[str, ...] = ()

    def of_update(self, changed: set[str]) -> float:
        """How long an update of these properties takes."""
        return self.update if not self.slow or changed & set(self.slow) else self.update / 10


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A resource type.

    Attributes:
        token: Pulumi's name of it.
        service: the API that an error message names.
        id_prefix: ids are `<prefix>-<17 hex digits>`.
        id_format: ids are made of properties: `{clusterName}:{addonName}`.
        arn: the form of its ARN; `{id}`, `{region}`, `{account}` and properties may stand in it.
        name: the name that the provider makes.
        unique: properties that no two resources share, as one.
        replace: paths that cannot change in place.
        references: what it refers to.
        in_use: AWS's code and message where others hold it; `{id}` is its id.
        call: the API call that its properties are checked against.
        outputs: what AWS adds, beside ARN and tags.
        refreshed: outputs that any update changes.
        filled: values of properties that the program leaves out.
        seconds: how long it takes.
        delete_first: whether a successor is made only after it is gone.
        is_lost_when_failed: whether one whose creation failed can only be deleted.
        internal: whether only AWS itself makes it, and never a program.
    """

    token: str
    service: str
    id_prefix: str = ""
    id_format: str = ""
    arn: str = ""
    name: Name | None = None
    unique: tuple[str, ...] = ()
    replace: tuple[str, ...] = ()
    references: tuple[Reference, ...] = ()
    in_use: tuple[str, str] = ("", "")
    call: Call | None = None
    outputs: tuple[str, ...] = ()
    refreshed: tuple[str, ...] = ()
    filled: Mapping[str, Any] = field(default_factory=dict[str, Any])
    seconds: Seconds = Seconds()
    delete_first: bool = False
    is_lost_when_failed: bool = False
    internal: bool = False

    @property
    def label(self) -> str:
        """Its name without the module: `NodeGroup`."""
        return self.token.rpartition(":")[2]
