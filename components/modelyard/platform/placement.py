"""What the values of agents have in common: on which nodes they run, and how often they are read."""

from collections.abc import Mapping, Sequence
from typing import Any

from modelyard.cluster.pools import Pool

Values = Mapping[str, Any]
EXPORTER_SECONDS = 30
"""How often the exporter reads its GPUs; who asks more often gets the same sample."""


def selectors(pools: Sequence[Pool]) -> list[dict[str, str]]:
    """What the nodes of each of the pools are found by."""
    return [dict(sorted(pool.node_selector.items())) for pool in pools]


def node_affinity(pools: Sequence[Pool]) -> Values:
    """Affinity to the nodes of any of the pools: what stands under `nodeAffinity`."""
    terms = [
        {"matchExpressions": [{"key": key, "operator": "In", "values": [value]} for key, value in selector.items()]}
        for selector in selectors(pools)
    ]
    return {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}


def tolerations(pools: Sequence[Pool]) -> list[dict[str, str]]:
    """Tolerations of all taints of the pools."""
    taints = sorted({(taint.key, taint.value, taint.effect) for pool in pools for taint in pool.taints})
    return [{"key": key, "operator": "Equal", "value": value, "effect": effect} for key, value, effect in taints]
