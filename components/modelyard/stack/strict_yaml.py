"""YAML 1.2, stricter where YAML readers disagree.

Pulumi's reader is Go's; editors and linters use others. A value such as `on`, `012` or `2026-01-01` is not the same to
all of them, so that it is refused, with how to write it. So are double keys, merge keys and tags.
"""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from modelyard.errors import ConfigError, Problem, join_path, show

if TYPE_CHECKING:
    from ruamel.yaml.nodes import MappingNode, Node

_TAG = "tag:yaml.org,2002:"
_PLAIN_TAGS = {_TAG + kind for kind in ("str", "int", "float", "bool", "null", "map", "seq", "timestamp")}
_MERGE_TAG = _TAG + "merge"
_QUOTE = 'put it in quotes: "{}"'
# What a plain scalar may be taken for, and the way out.
# https://yaml.org/type/ (YAML 1.1) against https://yaml.org/spec/1.2.2/#103-core-schema
_AMBIGUOUS = (
    (r"(?i)y|n|yes|no|on|off", "means true or false to some YAML readers", f"{_QUOTE}, or write true or false"),
    (r"[-+]?0[0-9_]+", "is an octal number to some YAML readers", f"{_QUOTE}, or drop the leading zero"),
    (r"[-+]?[0-9][0-9_]*_[0-9_]*(\.[0-9_]*)?", "is a number to some YAML readers", f"{_QUOTE}, or drop the _"),
    (r"[-+]?[0-9]+(:[0-5]?[0-9])+(\.[0-9]*)?", "counts in sixties to some YAML readers", _QUOTE),
    (r"[-+]?0[xob][0-9a-fA-F_]+", "is a number to some YAML readers", f"{_QUOTE}, or write it in decimal"),
    (r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}([Tt ].*)?", "is a date to some YAML readers", _QUOTE),
)


def compose(text: str) -> "MappingNode":
    """The document as a graph of nodes that keep how they were written.

    Raises:
        ConfigError: the text is not YAML, or not a mapping.
    """
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError
    from ruamel.yaml.nodes import MappingNode

    try:
        root: Node | None = YAML(typ="safe", pure=True).compose(text)  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    except YAMLError as error:
        raise ConfigError(Problem(why=f"is not YAML: {_said(error)}", fix="correct the line")) from None
    if root is None:
        raise ConfigError(Problem(why="the file is empty", fix="write config: with modelyard:stack: in it"))
    if not isinstance(root, MappingNode):
        raise ConfigError(Problem(why="the file is not a mapping", fix="begin it with config:"))
    return root


def _said(error: Exception) -> str:
    mark, said = getattr(error, "problem_mark", None), getattr(error, "problem", None)
    where = f" at line {mark.line + 1}, column {mark.column + 1}" if mark else ""
    return f"{said or 'a character is not allowed'}{where}"


def structure_problems(root: "Node", path: str = "") -> Iterator[Problem]:
    """Double keys, keys that are no text, merge keys and tags, anywhere below a node."""
    if root.tag not in _PLAIN_TAGS:
        yield Problem(path=path, why=f"the tag {show(root.tag)} is not plain YAML", fix="remove the tag")
    seen: set[str] = set()
    for key, child, here in _children(root, path):
        if key is not None:
            yield from _key_problems(key, seen, here)
        yield from structure_problems(child, here)


def _key_problems(key: "Node", seen: set[str], path: str) -> Iterator[Problem]:
    line = key.start_mark.line + 1
    if not isinstance(key.value, str):
        yield Problem(path=path, why=f"a key is not plain text (line {line})", fix="write keys as text")
    elif key.tag == _MERGE_TAG:
        yield Problem(path=path, why="merges mappings for some YAML readers only", fix="write the keys out")
    elif key.value in seen:
        yield Problem(path=path, why=f"is given twice (line {line})", fix="keep one of them")
    else:
        seen.add(key.value)


def ambiguities(node: "Node", path: str = "") -> Iterator[Problem]:
    """Keys and values below a node that YAML readers take differently."""
    yield from _ambiguity(node, path)
    for key, child, here in _children(node, path):
        if key is not None:
            yield from _ambiguity(key, here)
        yield from ambiguities(child, here)


def _ambiguity(node: "Node", path: str) -> Iterator[Problem]:
    from ruamel.yaml.nodes import ScalarNode

    quoted = not isinstance(node, ScalarNode) or node.style is not None
    for pattern, why, fix in _AMBIGUOUS:
        if not quoted and re.fullmatch(pattern, node.value):
            yield Problem(path=path, why=f"{node.value} {why}", fix=fix.format(node.value))
            return


def _children(node: "Node", path: str) -> "Iterator[tuple[Node | None, Node, str]]":
    """Key (None in a sequence), child and path of what a node holds."""
    from ruamel.yaml.nodes import MappingNode, SequenceNode

    if isinstance(node, MappingNode):
        for key, child in node.value:
            yield key, child, join_path(path, str(key.value) if isinstance(key.value, str) else "")
    elif isinstance(node, SequenceNode):
        for index, child in enumerate(node.value):
            yield None, child, join_path(path, f"[{index}]")
