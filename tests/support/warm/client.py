"""What stands in an environment's `bin/python`: asks the server beside it to run a program in this one's place.

What the server does not run, the real Python does.
"""
# ruff: noqa: PTH109, PTH120 - pathlib would double the time it takes

import array
import os
import signal
import socket
import sys

_PYTHON_SETTINGS = ("PYTHONHASHSEED", "PYTHONPATH", "PYTHONWARNINGS", "PYTHONOPTIMIZE", "PYTHONUTF8")


def main() -> None:
    folder = os.path.dirname(os.path.dirname(os.path.realpath(sys.argv[0])))
    arguments = sys.argv[1:]
    if arguments[:1] in (["-P"], ["-u"]) and not any(name in os.environ for name in _PYTHON_SETTINGS):
        try:
            connection = socket.socket(socket.AF_UNIX)
            connection.connect(f"{folder}/socket")
        except OSError:
            pass
        else:
            _follow(connection, arguments)
    os.execv(sys.executable, [sys.executable, *arguments])


def _follow(connection: socket.socket, arguments: list[str]) -> None:
    request = repr({"arguments": arguments, "folder": os.getcwd(), "environment": dict(os.environ)}).encode()
    streams = array.array("i", [0, 1, 2])
    header = len(request).to_bytes(8, "little")
    connection.sendmsg([header], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, streams)])
    connection.sendall(request)
    answers = connection.makefile("r")
    child = int(answers.readline() or 0)
    for passed_on in (signal.SIGINT, signal.SIGTERM):
        signal.signal(passed_on, lambda number, _: os.kill(child, number) if child else None)
    status = answers.readline()
    if not status:
        os.kill(os.getpid(), signal.SIGKILL)
    code = int(status)
    if code < 0:
        signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    os._exit(code)


main()
