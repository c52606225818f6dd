"""Cron lines and time zones as Kubernetes reads them. Imports no Pulumi package."""

import re
from pathlib import Path
from typing import Annotated

from modelyard.errors import show
from modelyard.spec import Rule

_MACROS = ("@hourly", "@daily", "@midnight", "@weekly", "@monthly", "@yearly", "@annually")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_NO_NAMES: tuple[str, ...] = ()
# The fields of github.com/robfig/cron, which Kubernetes parses with: lowest and highest value, and names from the
# lowest on.
_FIELDS = (
    ("minute", 0, 59, _NO_NAMES),
    ("hour", 0, 23, _NO_NAMES),
    ("day of the month", 1, 31, _NO_NAMES),
    ("month", 1, 12, _MONTHS),
    ("day of the week", 0, 6, _DAYS),
)
_PART = re.compile(r"(?:[*?]|(?P<low>[0-9a-z]+)(?:-(?P<high>[0-9a-z]+))?)(?:/0*[1-9][0-9]*)?", re.ASCII)
_LATE_DAY = re.compile("29|3[01]")
"""Days that not every month has."""
_EXAMPLE = 'write minute, hour, day, month and weekday, such as "0 2 * * *" for every night at two'


def _check_schedule(text: str) -> tuple[str, str] | None:
    if "TZ=" in text:
        return f"{show(text)} names a time zone", "remove it and set time_zone"
    if text in _MACROS:
        return None
    parts = text.split()
    if len(parts) != len(_FIELDS):
        return f"{show(text)} is no cron line", _EXAMPLE
    for part, (name, low, high, names) in zip(parts, _FIELDS, strict=True):
        if not all(_fits(each, low, high, names) for each in part.lower().split(",")):
            return (
                f"{show(part)} in {show(text)} is no {name}",
                f"use {_values(low, high, names)}, *, ranges a-b or steps */n",
            )
    return None if _comes(text) else (f"{show(text)} never comes", "name a day that exists in one of its months")


def _fits(part: str, low: int, high: int, names: tuple[str, ...]) -> bool:
    match = _PART.fullmatch(part)
    if not match:
        return False
    first = _value(match["low"], low, names)
    last = _value(match["high"], low, names) if match["high"] else first
    return match["low"] is None or low <= first <= last <= high


def _value(text: str | None, low: int, names: tuple[str, ...]) -> int:
    if text in names:
        return low + names.index(text)
    return int(text) if text and text.isdigit() else -1


def _values(low: int, high: int, names: tuple[str, ...]) -> str:
    return f"{low} to {high}" + (f", {names[0]} to {names[-1]}" if names else "")


def _comes(text: str) -> bool:
    _, _, day, _, weekday = text.split()
    # A day of the month and one of the week, both given, mean either of them; days of the week always come.
    if weekday[0] not in "*?" or not _LATE_DAY.search(day):
        return True
    from croniter import croniter

    return croniter.is_valid(text.replace("?", "*"), strict=True)


Schedule = Annotated[str, Rule(_check_schedule)]
"""A cron line of five fields, or `@hourly`, `@daily`, `@weekly`, `@monthly`, `@yearly`."""


_AREAS = ("Africa", "America", "Antarctica", "Asia", "Atlantic", "Australia", "Etc", "Europe", "Indian", "Pacific")
_NO_PLACES = {"localtime", "Factory"}
"""The machine's own zone, and the answer of one that was never set up."""


def _check_time_zone(text: str) -> tuple[str, str] | None:
    if _is_usual(text):
        return None
    from difflib import get_close_matches
    from zoneinfo import available_timezones

    zones = available_timezones() - _NO_PLACES
    if text in zones:
        return None
    close = get_close_matches(text, sorted(zones), n=1)
    return f"{show(text)} is no time zone", f"did you mean {close[0]}?" if close else "write one such as Europe/Berlin"


def _is_usual(text: str) -> bool:
    """Whether it is a zone `Area/Place` of the system's database; to read all zones takes ten times as long.

    The folder is listed, as a file system that ignores case would find `europe/berlin` too.
    """
    from zoneinfo import TZPATH

    area, _, place = text.partition("/")
    files = (each for root in TZPATH for each in Path(root, area).glob("*")) if area in _AREAS else ()
    return any(each.name == place and each.is_file() for each in files)


TimeZone = Annotated[str, Rule(_check_time_zone)]
"""A time zone of the IANA database: `Europe/Berlin`."""
