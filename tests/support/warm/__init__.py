"""A Python that has imported already what programs of tests import.

A Pulumi program and each of its dynamic providers are processes of their own, and most of what such a process does in a
test is to import Pulumi's packages: two to five seconds of a processor, thousands of times. Here they are forked from a
process that has the modules. Everything else is as in a process of its own: arguments, environment, folder, output,
signals, exit code, and an end with whoever started it.
"""

import atexit
import shutil
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

_HERE = Path(__file__).parent


@cache
def warm_environment() -> Path:
    """The folder of a virtual environment like this one, whose Python forks; it lives as long as this process."""
    folder = Path(tempfile.mkdtemp(prefix="modelyard-warm-"))
    real = Path(sys.prefix)
    (folder / "bin").mkdir()
    for file in real.iterdir():
        if file.name != "bin":
            (folder / file.name).symlink_to(file)
    for program in (real / "bin").iterdir():
        if not program.name.startswith("python"):
            (folder / "bin" / program.name).symlink_to(program)
    python = folder / "bin" / "python"
    # Isolated and without site-packages: it starts within 20 ms.
    client = (_HERE / "client.py").read_text(encoding="utf-8")
    python.write_text(f"#!{real / 'bin' / 'python'} -IS\n{client}", encoding="utf-8")
    python.chmod(0o755)
    (folder / "bin" / "python3").symlink_to("python")
    # It ends with its input, which is this process's end at the latest.
    command = [sys.executable, "-P", str(_HERE / "server.py"), str(folder / "socket")]
    atexit.register(_end, subprocess.Popen(command, stdin=subprocess.PIPE), folder)
    return folder


def _end(server: subprocess.Popen[bytes], folder: Path) -> None:
    server.communicate()
    shutil.rmtree(folder)
