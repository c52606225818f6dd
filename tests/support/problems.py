"""What is said of a spec that is wrong."""

from collections.abc import Sequence
from typing import Any

from modelyard.errors import ConfigError, Problem
from modelyard.spec import validate
from modelyard.workspace.place import Place


def problems_of(spec: Any, place: Place | None = None) -> Sequence[Problem]:
    """Those that a spec has by itself; where it has none, those that a workload has in its place."""
    try:
        validate(spec)
    except ConfigError as error:
        return error.problems
    return list(spec.problems_on(place)) if place else []


def said_of(spec: Any, place: Place | None = None) -> list[tuple[str, str]]:
    """Of each of these its path, and what is wrong and what to do about it."""
    return [(each.path, f"{each.why}; {each.fix}") for each in problems_of(spec, place)]
