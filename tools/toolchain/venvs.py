"""The project's two virtual environments, each with its part of the lock, hashes verified."""

import hashlib
import json
import sys
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tools.toolchain import lockfile
from tools.toolchain.command import run
from tools.toolchain.diagnose import explain
from tools.toolchain.errors import ToolchainError
from tools.toolchain.places import Places
from tools.toolchain.progress import step
from tools.toolchain.store import exclusive

_STAMP = "modelyard-stamp"
_BUILD_BACKEND = "uv-build"


@dataclass(frozen=True, kw_only=True)
class Environment:
    """A virtual environment in the project's root."""

    folder: str
    parts: tuple[str, ...]
    """Which parts of the project it holds, as `lockfile.subset` names them."""
    expectation: str


def run_environment(extras: tuple[str, ...] = ()) -> Environment:
    """Return what runs a stack that takes these extras.

    Pulumi asks for a plugin for every Pulumi package that it finds, so it holds no other cloud's: it is made anew when
    a stack of another kind follows.
    """
    return Environment(
        folder=".venv",
        # What shows the stack's pods is that of local clusters.
        parts=("modelyard", "modelyard:local", *(f"modelyard:{extra}" for extra in extras), _BUILD_BACKEND),
        expectation="about 1 min, 400 MB of disk",
    )


TEST = Environment(
    folder=".venv-test",
    parts=("modelyard", *(f"modelyard:{extra}" for extra in lockfile.EXTRAS), "modelyard:test", _BUILD_BACKEND),
    expectation="about 3 min, 2 GB of disk",
)


def fingerprint(environment: Environment, places: Places) -> str:
    """Return a digest of everything that decides what the environment holds."""
    project = tomllib.loads((places.project / "pyproject.toml").read_text(encoding="utf-8"))
    relevant = {key: project.get(key) for key in ("build-system", "project")}
    relevant["backend"] = project.get("tool", {}).get("uv", {}).get("build-backend")
    subset = lockfile.read_parts(places, environment.parts)
    facts = [relevant, [package.text for package in subset], sys.version, sys.base_prefix, str(places.project)]
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def provide(environment: Environment, places: Places, environ: Mapping[str, str]) -> None:
    """Make the environment, or make it anew when what it holds no longer fits the project."""
    stamp = places.project / environment.folder / _STAMP
    wanted = fingerprint(environment, places)
    if _is_current(stamp, wanted):
        return
    with exclusive(places.state / "venv.lock"):
        if not _is_current(stamp, wanted):
            with step(f"{environment.folder}: Python packages", environment.expectation):
                _make(environment, places, environ)
            stamp.write_text(wanted, encoding="utf-8")


def _is_current(stamp: Path, wanted: str) -> bool:
    return stamp.is_file() and stamp.read_text(encoding="utf-8") == wanted


def _make(environment: Environment, places: Places, environ: Mapping[str, str]) -> None:
    folder = places.project / environment.folder
    python = folder / "bin" / "python"
    # Pulumi's own language host lists packages with pip, so pip stays in.
    answer = run([sys.executable, "-m", "venv", "--clear", folder], environ=environ)
    if not answer.ok:
        raise ToolchainError(
            f"{environment.folder} could not be made with {sys.executable} (on Debian and Ubuntu it needs "
            f"apt-get install python3-venv):\n{answer.output.strip()}"
        )
    wanted = folder / "requirements.txt"
    packages = lockfile.read_parts(places, environment.parts)
    wanted.write_text("\n".join(package.text for package in packages) + "\n", encoding="utf-8")
    pip = [python, "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--no-input"]
    # The library's own build needs its backend only, which is installed with the rest, and so verified too.
    steps = {
        "installing packages": [*pip, "--require-hashes", "--only-binary=:all:", "--requirement", wanted],
        "installing the library": [*pip, "--no-deps", "--no-build-isolation", "--editable", places.project],
    }
    for action, arguments in steps.items():
        answer = run(arguments, environ=_own_python(environ, python.parent))
        if not answer.ok:
            raise ToolchainError(explain(f"{environment.folder}: {action}", answer.output))


def _own_python(environ: Mapping[str, str], programs: Path) -> dict[str, str]:
    # Variables that would lead this Python to other people's packages; the build backend is found on PATH.
    foreign = {"PYTHONPATH", "PYTHONHOME", "PIP_TARGET", "PIP_USER"}
    own = {key: value for key, value in environ.items() if key not in foreign}
    return {**own, "PATH": f"{programs}:{environ.get('PATH', '')}"}
