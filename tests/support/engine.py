"""Run Pulumi programs with the real CLI, each project with a home, a backend and a stack of its own."""

import json
import shutil
import signal
import subprocess
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import yaml

from tests.support.processes import Process, kill_all, processes_with, wait_until
from tests.support.toolchain import clean_environment, require_tool
from tests.support.update import Result, read_events
from tests.support.warm import warm_environment

PASSPHRASE = "correct horse battery staple"
STACK = "test"


class RunningUpdate:
    """A CLI command under way in the background."""

    def __init__(self, process: subprocess.Popen[bytes], command: str, folder: Path) -> None:
        """Take over `process`, which writes `stdout`, `stderr` and `events.jsonl` in `folder`."""
        self.process = process
        self._command = command
        self._folder = folder
        self._started = time.monotonic()

    @property
    def events(self) -> list[dict[str, Any]]:
        """The engine's events so far."""
        return read_events(self._folder / "events.jsonl")

    @property
    def text(self) -> str:
        """What the command has printed so far, errors last."""
        return self._read("stdout") + self._read("stderr")

    def wait_for(self, text: str, timeout_seconds: float = 60) -> None:
        """Wait until a message of the engine or the printed text holds `text`."""

        def seen() -> bool:
            assert self.process.poll() is None or text in self._everything(), f"{text!r} never came:\n{self.text}"
            return text in self._everything()

        wait_until(seen, f"{text!r} in the output of {self._command}", timeout_seconds)

    def kill(self) -> None:
        """SIGKILL the engine's own process and nothing else, as a crash would."""
        self.process.kill()
        self.process.wait()

    def interrupt(self) -> None:
        """SIGINT to the engine, as one Ctrl-C in a terminal sends it."""
        self.process.send_signal(signal.SIGINT)

    def wait(self, timeout_seconds: float = 300) -> Result:
        """Wait for the command to end."""
        exit_code = self.process.wait(timeout_seconds)
        return Result(
            command=self._command,
            exit_code=exit_code,
            stdout=self._read("stdout"),
            stderr=self._read("stderr"),
            events=self.events,
            seconds=time.monotonic() - self._started,
        )

    def _everything(self) -> str:
        log = self._folder / "events.jsonl"
        return self.text + (log.read_text(encoding="utf-8") if log.exists() else "")

    def _read(self, name: str) -> str:
        return (self._folder / name).read_text(encoding="utf-8", errors="replace")


