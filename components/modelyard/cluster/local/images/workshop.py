"""The folder of built images, and the programs that work in it."""

import fcntl
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from modelyard.cluster.local.folder import LocalClusterError
from modelyard.cluster.local.processes import tail

_KEPT = 3
"""Of each image and each list of wheels: enough to go back to the last version and forth again."""
_COMMAND_SECONDS = 1800
"""Longest wait for one program: a first base on a slow line took 3 minutes."""


@dataclass(frozen=True, kw_only=True)
class Workshop:
    """The folder, held by this process alone.

    Attributes:
        folder: the folder.
        scratch: a folder inside it for what is unfinished; it is emptied by the next holder.
        lock: the lock's file descriptor. Programs inherit it, so that one that outlives this process is waited for.
    """

    folder: Path
    scratch: Path
    lock: int

    @property
    def log(self) -> Path:
        """What the programs have said of the last build."""
        return self.folder / "build.log"

    def run(self, *command: str | Path, what: str, environment: Mapping[str, str] | None = None) -> None:
        """Run a program to its end, with its output in the log.

        Args:
            command: the program and its arguments.
            what: what it does, for messages.
            environment: variables beside the user's own.

        Raises:
            LocalClusterError: it failed or took too long; the message has the last lines of what it said.
        """
        status = self._status(command, environment)
        if status is None:
            raise LocalClusterError(f"{what} took over {_COMMAND_SECONDS} seconds; {tail(self.log)}")
        if status != 0:
            raise LocalClusterError(f"{what} failed with exit code {status}; {tail(self.log)}")

    def succeeds(self, *command: str | Path, environment: Mapping[str, str] | None = None) -> bool:
        """Whether a program succeeds."""
        return self._status(command, environment) == 0

    def _status(self, command: Sequence[str | Path], environment: Mapping[str, str] | None) -> int | None:
        with (
            self.log.open("ab") as log,
            subprocess.Popen(
                [str(part) for part in command],
                env={**_environment(), **(environment or {})},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                pass_fds=(self.lock,),
            ) as process,
        ):
            try:
                return process.wait(_COMMAND_SECONDS)
            except subprocess.TimeoutExpired:
                return None
            finally:
                if process.poll() is None:
                    # With all that it has started, which would hold the lock and go on in a folder that is emptied.
                    os.killpg(process.pid, signal.SIGKILL)

    def keep(self, path: Path, make: Callable[[Path], None]) -> Path:
        """Return `path`, made by `make` under another name if it is not there: whole or absent, whatever happens.

        Of what is beside it, only what was used last is kept.
        """
        if not path.exists():
            draft = self.scratch / path.name
            make(draft)
            path.parent.mkdir(parents=True, exist_ok=True)
            draft.replace(path)
        path.touch()
        _forget_oldest(path.parent)
        return path


def _environment() -> dict[str, str]:
    """The user's, which tells where Docker, mirrors and proxies are, without what is not the builder's business."""
    return {key: value for key, value in os.environ.items() if not key.startswith(("PULUMI_", "KUBECONFIG"))}


def say(line: str) -> None:
    """Tell how a build goes on: Pulumi shows what a dynamic provider writes to standard error while it works."""
    print(line, file=sys.stderr, flush=True)


def images_folder() -> Path:
    """The folder of built images of this user: `${XDG_CACHE_HOME:-~/.cache}/modelyard/images`."""
    home = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(home) / "modelyard" / "images"


def archive_path(reference: str) -> Path:
    """Where an image's archive is, built or not."""
    repository, _, tag = reference.rpartition(":")
    return images_folder() / "archives" / quote(repository, safe="") / f"{tag}.tar"


@contextmanager
def workshop() -> Generator[Workshop]:
    """Hold the folder of built images, making it if need be; wait while another process works in it."""
    folder = images_folder()
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (folder / "lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("waiting for another build of an image")
            fcntl.flock(lock, fcntl.LOCK_EX)
        shutil.rmtree(folder / "scratch", ignore_errors=True)
        (folder / "scratch").mkdir()
        try:
            yield Workshop(folder=folder, scratch=folder / "scratch", lock=lock.fileno())
        finally:
            shutil.rmtree(folder / "scratch", ignore_errors=True)


def _forget_oldest(folder: Path) -> None:
    by_age = sorted(folder.iterdir(), key=lambda each: each.stat().st_mtime, reverse=True)
    for old in by_age[_KEPT:]:
        if old.is_dir():
            shutil.rmtree(old)
        else:
            old.unlink()
