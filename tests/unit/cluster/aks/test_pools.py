from functools import cache

import pytest

from modelyard.cluster.spec import PoolSpec
from tests.support.mocks import Recorded, run
from tests.unit.cluster.aks.foundations import (
    A100_RESERVED,
    COMPACT,
    H100_RDMA,
    SYSTEM,
    T4_SPOT,
    pools_made,
    pools_program,
)
from tests.unit.cluster.registrations import assert_pools_are_the_clusters, let_wait, named, waited_for

PROVISIONERS = ["cluster_autoscaler", "node_auto_provisioning"]
POOLS = {"t4": T4_SPOT, "system": SYSTEM, "h100": H100_RDMA}
PROVISIONED = {"t4": T4_SPOT, "system": SYSTEM, "cpu": PoolSpec(machine_type="Standard_D8s_v5", max_nodes=9)}
OF = {"cluster_autoscaler": POOLS, "node_auto_provisioning": PROVISIONED}


@cache
def waiting(provisioner: str) -> Recorded:
    """A cluster's pools, and for each of them, and for the system, something that waits for it."""
    return run(pools_program(OF[provisioner], provisioner, then=lambda made, _: let_wait(made)))


def test_pods_wait_for_the_agent_pool_of_their_pool() -> None:
    assert waited_for(waiting("cluster_autoscaler")) == {
        "system": {"AgentPool main-system"},
        "t4": {"AgentPool main-t4"},
        "h100": {"AgentPool main-h100"},
        "(system)": {"AgentPool main-system"},
    }


def test_with_provisioning_for_what_is_there_and_what_may_come() -> None:
    assert waited_for(waiting("node_auto_provisioning")) == {
        "system": {"AgentPool main-system", "NodePool main-system-more"},
        "t4": {"NodePool main-t4-more"},
        "cpu": {"NodePool main-cpu-more"},
        "(system)": {"AgentPool main-system", "NodePool main-system-more", "NodePool main-cpu-more"},
    }


def test_a_pool_that_cannot_grow_is_an_agent_pool_only() -> None:
    fixed = PoolSpec(machine_type="Standard_D8s_v5", min_nodes=3, max_nodes=3)
    recorded = pools_made({"fixed": fixed}, "node_auto_provisioning")
    assert recorded.one("AgentPool").inputs["count"] == 3
    assert recorded.of("NodePool") == []


def test_agent_pools_are_made_one_after_the_other_and_the_systems_first() -> None:
    pools = {"t4": T4_SPOT, "close": COMPACT, "a100": A100_RESERVED, "system": SYSTEM}
    recorded = pools_made(pools)
    made = {each.urn: each.name for each in recorded.of("AgentPool")}
    before = {each.name: {made[urn] for urn in each.depends_on if urn in made} for each in recorded.of("AgentPool")}
    assert before == {
        "main-close": set(),
        "main-system": {"main-close"},
        "main-t4": {"main-system"},
        "main-a100": {"main-t4"},
    }


@pytest.mark.parametrize("provisioner", PROVISIONERS)
def test_everything_belongs_to_the_cluster_uses_its_providers_and_is_finished(provisioner: str) -> None:
    assert_pools_are_the_clusters(waiting(provisioner))


def test_a_preview_knows_the_names() -> None:
    """Nothing of what an agent pool is called comes from Azure."""
    recorded = run(pools_program(POOLS), preview=True)
    assert len({each.inputs["agentPoolName"] for each in recorded.of("AgentPool")}) == len(POOLS)
    assert named(recorded, "AgentPool", "main-t4").inputs["agentPoolName"].startswith("t4")