class PulumiProject:
    """
    A Pulumi project under test, with its own `PULUMI_HOME`, file backend, passphrase and stack `test`.

    Every method that runs the CLI raises AssertionError with the CLI's output where it does not end as expected.
    """

    def __init__(
        self,
        folder: Path,
        scratch: Path,
        *,
        stack: str = STACK,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """
        Open the project whose `Pulumi.yaml` is in `folder`; home, backend and logs go to `scratch`, outside of it.

        `environment` is added to the CLI's, last.
        """
        self.folder = folder
        self.stack = stack
        self._scratch = scratch
        self._pulumi = str(require_tool("pulumi"))
        self._runs = 0
        self._home = scratch / "home"
        backend = scratch / "backend"
        for needed in (self._home, backend):
            needed.mkdir(parents=True, exist_ok=True)
        # Where this is no folder, Pulumi does not log all that it does: a third to a half of its processor time.
        (self._home / "logs").touch()
        self.environment = {
            **clean_environment(),
            "PULUMI_HOME": str(self._home),
            "PULUMI_BACKEND_URL": backend.as_uri(),
            "PULUMI_CONFIG_PASSPHRASE": PASSPHRASE,
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            # The event log is a debugging flag of the CLI.
            "PULUMI_DEBUG_COMMANDS": "true",
            # A plugin that is not on PATH is an error at once, never a download.
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
            # The stand-ins of providers run like the program.
            "MODELYARD_PYTHON": str(folder / self._settings["runtime"]["options"]["virtualenv"] / "bin" / "python"),
            "XDG_STATE_HOME": str(scratch / "state"),
            **(environment or {}),
        }
        self.run("stack", "select", "--create", stack)

    @property
    def state_folder(self) -> Path:
        """`XDG_STATE_HOME` of every command: where local clusters keep their data."""
        return Path(self.environment["XDG_STATE_HOME"])

    @property
    def main(self) -> Path:
        """The folder of the program: `main` of Pulumi.yaml, or the project's own."""
        return self.folder / self._settings.get("main", ".")

    @property
    def _settings(self) -> dict[str, Any]:
        return yaml.safe_load((self.folder / "Pulumi.yaml").read_text(encoding="utf-8"))

    def write(self, program: str) -> None:
        """Replace the program, `__main__.py` of the folder `main`."""
        (self.main / "__main__.py").write_text(program, encoding="utf-8")
        # Python takes two texts of one length that were written in one second for the same.
        shutil.rmtree(self.main / "__pycache__", ignore_errors=True)

    def set_config(self, values: Mapping[str, str] | None = None, secrets: Mapping[str, str] | None = None) -> None:
        """Set plain and secret configuration values; a key without a namespace is the project's own."""
        plain = [part for key, value in (values or {}).items() for part in ("--plaintext", f"{key}={value}")]
        secret = [part for key, value in (secrets or {}).items() for part in ("--secret", f"{key}={value}")]
        self.run("config", "set-all", *plain, *secret)

    def up(self, *arguments: str, fails: bool = False) -> Result:
        """`pulumi up` without the preview before it."""
        return self._update("up", "--skip-preview", "--yes", *arguments, fails=fails)

    def preview(self, *arguments: str, fails: bool = False) -> Result:
        """`pulumi preview`."""
        return self._update("preview", *arguments, fails=fails)

    def refresh(self, *arguments: str, fails: bool = False) -> Result:
        """`pulumi refresh` without the preview before it."""
        return self._update("refresh", "--skip-preview", "--yes", *arguments, fails=fails)

    def destroy(self, *arguments: str, fails: bool = False) -> Result:
        """`pulumi destroy` without the preview before it."""
        return self._update("destroy", "--skip-preview", "--yes", *arguments, fails=fails)

    def start(self, operation: str, *arguments: str) -> RunningUpdate:
        """Start `up`, `preview`, `refresh` or `destroy` in the background; arguments are the CLI's (`--yes`…)."""
        self._runs += 1
        folder = self._scratch / "runs" / f"{self._runs:03}-{operation}"
        folder.mkdir(parents=True)
        command = [
            *(self._pulumi, operation, "--stack", self.stack, "--cwd", str(self.folder)),
            *("--non-interactive", "--color", "never", "--event-log", str(folder / "events.jsonl")),
            *arguments,
        ]
        with (folder / "stdout").open("wb") as stdout, (folder / "stderr").open("wb") as stderr:
            process = subprocess.Popen(
                command,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=stderr,
                start_new_session=True,
            )
        return RunningUpdate(process, f"pulumi {operation} {' '.join(arguments)}", folder)

    def run(self, *arguments: str, fails: bool = False) -> Result:
        """Any other CLI command, such as `run("stack", "output", "--json")`; its `events` are empty."""
        started = time.monotonic()
        done = subprocess.run(
            [self._pulumi, *arguments, "--cwd", str(self.folder), "--non-interactive", "--color", "never"],
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            check=False,
        )
        result = Result(
            command=f"pulumi {' '.join(arguments)}",
            exit_code=done.returncode,
            stdout=done.stdout,
            stderr=done.stderr,
            events=[],
            seconds=time.monotonic() - started,
        )
        return _expect(result, fails=fails)

    def outputs(self, *, show_secrets: bool = False) -> dict[str, Any]:
        """The stack's outputs; a secret one is `[secret]` unless `show_secrets`."""
        secrets = ["--show-secrets"] if show_secrets else []
        return json.loads(self.run("stack", "output", "--json", "--stack", self.stack, *secrets).stdout)

    def export(self) -> dict[str, Any]:
        """The stack's state as `pulumi stack export` prints it: secrets encrypted."""
        return json.loads(self.run("stack", "export", "--stack", self.stack).stdout)

    def resources(self) -> list[dict[str, Any]]:
        """The resources in the stack's state, the root stack and providers included; empty after a destroy."""
        return self.export()["deployment"].get("resources") or []

    def processes(self) -> list[Process]:
        """Live processes that were started by, or under, one of this project's commands."""
        return processes_with(f"PULUMI_HOME={self._home}")

    def close(self) -> None:
        """End whatever a test left running."""
        kill_all(f"PULUMI_HOME={self._home}")

    def _update(self, operation: str, *arguments: str, fails: bool) -> Result:
        return _expect(self.start(operation, *arguments).wait(), fails=fails)


class MakeProject(Protocol):
    """Make a project from a program's text in a folder of its own."""

    def __call__(
        self,
        program: str,
        *,
        settings: Mapping[str, Any] | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> PulumiProject: ...


@contextmanager
def projects(base: Path, virtualenv: str | None = None) -> Generator[MakeProject]:
    """
    Make projects in `base`; what they left running is killed afterwards, their stacks are not destroyed.

    `virtualenv` is that of `write_project`.
    """
    made: list[PulumiProject] = []

    def make(
        program: str, *, settings: Mapping[str, Any] | None = None, environment: Mapping[str, str] | None = None
    ) -> PulumiProject:
        folder = base / f"project-{len(made)}"
        write_project(folder / "program", program, settings=settings, virtualenv=virtualenv)
        made.append(PulumiProject(folder / "program", folder / "scratch", environment=environment))
        return made[-1]

    try:
        yield make
    finally:
        for project in made:
            project.close()


def write_project(
    folder: Path,
    program: str,
    *,
    name: str = "proj",
    settings: Mapping[str, Any] | None = None,
    virtualenv: str | None = None,
) -> None:
    """Write `Pulumi.yaml` and `__main__.py`.

    Args:
        folder: where to.
        program: the text of `__main__.py`.
        name: the project's.
        settings: further keys of Pulumi.yaml (`main`, `config`…).
        virtualenv: whose Python runs it; by default the one that has what programs of tests import.
    """
    folder.mkdir(parents=True, exist_ok=True)
    options = {"toolchain": "pip", "virtualenv": virtualenv or str(warm_environment())}
    project = {"name": name, "runtime": {"name": "python", "options": options}, **(settings or {})}
    (folder / "Pulumi.yaml").write_text(yaml.safe_dump(project), encoding="utf-8")
    main = folder / str(project.get("main", "."))
    main.mkdir(parents=True, exist_ok=True)
    (main / "__main__.py").write_text(program, encoding="utf-8")


def _expect(result: Result, *, fails: bool) -> Result:
    wanted = "a failure" if fails else "success"
    assert (result.exit_code != 0) == fails, f"wanted {wanted}; {result.summary}\n{result.text}"
    return result
