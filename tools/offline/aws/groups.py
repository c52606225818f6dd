"""The machines and nodes of a managed node group."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from modelyard.gpu.machine_types import machine_types
from tools.offline.aws import model
from tools.offline.aws.kinds_compute import CLUSTER, LAUNCH_TEMPLATE, NODE_GROUP, PLACEMENT_GROUP
from tools.offline.aws.kinds_network import SUBNET
from tools.offline.aws.machines import machine_of
from tools.offline.aws.node_labels import CLUSTER_LABEL, GROUP_LABEL
from tools.offline.aws.user_data import require_readable
from tools.offline.cloud import nodes
from tools.offline.cloud.errors import CloudError
from tools.offline.cloud.node_groups import NodeGroups
from tools.offline.cloud.session import Session
from tools.offline.cloud.world import Account, Record, values_at
from tools.offline.common.values import Json, as_list, as_map

_DEFAULT_TYPE = "t3.medium"
_EFFECTS = {"NO_SCHEDULE": "NoSchedule", "NO_EXECUTE": "NoExecute", "PREFER_NO_SCHEDULE": "PreferNoSchedule"}
_TEMPLATE_TAG = "k8s.io/cluster-autoscaler/node-template/"
_BUILD_LABEL = "eks.amazonaws.com/sourceLaunchTemplateVersion"
_ACCELERATED = {"NVIDIA": "nvidia.com/gpu", "NEURON": "aws.amazon.com/neuron"}


def template_of(account: Account, inputs: Json) -> Json:
    """The launch template's data in the version that the group names.

    Raises:
        CloudError: there is no such version.
    """
    reference = as_map(inputs.get("launchTemplate"))
    template = account.get(LAUNCH_TEMPLATE, reference.get("id", "")) or account.find(
        LAUNCH_TEMPLATE, reference.get("name"), "name"
    )
    if not reference:
        return {}
    if template is None:
        raise CloudError("InvalidRequestException", f"Launch template {reference} not found")
    version = str(reference.get("version") or template.get("defaultVersion"))
    version = {"$Latest": str(template.get("latestVersion")), "$Default": str(template.get("defaultVersion"))}.get(
        version, version
    )
    versions = as_map(template.notes.get("versions"))
    if version not in versions:
        raise CloudError(
            "InvalidRequestException", f"Could not find the launch template version {version} of {template.id}"
        )
    return as_map(versions[version])


def instance_types(account: Account, inputs: Json) -> list[str]:
    """The machine types that the group may take."""
    inside = template_of(account, inputs).get("instanceType")
    return as_list(inputs.get("instanceTypes")) or ([inside] if inside else [_DEFAULT_TYPE])


def has_gpus(account: Account, record: Record) -> bool:
    """Whether its nodes have accelerators."""
    return any(machine_of(name).has_gpu for name in instance_types(account, record.inputs))


def require_machines(account: Account, inputs: Json) -> None:
    """Machine types, image and capacity fit each other.

    Raises:
        CloudError: they do not.
    """
    template = template_of(account, inputs)
    if inputs.get("instanceTypes") and template.get("instanceType"):
        raise CloudError(
            "InvalidParameterException",
            "Instance types must be specified either in the launch template or in the request, not in both",
        )
    known = model.enum("ec2", "InstanceType")
    image = inputs.get("amiType") or "AL2023_x86_64_STANDARD"
    require_readable(image, template.get("userData"))
    if image != "CUSTOM" and template.get("imageId"):
        raise CloudError(
            "InvalidParameterException", f"You cannot specify an image id within the launch template with {image}"
        )
    for name in instance_types(account, inputs):
        machine = machine_of(name)
        if name not in known:
            raise CloudError(
                "InvalidParameterException", f"The following supplied instance types do not exist: [{name}]"
            )
        arm = "ARM_64" in image or "arm64" in image
        wanted = next((resource for word, resource in _ACCELERATED.items() if word in image), None)
        fits = (machine.architecture == "arm64") == arm and (wanted is None or wanted in machine.devices)
        if image != "CUSTOM" and not fits:
            raise CloudError(
                "InvalidParameterException", f"[{name}] is not a valid instance type for requested amiType {image}"
            )
        _require_fabric(name, template)
    _require_capacity(account, inputs, template)
    _require_one_place(account, inputs, template)


def _require_fabric(name: str, template: Json) -> None:
    """A machine type that the library's table knows has no more EFA interfaces than it can."""
    wanted = sum(kind.startswith("efa") for kind in values_at(template, "networkInterfaces.interfaceType"))
    if name not in machine_types() or wanted <= machine_of(name).rdma_devices:
        return
    if not machine_of(name).rdma_devices:
        raise CloudError("InvalidParameterCombination", f"EFA interfaces are not supported on {name}")
    most = machine_of(name).rdma_devices
    raise CloudError("AttachmentLimitExceeded", f"{wanted} EFA interfaces exceed the limit of {name}: {most}")


