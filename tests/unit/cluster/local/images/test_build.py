"""How archives come about, against programs that note how they were called: tests/engine builds real ones."""

import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from modelyard.cluster.local.folder import LocalClusterError
from modelyard.cluster.local.images import build, content
from modelyard.cluster.local.images import workshop as workshop_module
from modelyard.cluster.local.images.sources import ImageSource
from modelyard.cluster.local.images.workshop import archive_path, workshop
from tests.support.processes import wait_until
from tests.unit.cluster.local.conftest import MakeProgram

REPOSITORY = "registry.example.org/digits"

# The last argument of push is docker-archive:FILE:REFERENCE; of build, the context.
_BUILDAH = """
echo "buildah $*" >> {calls}
shift 4
case "$1" in
  inspect) exit 1;;
  build) for last; do :; done; (cd "$last" && find . -type f | sort) > {seen};;
  push) for last; do :; done; last=${{last#docker-archive:}}; echo archive > "${{last%%:*}}";;
esac
"""
_DOCKER = """
echo "docker $*" >> {calls}
case "$1" in
  version) echo 28.2.2;;
  build) for last; do :; done; (cd "$last" && find . -type f | sort) > {seen};;
  save) echo archive > "$3";;
esac
"""


class Machine:
    """A machine with buildah and mmdebstrap, and root."""

    def __init__(self, folder: Path, program: MakeProgram, context: Path) -> None:
        self.context = context
        self._calls, self._seen = folder / "calls", folder / "seen"
        self._program = program
        self.program("buildah", _BUILDAH)
        self.program("mmdebstrap", 'echo "mmdebstrap $*" >> {calls}; for last; do :; done; echo base > "$last"')
        self.program("unshare", 'shift 2; exec "$@"')

    def program(self, name: str, script: str) -> None:
        self._program(name, script.format(calls=self._calls, seen=self._seen))

    def source(self) -> ImageSource:
        tag = content.tag(content.entries(self.context), self.context / "Dockerfile")
        return ImageSource(reference=f"{REPOSITORY}:{tag}", context=self.context, dockerfile="Dockerfile")

    def calls(self) -> list[str]:
        return self._calls.read_text(encoding="utf-8").splitlines() if self._calls.exists() else []

    def seen(self) -> list[str]:
        """The files that the builder was given."""
        return self._seen.read_text(encoding="utf-8").split()


