"""Ports: free, apart from those of other clusters, and named where something else has them."""

import socket
import threading
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from modelyard.cluster.local import ports
from modelyard.cluster.local.folder import LocalClusterError, Record, cluster_folder, write_record
from modelyard.cluster.local.ports import choose_ports, is_free, require_free


@contextmanager
def listening(port: int = 0) -> Generator[int]:
    with socket.create_server(("127.0.0.1", port)) as server:
        yield server.getsockname()[1]


def test_each_component_has_a_port_in_our_range() -> None:
    chosen = choose_ports(["etcd", "kube-apiserver"])
    assert list(chosen) == ["etcd", "kube-apiserver"]
    assert len(set(chosen.values())) == 2
    assert all(20000 <= port <= 29999 for port in chosen.values())


def test_ports_that_are_in_use_or_recorded_for_a_stopped_cluster_are_left_alone() -> None:
    first = choose_ports(["etcd"])["etcd"]
    cluster_folder("stopped").mkdir(parents=True)
    write_record(cluster_folder("stopped"), Record(engine="kwok", kubernetes_version="1.35", ports={"etcd": first}))
    second = choose_ports(["etcd"])["etcd"]
    assert second != first
    with listening(second):
        assert choose_ports(["etcd"])["etcd"] not in {first, second}


def test_too_few_free_ports_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    port = choose_ports(["etcd"])["etcd"]
    monkeypatch.setattr(ports, "FIRST_PORT", port)
    monkeypatch.setattr(ports, "LAST_PORT", port)
    assert choose_ports(["etcd"]) == {"etcd": port}
    with pytest.raises(LocalClusterError, match=f"no free port from {port} to {port}"):
        choose_ports(["etcd", "kube-apiserver"])


def test_a_taken_port_is_named_with_its_component(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "_RELEASE_SECONDS", 0.1)
    with listening() as port:
        assert not is_free(port)
        with pytest.raises(LocalClusterError, match=f"port {port} of the local cluster's etcd is taken"):
            require_free({"etcd": port}, tmp_path)
    require_free({"etcd": port}, tmp_path)


def test_the_port_of_a_component_that_is_just_ending_is_waited_for(tmp_path: Path) -> None:
    server = socket.create_server(("127.0.0.1", 0))
    ending = threading.Timer(0.3, server.close)
    ending.start()
    require_free({"etcd": server.getsockname()[1]}, tmp_path)
    ending.join()
