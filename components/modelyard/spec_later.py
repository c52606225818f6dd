"""A field's spec that is loaded when the first value of it comes: a stack pays for the clouds that it is in."""

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Annotated, Any

from modelyard.spec import adapter_of, read_json

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler
    from pydantic_core import CoreSchema, core_schema

LATER = "modelyard_later"
"""The key in the metadata of pydantic's schema that holds what is loaded later."""


def later(module: str, name: str) -> Any:
    """The type of a field whose spec is in a module that is loaded when needed.

    Values, errors and the JSON Schema are those of the spec itself. For type checkers import the spec:

        if TYPE_CHECKING:
            from modelyard.cluster.eks.spec import EksSpec
        else:
            EksSpec = later("modelyard.cluster.eks.spec", "EksSpec")

    Args:
        module: where the spec is.
        name: the spec's name there.
    """
    return Annotated[Any, Later(module, name)]


@dataclass(frozen=True)
class Later:
    """A spec by its place.

    Attributes:
        module: where it is.
        name: its name there.
    """

    module: str
    name: str

    @property
    def spec(self) -> type[Any]:
        """The spec, loaded now at the latest."""
        return getattr(import_module(self.module), self.name)

    def __get_pydantic_core_schema__(self, source: Any, handler: "GetCoreSchemaHandler") -> "CoreSchema":
        from pydantic_core import core_schema

        # The metadata is for the JSON Schema, which spec_schema.py describes the spec itself in.
        return core_schema.with_info_plain_validator_function(self._validated, metadata={LATER: self})

    def _validated(self, value: Any, info: "core_schema.ValidationInfo") -> Any:
        """Checked by the spec itself; pydantic adds what that reports to its own, with paths below the field."""
        from pydantic_core import to_json

        adapter = adapter_of(self.spec)
        # JSON, of which the value was made, is let in where Python is not: a mapping in place of the spec.
        return read_json(adapter, to_json(value)) if info.mode == "json" else adapter.validate_python(value)
