"""Find the programs that engine tests run: the Pulumi CLI and the binaries of a local control plane."""

import os
import shutil
import sys
from functools import cache
from pathlib import Path

import pytest

from tests.support.paths import ROOT
from tools.toolchain import promtool
from tools.toolchain.pins import ALL_TOOLS
from tools.toolchain.places import find_places

# Machine settings that would make a test depend on who runs it.
_FOREIGN_PREFIXES = ("PULUMI_", "KUBE", "KWOK_", "PYTHON", "VIRTUAL_ENV", "XDG_STATE_HOME")
# Pulumi and the control plane are in Go, and what they do in a test is over before much of their memory could be used
# again: collecting it less often takes a fifth of an API server's start. https://go.dev/doc/gc-guide#GOGC
_COLLECT_SELDOM = {"GOGC": "400"}


def tool_folders() -> list[Path]:
    """The folders that precede PATH: plugin stand-ins, built tools, this interpreter's environment."""
    places = find_places(os.environ)
    stand_ins = [ROOT / "tools" / "offline" / "bin" / kind for kind in ("host", "kubernetes")]
    built = [*(places.programs(tool) for tool in ALL_TOOLS), promtool.programs(places)]
    return [*stand_ins, *(folder for folder in built if folder.is_dir()), Path(sys.prefix) / "bin"]


@cache
def tool_path() -> str:
    """PATH for every program that an engine test starts."""
    return os.pathsep.join([*(str(folder) for folder in tool_folders()), os.environ.get("PATH", os.defpath)])


def require_tool(name: str) -> Path:
    """
    The path of program `name`.

    Where it is absent the test is skipped with the reason, or fails if CI=true, so that CI never passes by skipping.
    """
    found = shutil.which(name, path=tool_path())
    if found is not None:
        return Path(found)
    reason = f"{name} is neither on PATH nor in the toolchain's cache; run `make test`, which builds what is missing"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


def clean_environment() -> dict[str, str]:
    """This process's environment with the tools on PATH and without settings of the user's own Pulumi or cluster."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(_FOREIGN_PREFIXES)}
    return {**kept, **_COLLECT_SELDOM, "PATH": tool_path(), "MODELYARD_PYTHON": sys.executable}
