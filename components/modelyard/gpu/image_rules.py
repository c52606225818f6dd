"""What pools cannot be on nodes of one image, most of it cells of the matrix. Paths are relative to the pool."""

from collections.abc import Callable, Iterator, Mapping

from modelyard.errors import Problem, show
from modelyard.gpu.accelerators import Accelerator
from modelyard.gpu.aks_rules import aks_problems
from modelyard.gpu.aws_rules import aws_problems
from modelyard.gpu.fabric import FABRIC_OF_CLOUD, SIMULATED_FABRIC
from modelyard.gpu.gke_rules import gke_problems
from modelyard.gpu.machine_types import machine_types, offered, sizes
from modelyard.gpu.node_images import NodeImage, node_images
from modelyard.gpu.request import GpuRequest

DRA_SINCE = (1, 34)
"""The Kubernetes version from which on `resource.k8s.io/v1` is served.
https://kubernetes.io/docs/concepts/scheduling-eviction/dynamic-resource-allocation/"""
_OF_CLOUD: Mapping[str, Callable[[GpuRequest, NodeImage], Iterator[Problem]]] = {
    "aws": aws_problems,
    "gcp": gke_problems,
    "azure": aks_problems,
}
_NAMES = {"aws": "AWS", "gcp": "GKE", "azure": "AKS"}
_CLUSTERS = {**_NAMES, "aws": "EKS"}


def image_problems(asked: GpuRequest, image: NodeImage) -> Iterator[Problem]:
    """Why a pool cannot be had with this node image."""
    if asked.node_image and not image.name.endswith(f"/{asked.node_image}") and not image.is_simulated:
        yield _other_image(asked.node_image, image)
    machine_problems = list(_machine_problems(asked, image.cloud)) if image.cloud else []
    yield from machine_problems
    if not machine_problems:
        yield from _cell_problems(asked, image)
    if image.cloud:
        yield from _OF_CLOUD[image.cloud](asked, image)
    if image.name == "existing" and asked.driver == "operator" and asked.sharing != "whole":
        why = "the operator shares GPUs by labels of nodes, and nodes that exist are labelled by their owner"
        yield Problem(path="driver", why=why, fix="leave it out where GPUs are shared already, or use sharing: whole")
    if image.name == "existing" and asked.fabric != "none" and not _has_known_fabric(asked):
        why = "modelyard knows AWS's EFA only, and nodes that exist can have another fast network"
        yield Problem(path="fabric", why=why, fix="leave it out, or name the machine_type of AWS that the nodes are")
    if asked.device_allocation == "dra" and asked.kubernetes_version and not image.is_simulated:
        yield from _dra_problems(asked.kubernetes_version)


def _other_image(name: str, image: NodeImage) -> Problem:
    usual = [each for each in node_images().values() if each.name == f"{image.kind}/{each.short}"]
    own = [each.short for each in usual if not each.is_chosen_by_cloud]
    if not image.cloud:
        where, fix = "nodes that exist have their system", "leave it out"
    elif image.is_chosen_by_cloud:
        where, fix = f"{_NAMES[image.cloud]} chooses the system of these nodes", "leave it out"
    else:
        where, fix = f"{_CLUSTERS[image.cloud]} has {' and '.join(own)}", f"use {' or '.join(own)}, or leave it out"
    return Problem(path="node_image", why=f"{show(name)} cannot be had: {where}", fix=fix)


def _has_known_fabric(asked: GpuRequest) -> bool:
    if not asked.is_machine_named or not asked.machine:
        return False
    return FABRIC_OF_CLOUD[asked.machine.cloud] == SIMULATED_FABRIC


def _machine_problems(asked: GpuRequest, cloud: str) -> Iterator[Problem]:
    if asked.machine and asked.machine.cloud != cloud:
        why = f"{asked.machine.name} is a machine of {asked.machine.cloud}"
        yield Problem(path="machine_type", why=why, fix=f"use one of {cloud}, or leave it out")
    elif not asked.machine_name and not asked.accelerator:
        why = f"no machine of {cloud} in our table has {asked.cpus:g} vCPUs and {asked.memory_gib:g} GiB"
        yield Problem(path="cpus", why=why, fix="ask for less, or give machine_type beside it")
    elif not asked.machine_name and asked.accelerator:
        name, has = asked.accelerator.name, sizes(asked.accelerator.name, cloud)
        if not has:
            why = f"{cloud} has no machines with {name}"
            yield Problem(path="accelerator", why=why, fix=f"use one of {', '.join(offered(cloud))}")
        elif asked.gpus not in has:
            why = f"no machine of {cloud} has {asked.gpus} of {name}"
            yield Problem(path="gpus_per_node", why=why, fix=f"use {' or '.join(str(each) for each in has)}")
        else:
            why = f"no machine of {cloud} in our table with {asked.gpus} of {name} is that large"
            yield Problem(path="cpus", why=why, fix="ask for less, or give machine_type beside it")
    for index, name in enumerate(asked.machine_types):
        further = machine_types().get(name)
        if further and further.cloud != cloud:
            why = f"{name} is a machine of {further.cloud}"
            yield Problem(path=f"machine_types[{index}]", why=why, fix=f"use one of {cloud}")


def _cell_problems(asked: GpuRequest, image: NodeImage) -> Iterator[Problem]:
    """What the matrix refuses. Where the devices cannot be used at all, nothing else is said of them."""
    vendor = asked.accelerator.vendor if asked.accelerator else "any"
    for path, feature in asked.wants():
        cell = image.cell(vendor, feature)
        if cell and cell.by == "none":
            yield Problem(path=path, why=cell.why, fix=cell.fix)
            if feature == "device_plugin":
                return
    if asked.accelerator:
        yield from _driver_problems(asked, asked.accelerator, image)


def _driver_problems(asked: GpuRequest, accelerator: Accelerator, image: NodeImage) -> Iterator[Problem]:
    """A driver that is too old or too new for the devices. An image whose driver is not known may have an old one, but
    none that its own cloud's machines cannot use."""
    by_operator = asked.driver == "operator"
    cell = image.cell(accelerator.vendor, "driver_operator" if by_operator else "driver_image")
    if not cell or cell.by not in {"image", "operator"}:
        return
    branch, least, most = int(cell.detail or 0), accelerator.driver_at_least, accelerator.driver_at_most
    if least and branch < least:
        needs = f"driver {least} or newer"
    elif most and branch > most:
        needs = f"driver {most} or older"
    else:
        return
    has = f"brings {cell.detail}" if cell.detail else "may bring an older one"
    if by_operator:
        why = f"{accelerator.name} needs {needs}, and NVIDIA's GPU operator {has}"
        yield Problem(path="driver", why=why, fix="leave it out, on nodes that have the driver already")
    else:
        why = f"{accelerator.name} needs {needs}, and {image.name} {has}"
        yield Problem(path="accelerator", why=why, fix="use another one, for example l40s or rtx-pro-6000")


def _dra_problems(version: str) -> Iterator[Problem]:
    if tuple(int(part) for part in version.split(".")[:2]) < DRA_SINCE:
        least = ".".join(str(part) for part in DRA_SINCE)
        why = f"dra needs Kubernetes {least} or newer, and the cluster has {version}"
        yield Problem(path="device_allocation", why=why, fix=f"use device_plugin, or kubernetes_version {least}")
