"""The environment variables with which `pulumi` works in this checkout."""

import json
import os
import shlex
from collections.abc import Mapping
from pathlib import Path

from tools.toolchain.detect import Machine
from tools.toolchain.pins import ALL_TOOLS, PULUMI
from tools.toolchain.places import Places
from tools.toolchain.plugins import is_installed, provider_version, pulumi_home
from tools.toolchain.promtool import programs as promtool_programs

LOCAL_PASSPHRASE = "modelyard-local"  # noqa: S105 - public on purpose, see below
"""
Encrypts the secrets of stacks in this checkout's own backend. It is public: such a stack describes a cluster on this
machine whose credentials lie beside it. Set PULUMI_CONFIG_PASSPHRASE before the first `up` for one of your own.
"""


def variables(environ: Mapping[str, str], machine: Machine, places: Places) -> dict[str, str]:
    """Return what must be set, and nothing that the person has set up already. Makes the backend's folder."""
    added: dict[str, str] = {"PULUMI_SKIP_UPDATE_CHECK": "true"}
    if "PULUMI_HOME" not in environ and PULUMI.name not in machine.installed:
        added["PULUMI_HOME"] = str(places.state / "home")
    if not _has_own_backend(environ, machine, places):
        backend = places.state / "backend"
        backend.mkdir(parents=True, exist_ok=True)
        added["PULUMI_BACKEND_URL"] = backend.as_uri()
        if not {"PULUMI_CONFIG_PASSPHRASE", "PULUMI_CONFIG_PASSPHRASE_FILE"} & environ.keys():
            added["PULUMI_CONFIG_PASSPHRASE"] = LOCAL_PASSPHRASE
    home = pulumi_home({**environ, **added})
    added["PATH"] = os.pathsep.join([*_folders(machine, places, home), machine.path])
    return added


def _has_own_backend(environ: Mapping[str, str], machine: Machine, places: Places) -> bool:
    named = environ.get("PULUMI_BACKEND_URL", "")
    if named:
        # Ours comes back to us from a shell in which `make env` was evaluated.
        return named != (places.state / "backend").as_uri()
    return PULUMI.name in machine.installed and _is_logged_in(pulumi_home(environ))


def _is_logged_in(home: Path) -> bool:
    try:
        credentials = json.loads((home / "credentials.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return bool(credentials.get("current"))


def _folders(machine: Machine, places: Places, home: Path) -> list[str]:
    """Return what goes before the person's PATH: tools of ours where theirs are missing, and the stand-ins needed."""
    folders = [places.programs(tool) for tool in ALL_TOOLS if tool.name not in machine.installed]
    folders = [folder for folder in [*folders, promtool_programs(places)] if folder.is_dir()]
    if not machine.language_host:
        folders.append(places.stand_ins / "host")
    if not is_installed(home, provider_version(places), machine.path):
        folders.append(places.stand_ins / "kubernetes")
    return [str(folder) for folder in folders]


def as_shell(added: Mapping[str, str]) -> str:
    """Return the variables as lines that a shell evaluates."""
    return "\n".join(f"export {name}={shlex.quote(value)}" for name, value in sorted(added.items()))
