"""What nodes a pool becomes."""

import pytest

from modelyard.cluster.local.nodes import PoolNodes
from modelyard.cluster.pools import Pool, resolve_pool
from modelyard.cluster.spec import PoolSpec, TaintSpec
from modelyard.gpu.spec import SharingSpec


def simulated(name: str, spec: PoolSpec) -> Pool:
    return resolve_pool(name, spec, runs_containers=False)


L4 = PoolSpec(accelerator="l4", max_nodes=2, taints=[TaintSpec(key="team", value="ml", effect="NoExecute")])


def test_a_pool_becomes_nodes_as_in_a_cloud() -> None:
    pool = simulated("l4", L4)
    nodes = PoolNodes.of(pool, {"zone": "a"})
    assert nodes.names == ["l4-0", "l4-1"]
    assert nodes.labels == {
        "zone": "a",
        "modelyard.dev/pool": "l4",
        "modelyard.dev/accelerator": "l4",
        "node.kubernetes.io/instance-type": str(pool.machine_type),
    }
    assert nodes.taints == [
        {"key": "nvidia.com/gpu", "value": "present", "effect": "NoSchedule"},
        {"key": "team", "value": "ml", "effect": "NoExecute"},
    ]
    assert nodes.capacity["nvidia.com/gpu"] == nodes.allocatable["nvidia.com/gpu"] == "1"
    assert (nodes.capacity["cpu"], nodes.capacity["memory"]) == ("4000m", "16384Mi")


def test_nodes_advertise_what_device_plugins_would() -> None:
    sharing = SharingSpec(mig={"3g.40gb": 1, "1g.10gb": 4})
    divided = PoolNodes.of(simulated("mig", PoolSpec(accelerator="h100", gpus_per_node=8, sharing=sharing)), {})
    wanted = {"nvidia.com/mig-3g.40gb": "8", "nvidia.com/mig-1g.10gb": "32"}
    assert wanted.items() <= divided.capacity.items()
    assert wanted.items() <= divided.allocatable.items()
    assert "nvidia.com/gpu" not in divided.capacity
    fast = PoolNodes.of(simulated("fast", PoolSpec(accelerator="h100", gpus_per_node=8, fabric="rdma")), {})
    wanted = {"nvidia.com/gpu": "8", "vpc.amazonaws.com/efa": "32", "hugepages-2Mi": "10240Mi"}
    assert wanted.items() <= fast.allocatable.items()


def test_nodes_of_another_architecture_say_so() -> None:
    nodes = PoolNodes.of(simulated("arm", PoolSpec(machine_type="m7g.large")), {})
    assert nodes.labels["kubernetes.io/arch"] == "arm64"
    assert "kubernetes.io/arch" not in PoolNodes.of(simulated("l4", L4), {}).labels


def test_what_the_system_keeps_is_not_for_pods() -> None:
    pool = simulated("system", PoolSpec(cpus=4, memory_gib=16))
    nodes = PoolNodes.of(pool, {})
    assert nodes.allocatable["cpu"] == f"{round(pool.allocatable_cpus * 1000)}m"
    assert nodes.allocatable["memory"] == f"{round(pool.allocatable_memory_gib * 1024)}Mi"
    assert int(nodes.allocatable["cpu"][:-1]) < 4000
    assert "nvidia.com/gpu" not in nodes.capacity


def test_our_pool_label_wins() -> None:
    assert PoolNodes.of(simulated("l4", L4), {"modelyard.dev/pool": "x"}).labels["modelyard.dev/pool"] == "l4"


def test_a_real_pool_is_one_node_that_is_only_labelled() -> None:
    nodes = PoolNodes.of(resolve_pool("system", PoolSpec(machine_type="m7i.4xlarge", max_nodes=5)), {})
    assert (nodes.count, nodes.simulated, nodes.names) == (1, False, [])
    assert nodes.labels == {"modelyard.dev/pool": "system"}, "it is not a machine of that type"


def test_pools_that_share_a_real_node_have_a_label_each() -> None:
    spec = PoolSpec(cpus=4, memory_gib=16)
    shared = [resolve_pool(name, spec, node_selector={f"pool.modelyard.dev/{name}": "true"}) for name in ("a", "b")]
    labels = [PoolNodes.of(pool, {"zone": "x"}).labels for pool in shared]
    assert labels == [{"zone": "x", f"pool.modelyard.dev/{name}": "true"} for name in ("a", "b")]


@pytest.mark.parametrize("count", [2, 2.0])
def test_properties_of_a_resource_are_the_same_nodes_again(count: float) -> None:
    nodes = PoolNodes.of(simulated("l4", L4), {})
    properties = {**nodes.to_inputs(), "count": count, "cluster": "c", "nodes": ["l4-0"], "__provider": "…"}
    again = PoolNodes.from_inputs(properties)
    assert again == nodes
    assert again.names == ["l4-0", "l4-1"]
