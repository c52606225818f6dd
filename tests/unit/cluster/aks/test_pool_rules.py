from dataclasses import replace

import pytest

from modelyard.cluster.aks.networks import AksExistingVnetSpec, AksVnetSpec
from modelyard.cluster.aks.pool_rules import aks_pool_problems
from modelyard.cluster.spec import PoolSpec, TaintSpec
from modelyard.gpu.spec import ReservationSpec
from tests.unit.cluster.aks.foundations import (
    A100_RESERVED,
    AMD,
    COMPACT,
    GROUP,
    H100_RDMA,
    MIG,
    SHARES,
    SUBNET,
    SYSTEM,
    T4_SPOT,
    ZONES,
    aks_spec,
)

RESERVED = ReservationSpec(reservation=GROUP)
PROVISIONING = "node_auto_provisioning"
PROVISIONERS = ["cluster_autoscaler", PROVISIONING]


def problems(provisioner: str = "cluster_autoscaler", **pools: PoolSpec) -> list[str]:
    return [str(each) for each in aks_pool_problems(aks_spec(provisioner), {"system": SYSTEM, **pools})]


def alone(**pools: PoolSpec) -> list[str]:
    return [str(each) for each in aks_pool_problems(aks_spec(), pools)]


@pytest.mark.parametrize("provisioner", PROVISIONERS)
def test_the_usual_pools_are_let_pass(provisioner: str) -> None:
    assert problems(provisioner, t4=T4_SPOT, h100=H100_RDMA, a100=A100_RESERVED, mig=MIG, shares=SHARES, amd=AMD) == []


@pytest.mark.parametrize(
    "pool",
    [
        replace(SYSTEM, capacity="spot"),
        replace(SYSTEM, taints=[TaintSpec(key="dedicated", value="true")]),
        replace(T4_SPOT, capacity="on_demand", min_nodes=1),
    ],
)
def test_something_has_to_run_what_the_cluster_itself_needs(pool: PoolSpec) -> None:
    (found,) = alone(pool=pool)
    assert found.startswith("no pool has a node for what the cluster itself runs (names, operators)")
    assert alone(pool=pool, system=SYSTEM) == []


def test_accelerators_are_those_of_the_region() -> None:
    (found,) = problems(a100=PoolSpec(accelerator="a100-40gb", gpus_per_node=8))
    assert found == (
        "a100.accelerator: eastus2 has no Standard_ND96asr_v4 (8 a100-40gb); "
        "use a region like eastus, southcentralus, westus2, italynorth, westeurope; "
        "if eastus2 has it by now, describe it by machine_type, cpus and memory_gib"
    )
    assert problems(a100=PoolSpec(accelerator="a100-80gb", gpus_per_node=8)) == []


def test_such_a_node_is_started_when_it_is_needed() -> None:
    assert alone(system=replace(SYSTEM, min_nodes=0)) == []


def test_zones_are_the_clusters() -> None:
    (found,) = problems(pool=replace(SYSTEM, zones=[ZONES[0], "2"]))
    assert found == "pool.zones[1]: the cluster has no zone '2'; use eastus2-1 or eastus2-2 or eastus2-3"
    assert problems(pool=replace(SYSTEM, zones=[ZONES[0], ZONES[1]])) == []


def test_some_regions_have_none() -> None:
    spec = aks_spec(region="westus")
    (found,) = aks_pool_problems(spec, {"system": replace(SYSTEM, zones=["westus-1"])})
    assert str(found) == "system.zones[0]: the cluster has no zone 'westus-1'; leave it out: westus has no zones"
    assert list(aks_pool_problems(spec, {"system": SYSTEM})) == []


