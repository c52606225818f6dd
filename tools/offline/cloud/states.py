"""The state of a resource as the engine keeps it: from what exists, and from what a preview can know of it."""

from typing import Any

from tools.offline.cloud import schema
from tools.offline.cloud.check import DEFAULTS
from tools.offline.cloud.cloud import Cloud
from tools.offline.cloud.kinds import Kind
from tools.offline.cloud.world import Record
from tools.offline.common.values import UNKNOWN, Json, Secret, as_map, contains_secret, is_map


def state_of(cloud: Cloud, record: Record, given: Json) -> Json:
    """The state of a resource as the engine keeps it: what was secret stays so."""
    state = record.state
    for key, value in given.items():
        if contains_secret(value):
            state[key] = Secret(value=state.get(key))
    known = {key: value for key, value in state.items() if value is not None}
    return cloud.shown(cloud.table[record.token], known, record)


def live_value(record: Record, key: str, value: Any) -> Any:
    """A property of the program with the value that it has now, in the shape that the program gave it."""
    live = record.state.get(key)
    if isinstance(value, Secret):
        return Secret(value=_shaped(value.value, live))
    return _shaped(value, live)


def _shaped(value: Any, live: Any) -> Any:
    if is_map(value) and is_map(live):
        now = as_map(live)
        return {key: _shaped(item, now.get(key)) for key, item in as_map(value).items()}
    return value if live is None else live


def computed(cloud: Cloud, kind: Kind, given: Json) -> set[str]:
    """The properties at the top that the cloud adds: those that are no arguments, and arguments that it may fill in."""
    arguments = schema.input_properties(kind.token)
    found = set(schema.state_properties(kind.token)) - set(arguments)
    found |= {path.split(".")[0] for path in kind.outputs} | cloud.computed | set(kind.filled)
    return found | ({kind.name.property} if kind.name and given.get(kind.name.property) is None else set())


def previewed(cloud: Cloud, kind: Kind, given: Json) -> Json:
    """The state as far as a preview can know it: what the cloud adds is unknown."""
    state: Json = {key: value for key, value in kind.filled.items() if value is not None}
    for path in (*computed(cloud, kind, given), *kind.outputs):
        top, _, below = path.partition(".")
        if not below and top not in state:
            state[top] = UNKNOWN
    state = {**cloud.previewed(kind, state, given), **{key: value for key, value in given.items() if key != DEFAULTS}}
    for path in kind.outputs:
        top, _, below = path.partition(".")
        if below and isinstance(state.get(top), dict):
            state[top] = _with_unknown(as_map(state[top]), below.split("."))
    return cloud.shown(kind, state, None)


def _with_unknown(value: Json, steps: list[str]) -> Json:
    """A mapping in which what stands at a path is unknown, unless it is given or nothing leads there."""
    first, *rest = steps
    if not rest:
        return {**value, first: UNKNOWN} if value.get(first) is None else value
    below = value.get(first)
    return {**value, first: _with_unknown(as_map(below), rest)} if isinstance(below, dict) else value
