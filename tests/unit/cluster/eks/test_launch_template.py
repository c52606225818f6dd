import base64
from dataclasses import replace
from typing import Any

import pytest

from modelyard.cluster.spec import PoolSpec
from modelyard.gpu.spec import ReservationSpec
from tests.support.mocks import Recorded
from tests.unit.cluster.eks.foundations import BLOCK, H100_RDMA, L4_SPOT, SHARES, SYSTEM, pools_made
from tests.unit.cluster.registrations import named

KEY = "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"


def made(spec: PoolSpec, **settings: Any) -> Recorded:
    return pools_made({"system": SYSTEM, "pool": spec}, **settings)


def template(spec: PoolSpec, **settings: Any) -> dict[str, Any]:
    return dict(named(made(spec, **settings), "LaunchTemplate", "main-pool").inputs)


def text_of(found: dict[str, Any]) -> str:
    return base64.b64decode(found["userData"]).decode()


def test_metadata_needs_a_token_and_does_not_reach_pods() -> None:
    assert template(SYSTEM)["metadataOptions"] == {
        "httpEndpoint": "enabled",
        "httpTokens": "required",
        "httpPutResponseHopLimit": 1,
    }


def test_eks_chooses_image_and_machine() -> None:
    found = template(L4_SPOT)
    assert not {"imageId", "instanceType", "instanceMarketOptions"} & found.keys()
    assert found["updateDefaultVersion"] is True


@pytest.mark.parametrize("key", [None, KEY])
def test_disks_are_encrypted(key: str | None) -> None:
    (disk,) = template(L4_SPOT, disk_key_arn=key)["blockDeviceMappings"]
    assert disk["deviceName"] == "/dev/xvda"
    assert disk["ebs"].get("kmsKeyId") == key
    assert (disk["ebs"]["encrypted"], disk["ebs"]["volumeType"], disk["ebs"]["volumeSize"]) == ("true", "gp3", 100)


def test_bottlerocket_has_a_disk_for_data() -> None:
    disks = template(SHARES)["blockDeviceMappings"]
    assert [(disk["deviceName"], disk["ebs"]["volumeSize"]) for disk in disks] == [("/dev/xvda", 4), ("/dev/xvdb", 100)]
    assert {disk["ebs"]["encrypted"] for disk in disks} == {"true"}


def test_machines_disks_and_interfaces_carry_the_tags() -> None:
    tags = {each["resourceType"]: each["tags"] for each in template(SYSTEM)["tagSpecifications"]}
    assert set(tags) == {"instance", "volume", "network-interface"}
    assert tags["instance"] == {"team": "ml", "Name": "prod-pool"}


def test_machines_are_in_the_nodes_security_group() -> None:
    assert template(SYSTEM)["vpcSecurityGroupIds"] == ["sg-0aaaaaaaa"]


def test_so_is_each_interface_of_a_machine_with_fabric() -> None:
    found = template(H100_RDMA)
    assert "vpcSecurityGroupIds" not in found
    assert len(found["networkInterfaces"]) == 33
    assert {tuple(each["securityGroups"]) for each in found["networkInterfaces"]} == {("sg-0aaaaaaaa",)}
    assert not any("subnetId" in each for each in found["networkInterfaces"])
    assert found["networkInterfaces"][1] == {
        "networkCardIndex": 0,
        "deviceIndex": 1,
        "interfaceType": "efa-only",
        "securityGroups": ["sg-0aaaaaaaa"],
        "deleteOnTermination": "true",
    }


def test_machines_with_fabric_stand_close_together() -> None:
    recorded = made(replace(H100_RDMA, capacity="on_demand"))
    assert recorded.one("PlacementGroup").inputs["strategy"] == "cluster"
    assert recorded.one("PlacementGroup").urn in named(recorded, "LaunchTemplate", "main-pool").depends_on


def test_reserved_ones_do_by_their_reservation() -> None:
    recorded = made(H100_RDMA)
    assert not recorded.of("PlacementGroup")
    assert "placement" not in named(recorded, "LaunchTemplate", "main-pool").inputs


def test_a_reservation_is_targeted() -> None:
    specification = template(H100_RDMA)["capacityReservationSpecification"]
    assert specification == {"capacityReservationTarget": {"capacityReservationId": "cr-0123456789abcdef0"}}


def test_a_group_of_reservations_by_its_arn() -> None:
    arn = "arn:aws:resource-groups:us-east-1:111122223333:group/h100"
    spec = replace(H100_RDMA, capacity=ReservationSpec(reservation=arn))
    specification = template(spec)["capacityReservationSpecification"]
    assert specification == {"capacityReservationTarget": {"capacityReservationResourceGroupArn": arn}}


def test_a_capacity_block_is_a_market_and_names_the_machine() -> None:
    found = template(BLOCK)
    assert found["instanceMarketOptions"] == {"marketType": "capacity-block"}
    assert found["instanceType"] == "p5.48xlarge"
    assert found["capacityReservationSpecification"] == {
        "capacityReservationTarget": {"capacityReservationId": "cr-0fedcba9876543210"}
    }


def test_machines_on_demand_target_nothing() -> None:
    assert "capacityReservationSpecification" not in template(SYSTEM)


def test_nvme_disks_become_one() -> None:
    assert "strategy: RAID0" in text_of(template(L4_SPOT))
    assert "ephemeral-storage" in text_of(template(SHARES))
    assert "userData" not in template(SYSTEM)


def test_fabric_has_huge_pages() -> None:
    assert "vm.nr_hugepages=5128" in text_of(template(H100_RDMA))
    assert "hugepages" not in text_of(template(L4_SPOT))


def test_bottlerocket_gets_the_pools_sharing() -> None:
    assert 'device-sharing-strategy = "time-slicing"' in text_of(template(SHARES))
