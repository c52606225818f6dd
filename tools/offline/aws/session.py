"""The provider after Configure: its account, its region, and how long things take.

MODELYARD_AWS_WORLD           folder of the account; required
MODELYARD_AWS_KUBECONFIG      kubeconfig of the API server that every cluster leads to; without it, clusters have none
MODELYARD_AWS_LATENCY         AWS's times are multiplied by this: 0 (the default) is at once, 0.0166 is 1:60
MODELYARD_AWS_GRACE_SECONDS   how long a call is repeated that something else has to allow first (10)
"""

import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tools.offline.aws.world import World
from tools.offline.common.engine import Engine, ResourceReporter
from tools.offline.common.errors import ProviderError

_POLL_SECONDS = 0.1


@dataclass(kw_only=True)
class Session:
    """Shared by all calls."""

    world: World
    engine: Engine
    region: str
    cancelled: threading.Event
    default_tags: dict[str, str] = field(default_factory=dict[str, str])
    latency: float = 0
    grace_seconds: float = 10
    kubeconfig: Path | None = None

    def reporter(self, urn: str) -> ResourceReporter:
        return ResourceReporter(self.engine, urn)

    def wait(self, aws_seconds: float) -> None:
        """Let AWS's time pass.

        Raises:
            ProviderError: the update was cancelled.
        """
        if self.cancelled.wait(aws_seconds * self.latency):
            raise ProviderError("the update was cancelled")

    def until(self, is_so: Callable[[], bool], seconds: float | None = None) -> bool:
        """Wait until something is so, at most for a while (the grace); says whether it came to be."""
        end = time.monotonic() + (self.grace_seconds if seconds is None else seconds)
        while not is_so():
            if time.monotonic() > end or self.cancelled.wait(_POLL_SECONDS):
                return False
        return True


def open_world() -> World:
    """The account that the environment names.

    Raises:
        ProviderError: it names none.
    """
    folder = os.environ.get("MODELYARD_AWS_WORLD")
    if not folder:
        raise ProviderError(
            "this is a simulated AWS (tools/offline/aws) for tests; it needs a folder in MODELYARD_AWS_WORLD, and "
            "touches no account. For a real one, take tools/offline/bin/aws off PATH"
        )
    return World(Path(folder))


def kubeconfig_path() -> Path | None:
    """The kubeconfig of the API server behind every cluster."""
    path = os.environ.get("MODELYARD_AWS_KUBECONFIG")
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
