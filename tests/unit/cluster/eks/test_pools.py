from functools import cache

import pytest

from tests.support.mocks import Recorded, run
from tests.unit.cluster.eks.foundations import H100_RDMA, L4_SPOT, SYSTEM, pools_program
from tests.unit.cluster.registrations import assert_pools_are_the_clusters, let_wait, waited_for

POOLS = {"system": SYSTEM, "l4": L4_SPOT, "h100": H100_RDMA}


@cache
def waiting(provisioner: str) -> Recorded:
    """A cluster's pools, and for each of them, and for the system, something that waits for it."""
    return run(pools_program(POOLS, provisioner, then=lambda made, _: let_wait(made)))


def test_pods_wait_for_the_node_group_of_their_pool_only() -> None:
    assert waited_for(waiting("cluster_autoscaler")) == {
        "system": {"NodeGroup main-system"},
        "l4": {"NodeGroup main-l4"},
        "h100": {"NodeGroup main-h100"},
        "(system)": {"NodeGroup main-system"},
    }


def test_with_karpenter_for_what_is_there_and_what_may_come() -> None:
    assert waited_for(waiting("karpenter")) == {
        "system": {"NodeGroup main-system", "NodePool main-system-more"},
        "l4": {"NodePool main-l4-more"},
        "h100": {"NodePool main-h100-more"},
        "(system)": {"NodeGroup main-system"},
    }


def test_in_auto_mode_for_the_node_pools() -> None:
    assert waited_for(waiting("auto_mode")) == {
        "system": {"NodePool main-system-fixed", "NodePool main-system"},
        "l4": {"NodePool main-l4"},
        "h100": {"NodePool main-h100"},
        "(system)": {"NodePool main-system-fixed", "NodePool main-system"},
    }


@pytest.mark.parametrize("provisioner", ["cluster_autoscaler", "karpenter", "auto_mode"])
def test_everything_belongs_to_the_cluster_uses_its_providers_and_is_finished(provisioner: str) -> None:
    assert_pools_are_the_clusters(waiting(provisioner))
