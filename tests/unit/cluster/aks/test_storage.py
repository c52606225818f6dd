"""Classes of volumes."""

from modelyard.cluster.aks.cluster import AksCluster
from tests.support.mocks import run
from tests.unit.cluster.aks.clusters import DISKS, POOLS, SPECS, made
from tests.unit.cluster.registrations import named, names


def test_disks_are_made_in_the_zone_of_the_pod_that_asks_first() -> None:
    disks = named(made("autoscaler"), "StorageClass", "main-premium-disk").inputs
    assert disks["provisioner"] == "disk.csi.azure.com"
    assert disks["volumeBindingMode"] == "WaitForFirstConsumer"
    assert disks["allowVolumeExpansion"] is True
    assert disks["reclaimPolicy"] == "Delete"
    assert disks["parameters"] == {"skuName": "Premium_LRS"}
    assert "annotations" not in disks["metadata"], "AKS resets which class is the default"


def test_disks_are_encrypted_with_the_users_keys() -> None:
    disks = named(made("everything"), "StorageClass", "main-premium-disk").inputs
    assert disks["parameters"]["diskEncryptionSetID"] == DISKS


def test_shared_volumes_are_there_where_they_are_asked_for() -> None:
    assert names(made("autoscaler"), "StorageClass") == ["premium-disk"]
    shared = named(made("everything"), "StorageClass", "main-premium-nfs").inputs
    assert shared["provisioner"] == "file.csi.azure.com"
    assert shared["parameters"] == {"protocol": "nfs", "skuName": "Premium_LRS"}
    assert "nconnect=4" in shared["mountOptions"]


def test_shared_volumes_may_be_containers_of_blob_that_the_node_subnet_alone_reaches() -> None:
    recorded = made("existing")
    assert sorted(names(recorded, "StorageClass")) == ["blob-nfs", "premium-disk"]
    shared = named(recorded, "StorageClass", "main-blob-nfs").inputs
    assert shared["provisioner"] == "blob.csi.azure.com"
    assert shared["parameters"] == {"protocol": "nfs", "skuName": "Standard_LRS", "subnetName": "nodes"}
    assert (shared["volumeBindingMode"], shared["allowVolumeExpansion"]) == ("Immediate", True)
    assert "mountOptions" not in shared


def test_traits_name_the_classes_that_are_made() -> None:
    found: list[AksCluster] = []
    for variant in ("autoscaler", "existing"):
        recorded = run(lambda variant=variant: found.append(AksCluster("main", SPECS[variant], POOLS)))
        traits = found[-1].traits
        named_classes = {each for each in (traits.storage_class, traits.shared_storage_class) if each}
        assert {each.inputs["metadata"]["name"] for each in recorded.of("StorageClass")} == named_classes
