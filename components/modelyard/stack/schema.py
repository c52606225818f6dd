"""The JSON Schema of a stack file, so that editors complete and check it."""

from typing import Any

from modelyard.spec import json_schema
from modelyard.stack.spec import STACK_KEY, StackSpec


def file_schema() -> dict[str, Any]:
    """The schema (draft 2020-12) of `Pulumi.<env>.yaml`; what is not ours in the file is left to Pulumi."""
    stack = json_schema(StackSpec)
    definitions = stack.pop("$defs")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "modelyard stack file",
        "type": "object",
        "required": ["config"],
        "properties": {
            "config": {
                "type": "object",
                "required": [f"modelyard:{STACK_KEY}"],
                "properties": {f"modelyard:{STACK_KEY}": stack},
            }
        },
        "$defs": definitions,
    }
