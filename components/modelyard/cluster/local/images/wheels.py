"""The Python packages of an image, downloaded before the build: inside it there is no package index."""

import hashlib
import platform
import sys
from pathlib import Path

from modelyard.cluster.local.images.workshop import Workshop, say

REQUIREMENTS = "requirements.txt"
"""The list of packages, each with its version and hashes, in the top folder of a context."""
WHEELS = "wheels"
"""The folder that the build finds beside the list."""

_PROCESSORS = {"arm64": "aarch64", "amd64": "x86_64"}
# The minor versions of glibc from Debian 12's back to manylinux2014's. https://peps.python.org/pep-0600/
_GLIBC_MINORS = range(36, 16, -1)


def wheels_for(workshop: Workshop, requirements: Path, python_version: str, owner: str) -> Path:
    """The folder of wheels that a list of requirements names, downloaded unless it is there.

    Every hash is verified. Packages without a wheel for the image's platform are refused, as nothing is compiled.

    Args:
        workshop: the folder of built images.
        requirements: the list.
        python_version: minor version of the image's Python.
        owner: whose wheels they are; older ones of the same owner are forgotten.

    Raises:
        LocalClusterError: pip refused the list, or could not download.
    """
    key = hashlib.sha256(f"{python_version} {_processor()}\n".encode() + requirements.read_bytes()).hexdigest()

    def download(target: Path) -> None:
        target.mkdir()
        say(f"downloading the wheels of {REQUIREMENTS}")
        what = f"downloading the wheels of {REQUIREMENTS}"
        workshop.run(*_pip_download(requirements, python_version), "--dest", target, what=what)

    return workshop.keep(workshop.folder / WHEELS / owner / key, download)


def _pip_download(requirements: Path, python_version: str) -> list[str | Path]:
    platforms = [f"manylinux_2_{minor}_{_processor()}" for minor in _GLIBC_MINORS]
    platforms += [f"manylinux2014_{_processor()}", f"linux_{_processor()}"]
    return [
        *(sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-input"),
        *("--require-hashes", "--only-binary=:all:", "--implementation=cp"),
        f"--python-version={python_version}",
        *(f"--platform={each}" for each in platforms),
        *("--requirement", requirements),
    ]


def _processor() -> str:
    machine = platform.machine().lower()
    return _PROCESSORS.get(machine, machine)
