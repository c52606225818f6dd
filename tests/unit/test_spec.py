"""A spec refuses what its types do not allow, from JSON and from Python alike, with path, value and fix."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import FrozenInstanceError, field, replace
from typing import Annotated, Any, Literal

import annotated_types
import pulumi
import pytest

from modelyard.errors import ConfigError, Problem
from modelyard.spec import (
    NAME_CHARACTERS,
    Amount,
    Count,
    CountOrZero,
    Filled,
    Name,
    Text,
    exactly_one,
    json_schema,
    load_json,
    spec,
    validate,
)


@spec
class Inner:
    """An inner block."""

    count: Count = 1
    """How many."""
    from_: Filled | None = None
    """Where it comes from."""
    share: Amount = 0.5
    """A share."""


@spec
class Listing:
    """A list that has to be."""

    ports: Annotated[Sequence[int], annotated_types.MinLen(2)]
    """Two ports at least."""


@spec
class Outer:
    """An outer block."""

    name: Name
    """Its name."""
    image: Text = "image:1"
    """An image."""
    mode: Literal["a", "b"] = "a"
    """A choice."""
    on: bool = False
    """A switch."""
    inner: Inner | None = None
    """A block."""
    many: Mapping[Name, Inner] = field(default_factory=dict[str, Inner])
    """Blocks by name."""
    words: Annotated[Sequence[str], annotated_types.MaxLen(2)] = ()
    """Some words."""
    few: Annotated[Mapping[Name, int], annotated_types.Len(1, 2)] = field(default_factory=lambda: {"a": 1})
    """One or two."""
    rank: Literal[8, 16] = 8
    """A choice of numbers."""
    low: CountOrZero = 0
    """Lower bound."""
    high: CountOrZero = 9
    """Upper bound."""

    def problems(self) -> Iterable[Problem]:
        """A rule across fields."""
        if self.low > self.high:
            yield Problem(path="low", why=f"{self.low} is above high {self.high}", fix="lower it")


def lines(text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load_json(Outer, text)
    return str(caught.value).splitlines()


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('{"name": "a", "imagee": "x"}', "imagee: is not a key here; did you mean image?"),
        ('{"name": "a", "zzz": 1}', ("zzz: is not a key here; keys here are "
         "few, high, image, inner, low, many, mode, name, on, rank, words")),
        ("{}", "name: is missing; it is required"),
        ('{"name": "a", "low": "2"}', "low: '2' is not a whole number; write 2 without quotes"),
        ('{"name": "a", "low": true}', "low: True is not a whole number; write a whole number"),
        ('{"name": "a", "low": 1.5}', "low: 1.5 is not a whole number; write a whole number"),
        ('{"name": "a", "low": -1}', "low: -1 is below 0; use 0 or more"),
        ('{"name": "a", "on": "yes"}', "on: 'yes' is not true or false; write true or false without quotes"),
        ('{"name": "a", "mode": "c"}', "mode: 'c' is not a choice here; use 'a' or 'b'"),
        ('{"name": "a", "image": 5}', '''image: 5 is not text; put it in quotes: "5"'''),
        ('{"name": "a", "image": ""}', "image: '' is not text that is not empty; write text that is not empty"),
        ('{"name": "a", "words": "x"}', "words: 'x' is not a list; write a list"),
        ('{"name": "a", "inner": {"count": 0}}', "inner.count: 0 is below 1; use 1 or more"),
        ('{"name": "a", "inner": {"share": 0}}', "inner.share: 0 must be above 0; use a number above 0"),
        ('{"name": "a", "inner": {"from_": "x"}}', "inner.from_: is not a key here; did you mean from?"),
        ('{"name": "a", "inner": {"from": " "}}', "inner.from: ' ' is empty; write a value, or leave the key out"),
        ('{"name": "a", "many": {"B": {}}}', ("many.B: 'B' is not a name; "
         "use lower-case letters, digits and dashes, beginning with a letter")),
        ('{"name": "a", "many": {"b": {"count": null}}}', ("many.b.count: None is not a whole number; "
         "leave the key out or write a value")),
        ('{"name": "a", "words": ["x", 1]}', '''words[1]: 1 is not text; put it in quotes: "1"'''),
        ('{"name": "a", "low": 10}', "low: 10 is above high 9; lower it"),
        ('{"name": "a", "few": {}}', "few: is empty; give 1 or more, or leave the key out"),
        ('{"name": "a", "few": {"a": 1, "b": 2, "c": 3}}',
         "few: has 3 entries, and at most 2 are allowed; leave some out"),
        ('{"name": "a", "words": ["x", "y", "z"]}', "words: has 3 entries, and at most 2 are allowed; leave some out"),
        (f'{{"name": "a", "rank": 1{"0" * 40}}}', "rank: is far too large a number; use a smaller one"),
        ("[]", "[] is not a mapping of keys to values; write a mapping of keys to values"),
    ],
)  # fmt: skip
def test_refuses_with_path_value_and_fix(text: str, line: str) -> None:
    assert lines(text) == [line]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('{"ports": []}', "ports: is empty; give 2 or more"),
        ('{"ports": [1]}', "ports: has 1 entries, and at least 2 are needed; give 2 or more"),
    ],
)
def test_what_is_required_cannot_be_left_out(text: str, line: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_json(Listing, text)
    assert str(caught.value) == line
    assert load_json(Listing, '{"ports": [1, 2]}').ports == [1, 2]


@pytest.mark.parametrize(
    ("fields", "line"),
    [
        ({"words": "x"}, "words: 'x' is not a list; write a list"),
        ({"words": {}}, "words: {} is not a list; write a list"),
        ({"mode": "\ud800"}, "mode: '\\ud800' is not text, as half of a character is in it; write text"),
    ],
)
def test_what_only_a_program_can_write_is_refused_in_plain_words(fields: dict[str, Any], line: str) -> None:
    with pytest.raises(ConfigError) as caught:
        validate(untyped(**{"name": "a", **fields}))
    assert line in str(caught.value)


def test_lets_everything_right_pass() -> None:
    text = """{"name": "a-1", "image": "x", "mode": "b", "on": true, "words": ["y"], "low": 9,
               "inner": {"count": 1, "from": "z", "share": 1}, "many": {"b": {}}}"""
    assert load_json(Outer, text) == Outer(
        name="a-1", image="x", mode="b", on=True, words=["y"], low=9,
        inner=Inner(count=1, from_="z", share=1.0), many={"b": Inner()},
    )  # fmt: skip


def test_reports_every_problem_at_once() -> None:
    assert len(lines('{"name": "A", "low": "1", "x": 1, "many": {"b": {"count": 0}}}')) == 4


def untyped(**values: Any) -> Outer:
    """An Outer as a program without a type checker would build it."""
    return Outer(**values)


@pytest.mark.parametrize(
    ("built", "path"),
    [
        (untyped(name="a", low="2"), "low"),
        (untyped(name="a", on=1), "on"),
        (untyped(name="a", image=5), "image"),
        (untyped(name="a", many={"b": {"count": 1}}), "many.b"),
        (untyped(name="a", inner=Inner(count=0)), "inner.count"),
    ],
)
def test_python_gets_the_same_strictness(built: Outer, path: str) -> None:
    with pytest.raises(ConfigError) as caught:
        validate(built, "outer")
    assert [problem.path for problem in caught.value.problems] == [f"outer.{path}"]


def test_a_valid_instance_passes_unchanged() -> None:
    built = Outer(name="a", words=["x"], many={"b": Inner(from_="y")})
    assert validate(built) == built


def test_what_came_out_of_a_check_is_not_checked_again() -> None:
    valid = load_json(Outer, '{"name": "a", "many": {"b": {}}}')
    assert validate(valid) is valid
    assert validate(valid.many["b"]) is valid.many["b"]


def test_a_copy_of_what_was_checked_is_checked() -> None:
    valid = validate(Outer(name="a", inner=Inner()))
    with pytest.raises(ConfigError, match="low"):
        validate(replace(valid, low=10))
    with pytest.raises(ConfigError, match="name"):
        validate(replace(valid, name="A"))
    assert validate(replace(valid, low=9)).low == 9


def test_a_part_of_what_was_refused_is_checked() -> None:
    refused = Outer(name="A", inner=Inner(count=0))
    with pytest.raises(ConfigError, match="name"):
        validate(refused)
    with pytest.raises(ConfigError, match="count"):
        validate(refused.inner)


def test_text_may_come_from_another_resource() -> None:
    async def image() -> tuple[object, object]:
        output = pulumi.Output.from_input("image:2")
        return output, validate(untyped(name="a", image=output)).image

    given, kept = asyncio.run(image())
    assert given is kept


def test_specs_are_frozen_and_keyword_only() -> None:
    with pytest.raises(FrozenInstanceError):
        Outer(name="a").name = "b"  # pyright: ignore[reportAttributeAccessIssue]
    with pytest.raises(TypeError):
        Outer("a")  # pyright: ignore[reportCallIssue]


@pytest.mark.parametrize("name", ["a", "a1", "a-b", "a" * NAME_CHARACTERS])
def test_names_that_kubernetes_accepts_pass(name: str) -> None:
    assert load_json(Outer, f'{{"name": "{name}"}}').name == name


@pytest.mark.parametrize("name", ["", "A", "1a", "-a", "a-", "a_b", "a.b", "ä", "a\\n", "a" * (NAME_CHARACTERS + 1)])
def test_other_names_are_refused(name: str) -> None:
    assert lines(f'{{"name": "{name}"}}')[0].startswith("name: ")


def test_schema_describes_fields_and_refuses_unknown_keys() -> None:
    schema = json_schema(Outer)
    assert schema["properties"]["low"]["description"] == "Lower bound."
    assert schema["additionalProperties"] is False
    assert "from" in schema["$defs"]["Inner"]["properties"]
    assert schema["properties"]["name"]["maxLength"] == NAME_CHARACTERS


@pytest.mark.parametrize(
    ("inner", "why"),
    [(Inner(), "nothing is chosen"), (Inner(from_="a"), None)],
)
def test_exactly_one(inner: Inner, why: str | None) -> None:
    assert [problem.why for problem in exactly_one(inner, "from_")] == ([why] if why else [])


@pytest.mark.parametrize("character", ["\x00", "\x1b", "\x7f", "\x80", "\ufffe"])
def test_control_characters_are_refused(character: str) -> None:
    with pytest.raises(ConfigError) as caught:
        validate(Outer(name="a", words=["x", f"y{character}"]))
    assert str(caught.value) == (
        f"words[1]: {f'y{character}'!r} has a control character, which the API server refuses; remove it"
    )


@pytest.mark.parametrize("character", ["\t", "\n", "\x85", "\xa0", "ä", "\U0001f600"])
def test_other_characters_pass(character: str) -> None:
    assert validate(Outer(name="a", words=[character])).words == [character]


def test_a_long_value_is_cut() -> None:
    assert max(len(line) for line in lines(f'{{"name": "a", "low": "{"x" * 500}"}}')) < 160
