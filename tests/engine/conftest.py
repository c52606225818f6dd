"""Fixtures of tests with the real engine."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engine.local_cluster_stack import MakeStack, stacks
from tests.support.engine import MakeProject
from tests.support.toolchain import require_tool


@pytest.fixture
def make_stack(make_project: MakeProject, tmp_path: Path) -> Iterator[MakeStack]:
    """Stacks with a local cluster alone; what is left of them goes with the test."""
    require_tool("kwokctl")
    with stacks(make_project, tmp_path / "state") as make:
        yield make
