"""
Run programs in copies of this process, which imports what they import.

`server.py SOCKET` serves the clients beside it (client.py) until its standard input ends. It has no threads, and opens
nothing that must not be copied: it only imports modules, of installed packages, the library and the stand-ins, that an
earlier program imported.
"""

import array
import ast
import gc
import importlib
import importlib.util
import io
import os
import runpy
import select
import signal
import socket
import sys
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn, cast

_STREAMS = 3
_ROOT = Path(__file__).resolve().parents[3]
_LEARNT = (sys.prefix, sys.base_prefix, str(_ROOT / "components"), str(_ROOT / "tools" / "offline"))
"""Where the modules are that it may import: not those of a test's project."""


class _Server:
    def __init__(self, address: str) -> None:
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(address)
        self.listener.listen(64)
        self.children: dict[int, socket.socket] = {}
        """Who asked for which process."""
        self.wanted: list[str] = []
        """Names that programs imported, in their order."""
        self.known: set[str] = set()
        self.lessons, self.lesson = os.pipe()
        os.set_blocking(self.lesson, False)
        self.woken, waker = os.pipe()
        os.set_blocking(waker, False)
        signal.signal(signal.SIGCHLD, _wake)
        signal.set_wakeup_fd(waker, warn_on_full_buffer=False)

    def serve(self) -> dict[str, Any]:
        """Serve until the end; in a copy, return what it is to run."""
        while True:
            askers = {connection: pid for pid, connection in self.children.items()}
            sources = [0, self.woken, self.lessons, self.listener, *askers]
            ready = select.select(sources, [], [], 0.0 if self.wanted else None)[0]
            if 0 in ready and not os.read(0, 1):
                self._end()
            if self.woken in ready:
                os.read(self.woken, 4096)
                self._reap()
            for connection in askers.keys() & set(ready):
                # A client says no more than its request: it is gone.
                _kill(askers[connection])
            if self.lessons in ready:
                self.wanted += os.read(self.lessons, 65536).decode().split()
            if self.listener in ready:
                request = self._accept()
                if request:
                    return request
            elif not ready and self.wanted:
                self._learn(self.wanted.pop(0))

    def _accept(self) -> dict[str, Any] | None:
        connection = self.listener.accept()[0]
        header, passed, _, _ = connection.recvmsg(8, socket.CMSG_SPACE(_STREAMS * 4))
        streams = array.array("i", passed[0][2])
        with connection.makefile("rb") as text:
            request = ast.literal_eval(text.read(int.from_bytes(header, "little")).decode())
        gc.freeze()
        child = os.fork()
        if not child:
            self._become(request, streams, connection)
            return request
        for stream in streams:
            os.close(stream)
        self.children[child] = connection
        _answer(connection, child)
        return None

    def _become(self, request: dict[str, Any], streams: "array.array[int]", connection: socket.socket) -> None:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        # As the engine gives it to a plugin.
        os.setpgid(0, 0)
        for each in (self.listener, connection, *self.children.values()):
            each.close()
        for number, stream in enumerate(streams):
            os.dup2(stream, number)
            os.close(stream)
        os.environ.clear()
        os.environ.update(request["environment"])
        os.chdir(request["folder"])
        sys.addaudithook(self._tell)

    def _tell(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event == "import" and isinstance(arguments[0], str):
            try:
                os.write(self.lesson, f"{arguments[0]}\n".encode())
            except OSError:
                return

    def _learn(self, name: str) -> None:
        if name in self.known or name in sys.modules:
            return
        self.known.add(name)
        sys.path.append(str(_ROOT))
        package, _, module = name.rpartition(".")
        try:
            # Pulumi loads its packages when they are first used: a module imported before would hide its class there.
            getattr(sys.modules.get(package), module, None)
            spec = importlib.util.find_spec(name)
            if spec and (spec.origin or "").startswith(_LEARNT):
                importlib.import_module(name)
        except Exception:  # noqa: BLE001 - what cannot be imported here is imported where it is needed
            return
        finally:
            sys.path.remove(str(_ROOT))

    def _reap(self) -> None:
        for child in list(self.children):
            ended, status = os.waitpid(child, os.WNOHANG)
            if ended:
                with self.children.pop(child) as connection:
                    _answer(connection, os.waitstatus_to_exitcode(status))

    def _end(self) -> NoReturn:
        for child in self.children:
            _kill(child)
        sys.exit()


def _wake(signal_number: int, frame: FrameType | None) -> None:
    """A signal with a handler is one that wakes the server."""


def _answer(connection: socket.socket, number: int) -> None:
    try:
        connection.sendall(f"{number}\n".encode())
    except OSError:
        return


def _kill(child: int) -> None:
    try:
        os.killpg(child, signal.SIGKILL)
    except ProcessLookupError:
        return


def _run(option: str, script: str, *arguments: str) -> None:
    if script == "-c":
        code, *rest = arguments
        sys.argv = [script, *rest]
        exec(compile(code, "<string>", "exec"), {"__name__": "__main__"})
        return
    if option == "-u":
        for stream in (sys.stdout, sys.stderr):
            cast("io.TextIOWrapper", stream).reconfigure(write_through=True)
        sys.path.insert(0, str(Path(script).parent))
    sys.argv = [script, *arguments]
    runpy.run_path(script, run_name="__main__")


if __name__ == "__main__":
    _run(*_Server(sys.argv[1]).serve()["arguments"])
