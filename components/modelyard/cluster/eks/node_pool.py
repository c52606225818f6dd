"""Karpenter's and Auto Mode's custom objects of a pool, as plain values.

Sources: https://karpenter.sh/docs/concepts/nodepools/, https://karpenter.sh/docs/concepts/nodeclasses/,
https://docs.aws.amazon.com/eks/latest/userguide/create-node-class.html
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import pulumi

from modelyard.cluster.eks.nodes import (
    BOTTLEROCKET_SYSTEM_GIB,
    advertised_resources,
    disk_gib,
    has_local_disks,
    instance_types,
    is_bottlerocket,
    network_interfaces,
    node_labels,
    user_data,
)
from modelyard.cluster.karpenter import growing, node_template
from modelyard.cluster.pools import Pool
from modelyard.gpu.spec import CapacityBlockSpec, ReservationSpec
from modelyard.operators.definition import Kind
from modelyard.versions import KARPENTER_NODE_IMAGES

NODE_OVERLAY = Kind(
    group="karpenter.sh", version="v1alpha1", kind="NodeOverlay", plural="nodeoverlays", namespaced=False
)
EC2_NODE_CLASS = Kind(
    group="karpenter.k8s.aws", version="v1", kind="EC2NodeClass", plural="ec2nodeclasses", namespaced=False
)
AUTO_MODE_NODE_CLASS = Kind(
    group="eks.amazonaws.com", version="v1", kind="NodeClass", plural="nodeclasses", namespaced=False
)

_AUTO_MODE_PREFIXES = 2
"""Of 16 addresses each. Auto Mode adds none later to a machine whose network interfaces are given, and a node with
accelerators has few pods beside its agents."""
_AUTO_MODE_END = "24h"
"""How long a node that has reached its age still waits for its pods, on EKS Auto Mode."""
_AGES = {
    "EC2NodeClass": {True: "Never", False: "720h"},
    # With `_AUTO_MODE_END` at most 21 days, or 504 hours, which is as old as a node of Auto Mode may become.
    # https://docs.aws.amazon.com/eks/latest/userguide/automode.html
    "NodeClass": {True: "480h", False: "336h"},
}
"""How old nodes become by kind of node class, with accelerators and without."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a pool's nodes are made.

    Attributes:
        zones: names of the zones.
        subnet_ids: a subnet in each of them.
        security_group_id: of nodes.
        identity: the role of nodes, or the instance profile that has it, as the kind of node class names it.
        disk_key_arn: the key of disks; None is the account's own for EBS.
        placement_group: the name of the group that keeps nodes close together.
        tags: on machines and disks.
    """

    zones: Sequence[str]
    subnet_ids: Sequence[pulumi.Input[str]]
    security_group_id: pulumi.Input[str]
    identity: pulumi.Input[str]
    disk_key_arn: pulumi.Input[str] | None
    placement_group: pulumi.Input[str] | None
    tags: dict[str, str]


def node_pool(pool: Pool, node_class: Kind, place: Place, *, most: int) -> dict[str, Any]:
    """The `spec` of a NodePool that grows and shrinks with what pods ask for, up to `most` nodes.

    With Karpenter nodes with accelerators have no age at which they go, others go after 30 days. On EKS Auto Mode no
    node becomes older than 21 days: those with accelerators go after 20 days and others after 14, each at most a day
    later where pods hold it up.
    """
    return growing(pool, _template(pool, node_class, place), most=most)


def fixed_node_pool(pool: Pool, node_class: Kind, place: Place, *, nodes: int) -> dict[str, Any]:
    """The `spec` of a NodePool of so many nodes, always.

    It has no limit of its own, so that a node can be replaced by a new one that is there before the old one goes.
    """
    return {"replicas": nodes, "template": _template(pool, node_class, place)}


def ec2_node_class(pool: Pool, place: Place) -> dict[str, Any]:
    """The `spec` of Karpenter's node class of a pool."""
    family = "bottlerocket" if is_bottlerocket(pool) else "al2023"
    return {
        "amiSelectorTerms": [{"alias": f"{family}@{KARPENTER_NODE_IMAGES[family]}"}],
        "instanceProfile": place.identity,
        **_location(pool, place),
        "metadataOptions": {
            "httpEndpoint": "enabled",
            "httpProtocolIPv6": "disabled",
            "httpPutResponseHopLimit": 1,
            "httpTokens": "required",
        },
        "blockDeviceMappings": _disks(pool, place),
        **({"instanceStorePolicy": "RAID0"} if has_local_disks(pool) else {}),
        **({"networkInterfaces": _interfaces(pool)} if network_interfaces(pool) else {}),
        **_user_data(pool),
    }


