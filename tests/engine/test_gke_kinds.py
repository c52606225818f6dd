"""Both provisioners, kinds of networks, capacity and sharing on GKE, each with a pod that runs, and how they change."""

from collections.abc import Iterator

import pytest

from tests.engine.cloud_kinds import (
    RENEWED,
    MakeStack,
    Pools,
    Trainings,
    assert_devices,
    assert_pools_change,
    destroyed,
    on_pools,
    wait_for_every_pod,
    with_pools,
)
from tests.engine.cloud_servers import CloudServers
from tests.engine.cloud_stack import Json
from tests.engine.gke_stack import gke_stacks
from tests.engine.steps import assert_before, changed
from tests.support.gke_world import PROJECT

pytestmark = pytest.mark.engine

SYSTEM: Json = {"machine_type": "n2-standard-8", "min_nodes": 2, "max_nodes": 4}
ZONE, OTHER_ZONE = "us-central1-a", "us-central1-b"

CAPACITIES: Pools = {
    "spot": ({"accelerator": "l4", "capacity": "spot", "machine_type": "g2-standard-8", "max_nodes": 2}, 1),
    "reserved": (
        {"accelerator": "a100-40gb", "capacity": {"reservation": "a100"}, "zones": [ZONE], "max_nodes": 2},
        1,
    ),
    "flex": ({"accelerator": "a100-40gb", "capacity": "flex_start", "max_nodes": 2}, 1),
}
# Its nodes come when Kueue asks for them, which the stand-in only records.
QUEUED: Pools = {"queued": ({"accelerator": "a100-40gb", "capacity": "queued", "max_nodes": 2}, None)}
WHOLE: Pools = {
    "arm": ({"machine_type": "c4a-standard-4", "max_nodes": 2}, 0),
    "tpu": ({"accelerator": "tpu-v5e", "gpus_per_node": 4, "max_nodes": 2}, 4),
}
SHARES: Pools = {
    "mig": ({"accelerator": "a100-80gb", "sharing": {"mig": "1g.10gb"}, "max_nodes": 2}, {"mig": "1g.10gb"}),
    "turns": ({"accelerator": "l4", "sharing": {"time_slicing": {"replicas": 4}}, "max_nodes": 2}, 1),
    "mps": ({"accelerator": "l4", "sharing": {"mps": {"replicas": 2}}, "max_nodes": 2}, 1),
}
IMAGES: Pools = {"ubuntu": ({"accelerator": "l4", "node_image": "ubuntu", "max_nodes": 2}, 1)}
TOGETHER: Trainings = {
    "close": (
        {"accelerator": "h200", "gpus_per_node": 8, "placement": "compact", "zones": [ZONE], "max_nodes": 2},
        2,
        8,
    ),
    "slice": (
        {
            "accelerator": "tpu-v5e",
            "gpus_per_node": 4,
            "tpu_topology": "4x4",
            "zones": [ZONE],
            "max_nodes": 4,
        },
        4,
        4,
    ),
}
DEVICES = {
    "mig": {"nvidia.com/gpu": "7"},
    "turns": {"nvidia.com/gpu": "4"},
    "mps": {"nvidia.com/gpu": "2"},
    "tpu": {"google.com/tpu": "4"},
    "slice": {"google.com/tpu": "4"},
}
"""What nodes advertise."""


def spec_of(gke: Json, pools: Pools, trainings: Trainings) -> Json:
    """A stack with these pools."""
    cluster = {"project": PROJECT, "region": "us-central1", **gke}
    return {"cluster": {"gke": cluster}, **with_pools(SYSTEM, pools, trainings)}


@pytest.fixture(scope="module")
def make(tmp_path_factory: pytest.TempPathFactory, cloud_servers: CloudServers) -> Iterator[MakeStack]:
    """Stacks one after the other."""
    with gke_stacks(tmp_path_factory.mktemp("gke"), cloud_servers) as making:
        yield making


