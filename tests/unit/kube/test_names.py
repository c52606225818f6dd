import re

import pytest

from modelyard.kube.names import (
    LABEL_VALUE_CHARACTERS,
    LOGICAL_NAME_CHARACTERS,
    label_value,
    logical_name,
    name_problems,
    shortened,
    stack_label_value,
)

# https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#syntax-and-character-set
LABEL_VALUE = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?")


def test_the_longest_logical_name_leaves_room_in_the_name_of_a_cron_job() -> None:
    """52 characters for a CronJob's name, 9 of them for the suffix of an auto-named object."""
    assert 52 - len("-0a1b2c3d") == LOGICAL_NAME_CHARACTERS


def test_a_workload_whose_names_are_just_short_enough_is_accepted() -> None:
    name = "a" * (LOGICAL_NAME_CHARACTERS - len("chat-"))
    assert len(logical_name("chat", name)) == LOGICAL_NAME_CHARACTERS
    assert list(name_problems("chat", name)) == []


def test_a_workload_whose_names_are_one_too_long_is_refused_with_what_to_cut() -> None:
    name = "a" * (LOGICAL_NAME_CHARACTERS - len("chat-") + 1)
    (problem,) = name_problems("chat", name)
    assert f"has {LOGICAL_NAME_CHARACTERS + 1} characters" in problem.why
    assert "by 1" in problem.fix


@pytest.mark.parametrize("name", ["Assistant", "a_b", "1a", "a-", ""])
def test_a_name_that_is_none_is_refused(name: str) -> None:
    assert len(list(name_problems("chat", name))) == 1


@pytest.mark.parametrize("text", ["project.stack", "a", "A-b_c.9", "x" * LABEL_VALUE_CHARACTERS])
def test_what_may_be_a_label_stays_as_it_is(text: str) -> None:
    assert label_value(text) == text


@pytest.mark.parametrize("text", ["x" * (LABEL_VALUE_CHARACTERS + 1), "-a", "a.", "a b", "grün", "___"])
def test_what_may_not_be_a_label_is_made_one(text: str) -> None:
    made = label_value(text)
    assert made != text
    assert LABEL_VALUE.fullmatch(made)


def test_long_stacks_that_begin_alike_keep_apart() -> None:
    first, second = (stack_label_value("p" * 80, stack) for stack in ("one", "two"))
    assert first != second


def test_a_name_that_is_short_enough_is_not_shortened() -> None:
    assert shortened("a" * 40, 40) == "a" * 40


def test_names_that_begin_alike_keep_apart_when_they_are_shortened() -> None:
    first, second = (shortened("a" * 40 + end, 40) for end in ("-one", "-two"))
    assert len(first) == len(second) == 40
    assert first != second


def test_a_shortened_name_has_no_two_dashes() -> None:
    assert "--" not in shortened("a" * 30 + "-" + "b" * 20, 40)
