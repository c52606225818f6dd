"""What the person at the terminal sees: one line per step, on standard error."""

import sys
import time
from collections.abc import Generator
from contextlib import contextmanager


def say(line: str) -> None:
    """Print one line of progress."""
    print(f"toolchain: {line}", file=sys.stderr, flush=True)


@contextmanager
def step(what: str, expectation: str) -> Generator[None]:
    """Announce a step with what it is expected to take, and tell afterwards what it took."""
    say(f"{what} ({expectation})")
    start = time.monotonic()
    yield
    say(f"{what}: done in {_duration(time.monotonic() - start)}")


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{seconds:.1f} s"
