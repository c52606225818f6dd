"""Automatic names: `<resource name>-<8 hex digits>`.

Follows the real provider's `provider/pkg/metadata/naming.go` (github.com/pulumi/pulumi-kubernetes), except for the
hexadecimal digits that a given seed leads to.
"""

import hashlib
import secrets
from typing import Any

from pulumi.runtime.proto import provider_pb2

from tools.offline.common.errors import ProviderError
from tools.offline.common.values import UNKNOWN, Json
from tools.offline.kubernetes.objects import AUTONAMED, annotate, is_true, name_of, pluck, set_metadata

_HEX_DIGITS = 8
_Options = provider_pb2.CheckRequest.AutonamingOptions


def unique_name(prefix: str, seed: bytes = b"") -> str:
    """`prefix` and 8 hexadecimal digits: the same ones for the same seed, random ones without a seed."""
    digits = hashlib.sha256(seed).hexdigest() if seed else secrets.token_hex(_HEX_DIGITS)
    return prefix + digits[:_HEX_DIGITS]


def is_named(obj: Json) -> bool:
    """Whether the object has a name, be it one that is not known yet."""
    return obj.get("metadata") is UNKNOWN or pluck(obj, "metadata", "name") is UNKNOWN or bool(name_of(obj))


def has_generate_name(obj: Json) -> bool:
    return not is_named(obj) and bool(pluck(obj, "metadata", "generateName"))


def is_autonamed(obj: Json) -> bool:
    return is_true(obj, AUTONAMED)


def adopt_old_name(new: Json, old: Json) -> None:
    """Keeps the name that was made for an object that still has none of its own."""
    if not is_named(new) and is_autonamed(old):
        _set_name(new, name_of(old))


def assign_name(new: Json, resource_name: str, *, seed: bytes, autonaming: Any) -> None:
    """Makes a name for an object that has none.

    Args:
        new: the object.
        resource_name: the resource's name in the program.
        seed: the engine's seed, so that a preview and the update after it can agree.
        autonaming: the engine's `pulumi:autonaming` options, or None where there are none.

    Raises:
        ProviderError: the stack's autonaming is off.
    """
    if is_named(new) or has_generate_name(new):
        return
    name = unique_name(f"{resource_name}-", seed)
    if autonaming is not None:
        if autonaming.mode == _Options.DISABLE:
            raise ProviderError("autonaming is disabled, resource requires the .metadata.name field to be set")
        name = autonaming.proposed_name
    _set_name(new, name)


def _set_name(obj: Json, name: str) -> None:
    set_metadata(obj, "name", name)
    annotate(obj, AUTONAMED, "true")
