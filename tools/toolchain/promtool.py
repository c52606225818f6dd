"""promtool, which the tests of the alert rules need: from PATH, or out of Debian's package, not installed."""

import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from tools.toolchain import refusals
from tools.toolchain.command import Finished, run
from tools.toolchain.places import Places
from tools.toolchain.progress import say, step
from tools.toolchain.store import exclusive, publish

_NOTE = "promtool"
_UPDATE_SECONDS = 180.0
_DOWNLOAD_SECONDS = 300.0


def programs(places: Places) -> Path:
    """Return the folder that holds promtool once it is there."""
    return places.cache / "promtool-debian" / "bin"


def provide(places: Places, environ: Mapping[str, str], installed_path: str) -> None:
    """Make promtool available, or say why tests of alert rules will be skipped."""
    if shutil.which("promtool", path=installed_path) or programs(places).exists():
        return
    if shutil.which("apt-get", path=installed_path) is None or shutil.which("dpkg-deb", path=installed_path) is None:
        say("promtool: not on PATH, and this is no Debian to take it from; tests of alert rules will be skipped")
        return
    if refusals.remembered(places, _NOTE):
        return
    with exclusive(places.cache / "lock"):
        if programs(places).exists():
            return
        with step("promtool: from Debian's prometheus package", "about 10 s"):
            answer = _unpack(places, environ)
    if not answer.ok:
        say(f"promtool: {answer.output.strip()[-200:]}; tests of alert rules will be skipped")
        refusals.remember(places, _NOTE)


def _unpack(places: Places, environ: Mapping[str, str]) -> Finished:
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        # The sandbox user could not write into our folder; apt verifies the package's signature either way.
        download = ["apt-get", "-o", "APT::Sandbox::User=root", "download", "prometheus"]
        answer = run(download, environ=environ, folder=scratch, timeout_seconds=_DOWNLOAD_SECONDS)
        if not answer.ok and os.geteuid() == 0:
            run(["apt-get", "update"], environ=environ, timeout_seconds=_UPDATE_SECONDS)
            answer = run(download, environ=environ, folder=scratch, timeout_seconds=_DOWNLOAD_SECONDS)
        packages = list(scratch.glob("*.deb"))
        if not answer.ok or not packages:
            return Finished(status=1, output=answer.output)
        answer = run(["dpkg-deb", "-x", packages[0], scratch / "root"], environ=environ)
        if answer.ok:
            found = scratch / "root" / "usr" / "bin" / "promtool"
            publish(programs(places), lambda target: _copy(found, target))
        return answer


def _copy(program: Path, target: Path) -> None:
    shutil.copy2(program, target / program.name)
