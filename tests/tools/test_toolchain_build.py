"""Builds: whole or absent, one at a time, resumed after an interruption, and errors that say what to do."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.tools.toolchain_fakes import FakeMachine
from tools.toolchain import build, install, store
from tools.toolchain.detect import look
from tools.toolchain.errors import ToolchainError
from tools.toolchain.pins import KUBERNETES, KWOK, PULUMI, TRAEFIK

# Builds the named packages into the folder after -o, counts its runs and keeps a work folder as Go does.
_GO = """
[ "$1" = version ] && { echo go version go1.26.8 linux/amd64; exit 0; }
mkdir -p "$GOCACHE"
echo run >> "$HOME/runs"
echo "$GOFLAGS $CGO_ENABLED $GOTOOLCHAIN" > "$HOME/settings"
echo "$@" > "$HOME/arguments"
while [ $# -gt 0 ]; do
  case "$1" in
    -o) out=$2; shift ;;
    */cmd/*) packages="$packages $1" ;;
  esac
  shift
done
%s
for package in $packages; do echo built > "$out${package##*/}"; done
"""


@pytest.fixture
def machine(tmp_path: Path) -> FakeMachine:
    made = FakeMachine(tmp_path)
    made.program("mkdir", 'exec /bin/mkdir "$@"')
    made.program("sleep", 'exec /bin/sleep "$@"')
    made.program("go", _GO % "")
    return made


def _provide(machine: FakeMachine, *tools: install.Tool) -> None:
    install.provide_tools(tools, look(machine.environ, machine.places), machine.places, machine.environ)


def _runs(machine: FakeMachine) -> int:
    return (machine.home / "runs").read_text(encoding="utf-8").count("run")


def test_build_puts_every_program_into_the_cache_and_happens_once(machine: FakeMachine) -> None:
    _provide(machine, KUBERNETES)
    _provide(machine, KUBERNETES)
    built = {file.name for file in machine.places.programs(KUBERNETES).iterdir()}
    assert built == {program.name for program in KUBERNETES.programs}
    assert _runs(machine) == 1


def test_build_verifies_hashes_and_needs_no_c_compiler(machine: FakeMachine) -> None:
    _provide(machine, KWOK)
    flags, cgo, toolchain = (machine.home / "settings").read_text(encoding="utf-8").rsplit(maxsplit=2)
    assert "-mod=readonly" in flags
    assert (cgo, toolchain) == ("0", "local")


def test_nothing_is_made_for_a_debugger_that_the_linker_would_drop(machine: FakeMachine) -> None:
    _provide(machine, KWOK)
    arguments = (machine.home / "arguments").read_text(encoding="utf-8")
    assert "-gcflags=all=-dwarf=false" in arguments
    assert "-ldflags=-s -w " in arguments


# Answers for modules in which packages are replaced: where they are, and what becomes of go.mod.
_GO_WITH_MODULES = """
case "$1 $2" in
  "mod download") [ -f go.sum ] || exit 1; exit 0 ;;
  "list -m") echo "$HOME/modules/$5"; exit 0 ;;
  "mod edit") shift 2; echo "$@" >> go.mod; exit 0 ;;
esac
"""


def _modules(machine: FakeMachine) -> Path:
    """Traefik's modules as a download leaves them, with two files in each package that is replaced."""
    for stand_in in TRAEFIK.stand_ins:
        package = machine.home / "modules" / stand_in.module / stand_in.package
        package.mkdir(parents=True)
        for name in ("original.go", "data.txt"):
            (package / name).write_text("as it was", encoding="utf-8")
    machine.program("cp", 'exec /bin/cp "$@"')
    machine.program("go", _GO_WITH_MODULES + _GO % 'cp -r . "$HOME/built-in"')
    return machine.home / "modules"


def test_packages_are_replaced_in_a_copy_of_their_module(machine: FakeMachine) -> None:
    modules = _modules(machine)
    _provide(machine, TRAEFIK)
    assert [file.name for file in machine.places.programs(TRAEFIK).iterdir()] == ["traefik"]
    built_in = machine.home / "built-in"
    for stand_in in TRAEFIK.stand_ins:
        package = built_in / stand_in.module.replace("/", "-") / stand_in.package
        ours = machine.places.modules / "traefik" / stand_in.file
        assert {file.name for file in package.iterdir()} == {ours.name, "data.txt"}
        assert (package / ours.name).read_bytes() == ours.read_bytes()
        left = modules / stand_in.module / stand_in.package / "original.go"
        assert left.exists(), "Go's own copy stays as it was verified"
    replaced = (built_in / "go.mod").read_text(encoding="utf-8").splitlines()[-1]
    assert replaced.count("-replace=") == 2
    assert "-replace=github.com/go-acme/lego/v4=/" in replaced
    sums = (machine.places.modules / "traefik" / "go.sum").read_bytes()
    assert (built_in / "go.sum").read_bytes() == sums, "every other module is verified as always"


def test_a_stand_in_for_a_package_that_is_no_longer_there_is_refused(machine: FakeMachine) -> None:
    modules = _modules(machine)
    (modules / "github.com/traefik/traefik/v3/pkg/plugins/original.go").unlink()
    with pytest.raises(ToolchainError, match=r"traefik 3\.5\.0 has no package plugins for .*plugins\.go to replace"):
        _provide(machine, TRAEFIK)
    assert not machine.places.programs(TRAEFIK).exists()


def test_a_module_that_cannot_be_had_is_told(machine: FakeMachine) -> None:
    machine.program("go", _GO % "" + 'echo "SECURITY ERROR: checksum mismatch"; exit 1')
    with pytest.raises(ToolchainError, match="not what the project pinned"):
        _provide(machine, TRAEFIK)


