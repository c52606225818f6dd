"""Volumes: encrypted, in the right zone, and gone before their drivers."""

import pytest

from tests.support import aws
from tests.unit.cluster.eks.clusters import SPECS, made
from tests.unit.cluster.registrations import named, names, waits_for

DEFAULT = "storageclass.kubernetes.io/is-default-class"


@pytest.mark.parametrize(
    ("variant", "provisioner"), [("autoscaler", "ebs.csi.aws.com"), ("auto_mode", "ebs.csi.eks.amazonaws.com")]
)
def test_default_class_is_encrypted_gp3_where_the_pod_is(variant: str, provisioner: str) -> None:
    disks = named(made(variant), "StorageClass", "main-gp3").inputs
    assert disks["metadata"]["name"] == "gp3"
    assert disks["metadata"]["annotations"] == {DEFAULT: "true"}
    assert disks["provisioner"] == provisioner
    assert disks["parameters"] == {"type": "gp3", "encrypted": "true"}
    assert (disks["volumeBindingMode"], disks["allowVolumeExpansion"]) == ("WaitForFirstConsumer", True)


def test_class_of_disks_waits_for_the_api_server_alone() -> None:
    recorded = made("everything")
    before = waits_for(recorded, named(recorded, "StorageClass", "main-gp3"))
    assert "Cluster cluster" in before
    assert not [each for each in before if each.startswith(("Addon", "NodeGroup"))]


@pytest.mark.parametrize("variant", SPECS)
def test_shared_file_system_only_where_it_is_asked_for(variant: str) -> None:
    wanted = bool(SPECS[variant].shared_storage)
    recorded = made(variant)
    assert bool(recorded.of("FileSystem")) is wanted
    assert ("efs" in names(recorded, "StorageClass")) is wanted
    assert ("aws-efs-csi-driver" in names(recorded, "Addon")) is wanted


def test_shared_file_system_is_reached_from_nodes_in_every_zone_and_from_nowhere_else() -> None:
    recorded = made("everything")
    assert recorded.one("FileSystem").inputs["encrypted"] is True
    targets = recorded.of("MountTarget")
    assert [each.inputs["subnetId"] for each in targets] == ["main-private-us-east-1b-id", "main-private-us-east-1d-id"]
    assert all(each.inputs["securityGroups"] == ["main-shared-id"] for each in targets)
    rule = named(recorded, "SecurityGroupIngressRule", "main-shared").inputs
    assert rule["referencedSecurityGroupId"] == aws.SECURITY_GROUP_ID
    assert (rule["fromPort"], rule["toPort"], rule["ipProtocol"]) == (2049, 2049, "tcp")
    assert "cidrIpv4" not in rule


def test_shared_class_waits_for_a_way_to_the_file_system() -> None:
    recorded = made("everything")
    shared = named(recorded, "StorageClass", "main-efs")
    assert shared.inputs["parameters"]["fileSystemId"] == "main-shared-id"
    assert DEFAULT not in shared.inputs["metadata"].get("annotations", {})
    assert {"SecurityGroupIngressRule shared", "MountTarget shared-us-east-1b"} <= waits_for(recorded, shared)
