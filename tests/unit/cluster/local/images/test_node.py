"""Images on the node: what the cluster's own engine says, and a cluster that is gone."""

from pathlib import Path

import pytest

from modelyard.cluster.local import lifecycle
from modelyard.cluster.local.folder import LocalClusterError, Record, cluster_folder, locked, write_record
from modelyard.cluster.local.images import node

REFERENCE = "registry.example.org/digits:local-1"


def test_the_engine_of_the_cluster_is_asked_and_given_the_archive(monkeypatch: pytest.MonkeyPatch) -> None:
    present: set[str] = set()

    def images(name: str, folder: Path) -> set[str]:
        assert (name, folder) == ("c", cluster_folder("c"))
        return present

    def load(name: str, folder: Path, archive: Path) -> None:
        assert (name, folder) == ("c", cluster_folder("c"))
        present.add(archive.stem)

    monkeypatch.setattr(lifecycle.ENGINES["kind"], "images", images)
    monkeypatch.setattr(lifecycle.ENGINES["kind"], "load", load)
    with locked(cluster_folder("c")):
        write_record(cluster_folder("c"), Record(engine="kind", kubernetes_version="1.35"))
    assert not node.is_present("c", "one")
    node.load("c", Path("/cache/one.tar"))
    assert node.is_present("c", "one")


def test_a_cluster_that_is_gone_is_told() -> None:
    assert not node.is_present("c", REFERENCE)
    with pytest.raises(LocalClusterError, match="is no longer on this machine"):
        node.load("c", Path("/cache/one.tar"))
