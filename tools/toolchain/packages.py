"""The distribution's packages for a node that runs containers and for building images: found, or installed by apt."""

import os
import platform
import shutil
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tools.toolchain import refusals
from tools.toolchain.command import Finished, run
from tools.toolchain.diagnose import explain
from tools.toolchain.places import Places
from tools.toolchain.progress import say, step
from tools.toolchain.store import exclusive

CNI_FOLDER = Path("/usr/lib/cni")
"""Where Debian's package puts the network plugins."""
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
"""Verifies the packages of images' bases, which are Debian's on Ubuntu too."""
POLICY = Path("/usr/sbin/policy-rc.d")
"""Asked by the packages' scripts before they start a service. Source: invoke-rc.d(8), deb-systemd-invoke(1p)."""

SYSTEM_FOLDERS: tuple[str, ...] = ("/usr/sbin", "/sbin")
"""Where Debian puts what only root runs; root's own PATH lacks it after a plain `su`."""

_DISTRIBUTIONS = ("debian", "ubuntu")
_MARK = "made by modelyard's toolchain"
_NOTE = "distribution-packages"
_WITHOUT = "without them the nodes of a local cluster are simulated (kwok)"


@dataclass(frozen=True, kw_only=True)
class Package:
    """A package, and what tells that it, or another build of the same programs, is installed."""

    name: str
    programs: tuple[str, ...] = ()
    """Names on PATH."""
    files: tuple[Path, ...] = ()
    """Files where the package has them."""


def wanted() -> tuple[Package, ...]:
    """Return what a node takes, and then what building images takes."""
    return (
        Package(name="containerd", programs=("containerd", "ctr")),
        Package(name="runc", programs=("runc",)),
        Package(name="containernetworking-plugins", files=(CNI_FOLDER / "ptp", CNI_FOLDER / "host-local")),
        Package(name="nftables", programs=("nft",)),
        Package(name="iptables", programs=("iptables",)),
        Package(name="conntrack", programs=("conntrack",)),
        Package(name="iproute2", programs=("ip",)),
        Package(name="openssl", programs=("openssl",)),
        Package(name="buildah", programs=("buildah",)),
        Package(name="mmdebstrap", programs=("mmdebstrap",)),
        Package(name="debian-archive-keyring", files=(KEYRING,)),
    )


def missing(path: str) -> list[str]:
    """Return the names of the packages whose programs are neither on `path` nor among the system's own."""
    return [package.name for package in wanted() if not _is_installed(package, path)]


def _is_installed(package: Package, path: str) -> bool:
    full = os.pathsep.join([path, *SYSTEM_FOLDERS])
    programs = all(shutil.which(name, path=full) for name in package.programs)
    return programs and all(file.exists() for file in package.files)


def provide(places: Places, environ: Mapping[str, str], path: str) -> bool:
    """Install what is missing, as root on Debian or Ubuntu only; return whether all is there, and say so where not."""
    if not missing(path):
        return True
    if not _is_debian(path):
        say(f"not installed: {', '.join(missing(path))}. Install them by this system's own means; {_WITHOUT}")
        return False
    if refusals.remembered(places, _NOTE):
        say(f"not installed: {', '.join(missing(path))}. apt-get failed within the last hour; {_WITHOUT}")
        return False
    with exclusive(places.cache / "lock"):
        return _install(places, environ, path)


def _is_debian(path: str) -> bool:
    try:
        name = platform.freedesktop_os_release()["ID"]
    except OSError:
        return False
    return name in _DISTRIBUTIONS and shutil.which("apt-get", path=path) is not None


def _install(places: Places, environ: Mapping[str, str], path: str) -> bool:
    names = missing(path)
    if not names:
        return True
    why = "for a local cluster that runs containers, and for its images; about 30 s, no service is started"
    with step(f"installing the system's packages {', '.join(names)}", why):
        with _no_service_starts():
            answer = _apt(names, environ)
        if "containerd" in names:
            # The package enables it for the next start of the machine. A cluster runs a containerd of its own.
            run(["systemctl", "disable", "containerd.service"], environ=environ)
    absent = missing(path)
    if answer.ok and not absent:
        return True
    say(explain("apt-get install", answer.output) if not answer.ok else f"not on PATH: programs of {', '.join(absent)}")
    say(_WITHOUT)
    refusals.remember(places, _NOTE)
    return False


def _apt(names: list[str], environ: Mapping[str, str]) -> Finished:
    quiet = {**environ, "DEBIAN_FRONTEND": "noninteractive", "NEEDRESTART_SUSPEND": "1"}
    # --no-remove: Docker's own containerd, for example, stays, and the installation is given up instead.
    options = ["--yes", "--no-install-recommends", "--no-remove", "-o", "DPkg::Lock::Timeout=120"]
    answer = run(["apt-get", "install", *options, *names], environ=quiet, gently=True)
    if answer.ok:
        return answer
    # The lists of packages may be absent, or older than the mirror.
    updated = run(["apt-get", "update"], environ=quiet, gently=True)
    return run(["apt-get", "install", *options, *names], environ=quiet, gently=True) if updated.ok else updated


@contextmanager
def _no_service_starts() -> Generator[None]:
    if POLICY.exists() and _MARK not in POLICY.read_text(encoding="utf-8", errors="replace"):
        yield
        return
    # What a killed run leaves forbids nothing: it looks for the process that wrote it.
    draft = POLICY.with_name(f"{POLICY.name}.new")
    draft.write_text(f"#!/bin/sh\n# {_MARK}\nkill -0 {os.getpid()} 2>/dev/null && exit 101\nexit 0\n", encoding="utf-8")
    draft.chmod(0o755)
    draft.replace(POLICY)
    try:
        yield
    finally:
        POLICY.unlink(missing_ok=True)
