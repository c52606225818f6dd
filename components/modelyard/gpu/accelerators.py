"""The accelerators that a pool can have: memory per device, vendor and the resource name their device plugin serves.

Sources: AWS instance types as documented by Karpenter (https://karpenter.sh/docs/reference/instance-types/), Google's
cluster-toolkit (https://github.com/GoogleCloudPlatform/cluster-toolkit), Azure's size pages
(https://github.com/MicrosoftDocs/azure-compute-docs) and NVIDIA mig-parted (https://github.com/NVIDIA/mig-parted).
Memory is the marketed size; GB300, TPU v5p to v7x and Trainium2 sizes are the vendors' announcements.
"""

from dataclasses import dataclass

NVIDIA = "nvidia.com/gpu"
AMD = "amd.com/gpu"
NEURON = "aws.amazon.com/neuron"
TPU = "google.com/tpu"


@dataclass(frozen=True, kw_only=True)
class Accelerator:
    """One kind of device.

    Attributes:
        name: our name for it, as pools give it: `l4`, `h100`, `a100-80gb`.
        memory_gib: marketed memory of one device, GiB.
        resource: the extended resource that pods request: `nvidia.com/gpu`.
    """

    name: str
    memory_gib: int
    resource: str


def _table(resource: str, **memory_gib: int) -> dict[str, Accelerator]:
    names = {name.replace("_", "-"): memory for name, memory in memory_gib.items()}
    return {name: Accelerator(name=name, memory_gib=memory, resource=resource) for name, memory in names.items()}


ACCELERATORS: dict[str, Accelerator] = {
    **_table(
        NVIDIA,
        a10=24,
        a10g=24,
        a100_40gb=40,
        a100_80gb=80,
        b200=180,
        b300=288,
        gb200=186,
        gb300=288,
        h100=80,
        h100_nvl=94,
        h200=141,
        l4=24,
        l40s=48,
        rtx_pro_4500=32,
        rtx_pro_6000=96,
        t4=16,
        t4g=16,
        v100=16,
        v100_32gb=32,
    ),
    **_table(AMD, mi300x=192),
    **_table(NEURON, inferentia2=32, trainium1=32, trainium2=96),
    **_table(TPU, tpu_v5e=16, tpu_v5p=95, tpu_v6e=32, tpu_v7x=192),
}
"""Every accelerator by its name."""
