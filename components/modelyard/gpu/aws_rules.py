"""What pools cannot be on nodes in AWS, beside the matrix. Paths are relative to the pool."""

import re
from collections.abc import Iterator

from modelyard.errors import Problem, show
from modelyard.gpu.accelerators import Accelerator
from modelyard.gpu.node_images import NodeImage
from modelyard.gpu.request import GpuRequest
from modelyard.gpu.settings import BOTTLEROCKET_GPUS, is_known_to_bottlerocket
from modelyard.gpu.spec import CapacityBlockSpec, ReservationSpec

# Capacity reservations of EC2 are of one zone; a resource group may hold several of them.
# https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/capacity-reservation-overview.html
_RESERVATION = re.compile(r"cr-[0-9a-f]{17}")
_GROUP = re.compile(r"arn:aws(-cn|-us-gov)?:resource-groups:[a-z0-9-]+:\d{12}:group/[\w.-]+(/[\w.-]+)?", re.ASCII)
_AN_ID = "write its id, like cr-0123456789abcdef0"


def aws_problems(asked: GpuRequest, image: NodeImage) -> Iterator[Problem]:
    """Why a pool cannot be had on EKS."""
    if isinstance(asked.capacity, ReservationSpec):
        given = asked.capacity.reservation
        if not _RESERVATION.fullmatch(given) and not _GROUP.fullmatch(given):
            fix = f"{_AN_ID}, or the ARN of a resource group of reservations"
            yield Problem(path="capacity.reservation", why=f"{show(given)} is no reservation of EC2", fix=fix)
        elif _RESERVATION.fullmatch(given) and len(asked.zones) > 1:
            why = f"a reservation is of one zone, not {len(asked.zones)}"
            yield Problem(path="zones", why=why, fix="keep the reservation's, or use a resource group of reservations")
    elif isinstance(asked.capacity, CapacityBlockSpec):
        yield from _block_problems(asked, asked.capacity.capacity_block)
    # https://docs.aws.amazon.com/eks/latest/APIReference/API_Nodegroup.html
    if asked.accelerator and asked.accelerator.vendor == "neuron" and asked.architecture == "arm64":
        why = "the image with the driver of Neuron devices is for amd64"
        yield Problem(path="architecture", why=why, fix="use amd64 machines")
    if asked.accelerator and image.is_bottlerocket:
        yield from _bottlerocket_problems(asked, asked.accelerator)


def _block_problems(asked: GpuRequest, given: str) -> Iterator[Problem]:
    # https://docs.aws.amazon.com/eks/latest/userguide/capacity-blocks-mng.html
    if not _RESERVATION.fullmatch(given):
        why = f"{show(given)} is no capacity block of EC2"
        yield Problem(path="capacity.capacity_block", why=why, fix=_AN_ID)
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
