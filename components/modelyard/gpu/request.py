"""What a pool asks of its nodes, as plain values: what the matrix is asked and a contract is compiled from."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from modelyard.gpu.accelerators import Accelerator
from modelyard.gpu.fabric import FabricWord
from modelyard.gpu.machine_types import Architecture, MachineType
from modelyard.gpu.node_images import Feature
from modelyard.gpu.spec import Capacity, CapacityBlockSpec, ReservationSpec, Sharing
from modelyard.gpu.tpu import slice_nodes

SharingKind = Literal["whole", "mig", "mig_mixed", "time_slicing", "mps"]
CapacityKind = Literal["on_demand", "spot", "flex_start", "queued", "reservation", "capacity_block"]


def capacity_kind(capacity: Capacity) -> CapacityKind:
    """The kind of capacity, without the id of a reservation."""
    if isinstance(capacity, ReservationSpec):
        return "reservation"
    return "capacity_block" if isinstance(capacity, CapacityBlockSpec) else capacity


@dataclass(frozen=True, kw_only=True)
class GpuRequest:
    """A pool's accelerators, and how its nodes are made.

    Attributes:
        pool: the pool's name; configurations of the pool are named after it.
        cloud: whose machines its nodes are; None for any.
        accelerator: None for a pool without.
        gpus: devices of a node, 0 without.
        machine: the machine type; None for one that is not in the table.
        machine_name: what the pool calls it; None where none is named and none was found.
        is_machine_named: whether the pool names it itself; otherwise it is the smallest that fits.
        cpus: vCPUs of a node.
        memory_gib: memory of a node, GiB.
        architecture: of its processor; None where not known.
        fabric_devices: devices of the fast network that it asks for; 0 where it has none of those.
        machine_types: further machine types.
        zones: zones that the nodes are pinned to.
        min_nodes: the fewest nodes.
        max_nodes: the most nodes.
        placement: whether the nodes are to stand close together.
        tpu_topology: how the chips of a TPU slice are arranged, as the pool says.
        node_image: the system that the pool names.
        kubernetes_version: of the cluster, `1.35`; None where not known.
    """

    pool: str
    cloud: str | None = None
    accelerator: Accelerator | None = None
    gpus: int = 0
    machine: MachineType | None = None
    machine_name: str | None = None
    is_machine_named: bool = False
    cpus: float = 0
    memory_gib: float = 0
    architecture: Architecture | None = None
    fabric_devices: int = 0
    machine_types: tuple[str, ...] = ()
    zones: tuple[str, ...] = ()
    min_nodes: int = 0
    max_nodes: int = 1
    capacity: Capacity = "on_demand"
    sharing: Sharing = "whole"
    fabric: FabricWord = "none"
    placement: Literal["any", "compact"] = "any"
    tpu_topology: str | None = None
    driver: Literal["auto", "image", "operator"] = "auto"
    device_allocation: Literal["device_plugin", "dra"] = "device_plugin"
    node_image: str | None = None
    kubernetes_version: str | None = None

    @property
    def is_compact(self) -> bool:
        """Whether its nodes are to stand close together, in one zone."""
        return self.placement == "compact" or self.fabric != "none"

    @property
    def slice_nodes(self) -> int:
        """Over how many nodes a slice of its TPUs goes, 1 for anything else."""
        return slice_nodes(self.tpu_topology, self.gpus) if self.tpu_topology and self.gpus else 1

    @property
    def sharing_kind(self) -> SharingKind:
        """How devices are shared. `mig` divides every GPU into as many as fit of one profile, `mig_mixed` otherwise."""
        if self.sharing == "whole":
            return "whole"
        if self.sharing.mig is not None:
            return "mig" if self._is_uniform(self.sharing.mig) else "mig_mixed"
        return "time_slicing" if self.sharing.time_slicing else "mps"

    def _is_uniform(self, mig: str | Mapping[str, int]) -> bool:
        if isinstance(mig, str) or not self.accelerator:
            return True
        (first, count), *others = mig.items()
        profile = self.accelerator.mig_profiles.get(first)
        return not others and profile is not None and count == profile.most_per_gpu

    @property
    def sharing_path(self) -> str:
        """Where the pool says how devices are shared."""
        kind = self.sharing_kind
        return "sharing" if kind == "whole" else f"sharing.{'mig' if kind == 'mig_mixed' else kind}"

    @property
    def replicas(self) -> int:
        """Into how many shares each device is divided by time slicing or MPS, 1 for none."""
        way = None if self.sharing == "whole" else self.sharing.time_slicing or self.sharing.mps
        return way.replicas if way else 1

    def wants(self) -> list[tuple[str, Feature]]:
        """The features of the matrix that it needs, each with the path of what asks for it."""
        capacity: tuple[str, Feature] = ("capacity", capacity_kind(self.capacity))
        if not self.accelerator:
            return [capacity]
        found: list[tuple[str, Feature]] = [capacity, ("accelerator", "device_plugin")]
        if self.driver != "auto":
            found.append(("driver", "driver_operator" if self.driver == "operator" else "driver_image"))
        if self.device_allocation == "dra":
            found.append(("device_allocation", "dra"))
        if self.fabric != "none":
            found.append(("fabric", "rdma" if self.fabric == "rdma" else "gpudirect_tcp"))
        kind = self.sharing_kind
        return found if kind == "whole" else [*found, (self.sharing_path, kind)]
