"""A trained model, and the service that serves it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from digits.__main__ import main
from process import Service, running_service


@pytest.fixture(scope="session")
def artifact(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a trained model. Tests do not change it."""
    folder = tmp_path_factory.mktemp("artifact")
    assert main(["train", "--artifact", str(folder)]) == 0
    return folder


@pytest.fixture(scope="session")
def service(artifact: Path) -> Iterator[Service]:
    """The service as a process of its own. Tests do not end it."""
    with running_service(artifact) as running:
        yield running
