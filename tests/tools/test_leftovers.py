"""What is left of a test run that was stopped."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from modelyard.cluster.local import processes
from modelyard.cluster.local.folder import Record, cluster_folder, write_record
from tests.support.leftovers import end_all_below, end_all_of_killed_runs
from tests.support.processes import wait_until

_SLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]


@pytest.fixture
def bystander(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process that names a folder beside that of the run."""
    with subprocess.Popen([*_SLEEP, str(tmp_path / "run-2" / "file")]) as process:
        yield process
        process.kill()


def test_processes_of_the_run_end_and_no_others(tmp_path: Path, bystander: subprocess.Popen[bytes]) -> None:
    with subprocess.Popen([*_SLEEP, f"--config={tmp_path}/run/file"], start_new_session=True) as left:
        end_all_below(tmp_path / "run")
        assert left.wait(10) == -9
    assert bystander.poll() is None


def test_clusters_of_the_run_are_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "run" / "state"))
    folder = cluster_folder("left")
    folder.mkdir(parents=True)
    write_record(folder, Record(engine="kwok", kubernetes_version="1.35"))
    programs = folder / "kwok" / "clusters" / "left" / "bin"
    processes.link_programs(programs, {"etcd": Path("/bin/sleep")})
    processes.start_daemon([programs / "etcd", "60"], log=folder / "log", environment={"PATH": os.defpath})
    wait_until(lambda: bool(processes.running(programs)), "the daemon")
    end_all_below(tmp_path / "run")
    assert processes.running(programs) == {}
    assert not folder.exists()


def test_a_cluster_whose_program_is_absent_is_no_reason_to_fail(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "run" / "state"))
    monkeypatch.setenv("PATH", str(tmp_path))
    folder = cluster_folder("left")
    folder.mkdir(parents=True)
    write_record(folder, Record(engine="kind", kubernetes_version="1.35"))
    with subprocess.Popen([*_SLEEP, str(tmp_path / "run" / "file")]) as left:
        end_all_below(tmp_path / "run")
        assert left.wait(10) == -9


def _run_of(pid: int, runs: Path, name: str) -> subprocess.Popen[bytes]:
    """A process below a folder that pytest made for the process `pid`."""
    (runs / name).mkdir(parents=True)
    (runs / name / ".lock").write_text(str(pid))
    return subprocess.Popen([*_SLEEP, str(runs / name / "file")])


def test_runs_that_were_killed_are_cleared_and_no_others(tmp_path: Path) -> None:
    with subprocess.Popen(_SLEEP) as killed:
        killed.kill()
    with (
        _run_of(killed.pid, tmp_path, "pytest-1") as left,
        _run_of(os.getpid(), tmp_path, "pytest-2") as of_a_live_one,
        _run_of(killed.pid, tmp_path, "pytest-3") as own,
    ):
        end_all_of_killed_runs(tmp_path / "pytest-3")
        assert left.wait(10) == -9
        assert of_a_live_one.poll() is None
        assert own.poll() is None
        of_a_live_one.kill()
        own.kill()
