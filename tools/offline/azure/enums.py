"""Enumerations, as the installed SDK (`pulumi_azure_native`) declares them for the version of the API that it calls.

The SDK takes any text in their place, and the API does not.
"""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from tools.offline.cloud.schema import Fault, Property, Type
from tools.offline.common.paths import Path as PropertyPath
from tools.offline.common.values import UNKNOWN, as_list, as_map


def faults(inputs: Mapping[str, Any], properties: Mapping[str, Property], path: PropertyPath = ()) -> Iterator[Fault]:
    """Every value that is none of its enumeration; unknowns pass."""
    for key, value in inputs.items():
        if key in properties:
            yield from _faults(value, properties[key].type, (*path, key))


def _faults(value: Any, wanted: Type, path: PropertyPath) -> Iterator[Fault]:
    if value is UNKNOWN or value is None:
        return
    if wanted.kind == "object":
        yield from faults(as_map(value), wanted.properties(), path)
    elif wanted.item is not None:
        entries = as_map(value).items() if wanted.kind == "map" else enumerate(as_list(value))
        for key, item in entries:
            yield from _faults(item, wanted.item, (*path, key))
    elif wanted.kind == "text" and wanted.name:
        allowed = values_of(wanted.module, wanted.name)
        if allowed and value not in allowed:
            yield Fault(path=path, why=f"must be one of {', '.join(sorted(allowed))}, not {value!r}")


@cache
def values_of(module: str, name: str) -> frozenset[str]:
    """The values of an enumeration of `pulumi_azure_native/storage`; none where it is not one."""
    package, _, folder = module.partition("/")
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise LookupError(f"the Python package {package} is not installed")
    source = Path(spec.submodule_search_locations[0], folder, "_enums.py").read_text(encoding="utf-8")
    found = re.search(rf"^class {name}\(.*?(?=^class |^@|\Z)", source, re.MULTILINE | re.DOTALL)
    return frozenset(re.findall(r'^    [A-Z0-9_]+ = "([^"]*)"', found[0], re.MULTILINE)) if found else frozenset()
