"""
The toolchain's commands, which the Makefile calls.

    run | test | check [-- COMMAND ...]   provide what a stack, the tests or the checks need, then become COMMAND
    run --stack NAME [-- COMMAND ...]     likewise what this stack needs; without a name, what a local one does
    env                                   print the variables for a shell, building nothing
    show                                  tell which programs are used
    lock [--check]                        write requirements.lock, or fail when it does not fit pyproject.toml
"""

import os
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

from tools.toolchain import install, lockfile, stacks
from tools.toolchain.detect import Machine, look
from tools.toolchain.environment import as_shell, variables
from tools.toolchain.errors import ToolchainError
from tools.toolchain.places import Places, find_places
from tools.toolchain.progress import say

_Provide = Callable[[Machine, Places, Mapping[str, str]], None]
_PROVIDERS: dict[str, _Provide] = {
    "run": install.provide_for_run,
    "test": install.provide_for_tests,
    "check": install.provide_for_check,
}


def main(arguments: Sequence[str]) -> int:
    """Run one command; return the exit status."""
    try:
        return _dispatch(list(arguments), dict(os.environ))
    except ToolchainError as error:
        say(f"error: {error}")
        return 1
    except OSError as error:
        say(f"error: {error.filename or 'a file'}: {error.strerror}; check the disk's space and the folder's owner")
        return 1
    except KeyboardInterrupt:
        say("stopped; run the same command again, and it goes on from here")
        return 130


def _dispatch(arguments: list[str], environ: dict[str, str]) -> int:
    places = find_places(environ)
    match arguments:
        case ["lock"]:
            lockfile.compile_lock(places, environ, places.lock_list)
        case ["lock", "--check"]:
            with tempfile.TemporaryDirectory() as scratch:
                lockfile.check_lock(places, environ, Path(scratch))
        case ["env"]:
            print(as_shell(variables(environ, look(environ, places), places)))
        case ["show"]:
            install.tell(look(environ, places), places)
        case ["run", "--stack", stack, *rest] if rest[:1] in ([], ["--"]):
            kind, gateway = stacks.kind_of(stack, places), stacks.has_gateway(stack, places)
            provide = partial(install.provide_for_run, kind=kind, gateway=gateway)
            _provide(provide, places, environ, rest[1:])
        case [command, *rest] if command in _PROVIDERS and rest[:1] in ([], ["--"]):
            _provide(_PROVIDERS[command], places, environ, rest[1:])
        case _:
            print(__doc__, file=sys.stderr)
            return 2
    return 0


def _provide(provide: _Provide, places: Places, environ: dict[str, str], command: list[str]) -> None:
    machine = look(environ, places)
    provide(machine, places, environ)
    if command:
        _become(command, {**environ, **variables(environ, machine, places)})


def _become(command: list[str], environ: Mapping[str, str]) -> None:
    # Replaces this process, so that Ctrl-C and the exit status are the command's own.
    os.execvpe(command[0], command, dict(environ))  # noqa: S606 - no shell is wanted
