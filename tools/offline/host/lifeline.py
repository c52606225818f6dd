"""
End a plugin with its engine.

An engine that ends as it should closes its plugins; one that is killed cannot, and its plugins would stay for ever. The
engine holds the write end of a plugin's standard input as long as it lives and never writes to it, so the end of that
input is the engine's end.

As a script, `python lifeline.py MODULE ARGUMENT…` runs a module as `python -m` does, on a lifeline; it needs the
standard library only.
"""

import os
import runpy
import signal
import stat
import sys
import threading


def hold_on_to_engine() -> None:
    """
    From now on, SIGKILL this process and its group when the engine is gone.

    The engine gives each plugin a process group, so what the plugin started ends too, unless it has a session of its
    own. A plugin that was started by hand, with a terminal or no input, is left alone.
    """
    if stat.S_ISFIFO(os.fstat(0).st_mode):
        threading.Thread(target=_wait_for_end, name="lifeline", daemon=True).start()


def _wait_for_end() -> None:
    while os.read(0, 4096):
        pass
    if os.getpgrp() == os.getpid():
        os.killpg(0, signal.SIGKILL)
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    hold_on_to_engine()
    # `python -m` searches the working directory first, and so do providers that are unpickled from state.
    sys.path[0] = os.getcwd()  # noqa: PTH109 - the module path holds strings
    del sys.argv[0]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
