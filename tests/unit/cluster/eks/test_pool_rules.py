from dataclasses import replace

import pytest

from modelyard.cluster.eks.pool_rules import eks_pool_problems
from modelyard.cluster.eks.spec import EksVpcSpec
from modelyard.cluster.spec import PoolSpec, TaintSpec
from modelyard.cluster.system_pools import hosts_system
from modelyard.gpu.spec import ReservationSpec
from tests.unit.cluster.eks.clusters import EXISTING
from tests.unit.cluster.eks.foundations import BLOCK, H100_RDMA, L4_SPOT, SYSTEM, eks_spec

GROUP = ReservationSpec(reservation="arn:aws:resource-groups:us-east-1:111122223333:group/h100")
CLAIMS = replace(L4_SPOT, device_allocation="dra")
MACHINES = [f"m7i.{size}xlarge" for size in range(2, 22)]


def problems(provisioner: str = "cluster_autoscaler", **pools: PoolSpec) -> list[str]:
    return [str(each) for each in eks_pool_problems(eks_spec(provisioner), {"system": SYSTEM, **pools})]


def alone(provisioner: str, **pools: PoolSpec) -> list[str]:
    return [str(each) for each in eks_pool_problems(eks_spec(provisioner), pools)]


@pytest.mark.parametrize("provisioner", ["cluster_autoscaler", "karpenter", "auto_mode"])
def test_the_usual_pools_are_let_pass(provisioner: str) -> None:
    assert problems(provisioner, l4=L4_SPOT, h100=H100_RDMA, block=BLOCK) == []


@pytest.mark.parametrize(
    "pool",
    [
        replace(SYSTEM, min_nodes=0),
        replace(SYSTEM, capacity="spot"),
        replace(SYSTEM, taints=[TaintSpec(key="dedicated")]),
        replace(L4_SPOT, capacity="on_demand", machine_types=[], min_nodes=1),
        PoolSpec(machine_type="g6.xlarge", min_nodes=1),
    ],
)
@pytest.mark.parametrize("provisioner", ["cluster_autoscaler", "karpenter"])
def test_something_has_to_run_what_the_cluster_itself_needs(provisioner: str, pool: PoolSpec) -> None:
    (found,) = alone(provisioner, pool=pool)
    assert found.startswith("no pool has a node for what the cluster itself runs (names, operators, ")
    assert "min_nodes of 1 or more" in found
    assert alone(provisioner, pool=pool, system=replace(SYSTEM, min_nodes=1)) == []


def test_auto_mode_starts_such_a_node_by_itself() -> None:
    (found,) = alone("auto_mode", l4=L4_SPOT)
    assert "no pool has a node" in found
    assert "min_nodes" not in found
    assert alone("auto_mode", l4=L4_SPOT, system=replace(SYSTEM, min_nodes=0)) == []


def test_who_hosts_the_system() -> None:
    assert hosts_system(SYSTEM)
    assert not hosts_system(replace(SYSTEM, min_nodes=0))
    assert hosts_system(replace(SYSTEM, min_nodes=0), from_zero=True)
    assert not hosts_system(PoolSpec(machine_type="g6.xlarge", min_nodes=1), from_zero=True)


def test_zones_are_the_clusters() -> None:
    (found,) = problems(pool=replace(SYSTEM, zones=["us-east-1a", "us-east-1f"]))
    assert found == ("pool.zones[1]: the cluster has no zone 'us-east-1f'; use us-east-1a or us-east-1b or us-east-1c")
    assert problems(pool=replace(SYSTEM, zones=["us-east-1a"])) == []


def test_accelerators_are_those_of_the_region() -> None:
    (found,) = problems(trainium=PoolSpec(accelerator="trainium2", gpus_per_node=16))
    assert found == (
        "trainium.accelerator: us-east-1 has no trn2.48xlarge (16 trainium2); use a region like us-east-2; "
        "if us-east-1 has it by now, describe it by machine_type, cpus and memory_gib"
    )
    assert problems(trainium=PoolSpec(accelerator="trainium1", gpus_per_node=16)) == []


def test_a_reservation_is_of_one_zone() -> None:
    (found,) = problems(pool=replace(H100_RDMA, zones=[]))
    assert found == (
        "pool.zones: a reservation is of one zone, and machines in any other would wait for it in vain; "
        "name the reservation's: [us-east-1a]"
    )


def test_a_group_of_reservations_may_be_of_several() -> None:
    assert problems(pool=replace(H100_RDMA, capacity=GROUP, zones=[])) == []


@pytest.mark.parametrize(("provisioner", "who"), [("karpenter", "Karpenter"), ("auto_mode", "EKS Auto Mode")])
def test_but_only_node_groups_know_groups_of_reservations(provisioner: str, who: str) -> None:
    (found,) = problems(provisioner, pool=replace(H100_RDMA, capacity=GROUP))
    assert found.startswith(f"pool.capacity.reservation: {who} knows no groups of reservations; name one reservation")


def test_claims_do_not_start_from_zero() -> None:
    (found,) = problems(pool=CLAIMS)
    assert found.startswith("pool.device_allocation: the autoscaler cannot tell what devices a node will have")
    assert problems(pool=replace(CLAIMS, min_nodes=1)) == []


