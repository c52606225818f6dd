"""The properties of a resource type, as the installed SDK (`pulumi_aws`) declares them.

They are read from the SDK's source, class by class: importing its EC2 and EKS modules takes seconds, which every run of
the engine would pay.
"""

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

from tools.offline.common.paths import Path as PropertyPath
from tools.offline.common.paths import format_path
from tools.offline.common.values import UNKNOWN, as_list, as_map, is_map

TypeKind = Literal["text", "boolean", "integer", "number", "list", "map", "object", "any"]

_SCALARS: dict[str, TypeKind] = {"str": "text", "bool": "boolean", "int": "integer", "float": "number"}
_WHAT = {
    "text": "a string",
    "boolean": "true or false",
    "integer": "a whole number",
    "number": "a number",
    "list": "a list",
    "map": "a mapping",
    "object": "an object",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Type:
    """What a property holds. `item` is the type of a list's or mapping's values, `module` and `name` an object's."""

    kind: TypeKind
    item: "Type | None" = None
    module: str = ""
    name: str = ""

    def properties(self) -> "Mapping[str, Property]":
        """The properties of an object."""
        return _class_properties(self.module, "_inputs", self.name)


@dataclass(frozen=True, kw_only=True, slots=True)
class Property:
    """One property."""

    type: Type
    required: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Fault:
    """A property that cannot be as it is."""

    path: PropertyPath
    why: str

    def __str__(self) -> str:
        return f"{format_path(self.path)}: {self.why}" if self.path else self.why


def input_properties(token: str) -> Mapping[str, Property]:
    """The arguments of a resource type such as `aws:ec2/vpc:Vpc`."""
    module, file, name = _parts(token)
    source = _source(module, file)
    for candidate in (f"{name}Args", f"{name}InitArgs"):
        if f"\nclass {candidate}:" in source:
            return _class_properties(module, file, candidate)
    raise LookupError(f"pulumi_aws.{module} has no arguments of {name}")


def state_properties(token: str) -> Mapping[str, Property]:
    """Everything that a resource has once it exists: arguments and outputs."""
    module, file, name = _parts(token)
    return _class_properties(module, file, f"_{name}State")


def faults(inputs: Mapping[str, Any], properties: Mapping[str, Property], path: PropertyPath = ()) -> Iterator[Fault]:
    """Every property that the SDK does not know, that is missing, or that holds something else; unknowns pass."""
    for key, value in inputs.items():
        found = properties.get(key)
        if found is None:
            near = ", ".join(sorted(properties))
            yield Fault(path=(*path, key), why=f"there is no such property; there are: {near}")
        elif value is not None:
            yield from _type_faults(value, found.type, (*path, key))
    for key, found in properties.items():
        if found.required and inputs.get(key) is None:
            yield Fault(path=(*path, key), why="is required, and missing")


def _type_faults(value: Any, wanted: Type, path: PropertyPath) -> Iterator[Fault]:
    if value is UNKNOWN or wanted.kind == "any":
        return
    if not _is_a(value, wanted.kind):
        yield Fault(path=path, why=f"must be {_WHAT[wanted.kind]}, not {value!r}")
    elif wanted.kind == "object":
        yield from faults(value, wanted.properties(), path)
    elif wanted.item is not None:
        entries = as_map(value).items() if wanted.kind == "map" else enumerate(as_list(value))
        for key, item in entries:
            yield from _type_faults(item, wanted.item, (*path, key))


def _is_a(value: Any, kind: str) -> bool:
    if kind in ("map", "object"):
        return is_map(value)
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return {
        "text": isinstance(value, str),
        "boolean": isinstance(value, bool),
        "integer": number and float(value).is_integer(),
        "number": number,
        "list": isinstance(value, list),
    }[kind]


def _parts(token: str) -> tuple[str, str, str]:
    _, middle, name = token.split(":")
    module, camel = middle.split("/")
    return module, re.sub(r"(?<=[a-z0-9])([A-Z])", lambda match: f"_{match[1].lower()}", camel), name


@cache
def _source(module: str, file: str) -> str:
    spec = find_spec("pulumi_aws")
    if spec is None or not spec.submodule_search_locations:
        raise LookupError("the Python package pulumi_aws is not installed")
    return Path(spec.submodule_search_locations[0], module, f"{file}.py").read_text(encoding="utf-8")


@cache
def _class_properties(module: str, file: str, name: str) -> Mapping[str, Property]:
    source = _source(module, file)
    start = source.index(f"\nclass {name}:") + 1
    end = re.compile(r"^(?:@|class |\w)", re.MULTILINE).search(source, start + 1)
    [parsed] = ast.parse(source[start : end.start() if end else None]).body
    assert isinstance(parsed, ast.ClassDef)
    names = {_function(each).name: _wire_name(_function(each)) for each in parsed.body if _is_getter(each)}
    init = next(each for each in parsed.body if isinstance(each, ast.FunctionDef) and each.name == "__init__")
    return {
        names[argument.arg]: Property(type=_type(argument.annotation, module), required=default is None)
        for argument, default in zip(init.args.kwonlyargs, init.args.kw_defaults, strict=True)
    }


def _function(node: ast.stmt) -> ast.FunctionDef:
    assert isinstance(node, ast.FunctionDef)
    return node


def _is_getter(node: ast.stmt) -> bool:
    return isinstance(node, ast.FunctionDef) and any(
        ast.unparse(each) in ("_builtins.property", "property") for each in node.decorator_list
    )


def _wire_name(function: ast.FunctionDef) -> str:
    """The property's name in the engine: that of `@pulumi.getter(name="…")`, or the function's own."""
    for decorator in function.decorator_list:
        if isinstance(decorator, ast.Call):
            for keyword in decorator.keywords:
                if keyword.arg == "name" and isinstance(keyword.value, ast.Constant):
                    return str(keyword.value.value)
    return function.name


def _type(node: ast.expr | None, module: str) -> Type:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        if node.value.endswith("Args") and "." not in node.value:
            return Type(kind="object", module=module, name=node.value)
        return Type(kind="text" if "." not in node.value else "any")
    if isinstance(node, ast.Attribute):
        return Type(kind=_SCALARS.get(node.attr, "any"))
    if isinstance(node, ast.Subscript):
        return _generic(ast.unparse(node.value), node.slice, module)
    return Type(kind="any")


def _generic(name: str, inner: ast.expr, module: str) -> Type:
    if name in ("pulumi.Input", "Optional"):
        return _type(inner, module)
    if name == "Sequence":
        return Type(kind="list", item=_type(inner, module))
    assert isinstance(inner, ast.Tuple), name
    if name == "Mapping":
        return Type(kind="map", item=_type(inner.elts[1], module))
    options = {_type(each, module) for each in inner.elts}
    return options.pop() if len(options) == 1 else Type(kind="any")
