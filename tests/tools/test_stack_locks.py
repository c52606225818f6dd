"""Which locks of a file backend are stale."""

import json
import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.processes import wait_until
from tools.stack.locks import Lock, locks_of

STACK_FOLDER = Path(".pulumi", "locks", "organization", "modelyard", "local")


def _lock(pid: int, hostname: str | None = None) -> Lock:
    return Lock(pid=pid, hostname=hostname or socket.gethostname(), username="ada", timestamp="2026-01-01T00:00:00Z")


@pytest.fixture
def dead_pid() -> int:
    process = subprocess.Popen(["true"])
    process.wait()
    return process.pid


@pytest.fixture
def live_pulumi(tmp_path: Path) -> Iterator[int]:
    """A process whose program is called pulumi."""
    sleep = shutil.which("sleep")
    assert sleep is not None
    program = shutil.copy(sleep, tmp_path / "pulumi")
    with subprocess.Popen([program, "60"]) as process:
        yield process.pid
        process.kill()


def test_lock_of_a_dead_process_is_stale(dead_pid: int) -> None:
    assert _lock(dead_pid).is_stale


def test_lock_of_a_live_engine_is_not_stale(live_pulumi: int) -> None:
    assert not _lock(live_pulumi).is_stale


def test_lock_of_a_dead_engine_that_nobody_has_waited_for_is_stale(live_pulumi: int) -> None:
    os.kill(live_pulumi, signal.SIGKILL)
    wait_until(lambda: _lock(live_pulumi).is_stale, "the dead process to be seen")


def test_lock_whose_process_number_another_program_has_is_stale() -> None:
    assert _lock(os.getpid()).is_stale


def test_lock_of_another_machine_is_never_stale(dead_pid: int) -> None:
    assert not _lock(dead_pid, hostname="elsewhere").is_stale


def _write(backend: Path, pid: int) -> None:
    folder = backend / STACK_FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    content = {"pid": pid, "username": "ada", "hostname": "here", "timestamp": "2026-01-01T00:00:00Z"}
    (folder / f"{pid}.json").write_text(json.dumps(content), encoding="utf-8")
    (folder / f"{pid}.json.attrs").write_text("{}", encoding="utf-8")


@pytest.mark.parametrize("stack", ["local", "organization/local"])
def test_locks_are_read_from_a_file_backend(tmp_path: Path, stack: str) -> None:
    backend = tmp_path / "with space"
    _write(backend, 1)
    _write(backend, 2)
    found = list(locks_of("modelyard", stack, {"PULUMI_BACKEND_URL": backend.as_uri()}))
    assert [lock.pid for lock in found] == [1, 2]
    assert list(locks_of("modelyard", "other", {"PULUMI_BACKEND_URL": backend.as_uri()})) == []


@pytest.mark.parametrize("environ", [{}, {"PULUMI_BACKEND_URL": "s3://state"}])
def test_other_backends_have_no_lock_files(environ: dict[str, str]) -> None:
    assert list(locks_of("modelyard", "local", environ)) == []
