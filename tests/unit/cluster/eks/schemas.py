"""Karpenter's own schemas, made strict: a field that they do not have is an error."""

from functools import cache
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator


def schema_problems(folder: Path, plural: str, spec: object) -> list[str]:
    """What Karpenter's CustomResourceDefinition of that name has against a `spec`."""
    return [error.message for error in _validator(folder, plural).iter_errors(spec)]  # pyright: ignore[reportUnknownMemberType, reportArgumentType]


@cache
def _validator(folder: Path, plural: str) -> Draft202012Validator:
    (path,) = (folder / "crds" / "karpenter-provider-aws").glob(f"{plural}.*.yaml")
    definition: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    (version,) = (each for each in definition["spec"]["versions"] if each["storage"])
    return Draft202012Validator(_strict(version["schema"]["openAPIV3Schema"]["properties"]["spec"]))


def _strict(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_strict(each) for each in schema]  # pyright: ignore[reportUnknownVariableType]
    if not isinstance(schema, dict):
        return schema
    found = {str(key): _strict(value) for key, value in schema.items()}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    if "properties" in found and isinstance(found["properties"], dict) and found.get("type") == "object":
        found.setdefault("additionalProperties", False)
    return found
