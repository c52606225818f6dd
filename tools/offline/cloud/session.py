"""The provider after Configure: its cloud, its account, its region, and how long things take.

Variables begin with the cloud's own prefix (`MODELYARD_AWS`):

…_WORLD           folder of the account; required
…_KUBECONFIG      kubeconfig of the API server that every cluster leads to; without it, clusters have none
…_LATENCY         the cloud's times are multiplied by this: 0 (the default) is at once, 0.0166 is 1:60
…_GRACE_SECONDS   how long a call is repeated that something else has to allow first (10)
"""

import fcntl
import hashlib
import os
import threading
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tools.offline.cloud.cloud import Cloud
from tools.offline.cloud.world import Record, World
from tools.offline.common.engine import Engine, ResourceReporter
from tools.offline.common.errors import ProviderError

_POLL_SECONDS = 0.1


@dataclass(kw_only=True)
class Session:
    """Shared by all calls."""

    cloud: Cloud
    world: World
    engine: Engine
    region: str
    cancelled: threading.Event
    arguments: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """All arguments of the provider."""
    latency: float = 0
    grace_seconds: float = 10
    kubeconfig: Path | None = None

    def reporter(self, urn: str) -> ResourceReporter:
        return ResourceReporter(self.engine, urn)

    def wait(self, seconds: float) -> None:
        """Let the cloud's time pass.

        Raises:
            ProviderError: the update was cancelled.
        """
        if self.cancelled.wait(seconds * self.latency):
            raise ProviderError("the update was cancelled")

    def until(self, is_so: Callable[[], bool], seconds: float | None = None) -> bool:
        """Wait until something is so, at most for a while (the grace); says whether it came to be."""
        end = time.monotonic() + (self.grace_seconds if seconds is None else seconds)
        while not is_so():
            if time.monotonic() > end or self.cancelled.wait(_POLL_SECONDS):
                return False
        return True

    @contextmanager
    def turn(self, record: Record) -> Generator[None]:
        """Wait for a resource's turn in its queue of all processes, where it has one.

        Raises:
            ProviderError: the update was cancelled.
        """
        queue, others = self.cloud.queue_of(record), self.cloud.beside(record)
        if not queue:
            yield
            return
        name = f"queue-{hashlib.sha256(queue.encode()).hexdigest()[:16]}"
        whole = self._lock_file(name)
        places = [self._lock_file(f"{name}-{place}") for place in range(others)]
        try:
            while places and not any(_take(place, fcntl.LOCK_EX) for place in places):
                self._pause()
            while not _take(whole, fcntl.LOCK_SH if others else fcntl.LOCK_EX):
                self._pause()
            yield
        finally:
            for descriptor in (whole, *places):
                os.close(descriptor)

    def _lock_file(self, name: str) -> int:
        return os.open(self.world.folder / f"{name}.lock", os.O_RDWR | os.O_CREAT)

    def _pause(self) -> None:
        if self.cancelled.wait(_POLL_SECONDS):
            raise ProviderError("the update was cancelled")


def _take(descriptor: int, how: int) -> bool:
    """Takes a lock, unless somebody has it."""
    try:
        fcntl.flock(descriptor, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def open_world(cloud: Cloud) -> World:
    """The account that the environment names.

    Raises:
        ProviderError: it names none.
    """
    folder = os.environ.get(f"{cloud.environment}_WORLD")
    if not folder:
        raise ProviderError(
            f"this is a simulated {cloud.name} (tools/offline/{cloud.folder}) for tests; it needs a folder in "
            f"{cloud.environment}_WORLD, and touches no account. For a real one, take "
            f"tools/offline/bin/{cloud.folder} off PATH"
        )
    return World(Path(folder))


def kubeconfig_path(cloud: Cloud) -> Path | None:
    """The kubeconfig of the API server behind every cluster."""
    path = os.environ.get(f"{cloud.environment}_KUBECONFIG")
    return Path(path) if path else None


def number(variable: str, default: float) -> float:
    """A number in the environment.

    Raises:
        ProviderError: it is none.
    """
    text = os.environ.get(variable, "")
    try:
        return float(text) if text else default
    except ValueError:
        raise ProviderError(f"{variable} must be a number, not {text!r}") from None
