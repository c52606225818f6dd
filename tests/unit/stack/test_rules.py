"""Every rule of a stack: what it refuses, with path, value and fix, and a near one that it lets pass.

The stack file (`modelyard check`) and the Pulumi program (`MLStack.from_config`) say the same of each.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from modelyard.errors import ConfigError
from modelyard.stack.config import stack_from_config
from modelyard.stack.file import check_file
from modelyard.stack.ml_stack import MLStack
from modelyard.stack.spec import StackSpec, load_stack
from tests.support.mocks import refused, run
from tests.support.stacks import SECRET, stack, stack_file
from tests.unit.stack import reference_rules, value_rules

CASES = {**value_rules.CASES, **reference_rules.CASES}


def of_file(path: Path) -> str:
    """What `modelyard check` says."""
    with pytest.raises(ConfigError) as caught:
        check_file(path)
    return str(caught.value)


def of_program(written: dict[str, Any], **keys: str) -> str:
    """What `pulumi preview` says, after making sure that nothing is registered."""
    config = {"modelyard:stack": json.dumps(written), **{f"modelyard:{key}": value for key, value in keys.items()}}
    secrets = {} if keys else {"modelyard:hf-token": "clear"}
    return str(refused(MLStack.from_config, "modelyard:stack:MLStack", config=config, secrets=secrets))


@pytest.mark.parametrize("name", CASES)
def test_the_file_is_refused_with_path_value_and_fix(name: str, tmp_path: Path) -> None:
    said = of_file(stack_file(tmp_path, stack(CASES[name].refused)))
    assert said.startswith(CASES[name].line)
    assert said.count("\n") == 0
    assert SECRET not in said


@pytest.mark.parametrize("name", CASES)
def test_the_program_says_the_same_and_registers_nothing(name: str, tmp_path: Path) -> None:
    written = stack(CASES[name].refused)
    assert of_program(written) == of_file(stack_file(tmp_path, written))


@pytest.mark.parametrize("name", CASES)
def test_a_near_one_passes(name: str, tmp_path: Path) -> None:
    written = stack(CASES[name].passes)
    found: list[StackSpec] = []
    config = {"modelyard:stack": json.dumps(written)}
    run(lambda: found.append(stack_from_config()), config=config, secrets={"modelyard:hf-token": "clear"})
    assert found == [check_file(stack_file(tmp_path, written))]


def test_every_problem_comes_at_once(tmp_path: Path) -> None:
    # Types first, all of them; then rules, all of them.
    for kind in ({"true where a number belongs", "misspelt key of a job", "no replica", "a block without a value"},
                 {"an unknown pool", "3 GPUs on a node of 8", "a limit below the request", "no cluster"}):  # fmt: skip
        written = stack({path: value for name in kind for path, value in CASES[name].refused.items()})
        said = of_file(stack_file(tmp_path, written)).splitlines()
        assert sorted(said) == sorted(CASES[name].line for name in kind)
        assert of_program(written).splitlines() == said


def test_a_secret_in_clear_text_is_refused_without_being_shown(tmp_path: Path) -> None:
    line = ("workspaces.chat.secrets.hf-token.from: the key modelyard:hf-token is in clear text; "
            "run: pulumi config set --secret modelyard:hf-token")  # fmt: skip
    assert of_file(stack_file(tmp_path, stack(), {"hf-token": "hf_clear"})) == line
    assert of_program(stack(), **{"hf-token": "hf_clear"}) == line


def test_a_secret_that_is_too_large_is_refused_before_anything_is_registered() -> None:
    config = {"modelyard:stack": json.dumps(stack())}
    large = {"modelyard:hf-token": "x" * (1024 * 1024 + 1)}
    error = refused(MLStack.from_config, "modelyard:stack:MLStack", config=config, secrets=large)
    assert [problem.path for problem in error.problems] == ["workspaces.chat.secrets.hf-token.from"]
    assert "a Secret holds 1,048,576" in str(error)


def test_a_stack_that_is_secret_as_a_whole_is_refused() -> None:
    """Pulumi knows secrecy per key only: one secret inside makes the whole key secret."""
    text = json.dumps(stack())
    error = refused(MLStack.from_config, "modelyard:stack:MLStack", secrets={"modelyard:stack": text})
    assert [problem.path for problem in error.problems] == ["modelyard:stack"]
    assert "clear text in the state" in str(error)


@pytest.mark.parametrize("text", ["", "x", "[", '"text"', "1", "null", "[]", '{"secure": "v1:AAAA"}', "[" * 10_000])
def test_what_is_no_mapping_is_refused_as_the_key_that_it_is(text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_stack(text)
    assert [problem.path for problem in caught.value.problems] == ["modelyard:stack"]


def test_a_missing_stack_is_refused() -> None:
    error = refused(MLStack.from_config, "modelyard:stack:MLStack", config={"other:stack": "{}"})
    assert str(error).startswith("modelyard:stack: is missing; add it under config:")