@pytest.mark.parametrize(
    ("pool", "machine"),
    [
        (replace(H100_RDMA, fabric="none", capacity=RESERVED), "Standard_ND96isr_H100_v5"),
        (PoolSpec(accelerator="h100-nvl", capacity=RESERVED), "Standard_NC40ads_H100_v5"),
        (PoolSpec(accelerator="h100-nvl", gpus_per_node=2, capacity=RESERVED), "Standard_NC80adis_H100_v5"),
    ],
)
def test_some_machines_are_never_reserved(pool: PoolSpec, machine: str) -> None:
    (found,) = problems(pool=pool)
    assert found == (
        f"pool.capacity: Azure reserves no machines of type {machine}; "
        "use on_demand or spot, or another accelerator like a100-80gb"
    )
    assert problems(pool=replace(pool, capacity="on_demand")) == []
    assert problems(pool=replace(A100_RESERVED, accelerator="t4")) == []


def test_a_reservation_has_a_place_of_its_own() -> None:
    (found,) = problems(pool=replace(A100_RESERVED, placement="compact"))
    assert found == (
        "pool.placement: machines of a reservation cannot be placed close together in Azure; "
        "leave placement: compact out, or use capacity: on_demand"
    )
    assert problems(pool=A100_RESERVED) == []


def test_infiniband_ends_at_a_hundred_nodes() -> None:
    (found,) = problems(pool=replace(H100_RDMA, max_nodes=101))
    assert found == ("pool.max_nodes: 101 nodes are more than the 100 that InfiniBand connects on AKS; use at most 100")
    assert problems(pool=replace(H100_RDMA, max_nodes=100)) == []
    assert problems(pool=replace(H100_RDMA, max_nodes=101, fabric="none")) == []


def test_a_pool_ends_at_a_thousand_and_a_cluster_at_five_thousand() -> None:
    (found,) = problems(pool=replace(SYSTEM, max_nodes=1001))
    assert found == "pool.max_nodes: 1001 nodes are more than the 1000 of a pool on AKS; make several pools"
    large = replace(SYSTEM, max_nodes=1000)
    assert problems(pool=large) == []
    (found,) = alone(**{f"p{number}": large for number in range(5)})
    assert found.startswith("5000 nodes of all pools and the cluster's own are more than the 5000 of AKS; ")
    assert alone(**{f"p{number}": large for number in range(4)}) == []


def test_ranges_have_addresses_for_all_nodes() -> None:
    spec = aks_spec(pod_cidr="100.64.0.0/20", network=AksVnetSpec(cidr="10.0.0.0/16"))
    (found,) = aks_pool_problems(spec, {"system": replace(SYSTEM, max_nodes=16)})
    assert str(found) == (
        "17 nodes with the cluster's own are more than the 16 that pod_cidr 100.64.0.0/20 has addresses for; "
        "choose a wider pod_cidr, or lower max_nodes"
    )
    assert list(aks_pool_problems(spec, {"system": replace(SYSTEM, max_nodes=15)})) == []
    small = aks_spec(network=AksVnetSpec(cidr="10.0.0.0/24"))
    (found,) = aks_pool_problems(small, {"system": replace(SYSTEM, max_nodes=123)})
    assert str(found).startswith("124 nodes with the cluster's own are more than the 123 that network.cidr 10.0.0.0/24")
    assert list(aks_pool_problems(small, {"system": replace(SYSTEM, max_nodes=122)})) == []
    existing = AksExistingVnetSpec(node_subnet_id=SUBNET, api_server_subnet_id=f"{SUBNET}-api")
    assert list(aks_pool_problems(aks_spec(network=existing), {"system": replace(SYSTEM, max_nodes=1000)})) == []


def test_a_cluster_has_a_hundred_pools_with_its_own() -> None:
    (found,) = alone(**{f"p{number}": SYSTEM for number in range(100)})
    assert found == (
        "100 pools are more than the 99 that AKS has beside the cluster's own; join some, or make a second cluster"
    )
    assert alone(**{f"p{number}": SYSTEM for number in range(99)}) == []


@pytest.mark.parametrize(
    ("pool", "path"),
    [
        (PoolSpec(machine_type="Standard_A1_v2", cpus=1, memory_gib=2), "machine_type"),
        (PoolSpec(machine_type="Standard_F1s", cpus=1, memory_gib=2), "machine_type"),
    ],
)
def test_machines_have_two_vcpus_or_more(pool: PoolSpec, path: str) -> None:
    (found,) = problems(pool=pool)
    assert found == f"pool.{path}: 1 vCPU is too little for AKS; use a machine with 2 or more"
    assert problems(pool=replace(pool, cpus=2)) == []


