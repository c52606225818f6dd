"""Devices that pods claim, as the driver on a node tells of them: a class, and a slice of resources for each node.

https://kubernetes.io/docs/concepts/scheduling-eviction/dynamic-resource-allocation/
"""

from collections.abc import Mapping

from tools.offline.cloud import cluster_api
from tools.offline.cloud.session import Session
from tools.offline.common.values import Json
from tools.offline.kubernetes.client import Client

_VERSION = "resource.k8s.io/v1"


def tell(session: Session, api: Client, node: Json, devices: Mapping[str, int]) -> None:
    """Tell what a node has: so many devices of each class, whose driver is named as the class is. They go with it.

    Args:
        session: of the account.
        api: of the cluster.
        node: as the API server has it.
        devices: how many, by device class.
    """
    for device_class, count in devices.items():
        for body in (_class(device_class), _slice(node, device_class, count)):
            cluster_api.create(session, api, body)


def _class(name: str) -> Json:
    selector = {"cel": {"expression": f"device.driver == '{name}'"}}
    return {
        "apiVersion": _VERSION,
        "kind": "DeviceClass",
        "metadata": {"name": name},
        "spec": {"selectors": [selector]},
    }


def _slice(node: Json, device_class: str, count: int) -> Json:
    metadata = node["metadata"]
    owner = {"apiVersion": "v1", "kind": "Node", "name": metadata["name"], "uid": metadata["uid"]}
    return {
        "apiVersion": _VERSION,
        "kind": "ResourceSlice",
        "metadata": {"name": f"{metadata['name']}-{device_class}", "ownerReferences": [owner]},
        "spec": {
            "driver": device_class,
            "nodeName": metadata["name"],
            "pool": {"name": metadata["name"], "generation": 1, "resourceSliceCount": 1},
            "devices": [{"name": f"device-{index}"} for index in range(count)],
        },
    }