def test_node_pools_of_every_kind_in_a_network_that_exists(make: MakeStack) -> None:
    """GKE's autoscaler starts every pool from zero. Nothing of the network is made, changed or removed."""
    pools = {**CAPACITIES, **QUEUED, **WHOLE, **SHARES, **IMAGES}
    gke = {"control_plane": "zonal", "zones": [ZONE, OTHER_ZONE], "kubernetes_version": "1.35"}
    stack = make(spec_of(gke, pools, TOGETHER))
    stack.world.enable("compute")
    network, subnetwork = stack.world.add_network()
    before = stack.world.left()
    existing = {"network": network, "subnetwork": subnetwork, "pods_range": "pods", "services_range": "services"}
    stack.configure(lambda spec: spec["cluster"]["gke"].update(network=existing))
    stack.project.up()
    wait_for_every_pod(stack)
    assert_devices(stack, DEVICES)
    assert len(stack.nodes()["slice"]) == 4, "a slice comes as a whole"
    assert {each.id for each in stack.world.resources("Network")} == {network}
    assert stack.world.one("Cluster").outputs["location"] == ZONE

    stack.configure(_change)
    renewed = ("flex", "turns")
    expected = {name: RENEWED if name in renewed else {"update"} for name in stack.spec["pools"]}
    assert_pools_change(stack.project.up("--refresh"), "NodePool", expected, {"Cluster", "Job"})
    assert all(each.outputs["version"].startswith("1.36.") for each in stack.world.resources("NodePool"))
    assert stack.project.preview("--expect-no-changes").unchanged

    result = destroyed(stack)
    assert stack.world.left() == before
    for job, pool in on_pools(stack):
        assert_before(result, f"Job team-{job}", f"NodePool test-{pool}")


def _change(spec: Json) -> None:
    """What changes in place, what makes pools anew first, and the next minor version, of all."""
    spec["cluster"]["gke"]["kubernetes_version"] = "1.36"
    pools = spec["pools"]
    pools["system"]["machine_type"] = "n2-standard-16"
    pools["spot"]["max_nodes"] = 5
    pools["flex"]["capacity"] = "spot"
    pools["turns"]["sharing"]["time_slicing"]["replicas"] = 8
    pools["close"]["zones"] = [OTHER_ZONE]


def test_node_auto_provisioning(make: MakeStack) -> None:
    """ComputeClasses from zero, reached by an address that only a private network knows, with a key of the user's."""
    pools: Pools = {**CAPACITIES, **WHOLE, "slice": (TOGETHER["slice"][0], None)}
    api_endpoint = {"dns": False, "private_cidrs": ["10.0.0.0/8"]}
    gke = {"provisioner": "node_auto_provisioning", "api_endpoint": api_endpoint}
    stack = make(spec_of(gke, pools, {}))
    stack.world.enable("compute", "cloudkms")
    key = stack.world.add_key("disks")
    before = stack.world.left()
    stack.configure(lambda spec: spec["cluster"]["gke"].update(encryption={"key": key}))
    stack.project.up()
    wait_for_every_pod(stack)
    assert len(stack.world.resources("NodePool")) == 1, "only what always has nodes"
    assert stack.world.one("Cluster").inputs["privateClusterConfig"]["enablePrivateEndpoint"] is True

    def change(spec: Json) -> None:
        spec["pools"]["spot"]["zones"] = [ZONE]
        # What shall always have nodes becomes a node pool.
        spec["pools"]["arm"]["min_nodes"] = 1

    stack.configure(change)
    assert changed(stack.project.up("--refresh")) == {
        "ComputeClass test-spot": {"update"},
        **{f"{component}ComputeClass test-arm": {"delete"} for component in ("", "Gke")},
        **{f"{component}NodePool test-arm": {"create"} for component in ("", "Gke")},
        "Job team-on-arm": RENEWED,
    }

    result = destroyed(stack)
    assert stack.world.left() == before
    for job, pool in on_pools(stack):
        assert_before(result, f"Job team-{job}", f"{'NodePool' if pool == 'arm' else 'ComputeClass'} test-{pool}")
    assert_before(result, "ComputeClass ", "Cluster test-cluster")
    assert_before(result, "NodePool ", "Cluster test-cluster")