def test_failed_build_leaves_no_tool_and_keeps_the_finished_one(machine: FakeMachine) -> None:
    machine.program("go", _GO % '[ "${packages##*/}" = kubectl ] && { echo "x.go:1: broken"; exit 1; }')
    with pytest.raises(ToolchainError, match=r"building kubernetes 1\.35\.4 failed(.|\n)*x\.go:1: broken"):
        _provide(machine, PULUMI, KUBERNETES)
    assert machine.places.programs(PULUMI).is_dir()
    assert not machine.places.programs(KUBERNETES).exists()
    assert build.work_folder(machine.places).is_dir(), "the next attempt goes on from Go's own cache"


@pytest.mark.parametrize(
    ("output", "cause"),
    [
        ("dial tcp: lookup proxy: no such host", "network was not reached"),
        ("write: no space left on device", "disk is full"),
        ("compile: signal: killed", "memory ran out"),
        ("SECURITY ERROR: checksum mismatch", "not what the project pinned"),
    ],
)
def test_failed_build_names_cause(machine: FakeMachine, output: str, cause: str) -> None:
    machine.program("go", _GO % f"echo '{output}'; exit 1")
    with pytest.raises(ToolchainError, match=cause):
        _provide(machine, KWOK)


def test_too_little_disk_is_told_before_the_build(machine: FakeMachine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(install, "NEEDED_GIB", 1e9)
    with pytest.raises(ToolchainError, match=r"GiB free, and the build needs .* XDG_CACHE_HOME"):
        _provide(machine, KWOK)
    assert not (machine.home / "runs").exists()


def test_cache_that_cannot_be_written_is_told(machine: FakeMachine) -> None:
    machine.places.cache.parent.joinpath("cache").write_text("a file", encoding="utf-8")
    with pytest.raises(ToolchainError, match="XDG_CACHE_HOME"):
        _provide(machine, KWOK)


def test_go_work_is_dropped_when_everything_is_built(machine: FakeMachine) -> None:
    _provide(machine, PULUMI, KWOK)
    assert not build.work_folder(machine.places).exists()


_DRIVER = """
import sys
from pathlib import Path
from tools.toolchain import install, pins
from tools.toolchain.detect import look
from tools.toolchain.places import Places
environ = {"PATH": sys.argv[1], "HOME": sys.argv[2]}
places = Places(project=Path(sys.argv[3]), cache=Path(sys.argv[4]))
install.provide_tools((pins.KWOK,), look(environ, places), places, environ)
"""


def _start_build(machine: FakeMachine) -> subprocess.Popen[str]:
    places = machine.places
    arguments = [str(machine.programs), str(machine.home), str(places.project), str(places.cache)]
    return subprocess.Popen(
        [sys.executable, "-c", _DRIVER, *arguments], stderr=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]
    )


def _wait_for(file: Path) -> None:
    deadline = time.monotonic() + 20
    while not file.exists():
        assert time.monotonic() < deadline, f"{file.name} did not appear"
        time.sleep(0.02)


def test_killed_build_is_run_again_after_its_compiler_has_ended(machine: FakeMachine) -> None:
    """The compiler outlives the kill; the second run waits for it instead of building beside it."""
    wait = 'n=0; while [ ! -e "$HOME/waited-for" ] && [ $((n+=1)) -lt 400 ]; do sleep 0.05; done'
    machine.program("go", _GO % f'echo half > "${{out}}kwok"; : > "$HOME/started"; {wait}; : > "$HOME/ended"')
    first = _start_build(machine)
    _wait_for(machine.home / "started")
    first.send_signal(signal.SIGKILL)
    first.communicate()
    assert not machine.places.programs(KWOK).exists()

    machine.program("go", _GO % '[ -e "$HOME/ended" ] || { echo "two builds at once"; exit 1; }')
    second = _start_build(machine)
    assert second.stderr is not None
    assert any(f"waiting for process {first.pid}" in line for line in second.stderr)
    (machine.home / "waited-for").touch()
    _, messages = second.communicate(timeout=30)
    assert second.returncode == 0, messages
    assert (machine.places.programs(KWOK) / "kwok").read_text(encoding="utf-8") == "built\n"
    assert not list((machine.places.cache / KWOK.folder).glob(".*.partial"))


def test_interrupt_stops_the_compiler_too(machine: FakeMachine) -> None:
    machine.program("go", _GO % 'echo $$ > "$HOME/pid"; : > "$HOME/started"; exec sleep 60')
    building = _start_build(machine)
    _wait_for(machine.home / "started")
    building.send_signal(signal.SIGINT)
    building.communicate(timeout=10)
    compiler = int((machine.home / "pid").read_text(encoding="utf-8"))
    with pytest.raises(ProcessLookupError):
        os.kill(compiler, 0)


def test_two_checkouts_build_once(machine: FakeMachine) -> None:
    machine.program("go", _GO % "sleep 1")
    both = [_start_build(machine), _start_build(machine)]
    messages = [process.communicate(timeout=30)[1] for process in both]
    assert [process.returncode for process in both] == [0, 0], messages
    assert _runs(machine) == 1


def test_publish_removes_what_an_interruption_left(tmp_path: Path) -> None:
    target = tmp_path / "tool" / "bin"
    left = target.with_name(".bin.partial")
    left.mkdir(parents=True)
    (left / "old").touch()
    store.publish(target, lambda folder: (folder / "new").touch())
    assert [file.name for file in target.iterdir()] == ["new"]
