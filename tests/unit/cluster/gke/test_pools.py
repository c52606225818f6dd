from functools import cache

import pytest

from tests.support.mocks import Recorded, run
from tests.unit.cluster.gke.foundations import H100_RESERVED, L4_SPOT, SYSTEM, gke_spec, pools_program
from tests.unit.cluster.registrations import assert_pools_are_the_clusters, let_wait, waited_for

POOLS = {"system": SYSTEM, "l4": L4_SPOT, "h100": H100_RESERVED}
PROVISIONERS = ["cluster_autoscaler", "node_auto_provisioning"]


@cache
def waiting(provisioner: str) -> Recorded:
    """A cluster's pools, and for each of them, and for the system, something that waits for it."""
    return run(pools_program(POOLS, gke_spec(provisioner), then=lambda made, _: let_wait(made)))


def test_pods_wait_for_the_node_pool_of_their_pool_only() -> None:
    assert waited_for(waiting("cluster_autoscaler")) == {
        "system": {"NodePool main-system"},
        "l4": {"NodePool main-l4"},
        "h100": {"NodePool main-h100"},
        "(system)": {"NodePool main-system"},
    }


def test_or_for_its_compute_class() -> None:
    assert waited_for(waiting("node_auto_provisioning")) == {
        "system": {"NodePool main-system"},
        "l4": {"ComputeClass main-l4"},
        "h100": {"ComputeClass main-h100"},
        "(system)": {"NodePool main-system"},
    }


@pytest.mark.parametrize("provisioner", PROVISIONERS)
def test_everything_belongs_to_the_cluster_uses_its_providers_and_is_finished(provisioner: str) -> None:
    recorded = waiting(provisioner)
    assert len([each for each in recorded.registrations if each.type.startswith("modelyard:cluster:")]) == len(POOLS)
    assert_pools_are_the_clusters(recorded)
