"""Both provisioners, kinds of networks, capacity and sharing through the real engine, each with a pod that runs.

The simulated account refuses what Google would; its autoscaler and its node auto-provisioning make nodes that offer
what the stack told them, so that a pod finds a node only where the two agree.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.engine.cloud_stack import Json, assert_before, changed
from tests.engine.gke_stack import GkeStack, gke_stacks
from tests.support.gke_world import PROJECT
from tests.support.update import Result

pytestmark = pytest.mark.engine

SYSTEM: Json = {"machine_type": "n2-standard-8", "min_nodes": 2, "max_nodes": 3}
ZONE = "us-central1-a"

# Of each pool its spec, and what a pod asks for that fills a node of it.
Pools = dict[str, tuple[Json, Any]]
CAPACITIES: Pools = {
    "spot": ({"accelerator": "l4", "capacity": "spot", "machine_type": "g2-standard-8"}, 1),
    "reserved": ({"accelerator": "a100-40gb", "capacity": {"reservation": "a100"}, "zones": [ZONE]}, 1),
    "flex": ({"accelerator": "a100-40gb", "capacity": "flex_start"}, 1),
}
WHOLE: Pools = {
    "arm": ({"machine_type": "c4a-standard-4"}, 0),
    "tpu": ({"accelerator": "tpu-v5e", "gpus_per_node": 4}, 4),
}
SHARES: Pools = {
    "mig": ({"accelerator": "a100-80gb", "sharing": {"mig": "1g.10gb"}}, {"mig": "1g.10gb"}),
    "turns": ({"accelerator": "l4", "sharing": {"time_slicing": {"replicas": 4}}}, 1),
    "mps": ({"accelerator": "l4", "sharing": {"mps": {"replicas": 2}}}, 1),
}
IMAGES: Pools = {"ubuntu": ({"accelerator": "l4", "node_image": "ubuntu"}, 1)}
CLOSE: Json = {"accelerator": "h200", "gpus_per_node": 8, "placement": "compact", "zones": [ZONE]}
SLICE: Json = {"accelerator": "tpu-v5e", "gpus_per_node": 4, "tpu_topology": "4x4", "max_nodes": 4}
TRAININGS = {"close": (CLOSE, 2, 8), "slice": (SLICE, 4, 4)}
"""Of each pool whose nodes stand together its spec, and how many nodes of how many devices a training has."""
DEVICES = {
    "mig": {"nvidia.com/gpu": "7"},
    "turns": {"nvidia.com/gpu": "4"},
    "mps": {"nvidia.com/gpu": "2"},
    "tpu": {"google.com/tpu": "4"},
    "slice": {"google.com/tpu": "4"},
}
"""What nodes advertise."""


def spec_of(gke: Json, pools: Pools, *, trainings: tuple[str, ...] = ()) -> Json:
    """A stack with these pools, a job on each, and a training on each pool whose nodes stand together."""
    image = "registry.example.org/train:1.0.0"
    jobs = {f"on-{name}": {"image": image, "pool": name, "gpus": gpus} for name, (_, gpus) in pools.items()}
    made: Json = {"system": SYSTEM, **{name: {"max_nodes": 2, **pool} for name, (pool, _) in pools.items()}}
    workspace: Json = {"jobs": jobs}
    for name in trainings:
        pool, nodes, devices = TRAININGS[name]
        made[name] = {"max_nodes": 2, **pool}
        workspace.setdefault("training", {})[f"on-{name}"] = {
            "image": image, "pool": name, "nodes": nodes, "gpus_per_node": devices,
        }  # fmt: skip
    return {
        "cluster": {"gke": {"project": PROJECT, "region": "us-central1", **gke}},
        "pools": made,
        "workspaces": {"team": workspace},
    }


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Callable[..., GkeStack]]:
    """Stacks on an API server of their own."""
    with gke_stacks(tmp_path) as making:
        yield making


def wait_for_every_pod(stack: GkeStack) -> None:
    """Every job, and all pods of trainings, on nodes of their pool."""
    wanted = {(f"on-{pool}", pool): TRAININGS[pool][1] if pool in TRAININGS else 1 for pool in stack.spec["pools"]}
    del wanted["on-system", "system"]
    stack.wait_until_placed(wanted)


def assert_devices(stack: GkeStack) -> None:
    """Nodes of shared GPUs have their slices or shares."""
    found = {
        pool: {name: count for name, count in nodes[0]["status"]["allocatable"].items() if ".com/" in name}
        for pool, nodes in stack.nodes().items()
        if pool in DEVICES
    }
    assert found == {pool: DEVICES[pool] for pool in stack.spec["pools"] if pool in DEVICES}


def destroyed(stack: GkeStack) -> Result:
    """Destroy the stack; what other stacks on the same API server would see is gone as well."""
    result = stack.project.destroy()
    assert stack.get("nodes") == []
    assert stack.get("namespaces", "--selector=modelyard.dev/stack") == []
    return result


def test_node_pools_of_every_kind_in_a_network_that_exists(make: Callable[..., GkeStack]) -> None:
    """GKE's autoscaler starts every pool from zero. Nothing of the network is made, changed or removed."""
    pools = {**CAPACITIES, **WHOLE, **SHARES, **IMAGES}
    gke = {"control_plane": "zonal", "zones": [ZONE]}
    stack = make(spec_of(gke, pools, trainings=("close", "slice")))
    stack.world.enable("compute")
    network, subnetwork = stack.world.add_network()
    before = stack.world.left()
    existing = {"network": network, "subnetwork": subnetwork, "pods_range": "pods", "services_range": "services"}
    stack.configure(lambda spec: spec["cluster"]["gke"].update(network=existing))
    stack.project.up()
    wait_for_every_pod(stack)
    assert_devices(stack)
    assert len(stack.nodes()["slice"]) == 4, "a slice comes as a whole"
    assert {each.id for each in stack.world.resources("Network")} == {network}
    assert stack.world.one("Cluster").outputs["location"] == ZONE
    assert stack.project.preview("--expect-no-changes").unchanged
    result = destroyed(stack)
    assert stack.world.left() == before
    for pool in pools:
        assert_before(result, f"Job team-on-{pool}", f"NodePool test-{pool}")


