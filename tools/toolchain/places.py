"""Where things are: the project, the user's cache and the folders inside both."""

import os
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tools.toolchain.errors import ToolchainError
from tools.toolchain.pins import MODULES, Tool

_SYSTEMS = {"Linux": "linux", "Darwin": "darwin"}
_MACHINES = {"x86_64": "amd64", "amd64": "amd64", "arm64": "arm64", "aarch64": "arm64"}


@dataclass(frozen=True, kw_only=True)
class Places:
    """The folders that the toolchain reads and writes."""

    project: Path
    """The checkout, with pyproject.toml."""
    cache: Path
    """This user's tools for this operating system and processor, shared by all checkouts."""

    @property
    def lock_list(self) -> Path:
        """Every Python package with its version and hashes."""
        return self.project / "requirements.lock"

    @property
    def modules(self) -> Path:
        """The go.mod and go.sum of each tool that is built."""
        return MODULES

    @property
    def stand_ins(self) -> Path:
        """One folder for each stand-in, for PATH."""
        return self.project / "tools" / "offline" / "bin"

    @property
    def state(self) -> Path:
        """Pulumi's home and backend of this checkout."""
        return self.project / ".pulumi"

    def programs(self, tool: Tool) -> Path:
        """Return the folder of a tool's executables; it exists only when the tool is complete."""
        return self.cache / tool.folder / "bin"


def find_places(environ: Mapping[str, str]) -> Places:
    """Return the places for this machine; raise ToolchainError where no tool is known to build."""
    system, machine = _SYSTEMS.get(platform.system()), _MACHINES.get(platform.machine().lower())
    if system is None or machine is None:
        raise ToolchainError(
            f"this machine is {platform.system()} on {platform.machine()}: the toolchain supports Linux and macOS "
            "on amd64 and arm64; on Windows, work inside WSL"
        )
    base = environ.get("XDG_CACHE_HOME", "")
    # The base directory specification has relative paths ignored.
    root = Path(base) if Path(base).is_absolute() else Path(environ.get("HOME") or Path.home()) / ".cache"
    return Places(
        project=Path(__file__).resolve().parents[2],
        cache=root / "modelyard" / "toolchain" / f"{system}-{machine}",
    )


def without_our_folders(path: str, places: Places) -> str:
    """Return a PATH without the folders that `environment` adds, so that only what is installed is found on it."""
    ours = (places.cache, places.stand_ins)
    return os.pathsep.join(
        entry for entry in path.split(os.pathsep) if entry and not any(Path(entry).is_relative_to(own) for own in ours)
    )
