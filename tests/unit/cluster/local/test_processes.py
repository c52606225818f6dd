"""Daemons are known by the program that they run, and nobody waits for them."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import psutil
import pytest

from modelyard.cluster.local import processes
from modelyard.cluster.local.folder import LocalClusterError

SLEEP = Path("/bin/sleep")
ENVIRONMENT: Mapping[str, str] = {"PATH": os.defpath}


@pytest.fixture
def programs(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "cluster" / "bin"
    processes.link_programs(folder, {"etcd": SLEEP, "kwok": SLEEP})
    yield folder
    processes.kill(folder)


def start(programs: Path, name: str) -> None:
    log = programs.parent / f"{name}.log"
    processes.start_daemon([programs / name, "60"], log=log, environment=ENVIRONMENT)


def test_processes_are_found_by_the_folder_of_their_program(programs: Path, tmp_path: Path) -> None:
    other = tmp_path / "cluster-2" / "bin"
    processes.link_programs(other, {"etcd": SLEEP})
    start(programs, "etcd")
    assert list(processes.running(programs)) == ["etcd"]
    assert processes.running(other) == {}
    start(other, "etcd")
    processes.kill(programs)
    assert processes.running(programs) == {}
    assert list(processes.running(other)) == ["etcd"], "another cluster's processes live on"
    processes.kill(other)


def test_a_program_that_only_has_the_folder_in_its_arguments_is_not_ours(programs: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)", str(programs / "etcd")]) as bystander:
        processes.kill(programs)
        assert bystander.poll() is None
        bystander.kill()


def test_a_daemon_has_a_session_and_holds_no_pipe_of_its_starter(programs: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from modelyard.cluster.local.processes import start_daemon\n"
        "start_daemon([sys.argv[1], '60'], log=Path(sys.argv[2]), environment={})"
    )
    log = programs.parent / "logs" / "etcd.log"
    # subprocess.run waits until nobody holds the pipes: with a daemon on them it would run into the timeout.
    subprocess.run(
        [sys.executable, "-c", script, str(programs / "etcd"), str(log)], capture_output=True, check=True, timeout=20
    )
    [daemon] = processes.running(programs)["etcd"]
    assert os.getsid(daemon.pid) == daemon.pid
    assert log.exists()


def test_a_daemon_gets_no_secret_of_the_environment(programs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", "secret")
    environment = processes.bare_environment(programs)
    assert set(environment) == {"PATH", "HOME"}
    processes.start_daemon([programs / "kwok", "60"], log=programs.parent / "kwok.log", environment=environment)
    [daemon] = processes.running(programs)["kwok"]
    assert "PULUMI_CONFIG_PASSPHRASE" not in psutil.Process(daemon.pid).environ()


def test_links_follow_a_program_that_moved(programs: Path) -> None:
    processes.link_programs(programs, {"etcd": Path("/bin/true")})
    assert (programs / "etcd").readlink() == Path("/bin/true")
    assert sorted(file.name for file in programs.iterdir()) == ["etcd", "kwok"]


def test_a_failing_command_shows_the_end_of_its_output(tmp_path: Path) -> None:
    log = tmp_path / "log"
    script = "i=0; while [ $i -lt 20 ]; do i=$((i+1)); echo line $i; done; exit 3"
    with pytest.raises(LocalClusterError) as caught:
        processes.run(["/bin/sh", "-c", script], log=log, environment=ENVIRONMENT, timeout_seconds=10)
    message = str(caught.value)
    assert "sh -c" in message
    assert "exit code 3" in message
    assert message.endswith("line 19\nline 20")
    assert "line 12\n" not in message


def test_a_command_that_hangs_is_ended(tmp_path: Path) -> None:
    with pytest.raises(LocalClusterError, match="took over 1 seconds"):
        processes.run(["/bin/sleep", "60"], log=tmp_path / "log", environment=ENVIRONMENT, timeout_seconds=1)
