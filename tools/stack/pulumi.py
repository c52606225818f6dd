"""The Pulumi command line, for one stack."""

import json
import signal
import subprocess
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import Any


class PulumiFailedError(Exception):
    """A command failed; it has shown its errors itself, or they are in the message."""

    def __init__(self, status: int, message: str = "") -> None:
        """Keep the exit status, which becomes ours."""
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, kw_only=True)
class Stack:
    """A stack of the project in the current folder."""

    name: str

    def show(self, *arguments: str) -> None:
        """
        Run a command in the terminal.

        Raises:
            PulumiFailedError: it failed, or was interrupted.
        """
        with subprocess.Popen(["pulumi", *arguments, "--stack", self.name]) as process, _passing_signals(process):
            status = process.wait()
        if status != 0:
            raise PulumiFailedError(128 - status if status < 0 else status)

    def ask(self, *arguments: str) -> str:
        """Run a command for its output; raise PulumiFailedError with what it said when it fails."""
        return ask(*arguments, "--stack", self.name)

    def exists(self) -> bool:
        """Return whether the backend has this stack."""
        # Stacks of other organizations are listed with their whole name.
        names = {entry["name"] for entry in json.loads(ask("stack", "ls", "--json"))}
        return bool({self.name, self.name.rsplit("/", 1)[-1]} & names)

    def export(self, *, show_secrets: bool = False) -> dict[str, Any]:
        """Return the stack's state, as `pulumi stack export` gives it."""
        return json.loads(self.ask("stack", "export", *(["--show-secrets"] if show_secrets else [])))

    def replace_state(self, exported: Mapping[str, Any]) -> None:
        """Give the stack another state."""
        ask("stack", "import", "--stack", self.name, text=json.dumps(exported))


def ask(*arguments: str, text: str = "") -> str:
    """Run a command on `text` for its output; raise PulumiFailedError with what it said when it fails."""
    answer = subprocess.run(
        ["pulumi", *arguments, "--non-interactive"],
        capture_output=True,
        text=True,
        input=text,
        check=False,
    )
    if answer.returncode != 0:
        raise PulumiFailedError(answer.returncode, answer.stderr.strip())
    return answer.stdout


@contextmanager
def _passing_signals(process: subprocess.Popen[bytes]) -> Generator[None]:
    """
    Leave Ctrl-C to Pulumi, which cancels in good order, and pass on what only this process gets.

    The terminal sends Ctrl-C to both; a handler, and not SIG_IGN, so that Pulumi does not inherit the ignoring.
    """

    def leave(_number: int, _frame: FrameType | None) -> None:
        pass

    def pass_on(number: int, _frame: FrameType | None) -> None:
        process.send_signal(number)

    previous = {
        signal.SIGINT: signal.signal(signal.SIGINT, leave),
        signal.SIGTERM: signal.signal(signal.SIGTERM, pass_on),
    }
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
