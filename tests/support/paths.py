"""Folders that tests read: the project's root and the data folder beside it."""

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def shared_folder() -> Path:
    """The data folder beside the project; a test that asks for it is skipped where it is absent."""
    folder = ROOT.parent / "shared"
    if not folder.is_dir():
        pytest.skip(f"the data folder {folder.name}/ is not beside the project's root")
    return folder
