from dataclasses import replace

import pytest

from modelyard.cluster.gke.networks import GkeExistingVpcSpec, GkeVpcSpec
from modelyard.cluster.gke.pool_rules import gke_pool_problems
from modelyard.cluster.gke.spec import GkeSpec
from modelyard.cluster.node_source import NodeSource
from modelyard.cluster.spec import PoolSpec, TaintSpec
from tests.unit.cluster.gke.foundations import (
    A100_COMPACT,
    ALL,
    ARM,
    CPU_FROM_ZERO,
    H100_RESERVED,
    H200_RDMA,
    L4,
    L4_SPOT,
    SYSTEM,
    TPU,
    TPU_SLICE,
    ZONES,
    disks,
    gke_spec,
)

NODE_AUTO_PROVISIONING = gke_spec("node_auto_provisioning")
EXISTING = GkeExistingVpcSpec(network="net", subnetwork="nodes", pods_range="pods", services_range="services")


def problems(spec: GkeSpec | None = None, **pools: PoolSpec) -> list[str]:
    return alone(spec, **{"system": SYSTEM, **pools})


def alone(spec: GkeSpec | None = None, **pools: PoolSpec) -> list[str]:
    return [str(each) for each in gke_pool_problems(spec or gke_spec(), pools)]


def of_any_kind(spec: GkeSpec, **pools: PoolSpec) -> list[str]:
    """Problems by the matrix too."""
    found = [*NodeSource.of(spec).pool_problems(pools), *gke_pool_problems(spec, {"system": SYSTEM, **pools})]
    return [str(each) for each in found]


def test_accelerators_are_those_of_the_region() -> None:
    west, zones = "us-west2", ["us-west2-a"]
    (found,) = problems(gke_spec(region=west, zones=zones), l4=PoolSpec(accelerator="l4"))
    assert found == (
        "l4.accelerator: us-west2 has no g2-standard-4 (1 l4); "
        "use a region like us-west1, us-west4, us-central1, us-east1, us-east4; "
        "if us-west2 has it by now, describe it by machine_type, cpus and memory_gib"
    )
    assert problems(gke_spec(region=west, zones=zones), t4=PoolSpec(accelerator="t4")) == []


def test_the_usual_pools_are_let_pass() -> None:
    assert of_any_kind(gke_spec(), **ALL) == []


@pytest.mark.parametrize("name", ["cpu", "arm", "l4", "l4-spot", "a100-flex", "h100", "tpu", "tpu-slice"])
def test_google_makes_most_of_them_for_pods_that_wait(name: str) -> None:
    assert of_any_kind(NODE_AUTO_PROVISIONING, **{name: ALL[name]}) == []


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("a100-queued", "node auto-provisioning makes no node pools for queued requests"),
        ("a100-compact", "node auto-provisioning makes no node pools whose nodes stand close together"),
        ("h200", "node auto-provisioning makes no node pools with networks between GPUs"),
        ("mig", "shared GPUs"),
        ("operator", "driver"),
    ],
)
def test_and_not_the_others(name: str, why: str) -> None:
    assert any(why in each for each in of_any_kind(NODE_AUTO_PROVISIONING, **{name: ALL[name]}))


@pytest.mark.parametrize("name", ["a100-compact", "h200", "mig", "operator"])
def test_which_it_has_as_node_pools(name: str) -> None:
    pool = replace(ALL[name], min_nodes=1)
    assert of_any_kind(NODE_AUTO_PROVISIONING, **{name: pool}) == []


@pytest.mark.parametrize(
    "pool",
    [
        replace(SYSTEM, min_nodes=0),
        replace(SYSTEM, capacity="spot"),
        replace(SYSTEM, taints=[TaintSpec(key="dedicated")]),
        replace(L4, min_nodes=1),
        PoolSpec(machine_type="g2-standard-8", min_nodes=1),
    ],
)
@pytest.mark.parametrize("spec", [gke_spec(), NODE_AUTO_PROVISIONING])
def test_something_has_to_run_what_the_cluster_itself_needs(spec: GkeSpec, pool: PoolSpec) -> None:
    (found,) = alone(spec, pool=pool)
    assert found.startswith("no pool has a node for what the cluster itself runs (names, operators)")
    assert "min_nodes of 1 or more" in found
    assert alone(spec, pool=pool, system=replace(SYSTEM, min_nodes=1)) == []


