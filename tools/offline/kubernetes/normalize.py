"""Inputs in the form that the API server gives them back in, so that equal things compare as equal.

The real provider converts built-in kinds to Kubernetes' Go types and back. The rules here have the same effect on what
programs write: quantities in canonical form, nothing that those types leave out when it is empty. Custom resources stay
as they are given.
"""

# ruff: noqa: SIM905 - long tables of words read better as text

import base64
import binascii
from typing import Any

from tools.offline.common.values import Json, as_list, as_map, contains_unknown, copy, is_map
from tools.offline.kubernetes.objects import set_metadata
from tools.offline.kubernetes.quantities import canonical
from tools.offline.kubernetes.tokens import is_crd, is_secret, kind_of_object

_READ_ONLY_METADATA = (
    "creationTimestamp",
    "deletionGracePeriodSeconds",
    "deletionTimestamp",
    "generation",
    "managedFields",
    "resourceVersion",
    "uid",
)
_QUANTITY_MAPS = frozenset(
    "allocatable capacity default defaultRequest hard limits max maxLimitRequestRatio min overhead requests "
    "used".split()
)
_QUANTITY_FIELDS = frozenset({"sizeLimit", "averageValue", "divisor"})
# `value` is a quantity in an autoscaler's target only.
_QUANTITY_VALUE_PARENTS = frozenset({"target", "current"})
_MAPS_OF_TEXT = frozenset(
    "annotations binaryData data labels limits matchLabels nodeSelector parameters requests stringData".split()
)
_FALSE_IS_ABSENT = frozenset(
    "hostIPC hostNetwork hostPID immediate paused publishNotReadyAddresses readOnly stdin stdinOnce tty".split()
)
_EMPTY_LISTS_KEPT = frozenset({"rules"})


def normalize(obj: Json) -> Json:
    """A copy of `obj` in its normal form; an object with unknown values only loses its read-only metadata."""
    obj = copy(obj)
    if not contains_unknown(obj) and kind_of_object(obj).is_builtin:
        if is_crd(obj):
            _normalize_crd(obj)
        elif is_secret(obj):
            _normalize_secret(obj)
        else:
            obj = as_map(_clean(obj, "", ""))
    if is_map(obj.get("metadata")):
        for key in _READ_ONLY_METADATA:
            set_metadata(obj, key, None)
    return obj


def _normalize_crd(obj: Json) -> None:
    if as_map(obj.get("spec")).get("preserveUnknownFields") is False:
        del obj["spec"]["preserveUnknownFields"]
    obj.pop("status", None)


def _normalize_secret(obj: Json) -> None:
    """`stringData` becomes `data`, as the server does it; base64 takes its standard form."""
    data = {key: _reencoded(value) for key, value in as_map(obj.get("data")).items()}
    for key, value in as_map(obj.pop("stringData", None)).items():
        data[key] = base64.b64encode(str(value).encode()).decode()
    obj.pop("data", None)
    if data:
        obj["data"] = data


def _reencoded(value: Any) -> Any:
    try:
        return base64.b64encode(base64.b64decode(value, validate=False)).decode()
    except (binascii.Error, TypeError, ValueError):
        return value


def _clean(value: Any, key: str, parent: str) -> Any:
    if isinstance(value, dict):
        entries = as_map(value)
        if key in _QUANTITY_MAPS:
            return {name: _quantity(item) for name, item in entries.items()}
        if key in _MAPS_OF_TEXT:
            return entries
        cleaned = {name: _clean(item, name, key) for name, item in entries.items()}
        return {name: item for name, item in cleaned.items() if not _is_absent(name, item)}
    if isinstance(value, list):
        return [_clean(item, "", key) for item in as_list(value)]
    if key in _QUANTITY_FIELDS or (key == "value" and parent in _QUANTITY_VALUE_PARENTS):
        return _quantity(value)
    return value


def _quantity(value: Any) -> Any:
    if isinstance(value, str | int | float) and not isinstance(value, bool):
        return canonical(value)
    return value


def _is_absent(key: str, value: Any) -> bool:
    if value is None:
        return True
    if isinstance(value, list):
        return not value and key not in _EMPTY_LISTS_KEPT
    if isinstance(value, dict):
        return not value and key in _MAPS_OF_TEXT | _QUANTITY_MAPS
    return value is False and key in _FALSE_IS_ABSENT
