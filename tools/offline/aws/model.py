"""AWS's own API models, as botocore ships them: what a request may hold."""

import gzip
import json
import re
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from tools.offline.aws.kinds import Call
from tools.offline.cloud.schema import Fault
from tools.offline.common.paths import Path as PropertyPath
from tools.offline.common.values import UNKNOWN, Json, as_list, as_map

_INLINE = "."
"""As the name of a member: the property's own properties stand where it does."""


def faults(call: Call, inputs: Json) -> Iterator[Fault]:
    """Whatever the API would refuse in a resource's properties; unknowns pass."""
    model = load(call.service)
    shape = request_shape(call)
    apart = {path for path in call.apart if "." not in path}
    properties = {key: value for key, value in inputs.items() if key not in apart and value is not None}
    yield from _Check(model, call).structure(properties, shape, (), top=True)


def request_shape(call: Call) -> Json:
    """The shape that a resource's properties are checked against."""
    model = load(call.service)
    shape = as_map(model["shapes"][model["operations"][call.operation]["input"]["shape"]])
    return as_map(model["shapes"][shape["members"][call.within]["shape"]]) if call.within else shape


def enum(service: str, shape: str) -> frozenset[str]:
    """The values of an enumeration."""
    return frozenset(load(service)["shapes"][shape]["enum"])


@cache
def load(service: str) -> Json:
    """The newest model of a service."""
    spec = find_spec("botocore")
    if spec is None or not spec.submodule_search_locations:
        raise LookupError("the Python package botocore is not installed; the simulated AWS needs its API models")
    versions = Path(spec.submodule_search_locations[0], "data", service)
    folder = max(path for path in versions.iterdir() if any(path.glob("service-2.json*")))
    [file] = folder.glob("service-2.json*")
    return json.loads(gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes())


def member_of(shape: Json, name: str) -> str | None:
    """The member of a structure that a property names: they differ in case, and in the plural."""
    members = {_plain(member): member for member in as_map(shape.get("members"))}
    for candidate in (_plain(name), _plain(name) + "s", _plain(name).removesuffix("s"), _singular(_plain(name))):
        if candidate in members:
            return members[candidate]
    return None


def _plain(name: str) -> str:
    return name.replace("_", "").lower()


def _singular(name: str) -> str:
    return f"{name.removesuffix('ies')}y" if name.endswith("ies") else name


class _Check:
    """A walk over properties and the shapes that they have to have."""

    def __init__(self, model: Json, call: Call) -> None:
        self._shapes: Json = model["shapes"]
        self._call = call

    def structure(self, value: Json, shape: Json, path: PropertyPath, *, top: bool = False) -> Iterator[Fault]:
        members = as_map(shape.get("members"))
        given: set[str] = set()
        for key, item in value.items():
            name = self._call.renamed.get(_dotted((*path, key))) or member_of(shape, key)
            if name == _INLINE and isinstance(item, dict):
                yield from self.structure(as_map(item), shape, (*path, key))
                return
            if item is None or name is None:
                continue
            given.add(name)
            yield from self._value(item, as_map(self._shapes[members[name]["shape"]]), (*path, key))
        if not (top and self._call.within):
            for name in as_list(shape.get("required")):
                if name not in given and not as_map(members.get(name)).get("idempotencyToken"):
                    yield Fault(path=(*path, name[0].lower() + name[1:]), why=f"{self._call.operation} requires it")

    def _value(self, value: Any, shape: Json, path: PropertyPath) -> Iterator[Fault]:
        if value is UNKNOWN:
            return
        kind = shape["type"]
        if kind == "structure":
            yield from self._as_structure(value, shape, path)
        elif kind == "list":
            yield from self._list(self._as_list(value, shape), shape, path)
        elif kind == "map":
            yield from self._map(as_map(value), shape, path)
        elif kind == "string":
            yield from _text_faults(value, shape, path)
        elif kind in ("integer", "long"):
            yield from _range_faults(value, shape, path)
        elif kind == "boolean" and value not in (True, False, "true", "false"):
            yield Fault(path=path, why=f"must be true or false, not {value!r}")

    def _as_structure(self, value: Any, shape: Json, path: PropertyPath) -> Iterator[Fault]:
        for item in as_list(value) if isinstance(value, list) else [value]:
            yield from self.structure(as_map(item), shape, path)

    def _as_list(self, value: Any, shape: Json) -> list[Any]:
        """A list; one block may stand for a list of one, and a mapping for a list of keys and values (tags)."""
        item = as_map(self._shapes[shape["member"]["shape"]])
        if isinstance(value, dict) and {"Key", "Value"} <= set(as_map(item.get("members"))):
            return [{"key": key, "value": each} for key, each in as_map(value).items()]
        return as_list(value) if isinstance(value, list) else [value]

    def _list(self, items: list[Any], shape: Json, path: PropertyPath) -> Iterator[Fault]:
        yield from _size_faults(len(items), shape, path, "items")
        for index, item in enumerate(items):
            yield from self._value(item, as_map(self._shapes[shape["member"]["shape"]]), (*path, index))

    def _map(self, value: Json, shape: Json, path: PropertyPath) -> Iterator[Fault]:
        yield from _size_faults(len(value), shape, path, "entries")
        for key, item in value.items():
            yield from _text_faults(key, as_map(self._shapes[shape["key"]["shape"]]), (*path, key))
            yield from self._value(item, as_map(self._shapes[shape["value"]["shape"]]), (*path, key))


def _text_faults(value: Any, shape: Json, path: PropertyPath) -> Iterator[Fault]:
    if not isinstance(value, str):
        return
    allowed = as_list(shape.get("enum"))
    if allowed and value not in allowed:
        some = ", ".join(allowed[:40]) + (", …" if len(allowed) > 40 else "")
        yield Fault(path=path, why=f"must be one of {some}, not {value!r}")
    yield from _size_faults(len(value), shape, path, "characters")
    pattern = shape.get("pattern")
    if pattern and not _matches(pattern, value):
        yield Fault(path=path, why=f"{value!r} does not match {pattern}")


@cache
def _compiled(pattern: str) -> re.Pattern[str] | None:
    try:
        # Java's \p{…} classes are unknown here, and nothing that a program writes depends on them.
        return None if r"\p{" in pattern else re.compile(pattern)
    except re.error:
        return None


def _matches(pattern: str, value: str) -> bool:
    compiled = _compiled(pattern)
    return compiled is None or compiled.fullmatch(value) is not None


def _range_faults(value: Any, shape: Json, path: PropertyPath) -> Iterator[Fault]:
    least, most = shape.get("min"), shape.get("max")
    number = float(value)
    if (least is not None and number < least) or (most is not None and number > most):
        yield Fault(path=path, why=f"must be from {least} to {most}, not {value}")


def _size_faults(size: int, shape: Json, path: PropertyPath, what: str) -> Iterator[Fault]:
    least, most = shape.get("min"), shape.get("max")
    if least is not None and size < least:
        yield Fault(path=path, why=f"must have at least {least} {what}")
    if most is not None and size > most:
        yield Fault(path=path, why=f"must have at most {most} {what}, and has {size}")


def _dotted(path: PropertyPath) -> str:
    return ".".join(step for step in path if isinstance(step, str))
