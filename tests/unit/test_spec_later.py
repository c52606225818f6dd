"""A spec that is loaded later is like any other: the same values, problems and JSON Schema."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field
from typing import TYPE_CHECKING, Any

import pytest

from modelyard.errors import ConfigError, Problem
from modelyard.spec import Count, Filled, json_schema, load_json, spec, validate
from modelyard.spec_later import later


@spec
class PartSpec:
    """A part, of which the other has two."""

    from_: Filled = "here"
    """Where from."""


@spec
class InnerSpec:
    """What is loaded later."""

    count: Count
    """How many."""
    share: float = 1.0
    """How much."""
    labels: Mapping[str, str] = field(default_factory=dict[str, str])
    """Labels."""
    names: Sequence[Filled] = ()
    """Names."""
    first: PartSpec | None = None
    """One part."""
    second: PartSpec | None = None
    """Another."""

    def problems(self) -> Iterable[Problem]:
        """A name for each."""
        if len(self.names) > self.count:
            yield Problem(path="names", why="are more than count", fix="raise count")


if TYPE_CHECKING:
    LaterSpec = InnerSpec
else:
    LaterSpec = later(__name__, "InnerSpec")


@spec
class Direct:
    """With the spec itself."""

    inner: InnerSpec | None = None
    """It."""
    beside: Count = 1
    """Something else."""


@spec
class Deferred:
    """With the spec by its place."""

    inner: LaterSpec | None = None
    """It."""
    beside: Count = 1
    """Something else."""


def problems(make: Any, *arguments: Any) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        make(*arguments)
    return [str(problem) for problem in caught.value.problems]


def test_a_value_from_json_is_the_spec() -> None:
    text = """{"inner": {"count": 2, "share": 1, "names": ["a", "b"], "first": {"from": "there"}}, "beside": 3}"""
    inner = InnerSpec(count=2, share=1.0, names=["a", "b"], first=PartSpec(from_="there"))
    assert load_json(Deferred, text) == Deferred(inner=inner, beside=3)
    assert load_json(Deferred, """{"inner": null}""") == Deferred()


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ('{"inner": 3}', "inner"),
        ('{"inner": {}}', "inner.count"),
        ('{"inner": {"count": 0}}', "inner.count"),
        ('{"inner": {"count": "2"}}', "inner.count"),
        ('{"inner": {"count": 1, "share": true}}', "inner.share"),
        ('{"inner": {"count": 1, "share": NaN}}', "inner.share"),
        ('{"inner": {"count": 1, "nams": []}}', "inner.nams"),
        ('{"inner": {"count": 1, "labels": {"a": 1}}}', "inner.labels.a"),
        ('{"inner": {"count": 1, "names": ["a", ""]}}', "inner.names[1]"),
        ('{"inner": {"count": 1, "first": {"from_": "a"}}}', "inner.first.from_"),
        ('{"inner": {"count": 1, "first": "a"}}', "inner.first"),
        ('{"inner": {"count": 1, "names": ["a", "b"]}}', "inner.names"),
    ],
)
def test_what_is_wrong_in_json_is_said_as_of_the_spec_itself(text: str, path: str) -> None:
    found = problems(load_json, Deferred, text)
    assert found == problems(load_json, Direct, text)
    assert [each.partition(": ")[0] for each in found] == [path]


def test_a_misspelt_key_in_it_has_its_keys_as_the_fix() -> None:
    said = "inner.nams: is not a key here; did you mean names?"
    assert problems(load_json, Deferred, '{"inner": {"count": 1, "nams": []}}') == [said]


def test_what_is_wrong_there_and_beside_it_is_said_at_once() -> None:
    text = '{"beside": 0, "inner": {"count": 0, "share": "a"}}'
    assert problems(load_json, Deferred, text) == problems(load_json, Direct, text)
    assert [each.partition(":")[0] for each in problems(load_json, Deferred, text)] == [
        "inner.count",
        "inner.share",
        "beside",
    ]


def test_a_value_from_python_is_checked_too() -> None:
    value = Deferred(inner=InnerSpec(count=2))
    assert validate(value) == value
    wrong = InnerSpec(count="2", first=PartSpec(from_=""))  # pyright: ignore[reportArgumentType]
    assert problems(validate, Deferred(inner=wrong)) == problems(validate, Direct(inner=wrong))
    assert len(problems(validate, Deferred(inner=wrong))) == 2


@pytest.mark.parametrize("value", [{"count": 1}, PartSpec(), "a", 3])
def test_python_takes_the_spec_only(value: Any) -> None:
    found = problems(validate, Deferred(inner=value))
    assert found == problems(validate, Direct(inner=value))
    assert found[0].endswith("is not a InnerSpec; write InnerSpec(...)")


def test_the_schema_describes_the_spec_itself() -> None:
    direct, deferred = json_schema(Direct), json_schema(Deferred)
    assert deferred["properties"] == direct["properties"]
    assert deferred["$defs"] == direct["$defs"]
    assert set(deferred["$defs"]) == {"InnerSpec", "PartSpec"}
