"""The clouds' CSI drivers, as far as the scheduler sees them: a volume for each claim that waits for one."""

from collections.abc import Iterator

from tools.offline.cloud import cluster_api
from tools.offline.cloud.plans import Plans
from tools.offline.cloud.session import Session
from tools.offline.common.values import Json, as_map
from tools.offline.kubernetes.client import Client
from tools.offline.kubernetes.errors import ApiError

_CLASS = "storage.k8s.io/v1"
_OWN = "kubernetes.io/"
"""How provisioners begin that Kubernetes itself plays."""
_NODE = "volume.kubernetes.io/selected-node"
"""What the scheduler writes on a claim whose class waits for a pod."""


def serve(session: Session, plans: Plans) -> None:
    """Make a volume for each claim of a driver's class, and remove those whose claim is gone."""
    del plans
    api = cluster_api.client(session)
    if api is None:
        return
    classes = {each["metadata"]["name"]: each for each in api.list_objects(_CLASS, "StorageClass", everywhere=True)}
    drivers = {name: each for name, each in classes.items() if not each["provisioner"].startswith(_OWN)}
    if not drivers:
        return
    for claim in _waiting(api, drivers):
        cluster_api.create(session, api, _volume(claim, drivers[claim["spec"]["storageClassName"]]))
    for volume in api.list_objects("v1", "PersistentVolume", everywhere=True):
        if as_map(volume.get("status")).get("phase") == "Released" and volume["spec"].get("csi"):
            _remove(api, volume)


def _waiting(api: Client, drivers: dict[str, Json]) -> Iterator[Json]:
    for claim in api.list_objects("v1", "PersistentVolumeClaim", everywhere=True):
        found = drivers.get(as_map(claim["spec"]).get("storageClassName", ""))
        if found is None or claim["spec"].get("volumeName"):
            continue
        if found.get("volumeBindingMode") != "WaitForFirstConsumer" or _NODE in claim["metadata"].get(
            "annotations", {}
        ):
            yield claim


def _volume(claim: Json, storage_class: Json) -> Json:
    metadata = claim["metadata"]
    name = f"pvc-{metadata['uid']}"
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": name},
        "spec": {
            "storageClassName": storage_class["metadata"]["name"],
            "accessModes": claim["spec"]["accessModes"],
            "capacity": {"storage": claim["spec"]["resources"]["requests"]["storage"]},
            "persistentVolumeReclaimPolicy": storage_class.get("reclaimPolicy", "Delete"),
            "csi": {"driver": storage_class["provisioner"], "volumeHandle": name},
            "claimRef": {
                "apiVersion": "v1",
                "kind": "PersistentVolumeClaim",
                "namespace": metadata["namespace"],
                "name": metadata["name"],
                "uid": metadata["uid"],
            },
        },
    }


def _remove(api: Client, volume: Json) -> None:
    try:
        api.delete(volume, propagation="Background")
    except ApiError as error:
        if not error.is_not_found:
            raise
