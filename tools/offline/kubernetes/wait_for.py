"""The annotation `pulumi.com/waitFor`: `jsonpath={.path}=value`, `condition=Type[=Status]`, or a JSON list of these."""

import json
import re
from typing import Any

from tools.offline.common.values import Json, as_list, as_map
from tools.offline.kubernetes.client import Client
from tools.offline.kubernetes.jsonpath import compile_path
from tools.offline.kubernetes.objects import condition, pluck
from tools.offline.kubernetes.waiting import Check, Progress

_BRACES = re.compile(r"\{\s*(.*?)\s*\}")
_SINGLE_EQUALS = re.compile(r"(?<![=!<>])=(?!=)")


def parse_wait_for(annotation: str) -> Check:
    """The check that an annotation asks for.

    Raises:
        ValueError: the annotation cannot be read.
    """
    try:
        values: Any = json.loads(annotation)
    except ValueError:
        values = annotation
    expressions = [str(item) for item in as_list(values)] if isinstance(values, list) else [annotation]
    if not expressions:
        raise ValueError("at least one condition must be specified")
    checks = [_parse(expression) for expression in expressions]

    def check(client: Client, live: Json) -> Progress:
        for one in checks:
            progress = one(client, live)
            if not progress.done:
                return progress
        return Progress(done=True)

    return check


def _parse(expression: str) -> Check:
    if expression.startswith("jsonpath="):
        return _path_check(expression.removeprefix("jsonpath="))
    if expression.startswith("condition="):
        return _condition_check(expression.removeprefix("condition="))
    raise ValueError(f'expected a "jsonpath=" or "condition=" prefix, got {expression!r}')


def _path_check(text: str) -> Check:
    braces = _BRACES.match(text)
    if text.startswith("'") or braces is None:
        raise ValueError(f"{text!r} should be {{.path}} or {{.path}}=value, without quotes around it")
    rest = text[braces.end() :]
    if rest and (not rest.startswith("=") or len(rest) == 1 or _SINGLE_EQUALS.search(rest, 1)):
        raise ValueError(f"{text!r} should be {{.path}}=value or {{.path}}")
    select, wanted = compile_path(braces[1]), rest[1:]

    def check(_client: Client, live: Json) -> Progress:
        if _is_stale(live, {}):
            return Progress(done=False, waiting_for=f"waiting for {text}")
        found = select(live)
        if not found:
            return Progress(done=False, waiting_for=f"waiting for {text}: it selects nothing")
        if not wanted:
            return Progress(done=True)
        if isinstance(found[0], dict | list):
            return Progress(done=False, failed=True, waiting_for=f"{text}: the path leads to no plain value")
        shown = _as_text(found[0])
        return Progress(done=shown == wanted, waiting_for=f"waiting for {text} (found {shown!r})")

    return check


def _condition_check(text: str) -> Check:
    kind, _, status = text.partition("=")
    status = status or "True"

    def check(_client: Client, live: Json) -> Progress:
        found = condition(live, kind) or _condition_ignoring_case(live, kind)
        if not found:
            return Progress(done=False, waiting_for=f"waiting for condition {kind}={status}: there is none yet")
        done = str(found.get("status")).lower() == status.lower() and not _is_stale(live, found)
        shown = f"waiting for condition {kind}={status} (it is {found.get('status')})"
        message = str(found.get("message") or "")
        return Progress(done=done, waiting_for=shown, problems=(message,) if message else ())

    return check


def _condition_ignoring_case(live: Json, kind: str) -> Json:
    for item in map(as_map, as_list(pluck(live, "status", "conditions"))):
        if str(item.get("type")).lower() == kind.lower():
            return item
    return {}


def _is_stale(live: Json, found: Json) -> bool:
    """Whether the status is about an earlier generation of the object."""
    generation = pluck(live, "metadata", "generation")
    observed = found.get("observedGeneration", pluck(live, "status", "observedGeneration"))
    return isinstance(generation, int) and isinstance(observed, int) and observed < generation


def _as_text(value: Any) -> str:
    """How Go prints a JSON value."""
    if isinstance(value, bool):
        return str(value).lower()
    return "<nil>" if value is None else str(value)
