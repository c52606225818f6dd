"""A lock that a killed engine left in a file backend."""

import json
import os
import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import psutil

from tools.stack import backend


@dataclass(frozen=True, kw_only=True)
class Lock:
    """Who holds a stack. Fields are those of the backend's lock files."""

    pid: int
    hostname: str
    username: str
    timestamp: str

    @property
    def is_stale(self) -> bool:
        """True when its engine ran on this machine and is no longer there; never for another machine's."""
        return self.hostname == socket.gethostname() and not _is_pulumi(self.pid)


def _is_pulumi(pid: int) -> bool:
    # The number may belong to another program since.
    try:
        process = psutil.Process(pid)
        return process.name().startswith("pulumi") and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def locks_of(project: str, stack: str, environ: Mapping[str, str] = os.environ) -> Iterator[Lock]:
    """Yield the locks of a stack in a file backend; other backends keep theirs elsewhere and yield none."""
    root = backend.folder(environ)
    if root is None:
        return
    *organization, name = stack.split("/")
    for file in sorted((root / "locks" / (organization or ["organization"])[0] / project / name).glob("*.json")):
        try:
            content = json.loads(file.read_text(encoding="utf-8"))
        except FileNotFoundError:
            continue
        yield Lock(**{key: content[key] for key in ("pid", "hostname", "username", "timestamp")})
