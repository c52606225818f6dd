"""Fixtures of the simulated AWS's tests."""

from pathlib import Path

import pytest

from tests.tools.aws.account import Aws


@pytest.fixture
def aws(tmp_path: Path) -> Aws:
    """An empty account, where nothing takes time."""
    return Aws(tmp_path / "world")
