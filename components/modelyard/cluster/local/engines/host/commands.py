"""Runs the system's own programs: short, with their output as text."""

import os
import shutil
import subprocess

from modelyard.cluster.local.engines.host.machine import with_sbin
from modelyard.cluster.local.folder import LocalClusterError

_COMMAND_SECONDS = 120


def path() -> str:
    """PATH as this engine searches it."""
    return with_sbin(os.environ.get("PATH", os.defpath))


def attempt(
    *command: str, text: str | None = None, timeout_seconds: int = _COMMAND_SECONDS
) -> subprocess.CompletedProcess[str]:
    """Run a command whose failure is the caller's to judge.

    Args:
        command: program and arguments.
        text: standard input.
        timeout_seconds: how long it may take.

    Raises:
        LocalClusterError: the program is absent or took too long.
    """
    program = shutil.which(command[0], path=path())
    if program is None:
        raise LocalClusterError(f"{command[0]} is not on PATH; install it")
    try:
        return subprocess.run(
            [program, *command[1:]],
            input=text or "",
            env={"PATH": path(), "HOME": os.environ.get("HOME", "/"), "LC_ALL": "C"},
            capture_output=True,
            text=True,
            check=False,
            timeout=timeout_seconds,
        )
    except subprocess.TimeoutExpired:
        raise LocalClusterError(f"{' '.join(command[:3])} took over {timeout_seconds} seconds") from None


def run(*command: str, text: str | None = None, timeout_seconds: int = _COMMAND_SECONDS) -> str:
    """Run a command and return its output.

    Raises:
        LocalClusterError: it failed; with what it wrote.
    """
    done = attempt(*command, text=text, timeout_seconds=timeout_seconds)
    if done.returncode != 0:
        said = (done.stderr or done.stdout).strip()
        raise LocalClusterError(f"{' '.join(command[:4])} failed with exit code {done.returncode}: {said}")
    return done.stdout
