"""The part of JSONPath (RFC 9535) that waits use: names, indexes, `*`, and filters such as `[?@.type=="Ready"]`."""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

from tools.offline.common.values import as_list, as_map

_Step = Callable[[Any], Iterator[Any]]

_NAME = re.compile(r"\.([A-Za-z_][\w-]*)|\[\s*'((?:[^'\\]|\\.)*)'\s*\]|\[\s*\"((?:[^\"\\]|\\.)*)\"\s*\]")
_INDEX = re.compile(r"\[\s*(-?\d+)\s*\]")
_WILDCARD = re.compile(r"\[\s*\*\s*\]|\.\*")
_FILTER = re.compile(r"\[\s*\?\s*\(?\s*@((?:\.[A-Za-z_][\w-]*|\['[^']*'\])+)\s*(?:(==|!=)\s*([^)\]]+?)\s*)?\)?\s*\]")


def compile_path(path: str) -> Callable[[Any], list[Any]]:
    """The values that a path selects in a document.

    Raises:
        ValueError: the path is wrong, or uses a part of JSONPath that is not understood here.
    """
    text = path.removeprefix("$")
    steps: list[_Step] = []
    at = 0
    while at < len(text):
        step, at = _step(text, at, path)
        steps.append(step)

    def select(document: Any) -> list[Any]:
        found = [document]
        for step in steps:
            found = [value for item in found for value in step(item)]
        return found

    return select


def _step(text: str, at: int, path: str) -> tuple[_Step, int]:
    if match := _NAME.match(text, at):
        return _member(next(group for group in match.groups() if group is not None)), match.end()
    if match := _INDEX.match(text, at):
        return _item(int(match[1])), match.end()
    if match := _WILDCARD.match(text, at):
        return _all, match.end()
    if match := _FILTER.match(text, at):
        return _filter(compile_path(match[1]), match[2], match[3], path), match.end()
    raise ValueError(
        f"JSONPath {path!r} cannot be read from {text[at:]!r} on; names, indexes, * and filters such as "
        '[?@.type=="Ready"] are understood'
    )


def _member(name: str) -> _Step:
    def step(value: Any) -> Iterator[Any]:
        if name in as_map(value):
            yield as_map(value)[name]

    return step


def _item(index: int) -> _Step:
    def step(value: Any) -> Iterator[Any]:
        items = as_list(value)
        if -len(items) <= index < len(items):
            yield items[index]

    return step


def _all(value: Any) -> Iterator[Any]:
    yield from as_list(value)
    yield from as_map(value).values()


def _filter(select: Callable[[Any], list[Any]], operator: str | None, literal: str | None, path: str) -> _Step:
    wanted = _literal(literal, path) if literal is not None else None

    def keeps(item: Any) -> bool:
        found = select(item)
        if operator is None:
            return bool(found)
        return (found[:1] == [wanted]) == (operator == "==")

    def step(value: Any) -> Iterator[Any]:
        yield from filter(keeps, _all(value))

    return step


def _literal(text: str, path: str) -> Any:
    try:
        return json.loads(f'"{text[1:-1]}"' if text.startswith("'") else text)
    except ValueError:
        raise ValueError(f"JSONPath {path!r} compares with {text!r}, which is no string, number or boolean") from None
