"""The JSON Schema that editors use: it accepts what `check` accepts, and tells of every key."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest
import yaml
from jsonschema import Draft202012Validator

from modelyard.stack.schema import file_schema
from tests.support.paths import ROOT
from tests.support.stacks import REMOVED, SECRET, stack

SCHEMA = file_schema()
STACK_FILES = sorted((ROOT / "stacks").glob("Pulumi.*.yaml"))


def errors(written: dict[str, Any]) -> list[str]:
    """Where a stack breaks the schema."""
    config = {"modelyard:stack": written, "modelyard:hf-token": {"secure": SECRET}, "other:key": 1}
    found = Draft202012Validator(SCHEMA).iter_errors({"config": config, "encryptionsalt": "v1:abc"})  # pyright: ignore[reportUnknownMemberType]
    return [".".join(str(step) for step in error.absolute_path) + ": " + error.message for error in found]


def blocks(schema: Any, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every part of the schema with where it stands."""
    if isinstance(schema, dict):
        part = cast("dict[str, Any]", schema)
        yield path, part
        for key, each in part.items():
            yield from blocks(each, f"{path}/{key}")
    elif isinstance(schema, list):
        for index, each in enumerate(cast("list[Any]", schema)):
            yield from blocks(each, f"{path}/{index}")


def test_it_is_a_schema() -> None:
    Draft202012Validator.check_schema(SCHEMA)


def test_there_are_stack_files() -> None:
    assert ROOT / "stacks" / "Pulumi.local.yaml" in STACK_FILES


@pytest.mark.parametrize("path", STACK_FILES, ids=lambda path: path.name)
def test_the_projects_stack_files_pass(path: Path) -> None:
    written = yaml.safe_load(path.read_text(encoding="utf-8"))
    Draft202012Validator(SCHEMA).validate(written)  # pyright: ignore[reportUnknownMemberType]


def test_a_stack_with_every_block_passes() -> None:
    assert errors(stack()) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"workspace": {}},
        {"workspaces.chat.services.fraud.replica": 1},
        {"workspaces.chat.jobs.embed.retrys": 1},
        {"workspaces.chat.jobs.score.retrys": 1},
        {"workspaces.chat.secrets.hf-token.from_": "config/x"},
        {"cluster": REMOVED},
        {"workspaces.chat.services.fraud.pool": REMOVED},
        {"workspaces.chat.services.fraud.replicas": "2"},
        {"workspaces.chat.services.fraud.replicas": 0},
        {"workspaces.chat.services.fraud.env": {"A B": "x"}},
        {"workspaces.chat.jobs.Score": {"image": "a:1", "pool": "system"}},
        {"workspaces.chat.secrets.hf-token.from": "hf-token"},
        {"cluster.local.kubernetes_version": 1.35},
        {"cluster.local.engine": "docker"},
        {"observability": {"metrics": {"storage_gib": 0}}},
    ],
    ids=str,
)
def test_it_refuses_what_types_refuse(changes: dict[str, Any]) -> None:
    assert errors(stack(changes))


def test_every_key_is_described() -> None:
    # The file around the stack is Pulumi's.
    described = [
        (f"{path}/{key}", each)
        for path, part in blocks(SCHEMA)
        if "properties" in part and path not in ("", "/properties/config")
        for key, each in part["properties"].items()
    ]
    assert len(described) > 50
    assert [path for path, each in described if not each.get("description", "").strip()] == []


def test_every_block_is_described_and_closed() -> None:
    specs = [(path, part) for path, part in blocks(SCHEMA) if part.get("type") == "object" and "properties" in part]
    ours = [(path, part) for path, part in specs if path not in ("", "/properties/config")]
    assert len(ours) > 20
    assert [
        path for path, part in ours if not part.get("description") or part["additionalProperties"] is not False
    ] == []
