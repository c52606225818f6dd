"""What is left of a test run that was stopped."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from modelyard.cluster.local import processes
from modelyard.cluster.local.folder import Record, cluster_folder, write_record
from tests.support.leftovers import end_all_below
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
