from dataclasses import replace

from modelyard.gpu.spec import ReservationSpec
from tests.unit.cluster.aks.foundations import A100_RESERVED, COMPACT, GROUP, H100_RDMA, SYSTEM, T4_SPOT, pools_made
from tests.unit.cluster.registrations import named


def test_nodes_stand_in_one_data_center() -> None:
    recorded = pools_made({"close": COMPACT, "system": SYSTEM})
    group = recorded.one("ProximityPlacementGroup")
    pool = named(recorded, "AgentPool", "main-close")
    assert "/ProximityPlacementGroup/main-close" in pool.inputs["proximityPlacementGroupID"]
    assert "proximityPlacementGroupID" not in named(recorded, "AgentPool", "main-system").inputs
    assert group.inputs == {
        "proximityPlacementGroupName": f"prod-{pool.inputs['agentPoolName']}",
        "resourceGroupName": "prod",
        "location": "eastus2",
        "proximityPlacementGroupType": "Standard",
        "tags": {"team": "ml"},
    }
    assert group.urn in pool.depends_on


def test_another_machine_type_gets_a_group_of_its_own_before_the_old_one_goes() -> None:
    before = pools_made({"close": COMPACT}).one("ProximityPlacementGroup")
    after = pools_made({"close": replace(COMPACT, machine_type="Standard_D4s_v5")}).one("ProximityPlacementGroup")
    assert before.inputs["proximityPlacementGroupName"] != after.inputs["proximityPlacementGroupName"]
    assert after.deleted_first is False


def test_infiniband_needs_none() -> None:
    assert pools_made({"h100": H100_RDMA}).of("ProximityPlacementGroup") == []


def test_the_control_plane_may_use_each_reservation_and_nothing_else() -> None:
    other = replace(A100_RESERVED, capacity=ReservationSpec(reservation=f"{GROUP}-2"))
    pools = {"system": SYSTEM, "one": A100_RESERVED, "two": A100_RESERVED, "three": other, "t4": T4_SPOT}
    recorded = pools_made(pools)
    assigned = {each.urn: each.inputs["scope"] for each in recorded.of("RoleAssignment")}
    assert sorted(assigned.values()) == [GROUP, f"{GROUP}-2"]
    for each in recorded.of("AgentPool"):
        waits_for = {assigned[urn] for urn in each.depends_on if urn in assigned}
        group = each.inputs.get("capacityReservationGroupID")
        assert waits_for == ({group} if group else set())


def test_without_reservations_nothing_is_allowed() -> None:
    assert pools_made({"system": SYSTEM, "close": COMPACT}).of("RoleAssignment") == []
