"""Turns what pydantic reports into problems a user can act on: path, value, why, fix."""

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import MISSING, fields, is_dataclass
from types import UnionType
from typing import TYPE_CHECKING, Annotated, Any, Union, cast, get_args, get_origin, get_type_hints

from modelyard.errors import Problem, join_path, show
from modelyard.spec import UNNAMED_MEMBER, key_of
from modelyard.spec_later import Later

if TYPE_CHECKING:
    from pydantic import ValidationError
    from pydantic_core import ErrorDetails

# Every kind of error that a spec can cause: https://docs.pydantic.dev/latest/errors/validation_errors/
_KINDS = {
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "string_type": "text",
    "string_too_short": "text that is not empty",
    "string_unicode": "text, as half of a character is in it",
    "list_type": "a list",
    "sequence_str": "a list",
    "is_instance_of": "a list",
    "mapping_type": "a mapping of names to values",
    "dict_type": "a mapping of names to values",
    "dataclass_type": "a mapping of keys to values",
    "finite_number": "a finite number",
}
_BOUNDS = {
    "greater_than": ("must be above {gt}", "use a number above {gt}"),
    "greater_than_equal": ("is below {ge}", "use {ge} or more"),
    "less_than": ("must be below {lt}", "use a number below {lt}"),
    "less_than_equal": ("is above {le}", "use {le} or less"),
}

_SAID = {
    "modelyard": ("{why}", "{fix}"),
    "json_invalid": ("is not JSON ({error})", "write a mapping of keys to values"),
    "dataclass_exact_type": ("{value} is not a {class_name}", "write {class_name}(...)"),
    "int_parsing_size": ("is far too large a number", "use a smaller one"),
}


def problems_of(error: "ValidationError", root: type[Any]) -> list[Problem]:
    """Every problem in a validation error of `root`, in the order of the document."""
    return [_problem(detail, root) for detail in error.errors(include_url=False)]


def _problem(detail: "ErrorDetails", root: type[Any]) -> Problem:
    path, owner = _locate(detail["loc"], root)
    why, fix = _explain(detail, owner)
    return Problem(path=path, why=why, fix=fix)


def _explain(detail: "ErrorDetails", owner: type[Any] | None) -> tuple[str, str]:
    kind, value, context = detail["type"], detail["input"], detail.get("ctx", {})
    if kind in {"unexpected_keyword_argument", "extra_forbidden"}:
        return "is not a key here", _known_keys(str(detail["loc"][-1]), owner)
    if kind in {"missing", "missing_keyword_only_argument"}:
        return "is missing", "it is required"
    if kind in _BOUNDS:
        why, fix = _BOUNDS[kind]
        bound = {name: f"{each:g}" if isinstance(each, float) else each for name, each in context.items()}
        return f"{show(value)} {why.format(**bound)}", fix.format(**bound)
    if kind == "literal_error":
        return f"{show(value)} is not a choice here", f"use {context['expected']}"
    if kind in {"too_short", "too_long"}:
        return _explain_size(detail, owner)
    if kind in _SAID:
        why, fix = _SAID[kind]
        return why.format(value=show(value), **context), fix.format(**context)
    if kind in _KINDS:
        fix = _only_key(str(detail["loc"][-1]), owner, value) if kind == "dataclass_type" and owner else None
        return f"{show(value)} is not {_KINDS[kind]}", fix or _fix_type(kind, value)
    return f"{show(value)} is refused ({detail['msg']})", "see the field's description in `modelyard schema`"


def _explain_size(detail: "ErrorDetails", owner: type[Any] | None) -> tuple[str, str]:
    context, value = detail.get("ctx", {}), detail["input"]
    if detail["type"] == "too_long":
        return f"has {len(value)} entries, and at most {context['max_length']} are allowed", "leave some out"
    key, least = detail["loc"][-1], context["min_length"]
    optional = owner is not None and any(
        key_of(each.name) == key and (each.default is not MISSING or each.default_factory is not MISSING)
        for each in fields(owner)
    )
    why = f"has {len(value)} entries, and at least {least} are needed" if value else "is empty"
    return why, f"give {least} or more{', or leave the key out' if optional else ''}"


def _only_key(key: str, owner: type[Any], value: object) -> str | None:
    """How to write a value in a spec that has one field only; None where it is not plain that it is meant for that."""
    specs = _specs(list(_follow([owner], key)))
    names = [key_of(field.name) for field in fields(specs[0])] if len(specs) == 1 else []
    return f"write {{{names[0]}: {value}}}" if len(names) == 1 and type(value) in {int, str} else None


def _fix_type(kind: str, value: object) -> str:
    wanted = _KINDS[kind]
    if isinstance(value, str) and kind in {"int_type", "float_type"} and _is_number(value):
        return f"write {value} without quotes"
    if isinstance(value, str) and kind == "bool_type":
        return "write true or false without quotes"
    if kind == "string_type" and isinstance(value, int | float):
        return f'put it in quotes: "{str(value).lower()}"'
    return "leave the key out or write a value" if value is None else f"write {wanted}"


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _known_keys(key: str, owner: type[Any] | None) -> str:
    known = [key_of(each.name) for each in fields(owner)] if owner else []
    close = difflib.get_close_matches(key, known, n=1)
    return f"did you mean {close[0]}?" if close else f"keys here are {', '.join(sorted(known))}"


def _locate(loc: tuple[int | str, ...], root: type[Any]) -> tuple[str, type[Any] | None]:
    """The path of a location without pydantic's own labels of union members, and the spec that owns its last key."""
    path, here = "", [root]
    owner: type[Any] | None = None
    for step in loc:
        # pydantic's mark for a mapping's key, which the path already ends with; or a member of a union.
        if step == "[key]" or (isinstance(step, str) and step.startswith(UNNAMED_MEMBER)):
            continue
        owners = _specs(here)
        following = list(_follow(here, step))
        if not following and any(each.__name__ == step for each in owners):
            here = [each for each in owners if each.__name__ == step]
            continue  # the name of a union's member, not a key
        if not following and isinstance(step, str) and step.startswith(("literal[", "function-", "constrained-")):
            continue
        owner = owners[0] if owners else None
        path = join_path(path, f"[{step}]" if isinstance(step, int) else step)
        here = following
    return path, owner


def _specs(types: Sequence[Any]) -> list[type[Any]]:
    return [cast("type[Any]", each) for each in types if isinstance(each, type) and is_dataclass(each)]


def _follow(types: Sequence[Any], step: int | str) -> Iterator[Any]:
    for each in types:
        if is_dataclass(each):
            hints = {key_of(name): hint for name, hint in get_type_hints(each, include_extras=True).items()}
            if step in hints:
                yield from _members(hints[str(step)])
        elif not isinstance(origin := get_origin(each), type):  # text, a number, a choice of words
            continue
        elif issubclass(origin, Mapping) and isinstance(step, str):
            yield from _members(get_args(each)[1])
        elif issubclass(origin, Sequence) and isinstance(step, int):
            yield from _members(get_args(each)[0])


def _members(hint: Any) -> Iterator[Any]:
    """The types a hint may stand for, with Annotated and unions opened."""
    if get_origin(hint) is Annotated:
        kind, *notes = get_args(hint)
        yield from _members(next((each.spec for each in notes if isinstance(each, Later)), kind))
    elif get_origin(hint) in {Union, UnionType}:
        for each in get_args(hint):
            yield from _members(each)
    else:
        yield hint
