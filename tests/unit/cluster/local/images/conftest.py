"""A cache of each test's own, and a context to build."""

from pathlib import Path

import pytest

DOCKERFILE = """\
FROM python:3.11-slim-bookworm
COPY serve.py .
"""


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of built images."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "modelyard" / "images"


@pytest.fixture
def context(tmp_path: Path) -> Path:
    """A folder with a Dockerfile and a program."""
    folder = tmp_path / "context"
    (folder / "package").mkdir(parents=True)
    (folder / "Dockerfile").write_text(DOCKERFILE, encoding="utf-8")
    (folder / "serve.py").write_text("print('hello')\n", encoding="utf-8")
    (folder / "package" / "model.py").write_text("", encoding="utf-8")
    return folder
