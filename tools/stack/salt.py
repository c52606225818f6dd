"""The salt that Pulumi writes into a stack's configuration, which belongs to the stack and goes with it."""

import re
from pathlib import Path

_SALT = re.compile(r"^encryptionsalt:.*\n?", re.MULTILINE)


def remove(config_file: Path) -> None:
    """Remove the salt of a stack that is gone, unless a secret in the file was encrypted with it."""
    if not config_file.is_file():
        return
    before = config_file.read_text(encoding="utf-8")
    if re.search(r"^\s*secure:", before, re.MULTILINE):
        return
    after = _SALT.sub("", before)
    if after != before:
        config_file.write_text(after, encoding="utf-8")
