import pulumi
import pytest

from modelyard.cluster.eks.foundation import Foundation
from modelyard.cluster.pools_made import PoolsMade
from modelyard.cluster.spec import PoolSpec
from tests.support.mocks import Recorded, run
from tests.unit.cluster.eks.foundations import H100_RDMA, L4_SPOT, SYSTEM, pools_program

POOLS = {"system": SYSTEM, "l4": L4_SPOT, "h100": H100_RDMA}


def waits(provisioner: str, pools: dict[str, PoolSpec]) -> tuple[Recorded, dict[str, set[str]]]:
    """For each pool, and for the system, the types of resources that what runs there waits for."""

    def then(made: PoolsMade, base: Foundation) -> None:
        for name, resources in {**made.by_pool, "(system)": made.system_ready}.items():
            pulumi.ComponentResource("test:index:Waits", name, opts=pulumi.ResourceOptions(depends_on=list(resources)))

    recorded = run(pools_program(pools, provisioner, then=then))
    types = {each.urn: f"{each.type.rpartition(':')[2]} {each.name}" for each in recorded.registrations}
    return recorded, {each.name: {types[urn] for urn in each.depends_on} for each in recorded.of("Waits")}


def test_pods_wait_for_the_node_group_of_their_pool_only() -> None:
    _, found = waits("cluster_autoscaler", POOLS)
    assert found == {
        "system": {"NodeGroup main-system"},
        "l4": {"NodeGroup main-l4"},
        "h100": {"NodeGroup main-h100"},
        "(system)": {"NodeGroup main-system"},
    }


def test_with_karpenter_for_what_is_there_and_what_may_come() -> None:
    _, found = waits("karpenter", POOLS)
    assert found == {
        "system": {"NodeGroup main-system", "NodePool main-system-more"},
        "l4": {"NodePool main-l4-more"},
        "h100": {"NodePool main-h100-more"},
        "(system)": {"NodeGroup main-system"},
    }


def test_in_auto_mode_for_the_node_pools() -> None:
    _, found = waits("auto_mode", POOLS)
    assert found == {
        "system": {"NodePool main-system-fixed", "NodePool main-system"},
        "l4": {"NodePool main-l4"},
        "h100": {"NodePool main-h100"},
        "(system)": {"NodePool main-system-fixed", "NodePool main-system"},
    }


@pytest.mark.parametrize("provisioner", ["cluster_autoscaler", "karpenter", "auto_mode"])
def test_everything_belongs_to_the_cluster_and_uses_its_providers(provisioner: str) -> None:
    recorded, _ = waits(provisioner, POOLS)
    components = [each for each in recorded.registrations if each.type.startswith("modelyard:cluster:")]
    assert components
    parent = next(each for each in recorded.registrations if each.name == "parent").urn
    assert {each.parent for each in components} == {parent}
    providers = {each.urn for each in recorded.registrations if each.type.startswith("pulumi:providers:")}
    for each in recorded.under("test:index:Parent"):
        if not each.type.startswith(("modelyard:", "test:")):
            assert any(each.provider.startswith(urn) for urn in providers), each.urn


@pytest.mark.parametrize("provisioner", ["cluster_autoscaler", "karpenter", "auto_mode"])
def test_every_component_is_finished(provisioner: str) -> None:
    recorded, _ = waits(provisioner, POOLS)
    components = {each.urn for each in recorded.registrations if each.type.startswith("modelyard:")}
    assert components <= set(recorded.component_outputs)
