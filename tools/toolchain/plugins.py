"""The kubernetes provider: the real one where it is there or can be downloaded, else the stand-in of tools/offline."""

import shutil
from collections.abc import Mapping
from pathlib import Path

from tools.toolchain import lockfile, refusals
from tools.toolchain.command import run
from tools.toolchain.places import Places
from tools.toolchain.progress import say

DOWNLOAD_SECONDS = 120.0
"""Longest wait for the provider, an archive of about 40 MB."""


def provider_version(places: Places) -> str:
    """Return the version of the provider that the locked SDK asks for."""
    return lockfile.read(places)["pulumi-kubernetes"].version


def is_installed(home: Path, version: str, path: str) -> bool:
    """Return whether the engine finds the real provider in its home or on PATH."""
    folder = home / "plugins" / f"resource-kubernetes-v{version}"
    # While it installs, the engine keeps a file of this name beside the folder.
    whole = (folder / "pulumi-resource-kubernetes").is_file() and not folder.with_name(
        f"{folder.name}.partial"
    ).exists()
    return whole or shutil.which("pulumi-resource-kubernetes", path=path) is not None


def try_download(places: Places, environ: Mapping[str, str], installed_path: str) -> None:
    """
    Download the real provider with Pulumi's own command, unless it is there or was refused within the hour.

    `environ` is the one that the stack will run in: its PATH leads to pulumi, its PULUMI_HOME gets the plugin.
    """
    version = provider_version(places)
    note = f"pulumi-resource-kubernetes-{version}"
    home = pulumi_home(environ)
    if is_installed(home, version, installed_path) or refusals.remembered(places, note):
        return
    say(f"kubernetes provider {version}: downloading it (up to {DOWNLOAD_SECONDS:g} s)")
    answer = run(
        ["pulumi", "plugin", "install", "resource", "kubernetes", version, "--non-interactive"],
        environ=environ,
        timeout_seconds=DOWNLOAD_SECONDS,
    )
    if not answer.ok:
        say(f"kubernetes provider {version}: cannot be downloaded here; the stand-in of tools/offline takes its place")
        refusals.remember(places, note)


def pulumi_home(environ: Mapping[str, str]) -> Path:
    """Return where Pulumi keeps its plugins and logins."""
    named = environ.get("PULUMI_HOME")
    return Path(named) if named else Path(environ.get("HOME") or Path.home()) / ".pulumi"
