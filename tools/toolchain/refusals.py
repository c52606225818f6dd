"""Remembers for a while that something could not be downloaded, so that the next run does not wait for it again."""

import time

from tools.toolchain.places import Places

REMEMBER_SECONDS = 3600.0
"""A network that refuses now may let it through after a change of place or proxy; an hour costs nobody a day."""


def remembered(places: Places, what: str) -> bool:
    """Return whether `what` was refused within the last hour."""
    try:
        age_seconds = time.time() - (places.cache / "refused" / what).stat().st_mtime
    except FileNotFoundError:
        return False
    return 0 <= age_seconds < REMEMBER_SECONDS


def remember(places: Places, what: str) -> None:
    """Note that `what` was refused."""
    note = places.cache / "refused" / what
    note.parent.mkdir(parents=True, exist_ok=True)
    note.touch()
