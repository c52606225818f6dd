"""The API model of AKS, as `azure.mgmt.containerservice` ships it: what a request may hold.

It is read from the package's source, class by class, as importing it takes longer than a run of the plugin may.
"""

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, cast

from tools.offline.cloud.schema import Fault
from tools.offline.common.paths import Path as PropertyPath
from tools.offline.common.values import UNKNOWN, Json, as_list, as_map

_PACKAGE = "azure.mgmt.containerservice"
_INLINE = "properties"
"""The member of a resource whose own members the provider takes beside it."""
_CALL = frozenset({"resourceGroupName", "resourceName", "agentPoolName", "azureApiVersion"})
"""What stands in the address of a request, and not in the request."""


@dataclass(frozen=True, kw_only=True)
class Field:
    """A member of a class: its annotation, whether a request must have it, and whether it may."""

    annotation: ast.expr
    required: bool
    read_only: bool


def faults(model: str, inputs: Json) -> Iterator[Fault]:
    """Whatever AKS would refuse in a resource's properties; unknowns pass."""
    given = {key: value for key, value in inputs.items() if key not in _CALL and not key.startswith("__")}
    yield from _faults(flat_fields(model), given, ())


def flat_fields(model: str) -> Mapping[str, Field]:
    """The members of a resource, with those of its `properties`."""
    fields = dict(fields_of(model))
    inside = fields.pop(_INLINE, None)
    return {**fields, **(fields_of(_class_in(inside.annotation)) if inside else {})}


@cache
def fields_of(name: str) -> Mapping[str, Field]:
    """The members of a class by their names in a request."""
    parsed = _class(name)
    found: dict[str, Field] = {}
    for base in parsed.bases:
        if isinstance(base, ast.Name) and base.id != "_Model":
            found |= fields_of(base.id)
    for each in parsed.body:
        if isinstance(each, ast.AnnAssign) and isinstance(each.target, ast.Name) and isinstance(each.value, ast.Call):
            words = {keyword.arg: keyword.value for keyword in each.value.keywords}
            visibility = [str(item) for item in ast.literal_eval(words["visibility"])] if "visibility" in words else []
            found[str(ast.literal_eval(words["name"])) if "name" in words else each.target.id] = Field(
                annotation=each.annotation,
                required=not ast.unparse(each.annotation).startswith("Optional[") and visibility != ["read"],
                read_only=visibility == ["read"],
            )
    return found


@cache
def enum(name: str) -> frozenset[str]:
    """The values of an enumeration."""
    source = _source("_enums")
    start = source.index(f"\nclass {name}(")
    body = source[start + 1 : source.find("\nclass ", start + 1)]
    return frozenset(re.findall(r'^    [A-Z0-9_]+ = "([^"]*)"', body, re.MULTILINE))


def _faults(fields: Mapping[str, Field], given: Json, path: PropertyPath) -> Iterator[Fault]:
    by_name = {_word(name): field for name, field in fields.items()}
    for key, value in given.items():
        field = by_name.get(key.lower())
        if value is None:
            continue
        if field is None:
            yield Fault(path=(*path, key), why="AKS's API has no such property")
        elif field.read_only:
            yield Fault(path=(*path, key), why="AKS's API only tells it, and takes none")
        else:
            yield from _value(value, field.annotation, (*path, key))
    names = {key.lower() for key, value in given.items() if value is not None}
    for name, field in fields.items():
        if field.required and _word(name) not in names:
            yield Fault(path=(*path, name), why="AKS's API requires it")


def _word(name: str) -> str:
    """A name without capitals and dashes: `scan-interval` is the provider's `scanInterval`."""
    return name.lower().replace("-", "")


def _value(value: Any, annotation: ast.expr, path: PropertyPath) -> Iterator[Fault]:
    if value is UNKNOWN or value is None:
        return
    if isinstance(annotation, ast.Constant):
        yield from _faults(fields_of(_last(annotation)), as_map(value), path)
    elif isinstance(annotation, ast.Subscript):
        yield from _generic(value, annotation, path)


def _generic(value: Any, annotation: ast.Subscript, path: PropertyPath) -> Iterator[Fault]:
    name, inner = ast.unparse(annotation.value), annotation.slice
    if name == "Optional":
        yield from _value(value, inner, path)
    elif name == "list":
        for index, item in enumerate(as_list(value)):
            yield from _value(item, inner, (*path, index))
    elif name == "dict" and isinstance(value, dict):
        for key, item in as_map(value).items():
            yield from _value(item, cast("ast.Tuple", inner).elts[1], (*path, key))
    elif name == "Union":
        allowed = enum(_last(cast("ast.Tuple", inner).elts[1]))
        if value not in allowed:
            yield Fault(path=path, why=f"must be one of {', '.join(sorted(allowed))}, not {value!r}")


def _class_in(annotation: ast.expr) -> str:
    """The class in `Optional["_models.X"]`."""
    return _last(annotation.slice if isinstance(annotation, ast.Subscript) else annotation)


def _last(node: ast.expr) -> str:
    assert isinstance(node, ast.Constant), ast.unparse(node)
    return str(node.value).rpartition(".")[2]


@cache
def _class(name: str) -> ast.ClassDef:
    source = _source("_models")
    start = source.index(f"\nclass {name}(") + 1
    end = source.find("\nclass ", start)
    [parsed] = ast.parse(source[start : end if end > 0 else None]).body
    assert isinstance(parsed, ast.ClassDef)
    return parsed


@cache
def _source(file: str) -> str:
    spec = find_spec("azure")
    for folder in spec.submodule_search_locations if spec and spec.submodule_search_locations else ():
        path = Path(folder, "mgmt", "containerservice", "models", f"{file}.py")
        if path.exists():
            return path.read_text(encoding="utf-8")
    raise LookupError(f"the Python package {_PACKAGE} is not installed; the simulated Azure needs its API model")