def test_node_auto_provisioning(make: Callable[..., GkeStack]) -> None:
    """ComputeClasses from zero, reached by an address that only a private network knows, with a key of the user's."""
    pools = {**CAPACITIES, "arm": WHOLE["arm"], "tpu": WHOLE["tpu"]}
    api_endpoint = {"dns": False, "private_cidrs": ["10.0.0.0/8"]}
    stack = make(spec_of({"provisioner": "node_auto_provisioning", "api_endpoint": api_endpoint}, pools))
    stack.world.enable("compute", "cloudkms")
    key = stack.world.add_key("disks")
    before = stack.world.left()
    stack.configure(lambda spec: spec["cluster"]["gke"].update(encryption={"key": key}))
    stack.project.up()
    wait_for_every_pod(stack)
    assert len(stack.world.resources("NodePool")) == 1, "only what always has nodes"
    assert stack.world.one("Cluster").inputs["privateClusterConfig"]["enablePrivateEndpoint"] is True
    assert stack.project.preview("--expect-no-changes").unchanged

    stack.configure(lambda spec: spec["pools"]["spot"].update(zones=[ZONE]))
    assert changed(stack.project.up()) == {"ComputeClass test-spot": {"update"}}

    result = destroyed(stack)
    assert stack.world.left() == before
    for pool in pools:
        assert_before(result, f"Job team-on-{pool}", f"ComputeClass test-{pool}")
    assert_before(result, "ComputeClass ", "Cluster test-cluster")
    assert_before(result, "NodePool ", "Cluster test-cluster")
