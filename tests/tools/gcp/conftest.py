"""Fixtures of the simulated Google Cloud's tests."""

from pathlib import Path

import pytest

from tests.tools.gcp import things
from tests.tools.gcp.account import Gcp, Made


@pytest.fixture
def empty(tmp_path: Path) -> Gcp:
    """A project in which nothing is enabled, and where nothing takes time."""
    return Gcp(tmp_path / "world")


@pytest.fixture
def gcp(empty: Gcp) -> Gcp:
    """A project with the APIs that a cluster needs."""
    empty.world.enable("compute", "container", "iam", "cloudresourcemanager", "cloudkms", "storage")
    return empty


@pytest.fixture
def network(gcp: Gcp) -> things.Network:
    """A network with a way out."""
    return things.network(gcp)


@pytest.fixture
def cluster(gcp: Gcp, network: things.Network) -> Made:
    """A cluster without pools in it."""
    return gcp.create(things.CLUSTER, "small", things.cluster_inputs(network))
