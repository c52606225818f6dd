"""What one run of the Pulumi CLI did, read from its exit code, its output and the engine's event log."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_COLOUR = re.compile(r"<\{%.*?%\}>")
"""The engine's own colour directives, which stand in the event log whatever `--color` says."""


@dataclass(frozen=True, kw_only=True)
class Diagnostic:
    """One message that the engine showed."""

    severity: str
    """`info`, `info#err` (a program's standard error), `warning` or `error`."""
    message: str
    urn: str


@dataclass(frozen=True, kw_only=True)
class Step:
    """One planned or finished operation on one resource."""

    op: str
    """`create`, `update`, `replace`, `create-replacement`, `delete-replaced`, `delete`, `same`, `read`, `refresh`…"""
    urn: str
    type: str

    @property
    def name(self) -> str:
        """The resource's logical name."""
        return self.urn.rsplit("::", 1)[-1]


@dataclass(frozen=True, kw_only=True)
class Result:
    """A finished run of the CLI."""

    command: str
    exit_code: int
    stdout: str
    stderr: str
    events: Sequence[Mapping[str, Any]]
    seconds: float

    @property
    def text(self) -> str:
        """All that a person saw: standard output, then standard error."""
        return self.stdout + self.stderr

    @property
    def changes(self) -> dict[str, int]:
        """Resources by operation, from the engine's summary, the stack's own root included; empty if it never came."""
        summaries = [event["summaryEvent"] for event in self.events if "summaryEvent" in event]
        counts: dict[str, int] = summaries[-1].get("resourceChanges") or {} if summaries else {}
        return {op: count for op, count in counts.items() if count}

    @property
    def unchanged(self) -> bool:
        """Whether the run finished and every resource of it stayed as it was."""
        return bool(self.changes) and set(self.changes) == {"same"}

    @property
    def steps(self) -> list[Step]:
        """Every operation in the order it began, `same` included."""
        found = [event["resourcePreEvent"]["metadata"] for event in self.events if "resourcePreEvent" in event]
        return [
            Step(
                op=step["op"],
                urn=step["urn"],
                type=step["type"],
            )
            for step in found
        ]

    def ops(self, name: str) -> list[str]:
        """The operations on the resources with logical name `name`, in order."""
        return [step.op for step in self.steps if step.name == name]

    @property
    def diagnostics(self) -> list[Diagnostic]:
        """Every message but debug ones, in order, without colours; a program's printed lines have severity `info`."""
        found = [event["diagnosticEvent"] for event in self.events if "diagnosticEvent" in event]
        return [
            Diagnostic(severity=each["severity"], message=_COLOUR.sub("", each["message"]), urn=each.get("urn", ""))
            for each in found
            if not each.get("ephemeral") and each["severity"] != "debug"
        ]

    def messages(self, severity: str | None = None) -> str:
        """The messages of one severity (all of them by default) as one text."""
        return "".join(each.message for each in self.diagnostics if severity in (None, each.severity))

    @property
    def summary(self) -> str:
        """A short account for a failing assertion."""
        return f"{self.command} ended with {self.exit_code} after {self.seconds:.1f} s: {self.changes}"


def read_events(log: Path) -> list[dict[str, Any]]:
    """The engine's events so far; a line that is still being written is left out."""
    if not log.exists():
        return []
    lines = log.read_text(encoding="utf-8").split("\n")[:-1]
    return [json.loads(line) for line in lines if line]
