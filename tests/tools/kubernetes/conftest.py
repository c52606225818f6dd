"""Fixtures of the stand-in's tests."""

import itertools
from collections.abc import Callable, Iterator

import pytest

from tests.support.control_plane import ApiServer
from tests.support.processes import wait_until
from tests.tools.kubernetes.cluster import NODE, Cluster
from tests.tools.kubernetes.plugin import Plugin

_numbers = itertools.count()


@pytest.fixture(scope="session")
def cluster(api_server: ApiServer) -> Cluster:
    """A control plane with one simulated node."""
    found = Cluster(api_server.kubeconfig)
    found.apply(NODE)

    def ready() -> bool:
        conditions = found.get("node", "simulated").get("status", {}).get("conditions", [])
        return any(item["type"] == "Ready" and item["status"] == "True" for item in conditions)

    wait_until(ready, "the simulated node's readiness")
    return found


@pytest.fixture
def namespace(cluster: Cluster) -> Iterator[str]:
    """A namespace of the test's own."""
    name = f"test-{next(_numbers)}"
    cluster.make_namespace(name)
    yield name
    cluster.give_up_namespace(name)


@pytest.fixture
def start_plugin() -> Iterator[Callable[[], Plugin]]:
    """Plugins that are not configured yet."""
    plugins: list[Plugin] = []

    def start() -> Plugin:
        plugins.append(Plugin())
        return plugins[-1]

    yield start
    for plugin in plugins:
        plugin.close()


@pytest.fixture(scope="session")
def running_plugin() -> Iterator[Plugin]:
    """One plugin for all tests that do not end or cancel it."""
    started = Plugin()
    yield started
    started.close()


@pytest.fixture
def plugin(running_plugin: Plugin, cluster: Cluster, namespace: str) -> Plugin:
    """The plugin, configured afresh for the test's own namespace."""
    running_plugin.engine.lines.clear()
    running_plugin.configure(kubeconfig=str(cluster.kubeconfig), namespace=namespace)
    return running_plugin
