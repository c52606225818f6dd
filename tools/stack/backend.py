"""
The files of a file backend.

Pulumi replaces a state's file at once, but writes the attributes beside it (`*.attrs`) in place. An engine that is
killed in between leaves them empty, and every command then ends with "error: EOF". Without them all is well: they say
nothing that Pulumi needs.
"""

import os
import time
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import unquote, urlparse

_WRITTEN_SECONDS = 1.0
"""Longer than any engine takes from opening the file to filling it."""


def folder(environ: Mapping[str, str] = os.environ) -> Path | None:
    """Return where a file backend keeps its files; None for other backends."""
    url = urlparse(environ.get("PULUMI_BACKEND_URL", ""))
    return Path(unquote(url.netloc + url.path)).expanduser() / ".pulumi" if url.scheme == "file" else None


def repair(environ: Mapping[str, str] = os.environ) -> None:
    """Remove attributes that are empty and stay so."""
    root = folder(environ)
    empty = [file for file in root.rglob("*.attrs") if _is_empty(file)] if root else []
    if not empty:
        return
    time.sleep(_WRITTEN_SECONDS)
    for file in filter(_is_empty, empty):
        file.unlink(missing_ok=True)


def _is_empty(file: Path) -> bool:
    try:
        return file.stat().st_size == 0
    except FileNotFoundError:
        return False
