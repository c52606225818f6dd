"""A stack on GKE: what the stack asks of the cluster, and what waits for what across its parts."""

from tests.support.mocks import Recorded
from tests.unit.cluster.registrations import named, waits_for
from tests.unit.stack.production import add_volume, made


def test_production_waits_for_no_more_than_it_needs() -> None:
    recorded = made("gke")
    service = waits_for(recorded, named(recorded, "Deployment", "chat-assistant"))
    assert {"NodePool l4", "NodePool system", "Cluster cluster"} <= service
    assert "NodePool h200" not in service
    assert not any("monitoring" in each for each in service - {"Service monitoring"})
    monitoring = waits_for(recorded, named(recorded, "Release", "monitoring"))
    assert "NodePool system" in monitoring
    assert not {"NodePool l4", "NodePool h200"} & monitoring
    (training,) = (each for each in recorded.of("batch/v1:Job") if "finetune" in each.name)
    assert "NodePool h200" in waits_for(recorded, training)
    assert "NodePool l4" not in waits_for(recorded, training)


def test_shared_volume_brings_a_class_that_several_nodes_mount() -> None:
    def driver(recorded: Recorded) -> object:
        addons = recorded.one("gcp:container/cluster:Cluster").inputs["addonsConfig"]
        return addons["gcpFilestoreCsiDriverConfig"]["enabled"]

    assert driver(made("gke")) is False
    recorded = made("gke", add_volume)
    assert driver(recorded) is True
    volume = recorded.one("PersistentVolumeClaim")
    assert volume.inputs["spec"]["storageClassName"] == "filestore"
    assert "StorageClass filestore" in waits_for(recorded, volume)
