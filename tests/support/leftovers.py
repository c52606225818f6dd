"""What tests have left that were stopped in the middle."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from unittest.mock import patch

import psutil

from modelyard.cluster.local import lifecycle
from modelyard.cluster.local.folder import LocalClusterError
from modelyard.errors import ConfigError


def end_all_below(folder: Path) -> None:
    """Remove every local cluster below `folder`, and end every process that names a file below it."""
    for cluster in folder.rglob("modelyard/local/*/"):
        # One whose program is not here, as tests have some of kind, is a folder alone.
        with (
            patch.dict(os.environ, {"XDG_STATE_HOME": str(cluster.parents[2])}),
            suppress(LocalClusterError, ConfigError),
        ):
            lifecycle.delete(cluster.name)
    for process, _ in _processes_below(folder):
        with suppress(psutil.NoSuchProcess):
            process.kill()


def end_all_of_killed_runs(own: Path) -> None:
    """Do so for killed runs beside the folder `own`: their real node would be in the way of ours."""
    for lock in own.parent.glob("pytest-*/.lock"):
        # pytest writes its process's number, and removes the file when it ends.
        number = lock.read_text(encoding="utf-8")
        if lock.parent != own and number.isdigit() and not psutil.pid_exists(int(number)):
            end_all_below(lock.parent)


def _processes_below(folder: Path) -> Iterator[tuple[psutil.Process, list[str]]]:
    for process in psutil.process_iter(["cmdline"]):
        arguments: list[str] = process.info["cmdline"] or []
        if process.pid != os.getpid() and any(f"{folder}/" in each for each in arguments):
            yield process, arguments
