"""Where a pool's nodes stand on GKE, and how many there are, as plain values."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from modelyard.cluster.gke.nodes import gke_settings
from modelyard.cluster.pools import Pool
from modelyard.gpu.fabric import TCP_FABRICS

COMPACT_SERIES = (
    "a2",
    "a3",
    "a4",
    "a4x",
    "c2",
    "c2d",
    "c3",
    "c3d",
    "c4",
    "c4a",
    "c4d",
    "c4n",
    "g2",
    "h3",
    "h4d",
    "n2",
    "n2d",
    "z4d",
)
"""Series of machines that Google puts close together on request.
https://cloud.google.com/kubernetes-engine/docs/how-to/compact-placement, and for A3 Ultra and A4
https://github.com/GoogleCloudPlatform/cluster-toolkit/tree/main/modules/compute/gke-node-pool"""
MOST_COMPACT_NODES = 1500
"""https://cloud.google.com/kubernetes-engine/docs/how-to/compact-placement"""


@dataclass(frozen=True, kw_only=True)
class Placement:
    """That nodes stand close together.

    Attributes:
        tpu_topology: the arrangement of the TPU slice that they are.
    """

    tpu_topology: str | None = None


@dataclass(frozen=True, kw_only=True)
class Size:
    """How many nodes a pool has.

    Attributes:
        zones: where they are.
        first: with how many it begins in each of these zones: GKE knows no other way to say it.
        least: in all zones.
        most: in all zones.
        where: in which zone one is added: `ANY`, wherever there is one, reservations first, or evenly.
    """

    zones: tuple[str, ...]
    first: int
    least: int
    most: int
    where: Literal["ANY", "BALANCED"]


def placement(pool: Pool) -> Placement | None:
    """How a pool asks for places close together; None where it does not.

    Nodes that are one slice of TPUs always do, by the arrangement of its chips; those on TCP that come when there are
    some, only where the pool says so: flex-start has no close places for their machines.
    """
    topology, spec = gke_settings(pool).tpu_topology, pool.spec
    may_do_without = spec.fabric in TCP_FABRICS and spec.capacity in {"flex_start", "queued"}
    is_close = pool.needs_placement and (spec.placement == "compact" or not may_do_without)
    return Placement(tpu_topology=topology) if topology or is_close else None


def size_of(pool: Pool, zones: Sequence[str]) -> Size:
    """How many nodes a pool has, and where.

    Args:
        pool: the pool.
        zones: the cluster's.
    """
    least, most = pool.min_nodes, pool.max_nodes
    chosen = zones_of_pool(pool, zones)
    return Size(
        zones=chosen,
        first=-(-least // len(chosen)),
        least=least,
        most=most,
        where="ANY" if pool.accelerator or pool.spec.capacity != "on_demand" else "BALANCED",
    )


def zones_of_pool(pool: Pool, zones: Sequence[str]) -> tuple[str, ...]:
    """The zones that its nodes are in, of those that the cluster has.

    A pool without zones of its own is in all of them, but in the first where its nodes stand close together. GKE begins
    a pool with as many nodes in each zone, and the autoscaler does not start the least that there shall be: so a pool
    that has nodes from the start is in no more zones than gives it at most `max_nodes`, and, as those with accelerators
    are too expensive to start one too many, exactly `min_nodes` of these.
    """
    if pool.spec.zones:
        return tuple(pool.spec.zones)
    if pool.spec.is_compact or gke_settings(pool).tpu_topology:
        return tuple(zones[:1])
    bound = pool.min_nodes if pool.accelerator else pool.max_nodes
    fitting = (count for count in range(len(zones), 0, -1) if begins_with(pool.min_nodes, count) <= bound)
    return tuple(zones[: next(fitting)]) if pool.min_nodes else tuple(zones)


def begins_with(least: int, zones: int) -> int:
    """With how many nodes a pool begins that is in so many zones and has so many at least."""
    return -(-least // zones) * zones
