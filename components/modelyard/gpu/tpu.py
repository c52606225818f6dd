"""How the chips of TPUs are arranged, and over how many nodes.

A slice is a group of chips that are connected with each other. One of more chips than a machine has spans nodes, which
GKE makes and removes all together. Sources: https://cloud.google.com/kubernetes-engine/docs/concepts/plan-tpus,
https://cloud.google.com/tpu/docs/v5e, https://cloud.google.com/tpu/docs/v5p, https://cloud.google.com/tpu/docs/v6e.
"""

import math
from collections.abc import Iterator

from modelyard.errors import Problem

_FLAT = ("tpu-v5e", "tpu-v6e")
"""Their chips are arranged in a plane, all others in space."""
_ONE_NODE_FLAT = {1: "1x1", 4: "2x2", 8: "2x4"}
_ONE_NODE = {4: "2x2x1"}
_FLAT_OVER_NODES = ("2x4", "4x4", "4x8", "8x8", "8x16", "16x16")
_CHIPS_OVER_NODES = 4
"""Chips of the machines that slices over several nodes are of."""
_OF_POLICY = ("tpu-v7x",)
"""Those whose slices over several nodes GKE only makes by a workload policy of one's own."""


def topology_of_node(accelerator: str, chips: int) -> str | None:
    """How the chips of one machine are arranged; None where no machine has so many.

    Args:
        accelerator: the kind of TPU.
        chips: of the machine.
    """
    return (_ONE_NODE_FLAT if accelerator in _FLAT else _ONE_NODE).get(chips)


def slice_nodes(topology: str, chips: int) -> int:
    """Over how many machines with so many chips a slice goes."""
    return max(math.prod(_sides(topology)) // chips, 1)


def topology_problems(accelerator: str, chips: int, topology: str, *, least: int, most: int) -> Iterator[Problem]:
    """Why a pool of machines with so many chips cannot be a slice of that arrangement; paths are the pool's.

    Args:
        accelerator: the kind of TPU.
        chips: of one machine.
        topology: the arrangement, as the pool says.
        least: the fewest nodes of the pool.
        most: the most nodes.
    """
    if topology == topology_of_node(accelerator, chips):
        return
    if not _is_over_nodes(accelerator, topology):
        known = ", ".join(_FLAT_OVER_NODES) if accelerator in _FLAT else "2x2x2, 2x2x4, 2x4x4, 4x4x4 and so on"
        own = topology_of_node(accelerator, chips)
        fix = f"use {own} for slices of one machine, or {known}" if own else f"use one of {known}"
        yield Problem(path="tpu_topology", why=f"{accelerator} has no slices of {topology}", fix=fix)
    elif chips != _CHIPS_OVER_NODES:
        why = f"slices of {topology} are of machines with {_CHIPS_OVER_NODES} chips, not {chips}"
        yield Problem(path="gpus_per_node", why=why, fix=f"use {_CHIPS_OVER_NODES}, or leave tpu_topology out")
    elif accelerator in _OF_POLICY:
        why = f"slices of {accelerator} over several nodes need a workload policy, which modelyard does not make"
        yield Problem(path="tpu_topology", why=why, fix=f"use {topology_of_node(accelerator, chips)}, or tpu-v5p")
    else:
        yield from _node_problems(topology, slice_nodes(topology, chips), least, most)


def _node_problems(topology: str, nodes: int, least: int, most: int) -> Iterator[Problem]:
    if most != nodes:
        why = f"a slice of {topology} has {nodes} nodes, which come all together, not {most}"
        yield Problem(path="max_nodes", why=why, fix=f"use {nodes}")
    if least not in {0, nodes}:
        why = f"a slice of {topology} has all its {nodes} nodes or none, not {least}"
        yield Problem(path="min_nodes", why=why, fix=f"use 0 or {nodes}")


def _is_over_nodes(accelerator: str, topology: str) -> bool:
    if accelerator in _FLAT:
        return topology in _FLAT_OVER_NODES
    sides = _sides(topology)
    in_steps = all(side == 2 or side % 4 == 0 for side in sides)
    return len(sides) == 3 and sides == sorted(sides) and in_steps


def _sides(topology: str) -> list[int]:
    return [int(side) for side in topology.split("x")]