@pytest.fixture
def machine(tmp_path: Path, program: MakeProgram, context: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    monkeypatch.setattr("os.geteuid", lambda: 0)
    return Machine(tmp_path, program, context)


def problems(machine: Machine) -> list[str]:
    return [str(problem) for problem in build.problems(machine.source())]


def test_without_docker_buildah_builds_on_a_base_that_is_made_first(
    machine: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    archive = build.provide_archive(machine.source())
    assert capsys.readouterr().err.splitlines() == [
        f"{machine.source().reference}: building it with buildah",
        "making a base that stands for python:3.11-slim-bookworm from Debian's packages, about a minute",
    ]
    assert archive.read_text(encoding="utf-8") == "archive\n"
    calls = [call.split("/run ", 1)[-1] for call in machine.calls()]
    assert [call.split()[0] for call in calls] == [
        *("rm", "rmi", "inspect", "mmdebstrap", "from", "add", "config", "commit"),
        *("build", "push", "rmi"),
    ]
    assert "--include=ca-certificates,python3,python3-pip" in calls[3]
    assert calls[7].endswith("docker.io/library/python:3.11-slim-bookworm")
    assert "--pull-never" in calls[8]
    assert f"--tag {machine.source().reference} " in calls[8]


def test_a_base_that_is_there_is_not_made_again(machine: Machine) -> None:
    machine.program("buildah", _BUILDAH.replace("exit 1", "exit 0"))
    build.provide_archive(machine.source())
    assert not any("mmdebstrap" in call for call in machine.calls())


def test_bases_of_another_recipe_are_forgotten(machine: Machine, cache: Path) -> None:
    (cache / "storage-0").mkdir(parents=True)
    build.provide_archive(machine.source())
    assert not (cache / "storage-0").exists()


def test_where_docker_answers_it_builds_and_keeps_no_name(machine: Machine) -> None:
    machine.program("docker", _DOCKER)
    archive, reference = build.provide_archive(machine.source()), machine.source().reference
    assert archive.read_text(encoding="utf-8") == "archive\n"
    _, building, saving, removing = machine.calls()
    assert building.startswith("docker build --file ")
    assert f" --tag {reference} " in building
    assert saving.endswith(reference)
    assert removing == f"docker image rm {reference}"


@pytest.mark.parametrize("docker", [True, False], ids=["docker", "buildah"])
def test_a_build_sees_a_copy_without_what_is_ignored(machine: Machine, docker: bool) -> None:
    if docker:
        machine.program("docker", _DOCKER)
    (machine.context / ".dockerignore").write_text("package\n", encoding="utf-8")
    build.provide_archive(machine.source())
    assert machine.seen() == ["./Dockerfile", "./serve.py"]
    assert not any(f" {machine.context}" in call for call in machine.calls())


def test_wheels_are_downloaded_once_and_given_to_the_build_only(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, program: MakeProgram
) -> None:
    python = program(
        "python",
        f"""echo "python $*" >> {machine.context.parent}/calls
        for last; do :; done; echo wheel > "$last/six.whl" """,
    )
    monkeypatch.setattr(sys, "executable", str(python))
    (machine.context / "requirements.txt").write_text("six==1.16.0 --hash=sha256:00\n", encoding="utf-8")
    build.provide_archive(machine.source())
    assert machine.seen() == [
        *("./Dockerfile", "./package/model.py", "./requirements.txt", "./serve.py", "./wheels/six.whl"),
    ]
    assert not (machine.context / "wheels").exists()
    [download] = [call for call in machine.calls() if call.startswith("python")]
    for option in (
        "--require-hashes",
        "--only-binary=:all:",
        "--python-version=3.11",
        "manylinux_2_17_",
        "manylinux2014_",
    ):
        assert option in download

    (machine.context / "serve.py").write_text("print('other')\n", encoding="utf-8")
    build.provide_archive(machine.source())
    assert len([call for call in machine.calls() if call.startswith("python")]) == 1


def test_unchanged_content_is_not_built_again(machine: Machine) -> None:
    first = build.provide_archive(machine.source())
    done = machine.calls()
    assert build.provide_archive(machine.source()) == first
    assert machine.calls() == done


def test_a_failed_build_is_shown_and_leaves_no_archive(machine: Machine) -> None:
    machine.program("buildah", _BUILDAH.replace("push) ", 'push) echo "no space left" >&2; exit 3; '))
    with pytest.raises(LocalClusterError, match=r"(?s)buildah push failed with exit code 3.*no space left"):
        build.provide_archive(machine.source())
    assert not archive_path(machine.source().reference).exists()


def test_a_context_that_changes_meanwhile_is_refused(machine: Machine) -> None:
    source = machine.source()
    (machine.context / "serve.py").write_text("print('other')\n", encoding="utf-8")
    with pytest.raises(LocalClusterError, match=r"was changed after the update had begun.*run the update again"):
        build.provide_archive(source)
    assert not machine.calls()


def test_builders_get_no_secret_of_the_stack(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", "horse battery")
    machine.program("buildah", _BUILDAH + "\nenv >> {calls}")
    build.provide_archive(machine.source())
    assert "STORAGE_DRIVER=vfs" in machine.calls()
    assert not any("horse" in line for line in machine.calls())


def test_a_machine_that_can_build_has_no_problem(machine: Machine) -> None:
    assert problems(machine) == []


def test_wheels_take_a_pip(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "find_spec", lambda _: None)  # pyright: ignore[reportUnknownArgumentType, reportUnknownLambdaType]
    assert problems(machine) == [], "without a list of packages nothing is downloaded"
    (machine.context / "requirements.txt").write_text("", encoding="utf-8")
    [problem] = problems(machine)
    assert "pip, which downloads them, is not installed" in problem


def test_what_is_missing_without_docker_is_refused(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    assert problems(machine) == ["Docker does not answer, and only root can build images without it; start Docker"]
    (tmp_path / "programs" / "mmdebstrap").unlink()
    monkeypatch.setenv("PATH", str(tmp_path / "programs"))
    assert problems(machine) == [
        "Docker does not answer, and mmdebstrap is not on PATH; apt-get install buildah mmdebstrap, or start Docker"
    ]
    machine.program("docker", _DOCKER)
    assert problems(machine) == []


def test_a_base_that_cannot_be_made_is_refused_unless_docker_answers(machine: Machine) -> None:
    (machine.context / "Dockerfile").write_text("FROM node:22\n", encoding="utf-8")
    [problem] = problems(machine)
    assert problem.startswith("dockerfile: FROM 'node:22' takes Docker, which does not answer")
    assert "python:3.11-slim-bookworm" in problem
    machine.program("docker", _DOCKER)
    assert problems(machine) == []


def test_an_image_that_was_built_has_no_problem(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    build.provide_archive(machine.source())
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    assert problems(machine) == []


def test_the_last_archives_of_an_image_are_kept(machine: Machine) -> None:
    archives: list[Path] = []
    for number in range(5):
        (machine.context / "serve.py").write_text(f"print({number})\n", encoding="utf-8")
        archives.append(build.provide_archive(machine.source()))
        time.sleep(0.01)
    assert [archive.exists() for archive in archives] == [False, False, True, True, True]


_HOLDER = """
import sys, time
from modelyard.cluster.local.images.workshop import workshop
with workshop() as held:
    (held.scratch / "half").write_text("half")
    print("held", flush=True)
    held.run("sleep", sys.argv[1], what="sleeping")
"""


def _holder(seconds: str) -> subprocess.Popen[str]:
    process = subprocess.Popen([sys.executable, "-c", _HOLDER, seconds], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_a_killed_build_is_waited_for_and_its_rest_removed(cache: Path) -> None:
    """The program that it had started goes on; a second one beside it would work in the same storage."""
    process = _holder("1.5")
    holder = psutil.Process(process.pid)
    wait_until(lambda: bool(holder.children()), "the program that it starts")
    [program] = holder.children()
    process.kill()
    process.communicate()
    with workshop() as held:
        # Locks are let go of a moment before the end.
        wait_until(lambda: _has_ended(program), "the end of the program, which is now", 0.3)
        assert list(held.scratch.iterdir()) == []
    assert not (cache / "scratch").exists()


def _has_ended(process: psutil.Process) -> bool:
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def test_a_build_that_takes_too_long_ends_with_all_that_it_has_started(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workshop_module, "_COMMAND_SECONDS", 0.5)
    with pytest.raises(LocalClusterError, match=r"building took over 0\.5 seconds"), workshop() as held:
        held.run("sh", "-c", "sleep 61.75 & sleep 61.75", what="building")
    start = time.monotonic()
    with workshop():
        assert time.monotonic() - start < 5, "its child still holds the lock"


def test_half_an_archive_is_never_found(cache: Path) -> None:
    def fail(draft: Path) -> None:
        draft.write_text("half", encoding="utf-8")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), workshop() as held:
        held.keep(cache / "archives" / "a.tar", fail)
    assert [path.name for path in cache.rglob("*") if path.is_file()] == ["lock"]
