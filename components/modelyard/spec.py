"""What a spec is: a frozen, keyword-only dataclass of plain values that Python, YAML and JSON Schema share.

`@spec` makes one, `validate` and `load_json` check one, `json_schema` describes one. Pydantic does the checking and is
imported on first use only: at import it would cost a third of `import pulumi`. What belongs here is what every spec
needs; a rule of one feature stands in that feature's room.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, Protocol, TypeVar, cast, dataclass_transform
from weakref import WeakValueDictionary

import annotated_types

from modelyard.errors import ConfigError, Problem, show

if TYPE_CHECKING:
    import pulumi
    from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler, TypeAdapter
    from pydantic.json_schema import JsonSchemaValue
    from pydantic_core import CoreSchema

T = TypeVar("T")


@dataclass_transform(kw_only_default=True, frozen_default=True, field_specifiers=(field,))
def spec(cls: type[T]) -> type[T]:
    """Make a class a spec: frozen, keyword-only, and strict when validated.

    Strict means: a misspelt key is an error, `"2"` and `true` are no numbers, a spec built in Python is checked like
    one from YAML, and descriptions in the JSON Schema are the docstrings under the fields.

    A spec may define `problems(self) -> Iterable[Problem]` for rules across its fields, with paths relative to itself.
    They run after all types are known to be right.
    """
    cls.__pydantic_config__ = {  # pyright: ignore[reportAttributeAccessIssue]  # read by pydantic, unknown to dataclasses
        "extra": "forbid",
        "strict": True,
        "revalidate_instances": "always",
        "allow_inf_nan": False,
        "alias_generator": key_of,
        "validate_by_name": True,
        "validate_by_alias": True,
    }
    return dataclass(frozen=True, kw_only=True)(cls)


def key_of(field_name: str) -> str:
    """The key in YAML of a field: its name, without the underscore that lets Python have a field named `from_`."""
    return field_name.removesuffix("_")


class _HasProblems(Protocol):
    def problems(self) -> Iterable[Problem]: ...


def validate(value: T, path: str = "") -> T:
    """Check a spec that was built in Python, as strictly as one that was read from YAML.

    A spec that came out of a check, or is part of one that did, is returned as it is: specs are frozen.

    Args:
        value: an instance of a spec.
        path: where it stands, for messages.

    Raises:
        ConfigError: with every problem found.
    """
    if _valid.get(id(value)) is value:
        return value
    return _check(type(value), lambda adapter: adapter.validate_python(value), path)


def load_json(cls: type[T], text: str, path: str = "") -> T:
    """Read a spec from JSON text.

    Raises:
        ConfigError: with every problem found.
    """
    return _check(cls, lambda adapter: read_json(adapter, text), path)


def json_schema(cls: type[Any]) -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of a spec, described by the docstrings of its fields."""
    from modelyard.spec_schema import DescribedSchema

    return adapter_of(cls).json_schema(schema_generator=DescribedSchema)


_valid: WeakValueDictionary[int, object] = WeakValueDictionary()
"""The specs that were found valid, by identity, while they live. A stack is checked with everything in it: that each of
its components checks its part once more would double what validation costs a preview."""


@cache
def adapter_of(cls: type[T]) -> "TypeAdapter[T]":
    """Pydantic's view of a spec."""
    from pydantic import TypeAdapter

    return TypeAdapter(cls)


def read_json(adapter: "TypeAdapter[T]", text: str | bytes) -> T:
    """A value from JSON, with the keys that YAML has: `from`, and not `from_` as in Python."""
    return adapter.validate_json(text, by_alias=True, by_name=False)


def _check(cls: type[T], run: Callable[["TypeAdapter[T]"], T], path: str) -> T:
    from pydantic import ValidationError

    try:
        checked = run(adapter_of(cls))
    except ValidationError as error:
        from modelyard.spec_messages import problems_of

        raise ConfigError(problem.under(path) for problem in problems_of(error, cls)) from None
    found = [problem.under(path) for problem in rule_problems(checked)]
    if found:
        raise ConfigError(found)
    _valid.update((id(each), each) for each in _specs(checked))
    return checked


def _specs(value: object) -> Iterator[object]:
    if is_dataclass(value):
        yield value
    for _, child in _children(value):
        yield from _specs(child)


def rule_problems(value: object) -> list[Problem]:
    """What breaks the rules across fields, of a spec whose types are right and of all specs in it."""
    return list(_walk(value))


# What is no character of YAML: https://yaml.org/spec/1.2.2/#51-character-set
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def _walk(value: object) -> Iterator[Problem]:
    if isinstance(value, str) and _UNPRINTABLE.search(value):
        yield Problem(why=f"{show(value)} has a control character, which the API server refuses", fix="remove it")
    # By its class: an Output answers to every attribute.
    if is_dataclass(value) and hasattr(type(value), "problems"):
        yield from cast("_HasProblems", value).problems()
    for key, child in _children(value):
        for problem in _walk(child):
            yield problem.under(key)


def _children(value: object) -> Iterator[tuple[str, object]]:
    if is_dataclass(value):
        yield from ((key_of(each.name), getattr(value, each.name)) for each in fields(value))
    elif isinstance(value, Mapping):
        yield from ((str(key), child) for key, child in value.items())  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    elif isinstance(value, list | tuple):
        yield from ((f"[{index}]", child) for index, child in enumerate(value))  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]


