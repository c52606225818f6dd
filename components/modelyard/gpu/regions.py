"""Which regions of a cloud have which machine types with accelerators.

The table is `regions.csv` beside this file: a row for machine types that are in the same regions, with these; and for
each cloud rows without machine types, each with the regions of one part of the world, which are all that the sources
list. Who is asked about a region or a machine type that is not in it does not know, as both are new every few months.

Sources, and when they were made:

- AWS, 2026-08-01: answers of EC2's own DescribeInstanceTypeOfferings in every region, as moto keeps them,
  https://github.com/getmoto/moto/tree/master/moto/ec2/resources/instance_type_offerings/region. Regions of the
  government's and China's clouds are not in it, nor the first generation of P3, which is in none of them any more.
- Google Cloud, 2026-08-17: Compute Engine's own lists of machine types and, for GPUs that are attached to N1, of
  accelerators, https://github.com/Cyclenerd/google-cloud-pricing-cost-calculator/tree/master/tools. They have more
  than Google's pages of GPUs (https://cloud.google.com/compute/docs/gpus/gpu-regions-zones) and TPUs
  (https://cloud.google.com/tpu/docs/regions-zones): also what some projects alone are given.
- Azure, 2026-06-18: where sizes have a price, from Azure's price list,
  https://github.com/Azure/karpenter-provider-azure/blob/main/pkg/providers/pricing/zz_generated.pricing.go. A few of
  them can be had by a few subscriptions only.

So what is not in the table for a known region cannot be had there; what is may still need a quota, or be sold out.
"""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files


@dataclass(frozen=True, kw_only=True)
class CloudRegions:
    """What a cloud has where.

    Attributes:
        parts: all known regions by the part of the world that they are in.
        of_machine: the regions of each known machine type.
    """

    parts: Sequence[frozenset[str]]
    of_machine: Mapping[str, frozenset[str]]

    def lacks(self, region: str, machine_type: str) -> bool:
        """Whether the region is known not to have it. False where one of them is not known."""
        is_known = any(region in part for part in self.parts)
        return is_known and region not in self.of_machine.get(machine_type, {region})

    def nearest(self, region: str, machine_type: str) -> list[str]:
        """The regions that have it: first those in the same part of the world, and those with similar names."""

        def distance(other: str) -> tuple[bool, int, str]:
            is_far = not any({region, other} <= part for part in self.parts)
            return is_far, -_common_start(region, other), other

        return sorted(self.of_machine[machine_type], key=distance)


@cache
def regions_of(cloud: str) -> CloudRegions:
    """What a cloud has where.

    Args:
        cloud: `aws`, `azure` or `gcp`.
    """
    parts: list[frozenset[str]] = []
    of_machine: dict[str, frozenset[str]] = {}
    text = files("modelyard.gpu").joinpath("regions.csv").read_text(encoding="utf-8")
    for row in csv.DictReader(text.splitlines()):
        regions = frozenset(row["regions"].split())
        if row["cloud"] != cloud:
            continue
        if row["machine_types"]:
            of_machine |= dict.fromkeys(row["machine_types"].split(), regions)
        else:
            parts.append(regions)
    return CloudRegions(parts=parts, of_machine=of_machine)


def _common_start(one: str, other: str) -> int:
    return next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
