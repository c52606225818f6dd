"""The JSON Schema of specs: every field described by the docstring that stands under it, and nothing left open."""

import ast
import inspect
import textwrap
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from modelyard.spec import adapter_of, key_of
from modelyard.spec_later import LATER


class DescribedSchema(GenerateJsonSchema):
    """Pydantic's own generator reads the docstrings of a class itself only; here inherited fields keep theirs, and a
    spec that is loaded later is described like any other."""

    def generate_inner(self, schema: Any) -> JsonSchemaValue:
        """The schema of a part."""
        return super().generate_inner(_loaded(schema))

    def field_title_should_be_set(self, schema: Any) -> bool:
        """Whether a field gets a title, which none of a spec does."""
        return super().field_title_should_be_set(_loaded(schema))

    def dataclass_schema(self, schema: core_schema.DataclassSchema) -> JsonSchemaValue:
        """The schema of one spec with its fields' descriptions."""
        described = super().dataclass_schema(schema)
        for ancestor in reversed(schema["cls"].__mro__[:-1]):
            for name, text in _field_docstrings(ancestor):
                if name in described.get("properties", {}):
                    described["properties"][name]["description"] = text
        return described

    def dict_schema(self, schema: core_schema.DictSchema) -> JsonSchemaValue:
        """The schema of a mapping; where its keys have a pattern, a key without it is refused, not left open."""
        described = super().dict_schema(schema)
        return {**described, "additionalProperties": False} if "patternProperties" in described else described


def _loaded(schema: Any) -> Any:
    """The schema itself, of a spec that is loaded later too."""
    later = schema.get("metadata", {}).get(LATER)
    return adapter_of(later.spec).core_schema if later else schema


def _field_docstrings(cls: type[Any]) -> Iterator[tuple[str, str]]:
    (definition,) = ast.parse(textwrap.dedent(inspect.getsource(cls))).body
    if not isinstance(definition, ast.ClassDef):
        return
    for field, after in pairwise(definition.body):
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and isinstance(after, ast.Expr):
            text = after.value.value if isinstance(after.value, ast.Constant) else None
            if isinstance(text, str):
                yield key_of(field.target.id), inspect.cleandoc(text).replace("\n", " ")
