"""Volumes: classes that fit the machines, and the key that they are encrypted with."""

import pytest

from tests.unit.cluster.gke.clusters import KEY, SPECS, made
from tests.unit.cluster.registrations import named, names, waits_for

DEFAULT = "storageclass.kubernetes.io/is-default-class"


@pytest.mark.parametrize("variant", SPECS)
def test_default_class_takes_the_disk_that_fits_the_node(variant: str) -> None:
    found = named(made(variant), "StorageClass", "main-balanced").inputs
    assert found["metadata"]["annotations"] == {DEFAULT: "true"}
    assert found["provisioner"] == "pd.csi.storage.gke.io"
    assert found["volumeBindingMode"] == "WaitForFirstConsumer", "a disk is in one zone, its pod's"
    assert found["allowVolumeExpansion"] is True
    assert {key: found["parameters"][key] for key in ("type", "pd-type", "hyperdisk-type")} == {
        "type": "dynamic", "pd-type": "pd-balanced", "hyperdisk-type": "hyperdisk-balanced"
    }  # fmt: skip
    assert found["parameters"]["use-allowed-disk-topology"] == "true"


def test_shared_class_is_there_on_request_and_never_the_default() -> None:
    assert names(made("autoscaler"), "StorageClass") == ["balanced"]
    found = named(made("everything"), "StorageClass", "main-filestore").inputs
    assert not found["metadata"].get("annotations")
    assert found["provisioner"] == "filestore.csi.storage.gke.io"
    assert (found["parameters"]["tier"], found["parameters"]["multishare"]) == ("enterprise", "true")


@pytest.mark.parametrize(
    ("variant", "network", "mode"),
    [
        ("everything", "main-network-0a1b2c3", "DIRECT_PEERING"),
        ("existing", "corp", "DIRECT_PEERING"),
        ("shared_vpc", "projects/network-host/global/networks/corp", "PRIVATE_SERVICE_ACCESS"),
    ],
)
def test_shares_are_reached_in_the_clusters_network(variant: str, network: str, mode: str) -> None:
    parameters = named(made(variant), "StorageClass", "main-filestore").inputs["parameters"]
    assert (parameters["network"], parameters["connect-mode"]) == (network, mode)


def test_disks_of_models_are_there_on_request_and_never_the_default() -> None:
    assert names(made("existing"), "StorageClass") == ["balanced", "filestore"]
    written, copies = (
        named(made("everything"), "StorageClass", f"main-{name}").inputs
        for name in ("hyperdisk-ml", "hyperdisk-ml-copies")
    )
    for each in (written, copies):
        assert not each["metadata"].get("annotations")
        assert each["provisioner"] == "pd.csi.storage.gke.io"
        assert each["parameters"]["type"] == "hyperdisk-ml"
        assert each["parameters"]["disk-encryption-kms-key"] == KEY
        assert each["allowVolumeExpansion"] is False
    assert written["volumeBindingMode"] == "WaitForFirstConsumer", "it is in the zone of the pod that writes it"
    assert "allowedTopologies" not in written


def test_copies_of_a_model_are_in_every_zone_of_the_cluster() -> None:
    copies = named(made("everything"), "StorageClass", "main-hyperdisk-ml-copies").inputs
    assert copies["volumeBindingMode"] == "Immediate"
    assert copies["parameters"]["enable-multi-zone-provisioning"] == "true"
    zones = ["us-central1-a", "us-central1-f"]
    assert copies["allowedTopologies"] == [
        {"matchLabelExpressions": [{"key": "topology.gke.io/zone", "values": zones}]}
    ]


def test_volumes_are_encrypted_with_the_users_key_once_it_may_be_used() -> None:
    recorded = made("everything")
    disks, shares = (named(recorded, "StorageClass", f"main-{name}") for name in ("balanced", "filestore"))
    assert disks.inputs["parameters"]["disk-encryption-kms-key"] == KEY
    assert shares.inputs["parameters"]["instance-encryption-kms-key"] == KEY
    assert "CryptoKeyIAMMember compute-key" in waits_for(recorded, disks)
    assert {"CryptoKeyIAMMember file-key", "Service file"} <= waits_for(recorded, shares)
    plain = named(made("autoscaler"), "StorageClass", "main-balanced").inputs["parameters"]
    assert not [key for key in plain if "kms" in key]
