"""Node auto-provisioning: AKS's own Karpenter, which makes a node of the first NodePool that would take a waiting pod.

https://learn.microsoft.com/azure/aks/node-auto-provisioning-node-pools,
https://github.com/Azure/karpenter-provider-azure (pkg/apis/v1beta1/labels.go)
"""

import re
import secrets
from collections.abc import Iterator

from modelyard.gpu.machine_types import machine_types
from tools.offline.azure.ids import group_id
from tools.offline.azure.kinds_compute import CLUSTER, MACHINE
from tools.offline.azure.machines import machine_of
from tools.offline.azure.pool_nodes import CLUSTER_LABEL, cluster_label
from tools.offline.cloud import cluster_api, karpenter, nodes, pods
from tools.offline.cloud.karpenter import NODE_POOL_LABEL, Offer
from tools.offline.cloud.plans import Plans
from tools.offline.cloud.session import Session
from tools.offline.cloud.world import Record, values_at
from tools.offline.common.values import Json, as_list, as_map
from tools.offline.kubernetes.client import Client
from tools.offline.kubernetes.errors import ApiError, NoMatchError

_SIZE = "node.kubernetes.io/instance-type"
_KINDS = (
    ("karpenter.sh", "v1", "NodePool", "nodepools"),
    ("karpenter.azure.com", "v1beta1", "AKSNodeClass", "aksnodeclasses"),
)
_NAME = re.compile(r"Standard_([A-Z]+)(\d+)([a-z]*)(?:_((?!v\d+$)[A-Za-z0-9]+))?(?:_v(\d+))?")
_ZONES = ("1", "2", "3")


def is_on(cluster: Record) -> bool:
    """Whether AKS makes a cluster's nodes by itself."""
    return values_at(cluster.inputs, "nodeProvisioningProfile.mode") == ["Auto"]


def install(session: Session, api: Client, cluster: Record) -> None:
    """The kinds that come with it, with any field, and its default pools unless they are not wanted."""
    for group, version, kind, plural in _KINDS:
        cluster_api.create(session, api, cluster_api.open_kind(session, group, version, kind, plural))
    if values_at(cluster.inputs, "nodeProvisioningProfile.defaultNodePools") == ["None"]:
        return
    cluster_api.create(session, api, _default_class(), tries=50)
    cluster_api.create(session, api, _default_pool(), tries=50)


def remove(session: Session, api: Client) -> None:
    """The kinds go with the cluster."""
    for group, _, _, plural in _KINDS:
        cluster_api.remove_kind(session, api, group, plural)


def _default_class() -> Json:
    return {
        "apiVersion": "karpenter.azure.com/v1beta1",
        "kind": "AKSNodeClass",
        "metadata": {"name": "default"},
        "spec": {"imageFamily": "Ubuntu2204"},
    }


def _default_pool() -> Json:
    reference = {"group": "karpenter.azure.com", "kind": "AKSNodeClass", "name": "default"}
    family = {"key": "karpenter.azure.com/sku-family", "operator": "In", "values": ["D"]}
    return {
        "apiVersion": "karpenter.sh/v1",
        "kind": "NodePool",
        "metadata": {"name": "default"},
        "spec": {"template": {"spec": {"nodeClassRef": reference, "requirements": [family]}}},
    }


def serve(session: Session, plans: Plans) -> None:
    """Start nodes for waiting pods; take away those of NodePools that are gone."""
    api = cluster_api.client(session)
    clusters = [each for each in session.world.look().of(CLUSTER) if is_on(each) and _is_there(each)]
    if api is None or not clusters:
        return
    pools = karpenter.node_pools(api)
    if pools is None:
        return
    cluster = clusters[0]
    karpenter.forget(session, api, MACHINE, {pool["metadata"]["name"] for pool in pools})

    def start(offer: Offer) -> None:
        plans.start(session, offer.pool, offer.node, lambda: _launch(session, cluster, offer))

    def growing() -> Iterator[Offer]:
        for pool in pools:
            if karpenter.has_room(session, plans, pool):
                yield from _offers(session, api, cluster, pool)

    karpenter.serve_pods(api, plans, growing, start)


