"""The nodes that a NodePool of Karpenter's could make.

Of its requirements, In, NotIn, Exists, DoesNotExist, Gt and Lt count, on the labels that machine types are known by.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from modelyard.gpu.machine_types import machine_types
from tools.offline.aws.kinds_identity import INSTANCE_PROFILE, ROLE
from tools.offline.aws.kinds_network import SECURITY_GROUP, SUBNET
from tools.offline.aws.machines import machine_of
from tools.offline.aws.node_labels import CLUSTER_LABEL
from tools.offline.cloud import karpenter, nodes, pods
from tools.offline.cloud.karpenter import NODE_POOL_LABEL
from tools.offline.cloud.session import Session
from tools.offline.cloud.world import Account, Record, values_at
from tools.offline.common.values import Json, as_list, as_map
from tools.offline.kubernetes.client import Client
from tools.offline.kubernetes.errors import ApiError, NoMatchError

_INSTANCE_TYPE = "node.kubernetes.io/instance-type"
_NOT_FOUND = 404


@dataclass(frozen=True, kw_only=True)
class Offer(karpenter.Offer):
    """A node, and where it would stand."""

    subnet_id: str
    security_group_ids: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class NodeClass:
    """Where nodes of a class stand."""

    subnets: tuple[Record, ...]
    security_group_ids: tuple[str, ...]


def offers(session: Session, api: Client, account: Account, cluster: Record, pool: Json) -> Iterator[Offer]:
    """Every node that the NodePool could make now, of each machine type, kind of capacity and zone."""
    name = pool["metadata"]["name"]
    template = as_map(as_map(pool["spec"]).get("template"))
    spec = as_map(template.get("spec"))
    node_class = _node_class(api, account, cluster, as_map(spec.get("nodeClassRef")))
    if node_class is None:
        return
    requirements = [as_map(each) for each in as_list(spec.get("requirements"))]
    given = {**as_map(as_map(template.get("metadata")).get("labels")), NODE_POOL_LABEL: name}
    taints = [{"value": "", **as_map(each)} for each in as_list(spec.get("taints"))]
    told = _overlays(api, given)
    for machine_name in _machine_names(requirements):
        machine = machine_of(machine_name)
        node = nodes.Node(
            zone="",
            region=cluster.region,
            machine=machine,
            labels=given,
            taints=taints,
            resources=nodes.resources_of(session, machine, given, told),
        )
        for capacity in ("reserved", "spot", "on-demand"):
            for subnet in node_class.subnets:
                zone = subnet.get("availabilityZone")
                labels = {**labels_of_machine(machine_name, capacity), "topology.kubernetes.io/zone": zone, **given}
                labels[CLUSTER_LABEL] = cluster.id
                if all(pods.matches(each, labels) for each in requirements):
                    yield Offer(
                        pool=name,
                        node=replace(node, zone=zone, labels=labels),
                        subnet_id=subnet.id,
                        security_group_ids=node_class.security_group_ids,
                    )


def _machine_names(requirements: list[Json]) -> list[str]:
    """The machine types that are named, or all that AWS has in the library's table."""
    for each in requirements:
        if each.get("key") == _INSTANCE_TYPE and each.get("operator") == "In":
            return [str(value) for value in as_list(each.get("values"))]
    return [row.name for row in machine_types().values() if row.cloud == "aws"]


def labels_of_machine(machine: str, capacity: str) -> dict[str, str]:
    """The labels that Karpenter and Auto Mode know a machine type by."""
    found = machine_of(machine)
    family, _, size = machine.partition(".")
    labels = {
        _INSTANCE_TYPE: machine,
        "kubernetes.io/arch": found.architecture,
        "kubernetes.io/os": "linux",
        "karpenter.sh/capacity-type": capacity,
    }
    of_instance = {
        "family": family,
        "size": size,
        "category": family[0],
        "generation": "".join(filter(str.isdigit, family))[:1],
        "cpu": str(found.cpus),
        "memory": str(int(found.memory_gib * 1024)),
        "gpu-count": str(sum(found.devices.values())),
    }
    for prefix in ("karpenter.k8s.aws", "eks.amazonaws.com"):
        labels |= {f"{prefix}/instance-{key}": value for key, value in of_instance.items()}
    return labels


def _node_class(api: Client, account: Account, cluster: Record, reference: Json) -> NodeClass | None:
    """The class that a NodePool names; None as long as it, or something that it names, does not exist."""
    if reference.get("name") == "default" and reference.get("group") == "eks.amazonaws.com":
        subnets = [account.get(SUBNET, each) for each in values_at(cluster.inputs, "vpcConfig.subnetIds")]
        return _resolved(subnets, [cluster.get("vpcConfig.clusterSecurityGroupId")])
    head = {"apiVersion": f"{reference.get('group')}/v1", "kind": reference.get("kind")}
    try:
        spec = as_map(api.get({**head, "metadata": {"name": reference.get("name")}}).get("spec"))
    except (ApiError, NoMatchError):
        return None
    identity = (
        (INSTANCE_PROFILE, spec["instanceProfile"]) if "instanceProfile" in spec else (ROLE, spec.get("role", ""))
    )
    if account.get(*identity) is None:
        return None
    subnets = _selected(account, SUBNET, spec.get("subnetSelectorTerms"))
    groups = _selected(account, SECURITY_GROUP, spec.get("securityGroupSelectorTerms"))
    return _resolved(subnets, [group.id for group in groups if group is not None])


def _resolved(subnets: list[Record | None], groups: list[str]) -> NodeClass | None:
    by_zone = {each.get("availabilityZone"): each for each in subnets if each is not None}
    if not by_zone or not groups:
        return None
    return NodeClass(subnets=tuple(by_zone.values()), security_group_ids=tuple(groups))


def _selected(account: Account, token: str, terms: Any) -> list[Record | None]:
    """What Karpenter's terms select: by id, or by tags."""
    found: list[Record | None] = []
    for term in map(as_map, as_list(terms)):
        if "id" in term:
            found.append(account.get(token, term["id"]))
        tags = as_map(term.get("tags"))
        found += [
            each for each in account.of(token) if tags and tags.items() <= as_map(each.inputs.get("tags")).items()
        ]
    return found


def _overlays(api: Client, labels: Json) -> dict[str, str]:
    """What NodeOverlays say of a NodePool's nodes."""
    try:
        found = api.list_objects("karpenter.sh/v1alpha1", "NodeOverlay")
    except NoMatchError:
        return {}
    capacity: dict[str, str] = {}
    for overlay in (as_map(each["spec"]) for each in found):
        if all(pods.matches(as_map(each), labels) for each in as_list(overlay.get("requirements"))):
            capacity |= {key: str(value) for key, value in as_map(overlay.get("capacity")).items()}
    return capacity
