"""One cluster has a machine; one that is lost does not block the next."""

from pathlib import Path

import pytest

from modelyard.cluster.local.engines.host import claim, cleanup
from modelyard.cluster.local.folder import LocalClusterError, Record, cluster_folder, write_record


@pytest.fixture(autouse=True)
def removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The clusters of which everything was removed; nothing of this machine is touched."""
    done: list[Path] = []
    kernel = tmp_path / "kernel"
    (kernel / "net/ipv4").mkdir(parents=True)
    (kernel / "net/ipv4/ip_forward").write_text("0\n")
    monkeypatch.setattr(claim, "RUN", tmp_path / "run")
    monkeypatch.setattr(claim, "_FILE", tmp_path / "run" / "cluster.json")
    monkeypatch.setattr(claim, "_KERNEL", kernel)
    monkeypatch.setattr(cleanup, "RUN", tmp_path / "run")
    monkeypatch.setattr(cleanup, "end", lambda _folder: None)  # pyright: ignore[reportUnknownArgumentType, reportUnknownLambdaType]
    monkeypatch.setattr(cleanup, "remove", done.append)
    return done


def made(name: str) -> Path:
    folder = cluster_folder(name)
    folder.mkdir(parents=True)
    write_record(folder, Record(engine="host", kubernetes_version="1.35"))
    return folder


def test_a_machine_is_taken_once_and_kept() -> None:
    folder = made("first")
    claim.take("first", folder)
    claim.take("first", folder)
    assert claim.is_held(folder)
    assert claim.is_ours(["first"])


def test_a_living_cluster_refuses_another() -> None:
    claim.take("first", made("first"))
    with pytest.raises(
        LocalClusterError, match=r"real node of the local cluster first .*destroy the stack that made it"
    ):
        claim.take("second", made("second"))
    assert claim.is_ours(["first"])


def test_a_living_cluster_of_the_same_name_in_another_folder_refuses_too(
    removed: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    claim.take("first", made("first"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "another"))
    with pytest.raises(LocalClusterError, match="real node of the local cluster first"):
        claim.take("first", made("first"))
    assert removed == []


def test_a_cluster_whose_folder_is_gone_is_cleared_away(removed: list[Path]) -> None:
    first = made("first")
    claim.take("first", first)
    (first / "cluster.json").unlink()
    assert claim.other(["second"]) is None
    second = made("second")
    claim.take("second", second)
    assert removed == [first]
    assert claim.is_held(second)


def test_a_released_machine_is_as_it_was(tmp_path: Path) -> None:
    folder = made("first")
    claim.take("first", folder)
    setting = tmp_path / "kernel/net/ipv4/ip_forward"
    setting.write_text("1\n")
    claim.release(folder)
    assert setting.read_text().strip() == "0"
    assert not (tmp_path / "run").exists()


def test_releasing_leaves_what_another_cluster_has(removed: list[Path]) -> None:
    first = made("first")
    claim.take("first", first)
    claim.release(made("second"))
    assert removed == []
    assert claim.is_held(first)


def test_after_a_restart_of_the_machine_everything_is_removed_too(removed: list[Path], tmp_path: Path) -> None:
    folder = made("first")
    claim.release(folder)
    assert removed == [folder]
    assert not (tmp_path / "run").exists()
