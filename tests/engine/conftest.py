"""Fixtures of tests with the real engine."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.engine.cloud_servers import CloudServers
from tests.engine.local_cluster_stack import MakeStack, stacks
from tests.support.engine import MakeProject
from tests.support.toolchain import require_tool

_SERVERS = pytest.StashKey[CloudServers]()


@pytest.fixture(scope="session")
def cloud_servers(tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> Iterator[CloudServers]:
    """What simulated clusters of all clouds lead to."""
    with closing(CloudServers(tmp_path_factory.mktemp("cloud-servers"))) as servers:
        pytestconfig.stash[_SERVERS] = servers
        yield servers


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """End the API server of clouds where the next test needs none: it takes a twentieth of a processor, also idle."""
    servers = item.config.stash.get(_SERVERS, None)
    if servers and not (isinstance(nextitem, pytest.Function) and "cloud_servers" in nextitem.fixturenames):
        servers.close()


@pytest.fixture
def make_stack(make_project: MakeProject, tmp_path: Path) -> Iterator[MakeStack]:
    """Stacks with a local cluster alone; what is left of them goes with the test."""
    require_tool("kwokctl")
    with stacks(make_project, tmp_path / "state") as make:
        yield make
