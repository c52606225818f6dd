"""What a table of a simulated cloud's types is held against: properties of the SDK, and what the library registers."""

import re
from collections.abc import Mapping

from tests.support.paths import ROOT
from tools.offline.cloud.schema import Property


def has(properties: Mapping[str, Property], path: str) -> bool:
    """Whether there is a property at a dotted path; inside of a mapping anything may be."""
    name, _, rest = path.partition(".")
    if name not in properties:
        return False
    kind = properties[name].type
    while kind.item is not None:
        if kind.kind == "map":
            return True
        kind = kind.item
    return not rest or (kind.kind == "object" and has(kind.properties(), rest))


def registered(cluster: str, module_and_type: re.Pattern[str]) -> set[tuple[str, str]]:
    """Module and name of each resource that the folder of a kind of cluster makes by the pattern's two groups."""
    library = ROOT / "components" / "modelyard" / "cluster" / cluster
    found = {match for path in library.glob("*.py") for match in module_and_type.findall(path.read_text("utf-8"))}
    return {(module, name) for module, name in found if not name.endswith("Args")}
