import pulumi
import pytest

from modelyard.cluster.gke.foundation import Foundation
from modelyard.cluster.pools_made import PoolsMade
from modelyard.cluster.spec import PoolSpec
from tests.support.mocks import Recorded, run
from tests.unit.cluster.gke.foundations import H100_RESERVED, L4_SPOT, SYSTEM, gke_spec, pools_program

POOLS = {"system": SYSTEM, "l4": L4_SPOT, "h100": H100_RESERVED}
PROVISIONERS = ["cluster_autoscaler", "node_auto_provisioning"]


def waits(provisioner: str, pools: dict[str, PoolSpec]) -> tuple[Recorded, dict[str, set[str]]]:
    """For each pool, and for the system, the types of resources that what runs there waits for."""

    def then(made: PoolsMade, base: Foundation) -> None:
        for name, resources in {**made.by_pool, "(system)": made.system_ready}.items():
            pulumi.ComponentResource("test:index:Waits", name, opts=pulumi.ResourceOptions(depends_on=list(resources)))

    recorded = run(pools_program(pools, gke_spec(provisioner), then=then))
    types = {each.urn: f"{each.type.rpartition(':')[2]} {each.name}" for each in recorded.registrations}
    return recorded, {each.name: {types[urn] for urn in each.depends_on} for each in recorded.of("Waits")}


def test_pods_wait_for_the_node_pool_of_their_pool_only() -> None:
    _, found = waits("cluster_autoscaler", POOLS)
    assert found == {
        "system": {"NodePool main-system"},
        "l4": {"NodePool main-l4"},
        "h100": {"NodePool main-h100"},
        "(system)": {"NodePool main-system"},
    }


def test_or_for_its_compute_class() -> None:
    _, found = waits("node_auto_provisioning", POOLS)
    assert found == {
        "system": {"NodePool main-system"},
        "l4": {"ComputeClass main-l4"},
        "h100": {"ComputeClass main-h100"},
        "(system)": {"NodePool main-system"},
    }


@pytest.mark.parametrize("provisioner", PROVISIONERS)
def test_everything_belongs_to_the_cluster_and_uses_its_providers(provisioner: str) -> None:
    recorded, _ = waits(provisioner, POOLS)
    components = [each for each in recorded.registrations if each.type.startswith("modelyard:cluster:")]
    assert len(components) == len(POOLS)
    parent = next(each for each in recorded.registrations if each.name == "parent").urn
    assert {each.parent for each in components} == {parent}
    providers = {each.urn for each in recorded.registrations if each.type.startswith("pulumi:providers:")}
    for each in recorded.under("test:index:Parent"):
        if not each.type.startswith(("modelyard:", "test:")):
            assert any(each.provider.startswith(urn) for urn in providers), each.urn


@pytest.mark.parametrize("provisioner", PROVISIONERS)
def test_every_component_is_finished(provisioner: str) -> None:
    recorded, _ = waits(provisioner, POOLS)
    components = {each.urn for each in recorded.registrations if each.type.startswith("modelyard:")}
    assert components <= set(recorded.component_outputs)