def test_zones_are_the_clusters() -> None:
    (found,) = problems(pool=replace(L4, zones=[ZONES[0], "us-central1-f"]))
    assert found == (
        "pool.zones[1]: the cluster has no zone 'us-central1-f'; use us-central1-a or us-central1-b or us-central1-c"
    )
    assert problems(pool=replace(L4, zones=[ZONES[0]])) == []


def test_a_node_pool_begins_with_as_many_in_each_zone() -> None:
    (found,) = problems(pool=replace(L4, zones=list(ZONES), min_nodes=2, max_nodes=2))
    assert found == (
        "pool.zones: a node pool begins with as many nodes in each zone, 3 for 2 in 3, more than max_nodes 2; "
        "raise max_nodes to 3, name fewer zones, or none: then it is in as many as fit"
    )
    assert problems(pool=replace(L4, zones=list(ZONES), min_nodes=2, max_nodes=3)) == []
    assert problems(pool=replace(L4, min_nodes=2, max_nodes=2)) == []


def test_zones_for_ai_have_accelerators_only() -> None:
    spec = gke_spec(zones=[*ZONES, "us-central1-ai1a"])
    (found,) = problems(spec, pool=replace(CPU_FROM_ZERO, zones=["us-central1-ai1a"]))
    assert found == "pool.zones: zones for AI have machines with accelerators only; name other zones of the cluster"
    assert problems(spec, pool=replace(L4, zones=["us-central1-ai1a"])) == []


def test_a_reservation_is_of_one_zone() -> None:
    (found,) = problems(pool=replace(H100_RESERVED, zones=[]))
    assert found == (
        "pool.zones: a reservation is of one zone, and machines in any other would wait for it in vain; "
        "name the reservation's: [us-central1-a]"
    )
    assert problems(pool=H100_RESERVED) == []


def test_which_a_cluster_of_one_zone_need_not_say() -> None:
    assert problems(gke_spec(zones=[ZONES[1]]), pool=replace(H100_RESERVED, zones=[])) == []


@pytest.mark.parametrize("machine", ["e2-standard-4", "n4-standard-8"])
def test_some_machines_do_not_stand_close_together(machine: str) -> None:
    (found,) = problems(pool=replace(CPU_FROM_ZERO, machine_type=machine, placement="compact"))
    series = machine.partition("-")[0]
    assert found.startswith(f"pool.placement: Google puts no {series} machines close together; use a machine of a2, ")
    assert problems(pool=replace(CPU_FROM_ZERO, placement="compact")) == []
    assert problems(pool=replace(CPU_FROM_ZERO, machine_type=machine)) == []


def test_nor_too_many_of_them() -> None:
    spec = gke_spec(network=GkeVpcSpec(nodes_cidr="10.0.0.0/17", pods_cidr="10.128.0.0/9", services_cidr="10.1.0.0/20"))
    (found,) = problems(spec, pool=replace(A100_COMPACT, max_nodes=1501))
    assert found == "pool.max_nodes: 1501 nodes are more than stand close together on GKE; use up to 1500"
    assert problems(spec, pool=replace(A100_COMPACT, max_nodes=1500)) == []


@pytest.mark.parametrize("name", ["default", "autopilot", "autopilot-spot"])
def test_names_of_googles_own_classes(name: str) -> None:
    (found,) = problems(NODE_AUTO_PROVISIONING, **{name: L4})
    assert found == (
        f"{name}: the ComputeClass of this name is GKE's own (autopilot, autopilot-spot, default); "
        "call the pool otherwise, or use min_nodes 1 or more"
    )
    assert problems(NODE_AUTO_PROVISIONING, **{name: replace(L4, min_nodes=1)}) == []
    assert problems(gke_spec(), **{name: L4}) == []


@pytest.mark.parametrize(
    ("key", "domain"),
    [
        ("kubernetes.io/team", "kubernetes.io"),
        ("node.kubernetes.io/team", "kubernetes.io"),
        ("cloud.google.com/team", "cloud.google.com"),
        ("networking.gke.io/team", "gke.io"),
    ],
)
def test_labels_and_taints_of_google_and_kubernetes_are_theirs(key: str, domain: str) -> None:
    (found,) = problems(pool=replace(L4, node_labels={key: "a"}))
    assert found == f"pool.node_labels.{key}: labels of {domain} are not for users to set; use a domain of yours"
    (found,) = problems(pool=replace(L4, taints=[TaintSpec(key="a"), TaintSpec(key=key)]))
    assert found == f"pool.taints[1].key: taints of {domain} are not for users to set; use a domain of yours"
    near = f"example.org/{key.rpartition('/')[2]}"
    assert problems(pool=replace(L4, node_labels={near: "a"}, taints=[TaintSpec(key=near)])) == []


