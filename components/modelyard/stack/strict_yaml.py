"""YAML 1.2, stricter where YAML readers disagree.

Pulumi's reader is Go's; editors and linters use others. A value such as `on`, `012` or `2026-01-01` is not the same to
all of them, so that it is refused, with how to write it. So are double keys, merge keys and tags that change a value.
"""

import re
from collections.abc import Iterator
from typing import Any, Protocol, cast

from modelyard.errors import ConfigError, Problem, join_path, shorten, show


class Node(Protocol):
    """A node of ruamel.yaml's graph, of whose annotations type checkers know nothing.

    Attributes:
        id: `scalar`, `sequence` or `mapping`.
        tag: its type, as written or as it follows from the value.
        value: text; nodes; or pairs of nodes.
        start_mark: where it begins, with its `line` from 0.
    """

    id: str
    tag: str
    value: Any
    start_mark: Any


_TAG = "tag:yaml.org,2002:"
_MERGE_TAG = _TAG + "merge"
_QUOTE = 'put it in quotes: "{}"'
_MOST_NODES, _MOST_LEVELS = 100_000, 50
"""A stack of a thousand workloads has a fifth of it. Aliases can stand for more, or for what they stand in."""
_TOO_DEEP = Problem(
    why=f"has more than {_MOST_LEVELS} levels", fix="write fewer; an alias cannot stand in what it stands for"
)
# What a plain scalar may be taken for, and the way out.
# https://yaml.org/type/ (YAML 1.1) against https://yaml.org/spec/1.2.2/#103-core-schema
_AMBIGUOUS = (
    (r"(?i)y|n|yes|no|on|off", "means true or false to some YAML readers", f"{_QUOTE}, or write true or false"),
    (r"[-+]?[1-9][0-9]{18,}", "has more digits than some YAML readers keep", "use a smaller number, or quotes"),
    (r"[-+]?0[0-9_]+", "is an octal number to some YAML readers", f"{_QUOTE}, or drop the leading zero"),
    (r"[-+]?[0-9][0-9_]*_[0-9_]*(\.[0-9_]*)?", "is a number to some YAML readers", f"{_QUOTE}, or drop the _"),
    (r"[-+]?[0-9]+(:[0-5]?[0-9])+(\.[0-9]*)?", "counts in sixties to some YAML readers", _QUOTE),
    (r"[-+]?0[xob][0-9a-fA-F_]+", "is a number to some YAML readers", f"{_QUOTE}, or write it in decimal"),
    (r"=|<<", "has a meaning of its own to some YAML readers", _QUOTE),
    (r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}([Tt \t].*)?", "is a date to some YAML readers", _QUOTE),
)


def compose(text: str) -> Node:
    """The document as a graph of nodes that keep how they were written.

    Raises:
        ConfigError: the text is not YAML, or not a mapping.
    """
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        root = cast("Node | None", cast("Any", YAML(typ="safe", pure=True)).compose(text))
    except YAMLError as error:
        raise ConfigError(Problem(why=f"is not YAML: {_said(error)}", fix="correct the line")) from None
    except RecursionError:
        raise ConfigError(_TOO_DEEP) from None
    if root is None:
        raise ConfigError(Problem(why="the file is empty", fix="write config: with modelyard:stack: in it"))
    if root.id != "mapping":
        raise ConfigError(Problem(why="the file is not a mapping", fix="begin it with config:"))
    _refuse_endless(root)
    return root


