"""The differences between what an object is and what the program asks for, property by property."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pulumi.runtime.proto import provider_pb2

from tools.offline.common.paths import Path
from tools.offline.common.values import UNKNOWN, as_list, as_map

_MISSING: Any = object()
_Property = provider_pb2.PropertyDiff
_KINDS = {
    ("add", False): _Property.ADD,
    ("add", True): _Property.ADD_REPLACE,
    ("update", False): _Property.UPDATE,
    ("update", True): _Property.UPDATE_REPLACE,
    ("delete", False): _Property.DELETE,
    ("delete", True): _Property.DELETE_REPLACE,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    """One changed property. `kind` is "add", "update" or "delete"; `value` is what it becomes."""

    path: Path
    kind: str
    value: Any


def property_diff(found: Difference, *, replace: bool, input_diff: bool) -> provider_pb2.PropertyDiff:
    """A difference as the engine shows it; `input_diff` says that it is between inputs, not from the state."""
    return _Property(kind=_KINDS[found.kind, replace], inputDiff=input_diff)


def differences(old: Any, new: Any, path: Path = ()) -> Iterator[Difference]:
    """Every property in which `new` differs from `old`, at the deepest path that tells it."""
    if new is _MISSING:
        yield Difference(path=path, kind="delete", value=None)
    elif old is _MISSING and new is None:
        return
    elif old is _MISSING:
        yield Difference(path=path, kind="add", value=new)
    elif new is UNKNOWN:
        yield Difference(path=path, kind="update", value=None)
    elif isinstance(old, dict) and isinstance(new, dict):
        olds, news = as_map(old), as_map(new)
        for key in [*news, *(key for key in olds if key not in news)]:
            yield from differences(olds.get(key, _MISSING), news.get(key, _MISSING), (*path, key))
    elif isinstance(old, list) and isinstance(new, list):
        before, after = as_list(old), as_list(new)
        for index in range(max(len(before), len(after))):
            yield from differences(_at(before, index), _at(after, index), (*path, index))
    elif not _equal(old, new):
        yield Difference(path=path, kind="update", value=new)


def _at(items: list[Any], index: int) -> Any:
    return items[index] if index < len(items) else _MISSING


def _equal(old: Any, new: Any) -> bool:
    """Equality that tells True from 1."""
    return old == new and isinstance(old, bool) == isinstance(new, bool)
