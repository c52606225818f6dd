"""Every provisioner, network, kind of capacity and kind of sharing on EKS, each with a pod that runs."""

from collections.abc import Iterator
from contextlib import AbstractContextManager

import pytest

from tests.engine.cloud_kinds import (
    MakeStack,
    Pools,
    Trainings,
    assert_devices,
    destroyed,
    wait_for_every_pod,
    with_pools,
)
from tests.engine.cloud_servers import CloudServers
from tests.engine.cloud_stack import Json
from tests.engine.eks_stack import EksStack, eks_stacks
from tests.engine.steps import assert_before, changed
from tests.support.manifests import simulated_nodes
from tests.support.processes import wait_until

pytestmark = pytest.mark.engine

SYSTEM: Json = {"machine_type": "m7i.2xlarge", "min_nodes": 2, "max_nodes": 3}
RESERVATION, BLOCK = "cr-0123456789abcdef0", "cr-0fedcba9876543210"
GROUP = "arn:aws:resource-groups:us-east-1:123456789012:group/l4"
ZONE = "us-east-1a"

CAPACITIES: Pools = {
    "spot": ({"accelerator": "l4", "capacity": "spot", "machine_types": ["g6.2xlarge"]}, 1),
    "reserved": ({"accelerator": "l4", "capacity": {"reservation": RESERVATION}, "zones": [ZONE]}, 1),
    "block": (
        {"machine_type": "p5en.48xlarge", "capacity": {"capacity_block": BLOCK}, "zones": [ZONE]},
        8,
    ),
}
WHOLE: Pools = {
    "neuron": ({"accelerator": "inferentia2", "gpus_per_node": 6}, 6),
    "arm": ({"accelerator": "t4g"}, 1),
}
SHARES: Pools = {
    "mig": ({"accelerator": "a100-80gb", "gpus_per_node": 8, "sharing": {"mig": "1g.10gb"}}, {"mig": "1g.10gb"}),
    "mixed": (
        {"accelerator": "h100", "gpus_per_node": 8, "sharing": {"mig": {"3g.40gb": 1, "1g.10gb": 4}}},
        {"mig": "3g.40gb", "count": 8},
    ),
    "turns": ({"accelerator": "l4", "sharing": {"time_slicing": {"replicas": 4}}}, 1),
    "mps": ({"accelerator": "l4", "sharing": {"mps": {"replicas": 2}}}, 1),
}
BOTTLEROCKET: Pools = {
    "b-whole": ({"accelerator": "l4", "node_image": "bottlerocket"}, 1),
    "b-mig": (
        {
            "accelerator": "a100-80gb",
            "gpus_per_node": 8,
            "sharing": {"mig": "3g.40gb"},
            "node_image": "bottlerocket",
        },
        {"mig": "3g.40gb", "count": 2},
    ),
    "b-turns": (
        {"accelerator": "l4", "sharing": {"time_slicing": {"replicas": 4}}, "node_image": "bottlerocket"},
        1,
    ),
}
CLAIMS: Pools = {"claims": ({"accelerator": "l4", "device_allocation": "dra", "min_nodes": 1}, 1)}
GROUP_OF_RESERVATIONS: Pools = {"grouped": ({"accelerator": "l4", "capacity": {"reservation": GROUP}}, 1)}
CLOSE: Trainings = {"close": ({"accelerator": "h100", "gpus_per_node": 8, "fabric": "rdma", "max_nodes": 2}, 2, 8)}
DEVICES = {
    "mig": {"nvidia.com/mig-1g.10gb": "56"},
    "mixed": {"nvidia.com/mig-3g.40gb": "8", "nvidia.com/mig-1g.10gb": "32"},
    "turns": {"nvidia.com/gpu": "4"},
    "mps": {"nvidia.com/gpu": "2"},
    "b-mig": {"nvidia.com/gpu": "16"},
    "b-turns": {"nvidia.com/gpu": "4"},
}
"""What nodes of shared GPUs advertise, and no GPU beside it."""


def spec_of(eks: Json, pools: Pools) -> Json:
    """A stack with these pools, and one whose nodes stand close together."""
    cluster = {"region": "us-east-1", "api_endpoint": {"public_cidrs": ["203.0.113.0/24"]}, **eks}
    return {"cluster": {"eks": cluster}, **with_pools(SYSTEM, pools, CLOSE, fabric=True)}


@pytest.fixture(scope="module")
def make(tmp_path_factory: pytest.TempPathFactory, cloud_servers: CloudServers) -> Iterator[MakeStack]:
    """Stacks one after the other."""
    with eks_stacks(tmp_path_factory.mktemp("eks"), cloud_servers) as making:
        yield making


