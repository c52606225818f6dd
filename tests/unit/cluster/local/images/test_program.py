"""Images of a program of this machine: which they are, and that no other is loaded."""

from pathlib import Path

import pytest

from modelyard.cluster.local.folder import LocalClusterError, cluster_folder
from modelyard.cluster.local.images import node
from modelyard.cluster.local.images.program import load, problems, reference_of


@pytest.fixture
def traefik(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    file = tmp_path / "bin" / "traefik"
    file.parent.mkdir()
    file.write_bytes(b"static")
    file.chmod(0o755)
    monkeypatch.setenv("PATH", str(file.parent))
    return file


def test_another_file_is_another_image(traefik: Path) -> None:
    before = reference_of("traefik")
    assert before.startswith("modelyard.dev/traefik:")
    assert reference_of("traefik") == before
    traefik.write_bytes(b"another static one")
    assert reference_of("traefik") != before


def test_a_program_that_is_not_here_has_a_problem(traefik: Path) -> None:
    assert list(problems("traefik")) == []
    traefik.unlink()
    [problem] = problems("traefik")
    assert problem.why == "traefik is not on PATH"
    assert reference_of("traefik") == "modelyard.dev/traefik:absent"


def test_what_is_loaded_is_what_was_announced(traefik: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archives: list[bytes] = []

    def take(_cluster: str, archive: Path) -> None:
        archives.append(archive.read_bytes())

    monkeypatch.setattr(node, "load", take)
    folder = cluster_folder("c")
    folder.mkdir(parents=True)
    reference = reference_of("traefik")
    load("c", "traefik", reference)
    assert b"static" in archives[0]
    assert reference.encode() in archives[0]
    assert list(folder.iterdir()) == [], "the archive is gone"

    traefik.write_bytes(b"another static one")
    with pytest.raises(LocalClusterError, match="traefik was changed after the update had begun"):
        load("c", "traefik", reference)
    assert len(archives) == 1