@pytest.mark.parametrize(
    ("key", "what"),
    [
        ("kubernetes.azure.com/mode", "labels of kubernetes.azure.com are"),
        ("node.kubernetes.io/kind", "labels of kubernetes.io are"),
        ("karpenter.azure.com/sku-name", "labels of karpenter.azure.com are"),
        ("agentpool", "agentpool is"),
        ("Accelerator", "Accelerator is"),
    ],
)
def test_labels_of_aks_itself_are_refused(key: str, what: str) -> None:
    (found,) = problems(pool=replace(SYSTEM, node_labels={key: "x"}))
    assert found.startswith(f"pool.node_labels.{key}: {what} not for users to set; use a domain of yours")


@pytest.mark.parametrize("key", ["example.org/accelerator", "notkubernetes.io/kind", "team", "agentpools"])
def test_others_are_let_pass(key: str) -> None:
    assert problems(pool=replace(SYSTEM, node_labels={key: "x"})) == []


def test_taints_have_a_value() -> None:
    (found,) = problems(pool=replace(T4_SPOT, taints=[TaintSpec(key="dedicated")]))
    assert found == ('pool.taints[0].value: is empty, and AKS has taints with a value only; write a value, like "true"')
    assert problems(pool=replace(T4_SPOT, taints=[TaintSpec(key="dedicated", value="true")])) == []


def test_taints_of_aks_itself_are_refused() -> None:
    key = "kubernetes.azure.com/scalesetpriority"
    (found,) = problems(pool=replace(T4_SPOT, taints=[TaintSpec(key=key, value="spot")]))
    assert found == (
        "pool.taints[0].key: taints of kubernetes.azure.com are not for users to set; use a domain of yours"
    )
    taint = TaintSpec(key="example.org/scalesetpriority", value="spot")
    assert problems(pool=replace(T4_SPOT, taints=[taint])) == []


@pytest.mark.parametrize("size", [29, 2049])
def test_disks_hold_the_system_and_end_at_two_tebibytes(size: int) -> None:
    (found,) = problems(pool=replace(SYSTEM, disk_gib=size))
    assert found == (
        f"pool.disk_gib: AKS has disks of 30 to 2048 GiB for nodes, not {size}; use 30 to 2048, or leave it out"
    )
    assert problems(pool=replace(SYSTEM, disk_gib=30), other=replace(SYSTEM, disk_gib=2048)) == []


def test_the_fabric_is_for_accelerators() -> None:
    pool = PoolSpec(machine_type="Standard_HB176rs_v4", cpus=176, memory_gib=768, rdma_devices=1, fabric="rdma")
    (found,) = problems(pool=pool)
    assert found.startswith("pool.fabric: what uses the fabric is set up for accelerators only; ")
    assert problems(pool=replace(pool, fabric="none", rdma_devices=None)) == []


def test_provisioned_spot_nodes_start_from_zero() -> None:
    pool = replace(T4_SPOT, min_nodes=1)
    (found,) = problems(PROVISIONING, pool=pool)
    assert found == (
        "pool.min_nodes: 1 spot nodes that Azure has taken back would not come again with node auto-provisioning; "
        "use 0, which it starts from, or provisioner: cluster_autoscaler"
    )
    assert problems(PROVISIONING, pool=T4_SPOT) == []
    assert problems(pool=pool) == []


def test_provisioned_nodes_stand_anywhere() -> None:
    (found,) = problems(PROVISIONING, pool=COMPACT)
    assert found == (
        "pool.placement: node auto-provisioning does not place nodes close together; "
        "leave it out, set min_nodes to max_nodes, or use provisioner: cluster_autoscaler"
    )
    assert problems(PROVISIONING, pool=replace(COMPACT, min_nodes=4)) == []
    assert problems(pool=COMPACT) == []
