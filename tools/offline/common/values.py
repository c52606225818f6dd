"""Property values as the engine sends them: plain JSON with two additions, secrets and unknowns."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

from google.protobuf import struct_pb2

Json = dict[str, Any]

_SIGNATURE_KEY = "4dabf18193072939515e22adb298388d"
_SECRET_SIGNATURE = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105 - it marks secrets, and is none
_UNKNOWN_STRING = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
_UNKNOWN_SENTINELS = frozenset(
    {
        _UNKNOWN_STRING,
        "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",  # bool
        "3eeb2bf0-c639-47a8-9e75-3b44932eb421",  # number
        "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",  # array
        "030794c1-ac77-496b-92df-f27374a8bd58",  # asset
        "e48ece36-62e2-4504-bad9-02848725956a",  # archive
        "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",  # object
    }
)
_MAX_EXACT_INTEGER = 2**53


class Unknown:
    """A value that is known only after another resource has been created."""

    def __repr__(self) -> str:
        return "<unknown>"


UNKNOWN = Unknown()


@dataclass(frozen=True, kw_only=True, slots=True)
class Secret:
    """A value that must stay encrypted in the state."""

    value: Any

    def __repr__(self) -> str:
        return "Secret(…)"


def is_map(value: Any) -> bool:
    return isinstance(value, dict)


def as_map(value: Any) -> Json:
    """`value` if it is a mapping, else an empty one."""
    return cast("Json", value) if isinstance(value, dict) else {}


def as_list(value: Any) -> list[Any]:
    """`value` if it is a list, else an empty one."""
    return cast("list[Any]", value) if isinstance(value, list) else []


def as_text(value: Any) -> str:
    """`value` if it is a string, else an empty one."""
    return value if isinstance(value, str) else ""


def unmarshal(struct: struct_pb2.Struct) -> Json:
    """The properties in `struct`, with `Secret` and `UNKNOWN` in place of the protocol's encodings."""
    return {key: _from_value(value) for key, value in struct.fields.items()}


def _from_value(value: struct_pb2.Value) -> Any:
    kind = value.WhichOneof("kind")
    if kind == "string_value":
        return UNKNOWN if value.string_value in _UNKNOWN_SENTINELS else value.string_value
    if kind == "number_value":
        number = value.number_value
        return int(number) if number.is_integer() and abs(number) <= _MAX_EXACT_INTEGER else number
    if kind == "struct_value":
        fields = unmarshal(value.struct_value)
        if fields.get(_SIGNATURE_KEY) == _SECRET_SIGNATURE:
            return Secret(value=fields.get("value"))
        return fields
    if kind == "list_value":
        return [_from_value(item) for item in value.list_value.values]
    return value.bool_value if kind == "bool_value" else None


def marshal(properties: Mapping[str, Any]) -> struct_pb2.Struct:
    """The reverse of `unmarshal`."""
    struct = struct_pb2.Struct()
    struct.update({key: _to_plain(value) for key, value in properties.items()})
    return struct


def _to_plain(value: Any) -> Any:
    if isinstance(value, Secret):
        return {_SIGNATURE_KEY: _SECRET_SIGNATURE, "value": _to_plain(value.value)}
    if value is UNKNOWN:
        return _UNKNOWN_STRING
    if isinstance(value, dict):
        return {key: _to_plain(item) for key, item in as_map(value).items()}
    if isinstance(value, list):
        return [_to_plain(item) for item in as_list(value)]
    return value


def without_secrets(value: Any) -> Any:
    """A copy of `value` with every secret replaced by what it holds."""
    if isinstance(value, Secret):
        return without_secrets(value.value)
    if isinstance(value, dict):
        return {key: without_secrets(item) for key, item in as_map(value).items()}
    if isinstance(value, list):
        return [without_secrets(item) for item in as_list(value)]
    return value


def contains_unknown(value: Any) -> bool:
    return _any(value, lambda item: item is UNKNOWN)


def contains_secret(value: Any) -> bool:
    return _any(value, lambda item: isinstance(item, Secret))


def _any(value: Any, matches: Callable[[Any], bool]) -> bool:
    if matches(value):
        return True
    if isinstance(value, Secret):
        return _any(value.value, matches)
    if isinstance(value, dict):
        return any(_any(item, matches) for item in as_map(value).values())
    if isinstance(value, list):
        return any(_any(item, matches) for item in as_list(value))
    return False


def copy(value: Any) -> Any:
    """A deep copy of the containers in `value`."""
    if isinstance(value, dict):
        return {key: copy(item) for key, item in as_map(value).items()}
    if isinstance(value, list):
        return [copy(item) for item in as_list(value)]
    return value
