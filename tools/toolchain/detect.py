"""What is installed on this machine and new enough to be used."""

import os
import platform
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tools.toolchain.command import run
from tools.toolchain.pins import ALL_TOOLS, KUBERNETES, KUBERNETES_NODE, MIN_GO, PULUMI, Program, Tool, Version
from tools.toolchain.places import Places, without_our_folders

PROBE_SECONDS = 5.0
"""Longest wait for a program's version or for Docker: a stopped one answers at once, a hung one never."""

_SAME_VERSION = frozenset({KUBERNETES.name, KUBERNETES_NODE.name})
"""A kubelet must not be newer than its API server, so both are installed, or both are ours.
Source: https://kubernetes.io/releases/version-skew-policy/#kubelet"""

_VERSION = re.compile(r"v?(\d+)\.(\d+)(?:\.(\d+))?")


@dataclass(frozen=True, kw_only=True)
class Machine:
    """What was found."""

    path: str
    """PATH without the toolchain's own folders."""
    installed: frozenset[str]
    """Names of the tools that are installed, whole and new enough."""
    language_host: bool
    """Whether the installed Pulumi brings its Python language host."""
    kind: bool
    """Whether kind is installed and Docker answers."""
    linux_root: bool
    """Whether this is Linux, and the user is root: what a node that runs containers takes without Docker."""

    @property
    def real_node(self) -> bool:
        """Whether a local stack may choose a node of this machine itself: kind is preferred to it."""
        return self.linux_root and not self.kind


def version_in(text: str) -> Version | None:
    """Return the first version number in a program's output."""
    match = _VERSION.search(text)
    return (int(match[1]), int(match[2]), int(match[3] or 0)) if match else None


def _is_usable(program: Program, minimum: Version, environ: Mapping[str, str]) -> bool:
    found = shutil.which(program.name, path=environ["PATH"])
    if found is None:
        return False
    answer = run([found, *program.version_args], environ=environ, timeout_seconds=PROBE_SECONDS)
    version = version_in(answer.output) if answer.ok else None
    return version is not None and version >= minimum


def _is_installed(tool: Tool, environ: Mapping[str, str]) -> bool:
    # Presence of all programs first: it costs nothing, and a mixture of versions is worse than our own set.
    names = [program.name for program in tool.programs]
    if any(shutil.which(name, path=environ["PATH"]) is None for name in names):
        return False
    return all(_is_usable(program, tool.minimum, environ) for program in tool.programs)


def _docker_answers(environ: Mapping[str, str]) -> bool:
    docker = shutil.which("docker", path=environ["PATH"])
    if docker is None:
        return False
    question = [docker, "version", "--format", "{{.Server.Version}}"]
    return run(question, environ=environ, timeout_seconds=PROBE_SECONDS).ok


def look(environ: Mapping[str, str], places: Places) -> Machine:
    """Find what is installed. Runs each candidate once to ask its version; changes nothing."""
    path = without_our_folders(environ.get("PATH", ""), places)
    bare = {**environ, "PATH": path, "PULUMI_SKIP_UPDATE_CHECK": "true"}
    linux_root = platform.system() == "Linux" and os.geteuid() == 0
    installed = frozenset(tool.name for tool in ALL_TOOLS if _is_installed(tool, bare))
    if linux_root and _SAME_VERSION - installed:
        installed -= _SAME_VERSION
    return Machine(
        path=path,
        installed=installed,
        language_host=PULUMI.name in installed and _has_language_host(path),
        kind=shutil.which("kind", path=path) is not None and _docker_answers(bare),
        linux_root=linux_root,
    )


def _has_language_host(path: str) -> bool:
    pulumi = shutil.which("pulumi", path=path)
    if pulumi is None:
        return False
    # As the engine looks for it: on PATH, or beside the real file of the running executable.
    beside = Path(pulumi).resolve().parent
    return shutil.which("pulumi-language-python", path=f"{path}:{beside}") is not None


def find_go(environ: Mapping[str, str], places: Places) -> Path | None:
    """Return an installed Go that is new enough, or None."""
    path = without_our_folders(environ.get("PATH", ""), places)
    bare = {**environ, "PATH": path, "GOTOOLCHAIN": "local"}
    if not _is_usable(Program(name="go", version_args=("version",)), MIN_GO, bare):
        return None
    found = shutil.which("go", path=path)
    return Path(found) if found else None
