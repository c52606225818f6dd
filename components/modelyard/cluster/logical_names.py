"""Pulumi names of resources of which there is one for each entry of a list."""

import hashlib
from collections.abc import Callable, Iterable

_HASH_CHARACTERS = 8


def logical_names(entries: Iterable[str], plain: Callable[[str], str]) -> dict[str, str]:
    """A name for each entry, no two alike: its plain one, with a digest of the entry where an earlier one has that.

    The first keeps its plain name when others are added after it, as another name would be another resource.

    Args:
        entries: no two alike.
        plain: an entry's plain name, which others may have too.
    """
    names: dict[str, str] = {}
    for entry in entries:
        name = plain(entry)
        if name in names.values():
            name = f"{name}-{hashlib.sha256(entry.encode()).hexdigest()[:_HASH_CHARACTERS]}"
        names[entry] = name
    return names
