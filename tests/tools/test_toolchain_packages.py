"""The distribution's packages: installed by apt as root on Debian or Ubuntu, only named elsewhere."""

import os
import shlex
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support.processes import wait_until
from tests.tools.toolchain_fakes import FakeMachine
from tools.toolchain import install, packages, refusals
from tools.toolchain.command import run
from tools.toolchain.detect import Machine, look

_ALL = [package.name for package in packages.wanted()]

# Installs a program for each package, and notes how it was called and what it finds.
_APT = """
echo "$@" >> "$HOME/calls"
echo "$DEBIAN_FRONTEND" >> "$HOME/frontend"
[ "$1" = update ] && exit 0
[ -e "$POLICY" ] && { "$POLICY"; echo "$?" >> "$HOME/policy"; }
%s
for program in containerd ctr runc nft iptables conntrack ip openssl buildah mmdebstrap; do
  printf '#!/bin/sh\\n' > "$BIN/$program"; /bin/chmod 755 "$BIN/$program"
done
for plugin in ptp host-local; do
  echo > "$CNI/$plugin"
done
echo > "$KEYRING"
"""


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeMachine:
    made = FakeMachine(tmp_path)
    cni = tmp_path / "cni"
    cni.mkdir()
    monkeypatch.setattr(packages, "CNI_FOLDER", cni)
    monkeypatch.setattr(packages, "SYSTEM_FOLDERS", (str(tmp_path / "sbin"),))
    monkeypatch.setattr(packages, "POLICY", tmp_path / "policy-rc.d")
    monkeypatch.setattr(packages, "KEYRING", tmp_path / "keyring")
    monkeypatch.setattr("platform.freedesktop_os_release", lambda: {"ID": "debian"})
    monkeypatch.setattr("os.geteuid", lambda: 0)
    made.program("systemctl", 'echo "$@" >> "$HOME/systemctl"')
    _apt(made)
    return made


def _apt(machine: FakeMachine, extra: str = "") -> None:
    values = {
        "BIN": machine.programs,
        "CNI": packages.CNI_FOLDER,
        "POLICY": packages.POLICY,
        "KEYRING": packages.KEYRING,
    }
    settings = "\n".join(f"{name}={shlex.quote(str(value))}" for name, value in values.items())
    machine.program("apt-get", settings + _APT % extra)


def _provide(machine: FakeMachine) -> bool:
    return packages.provide(machine.places, machine.environ, machine.environ["PATH"])


def _lines(machine: FakeMachine, name: str) -> list[str]:
    file = machine.home / name
    return file.read_text(encoding="utf-8").splitlines() if file.exists() else []


