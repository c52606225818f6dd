"""Requests of pools as the tests of this room need them."""

from typing import Any

from modelyard.cluster.spec import PoolSpec
from modelyard.gpu.contract import contract_problems
from modelyard.gpu.node_images import node_images
from modelyard.gpu.request import GpuRequest
from modelyard.gpu.rules import device_problems
from modelyard.gpu.spec import ReplicasSpec, SharingSpec

FOUR = ReplicasSpec(replicas=4)
TIME_SLICING = SharingSpec(time_slicing=FOUR)
MPS = SharingSpec(mps=FOUR)
SLICES = SharingSpec(mig="1g.10gb")
MIXED = SharingSpec(mig={"3g.40gb": 1, "1g.10gb": 4})


def request(cloud: str | None = None, version: str | None = None, **fields: Any) -> GpuRequest:
    """What a pool named `pool` with these fields asks for."""
    return PoolSpec(**fields).request("pool", cloud, version)


def nowhere(**fields: Any) -> list[str]:
    """Why a pool with these fields can be had on no cluster."""
    return [str(problem) for problem in device_problems(request(**fields))]


def refused(image: str, version: str | None = "1.35", **fields: Any) -> list[str]:
    """Why a pool with these fields cannot be had on nodes of the image."""
    place = node_images()[image]
    return [str(problem) for problem in contract_problems(request(place.cloud, version, **fields), place)]
