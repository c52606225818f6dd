"""Fixtures of tests of the tools."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.engine import MakeProject, projects


@pytest.fixture
def make_project(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[MakeProject]:
    """Projects that end with the test; where it is of the language host or of `make`, a new process runs each program,
    as anywhere else."""
    is_of_stand_in = request.path.parent != Path(__file__).parent
    with projects(tmp_path, None if is_of_stand_in else sys.prefix) as make:
        yield make
