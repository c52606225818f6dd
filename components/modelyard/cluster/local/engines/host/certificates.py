"""A certificate for each part of the node, from the cluster's own authority: every part has the rights of its user."""

import os
from collections.abc import Sequence
from pathlib import Path

from modelyard.cluster.local.engines.host.commands import run

_DAYS = 3650
"""As long as those of the control plane, which kwokctl makes."""


def issue(folder: Path, name: str, user: str, group: str | None = None, addresses: Sequence[str] = ()) -> None:
    """Make `name.crt` and `name.key` unless they exist.

    Args:
        folder: where the authority's `ca.crt` and `ca.key` are.
        name: of the files.
        user: whom the API server takes the owner for.
        group: the user's group.
        addresses: for a server, at which addresses or names it is asked.
    """
    if (folder / f"{name}.crt").exists():
        return
    request, draft = folder / f"{name}.cnf", folder / f"{name}.crt.new"
    request.write_text(_request(user, group, addresses), encoding="utf-8")
    key = folder / f"{name}.key"
    os.close(os.open(key, os.O_CREAT | os.O_WRONLY, 0o600))
    run(
        *("openssl", "req", "-x509", "-config", str(request), "-days", str(_DAYS), "-nodes"),
        *("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-keyout", str(key), "-out", str(draft)),
        *("-CA", str(folder / "ca.crt"), "-CAkey", str(folder / "ca.key")),
    )
    draft.replace(folder / f"{name}.crt")
    request.unlink()


def _request(user: str, group: str | None, addresses: Sequence[str]) -> str:
    lines = ["[req]", "prompt = no", "distinguished_name = who", "x509_extensions = what", "[who]"]
    lines += [f"O = {group}"] if group else []
    lines += [f"CN = {user}", "[what]", "basicConstraints = critical, CA:false"]
    lines += ["keyUsage = critical, digitalSignature", f"extendedKeyUsage = {_usage(addresses)}"]
    names = [f"{'IP' if each.replace('.', '').isdigit() else 'DNS'}:{each}" for each in addresses]
    lines += [f"subjectAltName = {', '.join(names)}"] if names else []
    return "\n".join(lines) + "\n"


def _usage(addresses: Sequence[str]) -> str:
    return "serverAuth" if addresses else "clientAuth"
