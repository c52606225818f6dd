"""Fixtures of the simulated Azure's tests."""

from pathlib import Path

import pytest

from tests.tools.azure.account import Azure


@pytest.fixture
def azure(tmp_path: Path) -> Azure:
    """An empty subscription, where nothing takes time."""
    return Azure(tmp_path / "world")
