"""Time and memory of commands that take turns, in an environment without the user's own settings of Python.

With PYTHONDONTWRITEBYTECODE, say, a fresh checkout would be compiled in each run, and the SDK in none.
"""

import statistics
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

import psutil

from tests.support.toolchain import clean_environment

MIB = 1024 * 1024
_SAMPLE_SECONDS = 0.02


def medians(runs: Mapping[str, Callable[[], float]], rounds: int) -> dict[str, float]:
    """The median of what each run returns, over rounds in which they take turns; one more round first warms up."""
    values: dict[str, list[float]] = {name: [] for name in runs}
    for number in range(rounds + 1):
        for name, run in runs.items():
            value = run()
            if number:
                values[name].append(value)
    return {name: statistics.median(found) for name, found in values.items()}


def seconds(command: Sequence[str]) -> float:
    """How long a command takes that must succeed."""
    started = time.monotonic()
    subprocess.run(command, env=clean_environment(), check=True, capture_output=True)
    return time.monotonic() - started


class PeakMemory:
    """The most memory that a process and all below it hold at one time, MiB, while the block runs.

    Each page counts once, whoever shares it (proportional set size; on macOS, which has none, resident memory).
    Sampling takes CPU of its own: measure time in other runs.
    """

    def __init__(self, root: int) -> None:
        """Watch the process with this id."""
        self.mib = 0.0
        self._root = psutil.Process(root)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> "PeakMemory":
        """Begin."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """End."""
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._ended.wait(_SAMPLE_SECONDS):
            with suppress(psutil.NoSuchProcess):
                processes = [self._root, *self._root.children(recursive=True)]
                self.mib = max(self.mib, sum(_held(each) for each in processes) / MIB)


def _held(process: psutil.Process) -> int:
    try:
        memory = process.memory_full_info()
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return 0
    return int(getattr(memory, "pss", memory.rss))


def peak_mib(command: Sequence[str]) -> float:
    """The most memory of a command that must succeed."""
    process = subprocess.Popen(command, env=clean_environment(), stdout=subprocess.DEVNULL)
    with PeakMemory(process.pid) as peak:
        status = process.wait()
    if status:
        raise subprocess.CalledProcessError(status, command)
    return peak.mib
