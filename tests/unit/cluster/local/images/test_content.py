"""What a build sees, and what gives it another tag."""

import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from modelyard.cluster.local.images import content


def tag(context: Path) -> str:
    return content.tag(content.entries(context), context / "Dockerfile")


def paths(context: Path) -> list[str]:
    return [entry.path for entry in content.entries(context)]


def test_a_tag_says_that_it_is_local_and_is_a_valid_one(context: Path) -> None:
    assert re.fullmatch("local-[0-9a-f]{12}", tag(context))


Change = Callable[[Path], object]

_OTHER: dict[str, Change] = {
    "byte": lambda folder: (folder / "serve.py").write_text("print('hellO')\n"),
    "dockerfile": lambda folder: (folder / "Dockerfile").write_text("FROM debian:bookworm-slim\n"),
    "executable": lambda folder: (folder / "serve.py").chmod(0o755),
    "name": lambda folder: (folder / "serve.py").rename(folder / "server.py"),
    "folder": lambda folder: (folder / "serve.py").rename(folder / "package" / "serve.py"),
    "new": lambda folder: (folder / "new").touch(),
    "removed": lambda folder: (folder / "package" / "model.py").unlink(),
    "link": lambda folder: (folder / "link").symlink_to("serve.py"),
}
_SAME: dict[str, Change] = {
    "time": lambda folder: os.utime(folder / "serve.py", (1, 1)),
    "umask": lambda folder: (folder / "serve.py").chmod(0o600),
    "folder mode": lambda folder: (folder / "package").chmod(0o700),
    "empty folder": lambda folder: (folder / "empty").mkdir(),
    "git": lambda folder: shutil.copytree(folder, folder / ".git"),
    "submodule": lambda folder: (folder / "package" / ".git").write_text("gitdir: elsewhere"),
    "ignore file": lambda folder: (folder / ".dockerignore").write_text("# nothing\n"),
}


@pytest.mark.parametrize("change", _OTHER.values(), ids=_OTHER)
def test_what_an_image_could_hold_changes_the_tag(context: Path, change: Change) -> None:
    before = tag(context)
    change(context)
    assert tag(context) != before


@pytest.mark.parametrize("change", _SAME.values(), ids=_SAME)
def test_what_another_checkout_could_have_otherwise_does_not(context: Path, change: Change) -> None:
    before = tag(context)
    change(context)
    assert tag(context) == before


def test_another_place_or_order_of_making_gives_the_same_tag(context: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    (other / "package").mkdir(parents=True)
    for path in reversed(paths(context)):
        shutil.copy(context / path, other / path)
    assert tag(other) == tag(context)


def test_where_a_link_leads_counts_and_not_what_is_there(context: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_text("one", encoding="utf-8")
    (context / "link").symlink_to(outside)
    before = tag(context)
    outside.write_text("two", encoding="utf-8")
    assert tag(context) == before
    (context / "link").unlink()
    (context / "link").symlink_to("serve.py")
    assert tag(context) != before


def test_the_recipe_is_part_of_the_tag(context: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = tag(context)
    monkeypatch.setattr(content, "RECIPE", content.RECIPE + 1)
    assert tag(context) != before


def test_what_is_ignored_is_neither_seen_nor_counted(context: Path) -> None:
    (context / ".dockerignore").write_text("package\n*.log\n", encoding="utf-8")
    before = tag(context)
    assert paths(context) == ["Dockerfile", "serve.py"]
    (context / "a.log").write_text("a", encoding="utf-8")
    (context / "package" / "model.py").write_text("other", encoding="utf-8")
    assert tag(context) == before


def test_an_exception_brings_back_what_is_below_an_ignored_folder(context: Path) -> None:
    (context / ".dockerignore").write_text("*\n!package/model.py\n", encoding="utf-8")
    assert paths(context) == ["package/model.py"]


def test_an_ignored_dockerfile_is_built_from_all_the_same(context: Path) -> None:
    (context / ".dockerignore").write_text("Dockerfile\n", encoding="utf-8")
    before = tag(context)
    assert "Dockerfile" not in paths(context)
    (context / "Dockerfile").write_text("FROM debian:bookworm-slim\n", encoding="utf-8")
    assert tag(context) != before


def test_what_is_no_file_is_left_out(context: Path) -> None:
    before = paths(context)
    os.mkfifo(context / "pipe")
    assert paths(context) == before


def test_a_copy_is_the_same_content_that_everybody_may_read(context: Path, tmp_path: Path) -> None:
    (context / "serve.py").chmod(0o700)
    (context / "package").chmod(0o700)
    (context / "link").symlink_to("package")
    copied = tmp_path / "copy"
    before = os.umask(0o077)
    try:
        content.copy(content.entries(context), copied)
    finally:
        os.umask(before)
    assert tag(copied) == tag(context)
    assert (copied / "link").readlink() == Path("package")
    modes = {path: (copied / path).stat().st_mode & 0o777 for path in (".", "package", "serve.py", "Dockerfile")}
    assert modes == {".": 0o755, "package": 0o755, "serve.py": 0o755, "Dockerfile": 0o644}
