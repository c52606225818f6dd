"""`requirements.lock`: every Python package that anything here uses, with its hashes, for all supported platforms."""

import re
import shutil
import tomllib
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from tools.toolchain.command import run
from tools.toolchain.errors import ToolchainError
from tools.toolchain.places import Places

EXTRAS = ("local", "aws", "azure", "gcp")
GROUPS = ("toolchain", "test")

_REQUIREMENT = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)==(?P<version>[^ ;\\]+)")
_PROJECT = "modelyard"


@dataclass(frozen=True, kw_only=True)
class Locked:
    """One package of the lock."""

    name: str
    version: str
    text: str
    """Its lines: version, marker and hashes, as pip reads them."""
    wanted_by: frozenset[str]
    """Packages that depend on it; `modelyard`, `modelyard:<extra or group>` for the project itself."""


def parse(text: str) -> dict[str, Locked]:
    """Read a lock as `uv pip compile` writes it, the notes about who wants a package included."""
    packages: dict[str, Locked] = {}
    blocks: list[list[str]] = []
    for line in text.splitlines():
        if _REQUIREMENT.match(line):
            blocks.append([])
        if blocks:
            blocks[-1].append(line)
    for block in blocks:
        package = _package(block)
        other = packages.get(package.name)
        packages[package.name] = _both(other, package) if other else package
    return packages


def _both(one: Locked, other: Locked) -> Locked:
    """Return a package that different Pythons have in different versions: markers choose among its lines."""
    return replace(one, text=f"{one.text}\n{other.text}", wanted_by=one.wanted_by | other.wanted_by)


def _package(block: list[str]) -> Locked:
    match = _REQUIREMENT.match(block[0])
    assert match is not None
    pinned = [line for line in block if not line.lstrip().startswith("#")]
    notes = " ".join(line.strip().removeprefix("#") for line in block if line.lstrip().startswith("#"))
    wanted_by = re.sub(r"\(pyproject\.toml(?::([a-z-]+))?\)", lambda m: f":{m[1]}" if m[1] else "", notes.strip())
    return Locked(
        name=match["name"],
        version=match["version"],
        text="\n".join(pinned),
        wanted_by=frozenset(wanted_by.removeprefix("via").replace(f"{_PROJECT} :", f"{_PROJECT}:").split()),
    )


def subset(packages: Mapping[str, Locked], wants: Iterable[str]) -> list[Locked]:
    """
    Return the packages that the given parts of the project need, with all their dependencies.

    A part is `modelyard` (the library), `modelyard:<extra or group>`, or the name of a package in the lock.
    """
    wanted: dict[str, set[str]] = defaultdict(set)
    for package in packages.values():
        for source in package.wanted_by:
            wanted[source].add(package.name)
    chosen: set[str] = set()
    open_ends = list(wants)
    while open_ends:
        end = open_ends.pop()
        if end in chosen:
            continue
        chosen.add(end)
        open_ends.extend(wanted[end])
    return [package for package in packages.values() if package.name in chosen]


def read(places: Places) -> dict[str, Locked]:
    """Read the project's lock."""
    try:
        return parse(places.lock_list.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ToolchainError(f"{places.lock_list} is missing: restore it from git") from error


def read_parts(places: Places, parts: Iterable[str]) -> list[Locked]:
    """Read from the project's lock what parts of the project need, as `subset` names them."""
    project = tomllib.loads((places.project / "pyproject.toml").read_text(encoding="utf-8")).get("project", {})
    extras = project.get("optional-dependencies", {})
    return subset(by_extra(read(places), project.get("dependencies", []), extras), parts)


def by_extra(
    packages: Mapping[str, Locked], always: Iterable[str], extras: Mapping[str, Iterable[str]]
) -> dict[str, Locked]:
    """
    Return the packages with those extras in `wanted_by` that want them: the lock calls all of them the project.

    `always` and `extras` are the project's requirements: in any case, and by extra.
    """
    needed = {_name(requirement) for requirement in always}
    wanting: dict[str, set[str]] = defaultdict(set)
    for extra, requirements in extras.items():
        for requirement in requirements:
            wanting[_name(requirement)].add(f"{_PROJECT}:{extra}")
    return {name: _told_apart(package, wanting.get(name, set()), name in needed) for name, package in packages.items()}


def _told_apart(package: Locked, extras: set[str], is_needed: bool) -> Locked:
    if not extras:
        return package
    others = package.wanted_by if is_needed else package.wanted_by - {_PROJECT}
    return replace(package, wanted_by=others | extras)


def _name(requirement: str) -> str:
    """The name in a requirement, as a lock spells it."""
    return re.sub(r"[-_.]+", "-", re.split(r"[^A-Za-z0-9._-]", requirement, maxsplit=1)[0]).lower()


def compile_lock(places: Places, environ: Mapping[str, str], target: Path) -> None:
    """Write a lock for pyproject.toml to `target`, keeping the versions that the file has already."""
    uv = shutil.which("uv", path=f"{places.project / '.venv-test' / 'bin'}:{environ.get('PATH', '')}")
    if uv is None:
        raise ToolchainError("uv is missing: run `make lock`, which puts it into .venv-test first")
    options = [f"--extra={name}" for name in EXTRAS] + [f"--group={name}" for name in GROUPS]
    answer = run(
        # The lowest Python that the project supports, or the lock would only fit the one that runs this.
        [uv, "pip", "compile", "--quiet", "--universal", "--python-version=3.11", "--generate-hashes", "--no-header",
         "--no-emit-index-url", "--no-emit-find-links", *options, "--output-file", target, "pyproject.toml"],
        environ=environ,
        folder=places.project,
    )  # fmt: skip
    if not answer.ok:
        raise ToolchainError(f"the lock could not be made:\n{answer.output.strip()}")


def check_lock(places: Places, environ: Mapping[str, str], scratch: Path) -> None:
    """Raise ToolchainError when `requirements.lock` does not fit pyproject.toml."""
    copy = scratch / "requirements.lock"
    current = places.lock_list.read_text(encoding="utf-8")
    copy.write_text(current, encoding="utf-8")
    compile_lock(places, environ, copy)
    if copy.read_text(encoding="utf-8") != current:
        raise ToolchainError("requirements.lock does not fit pyproject.toml: run `make lock` and commit the result")
