"""The file reader: what is no stack file, and what YAML readers take differently."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from modelyard.errors import ConfigError
from modelyard.stack.file import check_file, read_file
from tests.support.stacks import SECRET, stack, stack_file

GOOD = """\
config:
  modelyard:stack:
    cluster: {local: {}}
"""
"""The shortest stack."""


def refused(text: str | bytes, folder: Path) -> list[str]:
    """The lines with which a file of this text is refused."""
    path = folder / "Pulumi.test.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ConfigError) as caught:
        check_file(path)
    return str(caught.value).splitlines()


def passes(text: str, folder: Path) -> None:
    """A file of this text is accepted."""
    path = folder / "Pulumi.test.yaml"
    path.write_bytes(text.encode())
    check_file(path)


MISSING = "modelyard:stack: is missing; add it under config: in the stack's file; `modelyard schema` describes it"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", "the file is empty; write config: with modelyard:stack: in it"),
        ("# nothing\n", "the file is empty; write config: with modelyard:stack: in it"),
        ("- config\n", "the file is not a mapping; begin it with config:"),
        ("config\n", "the file is not a mapping; begin it with config:"),
        ("config: [\n", ("is not YAML: expected the node content, but found '<stream end>' at line 2, column 1; "
         "correct the line")),
        ("config:\n\ta: 1\n", ("is not YAML: found character '\\t' that cannot start any token at line 2, column 1; "
         "correct the line")),
        (f"{GOOD}---\n{GOOD}", "is not YAML: but found another document at line 4, column 1; correct the line"),
        (b"\x00\x01binary", "is not YAML: a character is not allowed; correct the line"),
        (b"config: \xff\xfe\n", "{path} is not UTF-8 text; save it as UTF-8"),
        ("encryptionsalt: v1:abc\n", MISSING),
        ("config:\n", MISSING),
        ("config: text\n", MISSING),
        ("config: {other:stack: {}}\n", MISSING),
        ("modelyard:stack: {cluster: {local: {}}}\n", MISSING),
        ("config:\n  modelyard:stack:\n", ("modelyard:stack: has no value; "
         "write {} for a block with its defaults, or leave the key out")),
        ("config: {modelyard:stack: text}\n", ("modelyard:stack: 'text' is not a mapping of keys to values; "
         "write a mapping of keys to values")),
        ("config: {modelyard:stack: [{cluster: {}}]}\n", ("modelyard:stack: [{'cluster': {}}] is not a mapping of keys "
         "to values; write a mapping of keys to values")),
    ],
)  # fmt: skip
def test_what_is_no_stack_file_is_refused(text: str | bytes, line: str, tmp_path: Path) -> None:
    assert refused(text, tmp_path) == [line.format(path=tmp_path / "Pulumi.test.yaml") if "{path}" in line else line]


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    for path, why in ((tmp_path / "absent.yaml", "No such file or directory"), (tmp_path, "Is a directory")):
        with pytest.raises(ConfigError) as caught:
            check_file(path)
        assert str(caught.value) == f"{path} cannot be read ({why}); name a stack file"


@pytest.mark.parametrize(
    "text",
    [
        GOOD,
        f"---\n{GOOD}...\n",
        f"\ufeff{GOOD}",
        GOOD.replace("\n", "\r\n"),
        f"{GOOD}  other:key: on\nencryptionsalt: v1:abc\n",
        'config: {"modelyard:stack": {"cluster": {"local": {}}}}',
    ],
    ids=["block", "document marks", "byte order mark", "CRLF", "keys of others", "JSON"],
)
def test_a_stack_file_however_written_passes(text: str, tmp_path: Path) -> None:
    passes(text, tmp_path)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (f"{GOOD}config: {{}}\n", "config: is given twice (line 4); keep one of them"),
        (f"{GOOD}  modelyard:stack: {{}}\n", "config.modelyard:stack: is given twice (line 4); keep one of them"),
        (f"{GOOD}  other:key: {{a: 1, a: 2}}\n", "config.other:key.a: is given twice (line 4); keep one of them"),
        (f"{GOOD}    cluster: {{existing: {{}}}}\n", "cluster: is given twice (line 4); keep one of them"),
        (f"{GOOD}    pools: {{a: {{cpus: 1, memory_gib: 1, taints: [{{key: b, key: c}}]}}}}\n",
         "pools.a.taints[0].key: is given twice (line 4); keep one of them"),
        (f"{GOOD}    pools: {{a: {{cpus: 1, memory_gib: 1}}, 'a': {{}}}}\n",
         "pools.a: is given twice (line 4); keep one of them"),
    ],
    ids=["top", "stack", "another's", "nested", "in a list", "once in quotes"],
)  # fmt: skip
def test_double_keys_are_refused(text: str, line: str, tmp_path: Path) -> None:
    assert refused(text, tmp_path) == [line]


def test_equal_keys_in_different_mappings_pass(tmp_path: Path) -> None:
    passes(f"{GOOD}    pools: {{a: {{cpus: 1, memory_gib: 1}}, b: {{cpus: 1, memory_gib: 1}}}}\n", tmp_path)


def local(value: str) -> str:
    """A stack with this text as the folder of CRDs, where any text may stand."""
    return f"config:\n  modelyard:stack:\n    cluster: {{local: {{crds: {value}}}}}\n"


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("on", 'on means true or false to some YAML readers; put it in quotes: "on", or write true or false'),
        ("No", 'No means true or false to some YAML readers; put it in quotes: "No", or write true or false'),
        ("y", 'y means true or false to some YAML readers; put it in quotes: "y", or write true or false'),
        ("012", '012 is an octal number to some YAML readers; put it in quotes: "012", or drop the leading zero'),
        ("1_000", '1_000 is a number to some YAML readers; put it in quotes: "1_000", or drop the _'),
        ("12:30", '12:30 counts in sixties to some YAML readers; put it in quotes: "12:30"'),
        ("0x1F", '0x1F is a number to some YAML readers; put it in quotes: "0x1F", or write it in decimal'),
        ("0o17", '0o17 is a number to some YAML readers; put it in quotes: "0o17", or write it in decimal'),
        ("2026-01-01", '2026-01-01 is a date to some YAML readers; put it in quotes: "2026-01-01"'),
        ("2026-01-01 10:00:00", ('2026-01-01 10:00:00 is a date to some YAML readers; '
         'put it in quotes: "2026-01-01 10:00:00"')),
        ("=", '= has a meaning of its own to some YAML readers; put it in quotes: "="'),
        ("9" * 19, (f"{'9' * 19} has more digits than some YAML readers keep; "
         "use a smaller number, or quotes")),
    ],
)  # fmt: skip
def test_values_that_readers_take_differently_are_refused(value: str, said: str, tmp_path: Path) -> None:
    assert refused(local(value), tmp_path) == [f"cluster.local.crds: {said}"]
    passes(local(f'"{value}"'), tmp_path)


@pytest.mark.parametrize("value", ["one", "v1.35", "a1_000", "on-prem", "2026-01", "a12:30", "./0x", "1.2.3", "null-x"])
def test_values_that_only_look_like_it_pass(value: str, tmp_path: Path) -> None:
    passes(local(value), tmp_path)


@pytest.mark.parametrize("value", ["~", "null", ""])
def test_a_block_without_a_value_is_refused(value: str, tmp_path: Path) -> None:
    said = refused(f"config:\n  modelyard:stack:\n    cluster:\n      local: {value}\n", tmp_path)
    assert said[0] == (
        "cluster.local: has no value; write {} for a block with its defaults, or leave the key out"
    )  # fmt: skip


def test_all_values_that_are_taken_differently_come_at_once(tmp_path: Path) -> None:
    text = f"{GOOD}    pools: {{a: {{cpus: 012, memory_gib: 1_0}}, on: {{cpus: 0x1, cpus: 2, memory_gib: 1}}}}\n"
    assert [line.split(": ")[0] for line in refused(text, tmp_path)] == [
        "pools.on.cpus", "pools.a.cpus", "pools.a.memory_gib", "pools.on", "pools.on.cpus",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("1", "the key 1 is not text to all YAML readers; put it in quotes"),
        ("1.5", "the key 1.5 is not text to all YAML readers; put it in quotes"),
        ("true", "the key true is not text to all YAML readers; put it in quotes"),
        ("null", "the key null is not text to all YAML readers; put it in quotes"),
        ("off", 'off means true or false to some YAML readers; put it in quotes: "off", or write true or false'),
    ],
)
def test_keys_that_are_no_text_are_refused(key: str, said: str, tmp_path: Path) -> None:
    def labels(written: str) -> str:
        return f"{GOOD}    pools: {{a: {{cpus: 1, memory_gib: 1, node_labels: {{{written}: x}}}}}}\n"

    assert refused(labels(key), tmp_path) == [f"pools.a.node_labels.{key}: {said}"]
    passes(labels(f'"{key}"'), tmp_path)


def test_a_key_that_is_a_list_is_refused(tmp_path: Path) -> None:
    said = refused(f"{GOOD}    ? [a]\n    : 1\n", tmp_path)
    assert said == ["config.modelyard:stack: a key is not plain text (line 4); write keys as text"]


@pytest.mark.parametrize(
    "tag",
    ["!!python/object:os.system", "!own", "!!binary", "!!int", "!!float", "!!bool", "!!timestamp", "!!set", "!!null"],
)
def test_tags_that_change_a_value_are_refused(tag: str, tmp_path: Path) -> None:
    assert refused(local(f"{tag} text"), tmp_path) == [
        f"cluster.local.crds: the tag {tag!r} is not plain YAML; remove the tag"
    ]


@pytest.mark.parametrize("written", ["!!str text", "text", "'text'"])
def test_a_tag_that_changes_nothing_passes(written: str, tmp_path: Path) -> None:
    passes(local(written), tmp_path)


def test_a_tag_of_another_shape_is_refused(tmp_path: Path) -> None:
    assert refused("config: {modelyard:stack: !!map text}\n", tmp_path) == [
        "config.modelyard:stack: the tag '!!map' is not plain YAML; remove the tag"
    ]


POOL = "{cpus: 1, memory_gib: 1}"


def test_merge_keys_are_refused_and_aliases_pass(tmp_path: Path) -> None:
    said = refused(f"{GOOD}    pools: {{a: &a {POOL}, b: {{<<: *a}}}}\n", tmp_path)
    assert said == ["pools.b.<<: merges mappings for some YAML readers only; write the keys out"]
    passes(f"{GOOD}    pools: {{a: &a {POOL}, b: *a}}\n", tmp_path)


def test_aliases_without_an_end_are_refused(tmp_path: Path) -> None:
    said = refused("config:\n  modelyard:stack: &a\n    cluster: *a\n", tmp_path)
    assert said == ["has more than 50 levels; write fewer; an alias cannot stand in what it stands for"]


def test_aliases_that_grow_without_measure_are_refused_at_once(tmp_path: Path) -> None:
    """Nine lines stand for nine to the ninth values."""
    lines = [f"  other:{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 9)}]" for level in range(1, 10)]
    said = refused("\n".join(["config:", "  other:0: &a0 [x]", *lines, "  modelyard:stack: *a9", ""]), tmp_path)
    assert said == ["has more than 100000 values, aliases written out; use fewer aliases"]


def test_levels_count_through_aliases(tmp_path: Path) -> None:
    def nested(inner: str) -> str:
        return "[" * 20 + inner + "]" * 20

    lines = [f"  other:{level}: &a{level} {nested(f'*a{level - 1}')}" for level in range(1, 30)]
    said = refused("\n".join(["config:", "  other:0: &a0 x", *lines, ""]), tmp_path)
    assert said == ["has more than 50 levels; write fewer; an alias cannot stand in what it stands for"]


def test_many_levels_are_refused(tmp_path: Path) -> None:
    assert refused(local("[" * 300 + "]" * 300), tmp_path)[0].startswith("has more than 50 levels")
    assert refused(local("[" * 60 + "]" * 60), tmp_path)[0].startswith("has more than 50 levels")


@pytest.mark.parametrize(
    ("block", "path"),
    [
        ({"workspaces.chat.services.fraud.env.TOKEN": {"secure": SECRET}}, "workspaces.chat.services.fraud.env.TOKEN"),
        ({"workspaces.chat.jobs.embed.args": [{"secure": SECRET}]}, "workspaces.chat.jobs.embed.args[0]"),
        ({"pools.system": {"secure": SECRET}}, "pools.system"),
    ],
    ids=["value", "in a list", "block"],
)
def test_a_secret_inside_the_stack_is_one_problem(block: dict[str, Any], path: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        check_file(stack_file(tmp_path, stack(block)))
    ours = [problem for problem in caught.value.problems if problem.path.startswith(path)]
    assert [problem.path for problem in ours] == [path]
    assert "clear text" in ours[0].why
    assert SECRET not in str(caught.value)


def test_a_stack_that_is_secret_as_a_whole_is_one_problem(tmp_path: Path) -> None:
    (line,) = refused(f"config: {{modelyard:stack: {{secure: '{SECRET}'}}}}\n", tmp_path)
    assert line.startswith("modelyard:stack: is a secret, which would end in clear text in the state; give it a key")


def test_keys_tell_which_are_encrypted(tmp_path: Path) -> None:
    path = stack_file(tmp_path, stack(), {"hf-token": {"secure": SECRET}, "plain": "x"})
    assert read_file(path).keys == {"hf-token": True, "plain": False}


def test_only_our_keys_count(tmp_path: Path) -> None:
    path = stack_file(tmp_path, stack(), {})
    content = yaml.safe_load(path.read_text())
    content["config"]["other:hf-token"] = {"secure": SECRET}
    path.write_text(yaml.safe_dump(content))
    with pytest.raises(ConfigError, match="the key modelyard:hf-token is missing"):
        check_file(path)
