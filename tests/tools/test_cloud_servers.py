"""Which API server the next simulated cluster gets: the last one's only if nothing of that is left on it."""

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from modelyard.cluster.karpenter import NODE_POOL
from modelyard.operators.definition import Kind
from tests.engine import cloud_servers
from tests.engine.cloud_servers import CloudServers


class Server:
    """An API server as far as it is asked, with its namespaces and the kinds that were made on it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.objects = ["default", "kube-system"]
        self.kinds: dict[str, dict[str, Any]] = {}
        self.answers = True

    def get(self, kinds: str, *_: str) -> list[dict[str, Any]]:
        assert self.answers
        if kinds == "customresourcedefinitions":
            return [{"metadata": each} for each in self.kinds.values()]
        assert set(self.kinds) <= set(kinds.split(",")), "objects of further kinds are looked for too"
        return [{"metadata": {"name": each}} for each in self.objects]


@pytest.fixture
def running(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Server]]:
    """Those that run, the last last."""
    found: list[Server] = []

    @contextmanager
    def start(folder: Path) -> Generator[Server]:
        assert folder.is_dir()
        server = Server(folder)
        found.append(server)
        yield server
        found.remove(server)

    def apply(server: Server, crds: Sequence[dict[str, Any]], *, dry_run: bool) -> str:
        assert not dry_run
        server.kinds |= {crd["metadata"]["name"]: dict(crd["metadata"]) for crd in crds}
        return ""

    monkeypatch.setattr(cloud_servers, "running_control_plane", start)
    monkeypatch.setattr(cloud_servers, "apply", apply)
    yield found
    assert found == [], "each was ended"


def test_a_server_that_was_left_clean_is_the_next_ones(running: list[Server], tmp_path: Path) -> None:
    servers = CloudServers(tmp_path)
    with servers.one() as first:
        pass
    with servers.one([NODE_POOL]) as second:
        assert second is first
        assert running == [first]
        assert NODE_POOL.crd_name in running[0].kinds
    servers.close()


def _with_a_node(server: Server) -> None:
    server.objects.append("node-1")


def _without_a_kind(server: Server) -> None:
    server.kinds.popitem()


def _with_a_kind_of_its_own(server: Server) -> None:
    server.kinds["others.example.org"] = {"name": "others.example.org"}


def _with_a_kind_that_is_about_to_go(server: Server) -> None:
    next(iter(server.kinds.values()))["deletionTimestamp"] = "2026-01-01T00:00:00Z"


def _dead(server: Server) -> None:
    server.answers = False


@pytest.mark.parametrize(
    "leave", [_with_a_node, _without_a_kind, _with_a_kind_of_its_own, _with_a_kind_that_is_about_to_go, _dead]
)
@pytest.mark.parametrize("further", [[], [NODE_POOL]])
def test_after_anything_else_the_next_is_another_one(
    running: list[Server], tmp_path: Path, leave: Callable[[Server], None], further: list[Kind]
) -> None:
    servers = CloudServers(tmp_path)
    with servers.one(further) as first:
        leave(running[0])
    assert running == [], "it is ended at once"
    with servers.one() as second:
        assert second is not first
        assert NODE_POOL.crd_name not in running[0].kinds
    servers.close()


def test_one_that_was_ended_meanwhile_is_not_given_again(running: list[Server], tmp_path: Path) -> None:
    servers = CloudServers(tmp_path)
    with servers.one() as first:
        pass
    servers.close()
    assert running == []
    servers.close()
    with servers.one() as second:
        assert second is not first
    servers.close()