def auto_mode_node_class(pool: Pool, place: Place) -> dict[str, Any]:
    """The `spec` of Auto Mode's node class of a pool. Image, metadata and local disks are AWS's own affair there.

    Its nodes enforce network policies: https://docs.aws.amazon.com/eks/latest/userguide/auto-net-pol.html
    """
    storage: dict[str, Any] = {"size": f"{disk_gib(pool)}Gi"}
    if place.disk_key_arn is not None:
        storage["kmsKeyID"] = place.disk_key_arn
    found = {
        "role": place.identity,
        **_location(pool, place),
        "ephemeralStorage": storage,
        "networkPolicy": "DefaultAllow",
    }
    interfaces = _interfaces(pool)
    if interfaces:
        interfaces[0]["secondaryIPv4PrefixCount"] = _AUTO_MODE_PREFIXES
        found["advancedNetworking"] = {"networkInterfaces": interfaces}
    return found


def unknown_to_karpenter(pool: Pool) -> dict[str, str]:
    """What a node of a pool has that Karpenter does not see in its machine type.

    Karpenter counts whole devices and EFA itself, but neither shares and slices of GPUs nor huge pages.
    """
    known: dict[str, str] = {}
    if pool.accelerator:
        known[pool.accelerator.resource] = str(pool.gpus_per_node)
    if pool.gpu:
        known.update({resource: str(amount) for resource, amount in pool.gpu.fabric_resources.items()})
    has = advertised_resources(pool)
    return {resource: amount for resource, amount in has.items() if known.get(resource) != amount}


def node_overlay(node_pool_name: str, capacity: dict[str, str]) -> dict[str, Any]:
    """The `spec` of a NodeOverlay: what nodes of a NodePool have, beside what Karpenter sees in their machine type."""
    requirement = {"key": "karpenter.sh/nodepool", "operator": "In", "values": [node_pool_name]}
    return {"requirements": [requirement], "capacity": capacity}


def _template(pool: Pool, node_class: Kind, place: Place) -> dict[str, Any]:
    end = {"terminationGracePeriod": _AUTO_MODE_END} if node_class == AUTO_MODE_NODE_CLASS else {}
    return node_template(
        pool,
        node_class,
        node_labels=node_labels(pool),
        machine_label="node.kubernetes.io/instance-type",
        machines=instance_types(pool),
        capacity_type=_capacity_type(pool),
        zones=place.zones,
        expire_after=_AGES[node_class.kind][bool(pool.accelerator)],
        **end,
    )


def _capacity_type(pool: Pool) -> Literal["on-demand", "spot", "reserved"]:
    if isinstance(pool.spec.capacity, ReservationSpec | CapacityBlockSpec):
        return "reserved"
    return "spot" if pool.spec.capacity == "spot" else "on-demand"


def _location(pool: Pool, place: Place) -> dict[str, Any]:
    found: dict[str, Any] = {
        "subnetSelectorTerms": [{"id": subnet} for subnet in place.subnet_ids],
        "securityGroupSelectorTerms": [{"id": place.security_group_id}],
        **({"tags": place.tags} if place.tags else {}),
    }
    match pool.spec.capacity:
        case ReservationSpec(reservation=identifier) | CapacityBlockSpec(capacity_block=identifier):
            found["capacityReservationSelectorTerms"] = [{"id": identifier}]
        case _:
            pass
    if place.placement_group is not None:
        found["placementGroupSelector"] = {"name": place.placement_group}
    return found


def _disks(pool: Pool, place: Place) -> list[dict[str, Any]]:
    def disk(device: str, size_gib: int) -> dict[str, Any]:
        key = {} if place.disk_key_arn is None else {"kmsKeyID": place.disk_key_arn}
        ebs = {"volumeSize": f"{size_gib}Gi", "volumeType": "gp3", "encrypted": True, "deleteOnTermination": True}
        return {"deviceName": device, "ebs": {**ebs, **key}}

    if is_bottlerocket(pool):
        return [disk("/dev/xvda", BOTTLEROCKET_SYSTEM_GIB), disk("/dev/xvdb", disk_gib(pool))]
    return [disk("/dev/xvda", disk_gib(pool))]


def _interfaces(pool: Pool) -> list[dict[str, Any]]:
    return [
        {"networkCardIndex": each.card, "deviceIndex": each.device, "interfaceType": each.kind}
        for each in network_interfaces(pool)
    ]


def _user_data(pool: Pool) -> dict[str, str]:
    # Karpenter makes the array of local disks itself.
    text = user_data(pool, local_storage=False)
    return {"userData": text} if text else {}
