"""Reads a stack file (`Pulumi.<env>.yaml`) without Pulumi."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

from modelyard.errors import ConfigError, Problem
from modelyard.stack import strict_yaml
from modelyard.stack.spec import STACK_KEY, StackSpec, load_stack, missing_secrets
from modelyard.stack.strict_yaml import Node

_NAMESPACE = "modelyard:"


@dataclass(frozen=True, kw_only=True)
class StackFile:
    """What a stack file says to us.

    Attributes:
        stack: the block `modelyard:stack` as a program gets it, JSON text; None where the file has none.
        keys: our other keys, and whether each is encrypted (`secure:`).
    """

    stack: str | None
    keys: Mapping[str, bool]


def check_file(path: Path) -> StackSpec:
    """The stack that a file describes, checked as `pulumi preview` checks it.

    Raises:
        ConfigError: with every problem found.
    """
    read = read_file(path)
    spec = load_stack(read.stack)
    missing = list(missing_secrets(spec, read.keys))
    if missing:
        raise ConfigError(missing)
    return spec


def read_file(path: Path) -> StackFile:
    """The text of a stack file taken apart.

    Raises:
        ConfigError: the file cannot be read, is not YAML, or says something that YAML readers take differently.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(Problem(why=f"{path} cannot be read ({error.strerror})", fix="name a stack file")) from None
    except UnicodeDecodeError:
        raise ConfigError(Problem(why=f"{path} is not UTF-8 text", fix="save it as UTF-8")) from None
    root = strict_yaml.compose(text)
    problems = [
        replace(problem, path=problem.path.removeprefix(f"config.{_NAMESPACE}{STACK_KEY}."))
        for problem in strict_yaml.structure_problems(root)
    ]
    config = _entry(root, "config")
    values = dict(_entries(config)) if config else {}
    stack = values.pop(_NAMESPACE + STACK_KEY, None)
    if stack is not None:
        problems += strict_yaml.ambiguities(stack)
    if problems:
        raise ConfigError(dict.fromkeys(problems))
    return StackFile(
        stack=None if stack is None else _as_pulumi_gives_it(_plain(stack)),
        keys={
            key.removeprefix(_NAMESPACE): _entry(node, "secure") is not None
            for key, node in values.items()
            if key.startswith(_NAMESPACE)
        },
    )


def _entries(node: Node) -> Iterator[tuple[str, Node]]:
    if node.id == "mapping":
        pairs: list[tuple[Node, Node]] = node.value
        yield from ((str(key.value), child) for key, child in pairs)


def _entry(node: Node, key: str) -> Node | None:
    return dict(_entries(node)).get(key)


def _as_pulumi_gives_it(value: Any) -> str:
    """The text that a program gets: JSON, but a text as it is, and no text for nothing."""
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value)


def _plain(node: Node) -> Any:
    """The plain value of a node that has no problems."""
    from ruamel.yaml import YAML

    return cast("Any", YAML(typ="safe", pure=True)).constructor.construct_document(node)
