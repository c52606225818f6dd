"""Where the rules of single types are written down: each module of rules adds its own with `rule`.

Tokens begin with the cloud's package, so those of all clouds may stand in here.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from tools.offline.cloud.schema import Fault
from tools.offline.cloud.session import Session
from tools.offline.cloud.world import Account, Record
from tools.offline.common.values import Json

InCheck = Callable[[Json], Iterator[Fault]]
"""What a program's properties must be like, whatever exists."""
BeforeCreate = Callable[[Account, Record], None]
"""Raises CloudError where the cloud refuses to make a resource."""
BeforeUpdate = Callable[[Account, Record, Json], None]
"""Raises CloudError where the cloud refuses these new properties of a resource."""
BeforeDelete = Callable[[Account, Record], None]
"""Raises CloudError where the cloud refuses to delete a resource; takes away what goes before it."""
Outputs = Callable[[Account, Record], Json]
"""What the cloud adds to a resource once it is there, and after each update."""
WhenMade = Callable[[Session, Record], None]
"""What happens while a resource becomes active, without the account's lock; may wait, and raise CreateFailedError."""
WhenChanged = Callable[[Session, Record], None]
"""What happens after an update or before the end of a deletion, without the account's lock."""

in_check: dict[str, list[InCheck]] = defaultdict(list)
before_create: dict[str, list[BeforeCreate]] = defaultdict(list)
before_update: dict[str, list[BeforeUpdate]] = defaultdict(list)
before_delete: dict[str, list[BeforeDelete]] = defaultdict(list)
outputs: dict[str, list[Outputs]] = defaultdict(list)
when_made: dict[str, list[WhenMade]] = defaultdict(list)
when_updated: dict[str, list[WhenChanged]] = defaultdict(list)
when_deleted: dict[str, list[WhenChanged]] = defaultdict(list)

_Rule = TypeVar("_Rule", bound=Callable[..., Any])


def rule(registered: dict[str, list[_Rule]], *tokens: str) -> Callable[[_Rule], _Rule]:
    """A decorator: the function is a rule of these types."""

    def register(function: _Rule) -> _Rule:
        for token in tokens:
            registered[token].append(function)
        return function

    return register
