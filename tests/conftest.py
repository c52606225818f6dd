"""Fixtures of every test room."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.support import paths
from tests.support.control_plane import ApiServer, running_control_plane
from tests.support.engine import MakeProject, PulumiProject, write_project


@pytest.fixture(scope="session")
def shared_folder() -> Path:
    """The data folder beside the project's root; skips where it is absent."""
    return paths.shared_folder()


@pytest.fixture(scope="session")
def api_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    """One real control plane for the whole run; tests keep apart by namespaces."""
    with running_control_plane(tmp_path_factory.mktemp("control-plane")) as server:
        yield server


@pytest.fixture
def make_project(tmp_path: Path) -> Iterator[MakeProject]:
    """Projects that end with the test: what they left running is killed, their stacks are not destroyed."""
    projects: list[PulumiProject] = []

    def make(
        program: str, *, settings: Mapping[str, Any] | None = None, environment: Mapping[str, str] | None = None
    ) -> PulumiProject:
        base = tmp_path / f"project-{len(projects)}"
        write_project(base / "program", program, settings=settings)
        projects.append(PulumiProject(base / "program", base / "scratch", environment=environment))
        return projects[-1]

    yield make
    for project in projects:
        project.close()
