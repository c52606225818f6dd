"""What the engine stores of an object: its live version, plus the inputs it came from and the field manager.

The form is the real provider's (`checkpointObject` in its provider.go), so either provider can read the other's state.
"""

from dataclasses import dataclass
from typing import Any

from tools.offline.common.values import (
    Json,
    Secret,
    as_list,
    as_map,
    as_text,
    contains_secret,
    copy,
    without_secrets,
)
from tools.offline.kubernetes.naming import unique_name
from tools.offline.kubernetes.objects import PATCH_FIELD_MANAGER, annotation

INPUTS = "__inputs"
INITIAL_API_VERSION = "__initialApiVersion"
FIELD_MANAGER = "__fieldManager"

_DASHED = {
    f"x_kubernetes_{name.replace('-', '_')}": f"x-kubernetes-{name}"
    for name in (
        "embedded-resource",
        "int-or-string",
        "list-map-keys",
        "list-type",
        "map-type",
        "preserve-unknown-fields",
        "validations",
    )
}
_UNDERSCORED = {dashed: underscored for underscored, dashed in _DASHED.items()}


@dataclass(frozen=True, kw_only=True)
class State:
    """A stored state, without secrets' wrappers."""

    inputs: Json
    live: Json
    initial_api_version: str
    field_manager: str


def to_object(properties: Json) -> Json:
    """Properties as a Kubernetes object: secrets unwrapped, `x_kubernetes_…` spelt with dashes."""
    return _rename(without_secrets(properties), _DASHED)


def _rename(value: Any, names: dict[str, str]) -> Any:
    if isinstance(value, Secret):
        return Secret(value=_rename(value.value, names))
    if isinstance(value, dict):
        return {names.get(key, key): _rename(item, names) for key, item in as_map(value).items()}
    if isinstance(value, list):
        return [_rename(item, names) for item in as_list(value)]
    return value


def read_state(properties: Json) -> State:
    """Takes a stored state apart."""
    live = to_object(properties)
    inputs = as_map(live.pop(INPUTS, None))
    initial = live.pop(INITIAL_API_VERSION, None) or inputs.get("apiVersion") or live.get("apiVersion")
    return State(
        inputs=inputs,
        live=live,
        initial_api_version=as_text(initial),
        field_manager=as_text(live.pop(FIELD_MANAGER, None)),
    )


def field_manager(old: State | None, inputs: Json) -> str:
    """The name under which fields are owned: the annotation's, else the recorded one, else a new one."""
    chosen = annotation(inputs, PATCH_FIELD_MANAGER) or (old.field_manager if old else "")
    return chosen or unique_name("pulumi-kubernetes-")


def checkpoint(inputs: Json, live: Json, secret_source: Json, *, initial_api_version: str, manager: str) -> Json:
    """The state to store.

    Args:
        inputs: what was asked for.
        live: what the API server has.
        secret_source: properties that say, by their wrappers, which values are secret.
        initial_api_version: the apiVersion that the object was created with.
        manager: the field manager's name.
    """
    stored = copy(live)
    stored_inputs = copy(inputs)
    mark_secrets(stored, secret_source)
    mark_secrets(stored_inputs, secret_source)
    return {
        **_rename(stored, _UNDERSCORED),
        INPUTS: _rename(stored_inputs, _UNDERSCORED),
        INITIAL_API_VERSION: initial_api_version,
        FIELD_MANAGER: manager,
    }


def mark_secrets(outs: Json, ins: Json) -> None:
    """Wraps in `outs` what is secret in `ins`, and all data of a Secret.

    Mappings are entered, so that one secret value does not hide the whole object; a list with a secret in it becomes
    secret as a whole, since its items may move.
    """
    if outs.get("kind") == "Secret":
        for key in ("data", "stringData"):
            if key in outs and not isinstance(outs[key], Secret):
                outs[key] = Secret(value=outs[key])
    for key, source in ins.items():
        if key not in outs:
            continue
        if isinstance(outs[key], dict) and isinstance(source, dict):
            mark_secrets(as_map(outs[key]), as_map(source))
        elif not isinstance(outs[key], Secret) and contains_secret(source):
            outs[key] = Secret(value=outs[key])
