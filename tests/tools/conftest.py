"""Fixtures of tests of the tools."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.engine import MakeProject, projects


@pytest.fixture
def make_project(tmp_path: Path) -> Iterator[MakeProject]:
    """Projects that end with the test, whose programs are run as anywhere else: each by a new process."""
    with projects(tmp_path, sys.prefix) as make:
        yield make