@pytest.mark.parametrize(
    ("key", "reserved"),
    [
        ("kubernetes.io/role", "kubernetes.io"),
        ("node-role.kubernetes.io/gpu", "kubernetes.io"),
        ("eks.amazonaws.com/nodegroup", "eks.amazonaws.com"),
        ("k8s.amazonaws.com/accelerator", "k8s.amazonaws.com"),
        ("karpenter.sh/nodepool", "karpenter.sh"),
        ("karpenter.k8s.aws/x", "karpenter.k8s.aws"),
    ],
)
def test_labels_of_kubernetes_and_aws_are_theirs(key: str, reserved: str) -> None:
    (found,) = problems(pool=replace(SYSTEM, node_labels={key: "x"}))
    assert found == f"pool.node_labels.{key}: labels of {reserved} are not for users to set; use a domain of yours"


def test_labels_are_short_and_have_values() -> None:
    long = f"{'a' * 50}.example.org/{'b' * 20}"
    (found,) = problems(pool=replace(SYSTEM, node_labels={long: "x"}))
    assert "EKS allows 63" in found
    (found,) = problems(pool=replace(SYSTEM, node_labels={"team": ""}))
    assert found.startswith("pool.node_labels.team: is empty, which EKS does not allow")
    assert problems(pool=replace(SYSTEM, node_labels={"mykubernetes.io/team": "ml", "team": "ml"})) == []


def test_keys_of_taints_are_short() -> None:
    long = f"{'a' * 50}.example.org/{'b' * 20}"
    (found,) = problems(pool=replace(SYSTEM, taints=[TaintSpec(key=long)]))
    assert found.startswith("pool.taints[0].key: has 83 characters")
    assert problems(pool=replace(SYSTEM, taints=[TaintSpec(key="example.org/dedicated")])) == []


def test_fabric_is_for_accelerators() -> None:
    plain = PoolSpec(machine_type="hpc9.48xlarge", cpus=192, memory_gib=768, rdma_devices=2, fabric="rdma")
    (found,) = problems(pool=plain)
    assert found.startswith("pool.fabric: what uses the fabric is set up for accelerators only")
    assert problems(pool=PoolSpec(machine_type="p5.48xlarge", fabric="rdma")) == []


def test_a_disk_holds_the_nodes_system() -> None:
    (found,) = problems(pool=replace(SYSTEM, disk_gib=19))
    assert found == "pool.disk_gib: 19 GiB do not hold the nodes' system; use 20 or more, or leave it out"
    assert problems(pool=replace(SYSTEM, disk_gib=20)) == []


def test_a_disk_is_no_larger_than_its_type() -> None:
    (found,) = problems(pool=replace(SYSTEM, disk_gib=65537))
    assert found == "pool.disk_gib: 65537 GiB are more than a disk of type gp3 has; use up to 65536, or leave it out"
    assert problems(pool=replace(SYSTEM, disk_gib=65536)) == []


def test_eks_takes_fifty_taints_with_that_of_accelerators() -> None:
    taints = [TaintSpec(key=f"team-{number}") for number in range(51)]
    (found,) = problems(pool=replace(SYSTEM, taints=taints))
    assert found == "pool.taints: 51 taints are more than the 50 that EKS takes beside that of accelerators; keep 50"
    (found,) = problems(pool=replace(L4_SPOT, taints=taints[:50]))
    assert found == "pool.taints: 50 taints are more than the 49 that EKS takes beside that of accelerators; keep 49"
    assert problems(pool=replace(SYSTEM, taints=taints[:50])) == []
    assert problems(pool=replace(L4_SPOT, taints=taints[:49])) == []


def test_the_network_has_an_address_for_each_node() -> None:
    """A /20 over three zones: an eighth of it, 512, in each, of which AWS keeps five."""
    narrow = replace(eks_spec("karpenter"), network=EksVpcSpec(cidr="10.0.0.0/20"))
    most = 3 * (512 - 5) - SYSTEM.max_nodes
    (found,) = eks_pool_problems(narrow, {"system": SYSTEM, "l4": replace(L4_SPOT, max_nodes=most + 1)})
    assert str(found) == (
        "1522 nodes of all pools together are more than the 1521 that the network has addresses for; lower max_nodes, "
        "or choose a wider cidr of the network than 10.0.0.0/20, or more zones"
    )
    assert not list(eks_pool_problems(narrow, {"system": SYSTEM, "l4": replace(L4_SPOT, max_nodes=most)}))
    existing = replace(narrow, network=EXISTING)
    assert not list(eks_pool_problems(existing, {"system": SYSTEM, "l4": replace(L4_SPOT, max_nodes=5000)}))


def test_eks_takes_twenty_machine_types() -> None:
    (found,) = problems(pool=replace(SYSTEM, capacity="spot", machine_types=MACHINES))
    assert found.startswith("pool.machine_types: 21 machine types with machine_type are more than the 20 of EKS")
    assert problems(pool=replace(SYSTEM, capacity="spot", machine_types=MACHINES[:19])) == []


def test_auto_modes_constant_part_keeps_its_name() -> None:
    pools = {"system-fixed": L4_SPOT}
    (found,) = problems("auto_mode", **pools)
    assert found.startswith("system-fixed: the nodes that pool system always has are a NodePool of this name")
    assert problems("karpenter", **pools) == []
    assert alone("auto_mode", system=replace(SYSTEM, min_nodes=0), **pools) == []
