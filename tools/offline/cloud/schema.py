"""The properties of a resource type, as the installed SDK (`pulumi_aws`, `pulumi_gcp`, …) declares them.

They are read from the SDK's source, class by class: importing its modules takes seconds, which every run of the engine
would pay. A type's token says where it stands: `aws:ec2/vpc:Vpc` is class `Vpc` of `pulumi_aws/ec2/vpc.py`,
`azure-native:network:Subnet` is `Subnet` of `pulumi_azure_native/network/subnet.py`.
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

_WORD_ENDS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
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
    """What a property holds.

    `item` is the type of a list's or mapping's values; `module` (`pulumi_aws/ec2`) and `name` are an object's.
    """

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
    raise LookupError(f"{module} has no arguments of {name}")


def state_properties(token: str) -> Mapping[str, Property]:
    """Everything that a resource has once it exists: arguments and outputs.

    An SDK without classes of states (azure-native's) tells no types of outputs.
    """
    module, file, name = _parts(token)
    if f"\nclass _{name}State:" in _source(module, file):
        return _class_properties(module, file, f"_{name}State")
    arguments = input_properties(token)
    outputs = {wire: Property(type=Type(kind="any"), required=False) for wire in _getters(module, file, name).values()}
    return {**outputs, **arguments}


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
    """Folder, file and class: `pulumi_gcp/storage`, `bucket_iam_member`, `BucketIAMMember`."""
    package, middle, name = token.split(":")
    file = _WORD_ENDS.sub("_", name).lower()
    return f"pulumi_{package.replace('-', '_')}/{middle.partition('/')[0]}", file, name


@cache
def _source(module: str, file: str) -> str:
    package, _, folder = module.partition("/")
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise LookupError(f"the Python package {package} is not installed")
    return Path(spec.submodule_search_locations[0], folder, f"{file}.py").read_text(encoding="utf-8")


def _class(module: str, file: str, name: str) -> ast.ClassDef:
    """A class, parsed alone."""
    source = _source(module, file)
    head = re.compile(rf"^class {name}[:(]", re.MULTILINE).search(source)
    if head is None:
        raise LookupError(f"{module}/{file}.py has no class {name}")
    end = re.compile(r"^(?:@|class |\w)", re.MULTILINE).search(source, head.end())
    [parsed] = ast.parse(source[head.start() : end.start() if end else None]).body
    assert isinstance(parsed, ast.ClassDef)
    return parsed


def _getters(module: str, file: str, name: str) -> dict[str, str]:
    """The properties of a class: names in Python to those in the engine."""
    body = _class(module, file, name).body
    return {_function(each).name: _wire_name(_function(each)) for each in body if _is_getter(each)}


@cache
def _class_properties(module: str, file: str, name: str) -> Mapping[str, Property]:
    parsed = _class(module, file, name)
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
        return Type(kind="any") if "." in node.value else Type(kind="text", module=module, name=node.value)
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
    if all(each.kind == "text" for each in options):
        # A text, or a value of an enumeration: the latter says more.
        return max(options, key=lambda each: each.name)
    return options.pop() if len(options) == 1 else Type(kind="any")
