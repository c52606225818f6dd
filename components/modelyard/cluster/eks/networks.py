"""How a VPC is cut into subnets."""

from collections.abc import Sequence
from dataclasses import dataclass

from modelyard.cluster.networks import cidr_of

_PRIVATE_BITS, _PUBLIC_BITS = 3, 6
"""A private subnet is an eighth of the VPC, a public one a 64th; the last eighth is cut into the public ones."""


@dataclass(frozen=True, kw_only=True)
class ZoneSubnets:
    """The ranges of one zone's subnets."""

    zone: str
    private_cidr: str
    public_cidr: str


def cut(cidr: str, zones: Sequence[str]) -> list[ZoneSubnets]:
    """The subnets of a VPC. A zone's ranges depend on its place in the list only, so more zones renumber none."""
    network = cidr_of(cidr)
    eighths = list(network.subnets(prefixlen_diff=_PRIVATE_BITS))
    public = list(eighths[-1].subnets(new_prefix=network.prefixlen + _PUBLIC_BITS))
    return [
        ZoneSubnets(zone=zone, private_cidr=str(eighths[index]), public_cidr=str(public[index]))
        for index, zone in enumerate(zones)
    ]
