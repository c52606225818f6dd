"""Fixtures of every test room."""

import fcntl
import gc
import os
import signal
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support import paths
from tests.support.control_plane import ApiServer, running_control_plane
from tests.support.engine import MakeProject, projects
from tests.support.leftovers import end_all_below, end_all_of_killed_runs

_OF_THE_REAL_NODE = ("tests/engine/test_host_", "tests/engine/test_local_images.py")
"""How the files begin whose tests make the machine's real node, of which it can have one."""
_EVERY_CLUSTER = "tests/engine/test_every_cluster.py"
"""The file whose tests share a stack for each kind of cluster, which is their parameter."""
_BY_PARAMETER = (
    _EVERY_CLUSTER,
    "tests/engine/test_cloud_interruptions.py",
    "tests/engine/test_cloud_lifecycle.py",
    "tests/engine/test_cloud_object_stores.py",
)
"""The files of whose tests each parameter has a stack of its own."""


def _is_of_the_real_node(test: str) -> bool:
    return test.startswith(_OF_THE_REAL_NODE) or (test.startswith(_EVERY_CLUSTER) and test.endswith("[host]"))


def _shared_by(test: str, file: str) -> str:
    """What tests share that have to stay together in one process: the real node, a stack, a file's fixtures."""
    if _is_of_the_real_node(test):
        return "the real node"
    return file + test[test.index("[") :] if file in _BY_PARAMETER else file


def pytest_configure() -> None:
    """Let what tests start be interrupted, also where a shell runs the tests in the background, without interrupts."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(wrapper=True)
def pytest_collection(session: pytest.Session) -> Generator[None, object, object]:
    """One process of `make test` collects before the others: it rewrites the assertions of all files, which takes three
    times as long as all else, and the others read what it wrote."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        return (yield)
    base: Path = vars(session.config)["_tmp_path_factory"].getbasetemp().parent
    with (base / "collection").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            fcntl.flock(lock, fcntl.LOCK_SH)
        return (yield)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes longest goes first: one process is busy with the real node while the other does the rest."""
    items.sort(key=lambda item: not _is_of_the_real_node(item.nodeid))


def pytest_collection_finish() -> None:
    """Leave the modules of Pulumi's packages out of each later collection of garbage."""
    gc.freeze()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """One process more than processors: a test with the real engine waits a quarter of its time.

    The end of a namespace alone takes the controller manager 5 s in which it does nothing.
    """
    return (os.cpu_count() or 1) + 1


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """
    Give the files to the processes of `make test` one by one, in the order in which they are collected.

    The tests of a file share what they look at, so they stay together and in their order, and so do all files of the
    real node. xdist's own marker for such groups does nothing with pytest 9.2.
    """
    from xdist.scheduler import LoadFileScheduling  # pyright: ignore[reportMissingTypeStubs]

    class ByFile(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return _shared_by(nodeid, super()._split_scope(nodeid))

    # By their number of tests, by default.
    config.option.loadscopereorder = False
    return ByFile(config, log)


def pytest_keyboard_interrupt() -> None:
    """Let a process of `make test` that is interrupted end its clusters: xdist interrupts it again after 5 s."""
    if "PYTEST_XDIST_WORKER" in os.environ:
        signal.signal(signal.SIGINT, signal.SIG_IGN)


def pytest_sessionstart(session: pytest.Session) -> None:
    """Begin on a machine without what killed runs left."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        end_all_of_killed_runs(vars(session.config)["_tmp_path_factory"].getbasetemp())


def pytest_unconfigure(config: pytest.Config) -> None:
    """End what is left of processes of `make test` that were stopped in the middle: xdist kills them after 10 s."""
    if config.getoption("numprocesses", None):
        end_all_below(vars(config)["_tmp_path_factory"].getbasetemp())


@pytest.fixture(scope="session")
def shared_folder() -> Path:
    """The data folder beside the project's root; skips where it is absent."""
    return paths.shared_folder()


@pytest.fixture(scope="session")
def api_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    """One real control plane for all tests of a process; they keep apart by namespaces."""
    with running_control_plane(tmp_path_factory.mktemp("control-plane")) as server:
        yield server


@pytest.fixture
def make_project(tmp_path: Path) -> Iterator[MakeProject]:
    """Projects that end with the test."""
    with projects(tmp_path) as make:
        yield make
