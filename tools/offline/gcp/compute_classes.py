"""Compute classes and node auto-provisioning: a pod that names a class gets a node as the class's priorities say.

https://cloud.google.com/kubernetes-engine/docs/reference/crds/computeclass
"""

from collections.abc import Iterator

from modelyard.gpu.machine_types import machine_types
from tools.offline.cloud import cluster_api, nodes, pods
from tools.offline.cloud.plans import Plans
from tools.offline.cloud.session import Session
from tools.offline.cloud.world import Record
from tools.offline.common.values import Json, as_list, as_map
from tools.offline.gcp.accelerators import GPU_TAINT, labels_of_accelerator, networks_of
from tools.offline.gcp.kinds_container import CLUSTER
from tools.offline.gcp.machines import accelerator_of, machine_of
from tools.offline.gcp.node_labels import CLUSTER_LABEL, COMPUTE_CLASS_LABEL, POOL_LABEL
from tools.offline.gcp.places import default_zones, region_of
from tools.offline.kubernetes.client import Client
from tools.offline.kubernetes.errors import NoMatchError

_GROUP, _KIND, _PLURAL = "cloud.google.com", "ComputeClass", "computeclasses"
_SMALLEST = "e2-standard-4"


def install(session: Session, api: Client) -> None:
    """The kind is there on every cluster."""
    cluster_api.create(session, api, cluster_api.open_kind(session, _GROUP, "v1", _KIND, _PLURAL))


def remove(session: Session, api: Client) -> None:
    """The kind goes with the cluster."""
    cluster_api.remove_kind(session, api, _GROUP, _PLURAL)


def serve(session: Session, plans: Plans) -> None:
    """Start nodes for waiting pods that name a class, and take away those of classes that are gone."""
    api = cluster_api.client(session)
    clusters = [each for each in session.world.look().of(CLUSTER) if each.status in ("ACTIVE", "UPDATING")]
    if api is None or not clusters:
        return
    try:
        found = {each["metadata"]["name"]: each for each in api.list_objects("cloud.google.com/v1", _KIND)}
    except NoMatchError:
        return
    _forget(session, api, set(found))
    room = plans.room()
    for pod in pods.waiting(api):
        name = as_map(as_map(pod.get("spec")).get("nodeSelector")).get(COMPUTE_CLASS_LABEL)
        if name not in found or room.take(pod):
            continue
        offer = next((each for each in offers(session, clusters[0], found[name]) if _takes(each, pod)), None)
        if offer is not None and _within_limits(session, clusters[0], offer):
            plans.start(session, f"class {name}", offer, lambda offer=offer: _make(session, offer))
            room.add(offer)
            room.take(pod)


def _make(session: Session, node: nodes.Node) -> None:
    nodes.make(session, node)


def offers(session: Session, cluster: Record, compute_class: Json) -> Iterator[nodes.Node]:
    """The nodes that a class could make, in the order of its priorities, where it may make node pools."""
    spec = as_map(compute_class.get("spec"))
    if not as_map(spec.get("nodePoolAutoCreation")).get("enabled"):
        return
    name = compute_class["metadata"]["name"]
    config = as_map(spec.get("nodePoolConfig"))
    for priority in map(as_map, as_list(spec.get("priorities"))):
        for machine_name in _machines(priority):
            yield _node(session, cluster, name, config, priority, machine_name)


def _machines(priority: Json) -> list[str]:
    """The machine types of a priority: the one that it names, or those that have its GPUs."""
    if priority.get("machineType"):
        return [priority["machineType"]]
    accelerator = as_map(priority.get("gpu")) or as_map(priority.get("tpu"))
    if not accelerator:
        family = priority.get("machineFamily")
        return [f"{family}-standard-4" if family else _SMALLEST]
    count = int(accelerator.get("count") or 1)
    return [
        row.name
        for row in machine_types().values()
        if row.cloud == "gcp" and row.gke_accelerator == accelerator.get("type") and row.gpus == count
    ]


def _node(session: Session, cluster: Record, name: str, config: Json, priority: Json, machine_name: str) -> nodes.Node:
    machine = machine_of(machine_name)
    location = cluster.outputs["location"]
    zones = as_list(as_map(priority.get("location")).get("zones")) or as_list(cluster.get("nodeLocations"))
    accelerator = accelerator_of(machine_name)
    labels = {
        CLUSTER_LABEL: cluster.get("name"),
        POOL_LABEL: f"nap-{machine_name}",
        COMPUTE_CLASS_LABEL: name,
        **({"cloud.google.com/gke-spot": "true"} if priority.get("spot") else {}),
        **(labels_of_accelerator(accelerator, "") if accelerator else {}),
        **as_map(config.get("nodeLabels")),
    }
    taints = [{"key": COMPUTE_CLASS_LABEL, "value": name, "effect": "NoSchedule"}]
    taints += [GPU_TAINT] if accelerator and not accelerator.is_tpu else []
    taints += [{"value": "", **as_map(each)} for each in as_list(config.get("taints"))]
    return nodes.Node(
        zone=(zones or default_zones(location))[0],
        region=region_of(location),
        machine=machine,
        labels=labels,
        taints=taints,
        resources=nodes.resources_of(session, machine, labels, {}),
        claimed=networks_of(machine, labels),
    )


def _takes(node: nodes.Node, pod: Json) -> bool:
    """GKE's webhooks let a pod tolerate the taint of the class that it names, and of GPUs that it asks for."""
    own = [each for each in node.taints if each["key"] not in (COMPUTE_CLASS_LABEL, GPU_TAINT["key"])]
    return pods.fits(pod, nodes.labels_of("any", node), own, nodes.allocatable(node))


def _within_limits(session: Session, cluster: Record, node: nodes.Node) -> bool:
    """Whether node auto-provisioning may have so many more cores."""
    settings = as_map(cluster.inputs.get("clusterAutoscaling"))
    limits = {each["resourceType"]: each for each in map(as_map, as_list(settings.get("resourceLimits")))}
    if settings.get("enabled") is not True or "cpu" not in limits:
        return settings.get("enabled") is not True
    used = sum(
        pods.number(as_map(each["status"]).get("capacity", {}).get("cpu", "0")) for each in _own(session, cluster)
    )
    return used + node.machine.cpus <= float(limits["cpu"].get("maximum") or 0)


def _own(session: Session, cluster: Record) -> list[Json]:
    return nodes.of(session, {CLUSTER_LABEL: cluster.get("name")})


def _forget(session: Session, api: Client, classes: set[str]) -> None:
    for node in api.list_objects("v1", "Node", selector=COMPUTE_CLASS_LABEL):
        labels = node["metadata"]["labels"]
        if labels[COMPUTE_CLASS_LABEL] not in classes and labels.get(POOL_LABEL, "").startswith("nap-"):
            nodes.drop(session, api, node["metadata"]["name"])
