"""Google's own API models, as googleapiclient ships them (discovery documents): what a request may hold.

Enumerations, patterns and ranges count. Names that a document does not have at this depth are not looked at further:
the SDK's own types have been.
"""

import json
import math
import re
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from tools.offline.cloud.schema import Fault
from tools.offline.common.paths import Path as PropertyPath
from tools.offline.common.values import UNKNOWN, Json, as_list, as_map
from tools.offline.gcp.kinds import Api


def faults(api: Api, inputs: Json) -> Iterator[Fault]:
    """Whatever the API would refuse in a resource's properties; unknowns pass."""
    given = {key: value for key, value in inputs.items() if key not in api.apart and value is not None}
    yield from _Check(api).mapping(given, schema_of(api.document, api.schema), (), "")


@cache
def load(document: str) -> Json:
    """A discovery document."""
    spec = find_spec("googleapiclient")
    if spec is None or not spec.submodule_search_locations:
        raise LookupError("the Python package google-api-python-client is not installed; its API models are needed")
    path = Path(spec.submodule_search_locations[0], "discovery_cache", "documents", f"{document}.json")
    return json.loads(path.read_text(encoding="utf-8"))


def schema_of(document: str, name: str) -> Json:
    """A schema of a document."""
    return as_map(load(document)["schemas"][name])


def member_of(document: str, schema: Json, name: str) -> Json | None:
    """What a schema says of a property: names differ in case and in the plural; `a.b` leads through schemas."""
    first, _, rest = name.partition(".")
    members = {_plain(each): as_map(value) for each, value in as_map(schema.get("properties")).items()}
    plain = _plain(first)
    found = next(
        (
            members[each]
            for each in (plain, f"{plain}s", plain.removesuffix("s"), f"{plain.removesuffix('s')}ed")
            if each in members
        ),
        None,
    )
    if found is None or not rest:
        return found
    return member_of(document, _resolved(document, found), rest)


def _plain(name: str) -> str:
    return name.replace("_", "").lower()


def _resolved(document: str, schema: Json) -> Json:
    if "$ref" in schema:
        return schema_of(document, schema["$ref"])
    return _resolved(document, as_map(schema["items"])) if schema.get("type") == "array" else schema


class _Check:
    """A walk over properties and the schemas that they have to have."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def mapping(self, value: Json, schema: Json, path: PropertyPath, dotted: str) -> Iterator[Fault]:
        for key, item in value.items():
            place = f"{dotted}.{key}" if dotted else key
            member = member_of(self._api.document, schema, self._api.renamed.get(place, key))
            if member is not None and item is not None:
                yield from self._value(item, member, (*path, key), place)

    def _value(self, value: Any, member: Json, path: PropertyPath, dotted: str) -> Iterator[Fault]:
        if value is UNKNOWN:
            return
        if isinstance(value, list):
            inner = as_map(member["items"]) if member.get("type") == "array" else member
            for index, item in enumerate(as_list(value)):
                yield from self._value(item, inner, (*path, index), dotted)
            return
        schema = _resolved(self._api.document, member)
        if isinstance(value, dict):
            yield from self.mapping(as_map(value), schema, path, dotted)
            return
        yield from _scalar_faults(value, schema, path)


def _scalar_faults(value: Any, schema: Json, path: PropertyPath) -> Iterator[Fault]:
    allowed = as_list(schema.get("enum"))
    if allowed and value not in allowed:
        yield Fault(path=path, why=f"must be one of {', '.join(allowed)}, not {value!r}")
    pattern = schema.get("pattern")
    if pattern and isinstance(value, str) and not re.fullmatch(pattern, value):
        yield Fault(path=path, why=f"{value!r} does not match {pattern}")
    least, most = schema.get("minimum"), schema.get("maximum")
    too_little = least is not None and _as_number(value) < float(least)
    if too_little or (most is not None and _as_number(value) > float(most)):
        yield Fault(path=path, why=f"must be from {least} to {most}, not {value}")


def _as_number(value: Any) -> float:
    return float(value) if isinstance(value, (int, float)) else math.nan
