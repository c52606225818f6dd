"""Bad stacks on AKS through real `pulumi preview`: refused as `modelyard check` does, with nothing registered."""

import copy
from collections.abc import Callable, Iterator

import pytest

from modelyard.cli import main
from tests.engine.aks_stack import PROD_AKS
from tests.engine.cloud_stack import Json
from tests.engine.local_stack import LocalStack
from tests.support.aks_world import AksWorld
from tests.support.azure import SUBSCRIPTION
from tests.support.update import Result

pytestmark = pytest.mark.engine

RESERVED = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/r/providers/Microsoft.Compute/capacityReservationGroups/g"
PROGRAM = f"""
from modelyard import AksCluster, AksSpec, PoolSpec

spec = AksSpec(subscription_id="{SUBSCRIPTION}", region="eastus2", admins=["{SUBSCRIPTION}"])
AksCluster("c", spec, {{"a10": PoolSpec(accelerator="a10", max_nodes=2, capacity="spot")}})
"""


def _values(stack: Json) -> None:
    """What is seen in one block."""
    aks = stack["cluster"]["aks"]
    aks["service_cidr"] = "10.20.128.0/20"
    aks["api_endpoint"]["public_cidrs"] = ["0.0.0.0/0"]
    aks["admins"] = []
    aks["zones"] = ["eastus2-4"]
    aks["tier"] = "premium"
    stack["pools"]["a10"]["sharing"] = {"mig": "1g.10gb"}
    stack["pools"]["h100"]["zones"] = ["eastus2-1", "eastus2-2"]


def _rules(stack: Json) -> None:
    """What takes the cloud, its node images or several blocks to see."""
    pools = stack["pools"]
    pools["l4"] = {"accelerator": "l4"}
    pools["h100"] |= {"zones": ["eastus2-5"], "capacity": {"reservation": RESERVED}}
    pools["a10"] = {"accelerator": "a10", "max_nodes": 8, "capacity": "flex_start"}
    pools["mixed"] = {"accelerator": "h100", "gpus_per_node": 8, "sharing": {"mig": {"3g.40gb": 1, "1g.10gb": 4}}}
    pools["claims"] = {"accelerator": "t4", "device_allocation": "dra"}
    pools["linux"] = {"accelerator": "t4", "driver": "operator", "node_image": "azurelinux"}
    pools["labels"] = {"machine_type": "Standard_D4s_v5", "node_labels": {"kubernetes.azure.com/mode": "x"}}


def _only_spot(stack: Json) -> None:
    """What Azure takes back at any time runs nothing that the cluster needs."""
    stack["pools"]["system"]["capacity"] = "spot"


def _provisioned(stack: Json) -> None:
    """What Karpenter on AKS does not do."""
    stack["cluster"]["aks"]["provisioner"] = "node_auto_provisioning"
    stack["pools"]["mig"] = {"accelerator": "a100-80gb", "sharing": {"mig": "1g.10gb"}}
    stack["pools"]["amd"] = {"accelerator": "mi300x", "gpus_per_node": 8}


CASES: dict[str, tuple[Callable[[Json], None], list[str]]] = {
    "values": (
        _values,
        [
            "cluster.aks.admins: without one nobody could use the cluster; ",
            "cluster.aks.api_endpoint.public_cidrs[0]: 0.0.0.0/0 lets most of the internet reach the API server; ",
            "cluster.aks.service_cidr: 10.20.128.0/20 overlaps network.cidr 10.20.0.0/16; ",
            "cluster.aks.tier: is standard but for long support, which is not asked for, ",
            "cluster.aks.zones[0]: 'eastus2-4' is no zone of eastus2; ",
            "pools.a10.sharing.mig: a10 cannot be divided by MIG; ",
            "pools.h100.zones: rdma reaches within one zone, not 2; ",
        ],
    ),
    "rules": (
        _rules,
        [
            "pools.a10.capacity: Azure has no machines that queue until there is capacity; ",
            "pools.claims.device_allocation: AKS' autoscaler takes nodes without the resource nvidia.com/gpu ",
            "pools.h100.capacity: Azure reserves no machines of type Standard_ND96isr_H100_v5; ",
            "pools.h100.zones[0]: the cluster has no zone 'eastus2-5'; ",
            "pools.l4.accelerator: azure has no machines with l4; ",
            "pools.labels.node_labels.kubernetes.azure.com/mode: labels of kubernetes.azure.com are not for users ",
            "pools.linux.driver: NVIDIA's GPU operator has no driver for Azure Linux; ",
            "pools.mixed.sharing.mig: AKS divides each GPU into as many as fit of one profile; ",
        ],
    ),
    "only spot": (_only_spot, ["pools: no pool has a node for what the cluster itself runs (names, operators); "]),
    "node auto-provisioning": (
        _provisioned,
        [
            "pools.amd.accelerator: node auto-provisioning makes no nodes without a driver of NVIDIA's; ",
            "pools.h100.fabric: node auto-provisioning does not keep nodes on one InfiniBand fabric; ",
            "pools.mig.sharing.mig: node auto-provisioning divides no GPUs; ",
        ],
    ),
}
"""What makes the production stack bad, and how each message begins."""
_PULUMIS_OWN = {"an unhandled error occurred: program exited with non-zero exit code: 1"}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> AksWorld:
    """A subscription in which nothing is ever made."""
    return AksWorld(tmp_path_factory.mktemp("account"))


@pytest.fixture(scope="module")
def stack(world: AksWorld, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    """The production stack, which is never made."""
    made = LocalStack(tmp_path_factory.mktemp("refused"), PROD_AKS, environment=world.environment())
    yield made
    made.close()


def refused(stack: LocalStack, world: AksWorld) -> Result:
    """Preview the stack, which must be refused with nothing registered and no stack trace."""
    result = stack.project.preview(fails=True)
    assert "Traceback" not in result.text
    assert {step.type for step in result.steps} <= {"pulumi:pulumi:Stack"}
    assert stack.project.resources() == []
    assert world.calls() == []
    return result


@pytest.mark.parametrize("case", CASES)
def test_preview_refuses_what_check_refuses(
    stack: LocalStack, world: AksWorld, capsys: pytest.CaptureFixture[str], case: str
) -> None:
    """Every problem at once, in the same words, and none that a case does not name."""
    spoil, beginnings = CASES[case]
    stack.spec = copy.deepcopy(PROD_AKS)
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


def test_python_gets_the_same_errors(stack: LocalStack, world: AksWorld) -> None:
    """A component of its own refuses its pools before it registers anything."""
    program = stack.folder / "stacks" / "__main__.py"
    before = program.read_text(encoding="utf-8")
    program.write_text(PROGRAM, encoding="utf-8")
    try:
        result = refused(stack, world)
    finally:
        program.write_text(before, encoding="utf-8")
    assert "pools: no pool has a node for what the cluster itself runs" in result.messages("error")