def dra_driver(stack: EksStack) -> AbstractContextManager[None]:
    """What NVIDIA's driver tells of the one node whose GPU is claimed: a class of devices, and a device."""
    [node] = [each["metadata"]["name"] for each in stack.nodes()["claims"]]
    driver, version = "gpu.nvidia.com", "resource.k8s.io/v1"
    selector = {"cel": {"expression": f"device.driver == '{driver}'"}}
    device_class = {
        "apiVersion": version,
        "kind": "DeviceClass",
        "metadata": {"name": driver},
        "spec": {"selectors": [selector]},
    }
    pool = {"name": node, "generation": 1, "resourceSliceCount": 1}
    resource_slice = {
        "apiVersion": version,
        "kind": "ResourceSlice",
        "metadata": {"name": "gpus"},
        "spec": {"driver": driver, "nodeName": node, "pool": pool, "devices": [{"name": "gpu-0"}]},
    }
    return simulated_nodes(stack.api_server, [device_class, resource_slice])


def test_managed_node_groups_of_every_kind(make: MakeStack) -> None:
    """The cluster autoscaler starts every pool from zero, from what the node groups' tags say."""
    pools = {**CAPACITIES, **GROUP_OF_RESERVATIONS, **WHOLE, **SHARES, **BOTTLEROCKET, **CLAIMS}
    stack = make(spec_of({"network": {"zones": 2, "nat": "single", "flow_logs": True}}, pools))
    stack.project.up()
    with dra_driver(stack):
        wait_for_every_pod(stack)
    assert_devices(stack, DEVICES)
    groups = {each.inputs["labels"]["modelyard.dev/pool"]: each.inputs for each in stack.world.resources("NodeGroup")}
    kinds = {"spot": "SPOT", "reserved": "ON_DEMAND", "block": "CAPACITY_BLOCK", "close": "ON_DEMAND"}
    assert {pool: groups[pool]["capacityType"] for pool in kinds} == kinds
    assert groups["b-mig"]["amiType"] == "BOTTLEROCKET_x86_64_NVIDIA"
    assert groups["arm"]["amiType"] == "AL2023_ARM_64_NVIDIA"
    assert stack.world.one("PlacementGroup").inputs["strategy"] == "cluster"
    assert stack.project.preview("--expect-no-changes").unchanged
    result = destroyed(stack)
    assert stack.world.left() == []
    for pool in pools:
        assert_before(result, f"Job team-on-{pool}", f"NodeGroup test-{pool}")


def test_karpenter(make: MakeStack) -> None:
    """NodePools from zero, from what EC2 and the overlays say; they go while Karpenter still runs."""
    pools = {**CAPACITIES, **WHOLE, **SHARES, **BOTTLEROCKET}
    stack = make(spec_of({"provisioner": "karpenter"}, pools))
    stack.project.up()
    wait_for_every_pod(stack)
    assert_devices(stack, DEVICES)
    assert len(stack.world.resources("NodeGroup")) == 1, "only what Karpenter itself runs on"

    stack.configure(lambda spec: spec["pools"]["spot"].update(max_nodes=2))
    assert changed(stack.project.up("--refresh")) == {"NodePool test-spot-more": {"update"}}

    result = destroyed(stack)
    assert stack.world.left() == []
    for pool in pools:
        assert_before(result, f"Job team-on-{pool}", f"NodePool test-{pool}-more")
    assert_before(result, "NodePool ", "Release test-karpenter")
    assert_before(result, "Release test-karpenter", "NodeGroup ")
    assert_before(result, "NodePool ", "InstanceProfile ")
    assert_before(result, "NodeGroup ", "Cluster test-cluster")


def test_auto_mode_in_a_network_that_exists(make: MakeStack) -> None:
    """Nothing of the network is made, changed or removed. Sharing is refused there: all pools are whole."""
    stack = make(spec_of({"provisioner": "auto_mode"}, {**CAPACITIES, "neuron": WHOLE["neuron"]}))
    vpc, private, _ = stack.world.add_vpc([ZONE, "us-east-1b"])
    before = stack.world.left()
    network = {"vpc_id": vpc, "private_subnet_ids": private}
    stack.configure(lambda spec: spec["cluster"]["eks"].update(network=network))
    stack.project.up()
    wait_for_every_pod(stack)
    assert len(stack.nodes()["system"]) == SYSTEM["min_nodes"]
    assert stack.world.resources("NodeGroup") == []
    assert {each.id for each in stack.world.resources("Vpc")} == {vpc}
    assert stack.project.preview("--expect-no-changes").unchanged

    result = destroyed(stack)
    assert stack.world.left() == before
    wait_until(lambda: not stack.world.resources("Instance"), "the end of EKS' own machines")
    for pool in CAPACITIES:
        assert_before(result, f"Job team-on-{pool}", f"NodePool test-{pool}")
    assert_before(result, "NodePool ", "Cluster test-cluster")
