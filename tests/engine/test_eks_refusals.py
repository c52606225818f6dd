"""Bad stacks on EKS through real `pulumi preview`: refused as `modelyard check` does, with nothing registered."""

import copy
from collections.abc import Callable, Iterator

import pytest

from modelyard.cli import main
from tests.engine.cloud_stack import Json
from tests.engine.eks_stack import PROD_EKS
from tests.engine.local_stack import LocalStack
from tests.support.eks_world import EksWorld
from tests.support.update import Result

pytestmark = pytest.mark.engine

PROGRAM = """
from modelyard import PoolSpec
from modelyard.cluster.eks.cluster import EksCluster
from modelyard.cluster.eks.spec import EksSpec

EksCluster("c", EksSpec(region="us-east-1"), {"l4": PoolSpec(accelerator="l4", max_nodes=2)})
"""


def _values(stack: Json) -> None:
    """What is seen in one block."""
    stack["cluster"]["eks"]["service_cidr"] = "10.20.128.0/20"
    stack["cluster"]["eks"]["api_endpoint"]["public_cidrs"] = ["0.0.0.0/0"]
    stack["cluster"]["eks"]["network"]["zones"] = 1
    stack["pools"]["l4"]["sharing"] = {"mig": "1g.10gb"}
    stack["pools"]["h100"]["zones"] = ["us-east-1a", "us-east-1b"]


def _rules(stack: Json) -> None:
    """What takes the cloud, its node images or several blocks to see."""
    stack["pools"]["amd"] = {"accelerator": "mi300x", "gpus_per_node": 8}
    stack["pools"]["h100"] |= {"zones": ["us-east-1f"], "driver": "operator"}
    stack["pools"]["l4"] = {"accelerator": "l4", "max_nodes": 8, "capacity": "flex_start"}
    stack["pools"]["system"]["min_nodes"] = 0


def _auto_mode(stack: Json) -> None:
    """What AWS keeps to itself."""
    stack["cluster"]["eks"]["provisioner"] = "auto_mode"
    stack["pools"]["l4"]["sharing"] = {"time_slicing": {"replicas": 4}}


CASES: dict[str, tuple[Callable[[Json], None], list[str]]] = {
    "values": (
        _values,
        [
            "cluster.eks.api_endpoint.public_cidrs[0]: 0.0.0.0/0 lets most of the internet reach the API server; ",
            "cluster.eks.network.zones: 1 zones are not possible; ",
            "cluster.eks.service_cidr: 10.20.128.0/20 overlaps the VPC's 10.20.0.0/16; ",
            "pools.h100.zones: rdma reaches within one zone, not 2; ",
            "pools.l4.sharing.mig: l4 cannot be divided by MIG; ",
        ],
    ),
    "rules": (
        _rules,
        [
            "pools: no pool has a node for what the cluster itself runs (names, operators, the autoscaler); ",
            "pools.amd.accelerator: aws has no machines with mi300x; ",
            "pools.h100.driver: the image has the driver, and a second one breaks the first; ",
            "pools.h100.zones[0]: the cluster has no zone 'us-east-1f'; ",
            "pools.l4.capacity: EKS has no machines that queue until there is capacity; ",
        ],
    ),
    "auto mode": (_auto_mode, ["pools.l4.sharing.time_slicing: AWS runs the device plugin of EKS Auto Mode, "]),
}
"""What makes the production stack bad, and how each message begins."""
_PULUMIS_OWN = {"an unhandled error occurred: program exited with non-zero exit code: 1"}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> EksWorld:
    """An account in which nothing is ever made."""
    return EksWorld(tmp_path_factory.mktemp("account"))


@pytest.fixture(scope="module")
def stack(world: EksWorld, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    """The production stack, which is never made."""
    made = LocalStack(tmp_path_factory.mktemp("refused"), PROD_EKS, environment=world.environment())
    yield made
    made.close()


def refused(stack: LocalStack, world: EksWorld) -> Result:
    """Preview the stack, which must be refused with nothing registered and no stack trace."""
    result = stack.project.preview(fails=True)
    assert "Traceback" not in result.text
    assert {step.type for step in result.steps} <= {"pulumi:pulumi:Stack"}
    assert stack.project.resources() == []
    assert world.calls() == []
    return result


@pytest.mark.parametrize("case", CASES)
def test_preview_refuses_what_check_refuses(
    stack: LocalStack, world: EksWorld, capsys: pytest.CaptureFixture[str], case: str
) -> None:
    """Every problem at once, in the same words, and none that a case does not name."""
    spoil, beginnings = CASES[case]
    stack.spec = copy.deepcopy(PROD_EKS)
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


def test_python_gets_the_same_errors(stack: LocalStack, world: EksWorld) -> None:
    """A component of its own refuses its pools before it registers anything."""
    program = stack.folder / "stacks" / "__main__.py"
    before = program.read_text(encoding="utf-8")
    program.write_text(PROGRAM, encoding="utf-8")
    try:
        result = refused(stack, world)
    finally:
        program.write_text(before, encoding="utf-8")
    assert "pools: no pool has a node for what the cluster itself runs" in result.messages("error")
