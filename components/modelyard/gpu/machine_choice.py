"""Which machine a pool's nodes are: the one that it names, or the smallest that fits what it says of them."""

import difflib
from collections.abc import Iterator
from dataclasses import dataclass

from modelyard.errors import Problem, show
from modelyard.gpu.accelerators import ACCELERATORS
from modelyard.gpu.fabric import FabricWord
from modelyard.gpu.machine_types import MachineType, machine_types, sizes, smallest


@dataclass(frozen=True, kw_only=True)
class MachineChoice:
    """What a pool says of its machines; the fields are those of `PoolSpec`.

    Attributes:
        fabric: the fast network that they must have.
    """

    accelerator: str | None
    gpus_per_node: int | None
    machine_type: str | None
    cpus: float | None
    memory_gib: float | None
    architecture: str | None
    rdma_devices: int | None
    fabric: FabricWord

    @property
    def _is_inline(self) -> bool:
        return self.cpus is not None and self.memory_gib is not None

    @property
    def _gpus(self) -> int:
        return (self.gpus_per_node or 1) if self.accelerator else 0

    def machine(self, cloud: str | None) -> MachineType | None:
        """The machine; None for one that the pool describes by itself, and where the cloud has none that fits.

        Args:
            cloud: whose machine. Without one, a pool with `cpus` and `memory_gib` needs none.
        """
        if self.machine_type:
            return machine_types().get(self.machine_type)
        if self._is_inline and not cloud and (self.rdma_devices or self.fabric == "none"):
            return None
        return self._smallest(cloud, self.fabric) or self._smallest(cloud)

    def _smallest(self, cloud: str | None, fabric: FabricWord = "none") -> MachineType | None:
        return smallest(
            self.accelerator,
            self._gpus,
            cloud,
            cpus=self.cpus or 0,
            memory_gib=self.memory_gib or 0,
            architecture=self.architecture,
            fabric=fabric,
        )

    def problems(self) -> Iterator[Problem]:
        """Why there is no such machine, on no cloud."""
        if self.gpus_per_node and not self.accelerator:
            fix = "add accelerator, or remove it"
            yield Problem(path="gpus_per_node", why="is given without an accelerator", fix=fix)
        if self.accelerator and self.accelerator not in ACCELERATORS:
            yield Problem(path="accelerator", why=f"{show(self.accelerator)} is unknown", fix=_known(self.accelerator))
        elif self.machine_type in machine_types():
            yield from self._named_problems(machine_types()[str(self.machine_type)])
        elif self.machine_type and not self._is_inline:
            fix = "give its cpus and memory_gib (and accelerator, gpus_per_node) beside it"
            yield Problem(path="machine_type", why=f"{show(self.machine_type)} is not in our table", fix=fix)
        elif self.machine_type and self.accelerator and not self.gpus_per_node:
            why = f"is missing, and {show(self.machine_type)} is not in our table"
            yield Problem(path="gpus_per_node", why=why, fix="say how many of it the machine has")
        elif self.rdma_devices and not self.machine_type:
            why = "is for a machine type that is not in our table"
            yield Problem(path="rdma_devices", why=why, fix="add machine_type, or leave it out")
        elif not self._is_inline and not self.accelerator:
            yield Problem(why="has no size", fix="give accelerator, machine_type, or cpus and memory_gib")
        elif not self._is_inline and self.accelerator and not self._smallest(None):
            yield self._no_machine(self.accelerator)

    def _no_machine(self, accelerator: str) -> Problem:
        known = ", ".join(str(size) for size in sizes(accelerator))
        if self._gpus in sizes(accelerator):
            why = f"no machine with {self._gpus} of {accelerator} is as large, or of that architecture"
            return Problem(why=why, fix="ask for less, or describe one by machine_type, cpus and memory_gib")
        fix = f"use {known}, or give cpus and memory_gib" if known else "give cpus and memory_gib"
        return Problem(path="gpus_per_node", why=f"no machine has {self._gpus} of {accelerator}", fix=fix)

    def _named_problems(self, machine: MachineType) -> Iterator[Problem]:
        if self.accelerator and self.accelerator != machine.accelerator:
            why = f"{machine.name} has {machine.accelerator or 'no accelerator'}, not {self.accelerator}"
            yield Problem(path="machine_type", why=why, fix="change machine_type or accelerator")
        elif self.gpus_per_node and self.gpus_per_node != machine.gpus:
            why = f"{machine.name} has {machine.gpus}, not {self.gpus_per_node}"
            yield Problem(path="gpus_per_node", why=why, fix="leave it out or choose another machine_type")
        if self.architecture and self.architecture != machine.architecture:
            why = f"{machine.name} is {machine.architecture}, not {self.architecture}"
            yield Problem(path="architecture", why=why, fix="leave it out or choose another machine_type")
        if self.rdma_devices and self.rdma_devices != machine.rdma_devices:
            why = f"{machine.name} has {machine.rdma_devices or 'none'}, not {self.rdma_devices}"
            yield Problem(path="rdma_devices", why=why, fix="leave it out")


def _known(accelerator: str) -> str:
    written = accelerator.lower()
    close = [written] if written in ACCELERATORS else [name for name in ACCELERATORS if name.startswith(written)]
    close = close or difflib.get_close_matches(written, ACCELERATORS, n=1)
    return f"did you mean {' or '.join(close)}?" if close else f"use one of {', '.join(sorted(ACCELERATORS))}"
