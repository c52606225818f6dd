"""Find and end processes by what they were started with, for tests that leave none behind."""

import os
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass

_LOOK_SECONDS = 0.05


@dataclass(frozen=True, kw_only=True)
class Process:
    """A live process."""

    pid: int
    command: str


def processes_with(environment_entry: str) -> list[Process]:
    """Live processes, zombies left out, whose environment has `environment_entry` (`NAME=value`); Linux and macOS."""
    commands = dict(_listing("axww"))
    return [
        Process(pid=pid, command=commands[pid])
        for pid, with_environment in _listing("axeww")
        if pid in commands and f" {environment_entry} " in f"{with_environment} "
    ]


def _listing(options: str) -> list[tuple[int, str]]:
    """Process ids and what `ps` shows as their command."""
    shown = subprocess.run(
        ["ps", options, "-o", "pid=,stat=,command="], check=True, capture_output=True, text=True, errors="replace"
    )
    rows = [line.split(maxsplit=2) for line in shown.stdout.splitlines()]
    return [(int(row[0]), row[2]) for row in rows if len(row) == 3 and not row[1].startswith("Z")]


def kill_all(environment_entry: str) -> None:
    """SIGKILL every process that `processes_with` finds."""
    for process in processes_with(environment_entry):
        try:
            os.kill(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            continue


def wait_until(condition: Callable[[], bool], what: str, timeout_seconds: float = 120) -> None:
    """Poll `condition` until it holds; AssertionError naming `what` when `timeout_seconds` have passed."""
    deadline = time.monotonic() + timeout_seconds
    while True:
        began = time.monotonic()
        if condition():
            return
        ended = time.monotonic()
        assert ended < deadline, f"waited {timeout_seconds} s in vain: {what}"
        # A look may start a program: twice as long for what is waited for.
        time.sleep(max(_LOOK_SECONDS, 2 * (ended - began)))
