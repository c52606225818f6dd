"""What tests have left that were stopped in the middle."""

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from unittest.mock import patch

import psutil

from modelyard.cluster.local import lifecycle
from modelyard.cluster.local.folder import LocalClusterError


def end_all_below(folder: Path) -> None:
    """Remove every local cluster below `folder`, and end every process that names a file below it."""
    cluster = re.compile(rf"({re.escape(str(folder))}/.*)/modelyard/local/([^/]+)/")
    programs = [arguments[0] for _, arguments in _processes_below(folder)]
    for state, name in {match.groups() for match in map(cluster.match, programs) if match}:
        with patch.dict(os.environ, {"XDG_STATE_HOME": state}), suppress(LocalClusterError):
            lifecycle.delete(name)
    for process, _ in _processes_below(folder):
        with suppress(psutil.NoSuchProcess):
            process.kill()


def _processes_below(folder: Path) -> Iterator[tuple[psutil.Process, list[str]]]:
    for process in psutil.process_iter(["cmdline"]):
        arguments: list[str] = process.info["cmdline"] or []
        if process.pid != os.getpid() and any(f"{folder}/" in each for each in arguments):
            yield process, arguments
