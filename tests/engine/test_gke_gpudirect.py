"""GPUDirect-TCPX and -TCPXO on GKE: the networks come and go with their pools, and trainings run in them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engine.cloud_kinds import MakeStack, destroyed, wait_for_every_pod, with_pools
from tests.engine.cloud_servers import CloudServers
from tests.engine.cloud_stack import Json
from tests.engine.gke_stack import gke_stacks
from tests.engine.steps import assert_before
from tests.support.gke_world import PROJECT

pytestmark = pytest.mark.engine

SYSTEM: Json = {"machine_type": "n2-standard-8", "min_nodes": 2, "max_nodes": 4}
H100: Json = {"accelerator": "h100", "gpus_per_node": 8, "capacity": "spot", "max_nodes": 2}
HIGH, MEGA = {**H100, "fabric": "tcpx"}, {**H100, "fabric": "tcpxo"}


def spec_of(trainings: dict[str, Json]) -> Json:
    """A stack with a training on two nodes of each pool."""
    cluster = {"project": PROJECT, "region": "us-central1"}
    pools = {name: (pool, 2, 8) for name, pool in trainings.items()}
    return {"cluster": {"gke": cluster}, **with_pools(SYSTEM, {}, pools, fabric=True)}


@pytest.fixture
def make(tmp_path: Path, cloud_servers: CloudServers) -> Iterator[MakeStack]:
    with gke_stacks(tmp_path, cloud_servers) as making:
        yield making


def test_trainings_run_in_networks_that_come_and_go(make: MakeStack) -> None:
    stack = make(spec_of({"high": HIGH, "mega": MEGA}))
    before = stack.world.left()
    stack.project.up()
    wait_for_every_pod(stack)
    assert len(stack.world.resources("Network")) == 1 + 8
    assert len(stack.world.resources("NodePool")) == 3
    assert stack.project.preview("--expect-no-changes").unchanged

    # Four cards need no more than four networks.
    def without_mega(spec: Json) -> None:
        del spec["pools"]["mega"], spec["workspaces"]["team"]["training"]["on-mega"]

    stack.configure(without_mega)
    assert_before(stack.project.up(), "NodePool test-mega", "Subnetwork test-gpu-8")
    assert len(stack.world.resources("Network")) == 1 + 4

    result = destroyed(stack)
    assert stack.world.left() == before
    assert_before(result, "Job team-on-high", "NodePool test-high")
    assert_before(result, "NodePool test-high", "GKENetworkParamSet test-gpu-1-parameters")
