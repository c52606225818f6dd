"""Where a local cluster's data is on this machine, what is recorded of it, and who may change it at a time."""

import fcntl
import hashlib
import json
import os
import re
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Literal, get_args

from modelyard.errors import ConfigError, Problem, show

Engine = Literal["kind", "host", "kwok"]
"""What runs a local cluster."""

_RECORD = "cluster.json"
_LOCK_SECONDS = 900
"""Longest wait for another process that works on the same cluster: a first kind cluster pulls an image of 1 GB."""
_LOCK_POLL_SECONDS = 0.1
_DIGEST_CHARACTERS = 6
_READABLE_CHARACTERS = 32
"""Longest readable part of a cluster's name. Host names end at 63 characters and kind adds `-control-plane`."""


class LocalClusterError(RuntimeError):
    """A local cluster could not be made, restarted or removed; the message says why and what to do."""


@dataclass(frozen=True, kw_only=True)
class Record:
    """What must stay the same over restarts of a cluster.

    Attributes:
        engine: what runs it.
        kubernetes_version: minor version of the control plane.
        ports: ports on 127.0.0.1 by the component that listens.
        network: addresses of a real node without Docker, its pods and its Services; None where there is none.
        ready: whether it was made to the end; what is not ready is removed and made anew.
    """

    engine: Engine
    kubernetes_version: str
    ports: Mapping[str, int] = field(default_factory=dict[str, int])
    network: str | None = None
    ready: bool = False


def stack_identity(organization: str, project: str, stack: str, root: str) -> str:
    """What the names of a stack's local clusters begin with: readable, and another for each checkout of a project.

    Args:
        organization: the stack's organization.
        project: the Pulumi project.
        stack: the stack.
        root: the project's folder; two clones of a project thus have a cluster each.
    """
    digest = hashlib.sha256(f"{organization}\n{project}\n{stack}\n{root}".encode()).hexdigest()
    readable = re.sub("[^a-z0-9]+", "-", f"{project}-{stack}".lower())[:_READABLE_CHARACTERS].strip("-")
    return f"{readable or 'stack'}-{digest[:_DIGEST_CHARACTERS]}"


def cluster_name(identity: str, engine: Engine, kubernetes_version: str) -> str:
    """The name of a stack's cluster. A cluster of another engine or version has another name, so that it is made
    beside the old one, which lives until what ran on it is removed."""
    return f"{identity}-{engine}-{kubernetes_version.replace('.', '-')}"


def clusters_folder() -> Path:
    """The folder of all local clusters of this user: `${XDG_STATE_HOME:-~/.local/state}/modelyard/local`."""
    home = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    return Path(home) / "modelyard" / "local"


def cluster_folder(name: str) -> Path:
    """The folder of one cluster, whether or not it exists."""
    return clusters_folder() / name


def recorded_engine(identity: str) -> Engine | None:
    """The engine of the cluster that a stack has on this machine, complete or not; None where it has none."""
    folders = (folder for engine in get_args(Engine) for folder in clusters_folder().glob(f"{identity}-{engine}-*"))
    return next((record.engine for folder in folders if (record := read_record(folder))), None)


def read_record(folder: Path) -> Record | None:
    """What is recorded of the cluster in `folder`; None where there is none.

    Raises:
        ConfigError: the file is not one of ours.
    """
    file = folder / _RECORD
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    try:
        return Record(**json.loads(text))
    except (TypeError, ValueError):
        why = f"{show(str(file))} cannot be read"
        raise ConfigError(Problem(why=why, fix="destroy the stack, or remove the folder that it is in")) from None


def write_record(folder: Path, record: Record) -> None:
    """Record `record` for the cluster in `folder`, at once or not at all."""
    draft = folder / f"{_RECORD}.new"
    with draft.open("w", encoding="utf-8") as file:
        json.dump(asdict(record), file)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(folder / _RECORD)


def mark_ready(folder: Path) -> Record:
    """Record that the cluster in `folder` is complete."""
    record = read_record(folder)
    if record is None:
        raise LocalClusterError(f"{folder} was removed while the cluster in it was made; run the update again")
    ready = replace(record, ready=True)
    write_record(folder, ready)
    return ready


def recorded_ports() -> set[int]:
    """Ports of all local clusters of this user, running or not."""
    records = (read_record(folder) for folder in sorted(clusters_folder().glob("*")))
    return {port for record in records if record for port in record.ports.values()}


@contextmanager
def locked(folder: Path) -> Generator[None]:
    """Hold `folder`, making it if need be, so that only one process changes the cluster in it.

    The lock ends with the process that holds it, however that ends.

    Raises:
        LocalClusterError: another process held it for a quarter of an hour.
    """
    deadline = time.monotonic() + _LOCK_SECONDS
    while True:
        descriptor = _open(folder)
        try:
            _wait(descriptor, folder, deadline)
            if _is_current(descriptor, folder):
                yield
                return
        finally:
            os.close(descriptor)


def _open(folder: Path) -> int:
    while True:
        # The administrator's key of the cluster is in there.
        folder.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        folder.mkdir(exist_ok=True, mode=0o700)
        try:
            return os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except FileNotFoundError:
            continue  # its cluster was deleted in between


def _wait(descriptor: int, folder: Path, deadline: float) -> None:
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                why = f"another process has worked on the cluster in {folder} for {_LOCK_SECONDS} seconds"
                raise LocalClusterError(f"{why}; end it, then run the update again") from None
            time.sleep(_LOCK_POLL_SECONDS)
        else:
            return


def _is_current(descriptor: int, folder: Path) -> bool:
    """Whether the locked folder is still the one at its path: its cluster may have been deleted meanwhile."""
    try:
        return os.path.samestat(os.fstat(descriptor), folder.stat())
    except FileNotFoundError:
        return False
