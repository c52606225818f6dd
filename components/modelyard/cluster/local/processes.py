"""The daemons of a local cluster: found by what they run, never by a process id that may be somebody else's by now."""

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import psutil

from modelyard.cluster.local.folder import LocalClusterError

_KILL_SECONDS = 10
_LOG_LINES = 8


def running(programs: Path) -> dict[str, list[psutil.Process]]:
    """Live processes that were started from the folder `programs`, by program name.

    Each cluster starts its daemons through links in a folder of its own, so that the path of the program tells whose
    they are, also after a restart of the machine and where no process id was ever written down.
    """
    found: dict[str, list[psutil.Process]] = {}
    for process in psutil.process_iter(["cmdline", "status"]):
        arguments = process.info["cmdline"]
        if not arguments or process.info["status"] == psutil.STATUS_ZOMBIE:
            continue
        program = Path(arguments[0])
        if program.parent == programs:
            found.setdefault(program.name, []).append(process)
    return found


def kill(programs: Path) -> None:
    """End every process that was started from `programs`, and wait until they are gone.

    Raises:
        LocalClusterError: one did not end.
    """
    # A program that was just being started is seen by the second look.
    for _ in range(2):
        processes = [process for each in running(programs).values() for process in each]
        for process in processes:
            try:
                process.kill()
            except psutil.NoSuchProcess:
                continue
        _, alive = psutil.wait_procs(processes, timeout=_KILL_SECONDS)
        # A process that nobody waits for is a zombie: it holds no port and no file.
        stuck = [str(process.pid) for process in alive if process.is_running() and process.status() != "zombie"]
        if stuck:
            raise LocalClusterError(f"process {', '.join(stuck)} of {programs} does not end; end it and run again")


def link_programs(programs: Path, targets: Mapping[str, Path]) -> None:
    """Make `programs` hold a link for each program, to where it is on this machine today."""
    programs.mkdir(parents=True, exist_ok=True)
    for name, target in targets.items():
        link = programs / name
        if not link.is_symlink() or link.readlink() != target:
            draft = programs / f".{name}.new"
            draft.unlink(missing_ok=True)
            draft.symlink_to(target)
            draft.replace(link)


def start_daemon(command: Sequence[str | Path], *, log: Path, environment: Mapping[str, str]) -> None:
    """Start a process that outlives this one.

    It has a session of its own, no standard input and a log file, and inherits no other file: whoever waits for our
    output would otherwise wait for the daemon.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    arguments = [str(part) for part in command]
    append = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    files = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, str(log), append, 0o600),
        (os.POSIX_SPAWN_DUP2, 1, 2),
    ]
    os.posix_spawn(arguments[0], arguments, dict(environment), file_actions=files, setsid=True)


def run(command: Sequence[str | Path], *, log: Path, environment: Mapping[str, str], timeout_seconds: int) -> None:
    """Run a command to its end with its output in a file.

    Raises:
        LocalClusterError: it failed or took too long; the message has the last lines of its output.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    what = " ".join(Path(part).name if index == 0 else str(part) for index, part in enumerate(command[:3]))
    with log.open("ab") as output:
        try:
            done = subprocess.run(
                [str(part) for part in command],
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                check=False,
                timeout=timeout_seconds,
                start_new_session=True,
            )
        except subprocess.TimeoutExpired:
            raise LocalClusterError(f"{what} took over {timeout_seconds} seconds; {tail(log)}") from None
    if done.returncode != 0:
        raise LocalClusterError(f"{what} failed with exit code {done.returncode}; {tail(log)}")


def tail(log: Path) -> str:
    """The end of a log file, for messages."""
    try:
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        return f"{log} was never written"
    return f"the end of {log}:\n" + "\n".join(lines[-_LOG_LINES:])


def bare_environment(home: Path) -> dict[str, str]:
    """What daemons get of our environment: where programs are, and no secret or setting of the user."""
    return {"PATH": os.environ.get("PATH", os.defpath), "HOME": str(home)}
