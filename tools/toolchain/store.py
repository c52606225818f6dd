"""The cache folder: one writer at a time, and a tool's folder appears only when it is complete."""

import fcntl
import os
import shutil
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

from tools.toolchain.errors import ToolchainError
from tools.toolchain.progress import say


@contextmanager
def exclusive(lock: Path) -> Generator[None]:
    """
    Hold a lock; wait, and say so, while another process has it.

    Programs started meanwhile inherit it, and the kernel frees it when the last of them has ended: a compiler that
    outlives a killed `make` is waited for, not doubled.
    """
    try:
        lock.parent.mkdir(parents=True, exist_ok=True)
        handle = lock.open("a+")
    except OSError as error:
        raise ToolchainError(
            f"cannot write {lock}: {error.strerror}; make the folder writable, or name another with XDG_CACHE_HOME"
        ) from error
    with handle:
        os.set_inheritable(handle.fileno(), True)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            handle.seek(0)
            say(f"waiting for process {handle.read().strip() or '?'}, which is preparing tools in {lock.parent}")
            fcntl.flock(handle, fcntl.LOCK_EX)
        handle.seek(0)
        handle.truncate()
        handle.write(str(os.getpid()))
        handle.flush()
        yield


def publish(folder: Path, fill: Callable[[Path], None]) -> None:
    """
    Make `folder` with what `fill` puts into an empty folder beside it.

    The folder gets its name last, in one step: after an interruption it is absent, and what is half done is removed by
    the next attempt. The caller holds the lock.
    """
    partial = folder.with_name(f".{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    fill(partial)
    partial.rename(folder)


def require_free_gib(folder: Path, needed_gib: float) -> None:
    """Raise ToolchainError when the disk below `folder` has less than `needed_gib` free."""
    free_gib = shutil.disk_usage(folder).free / 2**30
    if free_gib < needed_gib:
        raise ToolchainError(
            f"{folder} has {free_gib:.1f} GiB free, and the build needs {needed_gib:g} GiB while it runs: free some "
            "space, or name a folder on another disk with XDG_CACHE_HOME"
        )
