"""Bad stacks on GKE through real `pulumi preview`: refused as `modelyard check` does, with nothing registered."""

import copy
from collections.abc import Callable, Iterator

import pytest

from modelyard.cli import main
from tests.engine.cloud_stack import Json
from tests.engine.gke_stack import PROD_GKE
from tests.engine.local_stack import LocalStack
from tests.support.gke_world import GkeWorld
from tests.support.update import Result

pytestmark = pytest.mark.engine

PROGRAM = """
from modelyard import PoolSpec
from modelyard.cluster.gke.cluster import GkeCluster
from modelyard.cluster.gke.spec import GkeSpec

GkeCluster("c", GkeSpec(project="ml-prod-4711", region="us-central1"), {"l4": PoolSpec(accelerator="l4", max_nodes=2)})
"""


def _values(stack: Json) -> None:
    """What is seen in one block."""
    gke = stack["cluster"]["gke"]
    gke |= {"api_endpoint": {"dns": False, "public_cidrs": ["0.0.0.0/0"]}, "autopilot": True, "zones": 5}
    gke["network"]["services_cidr"] = "10.24.16.0/20"
    stack["pools"]["l4"]["sharing"] = {"mig": "1g.10gb"}
    stack["pools"]["h200"]["zones"] = ["us-central1-a", "us-central1-b"]


def _accelerators(stack: Json) -> None:
    """What takes the cloud to see."""
    tpu = {"accelerator": "tpu-v5e", "gpus_per_node": 4}
    stack["pools"] |= {
        "amd": {"accelerator": "mi300x", "gpus_per_node": 8, "max_nodes": 1},
        "part": {**tpu, "tpu_topology": "4x4", "max_nodes": 3},
        "odd": {**tpu, "tpu_topology": "3x5", "max_nodes": 4},
        "queue": {"accelerator": "l4", "capacity": "queued", "min_nodes": 1, "max_nodes": 2},
    }


def _cluster(stack: Json) -> None:
    """What takes the cluster to see."""
    stack["pools"]["system"]["capacity"] = "spot"
    stack["pools"]["h200"]["zones"] = ["us-central1-x"]
    stack["pools"]["l4"]["node_labels"] = {"cloud.google.com/team": "a"}
    zones = ["us-central1-a", "us-central1-b", "us-central1-c"]
    stack["pools"] |= {
        "close": {"machine_type": "e2-standard-4", "placement": "compact", "max_nodes": 2},
        "many": {"machine_type": "n2-standard-4", "max_nodes": 1500},
        "wide": {"machine_type": "n2-standard-4", "capacity": "spot", "min_nodes": 1, "max_nodes": 2, "zones": zones},
    }


def _provisioner(stack: Json) -> None:
    """What node auto-provisioning cannot make."""
    stack["cluster"]["gke"]["provisioner"] = "node_auto_provisioning"


CASES: dict[str, tuple[Callable[[Json], None], list[str]]] = {
    "values": (
        _values,
        [
            "cluster.gke.api_endpoint.public_cidrs[0]: 0.0.0.0/0 lets most of the internet reach the API server; ",
            "cluster.gke.autopilot: Autopilot has no node pools: ",
            "cluster.gke.network.services_cidr: 10.24.16.0/20 overlaps 10.24.0.0/14; ",
            "cluster.gke.zones: 5 zones are not possible in us-central1, of which modelyard knows 4; ",
            "pools.h200.zones: rdma reaches within one zone, not 2; ",
            "pools.l4.sharing.mig: l4 cannot be divided by MIG; ",
        ],
    ),
    "accelerators": (
        _accelerators,
        [
            "pools.amd.accelerator: gcp has no machines with mi300x; ",
            "pools.odd.tpu_topology: tpu-v5e has no slices of 3x5; ",
            "pools.part.max_nodes: a slice of 4x4 has 4 nodes, which come all together, not 3; ",
            "pools.queue.min_nodes: 1 cannot be had at once: ",
        ],
    ),
    "cluster": (
        _cluster,
        [
            "pools: no pool has a node for what the cluster itself runs (names, operators); ",
            "pools: 1522 nodes of all pools together are more than the 1024 that the network has addresses for; ",
            "pools.close.placement: Google puts no e2 machines close together; ",
            "pools.h200.zones[0]: the cluster has no zone 'us-central1-x'; ",
            "pools.l4.node_labels.cloud.google.com/team: labels of cloud.google.com are not for users to set; ",
            "pools.wide.zones: a node pool begins with as many nodes in each zone, 3 for 1 in 3, ",
        ],
    ),
    "provisioner": (
        _provisioner,
        ["pools.h200.fabric: node auto-provisioning makes no node pools with networks between GPUs; "],
    ),
}
"""What makes the production stack bad, and how each message begins."""
_PULUMIS_OWN = {"an unhandled error occurred: program exited with non-zero exit code: 1"}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> GkeWorld:
    """An account in which nothing is ever made."""
    return GkeWorld(tmp_path_factory.mktemp("account"))


@pytest.fixture(scope="module")
def stack(world: GkeWorld, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    """The production stack, which is never made."""
    made = LocalStack(tmp_path_factory.mktemp("refused"), PROD_GKE, environment=world.environment())
    yield made
    made.close()


def refused(stack: LocalStack, world: GkeWorld) -> Result:
    """Preview the stack, which must be refused with nothing registered and no stack trace."""
    result = stack.project.preview(fails=True)
    assert "Traceback" not in result.text
    assert {step.type for step in result.steps} <= {"pulumi:pulumi:Stack"}
    assert stack.project.resources() == []
    assert world.calls() == []
    return result


@pytest.mark.parametrize("case", CASES)
def test_preview_refuses_what_check_refuses(
    stack: LocalStack, world: GkeWorld, capsys: pytest.CaptureFixture[str], case: str
) -> None:
    """Every problem at once, in the same words, and none that a case does not name."""
    spoil, beginnings = CASES[case]
    stack.spec = copy.deepcopy(PROD_GKE)
    stack.configure()
    assert main(["check", str(stack.file)]) == 0
    spoil(stack.spec)
    stack.configure()
    capsys.readouterr()
    assert main(["check", str(stack.file)]) == 2
    problems = [line.strip() for line in capsys.readouterr().err.splitlines()[1:]]
    assert len(problems) == len(beginnings)
    assert [start for start in beginnings if not any(each.startswith(start) for each in problems)] == []
    shown = refused(stack, world).messages("error").splitlines()
    assert sorted(line for line in shown if line not in _PULUMIS_OWN) == sorted(problems)


def test_python_gets_the_same_errors(stack: LocalStack, world: GkeWorld) -> None:
    """A component of its own refuses its pools before it registers anything."""
    program = stack.folder / "stacks" / "__main__.py"
    before = program.read_text(encoding="utf-8")
    program.write_text(PROGRAM, encoding="utf-8")
    try:
        result = refused(stack, world)
    finally:
        program.write_text(before, encoding="utf-8")
    assert "pools: no pool has a node for what the cluster itself runs" in result.messages("error")
