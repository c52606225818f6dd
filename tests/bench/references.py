"""What a property takes from another resource, written as a person would write it: `vpc_id=vpc.id`.

Under mocks everything is a plain text, such as `prod-vpc-id`. Here it becomes the output again that it came from. Only
what a resource depends on is looked at, so that no text is taken for another's.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from tests.support import aws
from tests.support.mocks import Registration

_RENAMED = {"keyId": "key_id"}


@dataclass(frozen=True, kw_only=True)
class _Output:
    variable: str
    kind: str
    name: str

    @property
    def source(self) -> str:
        return f"{self.variable}.{self.name}"


class References:
    """The outputs of the resources that one resource depends on."""

    def __init__(self, before: Mapping[str, Registration]) -> None:
        """Take the resources by the names of their variables."""
        self.used: set[str] = set()
        self._outputs: dict[str, list[_Output]] = defaultdict(list)
        for variable, each in before.items():
            if each.type.startswith("aws:"):
                kind = each.type.rpartition(":")[2]
                for text, name in _outputs(each, kind).items():
                    self._outputs[text].append(_Output(variable=variable, kind=kind, name=name))

    def written(self, value: Any, path: str) -> str:
        """The value of the property with this path as source text."""
        if isinstance(value, Mapping):
            fields = cast("Mapping[str, Any]", value)
            inside = (f"{key!r}: {self.written(each, f'{path}.{key}')}" for key, each in fields.items())
            return "{" + ", ".join(inside) + "}"
        if isinstance(value, Sequence) and not isinstance(value, str):
            return "[" + ", ".join(self.written(each, path) for each in cast("Sequence[Any]", value)) + "]"
        if not isinstance(value, str):
            return repr(value)
        if value in self._outputs:
            return self._take(self._outputs[value], path)
        for text, found in self._outputs.items():
            if text in value and found[0].name != "name":
                return f"{self._take(found, path)}.apply(lambda _: {value!r})"
        return repr(value)

    def _take(self, found: Sequence[_Output], path: str) -> str:
        # A subnet and its route table have one Pulumi name, hence one id under mocks: `subnetIds` tells which is meant.
        chosen = next((each for each in found if each.kind.lower() in path.lower()), found[0])
        self.used.add(chosen.variable)
        return chosen.source


def _outputs(each: Registration, kind: str) -> dict[str, str]:
    """The outputs of a resource that others take, by their value under mocks."""
    known = aws.outputs(each.type, each.name, each.inputs)
    found = {f"{each.name}-id": "id", known["arn"]: "arn"}
    for key in ("name", "keyId", "endpoint"):
        if key in known and known[key] != each.inputs.get(key):
            found[known[key]] = _RENAMED.get(key, key)
    if kind == "Cluster":
        found |= {each.inputs["name"]: "name", aws.SECURITY_GROUP_ID: "vpc_config.cluster_security_group_id"}
    return found
