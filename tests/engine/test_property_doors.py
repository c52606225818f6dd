"""Nothing that is written makes the reader fail otherwise than by a ConfigError, or `check` by its exit code."""

import contextlib
import io
import json
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, cast

import yaml
from hypothesis import given
from hypothesis import strategies as st

from modelyard.cli import main
from modelyard.errors import ConfigError, Problem
from modelyard.stack.spec import load_stack
from tests.support.stacks import stack
from tests.support.strategies import VALUES, examples

GOOD = stack()
FILE = yaml.safe_dump({"config": {"modelyard:hf-token": {"secure": "v1:abc"}, "modelyard:stack": GOOD}})


def places(value: Any, path: str = "") -> Iterator[str]:
    """The path of every value in a stack."""
    children = cast("dict[str, Any]", value).items() if isinstance(value, dict) else ()
    for key, child in children:
        yield f"{path}{key}"
        yield from places(child, f"{path}{key}.")


def read(text: str) -> None:
    """Read a stack; what is wrong with it is said in full."""
    problems: Sequence[Problem] | None = None
    try:
        load_stack(text)
    except ConfigError as error:
        problems = error.problems
    assert problems is None or (problems and all(each.why and each.fix for each in problems))


@examples(200)
@given(st.one_of(VALUES.map(json.dumps), st.text(max_size=30)))
def test_any_json_and_any_text_is_read_or_refused(text: str) -> None:
    read(text)


@examples(300)
@given(st.sampled_from(sorted(places(GOOD))), VALUES)
def test_a_stack_with_any_value_anywhere_is_read_or_refused(path: str, value: Any) -> None:
    read(json.dumps(stack({path: value})))


@examples(150)
@given(st.sampled_from([path for path in sorted(places(GOOD)) if path != "cluster"]), st.text(max_size=12), VALUES)
def test_a_stack_with_any_key_anywhere_is_read_or_refused(path: str, key: str, value: Any) -> None:
    changed = stack()
    here: Any = changed
    for step in path.split(".")[:-1]:
        here = here[step]
    here[key] = value
    read(json.dumps(changed))


def check(content: bytes) -> int:
    """`modelyard check` on a file with this content."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "Pulumi.test.yaml"
        path.write_bytes(content)
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            return main(["check", str(path)])


@examples(150)
@given(st.one_of(st.binary(max_size=60), st.text(max_size=60).map(str.encode)))
def test_check_takes_any_file(content: bytes) -> None:
    assert check(content) == 2


SPLICES = st.one_of(
    st.text(max_size=8),
    st.sampled_from(["&a ", "*a", "!!int ", "<<: ", "? ", "- ", ": ", "{", "]", "'", "|\n", "\t", "---\n", "...\n", "~",
                     "=", "%YAML 1.1\n---\n", "0x", "1_0", "secure: ", "\x00", "\u2028", "\ufeff"]),
)  # fmt: skip


@examples(60)
@given(st.integers(0, len(FILE)), st.integers(0, 6), SPLICES)
def test_check_takes_a_stack_file_with_any_change(start: int, length: int, splice: str) -> None:
    assert check((FILE[:start] + splice + FILE[start + length :]).encode()) in (0, 2)


def test_the_file_itself_is_accepted() -> None:
    assert check(FILE.encode()) == 0
