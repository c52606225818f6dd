"""What a build sees of a folder, and the tag that follows from it."""

import hashlib
import os
import shutil
import stat
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from modelyard.cluster.local.images.ignore import IGNORE_FILE, ignored_by

RECIPE = 1
"""Raise it when the same sources are to give another image: with a change of the bases or of how they are built on."""

_TAG_CHARACTERS = 12
_NEVER = ".git"


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A file of a context, or a symbolic link.

    Attributes:
        path: relative to the context, with `/`.
        source: where it is.
        target: where a link leads, as it says itself; None for a file.
        is_program: whether its owner may execute it: all of a file's mode that a checkout keeps.
    """

    path: str
    source: Path
    target: str | None
    is_program: bool


def entries(context: Path) -> list[Entry]:
    """The files and links that a build sees, ordered by path.

    Left out are what `.dockerignore` names, that file itself, everything named `.git`, and folders without any file,
    which a checkout does not have either.

    Raises:
        ConfigError: `.dockerignore` has a line that is no pattern.
    """
    file = context / IGNORE_FILE
    text = file.read_text(encoding="utf-8", errors="replace") if file.is_file() else ""
    lines = [line.strip() for line in text.splitlines() if not line.startswith("#")]
    # Only a `!` could bring back what is below a folder that is left out.
    walk = _Walk(is_ignored=ignored_by([*lines, IGNORE_FILE]), is_final=not any(each.startswith("!") for each in lines))
    return sorted(walk.below(context, ""), key=lambda entry: entry.path)


@dataclass(frozen=True, kw_only=True)
class _Walk:
    is_ignored: Callable[[str], bool]
    is_final: bool

    def below(self, folder: Path, prefix: str) -> Iterator[Entry]:
        for found in os.scandir(folder):
            path = f"{prefix}{found.name}"
            ignored = found.name == _NEVER or self.is_ignored(path)
            if found.is_dir(follow_symlinks=False):
                if not ignored or (found.name != _NEVER and not self.is_final):
                    yield from self.below(Path(found.path), f"{path}/")
            elif not ignored and (found.is_symlink() or found.is_file()):
                yield _entry(path, Path(found.path))


def _entry(path: str, source: Path) -> Entry:
    if source.is_symlink():
        return Entry(path=path, source=source, target=str(source.readlink()), is_program=False)
    return Entry(path=path, source=source, target=None, is_program=bool(source.stat().st_mode & stat.S_IXUSR))


def tag(found: Sequence[Entry], dockerfile: Path) -> str:
    """`local-` and 12 hexadecimal digits: another for other paths, contents, links, executable bits or recipe.

    Times, owners and other modes do not count, so that every checkout of the same sources has the same.
    """
    digest = hashlib.sha256(f"{RECIPE}\n".encode())
    digest.update(_hash_of(dockerfile))
    for entry in found:
        # A path has no zero byte and a hash has a fixed length, so that no two lists of entries give the same bytes.
        digest.update(b"%s\0%s\0" % (_kind(entry), os.fsencode(entry.path)))
        digest.update(_content(entry))
    return f"local-{digest.hexdigest()[:_TAG_CHARACTERS]}"


def _kind(entry: Entry) -> bytes:
    if entry.target is not None:
        return b"link"
    return b"program" if entry.is_program else b"file"


def _content(entry: Entry) -> bytes:
    return _hash_of(entry.source) if entry.target is None else hashlib.sha256(os.fsencode(entry.target)).digest()


def _hash_of(file: Path) -> bytes:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").digest()


def copy(found: Sequence[Entry], target: Path) -> None:
    """Copy the entries below a new folder, with the modes that a checkout under the usual umask gives them."""
    target.mkdir()
    for entry in found:
        file = target / entry.path
        file.parent.mkdir(parents=True, exist_ok=True)
        if entry.target is not None:
            file.symlink_to(entry.target)
        else:
            shutil.copyfile(entry.source, file)
            file.chmod(0o755 if entry.is_program else 0o644)
    for folder in (target, *(each for each in target.rglob("*") if each.is_dir() and not each.is_symlink())):
        folder.chmod(0o755)