def _require_one_place(account: Account, inputs: Json, template: Json) -> None:
    for name in values_at(template, "placement.groupName"):
        group = account.get(PLACEMENT_GROUP, name)
        if group is not None and group.inputs["strategy"] == "cluster" and len(_zones(account, inputs)) > 1:
            raise CloudError(
                "InvalidParameterException", f"Placement group {name} is in one zone: name subnets of that zone only"
            )


def _require_capacity(account: Account, inputs: Json, template: Json) -> None:
    market = (values_at(template, "instanceMarketOptions.marketType") or [None])[0]
    kind = inputs.get("capacityType") or "ON_DEMAND"
    if market == "spot":
        raise CloudError(
            "InvalidParameterException",
            "Spot market options in the launch template are not supported: use capacityType",
        )
    if (kind == "CAPACITY_BLOCK") != (market == "capacity-block"):
        raise CloudError(
            "InvalidParameterException",
            f"capacityType {kind} does not go with market type {market or 'none'} of the launch template",
        )
    if kind != "CAPACITY_BLOCK":
        return
    if not template.get("instanceType"):
        raise CloudError("InvalidParameterException", "A Capacity Block needs the instance type in the launch template")
    if not values_at(template, "capacityReservationSpecification.capacityReservationTarget.capacityReservationId"):
        raise CloudError("InvalidParameterException", "A Capacity Block needs its reservation in the launch template")
    if len(_zones(account, inputs)) > 1:
        raise CloudError("InvalidParameterException", "A Capacity Block is in one zone: name subnets of that zone only")


def _zones(account: Account, inputs: Json) -> list[str]:
    subnets = [account.get(SUBNET, each) for each in as_list(inputs["subnetIds"])]
    return sorted({each.get("availabilityZone") for each in subnets if each is not None})


class ManagedNodeGroups(NodeGroups):
    """EKS's managed node groups."""

    token = NODE_GROUP
    cluster_token = CLUSTER

    def cluster_of(self, account: Account, record: Record) -> Record | None:
        return account.get(CLUSTER, record.inputs["clusterName"])

    def selector(self, record: Record) -> Mapping[str, str]:
        return {CLUSTER_LABEL: record.inputs["clusterName"], GROUP_LABEL: record.get("nodeGroupName")}

    def node_of(self, session: Session, account: Account, record: Record, index: int) -> nodes.Node:
        inputs = record.inputs
        machine = machine_of(instance_types(account, inputs)[0])
        zones = _zones(account, inputs)
        labels = {
            CLUSTER_LABEL: inputs["clusterName"],
            GROUP_LABEL: record.get("nodeGroupName"),
            "eks.amazonaws.com/capacityType": inputs.get("capacityType") or "ON_DEMAND",
            _BUILD_LABEL: _build(account, record),
            **as_map(inputs.get("labels")),
        }
        taints = [
            {"key": each["key"], "value": each.get("value", ""), "effect": _EFFECTS[each["effect"]]}
            for each in map(as_map, as_list(inputs.get("taints")))
        ]
        return nodes.Node(
            zone=zones[index % len(zones)],
            region=record.region,
            machine=machine,
            labels=labels,
            taints=taints,
            resources=nodes.resources_of(session, machine, labels, _told(record)),
        )

    def desired(self, record: Record) -> int:
        return int(record.inputs["scalingConfig"]["desiredSize"])

    def grow(self, record: Record) -> bool:
        scaling = record.inputs["scalingConfig"]
        if scaling["desiredSize"] >= scaling["maxSize"]:
            return False
        scaling["desiredSize"] += 1
        return True


GROUPS = ManagedNodeGroups()


def _told(record: Record) -> dict[str, str]:
    """What the group's tags tell the cluster autoscaler of nodes that are not there yet."""
    prefix = f"{_TEMPLATE_TAG}resources/"
    tags = as_map(record.inputs.get("tags"))
    return {key.removeprefix(prefix): str(value) for key, value in tags.items() if key.startswith(prefix)}


def _build(account: Account, record: Record) -> str:
    """What nodes are made of: where it changes, they are made anew."""
    parts: list[Any] = [record.get("version"), record.inputs.get("releaseVersion"), template_of(account, record.inputs)]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]
