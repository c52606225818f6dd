"""
Run one Pulumi program in this process: the part that Pulumi ships as `pulumi-language-python-exec`.

Started by the language host with the Python of the project's virtual environment, so it imports nothing but the SDK. It
takes one argument, a JSON object (see `Arguments`), and the configuration from `PULUMI_CONFIG` and
`PULUMI_CONFIG_SECRET_KEYS`.
Exit codes: 0, the program's own, or `SHOWN` when the user has been shown what is wrong.
"""

import asyncio
import io
import json
import logging
import os
import runpy
import sys
import traceback
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import NoReturn, TypedDict, cast

try:
    import pulumi
    import pulumi.runtime
except ImportError:
    traceback.print_exc()
    print(
        f"The Pulumi SDK cannot be imported by {sys.executable}. "
        "Install the project's dependencies into the environment that runtime.options.virtualenv in Pulumi.yaml names.",
        file=sys.stderr,
    )
    sys.exit(1)

SHOWN = 32
"""The exit code that tells the host to add no error of its own; Pulumi's own host has the same."""

_STANDARD_LIBRARY = Path(asyncio.__file__).parent.parent
_SDK = f"{Path(pulumi.__file__).parent}{os.sep}"
_HOST = (
    __file__,
    f"{_STANDARD_LIBRARY / 'asyncio'}{os.sep}",
    f"{_STANDARD_LIBRARY / 'concurrent'}{os.sep}",
    runpy.__file__,
    "<frozen ",
)
"""Where the code lies that stands between the engine and a program."""


class Arguments(TypedDict):
    """What the engine asked for."""

    program: str
    """Entry point relative to `pwd`: a folder with `__main__.py`, or a file."""
    arguments: list[str]
    pwd: str
    root_directory: str
    project: str
    stack: str
    organization: str
    monitor: str
    engine: str
    parallel: int
    dry_run: bool


def main(request: Arguments) -> int:
    """Run the program and return the exit code."""
    _configure(request)
    # What a program prints reaches the engine line by line as it happens, although standard output is a pipe.
    cast("io.TextIOWrapper", sys.stdout).reconfigure(line_buffering=True)
    sys.argv = [request["program"], *request["arguments"]]
    os.chdir(request["pwd"])
    # An update that fails leaves unawaited futures behind by design; asyncio would report each of them.
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    loop.set_default_executor(ThreadPoolExecutor(max_workers=max(request["parallel"], 1) * 4))
    try:
        loop.run_until_complete(pulumi.runtime.run_in_stack(lambda: _execute(request["program"])))
    except KeyboardInterrupt:
        _leave()
    except pulumi.RunError as error:
        pulumi.log.error(str(error))
        return 1
    except Exception as error:  # noqa: BLE001 - whatever a program raises is shown to its author
        pulumi.log.error(describe(error))
        return SHOWN
    finally:
        _finish(loop)
    return 0


def describe(error: Exception) -> str:
    """The message for an uncaught exception: a traceback that begins in the user's code, for its causes too."""
    seen: set[int] = set()
    chain: list[BaseException | None] = [error]
    while chain:
        link = chain.pop()
        if link is None or id(link) in seen:
            continue
        seen.add(id(link))
        link.__traceback__ = _from_user_code(link.__traceback__)
        chain += [link.__cause__, link.__context__]
    return "Program failed with an unhandled exception:\n" + "".join(traceback.format_exception(error))


def _configure(request: Arguments) -> None:
    pulumi.runtime.set_all_config(pulumi.runtime.get_config_env(), pulumi.runtime.get_config_secret_keys_env())
    pulumi.runtime.configure(
        pulumi.runtime.Settings(
            project=request["project"],
            stack=request["stack"],
            monitor=request["monitor"],
            engine=request["engine"],
            parallel=request["parallel"],
            dry_run=request["dry_run"],
            organization=request["organization"],
            root_directory=request["root_directory"],
        )
    )


def _execute(program: str) -> None:
    if Path(program).is_dir() and not (Path(program) / "__main__.py").exists():
        pulumi.log.error(f"unable to find main python program `__main__.py` in `{Path(program).resolve()}`")
        sys.exit(SHOWN)
    try:
        runpy.run_path(program, run_name="__main__")
    except KeyboardInterrupt:
        _leave()


def _from_user_code(trace: TracebackType | None) -> TracebackType | None:
    """`trace` from its first frame in the user's code on; without one, what comes after the last frame of the host."""
    first_after_host = trace
    position = trace
    while position is not None:
        file = position.tb_frame.f_code.co_filename
        if not file.startswith((*_HOST, _SDK)):
            return position
        if file.startswith(_HOST):
            first_after_host = position.tb_next
        position = position.tb_next
    return first_after_host


def _leave() -> NoReturn:
    """
    End a program that the engine cancelled; the engine says so itself.

    At once: the SDK would wait for calls under way, which a cancelled engine does not answer.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(SHOWN)


def _finish(loop: asyncio.AbstractEventLoop) -> None:
    if pending := asyncio.all_tasks(loop):
        for task in pending:
            task.cancel()
        loop.run_until_complete(asyncio.gather(*pending, return_exceptions=True))
    loop.run_until_complete(loop.shutdown_default_executor())
    loop.close()
    sys.stdout.flush()
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main(json.loads(sys.argv[1])))
