"""Running another program: bounded in time, with its output kept."""

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Finished:
    """What a program said. `status` is None when it could not start or ran out of time."""

    status: int | None
    output: str

    @property
    def ok(self) -> bool:
        """True when the program ran and succeeded."""
        return self.status == 0


def run(
    arguments: Sequence[str | Path],
    *,
    environ: Mapping[str, str],
    folder: Path | None = None,
    timeout_seconds: float | None = None,
    gently: bool = False,
) -> Finished:
    """
    Run a program without input and return its output, errors included; never raise for what the program does.

    When this process is interrupted, the program is killed; with `gently` it is asked to end, and waited for.
    """
    try:
        process = subprocess.Popen(
            [str(argument) for argument in arguments],
            env=dict(environ),
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            # A group of its own: what is stopped is stopped with its children, compilers and downloads included.
            start_new_session=True,
            # The lock of `store.exclusive` is inherited; nothing else that Python opens is.
            close_fds=False,
        )
    except OSError as error:
        return Finished(status=None, output=str(error))
    try:
        output, _ = process.communicate(timeout=timeout_seconds)
    except subprocess.TimeoutExpired:
        _stop(process)
        return Finished(status=None, output=f"no answer within {timeout_seconds:g} seconds")
    except BaseException:
        if gently:
            process.send_signal(signal.SIGINT)
            process.communicate()
        else:
            _stop(process)
        raise
    return Finished(status=process.returncode, output=output)


def _stop(process: subprocess.Popen[str]) -> None:
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
