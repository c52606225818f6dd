"""Names, records and the lock of a cluster's folder."""

import shutil
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from modelyard.cluster.local import folder as folders
from modelyard.cluster.local.folder import (
    LocalClusterError,
    Record,
    cluster_folder,
    cluster_name,
    locked,
    read_record,
    recorded_engine,
    recorded_ports,
    stack_identity,
    write_record,
)
from modelyard.errors import ConfigError


def record(**ports: int) -> Record:
    return Record(engine="kwok", kubernetes_version="1.35", ports=ports)


def test_each_checkout_stack_and_organization_has_an_identity_of_its_own() -> None:
    given = [
        ("org", "ml", "dev", "/a"),
        ("org", "ml", "dev", "/b"),
        ("org", "ml", "prod", "/a"),
        ("o", "ml", "dev", "/a"),
    ]
    assert len({stack_identity(*each) for each in given}) == 4
    assert stack_identity(*given[0]) == stack_identity(*given[0])
    assert stack_identity(*given[0]).startswith("ml-dev-")


@pytest.mark.parametrize("stack", ["Dev_1", "x" * 200, "ü.ß", "9"])
def test_a_cluster_name_is_a_host_name_with_kinds_suffix(stack: str) -> None:
    name = cluster_name(stack_identity("org", "My.Project", stack, "/a"), "kwok", "1.35")
    assert len(f"{name}-control-plane") <= 63
    assert all((part.isalnum() and part.islower()) or part.isdigit() for part in name.split("-"))


def test_engine_and_version_are_part_of_the_name() -> None:
    names = {cluster_name("a", "kwok", "1.35"), cluster_name("a", "kind", "1.35"), cluster_name("a", "kwok", "1.34")}
    assert len(names) == 3


def test_a_record_is_read_as_it_was_written(tmp_path: Path) -> None:
    assert read_record(tmp_path) is None
    write_record(tmp_path, record(etcd=20001))
    assert read_record(tmp_path) == record(etcd=20001)
    assert [file.name for file in tmp_path.iterdir()] == ["cluster.json"]


@pytest.mark.parametrize("text", ["", "{", '{"engine": "kwok", "colour": "red"}', "[]"])
def test_a_record_that_is_not_ours_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "cluster.json").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=r"cannot be read; .*remove the folder"):
        read_record(tmp_path)


def test_the_recorded_engine_is_that_of_the_stacks_cluster() -> None:
    assert recorded_engine("ml-dev-1") is None
    for name in ("ml-dev-1-kwok-1-35", "ml-dev-2-kind-1-35"):
        cluster_folder(name).mkdir(parents=True)
    assert recorded_engine("ml-dev-1") is None, "a folder without a record is no cluster"
    write_record(cluster_folder("ml-dev-1-kwok-1-35"), record())
    assert recorded_engine("ml-dev-1") == "kwok"
    assert recorded_engine("ml-dev-2") is None


def test_ports_of_all_clusters_are_known() -> None:
    for name, port in (("a", 20001), ("b", 20002)):
        cluster_folder(name).mkdir(parents=True)
        write_record(cluster_folder(name), record(etcd=port))
    assert recorded_ports() == {20001, 20002}


def test_a_clusters_folder_is_closed_to_other_users() -> None:
    with locked(cluster_folder("a")):
        assert stat.S_IMODE(cluster_folder("a").stat().st_mode) == 0o700


def test_one_at_a_time_also_between_threads() -> None:
    inside: list[int] = []
    seen: list[int] = []

    def work() -> None:
        with locked(cluster_folder("a")):
            inside.append(1)
            seen.append(len(inside))
            threading.Event().wait(0.02)
            inside.pop()

    threads = [threading.Thread(target=work) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [1] * 5


def test_the_lock_ends_with_the_process_that_holds_it() -> None:
    script = (
        "import sys, time; from pathlib import Path; from modelyard.cluster.local.folder import locked\n"
        "with locked(Path(sys.argv[1])): print('held', flush=True); time.sleep(60)"
    )
    command = [sys.executable, "-c", script, str(cluster_folder("a"))]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as holder:
        assert holder.stdout
        assert holder.stdout.readline() == b"held\n"
        acquired = threading.Event()

        def take() -> None:
            with locked(cluster_folder("a")):
                acquired.set()

        thread = threading.Thread(target=take)
        thread.start()
        assert not acquired.wait(0.3)
        holder.kill()
        assert acquired.wait(5)
        thread.join()


def test_a_folder_that_was_deleted_meanwhile_is_made_and_locked_anew() -> None:
    folder = cluster_folder("a")
    done: list[bool] = []

    def take() -> None:
        with locked(folder):
            done.append(folder.is_dir())

    with locked(folder):
        thread = threading.Thread(target=take)
        thread.start()
        threading.Event().wait(0.2)
        shutil.rmtree(folder)
    thread.join()
    assert done == [True]


def test_waiting_for_the_lock_ends_with_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folders, "_LOCK_SECONDS", 0.2)
    with (
        locked(cluster_folder("a")),
        pytest.raises(LocalClusterError, match=r"another process has worked .* then run the update again"),
        locked(cluster_folder("a")),
    ):
        pass