def test_missing_packages_are_named_with_the_reason_and_installed_once(
    machine: FakeMachine, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _provide(machine)
    assert _provide(machine)
    (call,) = _lines(machine, "calls")
    assert call.startswith("install --yes --no-install-recommends --no-remove")
    assert call.endswith(" ".join(_ALL))
    assert _lines(machine, "frontend") == ["noninteractive"]
    announced = capsys.readouterr().err.splitlines()[0]
    assert all(name in announced for name in _ALL)
    assert "a local cluster that runs containers" in announced


def test_only_what_is_missing_is_installed(machine: FakeMachine) -> None:
    for name in ("containerd", "ctr", "runc", "iptables"):
        machine.program(name, "exit 0")
    assert _provide(machine)
    names = _lines(machine, "calls")[0].split("DPkg::Lock::Timeout=120 ")[1].split()
    assert names == [
        *("containernetworking-plugins", "nftables", "conntrack", "iproute2", "openssl"),
        *("buildah", "mmdebstrap", "debian-archive-keyring"),
    ]
    assert not _lines(machine, "systemctl"), "somebody else's containerd is left as it is"


def test_what_is_off_roots_path_is_installed_all_the_same(machine: FakeMachine, tmp_path: Path) -> None:
    assert _provide(machine)
    (tmp_path / "sbin").mkdir()
    (machine.programs / "nft").rename(tmp_path / "sbin" / "nft")
    assert packages.missing(machine.environ["PATH"]) == []


def test_no_service_is_started_now_or_by_the_next_start_of_the_machine(machine: FakeMachine) -> None:
    assert _provide(machine)
    assert _lines(machine, "policy") == ["101"]
    assert not packages.POLICY.exists()
    assert _lines(machine, "systemctl") == ["disable containerd.service"]


def test_the_machines_own_policy_stays(machine: FakeMachine) -> None:
    packages.POLICY.write_text("#!/bin/sh\nexit 104\n", encoding="utf-8")
    packages.POLICY.chmod(0o755)
    assert _provide(machine)
    assert _lines(machine, "policy") == ["104"]
    assert packages.POLICY.exists()


def test_a_policy_left_by_a_killed_run_forbids_nothing_and_is_removed_by_the_next(machine: FakeMachine) -> None:
    driver = (
        "import time; from pathlib import Path; from tools.toolchain import packages\n"
        f"packages.POLICY = Path({str(packages.POLICY)!r})\n"
        "with packages._no_service_starts(): time.sleep(60)"
    )
    killed = subprocess.Popen([sys.executable, "-c", driver], cwd=Path(__file__).parents[2])
    _wait_for(packages.POLICY)
    killed.kill()
    killed.wait()
    assert stat.S_IMODE(packages.POLICY.stat().st_mode) == 0o755
    assert subprocess.run([packages.POLICY], check=False).returncode == 0
    assert _provide(machine)
    assert not packages.POLICY.exists()


def test_lists_of_packages_are_renewed_when_they_do_not_serve(machine: FakeMachine) -> None:
    _apt(machine, '[ "$(/usr/bin/wc -l < "$HOME/calls")" = 1 ] && { echo "Unable to locate package"; exit 100; }')
    assert _provide(machine)
    assert [call.split()[0] for call in _lines(machine, "calls")] == ["install", "update", "install"]


def test_a_failure_is_said_not_fatal_and_not_tried_again_within_the_hour(
    machine: FakeMachine, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _apt(machine, 'echo "E: held broken packages"; exit 100')
    assert not _provide(machine)
    said = capsys.readouterr().err
    assert "held broken packages" in said
    assert "simulated (kwok)" in said
    assert not packages.POLICY.exists()
    tried = len(_lines(machine, "calls"))
    assert not _provide(machine)
    assert len(_lines(machine, "calls")) == tried
    assert "apt-get failed within the last hour" in capsys.readouterr().err
    monkeypatch.setattr(refusals, "REMEMBER_SECONDS", 0.0)
    _apt(machine)
    assert _provide(machine)


@pytest.mark.parametrize("distribution", ["fedora", "linuxmint"])
def test_on_other_systems_the_packages_are_only_named(
    machine: FakeMachine, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], distribution: str
) -> None:
    monkeypatch.setattr("platform.freedesktop_os_release", lambda: {"ID": distribution})
    assert not _provide(machine)
    said = capsys.readouterr().err
    assert all(name in said for name in _ALL)
    assert "simulated (kwok)" in said
    assert not _lines(machine, "calls")


@pytest.mark.parametrize(
    ("user", "docker", "expected"), [(0, False, True), (1000, False, False), (0, True, False)], ids=str
)
def test_run_installs_packages_only_where_the_node_of_this_machine_may_be_chosen(
    machine: FakeMachine, monkeypatch: pytest.MonkeyPatch, user: int, docker: bool, expected: bool
) -> None:
    monkeypatch.setattr("os.geteuid", lambda: user)
    if docker:
        machine.docker_and_kind()
    tools = _provided(machine, monkeypatch, "provide_for_run")
    assert bool(_lines(machine, "calls")) is expected
    assert ("kubernetes-node" in tools) is expected
    assert ("kubernetes" in tools) is not docker


def test_tests_get_the_packages_beside_docker_too(machine: FakeMachine, monkeypatch: pytest.MonkeyPatch) -> None:
    machine.docker_and_kind()
    assert "kubernetes-node" in _provided(machine, monkeypatch, "provide_for_tests")
    assert _lines(machine, "calls")


def test_without_the_packages_a_stack_gets_the_tools_of_simulated_nodes(
    machine: FakeMachine, monkeypatch: pytest.MonkeyPatch
) -> None:
    _apt(machine, "exit 100")
    assert _provided(machine, monkeypatch, "provide_for_run") == ["pulumi", "etcd", "kubernetes", "kwok"]


def test_a_stack_whose_cluster_is_elsewhere_gets_no_cluster_here(
    machine: FakeMachine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 0)
    assert _provided(machine, monkeypatch, "provide_for_run", kind="eks") == ["pulumi"]
    assert not _lines(machine, "calls")


def _provided(machine: FakeMachine, monkeypatch: pytest.MonkeyPatch, command: str, **options: str) -> list[str]:
    """Run a command's preparation without building anything; return the tools that it asks for."""
    tools: list[str] = []

    def provide_tools(wanted: tuple[install.Tool, ...], _machine: Machine, *_: object) -> None:
        tools.extend(tool.name for tool in wanted)

    monkeypatch.setattr(install, "provide_tools", provide_tools)
    for other in ("venvs.provide", "promtool.provide", "plugins.try_download"):
        monkeypatch.setattr(f"tools.toolchain.{other}", _nothing)
    getattr(install, command)(look(machine.environ, machine.places), machine.places, machine.environ, **options)
    return tools


def _nothing(*_: object) -> None:
    """Provide nothing."""


def test_an_interrupted_installation_is_asked_to_end_and_waited_for(tmp_path: Path) -> None:
    """apt-get finishes the package that it is at; killed, it would leave dpkg's database half way."""
    driver = (
        "import os, sys; from tools.toolchain.command import run\n"
        "run(['/bin/sh', '-c', sys.argv[1]], environ=os.environ, gently=True)"
    )
    body = f"trap 'kill $!; sleep 0.3; echo > {tmp_path}/ended; exit' INT; echo > {tmp_path}/started; sleep 20 & wait"
    process = subprocess.Popen(
        [sys.executable, "-c", driver, body], cwd=Path(__file__).parents[2], stderr=subprocess.DEVNULL
    )
    _wait_for(tmp_path / "started")
    process.send_signal(signal.SIGINT)
    process.wait(timeout=10)
    assert (tmp_path / "ended").exists()


def test_pause_waits_reaps_and_ends(tmp_path: Path) -> None:
    """Built here: it needs no module but Go's own library."""
    go = run(["go", "version"], environ=os.environ)
    if not go.ok:
        pytest.skip("no Go on PATH")
    source = Path(packages.__file__).parent / "go" / "pause"
    built = run(
        ["go", "build", "-o", tmp_path / "pause", "."], environ={**os.environ, "CGO_ENABLED": "0"}, folder=source
    )
    assert built.ok, built.output
    # exec keeps the process: the child of the shell becomes pause's own.
    process = subprocess.Popen(["/bin/sh", "-c", f"sleep 0.2 & exec {tmp_path}/pause"])
    try:
        own = Path(f"/proc/{process.pid}")
        wait_until(lambda: (own / "comm").read_text(encoding="utf-8") == "pause\n", "pause in the shell's place")
        children = own / "task" / str(process.pid) / "children"
        wait_until(lambda: children.read_text(encoding="utf-8") == "", "the reaping of the child that has ended")
        assert process.poll() is None
        process.terminate()
        assert process.wait(timeout=5) == 0
    finally:
        process.kill()


def _wait_for(file: Path) -> None:
    deadline = time.monotonic() + 20
    while not file.exists():
        assert time.monotonic() < deadline, f"{file.name} did not appear"
        time.sleep(0.02)