def _refuse_endless(root: Node) -> None:
    """Make sure that whoever walks the graph comes to an end soon, aliases followed."""
    measured: dict[int, tuple[int, int]] = {}

    def measure(node: Node, level: int) -> tuple[int, int]:
        """Values and levels below and with a node."""
        if id(node) not in measured and level <= _MOST_LEVELS:
            children = (each for key, child, _ in _children(node, "") for each in (key, child) if each)
            below = [measure(each, level + 1) for each in children]
            measured[id(node)] = 1 + sum(size for size, _ in below), 1 + max((height for _, height in below), default=0)
        size, height = measured.get(id(node), (1, 1))
        if level + height > _MOST_LEVELS:
            raise ConfigError(_TOO_DEEP)
        return size, height

    if measure(root, 0)[0] > _MOST_NODES:
        why = f"has more than {_MOST_NODES} values, aliases written out"
        raise ConfigError(Problem(why=why, fix="use fewer aliases"))


def _said(error: Exception) -> str:
    mark, said = getattr(error, "problem_mark", None), getattr(error, "problem", None)
    where = f" at line {mark.line + 1}, column {mark.column + 1}" if mark else ""
    return f"{said or 'a character is not allowed'}{where}"


def structure_problems(root: Node, path: str = "") -> Iterator[Problem]:
    """Double keys, keys that are no text, merge keys and tags, anywhere below a node."""
    if root.tag != _implied_tag(root):
        tag = str(root.tag).replace(_TAG, "!!")
        yield Problem(path=path, why=f"the tag {show(tag)} is not plain YAML", fix="remove the tag")
    seen: set[str] = set()
    for key, child, here in _children(root, path):
        if key is not None:
            yield from _key_problems(key, seen, here)
        yield from structure_problems(child, here)


def _implied_tag(node: Node) -> str:
    """The tag of a node that was written without one."""
    from ruamel.yaml.resolver import VersionedResolver

    plain = _is_plain(node)
    return str(cast("Any", VersionedResolver()).resolve(type(node), node.value, (plain, not plain)))


def _is_plain(node: Node) -> bool:
    """Whether it is a scalar without quotes."""
    return node.id == "scalar" and getattr(node, "style", None) is None


def _key_problems(key: Node, seen: set[str], path: str) -> Iterator[Problem]:
    line = key.start_mark.line + 1
    if not isinstance(key.value, str):
        yield Problem(path=path, why=f"a key is not plain text (line {line})", fix="write keys as text")
    elif key.tag == _MERGE_TAG:
        yield Problem(path=path, why="merges mappings for some YAML readers only", fix="write the keys out")
    elif key.value in seen:
        yield Problem(path=path, why=f"is given twice (line {line})", fix="keep one of them")
    else:
        seen.add(key.value)


def ambiguities(node: Node, path: str = "") -> Iterator[Problem]:
    """Keys and values below a node that YAML readers take differently."""
    yield from _ambiguity(node, path)
    for key, child, here in _children(node, path):
        if key is not None:
            yield from _key_ambiguity(key, here)
        yield from ambiguities(child, here)


def _key_ambiguity(key: Node, path: str) -> Iterator[Problem]:
    if not isinstance(key.value, str) or key.tag == _MERGE_TAG:  # structure_problems tells of it
        return
    found = list(_ambiguity(key, path))
    if not found and key.tag != _TAG + "str":
        found = [Problem(path=path, why=f"the key {key.value} is not text to all YAML readers", fix="put it in quotes")]
    yield from found


def _ambiguity(node: Node, path: str) -> Iterator[Problem]:
    for pattern, why, fix in _AMBIGUOUS:
        if _is_plain(node) and re.fullmatch(pattern, node.value):
            yield Problem(path=path, why=f"{shorten(node.value)} {why}", fix=fix.format(node.value))
            return


def _children(node: Node, path: str) -> Iterator[tuple[Node | None, Node, str]]:
    """Key (None in a sequence), child and path of what a node holds."""
    if node.id == "mapping":
        pairs: list[tuple[Node, Node]] = node.value
        for key, child in pairs:
            yield key, child, join_path(path, key.value if isinstance(key.value, str) else "")
    elif node.id == "sequence":
        children: list[Node] = node.value
        for index, child in enumerate(children):
            yield None, child, join_path(path, f"[{index}]")
