"""What a user writes of a pool's accelerators, and of the accelerators that a workload asks for."""

import re
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal

import annotated_types

from modelyard.errors import Problem, show
from modelyard.spec import Count, CountOrZero, Filled, OneOf, Rule, exactly_one, spec

# A GPU instance as NVIDIA names it: slices, memory, and what it has beside them (media engines, graphics).
# https://docs.nvidia.com/datacenter/tesla/mig-user-guide/mig-device-names.html
_PROFILE = re.compile(r"[1-9]g\.[1-9][0-9]*gb([+-](me|gfx)(\.all)?)?")


def _check_profile(text: str) -> tuple[str, str] | None:
    if _PROFILE.fullmatch(text):
        return None
    return f"{show(text)} is not a MIG profile", "write one as NVIDIA does: 1g.10gb"


MigProfile = Annotated[str, Rule(_check_profile, {"pattern": f"^{_PROFILE.pattern}$"})]
"""The name of a slice of a GPU: `1g.10gb`."""


_TOPOLOGY = re.compile(r"[1-9][0-9]*x[1-9][0-9]*(x[1-9][0-9]*)?")


def _check_topology(text: str) -> tuple[str, str] | None:
    if _TOPOLOGY.fullmatch(text):
        return None
    return f"{show(text)} is no arrangement of chips", "write one as Google does: 2x4, or 2x2x2"


TpuTopology = Annotated[str, Rule(_check_topology, {"pattern": f"^{_TOPOLOGY.pattern}$"})]
"""How the chips of a TPU slice are arranged: `2x4`, `2x2x2`."""


@spec
class ReservationSpec:
    """Machines that are reserved in the cloud, and paid whether they run or not."""

    reservation: Filled
    """The reservation in the cloud's own words. On EKS `cr-…`, or the ARN of a resource group of reservations; on GKE
    its name, or `projects/PROJECT/reservations/NAME` of another project, with `/reservationBlocks/BLOCK` for one block;
    on AKS the resource id of a capacity reservation group."""


@spec
class CapacityBlockSpec:
    """Machines that are reserved in the cloud from one date to another, next to each other."""

    capacity_block: Filled
    """The block in the cloud's own words. On EKS `cr-…`."""


_WORDS = ("on_demand", "spot", "flex_start", "queued")


def _check_capacity(text: str) -> tuple[str, str] | None:
    if text in _WORDS:
        return None
    fix = f"use {', '.join(_WORDS)}, {{reservation: ID}} or {{capacity_block: ID}}"
    return f"{show(text)} is no kind of capacity", fix


_CapacityWord = Annotated[str, Rule(_check_capacity, {"enum": list(_WORDS)})]


def _capacity_member(value: Any) -> Any:
    if isinstance(value, CapacityBlockSpec) or (isinstance(value, Mapping) and "capacity_block" in value):
        return CapacityBlockSpec
    return ReservationSpec if isinstance(value, Mapping | ReservationSpec) else _CapacityWord


Capacity = Annotated[
    Literal["on_demand", "spot", "flex_start", "queued"] | ReservationSpec | CapacityBlockSpec,
    OneOf(_capacity_member, (_CapacityWord, ReservationSpec, CapacityBlockSpec)),
]
"""How a pool's machines are bought."""


@spec
class ReplicasSpec:
    """Into how many shares each GPU is divided."""

    replicas: Annotated[int, annotated_types.Interval(ge=2, le=48)]
    """Shares of one GPU. At most 48, as many as clients that MPS serves at once."""


def _mig_member(value: Any) -> Any:
    return Mapping[MigProfile, Count] if isinstance(value, Mapping) else MigProfile


Mig = Annotated[str | Mapping[str, int], OneOf(_mig_member, (MigProfile, Mapping[MigProfile, Count]))]
"""A profile, or how many slices of each profile."""


@spec
class SharingSpec:
    """How several pods share a GPU: exactly one of the ways."""

    mig: Mig | None = None
    """Slices that are apart in hardware, with memory of their own. A profile, `1g.10gb`, divides each GPU into as many
    as fit; `{3g.40gb: 1, 1g.10gb: 4}` into so many of each."""
    time_slicing: ReplicasSpec | None = None
    """Turns on the whole GPU. Memory is not divided: one pod can take all of it."""
    mps: ReplicasSpec | None = None
    """NVIDIA's Multi-Process Service: pods run at the same time, each with its share of memory and of threads."""

    def problems(self) -> Iterable[Problem]:
        """Exactly one way, and slices of something."""
        yield from exactly_one(self, "mig", "time_slicing", "mps")
        if isinstance(self.mig, Mapping) and not self.mig:
            yield Problem(path="mig", why="names no profile", fix="write one: 1g.10gb, or {1g.10gb: 7}")


def _check_whole(text: str) -> tuple[str, str] | None:
    if text == "whole":
        return None
    return f"{show(text)} is no way to share", "use whole, {mig: PROFILE}, {time_slicing: …} or {mps: …}"


_Whole = Annotated[str, Rule(_check_whole, {"enum": ["whole"]})]


def _sharing_member(value: Any) -> Any:
    return SharingSpec if isinstance(value, Mapping | SharingSpec) else _Whole


Sharing = Annotated[Literal["whole"] | SharingSpec, OneOf(_sharing_member, (_Whole, SharingSpec))]
"""Whether and how several pods share a GPU."""


@spec
class GpuSliceSpec:
    """Slices of GPUs that a workload asks for, of a pool whose GPUs are divided by MIG."""

    mig: MigProfile
    """The profile: `1g.10gb`. The pool must divide its GPUs into it."""
    count: Count = 1
    """How many of them. A program can use only the first, so that more serve several processes of one pod."""


def _gpus_member(value: Any) -> Any:
    return GpuSliceSpec if isinstance(value, Mapping | GpuSliceSpec) else CountOrZero


Gpus = Annotated[int | GpuSliceSpec, OneOf(_gpus_member, (CountOrZero, GpuSliceSpec))]
"""What a workload asks for: whole GPUs (shares where the pool's GPUs are shared), or slices of them."""
