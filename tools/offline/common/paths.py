"""Property paths: `spec.containers[0].image`, `metadata.annotations["a.b/c"]`, `spec.ports[*]`."""

import re
from typing import Any

from tools.offline.common.values import as_list

Path = tuple[str | int, ...]

_STEP = re.compile(r'\.?([^.\[\]"]+)|\["((?:[^"\\]|\\.)*)"\]|\[(\d+)\]|\[(\*)\]')
_NEEDS_QUOTES = re.compile(r'[."\[\]]')


def parse_path(text: str) -> Path:
    """The steps of a path; `[*]` becomes the step "*", which stands for any item.

    Raises:
        ValueError: the text is no path.
    """
    steps: list[str | int] = []
    at = 0
    while at < len(text):
        match = _STEP.match(text, at)
        if match is None:
            raise ValueError(f"{text!r} is no property path")
        name, quoted, index, star = match.groups()
        if index is not None:
            steps.append(int(index))
        else:
            steps.append(name or star or re.sub(r"\\(.)", r"\1", quoted))
        at = match.end()
    return tuple(steps)


def format_path(path: Path) -> str:
    """The reverse of `parse_path`."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        elif _NEEDS_QUOTES.search(step):
            escaped = step.replace('"', '\\"')
            text += f'["{escaped}"]'
        else:
            text += f".{step}" if text else step
    return text


def covers(pattern: Path, path: Path) -> bool:
    """Whether `path` is what `pattern` names, or lies below it."""
    if len(pattern) > len(path):
        return False
    return all(step in ("*", actual) for step, actual in zip(pattern, path, strict=False))


def reaches(pattern: Path, path: Path, value: Any) -> bool:
    """Whether `value`, standing at `path`, holds something at `pattern`, or lies below it."""
    if covers(pattern, path):
        return True
    if not covers(pattern[: len(path)], path):
        return False
    return _holds(value, pattern[len(path) :])


def _holds(value: Any, steps: Path) -> bool:
    if not steps:
        return True
    if steps[0] == "*":
        return isinstance(value, list) and any(_holds(item, steps[1:]) for item in as_list(value))
    return isinstance(value, dict) and steps[0] in value and _holds(value[steps[0]], steps[1:])