def _is_there(cluster: Record) -> bool:
    return not cluster.is_coming and cluster.status != "DELETING"


def _offers(session: Session, api: Client, cluster: Record, pool: Json) -> Iterator[Offer]:
    """Every node that the NodePool could make now."""
    name = pool["metadata"]["name"]
    template = as_map(as_map(pool["spec"]).get("template"))
    spec = as_map(template.get("spec"))
    reference = as_map(spec.get("nodeClassRef"))
    if not _class_exists(api, reference):
        return
    region = str(cluster.get("location"))
    requirements = [as_map(each) for each in as_list(spec.get("requirements"))]
    given = {**as_map(as_map(template.get("metadata")).get("labels")), NODE_POOL_LABEL: name}
    taints = [{"value": "", **as_map(each)} for each in as_list(spec.get("taints"))]
    for size in _sizes(requirements):
        machine = machine_of(size)
        for capacity in ("spot", "on-demand"):
            for zone in _ZONES:
                place = f"{region}-{zone}"
                labels = {**labels_of_size(size, capacity), "topology.kubernetes.io/zone": place, **given}
                if not all(pods.matches(each, labels) for each in requirements):
                    continue
                labels[CLUSTER_LABEL] = cluster_label(cluster.id)
                node = nodes.Node(
                    zone=place,
                    region=region,
                    machine=machine,
                    labels=labels,
                    taints=taints,
                    resources=nodes.resources_of(session, machine, given, {}),
                )
                yield Offer(pool=name, node=node)


def _class_exists(api: Client, reference: Json) -> bool:
    head: Json = {
        "apiVersion": "karpenter.azure.com/v1beta1",
        "kind": reference.get("kind", "AKSNodeClass"),
        "metadata": {"name": reference.get("name")},
    }
    try:
        api.get(head)
    except (ApiError, NoMatchError):
        return False
    return True


def _sizes(requirements: list[Json]) -> list[str]:
    """The sizes that are named, or all that Azure has in the library's table."""
    for each in requirements:
        if each.get("key") in (_SIZE, "karpenter.azure.com/sku-name") and each.get("operator") == "In":
            return [str(value) for value in as_list(each.get("values"))]
    return [row.name for row in machine_types().values() if row.cloud == "azure"]


def labels_of_size(size: str, capacity: str) -> dict[str, str]:
    """The labels that node auto-provisioning knows a size by."""
    machine = machine_of(size)
    match = _NAME.fullmatch(size)
    labels = {
        _SIZE: size,
        "karpenter.azure.com/sku-name": size,
        "karpenter.azure.com/sku-cpu": str(machine.cpus),
        "karpenter.azure.com/sku-memory": str(int(machine.memory_gib * 1024)),
        "karpenter.azure.com/sku-gpu-count": str(sum(machine.devices.values())),
        "kubernetes.io/arch": machine.architecture,
        "kubernetes.io/os": "linux",
        "karpenter.sh/capacity-type": capacity,
    }
    if match is not None:
        labels["karpenter.azure.com/sku-family"] = match[1]
        labels["karpenter.azure.com/sku-version"] = match[5] or "1"
    if machine.has_gpu:
        labels["karpenter.azure.com/sku-gpu-manufacturer"] = "nvidia"
        labels["karpenter.azure.com/sku-gpu-name"] = match[4] if match and match[4] else ""
    return labels


def _launch(session: Session, cluster: Record, offer: Offer) -> None:
    name = nodes.make(session, offer.node)
    subnet = next(iter(values_at(cluster.inputs, "agentPoolProfiles.vnetSubnetID")), None)
    group = f"{group_id(cluster.id).rpartition('/')[0]}/{cluster.get('nodeResourceGroup')}"
    machine_id = f"{group}/providers/Microsoft.Compute/virtualMachines/aks-{offer.pool}-{secrets.token_hex(4)}"
    record = Record(token=MACHINE, id=machine_id, inputs={"subnetId": subnet}, region=cluster.region, owner=cluster.key)
    record.notes = {"node": name, "pool": offer.pool}
    with session.world.open() as account:
        account.add(record)