@dataclass(frozen=True, eq=False)  # hashed by identity: typing puts it in unions
class Rule:
    """A check on one piece of text, for use in `Annotated`.

    Attributes:
        check: returns what is wrong and the fix as a pair, or None where the text is right.
        schema: what JSON Schema can say of it.
    """

    check: Callable[[str], tuple[str, str] | None]
    schema: Mapping[str, Any] = field(default_factory=dict[str, Any])

    def __get_pydantic_core_schema__(self, source: Any, handler: "GetCoreSchemaHandler") -> "CoreSchema":
        from pydantic_core import PydanticCustomError, core_schema

        def apply(text: str) -> str:
            wrong = self.check(text)
            if wrong:
                raise PydanticCustomError("modelyard", "{why}", {"why": wrong[0], "fix": wrong[1]})
            return text

        return core_schema.no_info_after_validator_function(apply, handler(source))

    def __get_pydantic_json_schema__(self, schema: "CoreSchema", handler: "GetJsonSchemaHandler") -> "JsonSchemaValue":
        return {**handler(schema), **self.schema}


UNNAMED_MEMBER = "\0"
"""What a place in pydantic's error begins with where it names a member of a union that is no spec: never a key."""


@dataclass(frozen=True, eq=False)
class OneOf:
    """Chooses the member of a union by looking at the value, so that errors speak of that member only.

    Attributes:
        choose: given the mapping, the instance or the plain value returns the member that it is taken for.
        members: the members of the union: specs, or types of plain values.
    """

    choose: Callable[[Any], Any]
    members: tuple[Any, ...]

    def _tag(self, member: Any) -> str:
        name: str = getattr(member, "__name__", "") if is_dataclass(member) else ""
        return name or f"{UNNAMED_MEMBER}{self.members.index(member)}"

    def __get_pydantic_core_schema__(self, source: Any, handler: "GetCoreSchemaHandler") -> "CoreSchema":
        from pydantic_core import core_schema

        return core_schema.tagged_union_schema(
            {self._tag(member): handler.generate_schema(member) for member in self.members},
            discriminator=lambda value: self._tag(self.choose(value)),
        )


class _TextSchema:
    """Text for YAML and the schema; in Python text or an Output of text."""

    def __get_pydantic_core_schema__(self, source: Any, handler: "GetCoreSchemaHandler") -> "CoreSchema":
        from pydantic_core import PydanticCustomError, core_schema

        def text_or_output(value: Any) -> Any:
            # An Output is not awaited here: what it holds is known only after other resources exist.
            if isinstance(value, str) or type(value).__name__ == "Output":
                return value
            raise PydanticCustomError("string_type", "not text")

        return core_schema.json_or_python_schema(
            json_schema=core_schema.str_schema(strict=True, min_length=1),
            python_schema=core_schema.no_info_plain_validator_function(text_or_output),
        )

    def __get_pydantic_json_schema__(self, schema: "CoreSchema", handler: "GetJsonSchemaHandler") -> "JsonSchemaValue":
        return {"type": "string", "minLength": 1}


if TYPE_CHECKING:
    Text = pulumi.Input[str]
    """Text that may come from another resource (`pulumi.Input[str]`); in YAML plain text."""
else:
    Text = Annotated[Any, _TextSchema()]

# Kubernetes object names that others address: RFC 1123 labels, https://kubernetes.io/docs/concepts/overview/working-with-objects/names/
_DNS_LABEL = re.compile(r"[a-z]([a-z0-9-]*[a-z0-9])?")
NAME_CHARACTERS = 40
"""The longest name of a pool, workspace or workload. Kubernetes allows 63 in a label; generated names add a suffix."""


def _check_name(text: str) -> tuple[str, str] | None:
    if len(text) > NAME_CHARACTERS:
        return f"{show(text)} has {len(text)} characters", f"use at most {NAME_CHARACTERS}, as labels end at 63"
    if not _DNS_LABEL.fullmatch(text):
        return f"{show(text)} is not a name", "use lower-case letters, digits and dashes, beginning with a letter"
    return None


Name = Annotated[
    str, Rule(_check_name, {"pattern": f"^{_DNS_LABEL.pattern}$", "minLength": 1, "maxLength": NAME_CHARACTERS})
]
"""A name that Kubernetes accepts everywhere: lower-case letters, digits and dashes, at most 40 characters."""

# Kubernetes' counts and durations are 32-bit: https://kubernetes.io/docs/reference/using-api/api-concepts/
_MOST = 2**31 - 1
Count = Annotated[int, annotated_types.Interval(ge=1, le=_MOST)]
"""A whole number of at least one."""
CountOrZero = Annotated[int, annotated_types.Interval(ge=0, le=_MOST)]
"""A whole number, zero allowed."""
Amount = Annotated[float, annotated_types.Gt(0)]
"""A number above zero."""
Seconds = Annotated[int, annotated_types.Interval(ge=1, le=_MOST)]
"""A duration in whole seconds, at least one."""
Percent = Annotated[int, annotated_types.Interval(ge=1, le=100)]
"""A whole number from 1 to 100."""


def _check_filled(text: str) -> tuple[str, str] | None:
    return None if text.strip() else (f"{show(text)} is empty", "write a value, or leave the key out")


Filled = Annotated[str, Rule(_check_filled, {"minLength": 1})]
"""Text that is not empty."""
Names = Sequence[Name]
"""Several names."""


def exactly_one(value: object, *names: str) -> Iterator[Problem]:
    """A problem unless exactly one of the named fields is set."""
    given = [name for name in names if getattr(value, name) is not None]
    if len(given) != 1:
        listed = ", ".join(names)
        why = f"{' and '.join(given)} exclude each other" if given else "nothing is chosen"
        yield Problem(why=why, fix=f"give exactly one of {listed}")
