"""What an update or a preview did, and in which order."""

from collections.abc import Iterator

from tests.support.update import Result

_PROVIDER_OF_DYNAMIC_RESOURCES = "pulumi:providers:pulumi-python"
"""The whole configuration is an input of it, so that each change changes it too; Pulumi shows it to nobody."""


def changed(result: Result) -> dict[str, set[str]]:
    """What an update or a preview did, by the last part of the resource's type and its name."""
    found: dict[str, set[str]] = {}
    for step in result.steps:
        if step.op not in {"same", "read", "refresh"} and step.type != _PROVIDER_OF_DYNAMIC_RESOURCES:
            found.setdefault(f"{step.type.rpartition(':')[2]} {step.name}", set()).add(step.op)
    return found


def assert_before(result: Result, first: str, second: str) -> None:
    """Every step of what `first` names was over before any of what `second` names began.

    Both are `Type name`, or `Type ` for all of a type, among what an update did.
    """
    ends = [at for at, key in _events(result, "resOutputsEvent") if _is_named(key, first)]
    begins = [at for at, key in _events(result, "resourcePreEvent") if _is_named(key, second)]
    assert ends, f"nothing was done to {first!r}"
    assert begins, f"nothing was done to {second!r}"
    assert max(ends) < min(begins), f"{second!r} began before {first!r} was over"


def _is_named(key: str, wanted: str) -> bool:
    return key.startswith(wanted) if wanted.endswith(" ") else key == wanted


def _events(result: Result, event: str) -> Iterator[tuple[int, str]]:
    for index, each in enumerate(result.events):
        step = each.get(event, {}).get("metadata")
        if step and step["op"] not in {"same", "read", "refresh"}:
            yield index, f"{step['type'].rpartition(':')[2]} {step['urn'].rsplit('::', 1)[-1]}"
