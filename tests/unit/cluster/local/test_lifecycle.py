"""What becomes of a cluster when updates are interrupted, daemons die and folders vanish."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from modelyard.cluster.local import lifecycle
from modelyard.cluster.local.engines.host import claim
from modelyard.cluster.local.folder import LocalClusterError, Record, cluster_folder, read_record, write_record
from modelyard.errors import Problem


class FakeEngine:
    """Notes what it is asked for; its clusters live as long as the file `alive` in their folder."""

    ports = ("kube-apiserver",)

    def __init__(self) -> None:
        self.done: list[str] = []
        self.fails = False

    def problems(self, kubernetes_version: str, _own: object) -> Iterator[Problem]:
        yield from ()

    def create(self, name: str, folder: Path, record: Record) -> None:
        assert [file.name for file in folder.iterdir()] == ["cluster.json"], "made in an empty folder"
        self.done.append("create")
        (folder / "half").touch()
        if self.fails:
            raise LocalClusterError("no room")
        server = f"https://127.0.0.1:{record.ports['kube-apiserver']}"
        kubeconfig = {"clusters": [{"cluster": {"server": server}}]}
        (folder / "kubeconfig").write_text(yaml.safe_dump(kubeconfig), encoding="utf-8")
        (folder / "data").mkdir()
        (folder / "alive").touch()

    def is_alive(self, name: str, folder: Path, record: Record) -> bool:
        return (folder / "alive").exists()

    def start(self, name: str, folder: Path, record: Record) -> None:
        self.done.append("start")
        (folder / "alive").touch()

    def delete(self, name: str, folder: Path) -> None:
        self.done.append("delete")
        if self.fails:
            raise LocalClusterError("a process does not end")
        (folder / "alive").unlink(missing_ok=True)


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> FakeEngine:
    engine = FakeEngine()
    monkeypatch.setitem(lifecycle.ENGINES, "kwok", engine)
    monkeypatch.setitem(lifecycle.ENGINES, "kind", engine)
    return engine


def test_a_cluster_is_made_once(engine: FakeEngine) -> None:
    access = lifecycle.create("c", "kwok", "1.35")
    assert lifecycle.exists("c")
    assert lifecycle.is_alive("c")
    record = read_record(cluster_folder("c"))
    assert record
    assert access.endpoint == f"https://127.0.0.1:{record.ports['kube-apiserver']}"
    assert access.endpoint in access.kubeconfig


def test_what_an_interrupted_update_completed_is_taken_over(engine: FakeEngine) -> None:
    first = lifecycle.create("c", "kwok", "1.35")
    (cluster_folder("c") / "alive").unlink()
    assert lifecycle.create("c", "kwok", "1.35") == first
    assert engine.done == ["create", "start"]


def test_half_a_cluster_is_removed_and_made_anew(engine: FakeEngine) -> None:
    engine.fails = True
    with pytest.raises(LocalClusterError, match="no room"):
        lifecycle.create("c", "kwok", "1.35")
    assert not lifecycle.exists("c")
    engine.fails = False
    lifecycle.create("c", "kwok", "1.35")
    assert engine.done == ["create", "delete", "create"]
    assert lifecycle.is_alive("c")


def test_a_folder_without_a_record_is_made_anew(engine: FakeEngine) -> None:
    (cluster_folder("c") / "etcd").mkdir(parents=True)
    assert not lifecycle.exists("c")
    lifecycle.create("c", "kwok", "1.35")
    assert lifecycle.is_alive("c")


def test_starting_keeps_ports_and_kubeconfig(engine: FakeEngine) -> None:
    made = lifecycle.create("c", "kwok", "1.35")
    (cluster_folder("c") / "alive").unlink()
    assert not lifecycle.is_alive("c")
    assert lifecycle.exists("c")
    assert lifecycle.start("c") == made
    assert lifecycle.is_alive("c")


def test_two_clusters_have_different_ports(engine: FakeEngine) -> None:
    assert lifecycle.create("c", "kwok", "1.35").endpoint != lifecycle.create("d", "kwok", "1.35").endpoint


def test_deleting_leaves_nothing(engine: FakeEngine, clusters: Path) -> None:
    lifecycle.create("c", "kwok", "1.35")
    lifecycle.delete("c")
    assert list(clusters.iterdir()) == []
    lifecycle.delete("c")
    assert list(clusters.iterdir()) == [], "deleting what is gone makes no folder"


def test_a_real_node_whose_folder_was_removed_by_hand_is_ended_nevertheless(
    engine: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(lifecycle.ENGINES, "host", engine)
    monkeypatch.setattr(claim, "is_held", lambda folder: folder == cluster_folder("c"))  # pyright: ignore[reportUnknownArgumentType, reportUnknownLambdaType]
    lifecycle.delete("another")
    assert engine.done == []
    lifecycle.delete("c")
    assert engine.done == ["delete"]
    lifecycle.create("c", "kwok", "1.35")
    assert engine.done == ["delete", "delete", "create"]


def test_an_interrupted_removal_does_not_look_like_a_cluster(engine: FakeEngine) -> None:
    lifecycle.create("c", "kwok", "1.35")
    engine.fails = True
    with pytest.raises(LocalClusterError, match="does not end"):
        lifecycle.delete("c")
    assert not lifecycle.exists("c")
    engine.fails = False
    lifecycle.delete("c")
    assert not cluster_folder("c").exists()


def test_a_cluster_that_is_gone_cannot_be_started(engine: FakeEngine) -> None:
    lifecycle.create("c", "kwok", "1.35")
    shutil.rmtree(cluster_folder("c"))
    assert not lifecycle.exists("c")
    assert not lifecycle.is_alive("c")
    with pytest.raises(LocalClusterError, match=r"no longer on this machine .* --refresh --run-program"):
        lifecycle.start("c")
    assert not cluster_folder("c").exists()


def test_an_incomplete_cluster_is_never_alive(engine: FakeEngine) -> None:
    folder = cluster_folder("c")
    folder.mkdir(parents=True)
    (folder / "alive").touch()
    write_record(folder, Record(engine="kwok", kubernetes_version="1.35"))
    assert not lifecycle.is_alive("c")
