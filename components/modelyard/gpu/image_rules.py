"""What pools cannot be on nodes of one image, most of it cells of the matrix. Paths are relative to the pool."""

from collections.abc import Iterator

from modelyard.errors import Problem, show
from modelyard.gpu.accelerators import Accelerator
from modelyard.gpu.fabric import FABRIC_CLOUD
from modelyard.gpu.machine_types import machine_types, offered, sizes
from modelyard.gpu.node_images import NodeImage
from modelyard.gpu.request import GpuRequest
from modelyard.gpu.settings import BOTTLEROCKET_GPUS, is_known_to_bottlerocket
from modelyard.gpu.spec import CapacityBlockSpec, ReservationSpec

DRA_SINCE = (1, 34)
"""The Kubernetes version from which on `resource.k8s.io/v1` is served.
https://kubernetes.io/docs/concepts/scheduling-eviction/dynamic-resource-allocation/"""
# Capacity reservations of EC2 are of one zone; a resource group may hold several of them.
# https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/capacity-reservation-overview.html
_AWS_RESERVATION, _AWS_GROUP = "cr-", "arn:"


def image_problems(asked: GpuRequest, image: NodeImage) -> Iterator[Problem]:
    """Why a pool cannot be had with this node image."""
    if asked.node_image and not image.name.endswith(asked.node_image) and not image.is_simulated:
        where = "AWS chooses the system of these nodes" if image.cloud else "nodes that exist have their system"
        yield Problem(path="node_image", why=f"{show(asked.node_image)} cannot be had: {where}", fix="leave it out")
    machine_problems = list(_machine_problems(asked, image.cloud)) if image.cloud else []
    yield from machine_problems
    if not machine_problems:
        yield from _cell_problems(asked, image)
    if image.cloud == "aws":
        yield from _aws_problems(asked)
    if asked.accelerator and image.is_bottlerocket:
        yield from _bottlerocket_problems(asked, asked.accelerator)
    if image.name == "existing" and asked.driver == "operator" and asked.sharing != "whole":
        why = "the operator shares GPUs by labels of nodes, and nodes that exist are labelled by their owner"
        yield Problem(path="driver", why=why, fix="leave it out where GPUs are shared already, or use sharing: whole")
    if image.name == "existing" and asked.fabric == "rdma" and not _has_known_fabric(asked):
        why = "modelyard knows AWS's EFA only, and nodes that exist can have another fast network"
        yield Problem(path="fabric", why=why, fix="leave it out, or name the machine_type of AWS that the nodes are")
    if asked.device_allocation == "dra" and asked.kubernetes_version and not image.is_simulated:
        yield from _dra_problems(asked.kubernetes_version)


def _has_known_fabric(asked: GpuRequest) -> bool:
    return asked.is_machine_named and asked.machine is not None and asked.machine.cloud == FABRIC_CLOUD


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


def _aws_problems(asked: GpuRequest) -> Iterator[Problem]:
    if isinstance(asked.capacity, ReservationSpec):
        given = asked.capacity.reservation
        if not given.startswith((_AWS_RESERVATION, _AWS_GROUP)):
            fix = "write its id, cr-…, or the ARN of a resource group of reservations"
            yield Problem(path="capacity.reservation", why=f"{show(given)} is no reservation of EC2", fix=fix)
        elif given.startswith(_AWS_RESERVATION) and len(asked.zones) > 1:
            why = f"a reservation is of one zone, not {len(asked.zones)}"
            yield Problem(path="zones", why=why, fix="keep the reservation's, or use a resource group of reservations")
    elif isinstance(asked.capacity, CapacityBlockSpec):
        yield from _block_problems(asked, asked.capacity.capacity_block)
    # https://docs.aws.amazon.com/eks/latest/APIReference/API_Nodegroup.html
    if asked.accelerator and asked.accelerator.vendor == "neuron" and asked.architecture == "arm64":
        why = "the image with the driver of Neuron devices is for amd64"
        yield Problem(path="architecture", why=why, fix="use amd64 machines")


def _block_problems(asked: GpuRequest, given: str) -> Iterator[Problem]:
    # https://docs.aws.amazon.com/eks/latest/userguide/capacity-blocks-mng.html
    if not given.startswith(_AWS_RESERVATION):
        why = f"{show(given)} is no capacity block of EC2"
        yield Problem(path="capacity.capacity_block", why=why, fix="write its id, cr-…")
    if len(asked.zones) != 1:
        why = f"a capacity block is of one zone, and the pool names {len(asked.zones) or 'none'}"
        yield Problem(path="zones", why=why, fix="name the block's zone")
    if asked.min_nodes:
        why = f"{asked.min_nodes} cannot be had before the block begins and after it ends"
        yield Problem(path="min_nodes", why=why, fix="leave it out, and give max_nodes the number of its machines")


def _bottlerocket_problems(asked: GpuRequest, accelerator: Accelerator) -> Iterator[Problem]:
    if asked.sharing == "whole" or asked.sharing_kind != "mig":
        return
    if accelerator.name not in BOTTLEROCKET_GPUS:
        why, fix = f"Bottlerocket does not divide {accelerator.name}", f"use one of {', '.join(BOTTLEROCKET_GPUS)}"
        yield Problem(path="sharing.mig", why=why, fix=f"{fix}, or node_image: al2023")
        return
    for profile in [asked.sharing.mig] if isinstance(asked.sharing.mig, str) else asked.sharing.mig or ():
        if not is_known_to_bottlerocket(profile):
            known = ", ".join(each for each in accelerator.mig_profiles if is_known_to_bottlerocket(each))
            fix = f"use {known}, or node_image: al2023"
            yield Problem(path="sharing.mig", why=f"Bottlerocket does not know {profile}", fix=fix)


def _dra_problems(version: str) -> Iterator[Problem]:
    if tuple(int(part) for part in version.split(".")[:2]) < DRA_SINCE:
        least = ".".join(str(part) for part in DRA_SINCE)
        why = f"dra needs Kubernetes {least} or newer, and the cluster has {version}"
        yield Problem(path="device_allocation", why=why, fix=f"use device_plugin, or kubernetes_version {least}")