def test_labels_of_a_node_pool_are_limited() -> None:
    def labels(count: int) -> dict[str, str]:
        return {f"{number:02}": "a" * 62 for number in range(count)}

    (found,) = problems(pool=replace(L4, node_labels=labels(13)))
    assert found == (
        "pool.node_labels: labels of 832 characters are more than a node pool on GKE takes; "
        "keep to 768, keys and values together"
    )
    assert problems(pool=replace(L4, node_labels=labels(12))) == []


def test_a_disk_holds_the_system() -> None:
    (found,) = problems(pool=replace(SYSTEM, disk_gib=9))
    assert found == "pool.disk_gib: 9 GiB do not hold the nodes' system; use 10 or more, or leave it out"
    assert problems(pool=replace(SYSTEM, disk_gib=10)) == []


def test_further_disks_are_of_pools_that_there_are() -> None:
    (found,) = problems(gke_spec(secondary_boot_disks={"l5": disks("data")}), l4=L4)
    assert found == (
        "l5: is a pool that secondary_boot_disks names, and there is none of that name; "
        "name system or l4 there, or leave it out"
    )
    assert problems(gke_spec(secondary_boot_disks={"l4": disks("data")}), l4=L4) == []


def test_images_on_further_disks_are_streamed() -> None:
    def spec(holds: str, *, image_streaming: bool) -> GkeSpec:
        return gke_spec(secondary_boot_disks={"l4": disks(holds)}, image_streaming=image_streaming)

    (found,) = problems(spec("container_images", image_streaming=False), l4=L4)
    assert found == (
        "l4: images on a further disk are read by image streaming, which is off; "
        "set image_streaming of the cluster to true, or leave the pool's secondary_boot_disks out"
    )
    (found,) = problems(spec("container_images", image_streaming=True), l4=replace(L4, node_image="ubuntu"))
    assert found == (
        "l4.node_image: images on a further disk are read by image streaming, which Ubuntu does not have; use cos"
    )
    assert problems(spec("container_images", image_streaming=True), l4=L4) == []
    assert problems(spec("data", image_streaming=False), l4=L4) == []


def test_the_network_has_an_address_for_every_node() -> None:
    spec = gke_spec(network=GkeVpcSpec(nodes_cidr="10.0.0.0/28"))
    (found,) = problems(spec, l4=replace(L4, max_nodes=7))
    assert found == (
        "13 nodes of all pools together are more than the 12 that the network has addresses for; "
        "lower max_nodes, or choose wider nodes_cidr and pods_cidr of the network"
    )
    assert problems(spec, l4=replace(L4, max_nodes=6)) == []
    assert problems(gke_spec(network=EXISTING), l4=replace(L4, max_nodes=1900)) == []


def test_a_node_pool_has_so_many_nodes_and_no_more() -> None:
    spec = gke_spec(network=EXISTING)
    (found,) = problems(spec, l4=replace(L4, max_nodes=2001))
    assert found == (
        "l4.max_nodes: 2001 nodes are more than a node pool on GKE has; use up to 2000, and several pools for more"
    )
    assert problems(spec, l4=replace(L4, max_nodes=2000)) == []


def test_rdma_is_for_accelerators() -> None:
    fabric = PoolSpec(machine_type="n2-standard-8", fabric="rdma", rdma_devices=None)
    (found,) = problems(pool=fabric)
    assert found == (
        "pool.fabric: what uses the fabric is set up for accelerators only; add accelerator, or leave it out"
    )
    assert problems(pool=H200_RDMA) == []


def test_machine_types_are_for_who_can_try_one_after_another() -> None:
    several = replace(L4_SPOT, machine_types=["g2-standard-12"])
    (found,) = of_any_kind(gke_spec(), l4=several)
    assert found.startswith("l4.machine_types: a node pool of GKE has one machine type; ")
    (found,) = of_any_kind(NODE_AUTO_PROVISIONING, l4=replace(several, min_nodes=1))
    assert found.startswith("l4.machine_types: a node pool of GKE has one machine type; ")
    assert of_any_kind(NODE_AUTO_PROVISIONING, l4=several) == []


@pytest.mark.parametrize("pool", [ARM, TPU, TPU_SLICE])
def test_other_processors_and_tpus_are_let_pass(pool: PoolSpec) -> None:
    assert of_any_kind(gke_spec(), pool=pool) == []
