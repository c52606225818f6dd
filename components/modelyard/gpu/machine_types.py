"""The machine types that clouds offer for accelerators, and the common ones without.

The table is `machine_types.csv` beside this file: vCPUs and memory in GiB (as the clouds publish them), whole
accelerators only; local NVMe in GiB; network as the baseline in Gbit/s; devices of the fast network as kind and
number; what GKE calls its accelerator; the quota that counts it. An empty cell is not known. Google's N1 machines have
no GPUs of their own: in the table each of its shapes stands for one number of one kind of GPU, and any other is
described inline. Columns named in a row's `unsourced` are common knowledge that no source was read for. Sources:
Karpenter's instance type pages for AWS (https://karpenter.sh/docs/reference/instance-types/), Google's cluster-toolkit
and pricing calculators for Google Cloud, the size pages of Azure, quota codes as SkyPilot lists them
(https://github.com/skypilot-org/skypilot-catalog). A machine type that is newer than the table is described inline in
a pool, by its `cpus`, `memory_gib`, `accelerator`, `gpus_per_node`, `architecture` and `rdma_devices`.
"""

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Literal, cast

from modelyard.gpu.fabric import FABRIC_OF_CLOUD, FABRICS, SIMULATED_FABRIC, FabricWord

Architecture = Literal["amd64", "arm64"]
_QUOTA_UNITS = {"aws": "vCPU", "azure": "vCPU", "gcp": "GPU"}


@dataclass(frozen=True, kw_only=True)
class MachineType:
    """One machine type of one cloud.

    Attributes:
        accelerator: None for one without.
        gpus: its accelerators, 0 for one without.
        local_nvme_gib: NVMe disks that come with it, GiB; None where not known.
        network_gbps: its network without bursts, Gbit/s; None where not known.
        fabric_kind: the kind of its fast network, `efa`; empty for one without.
        fabric_count: devices of it, 0 where there are none of a kind that modelyard sets up.
        gke_accelerator: what GKE calls its GPUs, `nvidia-h100-80gb`; empty elsewhere, and for TPUs.
        quota: the quota that counts it, as the cloud names it; empty where not known.
        quota_spot: the one that counts it as spot.
        unsourced: names of the fields above that no source was read for.
    """

    cloud: str
    name: str
    vcpus: int
    memory_gib: float
    accelerator: str | None
    gpus: int
    architecture: Architecture
    local_nvme_gib: int | None
    network_gbps: float | None
    fabric_kind: str
    fabric_count: int
    gke_accelerator: str
    quota: str
    quota_spot: str
    unsourced: frozenset[str]

    @property
    def fabric(self) -> FabricWord:
        """What a pool asks for its fast network by; `none` where there is none that modelyard sets up."""
        return FABRICS[self.fabric_kind].word if self.fabric_count else "none"

    @property
    def rdma_devices(self) -> int:
        """Devices of its RDMA network, 0 for none."""
        return self.devices_of("rdma")

    def devices_of(self, fabric: FabricWord) -> int:
        """Devices of a fast network that is asked for so; 0 where it has none, or another."""
        return self.fabric_count if fabric == self.fabric else 0

    @property
    def quota_unit(self) -> str:
        """What its quota counts: vCPUs, or GPUs."""
        return _QUOTA_UNITS[self.cloud]


def _machine_type(row: Mapping[str, str]) -> MachineType:
    kind, _, count = row["fabric"].partition(":")
    return MachineType(
        cloud=row["cloud"],
        name=row["machine_type"],
        vcpus=int(row["vcpus"]),
        memory_gib=float(row["memory_gib"]),
        accelerator=row["accelerator"] or None,
        gpus=int(row["gpus"]),
        architecture=cast("Architecture", row["architecture"]),
        local_nvme_gib=int(row["local_nvme_gib"]) if row["local_nvme_gib"] else None,
        network_gbps=float(row["network_gbps"]) if row["network_gbps"] else None,
        fabric_kind=kind,
        fabric_count=int(count) if kind in FABRICS else 0,
        gke_accelerator=row["gke_accelerator"],
        quota=row["quota"],
        quota_spot=row["quota_spot"],
        unsourced=frozenset(row["unsourced"].split()),
    )


@cache
def machine_types() -> dict[str, MachineType]:
    """Every machine type by its name."""
    text = files("modelyard.gpu").joinpath("machine_types.csv").read_text(encoding="utf-8")
    return {row["machine_type"]: _machine_type(row) for row in csv.DictReader(text.splitlines())}


def _of(cloud: str | None) -> Iterator[MachineType]:
    return (each for each in machine_types().values() if cloud in {None, each.cloud})


def sizes(accelerator: str, cloud: str | None = None) -> list[int]:
    """How many of an accelerator a single machine can have, ascending; without a cloud over all of them."""
    return sorted({each.gpus for each in _of(cloud) if each.accelerator == accelerator})


def offered(cloud: str) -> list[str]:
    """The accelerators that a cloud's machines have."""
    return sorted({each.accelerator for each in _of(cloud) if each.accelerator})


def smallest(
    accelerator: str | None,
    gpus: int,
    cloud: str | None = None,
    *,
    cpus: float = 0,
    memory_gib: float = 0,
    architecture: str | None = None,
    fabric: FabricWord = "none",
) -> MachineType | None:
    """The machine with the fewest vCPUs, then the least memory, that has exactly these devices; None where none has.
    Of any cloud's, one with the fabric that simulated nodes have goes before others.

    Args:
        accelerator: None for a machine without, `gpus` is 0 then.
        gpus: devices of one machine.
        cloud: whose machine; without one, of any cloud.
        cpus: vCPUs that it must have at least.
        memory_gib: GiB of memory that it must have at least.
        architecture: of its processor. Left out: any with accelerators, amd64 without, for which most images are built.
        fabric: the fast network that it must have.
    """
    architecture = architecture or (None if accelerator else "amd64")
    fitting = [
        each
        for each in _of(cloud)
        if (each.accelerator, each.gpus) == (accelerator, gpus)
        and each.vcpus >= cpus
        and each.memory_gib >= memory_gib
        and architecture in {None, each.architecture}
        and fabric in ("none", each.fabric)
    ]
    is_other = fabric == "rdma" and not cloud
    return min(
        fitting,
        key=lambda each: (
            is_other and FABRIC_OF_CLOUD[each.cloud] != SIMULATED_FABRIC,
            each.vcpus,
            each.memory_gib,
            each.name,
        ),
        default=None,
    )
