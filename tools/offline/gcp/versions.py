"""Versions of GKE: `1.34`, `1.34.1-gke.1829001`, and those that a channel stands for."""

import re
from typing import Any

from tools.offline.cloud.errors import CloudError

_VERSION = re.compile(r"1\.(\d{2})(\.\d+(-gke\.\d+)?)?|1\.(\d{2})\.")
_OLDEST, _NEWEST = 30, 36
DEFAULT = "1.34"
"""What `latest`, `-` and no version at all stand for here."""


def minor(version: Any) -> int:
    """The minor version.

    Raises:
        CloudError: it is no version that GKE has.
    """
    text = DEFAULT if version in (None, "", "latest", "-") else str(version)
    match = _VERSION.fullmatch(text)
    found = int(match[1] or match[4]) if match else 0
    if not _OLDEST <= found <= _NEWEST:
        raise CloudError("badRequest", f'Master version "{version}" is unsupported.')
    return found


def full(version: Any) -> str:
    """The version that GKE makes of a given one."""
    text = DEFAULT if version in (None, "", "latest", "-") else str(version).rstrip(".")
    parts = text.split(".")
    if len(parts) == 2:
        return f"{text}.5-gke.1000000"
    return text if "-gke." in text else f"{text}-gke.1000000"
